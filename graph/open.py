"""From a store's URL to the store."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from graph.sqlite_store import SqliteStore
from graph.store import GraphStore
from shopgraph.errors import BadSettings

FORMS = "sqlite:///folder/shop.db or neo4j://user:password@host:7687"


def open_store(url: str, *, timeout_s: float = 10.0) -> GraphStore:
    """The store that a URL names.

    `sqlite:///shop.db` is relative to the working folder, `sqlite:////srv/shop.db` absolute,
    `sqlite://` lives in memory. In a `neo4j://` or `bolt://` URL (`+s`, `+ssc` for TLS) user and
    password are percent-encoded.

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
        case _:
            raise BadSettings(f"store URL with the scheme {parts.scheme!r}; expected {FORMS}")
