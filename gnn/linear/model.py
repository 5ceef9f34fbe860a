r"""The linear, inductive, relation-aware graph model, whose score is a sum of graph paths and a rest.

`z_j = c_j · (own + P·t_j + Σ_r w_r · mean of z_e over the neighbours e by relation r)` and
`score(u, j) = n_u · Σ_{i∈H(u)\j} a_i · ⟨z_i, z_j − z̄⟩`, with `a_i` = event-type weight × recency × gate(z_i);
`c_j` is the length of what stands in the brackets to the power -q, kept as a constant.
z̄ is the mean item, a stored constant: it moves a shopper's scores all alike, so that they say how much
nearer than the average item j is, and the rest that no path explains is not swollen by what all share.
An item that nobody met is no negative, and its own vector is borrowed (docs/decisions/cold-items.md).
Training is torch and PyG (`gnn.linear.training`); all else, serving included, is numpy.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gnn.history import FloatCsr, OfLast, history_matrix, type_weight_vector
from gnn.linear.config import LinearKGConfig
from gnn.linear.file import LinearState, read_linear, write_linear
from gnn.linear.parts import (
    TEXT,
    checked_text_vectors,
    history_norms,
    item_components,
    sum_components,
    with_borrowed_vectors,
)
from gnn.linear.paths import MeetingRoutes, meeting_routes, path_of, routes_of
from gnn.linear.vectors import ItemVectors
from gnn.linear.walks import relation_graph
from gnn.linear.warm import node_ids, warm_parameters
from shopgraph.errors import DependencyMissing
from shopgraph.types import (
    ITEM,
    Exactness,
    FloatMatrix,
    FloatVector,
    GraphSnapshot,
    Heldout,
    Histories,
    IntVector,
    NodeRef,
    Share,
)

if TYPE_CHECKING:
    from gnn.training.board import EpochReport

__all__ = ["LinearKG", "LinearKGConfig"]


class LinearKG:
    """The `graph` part.

    With `validation`, training stops early on NDCG@10 over it and keeps the best epoch's parameters;
    `best_epoch` then says how long a fit on all data should last. With `start`, an earlier model, training
    goes on from its parameters: nodes are known again by id, new ones start from the mean of the known.
    """

    name = "graph"
    exactness = Exactness.PATH

    def __init__(
        self,
        config: LinearKGConfig | None = None,
        *,
        start: "LinearKG | None" = None,
        validation: Heldout | None = None,
        on_epoch: "Callable[[EpochReport], None]" = lambda _: None,
        log_dir: Path | None = None,
    ) -> None:
        self.config = config or LinearKGConfig()
        self.best_epoch = 0
        self._start = start
        self._weights_of_last = OfLast(self._weigh)
        self._validation, self._on_epoch, self._log_dir = validation, on_epoch, log_dir

    def fit(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> None:
        """Learn from the snapshot's interactions, relations and, if it has them, text vectors.

        Raises:
            ValueError: the text vectors are not finite, or `type_weights` or `tasks` name an unknown event.
            BadSettings: CUDA is asked for and absent, memory did not suffice, the loss is no number, or
                `start` has vectors of another length.
            DependencyMissing: torch or torch-geometric is not installed.
        """
        training = _training_module()
        text_vectors = checked_text_vectors(snapshot)
        type_weights = type_weight_vector(snapshot.event_types, self.config.type_weights)
        graph = relation_graph(snapshot, self.config.min_degree)
        ids = node_ids(snapshot, graph)
        data = training.TrainingData(
            snapshot.histories, type_weights, graph, text_vectors, snapshot.event_types
        )
        parameters, fitted = training.train(
            data,
            self.config,
            rng,
            self._validation,
            self._on_epoch,
            self._log_dir,
            None if self._start is None else partial(warm_parameters, graph, ids, self._start.state),
        )
        parameters = with_borrowed_vectors(
            parameters, graph, text_vectors, data.met, self.config.borrowed_share
        )
        components, constants = item_components(parameters, graph, text_vectors, self.config.norm_power)
        state = LinearState(
            self.config, parameters, graph, ids, components, constants, type_weights, fitted.best_epoch
        )
        self._adopt(state)

    @property
    def components(self) -> Mapping[str, FloatMatrix]:
        """m_c of `own`, `text` and each relation, shape (n_items, dim) each; they sum to the item vectors."""
        return self.state.components

    @property
    def item_vectors(self) -> FloatMatrix:
        """z, shape (n_items, dim)."""
        return self.vectors.matrix

    def profiles(self, histories: Histories) -> FloatMatrix:
        """n_u · Σ a_i · z_i, shape (n, dim); times `z_j − z̄` it is the score of an item j not in the past."""
        return self.vectors.profiles(self._weights(histories))

    def score(self, histories: Histories) -> FloatMatrix:
        """Scores of all items, shape (len(histories), n_items); an item of the history leaves itself out."""
        weights = self._weights(histories)
        scores = self.vectors.scores(self.vectors.profiles(weights))
        owners = np.repeat(np.arange(weights.shape[0]), np.diff(weights.indptr))
        past, itself = self.vectors.rows(weights.indices), self.vectors.centred(weights.indices)
        scores[owners, weights.indices] -= weights.data * np.einsum("nd,nd->n", past, itself)
        return scores

    def score_items(self, history: Histories, item_idx: IntVector) -> FloatVector:
        """Scores of some items for one history, shape (len(item_idx),)."""
        weights = self._weights(history)
        scores: FloatVector = self.vectors.centred(item_idx) @ self.vectors.profiles(weights)[0]
        place = np.full(len(self.vectors), -1)
        place[weights.indices] = np.arange(weights.nnz)
        met = np.flatnonzero(place[item_idx] >= 0)
        own = item_idx[met]
        itself = np.einsum("nd,nd->n", self.vectors.rows(own), self.vectors.centred(own))
        scores[met] -= weights.data[place[own]] * itself
        return scores

    def shares(self, history: Histories, item_idx: int) -> Sequence[Share]:
        """One share per graph path from a past item, then the `latent` shares of each past item.

        Largest first within each kind. The latent share named `text` is what the two items' texts have in
        common; the other is the rest. An edge between the two items is found from either end: its path
        stands twice.
        """
        return self.shares_of_items(history, np.array([item_idx], np.int32))[0]

    def shares_of_items(
        self, history: Histories, item_idx: IntVector, top: int | None = None
    ) -> list[list[Share]]:
        """The `shares` of several items, a list for each.

        With `top` only so many paths each, the largest, and `latent` in one sum a name.
        """
        weights = self._weights(history)
        past, weight = weights.indices, weights.data.astype(np.float64)
        pairs = meeting_routes(
            routes_of(past, self.state.parameters, self.state.graph),
            routes_of(item_idx, self.state.parameters, self.state.graph),
            self._squared_lengths,
        )
        counts = past[:, None] != item_idx  # an item of the history leaves itself out
        weight_of = weight[:, None] * counts
        norms = self.state.constants.astype(np.float64)
        place, target = pairs.past.place, pairs.target.place
        values = pairs.value * (weight_of * np.outer(norms[past], norms[item_idx]))[place, target]
        products = self.vectors.rows(past).astype(np.float64) @ self.vectors.centred(item_idx).T
        total = weight_of * products
        by_pair = np.bincount(place * len(item_idx) + target, values, counts.size)
        text = weight_of * self._text_products(past, item_idx)
        latent = total - by_pair.reshape(counts.shape) - text
        values = self._counted(pairs, values)
        found = []
        for n, idx in enumerate(item_idx.tolist()):
            own = np.flatnonzero((target == n) & counts[place, n] & (values != 0))
            paths = self._path_shares(pairs, own, values, past, idx, top)
            here = counts[:, n]
            for name, values_here in ((TEXT, text[here, n]), ("", latent[here, n])):
                if top is None:
                    paths += _latent_shares(name, values_here, past[here])
                elif total_here := float(values_here.sum()):
                    paths.append(Share("latent", total_here, name=name))
            found.append(paths)
        return found

    def changed(self, state: LinearState, vectors: ItemVectors) -> "LinearKG":
        """A model like this one that scores by another state, whose item vectors these are."""
        other = LinearKG(self.config)
        other.best_epoch, other.state, other.vectors = self.best_epoch, state, vectors
        return other

    def save(self, folder: Path) -> None:
        """Write `linear.safetensors` into an existing folder."""
        write_linear(folder, self.state)

    @classmethod
    def load(cls, folder: Path) -> "LinearKG":
        """The model that `save` wrote.

        Raises:
            ArtefactDamaged: the file is missing or not readable.
        """
        saved = read_linear(folder)
        model = cls(saved.config)
        model._adopt(saved)
        return model

    def _adopt(self, fitted: LinearState) -> None:
        self.best_epoch = fitted.best_epoch
        self.state = fitted
        vectors = sum_components(fitted.components)
        self.vectors = ItemVectors(vectors, fitted.parameters.gates(vectors))

    def _counted(self, pairs: MeetingRoutes, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the paths count, of the values they have: here all of it."""
        return values

    def _path_shares(
        self,
        pairs: MeetingRoutes,
        chosen: NDArray[np.intp],
        values: NDArray[np.float64],
        past: IntVector,
        item_idx: int,
        top: int | None,
    ) -> list[Share]:
        """The chosen pairs as shares, largest first."""
        end = NodeRef(ITEM, item_idx)
        shares = []
        for n in chosen[np.argsort(-np.abs(values[chosen]), kind="stable")][:top].tolist():
            start = NodeRef(ITEM, int(past[pairs.past.place[n]]))
            path = path_of(pairs, n, start, end, self.state.graph)
            shares.append(Share("path", float(values[n]), start.idx, path))
        return shares

    def _text_products(self, past: IntVector, item_idx: IntVector) -> NDArray[np.float64]:
        """⟨P·t_i, P·(t_j − t̄)⟩ of each past and each other item, shape (len(past), len(item_idx))."""
        text = self.components.get(TEXT)
        if text is None:
            return np.zeros((len(past), len(item_idx)))
        centred = text[item_idx] - self._mean_text
        products: NDArray[np.float64] = text[past].astype(np.float64) @ centred.T
        return products

    @cached_property
    def _mean_text(self) -> FloatVector:
        mean: FloatVector = self.components[TEXT].mean(axis=0)
        return mean

    @cached_property
    def _squared_lengths(self) -> NDArray[np.float64]:
        """⟨x_v, x_v⟩ of each node."""
        base = self.state.parameters.base
        squared: NDArray[np.float64] = np.einsum("nd,nd->n", base, base, dtype=np.float64)
        return squared

    def _weights(self, histories: Histories) -> FloatCsr:
        """n_u · a_i · scale, shape (len(histories), n_items); an item met several times counts once."""
        return self._weights_of_last(histories, self.state)

    def _weigh(self, histories: Histories) -> FloatCsr:
        weights = history_matrix(
            histories,
            len(self.vectors),
            self.state.type_weights,
            self.config.half_life_days,
            self.config.half_life_events,
        )
        norms = history_norms(weights, self.config.history_power) * np.float32(self.state.parameters.scale)
        weights.data *= np.repeat(norms, np.diff(weights.indptr)) * self.vectors.gates(weights.indices)
        return weights


def _latent_shares(name: str, values: NDArray[np.float64], past: IntVector) -> list[Share]:
    """One share per past item, largest first; those of 0 are left out."""
    order = np.argsort(-np.abs(values), kind="stable").tolist()
    return [Share("latent", float(values[n]), int(past[n]), name=name) for n in order if values[n]]


def _training_module() -> ModuleType:
    """`gnn.linear.training`, imported late: the request path has no torch."""
    try:
        return importlib.import_module("gnn.linear.training")
    except ModuleNotFoundError as exc:
        raise DependencyMissing(f"training needs {exc.name}; install shopgraph[train]") from exc
