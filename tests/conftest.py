"""What several folders' tests need: a real Neo4j, and the public data."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph import neo4j_server as local_neo4j
from graph.neo4j_server import ServerInfo
from shopgraph.errors import DependencyMissing
from tests.shops import client, serving, trained_shop

__all__ = ["client", "data_dir", "neo4j_url", "serving", "trained_shop"]


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerInfo]:
    """A real Neo4j that lives as long as the test session."""
    home = tmp_path_factory.mktemp("neo4j")
    try:
        info = local_neo4j.up(home)
    except DependencyMissing as exc:
        if os.environ.get("SHOPGRAPH_REQUIRE_NEO4J") == "1":
            raise
        pytest.skip(str(exc))
    yield info
    local_neo4j.down(home)


@pytest.fixture
def neo4j_url(neo4j_server: ServerInfo) -> str:
    """A store URL of that server; other tests have written into it."""
    return neo4j_server.store_url


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of public data sets."""
    folder = os.environ.get("SHOPGRAPH_DATA")
    if not folder:
        pytest.skip("SHOPGRAPH_DATA does not name a folder of public data")
    return Path(folder)
