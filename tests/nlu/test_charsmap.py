import struct

import pytest
from tokenizers.normalizers import Precompiled

from nlu.charsmap import pack_charsmap, with_compositions


def test_replacements_are_applied_and_the_rest_is_kept() -> None:
    normaliser = Precompiled(pack_charsmap({"Ａ": "A", "½": "1⁄2", "\u200b": " ", "ﷺ": "صلى", "🈁": "ココ"}))
    assert normaliser.normalize_str("Ａb ½\u200bﷺ🈁🈂") == "Ab 1⁄2 صلىココ🈂"


def test_a_character_may_be_replaced_by_nothing() -> None:
    assert Precompiled(pack_charsmap({"\x07": "", "x": "y"})).normalize_str("a\x07x") == "ay"


def test_no_two_characters_are_mixed_up() -> None:
    """Every third character of a wide range is replaced; its neighbours share bytes with it and must stay."""
    characters = [chr(point) for point in range(0xA1, 0x2FFF) if not 0x300 <= point < 0x370]
    replacements = {char: f"<{ord(char):x}>" for char in characters[::3]}
    normaliser = Precompiled(pack_charsmap(replacements))
    wrong = [char for char in characters if normaliser.normalize_str(char) != replacements.get(char, char)]
    assert wrong == []


def test_the_trie_comes_first_with_its_length_in_bytes() -> None:
    packed = pack_charsmap({"a": "b"})
    (n_bytes,) = struct.unpack_from("<I", packed)
    assert n_bytes % 4 == 0
    assert packed[4 + n_bytes :] == b"b\0"


@pytest.mark.parametrize(("pair", "composed"), [("e\u0301", "é"), ("u\u0308", "ü"), ("и\u0306", "й")])
def test_a_letter_and_its_mark_become_one_character(pair: str, composed: str) -> None:
    assert Precompiled(pack_charsmap(with_compositions({}))).normalize_str(f"x{pair}y") == f"x{composed}y"
