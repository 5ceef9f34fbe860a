"""How sure a link from a span to a node is: a logistic over what is known of it."""

import json
import math
from functools import lru_cache
from importlib.resources import files


def misspelt_confidence(similarity: float, n_letters: int, n_items: int) -> float:
    """The probability that a span near a name means it.

    The weights were fitted on generated misspellings and on words of titles that are no names
    (`benchmarks/fit_linker.py` makes them); `similarity` is 1 − edits / letters.
    """
    weights = _weights()
    total = (
        weights["constant"]
        + weights["similarity"] * similarity
        + weights["letters"] * min(n_letters, 16) / 16
        + weights["items"] * math.log1p(n_items) / 8
    )
    return 1 / (1 + math.exp(-total))


@lru_cache(maxsize=1)
def _weights() -> dict[str, float]:
    text = files("nlu.linking").joinpath("data", "confidence.json").read_text(encoding="utf-8")
    weights: dict[str, float] = json.loads(text)
    return weights
