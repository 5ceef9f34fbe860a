import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.grammar.numbers import to_number


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("1,200", 1200),
        ("1.5k", 1500),
        ("twenty five", 25),
        ("one hundred and fifty", 150),
        ("a hundred", 100),
        ("two thousand", 2000),
        ("两百", 200),
        ("一百五", 150),
        ("一百零五", 105),
        ("两千三", 2300),
        ("十五", 15),
        ("二十", 20),
        ("一万二", 12000),
        ("3千", 3000),
        ("二〇二四", 2024),
    ],
)
def test_numbers_as_they_are_said(said: str, value: float) -> None:
    assert to_number(said) == value


@given(st.text(alphabet="零一二两五十百千万", min_size=1, max_size=12))
def test_any_heap_of_numerals_is_a_number_or_none(said: str) -> None:
    value = to_number(said)
    assert value is None or value >= 0
