"""The tables of words that come with the package, read once."""

from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=16)
def table(name: str) -> tuple[tuple[str, ...], ...]:
    """The rows of `data/<name>.tsv`: tab-separated cells, without comments and empty lines."""
    text = files("nlu.grammar").joinpath("data", f"{name}.tsv").read_text(encoding="utf-8")
    lines = (line for line in text.split("\n") if line and not line.startswith("#"))
    return tuple(tuple(line.split("\t")) for line in lines)


def words(cell: str) -> tuple[str, ...]:
    """The words of a cell, which stand between bars."""
    return tuple(filter(None, cell.split("|")))
