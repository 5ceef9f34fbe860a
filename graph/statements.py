"""The statements that lie beside the code, one a file, read once."""

from functools import cache
from importlib.resources import files


@cache
def sql(name: str) -> str:
    """The text of `graph/sql/<name>.sql`."""
    return (files("graph") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


@cache
def cypher(name: str) -> str:
    """The text of `graph/cypher/<name>.cypher`, placeholders and all."""
    return (files("graph") / "cypher" / f"{name}.cypher").read_text(encoding="utf-8")
