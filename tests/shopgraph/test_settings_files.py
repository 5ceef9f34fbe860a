from pathlib import Path

import pytest

from shopgraph.settings import read_settings

_FILES = sorted((Path(__file__).parents[2] / "benchmarks" / "settings").glob("*.toml"))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_settings_of_a_benchmark_are_read(path: Path) -> None:
    read_settings(path)


def test_amazon_book_adds_the_spectral_filter_to_ease() -> None:
    (path,) = (path for path in _FILES if path.stem == "amazon-book")
    added = set(read_settings(path).hybrid.models) - set(read_settings().hybrid.models)
    assert added == {"spectral"}
