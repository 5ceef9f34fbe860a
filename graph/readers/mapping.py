"""What a shop's `mapping.toml` says: its own names for columns and events, in ours.

[items.columns]
sku = "item_id"
internal_note = ""          # "" leaves a column out

[events.names]
buy = "purchase"
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from graph.readers.tables import TABLES
from graph.schema import EVENT_BY_NAME
from shopgraph.errors import BadSource

MAPPING_FILE = "mapping.toml"


@dataclass(frozen=True)
class NameMapping:
    """Per table, foreign column → ours ("" leaves it out); and foreign event name → ours."""

    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)
    path: Path | None = None


def read_mapping(path: Path, labels: Iterable[str] = ()) -> NameMapping:
    """The mapping in a TOML file; `labels` are those whose tables lie in `nodes/`.

    Raises:
        BadSource: not TOML, or it names a table, key or event that does not exist.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise BadSource(f"{path}: not a readable TOML file: {exc}") from exc
    known_tables = [*TABLES, *labels]
    columns: dict[str, dict[str, str]] = {}
    for table, section in content.items():
        if table not in known_tables:
            raise BadSource(f"{path}: unknown table {table!r}{closest(table, known_tables)}")
        known_keys = ["columns", "names"] if table == "events" else ["columns"]
        if not isinstance(section, dict) or (set(section) - set(known_keys)):
            raise BadSource(f"{path}: [{table}] may hold {' and '.join(known_keys)} only")
        columns[table] = _texts(path, f"{table}.columns", section.get("columns", {}))
    events = _texts(path, "events.names", content.get("events", {}).get("names", {}))
    for ours in events.values():
        if ours not in EVENT_BY_NAME:
            raise BadSource(f"{path}: unknown event {ours!r}{closest(ours, EVENT_BY_NAME)}")
    return NameMapping(columns, events, path)


def closest(name: str, known: Iterable[str]) -> str:
    """The end of a message: a name that is meant perhaps, and all the known ones."""
    names = list(known)
    match = difflib.get_close_matches(name, names, 1)
    meant = f" (did you mean {match[0]!r}?)" if match else ""
    return f"{meant}; known: {', '.join(names)}"


def _texts(path: Path, section: str, content: object) -> dict[str, str]:
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise BadSource(f'{path}: [{section}] must hold lines such as foreign = "ours"')
    return content
