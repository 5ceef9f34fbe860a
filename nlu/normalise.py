"""Text as people type it → text as we compare it, and a guess at its language."""

import re
import unicodedata
from typing import Literal

Language = Literal["en", "zh", "mixed", "other"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SPACE = re.compile(r"\s+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_OTHER_LETTER = re.compile(
    r"[^\W\d_A-Za-z\u00c0-\u024f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def clean(text: str) -> str:
    """The text without control and direction characters and broken surrogates, single spaces, trimmed."""
    whole = text.encode("utf-8", "replace").decode()
    return _SPACE.sub(" ", _CONTROL.sub(" ", whole)).strip()


def normalise(text: str) -> str:
    """The form in which names and queries are compared: NFKC (width, ligatures), case folded, cleaned."""
    return clean(unicodedata.normalize("NFKC", clean(text)).casefold())


def guess_language(text: str) -> Language:
    """By script: `zh` Han only, `en` Latin only, `mixed` both, `other` no letters or a third script."""
    han, latin = bool(_HAN.search(text)), bool(_LATIN.search(text))
    if _OTHER_LETTER.search(text) or not (han or latin):
        return "other"
    if han and latin:
        return "mixed"
    return "zh" if han else "en"
