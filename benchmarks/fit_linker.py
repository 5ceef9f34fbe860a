"""Fits the weights of `nlu.linking.confidence` on the snapshots of shops.

    python benchmarks/fit_linker.py SNAPSHOT_FOLDER… > nlu/linking/data/confidence.json

Wanted links: the names of a shop's brands and categories with one or two letters changed, dropped, doubled or
swapped. Unwanted ones: rare words of its titles that stand in no name and that the spelling index takes for
one. The weights maximise the likelihood of right and wrong links (logistic regression);
wrong ones weigh a fifth in all, as many as shoppers' unknown words are taken to make.
"""

import json
import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from graph.snapshot import load_snapshot
from nlu.grammar.typos import SpellingIndex
from nlu.names import ATTRIBUTE, fold, is_han, key_of, singular, tidy, tokens
from nlu.shop import ShopNames, shop_names
from shopgraph.types import ITEM

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_RARE, _PER_NAME, _WRONG = 2, 4, 0.2
_WEIGHTS = ("constant", "similarity", "letters", "items")


def misspelt(name: str, rng: np.random.Generator) -> str:
    """The name with one letter wrong, and in long names now and then a second."""
    letters = list(name)
    for _ in range(1 + (len(name) >= 10 and rng.random() < 0.3)):
        place = int(rng.integers(1, len(letters) - 1))
        match int(rng.integers(4)):
            case 0:
                letters[place] = _LETTERS[rng.integers(26)]
            case 1:
                del letters[place]
            case 2:
                letters.insert(place, letters[place])
            case _:
                letters[place - 1], letters[place] = letters[place], letters[place - 1]
    return "".join(letters)


def examples(shop: ShopNames, rng: np.random.Generator) -> tuple[list[list[float]], list[bool]]:
    """Features of links and whether they are right."""
    n_items: dict[str, int] = {}
    for node in shop.nodes:
        if node.label not in (ITEM, ATTRIBUTE):
            for name in node.names:
                joined = " ".join(key_of(name))
                if len(joined) >= 5 and not is_han(joined):
                    n_items[joined] = max(node.n_items, n_items.get(joined, 0))
    index = SpellingIndex(n_items)
    name_words = {word for name in n_items for word in name.split(" ")}
    titles = (name for node in shop.nodes if node.label == ITEM for name in node.names)
    counts = Counter(singular(token.key) for title in titles for token in tokens(fold(tidy(title))))
    rare = (word for word, count in counts.items() if count <= _RARE and word not in name_words)
    asked = [(misspelt(name, rng), name) for name in n_items for _ in range(_PER_NAME)]
    asked += [(word, "") for word in rare if word.isalpha() and not is_han(word)]
    features, right = [], []
    for typed, meant in asked:
        if typed in n_items or (found := index.nearest(typed)) is None:
            continue
        name, similarity = found
        row = [1.0, similarity, min(len(name), 16) / 16, math.log1p(n_items[name]) / 8]
        features.append(row)
        right.append(name == meant)
    return features, right


def fit(features: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The weights of the greatest likelihood, with a little shrinkage."""
    heavy = np.where(right, (1 - _WRONG) / max(right.sum(), 1), _WRONG / max((~right).sum(), 1))

    def loss(weights: NDArray[np.float64]) -> float:
        margin = np.where(right, 1.0, -1.0) * (features @ weights)
        return float(heavy @ np.logaddexp(0, -margin) + 1e-4 * weights[1:] @ weights[1:])

    found: NDArray[np.float64] = minimize(loss, np.zeros(features.shape[1])).x
    return found


def main(folders: list[str]) -> None:
    """Fit on all folders and print the weights as JSON; counts go to stderr."""
    rng = np.random.default_rng(0)
    features, right = [], []
    for folder in folders:
        rows, labels = examples(shop_names(load_snapshot(Path(folder))), rng)
        features += rows
        right += labels
    x, y = np.array(features), np.array(right)
    weights = fit(x, y)
    shares = 1 / (1 + np.exp(-x @ weights))
    print(f"{y.sum()} right, {(~y).sum()} wrong links", file=sys.stderr)
    for low in np.arange(0, 1, 0.2):
        inside = (shares >= low) & (shares < low + 0.2)
        if inside.any():
            print(
                f"said {low:.1f}-{low + 0.2:.1f}: {y[inside].mean():.2f} right of {inside.sum()}",
                file=sys.stderr,
            )
    print(json.dumps(dict(zip(_WEIGHTS, (round(float(w), 3) for w in weights), strict=True))))


if __name__ == "__main__":
    main(sys.argv[1:])
