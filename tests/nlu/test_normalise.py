import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.normalise import clean, guess_language, normalise


@pytest.mark.parametrize(
    ("typed", "compared"),
    [
        ("  Red\u3000LIPSTICK \n", "red lipstick"),
        ("ＡＢＣ１２３", "abc123"),
        ("STRASSE Straße", "strasse strasse"),
        ("口\u200b红\x00", "口 红"),
        ("\u202egnp.exe", "gnp.exe"),
        ("ﬁne", "fine"),
    ],
)
def test_normalised_texts_compare_equal(typed: str, compared: str) -> None:
    assert normalise(typed) == compared


def test_broken_surrogates_are_replaced() -> None:
    assert clean("a\ud800b") == "a?b"


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert normalise(text).isprintable() or not normalise(text).isascii()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("red lipstick", "en"),
        ("crème 50ml", "en"),
        ("红色口红", "zh"),
        ("SK-II 神仙水", "mixed"),
        ("لوشن", "other"),
        ("口红 りんご", "other"),
        ("😀 123", "other"),
        ("", "other"),
    ],
)
def test_language_follows_the_script(text: str, language: str) -> None:
    assert guess_language(text) == language
