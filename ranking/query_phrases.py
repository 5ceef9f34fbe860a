"""What a search's words mean, said of an item and of what was let go, in English and in Chinese."""

from collections.abc import Sequence
from dataclasses import dataclass

from ranking.phrases import Language

_FIELDS = {
    "category": ("category", "分类"),
    "brand": ("brand", "品牌"),
    "attribute": ("attribute", "属性"),
    "audience": ("for", "适用"),
    "price": ("price", "价格"),
}


@dataclass(frozen=True)
class Meaning:
    """Words and the nodes or the value that they mean; no names: only the item's text has the words."""

    field: str
    text: str
    names: tuple[str, ...] = ()


def meaning_sentence(met: Sequence[Meaning], missed: Sequence[Meaning], language: Language) -> str:
    """Which of the words an item meets, and which it does not."""
    said = _listed(met, language)
    if missed and language == "zh":
        return f"{said}{'；' if said else ''}不符合：{_listed(missed, language)}"
    if missed:
        return f"{said}{'; ' if said else ''}not met: {_listed(missed, language)}"
    return said


def relaxed_sentence(meaning: Meaning, language: Language) -> str:
    """Says that something was let go because too few items had it."""
    said = _said(meaning, language)
    if language == "zh":
        return f"符合{said}的商品太少，因此也列出了不符合的商品。"
    return f"Too few items meet {said}, so others are listed too."


def unheard_sentence(words: str, language: Language) -> str:
    """Says that the words mean nothing here, in no text either."""
    if language == "zh":
        return f"没有商品提到“{words}”，以下是最接近的商品。"
    return f"No item's text has “{words}”; what comes nearest is listed."


def price_words(low: float | None, high: float | None, language: Language) -> str:
    """A price range in words."""
    if low is not None and high is not None:
        return f"{low:g}–{high:g}"
    if high is not None:
        return f"{high:g}以内" if language == "zh" else f"up to {high:g}"
    return f"{low:g}以上" if language == "zh" else f"from {low:g}"


def _listed(meanings: Sequence[Meaning], language: Language) -> str:
    return ("，" if language == "zh" else ", ").join(_said(meaning, language) for meaning in meanings)


def _said(meaning: Meaning, language: Language) -> str:
    in_chinese = language == "zh"
    if not meaning.names:
        return f"商品文字中有“{meaning.text}”" if in_chinese else f"‘{meaning.text}’ in its text"
    field = _FIELDS[meaning.field][in_chinese]
    means = " ".join([field, (" / ".join(meaning.names))]).strip()
    if not meaning.text:
        return means
    return f"“{meaning.text}” → {means}" if in_chinese else f"‘{meaning.text}’ → {means}"
