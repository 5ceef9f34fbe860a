"""Raw records of JSON Lines files: one object a line."""

from collections.abc import Iterator, Sequence

import orjson
import polars as pl

from graph.readers.base import LINE
from graph.readers.columns import Columns
from graph.readers.files import Part, RawBatch, opened, translated
from graph.readers.kinds import JSON_TYPES, Kind
from graph.readers.rejects import RejectLog

_CHUNK_BYTES = 8 << 20
_SAMPLE_LINES = 100
_LIST_ENTRY_TYPES = (str, int, float)

Record = dict[str, object]


def jsonl_columns(part: Part) -> list[str]:
    """The names in the first hundred readable lines.

    Raises:
        BadSource: unreadable.
    """
    found: dict[str, None] = {}
    with translated(part), opened(part) as (content, _):
        for _, line in zip(range(_SAMPLE_LINES), content, strict=False):
            record = _parsed(line)
            if isinstance(record, dict):
                found.update(dict.fromkeys(record))
    return list(found)


def read_jsonl(part: Part, columns: Columns, rejects: RejectLog) -> Iterator[RawBatch]:
    """The records; a line that is no JSON object, or holds a value of a wrong type, is a reject.

    Raises:
        BadSource: unreadable.
    """
    n_lines = 0
    with translated(part), opened(part) as (content, raw):
        while chunk := content.readlines(_CHUNK_BYTES):
            lines: list[int] = []
            records: list[Record] = []
            n_empty = 0
            for line, text in enumerate(chunk, n_lines + 1):
                record = _parsed(text)
                if isinstance(record, dict):
                    lines.append(line)
                    records.append(record)
                elif text.strip():
                    shown = text[:1000].decode("utf-8", "replace")
                    rejects.add(part.name, line, "", "must be one JSON object", shown)
                else:
                    n_empty += 1
            n_lines += len(chunk)
            frame = _frame(records, lines, columns, part.name, rejects)
            yield RawBatch(frame, len(chunk) - n_empty, raw.tell())


def _parsed(line: bytes) -> object:
    try:
        return orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None


def _frame(
    records: Sequence[Record], lines: Sequence[int], columns: Columns, file: str, rejects: RejectLog
) -> pl.DataFrame:
    found = dict.fromkeys(name for record in records for name in record)
    wrong: set[int] = set()
    series = [pl.Series(LINE, lines, pl.Int64)]
    for theirs, ours in columns.renamed(file, found).items():
        kind = columns.kind(ours)
        values = [record.get(theirs) for record in records]
        for n in _wrong_types(values, kind):
            if n not in wrong:
                reason = f"must be {kind.value}, not {_type_word(values[n])}"
                rejects.add(file, lines[n], ours, reason, values[n])
                wrong.add(n)
            values[n] = None
        series.append(_series(ours, values, kind))
    frame = pl.DataFrame(series)
    return frame.filter(~pl.col(LINE).is_in([lines[n] for n in wrong])) if wrong else frame


def _wrong_types(values: Sequence[object], kind: Kind) -> list[int]:
    allowed = JSON_TYPES[kind] | {type(None)}
    present = set(map(type, values))
    if present <= allowed and list not in present:
        return []
    return [
        n
        for n, value in enumerate(values)
        if type(value) not in allowed
        or (isinstance(value, list) and not all(isinstance(entry, _LIST_ENTRY_TYPES) for entry in value))
    ]


def _series(name: str, values: Sequence[object], kind: Kind) -> pl.Series:
    present = set(map(type, values)) - {type(None)}
    if present <= {str}:
        return pl.Series(name, values, pl.String)
    if list in present:
        return pl.Series(name, [_as_texts(value) for value in values], pl.List(pl.String))
    if present == {bool}:
        return pl.Series(name, values, pl.Boolean)
    if kind is Kind.ANY and present == {int}:
        return pl.Series(name, values, pl.Int128)
    if present <= {int, float} and kind in (Kind.ANY, Kind.NUMBER, Kind.TIME):
        return pl.Series(name, values, pl.Float64, strict=False)
    return pl.Series(name, [None if value is None else _as_text(value) for value in values], pl.String)


def _as_texts(value: object) -> list[str] | None:
    if value is None:
        return None
    return [_as_text(entry) for entry in value] if isinstance(value, list) else [_as_text(value)]


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type_word(value: object) -> str:
    words = {dict: "an object", list: "a list of other things", bool: "true or false", str: "text"}
    return words.get(type(value), "a number")
