"""The file of rejected records: one JSON line each, with file, line, field, reason and value."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Self

import orjson

from shopgraph.errors import BadSettings

SHOWN_CHARACTERS = 200


class RejectLog:
    """Counts rejected records by reason and, given a path, writes them down."""

    def __init__(self, path: Path | None = None) -> None:
        """Start an empty file at `path`; None only counts.

        Raises:
            BadSettings: the file can't be written.
        """
        self._path = path
        self._file: BinaryIO | None = None
        self._counts: Counter[str] = Counter()
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = path.open("wb")
            except OSError as exc:
                raise BadSettings(f"{path}: can't write the rejects there: {exc.strerror}") from exc

    def add(self, file: str, line: int, field: str, reason: str, value: object) -> None:
        """Note one record; `field` is "" where the whole line is meant."""
        self._counts[f"{field}: {reason}" if field else reason] += 1
        if self._file is not None:
            shown = None if value is None else str(value)[:SHOWN_CHARACTERS]
            record = {"file": file, "line": line, "field": field, "reason": reason, "value": shown}
            self._file.write(orjson.dumps(record) + b"\n")

    @property
    def path(self) -> Path | None:
        return self._path

    @property
    def counts(self) -> Mapping[str, int]:
        """Rejected records by "field: reason", most frequent first."""
        return dict(self._counts.most_common())

    def __len__(self) -> int:
        return self._counts.total()

    def close(self) -> None:
        """Flush and close the file."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
