"""ranking/phrases.py: one plain sentence a reason, in two languages."""

import pytest

from ranking.phrases import (
    LANGUAGES,
    Language,
    PastItem,
    against,
    feature_sentence,
    item_item_sentence,
    latent_sentence,
    path_sentence,
    text_sentence,
)
from shopgraph.types import NamedNode, PathEdge

PAST = NamedNode("Item", "i1", "Red Shoe")
ITEM = NamedNode("Item", "i2", "Blue Shoe")
BRAND = NamedNode("Brand", "Acme", "Acme")
COLOUR = NamedNode("Attribute", "colour:red", "red")
BOUGHT = PastItem("Red Shoe", "purchase")


def there_and_back(relation: str, node: NamedNode) -> tuple[NamedNode | PathEdge, ...]:
    return (PAST, PathEdge(relation, True), node, PathEdge(relation, False), ITEM)


@pytest.mark.parametrize(
    ("path", "english", "chinese"),
    [
        (
            there_and_back("MADE_BY", BRAND),
            "Like “Red Shoe” that you bought, it is made by Acme.",
            "与您买过的「Red Shoe」一样，这件商品是Acme的产品。",
        ),
        (
            there_and_back("HAS_ATTRIBUTE", COLOUR),
            "Like “Red Shoe” that you bought, it has “colour: red”.",
            "与您买过的「Red Shoe」一样，这件商品具有「colour: red」。",
        ),
        (
            (PAST, PathEdge("ALSO_BOUGHT", True), ITEM),
            "Shoppers of “Red Shoe” that you bought also bought this.",
            "购买了您买过的「Red Shoe」的顾客也买了这件商品。",
        ),
        (
            (PAST, PathEdge("BOUGHT_TOGETHER", False), ITEM),
            "This is often bought together with “Red Shoe” that you bought.",
            "这件商品常与您买过的「Red Shoe」一起购买。",
        ),
        (
            (
                PAST,
                PathEdge("ALSO_BOUGHT", True),
                NamedNode("RelatedItem", "r", "Sock"),
                PathEdge("ALSO_VIEWED", False),
                ITEM,
            ),
            "“Red Shoe” that you bought is bought by shoppers who buy “Sock”, "
            "and this is viewed by shoppers who view “Sock”.",
            "您买过的「Red Shoe」常被购买「Sock」的顾客购买；这件商品也常被浏览「Sock」的顾客浏览。",
        ),
        (
            there_and_back("SOLD_AT", NamedNode("Place", "p", "Town Hall")),
            "Like “Red Shoe” that you bought, it is linked by “sold at” to “Town Hall”.",
            "与您买过的「Red Shoe」一样，这件商品与「Town Hall」有“sold at”关系。",
        ),
    ],
)
def test_path_sentence(path: tuple[NamedNode | PathEdge, ...], english: str, chinese: str) -> None:
    assert path_sentence(path, BOUGHT, "en") == english
    assert path_sentence(path, BOUGHT, "zh") == chinese


def test_two_hop_path_names_every_node_between() -> None:
    path = (
        PAST,
        PathEdge("IN_CATEGORY", True),
        NamedNode("Category", "c1", "Sneakers"),
        PathEdge("CHILD_OF", True),
        NamedNode("Category", "c0", "Shoes"),
        PathEdge("IN_CATEGORY", False),
        ITEM,
    )
    assert path_sentence(path, BOUGHT, "en") == (
        "“Red Shoe” that you bought is in “Sneakers”, which is part of “Shoes”, and this is in “Shoes”."
    )
    assert "，它归于「Shoes」" in path_sentence(path, BOUGHT, "zh")


@pytest.mark.parametrize(
    ("event", "english", "chinese"),
    [
        ("view_item", "viewed", "看过"),
        ("select_item", "picked", "点选过"),
        ("add_to_cart", "put in the cart", "加入购物车"),
        ("rate", "rated", "评价过"),
        ("purchase", "bought", "买过"),
        ("unheard_of", "chose", "选择过"),
    ],
)
def test_verb_is_the_events(event: str, english: str, chinese: str) -> None:
    past = PastItem("Red Shoe", event)
    assert f"“Red Shoe” that you {english}" in item_item_sentence(past, "en")
    assert f"您{chinese}" in item_item_sentence(past, "zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_made_up_past_claims_no_deed_of_the_shopper(language: Language) -> None:
    sentence = path_sentence(there_and_back("MADE_BY", BRAND), PastItem("Red Shoe", None), language)
    assert "you" not in sentence
    assert "您" not in sentence


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_with_braces_and_markup_stay_as_they_are(language: Language) -> None:
    nasty = NamedNode("Brand", "b", "{node} <b>%s</b> {0}")
    past = PastItem("{past} {}", "purchase")
    assert "{node} <b>%s</b> {0}" in path_sentence(there_and_back("MADE_BY", nasty), past, language)
    assert "{past} {}" in path_sentence((PAST, PathEdge("ALSO_VIEWED", True), ITEM), past, language)
    assert "{relation}" in feature_sentence("{relation}", language)
    assert "{x}" in text_sentence("{x}", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_a_sentence_that_ends(language: Language) -> None:
    names = [
        "popularity",
        "trending",
        "newness",
        "price_fit",
        "text_profile",
        "seen_before",
        "bought_again",
        "odd",
    ]
    names += ["affinity:MADE_BY", "affinity:IN_CATEGORY", "affinity:SOLD_AT"]
    sentences = [feature_sentence(name, language) for name in names]
    sentences += [
        latent_sentence("", language),
        latent_sentence("text", language),
        text_sentence("", language),
        item_item_sentence(BOUGHT, language),
    ]
    assert all(sentence.endswith("." if language == "en" else "。") for sentence in sentences)
    assert len(set(sentences)) == len(sentences)
    assert against(sentences[0], language) != sentences[0]
