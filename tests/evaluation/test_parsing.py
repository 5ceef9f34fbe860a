from typing import Any

import pytest

from evaluation.labelled_queries import FlatExclude, FlatQuery, LabelledQuery, Optionals
from evaluation.parsing import differences, parsing_scores, scores_by_group


def labelled(query_id: str = "a", shop: str = "demo", language: str = "en", **parsed: Any) -> LabelledQuery:
    return LabelledQuery(id=query_id, shop=shop, language=language, text="…", parsed=FlatQuery(**parsed))


def test_f1_adds_up_over_queries_before_it_divides() -> None:
    queries = [labelled("a", category=("Mugs",)), labelled("b", category=("Mugs", "Woks", "Tents"))]
    answers = {"a": FlatQuery(category=("Mugs",)), "b": FlatQuery(category=("Mugs", "Lanterns"))}
    # hits 1 + 1, wrong 0 + 1 (Lanterns), missed 0 + 2 (Woks, Tents)
    assert parsing_scores(queries, answers).category == pytest.approx(2 * 2 / (2 * 2 + 1 + 2))


def test_nothing_to_find_and_nothing_found_is_right() -> None:
    scores = parsing_scores([labelled()], {"a": FlatQuery()})
    assert (scores.brand, scores.attribute, scores.exclude, scores.frame) == (1, 1, 1, 1)


def test_a_name_out_of_nothing_is_wrong() -> None:
    assert parsing_scores([labelled()], {"a": FlatQuery(brand=("Dove",))}).brand == 0


def test_intent_is_a_share_of_queries() -> None:
    queries = [labelled("a", intent="service"), labelled("b", intent="chitchat"), labelled("c")]
    answers = {"a": FlatQuery(intent="service"), "b": FlatQuery(), "c": FlatQuery()}
    assert parsing_scores(queries, answers).intent == pytest.approx(2 / 3)


def test_a_price_needs_both_ends() -> None:
    queries = [
        labelled("a", price_min=20, price_max=30),
        labelled("b", price_max=7.5),
        labelled("c"),
        labelled("d"),
    ]
    answers = {
        "a": FlatQuery(price_max=30),
        "b": FlatQuery(price_max=7.5),
        "c": FlatQuery(),
        "d": FlatQuery(price_max=50),  # a size taken for a price
    }
    scores = parsing_scores(queries, answers)
    assert scores.price == pytest.approx(2 / 4)
    assert scores.price_stated == pytest.approx(1 / 3)
    assert scores.n_prices == 3


@pytest.mark.parametrize(
    ("label", "answer"),
    [
        (FlatQuery(attribute=("paraben free",)), FlatQuery(exclude=FlatExclude(attribute=("parabens",)))),
        (FlatQuery(exclude=FlatExclude(attribute=("parabens",))), FlatQuery(attribute=("paraben-free",))),
        (FlatQuery(attribute=("non greasy",)), FlatQuery(exclude=FlatExclude(attribute=("greasy",)))),
        (FlatQuery(attribute=("paraben free",)), FlatQuery(attribute=("parabens free",))),
    ],
)
def test_free_of_something_is_that_ruled_out(label: FlatQuery, answer: FlatQuery) -> None:
    query = LabelledQuery(id="a", shop="demo", language="en", text="…", parsed=label)
    scores = parsing_scores([query], {"a": answer})
    assert (scores.attribute, scores.exclude, scores.frame_and_attributes) == (1, 1, 1)


def test_wanting_what_is_ruled_out_is_wrong_twice() -> None:
    query = labelled(exclude=FlatExclude(attribute=("parabens",)))
    scores = parsing_scores([query], {"a": FlatQuery(attribute=("parabens",))})
    assert (scores.attribute, scores.exclude, scores.frame) == (0, 0, 0)


def test_a_free_claim_counts_where_the_label_says_it() -> None:
    query = labelled(attribute=("vegan", "sulfate free"), exclude=FlatExclude(attribute=("alcohol",)))
    scores = parsing_scores([query], {"a": FlatQuery(attribute=("vegan",))})
    assert scores.attribute == pytest.approx(2 / (2 + 1))  # sulfates missed
    assert scores.exclude == 0  # alcohol missed


def test_exclude_takes_brands_categories_and_attributes_together() -> None:
    query = labelled(exclude=FlatExclude(brand=("OPI", "Essie"), category=("Soaps",), attribute=("talc",)))
    answer = FlatQuery(exclude=FlatExclude(brand=("OPI",), category=("Soaps", "Oils"), attribute=("talc",)))
    # hits OPI, Soaps, talc; wrong Oils; missed Essie
    assert parsing_scores([query], {"a": answer}).exclude == pytest.approx(6 / (6 + 1 + 1))


def test_the_frame_asks_for_all_but_attributes() -> None:
    query = labelled(category=("Mugs",), attribute=("red",), audience="kids", sort="newest", price_max=20)
    right = {"category": ("Mugs",), "audience": "kids", "sort": "newest", "price_max": 20}
    scores = parsing_scores([query], {"a": FlatQuery.model_validate(right)})
    assert (scores.frame, scores.frame_and_attributes) == (1, 0)
    for wrong in (
        {"audience": None},
        {"sort": None},
        {"category": ()},
        {"price_max": 21},
        {"intent": "compare"},
    ):
        assert parsing_scores([query], {"a": FlatQuery.model_validate(right | wrong)}).frame == 0


def test_what_is_optional_is_neither_asked_for_nor_wrong() -> None:
    may = Optionals(attribute=("fit me", "dye free"), category=("Lips",))
    query = labelled(attribute=("matte",)).model_copy(update={"optional": may})
    for answer in (
        FlatQuery(attribute=("matte",)),
        FlatQuery(
            attribute=("matte", "fit me"), category=("Lips",), exclude=FlatExclude(attribute=("dyes",))
        ),
    ):
        scores = parsing_scores([query], {"a": answer})
        assert (scores.attribute, scores.category, scores.exclude, scores.frame_and_attributes) == (
            1,
            1,
            1,
            1,
        )


def test_differences_name_the_wrong_parts() -> None:
    query = labelled(category=("Mugs",), attribute=("red",), price_max=20)
    assert differences(query, FlatQuery(category=("Mugs",), price_max=25)) == ("attribute", "price")


def test_groups_are_languages_shops_and_pairs() -> None:
    queries = [labelled("a", "demo", "en"), labelled("b", "beauty", "zh"), labelled("c", "beauty", "en")]
    answers = {"a": FlatQuery(), "b": FlatQuery(intent="service"), "c": FlatQuery()}
    groups = scores_by_group(queries, answers)
    assert set(groups) == {"all", "en", "zh", "demo", "beauty", "demo-en", "beauty-zh", "beauty-en"}
    assert (groups["en"].intent, groups["beauty"].intent, groups["beauty-zh"].intent) == (1, 0.5, 0)


def test_a_query_without_an_answer_is_named() -> None:
    with pytest.raises(ValueError, match="'b'"):
        parsing_scores([labelled("a"), labelled("b")], {"a": FlatQuery()})
    with pytest.raises(ValueError, match="no query"):
        parsing_scores([], {})
