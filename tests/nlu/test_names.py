import pytest

from nlu.names import fold, key_of, singular, tidy, tokens


@pytest.mark.parametrize(
    ("plural", "word"),
    [
        ("brushes", "brush"),
        ("accessories", "accessory"),
        ("glosses", "gloss"),
        ("boxes", "box"),
        ("creams", "cream"),
        ("knives", "knife"),
        ("gloss", "gloss"),
        ("gas", "gas"),
        ("iris", "iris"),
    ],
)
def test_plurals_lose_their_ending(plural: str, word: str) -> None:
    assert singular(plural) == word


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("L’ORÉAL Ｐａｒｉｓ", ("loreal", "paris")),
        ("e.l.f.", ("elf",)),
        ("m.a.c", ("mac",)),
        ("Bath & Body Works", ("bath", "body", "work")),
        ("bath and body works", ("bath", "body", "work")),
        ("護手霜SPF", ("护", "手", "霜", "spf")),
        ("Women's", ("women",)),
    ],
)
def test_what_is_spelled_alike_has_one_key(written: str, key: tuple[str, ...]) -> None:
    assert key_of(written) == key or tuple(map(singular, key)) == key_of(written)


@pytest.mark.parametrize(
    "text", ["İstanbul ß ﬁne", "e\u0301te\u0301", "歐萊雅 LʼOréal", "ǅ…½", "\u0301\u0301"]
)
def test_folding_moves_no_character(text: str) -> None:
    assert len(fold(tidy(text))) == len(tidy(text))


def test_tokens_say_where_they_stand() -> None:
    text = fold(tidy("Crème 护手"))
    assert [(token.key, text[token.start : token.end]) for token in tokens(text)] == [
        ("creme", "creme"),
        ("护", "护"),
        ("手", "手"),
    ]
