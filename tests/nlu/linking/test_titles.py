from nlu.linking.titles import Titles
from nlu.names import NodeNames, fold, tokens
from shopgraph.types import ITEM

TITLES = Titles(
    [
        NodeNames(ITEM, "short", ("Red Lip Stain",)),
        NodeNames(ITEM, "long", ("Red Lip Stain Limited Edition",)),
        NodeNames(ITEM, "two", ("Red Lip",)),
    ]
)


def found(text: str) -> list[tuple[str, str]]:
    """What is found in a text, quoted, with the item's id."""
    return [(text[start:end], item.node_id) for start, end, item in TITLES.find(tokens(fold(text)))]


def test_the_longest_title_is_found_inside_a_sentence() -> None:
    assert found("is the red lip stain limited edition vegan") == [("red lip stain limited edition", "long")]
    assert found("is the red lip stain vegan") == [("red lip stain", "short")]


def test_titles_of_two_words_name_nothing() -> None:
    assert found("a red lip") == []
