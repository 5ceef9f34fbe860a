"""Checked records of a shop folder's tables, as the batches that a store takes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import polars as pl
import polars.selectors as cs

from graph.readers.base import LINE, Batch, Origin, ReadEdges, ReadEvents
from graph.readers.derive import ItemRelations, edge_frame
from graph.readers.event_ids import EventIds
from graph.readers.tables import CATEGORIES, EVENTS, ITEMS, RELATIONS, Rule, Table
from graph.schema import CHILD_OF, ShopSchema
from graph.store import EVENT_SCHEMA, NODE_ID, EdgeBatch, NodeBatch
from shopgraph.errors import BadSource
from shopgraph.types import USER

_DERIVED_FROM = r"^(brand|category|attributes|attribute_.*)$"


class ShopBatches:
    """Turns checked frames into batches; remembers across batches what has been derived."""

    def __init__(self, schema: ShopSchema) -> None:
        self._relations = {edge_type.relation: edge_type for edge_type in schema.relations}
        self._repeated = [name for name, n in Counter(e.relation for e in schema.relations).items() if n > 1]
        self._item_relations = ItemRelations()
        self._event_ids = EventIds()
        self._n_events = 0

    def with_rules(self, table: Table) -> Table:
        """The table with the rules that depend on the shop's schema.

        Raises:
            BadSource: the relations table could not tell two relations of the same name apart.
        """
        if table is not RELATIONS:
            return table
        if self._repeated:
            raise BadSource(
                f"schema.toml: two relations are called {self._repeated[0]!r}; in a table of relations "
                "every one needs a name of its own"
            )
        unknown = Rule(
            "relation",
            f"not declared in schema.toml; known: {', '.join(self._relations)}",
            ~pl.col("relation").is_in(list(self._relations)),
        )
        return replace(table, rules=(unknown, *table.rules))

    def of(self, table: Table, frame: pl.DataFrame, file: str) -> Iterator[Batch]:
        """The batches that a checked frame gives, nodes first."""
        if table is EVENTS:
            yield self._events(frame, file)
        elif table is RELATIONS:
            yield from self._edges(frame, file)
        elif table is ITEMS:
            yield _nodes(table, frame.drop(cs.matches(_DERIVED_FROM)))
            yield from self._item_relations.derived(frame)
        else:
            batch = _nodes(table, frame.drop("parent_id", strict=False))
            self._item_relations.know(batch)
            yield batch
            if table is CATEGORIES:
                yield from _parents(frame)

    def _edges(self, frame: pl.DataFrame, file: str) -> Iterator[ReadEdges]:
        named = frame.rename({"source": "src_id", "target": "dst_id"}).with_columns(
            pl.col("weight").fill_null(1.0)
        )
        for (relation,), edges in named.group_by("relation", maintain_order=True):
            origin = Origin(file, edges[LINE])
            yield ReadEdges(self._relations[str(relation)], edge_frame(edges), origin)

    def _events(self, frame: pl.DataFrame, file: str) -> ReadEvents:
        """Events in EVENT_SCHEMA; those without a time keep their place in the source as position."""
        place = pl.int_range(self._n_events, self._n_events + len(frame))
        self._n_events += len(frame)
        events = frame.rename({"event": "name"}).with_columns(
            pl.when(pl.col("time").is_null()).then(place).alias("position")
        )
        events = events.select(LINE, *(pl.col(n).cast(dtype) for n, dtype in EVENT_SCHEMA.items()))
        return ReadEvents(self._event_ids.filled(events.drop(LINE)), Origin(file, events[LINE]))


def _nodes(table: Table, frame: pl.DataFrame) -> NodeBatch:
    """The id and every property of which this batch says something."""
    if table.label is None:
        raise ValueError(f"the table {table.name} holds no nodes")
    id_column = table.columns[0].name
    nodes = frame.drop(LINE).rename({id_column: NODE_ID})
    if "name" in nodes.columns and table.label != USER:
        nodes = nodes.with_columns(pl.coalesce("name", NODE_ID))
    said = [name for name in nodes.columns if nodes[name].null_count() < len(nodes)]
    return NodeBatch(table.label, nodes.select(said))


def _parents(categories: pl.DataFrame) -> Iterator[EdgeBatch]:
    edges = categories.select(
        pl.col("category_id").alias("src_id"), pl.col("parent_id").alias("dst_id")
    ).filter(pl.col("dst_id").is_not_null() & (pl.col("dst_id") != pl.col("src_id")))
    if len(edges):
        yield EdgeBatch(CHILD_OF, edge_frame(edges))
