"""What a store remembers beside the facts: the shop's schema and what kind of value each property holds.

The kinds are what lets a store give back the types it was given: JSON and Neo4j know no empty
column, and an integral price must stay a float.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from graph.schema import ShopSchema, id_property
from graph.store import NODE_ID
from shopgraph.errors import BadRecord
from shopgraph.types import EdgeType

TIME = pl.Datetime("us", "UTC")

_DTYPES: Mapping[str, pl.DataType] = {
    "string": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "bool": pl.Boolean(),
    "time": TIME,
}


@dataclass(frozen=True)
class Remembered:
    """The prepared schema, at least the core one, and per label the kind of each property.

    Kinds are "string", "int", "float", "bool", "time" and "list of …" those.
    """

    schema: ShopSchema = field(default_factory=ShopSchema)
    kinds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def dtypes(self, label: str) -> dict[str, pl.DataType]:
        """The columns of a label's NodeBatch: `id`, then its properties in name order."""
        return {
            NODE_ID: pl.String(),
            **{n: dtype_of(k) for n, k in sorted(self.kinds.get(label, {}).items())},
        }

    def with_properties(self, label: str, frame: pl.DataFrame) -> "Remembered":
        """This, and the properties of a normalised frame; itself when there is nothing new.

        Raises:
            BadRecord: a property had another kind before; int and float alone go together, as float.
        """
        known = dict(self.kinds.get(label, {}))
        for name in frame.columns:
            if name == NODE_ID:
                continue
            kind = kind_of(frame.schema[name], name)
            before = known.get(name, kind)
            if before != kind and {before, kind} != {"int", "float"}:
                raise BadRecord(f"{label}.{name}", f"holds {before} in this store, got {kind}")
            known[name] = before if before == kind else "float"
        if known == self.kinds.get(label, {}):
            return self
        return Remembered(self.schema, {**self.kinds, label: known})

    def to_json(self) -> str:
        """One line of JSON; `from_json` reads it back."""
        return json.dumps(
            {"labels": self.schema.labels, "relations": self.schema.relations, "kinds": self.kinds},
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> "Remembered":
        """What `to_json` wrote."""
        content = json.loads(text)
        relations = tuple(EdgeType(*entry) for entry in content["relations"])
        return cls(ShopSchema(tuple(content["labels"]), relations), content["kinds"])

    def check_label(self, label: str) -> None:
        """Raise ValueError unless the label was prepared."""
        if label not in self.schema.labels:
            raise ValueError(f"the label {label!r} was not prepared; known: {list(self.schema.labels)}")

    def check_edge_type(self, edge_type: EdgeType) -> None:
        """Raise ValueError unless the edge type was prepared."""
        if edge_type not in self.schema.relations:
            raise ValueError(f"the edge type {tuple(edge_type)} was not prepared")


def normalised(label: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in the few types that every store holds, without columns that say nothing.

    Numbers that are not finite become null, as do nulls inside lists; a date is its midnight UTC.

    Raises:
        BadRecord: a type that no store holds, or a property with the name of the label's id.
    """
    if id_property(label) in frame.columns:
        raise BadRecord(f"{label}.{id_property(label)}", f"is the id; give it in the column {NODE_ID!r}")
    kinds = {name: kind_of(dtype, name) for name, dtype in frame.schema.items() if dtype != pl.Null}
    return frame.select(_cast(frame.schema[name], name, kind) for name, kind in kinds.items())


def kind_of(dtype: pl.DataType, name: str) -> str:
    """The kind of a column's values; raises BadRecord for a type that no store holds."""
    if isinstance(dtype, pl.List):
        return f"list of {kind_of(dtype.inner, name)}"  # type: ignore[arg-type]  # inner is a DataType here
    if dtype.is_integer():
        return "int"
    if dtype.is_float() or dtype.is_decimal():
        return "float"
    if dtype == pl.Boolean:
        return "bool"
    if isinstance(dtype, pl.Datetime | pl.Date):
        return "time"
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "string"
    raise BadRecord(name, f"can't hold values of type {dtype}")


def dtype_of(kind: str) -> pl.DataType:
    """The column type that holds values of a kind."""
    if kind.startswith("list of "):
        return pl.List(dtype_of(kind.removeprefix("list of ")))
    return _DTYPES[kind]


def _cast(dtype: pl.DataType, name: str, kind: str) -> pl.Expr:
    column = pl.col(name)
    if kind.startswith("list of "):
        return column.cast(dtype_of(kind)).list.drop_nulls()
    if kind == "time" and isinstance(dtype, pl.Datetime) and dtype.time_zone not in (None, "UTC"):
        return column.dt.convert_time_zone("UTC").cast(TIME)
    if kind == "time" and not (isinstance(dtype, pl.Datetime) and dtype.time_zone):
        return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if kind == "float":
        number = column.cast(pl.Float64)
        return pl.when(number.is_finite()).then(number).alias(name)
    return column.cast(dtype_of(kind))
