"""Brands, categories, attributes and tags of items, as nodes and edges."""

from collections.abc import Iterator

import polars as pl

from graph.readers.kinds import PATH_SEPARATOR
from graph.readers.tables import ATTRIBUTE_PREFIX
from graph.schema import ATTRIBUTE, BRAND, CATEGORY, CHILD_OF, HAS_ATTRIBUTE, IN_CATEGORY, MADE_BY
from graph.store import EDGE_SCHEMA, EVENT_SCHEMA, NODE_ID, EdgeBatch, NodeBatch

TAG = "tag"


def edge_frame(edges: pl.DataFrame) -> pl.DataFrame:
    """Edges in EDGE_SCHEMA: weight 1 and no time or position where the columns are absent."""
    defaults = {"weight": pl.lit(1.0)}
    columns = [
        (pl.col(name) if name in edges.columns else defaults.get(name, pl.lit(None))).cast(dtype).alias(name)
        for name, dtype in EDGE_SCHEMA.items()
    ]
    return edges.select(columns)


def event_frame(events: pl.DataFrame, name: str) -> pl.DataFrame:
    """Events of one name in EVENT_SCHEMA, null where the columns are absent."""
    given = events.with_columns(pl.lit(name).alias("name"))
    return given.select(
        (pl.col(column) if column in given.columns else pl.lit(None)).cast(dtype).alias(column)
        for column, dtype in EVENT_SCHEMA.items()
    )


class ItemRelations:
    """Derives what item records say of brands, categories and attributes.

    A node is derived once, and not at all where a table of its own named it (`known`).
    """

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = {BRAND: set(), CATEGORY: set(), ATTRIBUTE: set()}

    def know(self, batch: NodeBatch) -> None:
        """Leave these nodes alone: their own table has said more of them."""
        if batch.label in self._known:
            self._known[batch.label].update(batch.frame[NODE_ID])

    def derived(self, items: pl.DataFrame) -> Iterator[NodeBatch | EdgeBatch]:
        """Nodes, then edges, of a checked batch of items."""
        brands = _pairs(items, pl.col("brand"))
        yield from self._new(BRAND, brands["dst_id"], pl.col(NODE_ID))
        categories = _pairs(items, pl.col("category"))
        parents = _parents(categories["dst_id"])
        yield from self._new(CATEGORY, parents["dst_id"], _last_part())
        yield from self._new(CATEGORY, categories["dst_id"], _last_part())
        attributes = _attribute_pairs(items)
        yield from self._new(ATTRIBUTE, attributes["dst_id"], _after_colon())
        for edge_type, edges in (
            (MADE_BY, brands),
            (IN_CATEGORY, categories),
            (CHILD_OF, parents),
            (HAS_ATTRIBUTE, attributes),
        ):
            if len(edges):
                yield EdgeBatch(edge_type, edge_frame(edges))

    def _new(self, label: str, ids: pl.Series, name: pl.Expr) -> Iterator[NodeBatch]:
        new = [node_id for node_id in ids.unique(maintain_order=True) if node_id not in self._known[label]]
        self._known[label].update(new)
        if new:
            frame = pl.DataFrame({NODE_ID: new}, schema={NODE_ID: pl.String})
            yield NodeBatch(label, frame.with_columns(name.alias("name")))


def _pairs(items: pl.DataFrame, target: pl.Expr) -> pl.DataFrame:
    pairs = items.select(pl.col("item_id").alias("src_id"), target.alias("dst_id"))
    return pairs.filter(pl.col("dst_id").is_not_null())


def _attribute_pairs(items: pl.DataFrame) -> pl.DataFrame:
    keyed = {TAG: "tags"} | {
        name.removeprefix(ATTRIBUTE_PREFIX): name
        for name in items.columns
        if name.startswith(ATTRIBUTE_PREFIX)
    }
    lists = [pl.col("attributes").list.eval(_key_and_value(pl.element()))]
    lists += [
        pl.col(name).list.eval(pl.concat_str(pl.lit(f"{key}:"), pl.element())) for key, name in keyed.items()
    ]
    pairs = pl.concat([_pairs(items, values).explode("dst_id") for values in lists])
    return pairs.filter(pl.col("dst_id").is_not_null()).unique(
        ["src_id", "dst_id"], keep="first", maintain_order=True
    )


def _key_and_value(attribute: pl.Expr) -> pl.Expr:
    return attribute.str.replace(r"^\s*([^:]+?)\s*:\s*", "$1:")


def _parents(categories: pl.Series) -> pl.DataFrame:
    """Each step of the paths as (child, parent), nearest the root first."""
    steps: dict[tuple[str, str], None] = {}
    for path in categories.unique(maintain_order=True):
        parts = path.split(PATH_SEPARATOR)
        ids = [PATH_SEPARATOR.join(parts[: n + 1]) for n in range(len(parts))]
        steps.update(dict.fromkeys(zip(ids[1:], ids, strict=False)))
    return pl.DataFrame(list(steps), schema={"src_id": pl.String, "dst_id": pl.String}, orient="row")


def _last_part() -> pl.Expr:
    return pl.col(NODE_ID).str.split(PATH_SEPARATOR).list.last()


def _after_colon() -> pl.Expr:
    return pl.col(NODE_ID).str.splitn(":", 2).struct.field("field_1")
