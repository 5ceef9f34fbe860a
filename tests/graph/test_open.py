from pathlib import Path

import pytest

from graph.open import open_store
from graph.schema import ShopSchema
from shopgraph.errors import BadSettings


def test_a_sqlite_path_is_percent_decoded(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/my%20shop.db") as store:
        store.prepare(ShopSchema())
    assert (tmp_path / "my shop.db").is_file()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgres://u:hush@h/db", "scheme 'postgres'"),
        ("shop.db", "scheme ''"),
        ("sqlite://shop.db", "three slashes"),
        ("neo4j://localhost:7687", "lacks host, user or password"),
        ("neo4j://neo4j@localhost:7687", "lacks host, user or password"),
        ("neo4j://neo4j:hush@", "lacks host, user or password"),
        ("bolt://neo4j:hush@localhost:port", "not a usable port"),
    ],
)
def test_a_wrong_url_is_named_without_its_password(url: str, says: str) -> None:
    with pytest.raises(BadSettings, match=says) as caught:
        open_store(url)
    assert "hush" not in str(caught.value)


def test_a_password_beside_the_url_is_used_when_the_url_has_none() -> None:
    open_store("neo4j://neo4j@localhost:7687", password="p@ss").close()
