"""What the shop says back in a dialogue, in English and in Chinese: short, and only what is so."""

from collections.abc import Sequence
from typing import Literal

from nlu.dialogue.session import OpenOption

Language = Literal["en", "zh"]

_NOUNS = {
    "category": ("kind", "类别"),
    "brand": ("brand", "品牌"),
    "price": ("price", "价位"),
    "audience": ("audience", "适用人群"),
    "colour": ("colour", "颜色"),
    "color": ("colour", "颜色"),
    "material": ("material", "材质"),
    "size": ("size", "尺码"),
    "season": ("season", "季节"),
    "style": ("style", "风格"),
}


def found_items(n_items: int, language: Language) -> str:
    """So many items are listed."""
    if language == "zh":
        return f"为您列出 {n_items} 件商品。" if n_items else "没有符合的商品。"
    if not n_items:
        return "Nothing fits."
    return "Here is 1 item." if n_items == 1 else f"Here are {n_items} items."


def found_price(below: float | None, above: float | None, language: Language) -> str:
    """The prices that the list keeps to because cheaper or dearer ones were wanted."""
    if language == "zh":
        said = [f"低于 {below:g}"] if below is not None else []
        said += [f"高于 {above:g}"] if above is not None else []
        return f"价格{'、'.join(said)}。"
    said = [f"below {below:g}"] if below is not None else []
    said += [f"above {above:g}"] if above is not None else []
    return f"Priced {' and '.join(said)}."


def similar_items(title: str, language: Language) -> str:
    """The list is of items like this one."""
    return f"与“{title}”类似的商品：" if language == "zh" else f"Items like “{title}”:"


def no_more(language: Language) -> str:
    """The list has no further page."""
    return "没有更多商品了。" if language == "zh" else "There is nothing more in this list."


def nothing_shown(language: Language) -> str:
    """Words point at an item, but none was shown there."""
    if language == "zh":
        return "前面的列表里没有这一件。"
    return "No item was shown at that place."


def item_facts(title: str, price: float | None, facts: Sequence[str], language: Language) -> str:
    """An item with what the shop knows of it."""
    in_chinese = language == "zh"
    said = [] if price is None else [f"{'价格' if in_chinese else 'price'} {price:g}"]
    told = ("，" if in_chinese else ", ").join([*said, *facts])
    if not told:
        return f"{title}{'。' if in_chinese else '.'}"
    return f"{title}：{told}。" if in_chinese else f"{title}: {told}."


def item_reasons(title: str, reasons: Sequence[str], language: Language) -> str:
    """Why an item is in the list."""
    if not reasons:
        return f"“{title}”很受欢迎。" if language == "zh" else f"“{title}” is popular in this shop."
    if language == "zh":
        return f"推荐“{title}”的理由：{'；'.join(reasons)}"
    sentences = (reason if reason.endswith((".", ")")) else f"{reason}." for reason in reasons)
    return f"Why “{title}”: {' '.join(sentences)}"


def small_talk(intent: str, language: Language) -> str:
    """An answer where no items are asked for."""
    if language == "zh":
        if intent == "service":
            return "订单、退货和配送请联系本店客服；找商品的话，我可以帮您。"
        return "我可以帮您找商品：想找什么，直接告诉我就行。"
    if intent == "service":
        return "For orders, returns and shipping please ask the shop's service; I help to find items."
    return "I help to find items here: tell me what you are looking for."


def absent(names: Sequence[str], language: Language) -> str:
    """What was named and the shop lacks."""
    quoted = ("、" if language == "zh" else ", ").join(f"“{name}”" for name in names)
    return f"本店没有{quoted}。" if language == "zh" else f"This shop has no {quoted}."


def question(slot: str, options: Sequence[OpenOption], language: Language) -> str:
    """A question with its options and their counts."""
    english, chinese = _NOUNS.get(slot, (slot.replace("_", " "), slot))
    if language == "zh":
        listed = "、".join(f"{option.name}（{option.count}）" for option in options)
        return f"您想要哪种{chinese}？{listed}"
    listed = ", ".join(f"{option.name} ({option.count})" for option in options)
    return f"Which {english} would you like? {listed}"
