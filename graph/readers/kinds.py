"""The kinds of value that a column may hold, and how a raw column becomes one of them."""

from collections.abc import Mapping
from enum import StrEnum

import polars as pl

TIME = pl.Datetime("us", "UTC")
PATH_SEPARATOR = " > "
LIST_SEPARATOR = "|"


class Kind(StrEnum):
    """What a column holds; the value is how a message names it."""

    ID = "text or a whole number"
    NAME = "text"
    TEXT = "plain text"
    NUMBER = "a number"
    TIME = "a time: ISO 8601, or unix seconds"
    FLAG = "true or false"
    LIST = "a list of texts"
    PATH = "a path such as A > B > C, or a list of its parts"
    ANY = "text, a number, true or false, a time, or a list of texts"


TARGET: Mapping[Kind, pl.DataType] = {
    Kind.ID: pl.String(),
    Kind.NAME: pl.String(),
    Kind.TEXT: pl.String(),
    Kind.NUMBER: pl.Float64(),
    Kind.TIME: TIME,
    Kind.FLAG: pl.Boolean(),
    Kind.LIST: pl.List(pl.String()),
    Kind.PATH: pl.String(),
}

JSON_TYPES: Mapping[Kind, frozenset[type]] = {
    Kind.ID: frozenset({str, int}),
    Kind.NAME: frozenset({str, int}),
    Kind.TEXT: frozenset({str, int, float, bool}),
    Kind.NUMBER: frozenset({int, float, str}),
    Kind.TIME: frozenset({int, float, str}),
    Kind.FLAG: frozenset({bool, int, str}),
    Kind.LIST: frozenset({list, str, int, float, bool}),
    Kind.PATH: frozenset({list, str}),
    Kind.ANY: frozenset({str, int, float, bool, list}),
}
"""The Python types that a JSON value of each kind may have."""

# Tried in turn; the ones with %z are aware, the others are taken as UTC.
_TIME_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M%z",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
)
_UNIX_SECONDS = r"^-?\d{1,18}(\.\d+)?$"
_MOST_SECONDS = 2e11  # the year 8307: a datetime holds it, and every rule on times refuses it


def typed(column: pl.Expr, kind: Kind, dtype: pl.DataType) -> pl.Expr | None:
    """The column in the kind's type, null where a value is not of that kind; None if none can be."""
    scalar = _is_text(dtype) or dtype.is_numeric() or dtype == pl.Boolean
    match kind:
        case Kind.ID:
            usable = _is_text(dtype) or dtype.is_integer()
            return _blank_to_null(column.cast(pl.String)) if usable else None
        case Kind.NAME:
            usable = _is_text(dtype) or dtype.is_integer()
            return _blank_to_null(column.cast(pl.String).str.strip_chars()) if usable else None
        case Kind.TEXT:
            return column.cast(pl.String) if scalar else None
        case Kind.NUMBER:
            usable = _is_text(dtype) or dtype.is_numeric()
            return column.cast(pl.Float64, strict=False) if usable else None
        case Kind.FLAG:
            return _flag(column, dtype)
        case Kind.TIME:
            return _time(column, dtype)
        case Kind.LIST:
            return _list(column, dtype) if scalar or _is_text_list(dtype) else None
        case Kind.PATH:
            if not (_is_text(dtype) or _is_text_list(dtype)):
                return None
            return _path(column.list.join(">") if isinstance(dtype, pl.List) else column.cast(pl.String))
        case Kind.ANY:
            own_kind = kind_of(dtype)
            return None if own_kind is None else _property(column, own_kind, dtype)


def kind_of(dtype: pl.DataType) -> Kind | None:
    """The kind that a property of this type has; None for a type that no property may have."""
    if dtype.is_numeric():
        return Kind.NUMBER
    if dtype == pl.Boolean:
        return Kind.FLAG
    if dtype.is_temporal() and not isinstance(dtype, pl.Time | pl.Duration):
        return Kind.TIME
    if _is_text(dtype):
        return Kind.TEXT
    return Kind.LIST if _is_text_list(dtype) else None


def _property(column: pl.Expr, kind: Kind, dtype: pl.DataType) -> pl.Expr | None:
    return column.cast(pl.Int64, strict=False) if dtype.is_integer() else typed(column, kind, dtype)


def _is_text(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Null)


def _is_text_list(dtype: pl.DataType) -> bool:
    if not isinstance(dtype, pl.List):
        return False
    inner = dtype.inner
    return inner.is_numeric() or inner in (pl.String, pl.Boolean, pl.Categorical, pl.Null)


def _blank_to_null(column: pl.Expr) -> pl.Expr:
    return pl.when(column != "").then(column)


def _flag(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype == pl.Boolean:
        return column
    if not (_is_text(dtype) or dtype.is_integer()):
        return None
    word = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    return word.replace_strict(
        ["true", "1", "yes", "false", "0", "no"],
        [True, True, True, False, False, False],
        default=None,
        return_dtype=pl.Boolean,
    )


def _time(column: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if isinstance(dtype, pl.Datetime):
        aware = column.dt.convert_time_zone if dtype.time_zone else column.dt.replace_time_zone
        return aware("UTC").cast(TIME)
    if dtype == pl.Date:
        return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if dtype.is_numeric():
        return _from_seconds(column)
    if not _is_text(dtype):
        return None
    text = column.cast(pl.String).str.strip_chars()
    plain = text.str.replace("T", " ", literal=True).str.replace("Z$", "+00:00")
    parsed = [_parsed(plain, time_format) for time_format in _TIME_FORMATS]
    seconds = pl.when(text.str.contains(_UNIX_SECONDS)).then(text)
    return pl.coalesce(*parsed, _from_seconds(seconds))


def _parsed(text: pl.Expr, time_format: str) -> pl.Expr:
    if "%z" in time_format:
        return text.str.to_datetime(time_format, time_unit="us", strict=False, time_zone="UTC")
    return text.str.to_datetime(time_format, time_unit="us", strict=False).dt.replace_time_zone("UTC")


def _from_seconds(seconds: pl.Expr) -> pl.Expr:
    number = seconds.cast(pl.Float64, strict=False).clip(-_MOST_SECONDS, _MOST_SECONDS)
    return (number * 1_000_000).round().cast(pl.Int64, strict=False).cast(TIME)


def _list(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.List):
        parts = column.cast(pl.List(pl.String))
    elif _is_text(dtype):
        parts = column.cast(pl.String).str.split(LIST_SEPARATOR)
    else:
        parts = pl.when(column.is_not_null()).then(pl.concat_list(column.cast(pl.String)))
    stripped = parts.list.eval(pl.element().str.strip_chars())
    return stripped.list.eval(pl.element().filter(pl.element() != ""))


def _path(column: pl.Expr) -> pl.Expr:
    parts = column.str.split(">").list.eval(pl.element().str.strip_chars())
    return _blank_to_null(parts.list.eval(pl.element().filter(pl.element() != "")).list.join(PATH_SEPARATOR))
