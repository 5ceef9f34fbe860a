import pytest

from nlu.grammar.kinds import attribute_kind
from shopgraph.types import Slot


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("red", "colour"),
        ("deep red", "colour"),
        ("navy blue", "colour"),
        ("dry skin", ""),
        ("14 inch", "length"),
    ],
)
def test_what_a_thing_has_only_one_of(name: str, kind: str) -> None:
    assert attribute_kind(Slot(name, "Attribute", "", name, 1.0)) == kind
