"""Between SQLite's rows and the frames of the store's contract."""

from collections.abc import Iterable, Mapping, Sequence

import orjson
import polars as pl
import polars.selectors as cs

from graph.events import TARGET_ID
from graph.properties import TIME
from graph.schema import SEARCH
from graph.store import EVENT_SCHEMA, NODE_ID


def json_list(ids: Iterable[str]) -> str:
    """A JSON array, the form in which SQLite takes a list as one parameter."""
    return orjson.dumps(list(ids)).decode()


def json_rows(frame: pl.DataFrame) -> list[str]:
    """Each row's properties as a JSON object without nulls; times are microseconds."""
    plain = frame.drop(NODE_ID).with_columns(
        cs.datetime().cast(pl.Int64), cs.by_dtype(pl.List(TIME)).cast(pl.List(pl.Int64))
    )
    names = plain.columns
    return [
        orjson.dumps({n: v for n, v in zip(names, row, strict=True) if v is not None}).decode()
        for row in plain.iter_rows()
    ]


def node_frame(rows: Sequence[tuple[str, str]], dtypes: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The frame of a NodeBatch out of rows (id, properties)."""
    plain = {name: _plain(dtype) for name, dtype in dtypes.items()}
    records = [{NODE_ID: node_id, **orjson.loads(text)} for node_id, text in rows]
    return pl.DataFrame(records, schema=plain).select(
        pl.col(name).cast(dtype) for name, dtype in dtypes.items()
    )


def _plain(dtype: pl.DataType) -> pl.DataType:
    """The type that JSON holds in the place of a time."""
    if isinstance(dtype, pl.List):
        return pl.List(pl.Int64) if dtype.inner == TIME else dtype
    return pl.Int64() if dtype == TIME else dtype


def event_frame(rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    """The frame of an EventBatch out of rows with EVENT_SCHEMA's columns, target_id for item_id."""
    schema = {(TARGET_ID if n == "item_id" else n): d for n, d in EVENT_SCHEMA.items()} | {"time": pl.Int64()}
    is_search = pl.col("name") == SEARCH.name
    return pl.DataFrame(rows, schema=schema, orient="row").select(
        pl.when(~is_search).then(TARGET_ID).alias(name) if name == "item_id" else pl.col(name).cast(dtype)
        for name, dtype in EVENT_SCHEMA.items()
    )
