"""A head that predicts stars: biases in closed form, and what a graph model adds to them.

R. Bell, Y. Koren, "Scalable Collaborative Filtering with Jointly Derived Neighborhood Interpolation Weights"
(ICDM 2007), section 3: `r̂_ui = μ + b_u + b_i + w·g_ui`, with the biases shrunk to 0 where ratings are few,
`b_i = Σ_u (r_ui − μ − b_u − w·g_ui) / (λ_i + |R_i|)`, and likewise b_u. Departures: the biases are solved by
turns, each time the ridge regression's exact answer, not once one after the other; g is the
standardised score of a graph model, and w the least-squares slope of what the biases leave over.

r̂ is an expected value: it keeps squared errors small. What keeps absolute errors small is the median, a whole
star most of the time; `predict_median` steps from star to star where r̂ crosses learned cuts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from gnn.tensors import read_tensors, write_tensors
from shopgraph.types import FloatVector, GraphSnapshot, Histories, IntVector, Recommender, iter_batches

_FILE = "ratings.safetensors"
_RATE = "rate"
_LEAST_STARS, _MOST_STARS = 1.0, 5.0
_ROUNDS = 20
_EVERY = 5
"""One rating of so many is held back while the cuts are learned."""
_USERS_AT_ONCE = 256


class RatingConfig(BaseModel):
    """How far the biases are trusted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user_l2: float = Field(default=20.0, ge=0)
    """Ratings of μ that each shopper's bias is mixed with."""
    item_l2: float = Field(default=10.0, ge=0)
    """Ratings of μ that each item's bias is mixed with."""
    use_graph: bool = True
    """Whether the graph model's score counts; without it only the biases do."""


@dataclass(frozen=True, eq=False)
class Ratings:
    """Who gave what how many stars; all arrays shape (n_ratings,). `user_idx` is -1 for a stranger."""

    user_idx: IntVector
    item_idx: IntVector
    stars: FloatVector

    def __len__(self) -> int:
        return len(self.stars)

    def take(self, rows: NDArray[np.bool_]) -> "Ratings":
        """The ratings of some rows."""
        return Ratings(self.user_idx[rows], self.item_idx[rows], self.stars[rows])


def ratings_of(snapshot: GraphSnapshot) -> Ratings:
    """The `rate` events of a snapshot, in its order."""
    x = snapshot.interactions
    rated = np.array([event.name == _RATE for event in snapshot.event_types], np.bool_)[x.type_code]
    return Ratings(x.user_idx[rated], x.item_idx[rated], x.value[rated])


def graph_signal(
    model: Recommender, histories: Histories, user_idx: IntVector, item_idx: IntVector
) -> FloatVector:
    """The model's score of each (user, item) pair, shape (n_pairs,).

    Args:
        model: fitted; it should leave the item itself out of the history, as all of ours do.
        histories: row = user_idx.
        user_idx: who rates.
        item_idx: what.
    """
    signal = np.zeros(len(user_idx), np.float32)
    users, row_of = np.unique(user_idx, return_inverse=True)
    order = np.argsort(row_of, kind="stable")
    for batch in iter_batches(len(users), _USERS_AT_ONCE):
        start, stop = np.searchsorted(row_of[order], [batch.start, batch.stop])
        mine = order[start:stop]
        scores = model.score(histories.take(users[batch]))
        signal[mine] = scores[row_of[mine] - batch.start, item_idx[mine]]
    return signal


class RatingHead:
    """Predicts stars of (user, item) pairs, given a graph model's score of each."""

    def __init__(self, config: RatingConfig | None = None) -> None:
        self.config = config or RatingConfig()
        self.mean = 0.0
        self.weight = 0.0
        self.user_bias: FloatVector = np.zeros(0, np.float32)
        self.item_bias: FloatVector = np.zeros(0, np.float32)
        self.levels: FloatVector = np.zeros(1, np.float32)
        self.cuts: FloatVector = np.zeros(0, np.float32)
        self._signal_mean, self._signal_spread = 0.0, 1.0

    def fit(self, ratings: Ratings, signal: FloatVector, n_users: int, n_items: int) -> None:
        """Learn the cuts on every fifth rating, from biases of the others; then the biases and w from all.

        Args:
            ratings: of the training data alone, at least one.
            signal: the graph model's score of each rating's pair, shape (n_ratings,).
            n_users: length of `user_bias`.
            n_items: length of `item_bias`.

        Raises:
            ValueError: there is no rating.
        """
        if not len(ratings):
            raise ValueError("there is no rating to learn from; ingest `rate` events first")
        self._signal_mean, self._signal_spread = float(signal.mean()), float(signal.std()) or 1.0
        back = np.arange(len(ratings)) % _EVERY == _EVERY - 1
        if back.any():
            self._solve(ratings.take(~back), signal[~back], n_users, n_items)
            asked = ratings.take(back)
            predicted = self.predict(asked.user_idx, asked.item_idx, signal[back])
            self.levels = np.unique(ratings.stars)
            self.cuts = _cuts(predicted, asked.stars, self.levels)
        else:
            self.levels, self.cuts = np.median(ratings.stars, keepdims=True), np.zeros(0, np.float32)
        self._solve(ratings, signal, n_users, n_items)

    def predict(self, user_idx: IntVector, item_idx: IntVector, signal: FloatVector) -> FloatVector:
        """Expected stars of each pair in [1, 5], shape (n_pairs,); a user_idx of -1 has no bias."""
        own = np.where(user_idx >= 0, np.append(self.user_bias, np.float32(0))[user_idx], 0)
        stars = self.mean + own + self.item_bias[item_idx] + self.weight * self._standard(signal)
        return np.clip(stars, _LEAST_STARS, _MOST_STARS).astype(np.float32)

    def predict_median(self, user_idx: IntVector, item_idx: IntVector, signal: FloatVector) -> FloatVector:
        """The median of each pair's stars, one of the values that were given; shape (n_pairs,)."""
        return self.levels[np.searchsorted(self.cuts, self.predict(user_idx, item_idx, signal))]

    def save(self, folder: Path) -> None:
        """Write `ratings.safetensors` into an existing folder."""
        scalars = [self.mean, self.weight, self._signal_mean, self._signal_spread]
        tensors: dict[str, NDArray[Any]] = {
            "user_bias": self.user_bias,
            "item_bias": self.item_bias,
            "levels": self.levels,
            "cuts": self.cuts,
            "scalars": np.array(scalars, np.float64),
        }
        write_tensors(folder / _FILE, tensors, self.config.model_dump_json())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The head that `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing or not readable.
        """
        tensors, config = read_tensors(folder / _FILE)
        head = cls(RatingConfig.model_validate_json(config))
        head.user_bias, head.item_bias = tensors["user_bias"], tensors["item_bias"]
        head.levels, head.cuts = tensors["levels"], tensors["cuts"]
        head.mean, head.weight, head._signal_mean, head._signal_spread = tensors["scalars"].tolist()
        return head

    def _solve(self, ratings: Ratings, signal: FloatVector, n_users: int, n_items: int) -> None:
        """μ, the biases and w by turns."""
        self.mean = float(ratings.stars.mean())
        g = self._standard(signal)
        by_user = _Shrunk(ratings.user_idx, n_users, self.config.user_l2)
        by_item = _Shrunk(ratings.item_idx, n_items, self.config.item_l2)
        user_bias, item_bias, weight = np.zeros(n_users), np.zeros(n_items), 0.0
        for _ in range(_ROUNDS):
            left = ratings.stars - self.mean - weight * g
            user_bias = by_user.means(left - item_bias[ratings.item_idx])
            item_bias = by_item.means(left - user_bias[ratings.user_idx])
            if self.config.use_graph:
                rest = left + weight * g - user_bias[ratings.user_idx] - item_bias[ratings.item_idx]
                weight = float(g @ rest / max(float(g @ g), 1e-12))
        self.user_bias, self.item_bias = user_bias.astype(np.float32), item_bias.astype(np.float32)
        self.weight = weight

    def _standard(self, signal: FloatVector) -> NDArray[np.float64]:
        """`signal` with mean 0 and spread 1 over the training ratings."""
        standard: NDArray[np.float64] = (signal.astype(np.float64) - self._signal_mean) / self._signal_spread
        return standard


class _Shrunk:
    """Means of groups, shrunk to 0 by `l2` ratings of 0."""

    def __init__(self, group: IntVector, n_groups: int, l2: float) -> None:
        self._group, self._n_groups = group, n_groups
        # an empty group without l2 has sum 0: any divisor will do
        self._divisor = np.maximum(np.bincount(group, minlength=n_groups) + l2, 1e-12)

    def means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.bincount(self._group, values, minlength=self._n_groups)
        means: NDArray[np.float64] = sums / self._divisor
        return means


def _cuts(predicted: FloatVector, stars: FloatVector, levels: FloatVector) -> FloatVector:
    """Where to step from each level to the next, so that the sum of absolute errors is least.

    |a - b| is the sum of the steps between a and b, so each cut is best by itself; the first of the best
    cuts rise with their levels.
    """
    order = np.argsort(predicted, kind="stable")
    ordered = predicted[order]
    ends = np.concatenate([[-np.inf], (ordered[:-1] + ordered[1:]) / 2, [np.inf]])
    possible = np.concatenate([[True], ordered[:-1] < ordered[1:], [True]])
    cuts = []
    for level in levels[1:]:
        above = stars[order] >= level
        # a cut at place n calls the n lowest predictions below the level, the others at it or above
        wrong = np.concatenate([[0], np.cumsum(above)]) + np.concatenate([np.cumsum(~above[::-1])[::-1], [0]])
        cuts.append(ends[np.argmin(np.where(possible, wrong, len(wrong)))])
    return np.array(cuts, np.float32)
