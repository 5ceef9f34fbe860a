import pytest

from nlu.llm.model import Filled, Form
from shopgraph.errors import LanguageModelFailed

FORM = Form(one={"sort": ("none", "newest")}, some={"brand": ("b1", "b2", "b3")}, most=2)


def test_the_schema_is_strict_and_its_enums_are_the_options() -> None:
    assert FORM.schema() == {
        "type": "object",
        "properties": {
            "sort": {"type": "string", "enum": ["none", "newest"]},
            "brand": {
                "type": "array",
                "items": {"type": "string", "enum": ["b1", "b2", "b3"]},
                "maxItems": 2,
            },
        },
        "required": ["sort", "brand"],
        "additionalProperties": False,
    }


def test_a_filled_form_is_read_and_repeats_count_once() -> None:
    assert FORM.read({"brand": ["b2", "b2"], "sort": "none"}) == Filled({"sort": "none"}, {"brand": ("b2",)})


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"sort": "none"},
        {"sort": "none", "brand": [], "price_max": 1},
        {"sort": "none", "brand": ["b4"]},
        {"sort": "none", "brand": ["B1"]},
        {"sort": "none", "brand": "b1"},
        {"sort": "none", "brand": [["b1"]]},
        {"sort": "none", "brand": ["b1", "b2", "b3"]},
        {"sort": None, "brand": []},
        {"sort": "cheapest", "brand": []},
    ],
)
def test_whatever_is_out_of_form_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(LanguageModelFailed):
        FORM.read(content)
