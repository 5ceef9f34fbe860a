"""What every model of this folder serves with that has a vector per user: a profile times item vectors.

`score(u, j) = ⟨own_u + |H(u)|^-p · gate_u ⊙ Σ_{i∈H(u)} past_i, target_j⟩`, summed over distinct items. A
user whom training did not see has no own vector and the mean gate: that folds a new shopper in. Where the
encoder is linear in a shopper's edges, this is its very output for a trained user. So a share per past item
is exact; the user's own vector is the share of kind `latent`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gnn.history import FloatCsr, history_matrix
from gnn.item_item.past import past_item_shares
from gnn.linear.parts import checked_text_vectors
from gnn.tensors import read_tensors, write_tensors
from gnn.training.config import TrainingConfig
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import (
    Exactness,
    FloatMatrix,
    FloatVector,
    GraphSnapshot,
    Heldout,
    Histories,
    IntVector,
    Share,
)

OWN = "user"
"""Name of the share of a user's own vector."""


@dataclass(frozen=True, eq=False)
class ProfileState:
    """All that scoring needs.

    Attributes:
        own: each user's own vector, shape (n_users, dim).
        past: what a past item adds to a profile, shape (n_items, dim).
        target: an item as it is ranked, shape (n_items, dim).
        gates: factors of the past of each user, the last row of any other's, shape (n_users + 1, dim);
            None: 1.
        history_power: p; the past is divided by its number of distinct items to this power.
    """

    own: FloatMatrix
    past: FloatMatrix
    target: FloatMatrix
    history_power: float
    gates: FloatMatrix | None = None

    def weights(self, histories: Histories) -> FloatCsr:
        """|H|^-p of each distinct past item, shape (len(histories), n_items)."""
        n_types = int(histories.type_code.max(initial=0)) + 1
        alike = np.tile(np.array([1, 0], np.float32), (n_types, 1))
        weights = history_matrix(histories, len(self.past), alike)
        lengths = np.diff(weights.indptr)
        scale = np.maximum(lengths, 1).astype(np.float32) ** -self.history_power
        weights.data *= np.repeat(scale, lengths)
        return weights

    def own_rows(self, histories: Histories) -> FloatMatrix:
        """The own vectors of the batch; 0 for users not trained and for empty histories."""
        rows = np.zeros((len(histories), self.past.shape[1]), np.float32)
        if histories.user_idx is not None:
            known = (histories.user_idx >= 0) & (np.diff(histories.indptr) > 0)
            rows[known] = self.own[histories.user_idx[known]]
        return rows

    def gate_rows(self, histories: Histories) -> FloatMatrix | None:
        """The gates of the batch, None where all are 1."""
        if self.gates is None:
            return None
        if histories.user_idx is None:
            return np.tile(self.gates[-1], (len(histories), 1))
        rows: FloatMatrix = self.gates[histories.user_idx]  # -1: the last row
        return rows

    def profiles(self, histories: Histories) -> FloatMatrix:
        """The shoppers' vectors, shape (len(histories), dim)."""
        past: FloatMatrix = self.weights(histories) @ self.past
        gates = self.gate_rows(histories)
        profiles: FloatMatrix = self.own_rows(histories) + (past if gates is None else past * gates)
        return profiles

    def score(self, histories: Histories) -> FloatMatrix:
        """Scores of all items, shape (len(histories), n_items)."""
        scores: FloatMatrix = self.profiles(histories) @ self.target.T
        return scores


class ProfileModel(ABC):
    """A Recommender over a `ProfileState`; a model says how it is learned.

    With `validation`, training stops early on NDCG@10 over it and keeps the best epoch's parameters;
    `best_epoch` then says how long a fit on all data should last.
    """

    name: str
    exactness = Exactness.PAST_ITEM
    config_type: ClassVar[type[TrainingConfig]]
    file_name: ClassVar[str]

    def __init__(
        self,
        config: TrainingConfig | None = None,
        *,
        validation: Heldout | None = None,
        on_epoch: Callable[[Any], None] = lambda _: None,
        log_dir: Path | None = None,
    ) -> None:
        self.config = config or self.config_type()
        self.best_epoch = 0
        self._validation, self._on_epoch, self._log_dir = validation, on_epoch, log_dir

    def fit(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> None:
        """Learn from the snapshot.

        Raises:
            ValueError: the text vectors are not finite.
            BadSettings: CUDA is asked for and absent, or memory did not suffice.
            DependencyMissing: torch or torch-geometric is not installed.
        """
        checked_text_vectors(snapshot)
        self.state, self.best_epoch = self._learn(snapshot, rng)

    @abstractmethod
    def _learn(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> tuple[ProfileState, int]:
        """(what was learned, best epoch)."""

    @property
    def item_vectors(self) -> FloatMatrix:
        """The items as they are ranked, shape (n_items, dim)."""
        return self.state.target

    def profiles(self, histories: Histories) -> FloatMatrix:
        """The shoppers' vectors, shape (len(histories), dim); times `item_vectors` they are the scores."""
        return self.state.profiles(histories)

    def score(self, histories: Histories) -> FloatMatrix:
        """Scores of all items, shape (len(histories), n_items); 0 for an empty history."""
        return self.state.score(histories)

    def score_items(self, history: Histories, item_idx: IntVector) -> FloatVector:
        """Scores of some items for one history, shape (len(item_idx),)."""
        scores: FloatVector = self.state.target[item_idx] @ self.state.profiles(history)[0]
        return scores

    def shares(self, history: Histories, item_idx: int) -> Sequence[Share]:
        """The user's own share, if there is one, then one for each past item, largest first."""
        return self.shares_of_items(history, np.array([item_idx], np.int32))[0]

    def shares_of_items(
        self, history: Histories, item_idx: IntVector, top: int | None = None
    ) -> list[list[Share]]:
        """The `shares` of several items, a list for each; with `top` only so many past items each."""
        state = self.state
        weights, gates = state.weights(history), state.gate_rows(history)
        added = state.past[weights.indices] * weights.data[:, None]
        added = added if gates is None else added * gates
        values: FloatMatrix = added.astype(np.float32, copy=False) @ state.target[item_idx].T
        own = state.target[item_idx] @ state.own_rows(history)[0]
        past = past_item_shares(weights.indices, values, top)
        return [
            ([Share("latent", mine, name=OWN)] if mine else []) + shares
            for mine, shares in zip(own.tolist(), past, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Write one safetensors file into an existing folder."""
        state = self.state
        tensors: dict[str, NDArray[Any]] = {"own": state.own, "past": state.past, "target": state.target}
        tensors["history_power"] = np.array(state.history_power)
        tensors["best_epoch"] = np.array(self.best_epoch)
        if state.gates is not None:
            tensors["gates"] = state.gates
        write_tensors(folder / self.file_name, tensors, self.config.model_dump_json())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing or not readable.
        """
        path = folder / cls.file_name
        tensors, config = read_tensors(path)
        try:
            model = cls(cls.config_type.model_validate_json(config))
            model.state = ProfileState(
                tensors["own"],
                tensors["past"],
                tensors["target"],
                tensors["history_power"].item(),
                tensors.get("gates"),
            )
            model.best_epoch = tensors["best_epoch"].item()
        except (KeyError, ValueError) as exc:
            raise ArtefactDamaged(f"{path}: not a {cls.__name__} ({exc}); train again") from exc
        return model
