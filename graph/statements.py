"""The statements that lie beside the code, one a file, read once."""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\|[A-Z][A-Z0-9_]*)*")


@cache
def sql(name: str) -> str:
    """The text of `graph/sql/<name>.sql`."""
    return (files("graph") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def cypher(name: str, **names: str) -> str:
    """The text of `graph/cypher/<name>.cypher` with its placeholders filled: `label` goes to `<LABEL>`.

    Cypher takes no parameters for labels, relations and property names: they come from the schema,
    which has checked them, and are checked here once more.

    Raises:
        ValueError: a name that could be more than a name.
    """
    text = _cypher_file(name)
    for placeholder, value in names.items():
        if not _NAME.fullmatch(value):
            raise ValueError(f"{value!r} can't stand in Cypher as {placeholder}")
        text = text.replace(f"<{placeholder.upper()}>", value)
    return text


@cache
def _cypher_file(name: str) -> str:
    return (files("graph") / "cypher" / f"{name}.cypher").read_text(encoding="utf-8")
