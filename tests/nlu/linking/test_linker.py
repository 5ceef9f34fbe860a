import numpy as np

from nlu.linking.confidence import misspelt_confidence
from nlu.linking.linker import Linker, NameVectors
from nlu.names import CATEGORY
from shopgraph.types import FloatMatrix, IntVector
from tests.nlu.grammar.shops import SHOP

LINKER = Linker(SHOP)


class NearestFirst:
    """An index that finds its rows in order, whatever is asked."""

    def search(self, queries: FloatMatrix, k: int) -> tuple[FloatMatrix, IntVector]:
        scores = np.full((len(queries), k), 0.0, np.float32)
        rows = np.full((len(queries), k), -1, np.int32)
        rows[:, 0], scores[:, 0] = 0, 1.9
        return scores, rows


def test_a_nearer_and_a_longer_name_is_surer() -> None:
    assert misspelt_confidence(0.9, 10, 5) > misspelt_confidence(0.8, 10, 5)
    assert misspelt_confidence(0.9, 14, 5) > misspelt_confidence(0.9, 6, 5)
    assert 0 < misspelt_confidence(0.0, 0, 0) < misspelt_confidence(1.0, 16, 0) < 1


def test_what_is_missing_comes_with_the_nearest_names() -> None:
    missing = LINKER.missing("shampo bar", "Category")
    assert missing.nearest[0].node_id == "shampoo"
    confidences = [slot.confidence for slot in missing.nearest]
    assert confidences == sorted(confidences, reverse=True)
    assert LINKER.missing("zzzzqqq", "Category").nearest == ()


def test_vectors_find_what_no_spelling_does() -> None:
    serum = next(node for node in SHOP.nodes if node.node_id == "serum")
    linker = Linker(SHOP, NameVectors(NearestFirst(), (serum,)))
    assert serum.label == CATEGORY
    (found, *_) = linker.candidates("zzzzqqq", "Category", np.zeros(4, np.float32))
    assert (found.node_id, found.source) == ("serum", "linker")
