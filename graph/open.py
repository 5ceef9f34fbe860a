"""From a store's URL to the store."""

import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from graph.neo4j_store import Neo4jStore
from graph.sqlite_store import SqliteStore
from graph.store import GraphStore
from shopgraph.errors import BadSettings

FORMS = "sqlite:///folder/shop.db or neo4j://user:password@host:7687"


def open_store(url: str, *, timeout_s: float = 10.0, password: str | None = None) -> GraphStore:
    """The store that a URL names.

    `sqlite:///shop.db` is relative to the working folder, `sqlite:////srv/shop.db` absolute,
    `sqlite://` lives in memory. In a `neo4j://` or `bolt://` URL (`+s`, `+ssc` for TLS) user and
    password are percent-encoded; `password` stands in for one that the URL lacks.

    Raises:
        BadSettings: not a URL of that form; the message never repeats the password.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "sqlite":
            if parts.netloc:
                raise BadSettings(f"store URL {url!r}: write three slashes before the path, as in {FORMS}")
            path = parts.path.removeprefix("/")
            return SqliteStore(Path(unquote(path)) if path else None, timeout_s=timeout_s)
        case scheme if re.fullmatch(r"(neo4j|bolt)(\+s|\+ssc)?", scheme):
            return _open_neo4j(parts, password, timeout_s)
        case _:
            raise BadSettings(f"store URL with the scheme {parts.scheme!r}; expected {FORMS}")


def _open_neo4j(parts: SplitResult, password: str | None, timeout_s: float) -> Neo4jStore:
    if parts.password is not None:
        password = unquote(parts.password)
    if not parts.hostname or not parts.username or password is None:
        raise BadSettings(f"store URL for Neo4j lacks host, user or password; expected {FORMS}")
    host = parts.netloc.rpartition("@")[2]
    try:
        port = parts.port or 7687
    except ValueError as exc:
        raise BadSettings(f"store URL for Neo4j at {host!r}: not a usable port; expected {FORMS}") from exc
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Neo4jStore(f"{parts.scheme}://{name}:{port}", unquote(parts.username), password, timeout_s)
