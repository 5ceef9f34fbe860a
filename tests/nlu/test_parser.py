from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.names import BRAND, CATEGORY, NodeNames
from nlu.parser import MAX_CHARACTERS, QueryParser

PARSER = QueryParser(
    [
        NodeNames(CATEGORY, "Hair > Shampoos", ("Shampoos", "洗发水")),
        NodeNames(CATEGORY, "Pets > Shampoos", ("Shampoos",)),
        NodeNames(CATEGORY, "Face", ("Face",)),
        NodeNames(BRAND, "Kérastase", ("Kérastase", "卡诗")),
    ]
)


def test_brand_category_and_rest_are_taken_apart() -> None:
    parsed = PARSER.parse("Kerastase shampoo, for dry hair")
    assert [(slot.text, slot.node_id, slot.name) for slot in parsed.brand] == [
        ("Kerastase", "Kérastase", "Kérastase")
    ]
    assert [(slot.node_id, slot.confidence) for slot in parsed.category] == [
        ("Hair > Shampoos", 0.5),
        ("Pets > Shampoos", 0.5),
    ]
    assert parsed.rest == "for dry hair"
    assert parsed.language == "en"
    assert parsed.took_ms >= 0


def test_chinese_needs_no_spaces() -> None:
    parsed = PARSER.parse("卡诗的洗发水 去屑")
    assert [slot.node_id for slot in parsed.brand] == ["Kérastase"]
    assert [slot.node_id for slot in parsed.category] == ["Hair > Shampoos"]
    assert parsed.rest == "去屑"
    assert parsed.language == "zh"


def test_a_name_twice_is_one_slot() -> None:
    parsed = PARSER.parse("face, FACE")
    assert len(parsed.category) == 1
    assert parsed.rest == ""


def test_without_names_the_whole_text_is_rest() -> None:
    parsed = PARSER.parse("  something (nice)! ")
    assert parsed.text == "  something (nice)! "
    assert parsed.rest == "something (nice)!"
    assert (parsed.brand, parsed.category) == ((), ())


def test_emoji_empty_and_control_characters_get_an_answer() -> None:
    assert PARSER.parse("😀👍").rest == "😀👍"
    assert PARSER.parse("").rest == ""
    assert PARSER.parse("\x00\x1b").rest == ""
    assert PARSER.parse("fa\x00ce").rest == "fa ce"
    assert PARSER.parse("\ud800 face").category[0].node_id == "Face"


def test_what_is_too_long_is_cut() -> None:
    parsed = PARSER.parse("word " * 1_000_000 + "face")
    assert len(parsed.rest) <= MAX_CHARACTERS
    assert parsed.category == ()


def test_a_shop_without_names_parses() -> None:
    assert QueryParser([]).parse("face").rest == "face"


@settings(max_examples=200)
@given(st.text(alphabet=st.sampled_from("fFaAcCeE shampoo洗发水卡诗,.&'İß\u0301\x00😀"), max_size=60))
def test_slots_quote_the_query_and_rest_holds_no_new_words(text: str) -> None:
    parsed = PARSER.parse(text)
    assert set(parsed.rest) <= set(PARSER.parse(text + " ").rest) | set(" ")
    for slot in (*parsed.brand, *parsed.category):
        assert slot.text
        assert slot.text not in parsed.rest or len(slot.text) < len(parsed.text)
