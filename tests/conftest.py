"""What several folders' tests need: a real Neo4j, and the public data."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph import neo4j_server
from shopgraph.errors import DependencyMissing
from tests.shops import client, serving, trained_shop

__all__ = ["client", "data_dir", "neo4j_url", "serving", "trained_shop"]


@pytest.fixture(scope="session")
def neo4j_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store URL of a real server that lives as long as the test session."""
    home = tmp_path_factory.mktemp("neo4j")
    try:
        info = neo4j_server.up(home)
    except DependencyMissing as exc:
        if os.environ.get("SHOPGRAPH_REQUIRE_NEO4J") == "1":
            raise
        pytest.skip(str(exc))
    yield info.store_url
    neo4j_server.down(home)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of public data sets."""
    folder = os.environ.get("SHOPGRAPH_DATA")
    if not folder:
        pytest.skip("SHOPGRAPH_DATA does not name a folder of public data")
    return Path(folder)
