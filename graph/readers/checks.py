"""Every record against its table: the good ones typed, the bad ones noted with line and reason."""

import polars as pl
import polars.selectors as cs

from graph.readers.base import LINE
from graph.readers.columns import Columns
from graph.readers.kinds import TARGET, Kind, typed
from graph.readers.rejects import RejectLog
from graph.readers.tables import MAX_LIST_ENTRY_LENGTH, Rule
from graph.schema import MAX_ID_LENGTH
from shopgraph.errors import BadSource

_RAW = "raw:"
_CONTROL = r"[\x00-\x1f\x7f-\x9f]"


def checked(raw: pl.DataFrame, columns: Columns, file: str, rejects: RejectLog) -> pl.DataFrame:
    """The good records: the line, every column of the table (null where absent), then properties.

    A bad record is noted once, for the first rule that it breaks.

    Args:
        raw: the line and the columns as read, under our names.
        columns: the table's columns.
        file: the name to report.
        rejects: takes the bad records.

    Raises:
        BadSource: a column has a type that no value of its kind can have.
    """
    found = [name for name in raw.columns if name != LINE]
    absent = [column for column in columns.table.columns if column.name not in found]
    wide = raw.select(
        LINE,
        *(_typed_column(raw, name, columns.kind(name), file) for name in found),
        *(pl.lit(None, TARGET[column.kind]).alias(column.name) for column in absent),
        *(pl.col(name).alias(_RAW + name) for name in found),
    )
    rules = [rule for name in found for rule in _kind_rules(raw, name, columns.kind(name))]
    rules += [
        Rule(column.name, "is required", pl.col(column.name).is_null())
        for column in columns.table.columns
        if column.required
    ]
    rules += columns.table.rules
    broken = wide.select(
        pl.coalesce(pl.when(rule.broken).then(pl.lit(n, pl.Int16)) for n, rule in enumerate(rules))
    ).to_series()
    if broken.null_count() < len(broken):
        _note(wide.with_columns(broken.alias("rule")), rules, file, rejects)
        wide = wide.filter(broken.is_null())
    good = wide.select(name for name in wide.columns if not name.startswith(_RAW))
    columns.remember_kinds(good)
    return good


def _typed_column(raw: pl.DataFrame, name: str, kind: Kind, file: str) -> pl.Expr:
    dtype = raw.schema[name]
    expression = typed(pl.col(name), kind, dtype)
    if expression is None:
        raise BadSource(f"{file}: the column {name!r} must hold {kind.value}; the file has the type {dtype}")
    return expression.alias(name)


def _kind_rules(raw: pl.DataFrame, name: str, kind: Kind) -> list[Rule]:
    value, given = pl.col(name), pl.col(_RAW + name).is_not_null()
    if raw.schema[name] == pl.String:
        given &= pl.col(_RAW + name).str.strip_chars() != ""
    rules = [Rule(name, f"must be {kind.value}", given & value.is_null())]
    match kind:
        case Kind.ID | Kind.NAME | Kind.PATH:
            rules += [
                Rule(
                    name, f"must have 1 to {MAX_ID_LENGTH} characters", value.str.len_chars() > MAX_ID_LENGTH
                ),
                Rule(name, "must not hold control characters", value.str.contains(_CONTROL)),
            ]
        case Kind.TEXT:
            rules.append(Rule(name, "must not hold NUL characters", value.str.contains("\0", literal=True)))
        case Kind.LIST:
            entry = pl.element()
            rules += [
                Rule(
                    name,
                    f"every entry must have at most {MAX_LIST_ENTRY_LENGTH} characters",
                    value.list.eval(entry.str.len_chars() > MAX_LIST_ENTRY_LENGTH).list.any(),
                ),
                Rule(
                    name,
                    "no entry may hold control characters",
                    value.list.eval(entry.str.contains(_CONTROL)).list.any(),
                ),
            ]
        case _:
            pass
    return rules


def _note(wide: pl.DataFrame, rules: list[Rule], file: str, rejects: RejectLog) -> None:
    broken = wide.filter(pl.col("rule").is_not_null())
    raw = broken.select(
        LINE,
        "rule",
        cs.starts_with(_RAW) - cs.temporal(),
        (cs.starts_with(_RAW) & cs.temporal()).cast(pl.String),
    )
    for record in raw.iter_rows(named=True):
        rule = rules[record["rule"]]
        rejects.add(file, record[LINE], rule.field, rule.reason, record.get(_RAW + rule.field))
