import numpy as np
import pytest

from nlu.names import BRAND, CATEGORY, NameTable, NodeNames, singular, snapshot_names, tidy
from shopgraph.types import ITEM, EdgeType, NodeTable
from tests.planted import edges, planted_snapshot

NAMES = [
    NodeNames(CATEGORY, "Hair > Shampoos", ("Shampoos", "洗发水")),
    NodeNames(CATEGORY, "Hair > Sets", ("Shampoo & Conditioner Sets",)),
    NodeNames(CATEGORY, "Bags", ("Bags", "包")),
    NodeNames(CATEGORY, "Women's", ("Women's",)),
    NodeNames(CATEGORY, "2024", ("2024",)),
    NodeNames(BRAND, "L'Oréal Paris", ("L'Oréal Paris",)),
    NodeNames(BRAND, "Paris", ("Paris",)),
    NodeNames(BRAND, "e.l.f.", ("e.l.f.",)),
    NodeNames(BRAND, "SK-II", ("SK-II",)),
    NodeNames(BRAND, "HP", ("HP",)),
    NodeNames(BRAND, "It", ("It",)),
    NodeNames(BRAND, "4711", ("4711",)),
    NodeNames(BRAND, "Clean", ("Clean",), ordinary=True),
    NodeNames(BRAND, "Bags", ("Bags",)),
    NodeNames(BRAND, "Lancôme", ("Lancôme", "兰蔻")),
]


def found(text: str) -> list[str]:
    """The ids of all nodes that a text names, in order."""
    return [node.node_id for mention in NameTable(NAMES).find_mentions(tidy(text)) for node in mention.nodes]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("SHAMPOO for dry hair", ["Hair > Shampoos"]),
        ("shampoos", ["Hair > Shampoos"]),
        ("myshampoo", []),
        ("shampoo and conditioner set", ["Hair > Sets"]),
        ("women bags", ["Women's", "Bags"]),
        ("loreal paris shampoo", ["L'Oréal Paris", "Hair > Shampoos"]),
        ("L’ORÉAL Ｐａｒｉｓ", ["L'Oréal Paris"]),
        ("elf", ["e.l.f."]),
        ("E.L.F. brush", ["e.l.f."]),
        ("shelf", []),
        ("sk ii", ["SK-II"]),
        ("兰蔻洗发水", ["Lancôme", "Hair > Shampoos"]),
        ("SK-II洗发水", ["SK-II", "Hair > Shampoos"]),
    ],
)
def test_names_are_found_however_they_are_written(text: str, ids: list[str]) -> None:
    assert found(text) == ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("is it good", []),
        ("It is good", []),
        ("IT IS GOOD", []),
        ("it", ["It"]),
        ("HP laptop", ["HP"]),
        ("laptop HP", ["HP"]),
        ("hp laptop", []),
        ("4711 drops", []),
        ("4711", ["4711"]),
        ("best of 2024", []),
        ("clean skin", []),
        ("Clean skin", []),
        ("perfume by Clean", ["Clean"]),
        ("面包机", []),
        ("包", ["Bags"]),
    ],
)
def test_names_that_are_easily_ordinary_words_need_a_sign(text: str, ids: list[str]) -> None:
    assert found(text) == ids


def test_a_name_of_both_means_the_category() -> None:
    (mention,) = NameTable(NAMES).find_mentions("bags")
    assert {node.label for node in mention.nodes} == {CATEGORY}


def test_all_nodes_of_a_shared_name_are_named() -> None:
    twins = [NodeNames(CATEGORY, f"{top} > Socks", ("Socks",)) for top in ("Men", "Women")]
    (mention,) = NameTable(twins).find_mentions("warm socks")
    assert [node.node_id for node in mention.nodes] == ["Men > Socks", "Women > Socks"]


@pytest.mark.parametrize(
    ("plural", "word"),
    [
        ("brushes", "brush"),
        ("accessories", "accessory"),
        ("glosses", "gloss"),
        ("boxes", "box"),
        ("creams", "cream"),
        ("gloss", "gloss"),
        ("gas", "gas"),
        ("iris", "iris"),
    ],
)
def test_plurals_lose_their_ending(plural: str, word: str) -> None:
    assert singular(plural) == word


def test_a_brand_word_that_other_brands_titles_use_is_ordinary() -> None:
    snapshot = planted_snapshot(n_items=4, n_tastes=2)
    titles = ("Natural soap", "Natural oil", "Dove soap", "Natural wax")
    items = snapshot.items.__class__(
        titles,
        ("",) * 4,
        titles,
        snapshot.items.price,
        snapshot.items.in_stock,
        snapshot.items.created_at,
    )
    nodes = {
        ITEM: snapshot.nodes[ITEM],
        BRAND: NodeTable(("b0", "b1", "b2"), ("Natural", "Dove", "Wax & Co")),
        CATEGORY: NodeTable(("c0",), ("Soaps",), ("香皂",)),
    }
    made_by = {EdgeType(ITEM, "MADE_BY", BRAND): edges(np.arange(4), [0, 1, 1, 2])}
    snapshot = snapshot.__class__(
        nodes, items, snapshot.event_types, snapshot.interactions, made_by, snapshot.now
    )
    names = {node.node_id: node for node in snapshot_names(snapshot)}
    assert {node_id for node_id, node in names.items() if node.ordinary} == {"b0"}
    assert names["c0"].names == ("Soaps", "香皂")
