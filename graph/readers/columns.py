"""The columns of one table as a source has them: which is which, and of what kind."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from graph.readers.base import LINE
from graph.readers.kinds import Kind, kind_of
from graph.readers.mapping import MAPPING_FILE, NameMapping, closest
from graph.readers.tables import ATTRIBUTE_PREFIX, Table
from graph.schema import id_property
from graph.store import NODE_ID
from shopgraph.errors import BadSource
from shopgraph.types import ITEM

_MAX_KEY_LENGTH = 50


class Columns:
    """Finds our name and the kind of each column of a table.

    A property keeps the kind that it had when first seen, so that all batches agree.
    """

    def __init__(self, table: Table, mapping: NameMapping | None = None) -> None:
        mapping = mapping or NameMapping()
        self.table = table
        self._renames: Mapping[str, str] = mapping.columns.get(table.name, {})
        self._mapping_path = mapping.path or Path(MAPPING_FILE)
        self._kinds = {column.name: column.kind for column in table.columns}
        self._properties: dict[str, Kind] = {}

    def renamed(self, file: str, found: Iterable[str]) -> dict[str, str]:
        """Our name of each column found, without those that the mapping leaves out.

        Raises:
            BadSource: a column that the table can't have, or two columns of the same name.
        """
        ours: dict[str, str] = {}
        for column in found:
            name = self._renames.get(column, _snake_case(column))
            if not name and column in self._renames:
                continue
            if name in ours.values():
                raise BadSource(
                    f"{file}: two columns mean {name!r}, one is {column!r}; leave one out in "
                    f'{self._mapping_path}: [{self.table.name}.columns] "{column}" = ""'
                )
            self._check_name(file, column, name)
            ours[column] = name
        return ours

    def check_complete(self, file: str, found: Sequence[str]) -> None:
        """Raise BadSource unless all needed columns, and all that the mapping names, are found."""
        for foreign in self._renames:
            if foreign not in found:
                raise BadSource(
                    f"{file}: no column {foreign!r}, which {self._mapping_path} names"
                    f"{closest(foreign, found)}"
                )
        ours = self.renamed(file, found)
        for column in self.table.columns:
            if column.required and column.name not in ours.values():
                raise BadSource(
                    f"{file}: the column {column.name!r} is missing; found: {', '.join(found)}. "
                    f"If it has another name, say so in {self._mapping_path}: "
                    f'[{self.table.name}.columns] other_name = "{column.name}"'
                )

    def kind(self, name: str) -> Kind:
        """The kind of the column with our name `name`."""
        if name in self._kinds:
            return self._kinds[name]
        if self._is_attribute(name):
            return Kind.LIST
        return self._properties.get(name, Kind.ANY)

    def remember_kinds(self, frame: pl.DataFrame) -> None:
        """Fix the kinds of the properties in a checked frame."""
        for name in self.properties(frame.columns):
            kind = kind_of(frame.schema[name])
            if kind is not None and frame[name].null_count() < frame.height:
                self._properties.setdefault(name, kind)

    def properties(self, names: Iterable[str]) -> list[str]:
        """Those of our names that are no columns of the table, but properties of its nodes."""
        return [n for n in names if n != LINE and n not in self._kinds and not self._is_attribute(n)]

    def _is_attribute(self, name: str) -> bool:
        return self.table.label == ITEM and name.startswith(ATTRIBUTE_PREFIX)

    def _check_name(self, file: str, column: str, name: str) -> None:
        if name in self._kinds:
            return
        if self.table.label is None:
            raise BadSource(
                f"{file}: unknown column {column!r}{closest(name, self._kinds)}. Rename it in "
                f'{self._mapping_path}: [{self.table.name}.columns] "{column}" = "ours", '
                'or leave it out: = ""'
            )
        if not name or name in (NODE_ID, LINE, id_property(self.table.label)):
            raise BadSource(
                f"{file}: the column {column!r} can't be a property; rename it in "
                f'{self._mapping_path}: [{self.table.name}.columns] "{column}" = "other_name"'
            )
        if self._is_attribute(name) and len(name) - len(ATTRIBUTE_PREFIX) > _MAX_KEY_LENGTH:
            raise BadSource(f"{file}: the attribute {name!r} is longer than {_MAX_KEY_LENGTH} characters")


def _snake_case(name: str) -> str:
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"\W+", "_", parted).strip("_").lower()
