from pathlib import Path

import pytest

from shopgraph.errors import BadSettings
from shopgraph.settings import read_settings

_FILES = sorted((Path(__file__).parents[2] / "benchmarks" / "settings").glob("*.toml"))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_settings_of_a_benchmark_are_read(path: Path) -> None:
    read_settings(path)


def test_amazon_book_adds_the_spectral_filter_to_ease() -> None:
    (path,) = (path for path in _FILES if path.stem == "amazon-book")
    added = set(read_settings(path).hybrid.models) - set(read_settings().hybrid.models)
    assert added == {"spectral"}


def test_groups_that_are_to_be_seen_are_read(tmp_path: Path) -> None:
    path = tmp_path / "shopgraph.toml"
    own = (
        '[[diversity.exposure]]\nname = "own"\nbrands = ["Fjellrev", "Kestrel"]\nfloor = 0.2\nceiling = 0.5\n'
    )
    path.write_text(f"[diversity]\namount = 0.3\n\n{own}", encoding="utf-8")
    diversity = read_settings(path).diversity
    assert (diversity.amount, diversity.method) == (0.3, "dpp")
    (group,) = diversity.exposure
    assert (group.brands, group.floor, group.ceiling) == (("Fjellrev", "Kestrel"), 0.2, 0.5)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('name = "a"\nfloor = 0.5', "names no brand"),
        ('name = "a"\nbrands = ["x"]\nfloor = 0.5\nceiling = 0.4', "above ceiling"),
        (
            'name = "a"\nbrands = ["x"]\nfloor = 0.6\n[[diversity.exposure]]\n'
            'name = "b"\nbrands = ["y"]\nfloor = 0.6',
            "add up to 1.2",
        ),
        (
            'name = "a"\nbrands = ["x"]\n[[diversity.exposure]]\nname = "a"\nbrands = ["y"]',
            "two groups are called 'a'",
        ),
    ],
)
def test_groups_that_contradict_each_other_are_refused(tmp_path: Path, wrong: str, said: str) -> None:
    path = tmp_path / "shopgraph.toml"
    path.write_text(f"[[diversity.exposure]]\n{wrong}\n", encoding="utf-8")
    with pytest.raises(BadSettings, match=said):
        read_settings(path)
