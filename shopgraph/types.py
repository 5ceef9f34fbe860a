"""Every value that crosses a folder; nothing of ours is imported here.

Words: an `*_id` is the shop's string, an `*_idx` our row number (0-based, int32), a *node* is a
(label, idx) pair of the snapshot, a *part* one of the score's five summands, a *share* one named
summand of a part.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import networkx as nx

FloatVector = NDArray[np.float32]
FloatMatrix = NDArray[np.float32]
IntVector = NDArray[np.int32]
TimeVector = NDArray[np.int64]
BoolVector = NDArray[np.bool_]

USER, ITEM = "User", "Item"
NO_TIME = np.iinfo(np.int64).min
"""Stands in a time column where the source gave no time; it sorts first."""


# --- the graph ---------------------------------------------------------------------------------


class EdgeType(NamedTuple):
    """A relation between two labels, as PyG writes it: (source label, relation, target label)."""

    src: str
    relation: str
    dst: str


@dataclass(frozen=True)
class EventType:
    """One kind of interaction: its name in the API, its relation in the graph, its weight."""

    name: str
    relation: str
    default_weight: float


class NodeRef(NamedTuple):
    """A node of a snapshot."""

    label: str
    idx: int


@dataclass(frozen=True, eq=False)
class NodeTable:
    """The nodes of one label, ordered by id (code points): `ids[idx]`, `names[idx]`.

    `names_zh` is as long as `names`, "" where there is no Chinese name, or empty as a whole.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    names_zh: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def index(self) -> Mapping[str, int]:
        """The idx of each id."""
        return {node_id: idx for idx, node_id in enumerate(self.ids)}


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of one edge type, ordered by (src, time, position, dst); all arrays shape (n_edges,).

    `weight` is the interaction's value (stars of `rate`, quantity of `purchase`, else 1) or the
    relation's weight. `time` is unix seconds UTC, NO_TIME where unknown.
    """

    src: IntVector
    dst: IntVector
    weight: FloatVector
    time: TimeVector

    def __len__(self) -> int:
        return len(self.src)


@dataclass(frozen=True, eq=False)
class Interactions:
    """User × item × type × time, ordered by (user_idx, time, position, item_idx, type_code).

    `type_code` indexes `GraphSnapshot.event_types`; `value` and `time` as in `Edges`.
    """

    user_idx: IntVector
    item_idx: IntVector
    type_code: NDArray[np.int8]
    value: FloatVector
    time: TimeVector

    def __len__(self) -> int:
        return len(self.user_idx)


@dataclass(frozen=True, eq=False)
class ItemTable:
    """What the shop says of each item, row = item_idx; ids and titles are in `nodes[ITEM]`.

    Missing: "" for text, NaN for price, NO_TIME for created_at. `text` is what the text encoder
    reads (title, description, tags). Prices are in the shop's one currency.
    """

    title: tuple[str, ...]
    title_zh: tuple[str, ...]
    text: tuple[str, ...]
    price: FloatVector
    in_stock: BoolVector
    created_at: TimeVector


@dataclass(frozen=True, eq=False)
class GraphSnapshot:
    """The graph as the maths sees it: integer ids, one edge array per relation.

    `relations` holds every edge type except User→Item interactions, those are in `interactions`.
    `text_vectors`, shape (n_items, dim_text), unit rows, is added by the text encoder and is not
    part of `checksum`, which is equal for equal data whatever the store.
    """

    nodes: Mapping[str, NodeTable]
    items: ItemTable
    event_types: tuple[EventType, ...]
    interactions: Interactions
    relations: Mapping[EdgeType, Edges]
    now: datetime
    checksum: str = ""
    text_vectors: FloatMatrix | None = None

    @property
    def n_users(self) -> int:
        return len(self.nodes[USER])

    @property
    def n_items(self) -> int:
        return len(self.nodes[ITEM])

    @cached_property
    def histories(self) -> "Histories":
        """Every user's history, row = user_idx."""
        x = self.interactions
        indptr = np.searchsorted(x.user_idx, np.arange(self.n_users + 1)).astype(np.int64)
        users = np.arange(self.n_users, dtype=np.int32)
        return Histories(indptr, x.item_idx, x.type_code, x.value, x.time, self.now, users)

    def to_networkx(self) -> "nx.MultiDiGraph[tuple[str, str]]":
        """The graph for analysts: nodes are (label, id) with `name`, edges have `relation`, `weight`.

        Edges with a known time have `time`, unix seconds. Holds a few million edges.
        """
        import networkx as nx  # slow to import, and only analysts need it

        graph: nx.MultiDiGraph[tuple[str, str]] = nx.MultiDiGraph()
        for label, table in self.nodes.items():
            named = zip(table.ids, table.names, strict=True)
            graph.add_nodes_from(((label, node_id), {"name": name}) for node_id, name in named)
        x = self.interactions
        for code, event in enumerate(self.event_types):
            mine = x.type_code == code
            edges = Edges(x.user_idx[mine], x.item_idx[mine], x.value[mine], x.time[mine])
            graph.add_edges_from(self._networkx_edges(EdgeType(USER, event.relation, ITEM), edges))
        for edge_type, edges in self.relations.items():
            graph.add_edges_from(self._networkx_edges(edge_type, edges))
        return graph

    def _networkx_edges(
        self, edge_type: EdgeType, edges: Edges
    ) -> Iterator[tuple[tuple[str, str], tuple[str, str], dict[str, object]]]:
        src_label, relation, dst_label = edge_type
        src_ids, dst_ids = self.nodes[src_label].ids, self.nodes[dst_label].ids
        columns = (edges.src.tolist(), edges.dst.tolist(), edges.weight.tolist(), edges.time.tolist())
        for src, dst, weight, time in zip(*columns, strict=True):
            said = {"relation": relation, "weight": weight} | ({} if time == NO_TIME else {"time": time})
            yield (src_label, src_ids[src]), (dst_label, dst_ids[dst]), said


# --- what a shopper did ------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Histories:
    """A batch of shoppers' pasts in CSR form: row n is `[indptr[n], indptr[n + 1])`, oldest first.

    The same item may stand in a row several times (viewed, then bought). `now` is the moment that
    recency is measured from. `user_idx`, shape (n_rows,), says which users of the trained snapshot the
    rows belong to, -1 for others; None where nobody knows. Only models with a vector per user read it.
    """

    indptr: NDArray[np.int64]
    item_idx: IntVector
    type_code: NDArray[np.int8]
    value: FloatVector
    time: TimeVector
    now: datetime
    user_idx: IntVector | None = None

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def take(self, rows: NDArray[np.integer]) -> "Histories":
        """The histories of `rows`, in that order."""
        lengths = self.indptr[rows + 1] - self.indptr[rows]
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        picked = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], lengths)
        return Histories(
            indptr,
            self.item_idx[picked],
            self.type_code[picked],
            self.value[picked],
            self.time[picked],
            self.now,
            None if self.user_idx is None else self.user_idx[rows],
        )

    def row(self, n: int) -> "Histories":
        """Row n as a batch of one."""
        return self.take(np.array([n]))

    def owners(self) -> NDArray[np.int64]:
        """Row number of each event, shape (n_events,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))


@dataclass(frozen=True, eq=False)
class Heldout:
    """What some users did after (or beside) the training data: the relevant items to be found.

    Row n belongs to `user_idx[n]` and is `item_idx[indptr[n] : indptr[n + 1]]`, without repeats.
    """

    user_idx: IntVector
    indptr: NDArray[np.int64]
    item_idx: IntVector

    def __len__(self) -> int:
        return len(self.user_idx)


# --- models ------------------------------------------------------------------------------------


class Exactness(StrEnum):
    """How far a model's shares go: DESIGN calls it `exactness`."""

    PATH = "path"
    PAST_ITEM = "past_item"
    PERTURBATION = "perturbation"


class PathEdge(NamedTuple):
    """One step of a path; `forward` is false where the graph's edge points the other way."""

    relation: str
    forward: bool


class GraphEdge(NamedTuple):
    """One edge of the graph, as it points."""

    src: NodeRef
    relation: str
    dst: NodeRef


Path = tuple[NodeRef | PathEdge, ...]
"""Node, edge, node, edge, …, node: from a past item to the recommended item."""


@dataclass(frozen=True)
class Share:
    """One named summand of a model's score.

    `kind` is "path" (a graph path stands behind it), "latent" (learned, no path), "item_item"
    (learned from shoppers), "feature", "text" or "rule". `name` tells those of one kind apart.
    """

    kind: Literal["path", "latent", "item_item", "feature", "text", "rule"]
    value: float
    past_item_idx: int | None = None
    path: Path = ()
    name: str = ""


class Recommender(Protocol):
    """Scores every item for every history; `shares` decomposes one score."""

    @property
    def name(self) -> str: ...

    @property
    def exactness(self) -> Exactness: ...

    def fit(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> None:
        """Learn from the snapshot; called once. A fitted model is never changed again."""
        ...

    def score(self, histories: Histories) -> FloatMatrix:
        """Scores of all items, shape (len(histories), n_items).

        An empty history scores 0, unless the model ranks alike for everyone (popularity).
        """
        ...

    def shares(self, history: Histories, item_idx: int) -> Sequence[Share]:
        """The summands of `score(history)[0, item_idx]` (batch of one); they sum to it within 1e-4."""
        ...


class TextEncoder(Protocol):
    """Turns texts into unit vectors."""

    @property
    def name(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> FloatMatrix:
        """Unit vectors, shape (len(texts), dim)."""
        ...


class VectorIndex(Protocol):
    """Nearest rows by inner product."""

    def search(self, queries: FloatMatrix, k: int) -> tuple[FloatMatrix, IntVector]:
        """(scores, rows), both shape (n_queries, k), best first; row -1 where fewer than k exist."""
        ...


# --- a shopper's words -------------------------------------------------------------------------


Intent: TypeAlias = Literal["find_items", "find_similar", "compare", "ask_about_item", "service", "chitchat"]
Sort: TypeAlias = Literal["price_asc", "price_desc", "newest", "rating", "popular"]
SlotSource: TypeAlias = Literal["grammar", "encoder", "linker", "llm", "user"]


@dataclass(frozen=True)
class Slot:
    """A span of the query and the node of this shop's graph that it names; `node_id` "" where it names none.

    An attribute without a node keeps its value in `name`, English and lower case.
    """

    text: str
    label: str
    node_id: str
    name: str
    confidence: float
    source: SlotSource = "grammar"


@dataclass(frozen=True)
class Excluded:
    """What the words rule out."""

    category: tuple[Slot, ...] = ()
    brand: tuple[Slot, ...] = ()
    attribute: tuple[Slot, ...] = ()


@dataclass(frozen=True)
class Missing:
    """A span that means a node of `label` that this shop lacks, and the nodes that come nearest."""

    text: str
    label: str
    nearest: tuple[Slot, ...] = ()


@dataclass(frozen=True)
class ParsedQuery:
    """A query as graph entities; `rest` is what no slot took, it still ranks by text similarity.

    Prices are as said, in `currency` (ISO 4217) where one was said. `sources` says, by field, who filled the
    fields that are no slots.
    """

    text: str
    language: str
    intent: Intent = "find_items"
    category: tuple[Slot, ...] = ()
    brand: tuple[Slot, ...] = ()
    attribute: tuple[Slot, ...] = ()
    item: tuple[Slot, ...] = ()
    price_min: float | None = None
    price_max: float | None = None
    currency: str | None = None
    audience: str | None = None
    exclude: Excluded = Excluded()
    sort: Sort | None = None
    missing: tuple[Missing, ...] = ()
    rest: str = ""
    sources: Mapping[str, SlotSource] = field(default_factory=dict)
    took_ms: float = 0.0


# --- answers -----------------------------------------------------------------------------------

PARTS = ("graph", "item_item", "features", "text", "rules")


@dataclass(frozen=True)
class NamedNode:
    """A node as a reader sees it."""

    label: str
    id: str
    name: str


@dataclass(frozen=True)
class Reason:
    """One share of the score, with the path that carries it and a plain sentence."""

    part: str
    share: float
    path: tuple[NamedNode | PathEdge, ...]
    text: str


@dataclass(frozen=True)
class RankedItem:
    """One place of a list. `score_parts` are weighted and sum to `score` within 1e-4."""

    item_id: str
    title: str
    rank: int
    score: float
    score_parts: Mapping[str, float]
    reasons: tuple[Reason, ...] = ()
    no_path: bool = False
    rules_applied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relaxed:
    """What the words asked for and was let go, as too few items had it.

    `field` is one of the parsed query's, `text` the words, `names` what they mean, `sentence` says it.
    """

    field: str
    text: str
    names: tuple[str, ...]
    sentence: str


@dataclass(frozen=True)
class GroupExposure:
    """What a list holds of one group: its share of the places, and the shares that were asked for.

    `missed_at` is the first number of places that hold too few or too many, None where none do; `reason`
    says why.
    """

    group: str
    share: float
    floor: float
    ceiling: float
    missed_at: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Reranked:
    """How a list was put in order beside the score: `diversity` and `novelty` in [0, 1]."""

    method: Literal["dpp", "mmr", "score"]
    diversity: float
    novelty: float
    exposure: tuple[GroupExposure, ...] = ()


@dataclass(frozen=True)
class Assigned:
    """The experiment that an answer takes part in, and the arm that it is of."""

    experiment_id: str
    arm: str


@dataclass(frozen=True)
class Recommendation:
    """An ordered list as shown; exactly n items, or `shortfall_reason` says why not."""

    recommendation_id: str
    user_id: str | None
    model_version: str
    took_ms: float
    now: datetime
    items: tuple[RankedItem, ...]
    degraded: bool = False
    fallback_reason: str | None = None
    shortfall_reason: str | None = None
    next_cursor: str | None = None
    parsed: ParsedQuery | None = None
    relaxed: tuple[Relaxed, ...] = ()
    reranked: Reranked | None = None
    experiment: Assigned | None = None


@dataclass(frozen=True)
class Filters:
    """What a candidate must be; empty means anything. Category includes its descendants.

    Of several attributes with one key ("colour:red", "colour:blue") one must be there, of each key.
    """

    category_ids: frozenset[str] = frozenset()
    brand_ids: frozenset[str] = frozenset()
    attribute_ids: frozenset[str] = frozenset()
    exclude_category_ids: frozenset[str] = frozenset()
    exclude_brand_ids: frozenset[str] = frozenset()
    exclude_attribute_ids: frozenset[str] = frozenset()
    price_min: float | None = None
    price_max: float | None = None
    in_stock_only: bool = False
    exclude_item_ids: frozenset[str] = frozenset()
    include_bought: bool = False


@dataclass(frozen=True)
class FusionWeights:
    """Weights of the standardised summands, learned on validation and kept in the manifest; overridable.

    `models` holds the weight of each model of the parts `graph` and `item_item` by the model's name, `text`
    that of the text part's likeness in meaning, `words` that of its likeness in letters, `features` the
    features' by name.
    """

    models: Mapping[str, float] = field(default_factory=dict)
    text: float = 1.0
    features: Mapping[str, float] = field(default_factory=dict)
    words: float = 0.0


def iter_batches(n_rows: int, size: int) -> Iterator[slice]:
    """Slices that cover 0..n_rows in steps of `size`."""
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))
