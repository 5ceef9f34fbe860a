import pytest

from nlu.grammar.typos import SpellingIndex

INDEX = SpellingIndex(["neutrogena", "shampoo", "dove", "sunscreen", "lip gloss", "olay", "clean", "cream"])


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("neutrogina", "neutrogena"),
        ("nuetrogenna", "neutrogena"),
        ("shampo", "shampoo"),
        ("sunscren", "sunscreen"),
        ("lip glos", "lip gloss"),
        ("shmapoo", "shampoo"),
    ],
)
def test_misspelt_names_are_found(typed: str, name: str) -> None:
    found = INDEX.nearest(typed)
    assert found is not None
    assert found[0] == name
    assert 0 < found[1] < 1


@pytest.mark.parametrize("typed", ["love", "sham", "poodle", "hampoo", "xylophone", "n", ""])
def test_words_too_far_from_every_name_are_none(typed: str) -> None:
    assert INDEX.nearest(typed) is None


def test_two_names_as_near_are_none() -> None:
    assert INDEX.nearest("crean") is None  # cream or clean
