import re
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from nlu.tagger.labels import INTENTS, LabelledQuery
from nlu.tagger.noise import lose_space, misspell, traditional
from nlu.tagger.queries import QueryMaker, Split
from nlu.tagger.shop_words import ShopWords, category_forms, general_words, shop_words
from shopgraph.types import NodeTable
from tests.planted import planted_snapshot

TEMPLATES = files("nlu.tagger") / "data"


def drawn(
    words: ShopWords, split: Split = "train", n: int = 2_000, noise: bool = False
) -> list[LabelledQuery]:
    return QueryMaker(words, split, noise).draw_many(n, np.random.default_rng(0))


@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_span_is_a_name_or_word_of_its_kind(words: ShopWords, split: Split) -> None:
    general = general_words()

    def listed(*kinds: str) -> set[str]:
        return {word for kind in kinds for tongue in ("en", "zh") for word in general[kind, tongue]}

    own = {
        kind: {name for thing in things for name in (*thing.en, *thing.zh)}
        for kind, things in vars(words).items()
    }
    allowed = {
        "category": own["categories"] | listed("product"),
        "brand": own["brands"] | listed("make"),
        "item": own["lines"],
        "audience": listed("audience", "owned"),
    }
    attributes = own["attributes"] | listed("adj", "ingredient", "concern", "scent", "colour", "size")
    for query in drawn(words, split):
        for span in query.spans:
            text = query.text[span.start : span.end]
            if span.label in allowed:
                assert text in allowed[span.label], query
            elif span.label == "attribute" and span.excluded:
                assert text in attributes, query
            elif span.label == "price":
                assert re.search(r"\d|[一二三五八十百千]", text), query


def test_spans_lie_in_order_and_apart_even_when_typed_in_a_hurry(words: ShopWords) -> None:
    for query in drawn(words, noise=True):
        ends = [0]
        for span in query.spans:
            assert ends[-1] <= span.start < span.end <= len(query.text), query
            assert query.text[span.start : span.end] == query.text[span.start : span.end].strip(), query
            ends.append(span.end)
        assert query.text == " ".join(query.text.split())


def test_same_seed_gives_the_same_queries_and_another_one_others(words: ShopWords) -> None:
    maker = QueryMaker(words, "train")
    first, again, other = (maker.draw_many(200, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_all_intents_all_labels_and_both_scripts_occur(words: ShopWords) -> None:
    queries = drawn(words)
    assert {query.intent for query in queries} == set(INTENTS)
    said = {(span.label, span.excluded) for query in queries for span in query.spans}
    assert {
        ("brand", True),
        ("category", True),
        ("attribute", True),
        ("price", False),
        ("sort", False),
    } <= said
    assert {
        ("category", False),
        ("brand", False),
        ("attribute", False),
        ("audience", False),
        ("item", False),
    } <= said
    chinese = sum(bool(re.search("[\u4e00-\u9fff]", query.text)) for query in queries) / len(queries)
    assert 0.35 < chinese < 0.7


def test_service_and_chitchat_name_nothing(words: ShopWords) -> None:
    quiet = [query for query in drawn(words) if query.intent in ("service", "chitchat")]
    assert len(quiet) > 100
    assert not any(query.spans for query in quiet)


def test_no_template_of_validation_is_learned_from() -> None:
    train, validation = (
        {line.split("\t")[2].strip().lower() for line in text.splitlines() if "\t" in line and line[0] != "#"}
        for text in (
            (TEMPLATES / f"templates_{split}.tsv").read_text(encoding="utf-8")
            for split in ("train", "validation")
        )
    )
    assert len(validation) > 100
    assert not train & validation


def test_every_slot_of_every_template_can_be_filled(words: ShopWords) -> None:
    for split in ("train", "validation"):
        text = (TEMPLATES / f"templates_{split}.tsv").read_text(encoding="utf-8")
        rows = [line.split("\t") for line in text.splitlines() if line and line[0] != "#"]
        kinds = {(kind, style) for kind, style, _ in rows}
        used = {(kind, style) for _, style, template in rows for kind in re.findall(r"<(\w+)>", template)}
        assert {pair for pair in used if pair[1] != "mixed"} <= kinds
        slots = {slot for _, _, template in rows for slot in re.findall(r"\{[!~]?(\w+)\}", template)}
        general = {kind for kind, _ in general_words()}
        assert slots <= general | {"category", "brand", "line", "attr", "n", "m", "c"}


def test_a_shop_without_names_is_asked_in_general_words() -> None:
    queries = drawn(ShopWords(), n=300)
    assert len(queries) == 300
    assert any(span.label == "category" for query in queries for span in query.spans)


def test_words_of_a_shop_are_its_names() -> None:
    planted = planted_snapshot(n_items=4, n_tastes=2)
    titles = ("Oreal Summit face cream, 50 ml", "Dawn Harbour matte", "Lipstick Item", "Oreal")
    snapshot = replace(
        planted,
        nodes={
            **planted.nodes,
            "Brand": NodeTable(("b0", "b1"), ("L&#39;Oreal, Inc.", "Dawn"), ("", "黎明")),
            "Category": NodeTable(("c0", "c1"), ("Face Creams", "Lipstick")),
            "Attribute": NodeTable(("colour:red", "audience:women"), ("red", "women"), ("红色", "女士")),
        },
        items=replace(planted.items, title=titles, title_zh=("欧莱雅“峰顶”面霜", "", "", "")),
    )
    found = shop_words(snapshot)
    assert found.brands[0].en == ("L'Oreal, Inc.", "L'Oreal", "LOreal")
    assert found.brands[1].names("zh") == ("黎明",)
    assert found.brands[0].weight == pytest.approx(np.sqrt(2))  # two items each
    assert [category.en for category in found.categories] == [("face cream", "face creams"), ("lipstick",)]
    assert [attribute.en for attribute in found.attributes] == [("red",)]  # people are no attribute here
    assert [line.en for line in found.lines] == [("Oreal Summit",), ("Harbour",), ("Item",), ("Oreal",)]
    assert found.lines[0].zh == ("峰顶",)


@pytest.mark.parametrize(
    ("name", "forms"),
    [
        ("Face Creams", ("face cream", "face creams")),
        (
            "Concealers & Neutralizers",
            (
                "concealers & neutralizer",
                "concealers & neutralizers",
                "concealer",
                "concealers",
                "neutralizer",
                "neutralizers",
            ),
        ),
        ("Women", ()),  # people, not things
    ],
)
def test_category_is_written_as_shoppers_do(name: str, forms: tuple[str, ...]) -> None:
    assert category_forms(name) == forms


def test_a_typo_is_one_letter_away_and_short_words_stay() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        found = misspell("moisturizer", rng)
        assert abs(len(found) - len("moisturizer")) <= 1
        assert found[0] == "m"
    assert misspell("spf 50 面霜", rng) == "spf 50 面霜"
    assert lose_space("face cream", rng) == "facecream"
    assert lose_space("面 霜", rng) == "面 霜"
    assert traditional("护发精油") == "護髮精油"
