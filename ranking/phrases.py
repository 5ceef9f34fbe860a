"""One plain sentence for each reason, in English and in Chinese.

Names are put in as they are: whoever shows a sentence escapes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shopgraph.types import NamedNode, PathEdge

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True)
class PastItem:
    """An item behind a reason and the event that tied the shopper to it; None: nobody's past."""

    name: str
    event: str | None


def path_sentence(path: Sequence[NamedNode | PathEdge], past: PastItem, language: Language) -> str:
    """What a graph path says, from a past item (its first node) to the recommended one (its last)."""
    nodes = [step for step in path if isinstance(step, NamedNode)]
    steps = [step for step in path if isinstance(step, PathEdge)]
    if len(steps) == 1:
        return _direct(steps[0], past, language)
    first, last = steps[0], PathEdge(steps[-1].relation, not steps[-1].forward)
    meeting = _shown(nodes[-2])
    if len(steps) == 2 and first == last:
        return _same(_clause(last, meeting, language), past, language)
    clauses = [
        _clause(step, _shown(node), language) for step, node in zip(steps[:-1], nodes[1:-1], strict=True)
    ]
    ending = _clause(last, meeting, language)
    if language == "zh":
        return f"{_past_zh(past)}{'，它'.join(clauses)}；这件商品也{ending}。"
    return f"{_past_en(past)} {', which '.join(clauses)}, and this {ending}."


def item_item_sentence(past: PastItem, language: Language) -> str:
    """Says that the link was learned from shoppers' behaviour."""
    if language == "zh":
        return f"从顾客行为中学到：选择{_past_zh(past)}的顾客也常选择这件商品。"
    return f"Learned from shoppers: those who chose {_past_en(past)} tend to choose this too."


def latent_sentence(name: str, language: Language) -> str:
    """Says that no path stands behind this share; the one named `text` comes of likeness of texts."""
    if name == "text":
        return {
            "en": "Its title and description read like those of past items.",
            "zh": "标题和描述与过往商品相近。",
        }[language]
    if language == "zh":
        return "模型学到的总体相近程度，没有具体路径可以说明。"
    return "Learned overall closeness to past items, with no path that would explain it."


def shopper_sentence(language: Language) -> str:
    """Says that this share is of the shopper as a whole, no single past item."""
    if language == "zh":
        return "根据您整体的购物习惯学到。"
    return "Learned from what you chose so far as a whole."


def text_sentence(query: str, language: Language, *, in_letters: bool = False, less: bool = False) -> str:
    """Says that the item's text is close to the words, in meaning or in letters; `query` may be empty.

    `less`: that it is less close than texts are in the middle.
    """
    if language == "zh":
        words = f"“{query}”" if query else "搜索内容"
        if less:
            return f"商品描述与{words}的相符程度低于一般商品。"
        return f"商品文字与{words}有相同的字词或字母。" if in_letters else f"商品描述与{words}相符。"
    words = f"“{query}”" if query else "the search"
    if less:
        return f"Its description fits {words} less than most do."
    return (
        f"Its text shares words or letters with {words}." if in_letters else f"Its description fits {words}."
    )


def feature_sentence(name: str, language: Language) -> str:
    """What a feature of the hybrid means."""
    base, _, relation = name.partition(":")
    english, chinese = _FEATURES.get(base, ("Feature “{name}”.", "特征“{name}”。"))
    template = chinese if language == "zh" else english
    return template.format(name=name, relation=_AFFINITY_OBJECTS.get(relation, _generic(relation))[language])


def rule_sentence(name: str, language: Language) -> str:
    """Names the shop's rule."""
    return f"店铺规则“{name}”。" if language == "zh" else f"The shop's rule “{name}”."


def against(sentence: str, language: Language) -> str:
    """The sentence of a share that lowers the score."""
    return sentence + ("（此项拉低了得分）" if language == "zh" else " (This counts against it.)")


def _direct(step: PathEdge, past: PastItem, language: Language) -> str:
    forward_en, backward_en, forward_zh, backward_zh = _DIRECT.get(
        step.relation, _unknown_direct(step.relation)
    )
    if language == "zh":
        sentence = (forward_zh if step.forward else backward_zh).format(past=_past_zh(past))
        return f"{sentence}。"
    sentence = (forward_en if step.forward else backward_en).format(past=_past_en(past))
    return f"{sentence[0].upper()}{sentence[1:]}."


def _same(clause: str, past: PastItem, language: Language) -> str:
    if language == "zh":
        return f"与{_past_zh(past)}一样，这件商品{clause}。"
    return f"Like {_past_en(past)}, it {clause}."


def _clause(step: PathEdge, node: str, language: Language) -> str:
    known = _CLAUSES.get(step.relation, _unknown_clause(step.relation))
    english, chinese = known[:2] if step.forward else known[2:]
    return (chinese if language == "zh" else english).format(node=node)


def _past_en(past: PastItem) -> str:
    verb = _EVENTS[past.event][0] if past.event in _EVENTS else "chose"
    return f"“{past.name}”" if past.event is None else f"“{past.name}” that you {verb}"


def _past_zh(past: PastItem) -> str:
    verb = _EVENTS[past.event][1] if past.event in _EVENTS else "选择过"
    return f"「{past.name}」" if past.event is None else f"您{verb}的「{past.name}」"


def _shown(node: NamedNode) -> str:
    """The name with the attribute's key, as "red" alone says less than "colour: red"."""
    key, colon, _ = node.id.partition(":")
    return f"{key}: {node.name}" if node.label == "Attribute" and colon else node.name


def _words(relation: str) -> str:
    return relation.replace("_", " ").lower().replace("{", "{{").replace("}", "}}")


def _generic(relation: str) -> Mapping[str, str]:
    words = relation.replace("_", " ").lower()
    return {"en": f"what you like by “{words}”", "zh": f"您偏好的“{words}”"}


def _unknown_clause(relation: str) -> tuple[str, str, str, str]:
    english = f"is linked by “{_words(relation)}” to “{{node}}”"
    chinese = f"与「{{node}}」有“{_words(relation)}”关系"
    return english, chinese, english, chinese


def _unknown_direct(relation: str) -> tuple[str, str, str, str]:
    english = f"{{past}} is linked to this by “{_words(relation)}”"
    chinese = f"{{past}}与这件商品有“{_words(relation)}”关系"
    return english, english, chinese, chinese


_EVENTS: Mapping[str | None, tuple[str, str]] = {
    "view_item": ("viewed", "看过"),
    "select_item": ("picked from a list", "点选过"),
    "add_to_cart": ("put in the cart", "加入购物车"),
    "rate": ("rated", "评价过"),
    "purchase": ("bought", "买过"),
}

# relation: forward in English and Chinese, then backward
_CLAUSES: Mapping[str, tuple[str, str, str, str]] = {
    "MADE_BY": ("is made by {node}", "是{node}的产品", "makes “{node}”", "出品「{node}」"),
    "IN_CATEGORY": ("is in “{node}”", "属于「{node}」分类", "holds “{node}”", "包含「{node}」"),
    "CHILD_OF": ("is part of “{node}”", "归于「{node}」", "includes “{node}”", "包括「{node}」"),
    "HAS_ATTRIBUTE": ("has “{node}”", "具有「{node}」", "is a trait of “{node}”", "是「{node}」的特征"),
    "ALSO_BOUGHT": (
        "is bought by shoppers who buy “{node}”",
        "常被购买「{node}」的顾客购买",
        "is bought by shoppers who buy “{node}”",
        "常被购买「{node}」的顾客购买",
    ),
    "ALSO_VIEWED": (
        "is viewed by shoppers who view “{node}”",
        "常被浏览「{node}」的顾客浏览",
        "is viewed by shoppers who view “{node}”",
        "常被浏览「{node}」的顾客浏览",
    ),
    "BOUGHT_TOGETHER": (
        "is bought together with “{node}”",
        "常与「{node}」一起购买",
        "is bought together with “{node}”",
        "常与「{node}」一起购买",
    ),
}

# relation between two items: forward and backward in English, then in Chinese
_DIRECT: Mapping[str, tuple[str, str, str, str]] = {
    "ALSO_BOUGHT": (
        "shoppers of {past} also bought this",
        "shoppers of this also bought {past}",
        "购买了{past}的顾客也买了这件商品",
        "购买了这件商品的顾客也买了{past}",
    ),
    "ALSO_VIEWED": (
        "those who looked at {past} also looked at this",
        "those who looked at this also looked at {past}",
        "浏览了{past}的顾客也看了这件商品",
        "浏览了这件商品的顾客也看了{past}",
    ),
    "BOUGHT_TOGETHER": (
        "{past} is often bought together with this",
        "this is often bought together with {past}",
        "{past}常与这件商品一起购买",
        "这件商品常与{past}一起购买",
    ),
}

_FEATURES: Mapping[str, tuple[str, str]] = {
    "popularity": ("How popular it is with all shoppers.", "它在全体顾客中的受欢迎程度。"),
    "trending": ("How much it is in demand lately.", "它近期的热门程度。"),
    "newness": ("How new it is in the shop.", "它上架的新近程度。"),
    "affinity": ("How much it shares {relation}.", "它与{relation}的契合程度。"),
    "price_fit": (
        "How close its price is to what you usually choose.",
        "它的价格与您通常选择的价位的接近程度。",
    ),
    "text_profile": (
        "How close its description is to those of your past items.",
        "它的描述与您以往商品描述的接近程度。",
    ),
    "bought_again": ("How often and how lately you bought it.", "您购买它的频率与最近程度。"),
    "seen_before": ("That you came across this very item before.", "您之前接触过这件商品。"),
}

_AFFINITY_OBJECTS: Mapping[str, Mapping[str, str]] = {
    "MADE_BY": {"en": "the brands you choose", "zh": "您选择的品牌"},
    "IN_CATEGORY": {"en": "the categories you choose", "zh": "您选择的分类"},
    "HAS_ATTRIBUTE": {"en": "the traits you choose", "zh": "您选择的商品特征"},
    "ALSO_BOUGHT": {"en": "what is bought with your past items", "zh": "与您以往商品一同购买的商品"},
    "ALSO_VIEWED": {"en": "what is viewed with your past items", "zh": "与您以往商品一同浏览的商品"},
    "BOUGHT_TOGETHER": {
        "en": "what is bought together with your past items",
        "zh": "与您以往商品搭配购买的商品",
    },
}
