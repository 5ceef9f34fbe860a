from datetime import UTC, datetime

import polars as pl
import pytest

from graph.readers.kinds import TARGET, Kind, typed


def convert(values: list[object], kind: Kind, dtype: pl.DataType | None = None) -> list[object]:
    column = pl.Series("x", values, dtype)
    expression = typed(pl.col("x"), kind, column.dtype)
    assert expression is not None
    converted = column.to_frame().select(expression.alias("x"))["x"]
    assert kind is Kind.ANY or converted.dtype == TARGET[kind]
    return converted.to_list()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01-02T03:04", datetime(2024, 1, 2, 3, 4, tzinfo=UTC)),
        ("2024-01-02 03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2024-01-02T03:04:05.25+02:00", datetime(2024, 1, 2, 1, 4, 5, 250_000, tzinfo=UTC)),
        ("2024-01-02T03:04:05-0530", datetime(2024, 1, 2, 8, 34, 5, tzinfo=UTC)),
        (" 1700000000 ", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        ("1700000000.5", datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)),
        ("2024-13-01", None),
        ("soon", None),
        ("", None),
    ],
)
def test_times_in_text(text: str, moment: datetime | None) -> None:
    # Beside a value of another form: each value is read on its own.
    assert convert(["2020-02-02", text], Kind.TIME)[1] == moment


def test_times_in_typed_columns() -> None:
    noon = datetime(2024, 1, 2, 12, tzinfo=UTC)
    assert convert([noon.replace(tzinfo=None)], Kind.TIME) == [noon]
    assert convert([noon], Kind.TIME, pl.Datetime("ns", "Asia/Tokyo")) == [noon]
    assert convert([noon.timestamp()], Kind.TIME) == [noon]
    assert convert([noon.date()], Kind.TIME) == [noon.replace(hour=0)]


def test_flags() -> None:
    assert convert(["TRUE", "no", "1", "?", None], Kind.FLAG) == [True, False, True, None, None]
    assert convert([1, 0, 2], Kind.FLAG) == [True, False, None]


def test_lists() -> None:
    assert convert(["a| b ||", None], Kind.LIST) == [["a", "b"], None]
    assert convert([["a ", None, ""]], Kind.LIST) == [["a"]]
    assert convert([42, None], Kind.LIST) == [["42"], None]


def test_paths() -> None:
    assert convert(["A>B > C", " > ", "A"], Kind.PATH) == ["A > B > C", None, "A"]
    assert convert([["A", "B"], None], Kind.PATH) == ["A > B", None]


def test_properties_keep_their_type() -> None:
    assert convert([1, None], Kind.ANY) == [1, None]
    assert convert([1.5], Kind.ANY) == [1.5]
    assert convert([["a"]], Kind.ANY) == [["a"]]


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (Kind.TEXT, pl.List(pl.String)),
        (Kind.NUMBER, pl.Boolean()),
        (Kind.ID, pl.Float64()),
        (Kind.TIME, pl.Boolean()),
        (Kind.ANY, pl.Struct({"a": pl.Int64})),
        (Kind.ANY, pl.Binary()),
    ],
)
def test_types_that_no_value_of_the_kind_has(kind: Kind, dtype: pl.DataType) -> None:
    assert typed(pl.col("x"), kind, dtype) is None
