import pytest

from nlu.grammar.reader import Grammar
from nlu.names import tidy
from tests.nlu.grammar.shops import SHOP

GRAMMAR = Grammar(SHOP)


def named(text: str, layer: str, excluded: bool = False) -> list[str]:
    """The names of one label that a text holds, in order."""
    slots = GRAMMAR.read(tidy(text)).slots
    return [mark.name for mark in slots if mark.sense.layer == layer and mark.excluded == excluded]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SHAMPOO for dry hair", ["Shampoos"]),
        ("myshampoo", []),
        ("eye liner", ["Eyeliner"]),
        ("洗髮水", ["Shampoos"]),
        ("眼线笔和口红", ["Eyeliner", "Lipstick"]),
        ("face cream", ["Creams"]),
        ("something for my face", ["Face"]),
        ("hair care shampoo", ["Shampoos"]),
        ("lipstick and eyeliner", ["Lipstick", "Eyeliner"]),
        ("pomade", ["Pomades & Waxes"]),
        ("green tea", ["Green Teas"]),
        ("green tea serum", ["Serums"]),
        ("面包机", []),
        ("包", ["Bags"]),
        ("nailpolish", ["Nail Polish"]),
        ("shampo", ["Shampoos"]),
    ],
)
def test_categories(text: str, names: list[str]) -> None:
    assert named(text, "Category") == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("loreal paris shampoo", ["L'Oréal Paris"]),
        ("欧莱雅洗发水", ["L'Oréal Paris"]),
        ("elf lipstick", ["e.l.f. Cosmetics"]),
        ("E.L.F. lipstick", ["e.l.f. Cosmetics"]),
        ("shelf", []),
        ("兰蔻洗发水", ["Lancôme"]),
        ("revlom lipstick", ["Revlon"]),
        ("is it good", []),
        ("It is good", []),
        ("IT IS GOOD", []),
        ("it", ["It"]),
        ("laptop HP", ["HP"]),
        ("hp laptop", []),
        ("4711 drops", []),
        ("4711", ["4711"]),
        ("clean skin", []),
        ("Clean skin", []),
        ("perfume by Clean", ["Clean"]),
        ("something by clean", ["Clean"]),
        ("ivory lipstick", []),
        ("lipstick by ivory", ["Ivory"]),
    ],
)
def test_brands(text: str, names: list[str]) -> None:
    assert named(text, "Brand") == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("waterproof red lipstick", ["waterproof", "red"]),
        ("防水的红色口红", ["waterproof", "red"]),
        ("dry and sensitive skin", ["dry skin", "sensitive skin"]),
        ("paraben-free shampoo", ["paraben free"]),
        ("sulfate and paraben free shampoo", ["sulfate free", "paraben free"]),
        ("无硅油洗发水", ["silicone free"]),
        ("不油腻的", ["non greasy"]),
        ("green tea serum", ["green tea"]),
        ("razor", ["razor"]),
        ("color", []),
        ("what color is the Revlon lipstick", ["color"]),
    ],
)
def test_attributes(text: str, names: list[str]) -> None:
    assert named(text, "Attribute") == names


def test_claims_without_a_name_are_kept() -> None:
    assert [claim.name for claim in GRAMMAR.read("bpa-free, non clumping bags").claims] == [
        "bpa free",
        "non clumping",
    ]


@pytest.mark.parametrize(
    ("text", "layer", "out", "wanted"),
    [
        (
            "shampoo without parabens or sulfates for dry hair",
            "Attribute",
            ["paraben", "sulfate"],
            ["dry hair"],
        ),
        ("not Revlon, a red lipstick", "Brand", ["Revlon"], []),
        ("not Revlon, a red lipstick", "Category", [], ["Lipstick"]),
        ("no glitter nail polish", "Category", [], ["Nail Polish"]),
        ("no glitter nail polish", "Attribute", ["glitter"], []),
        ("no lipstick please", "Category", ["Lipstick"], []),
        ("anything except Revlon and Lancôme", "Brand", ["Revlon", "Lancôme"], []),
        ("I'm allergic to nuts, need a shampoo", "Attribute", ["nut"], []),
        ("I'm allergic to nuts, need a shampoo", "Category", [], ["Shampoos"]),
        ("我不要欧莱雅的口红", "Brand", ["L'Oréal Paris"], []),
        ("我不要欧莱雅的口红", "Category", [], ["Lipstick"]),
        ("除了兰蔻以外的洗发水", "Brand", ["Lancôme"], []),
        ("不含酒精和香精的精华液", "Attribute", ["alcohol", "fragrance"], []),
        ("酒精过敏，推荐精华液", "Attribute", ["alcohol"], []),
        ("欧莱雅不要", "Brand", ["L'Oréal Paris"], []),
        ("not sure, maybe a red lipstick", "Attribute", [], ["red"]),
        ("not only red", "Attribute", [], ["red"]),
        ("lipstick no fragrance but matte", "Attribute", ["fragrance"], ["matte"]),
        ("除了口红还要眼线笔吗", "Category", ["Lipstick"], ["Eyeliner"]),
    ],
)
def test_what_is_ruled_out(text: str, layer: str, out: list[str], wanted: list[str]) -> None:
    assert named(text, layer, excluded=True) == out
    assert named(text, layer) == wanted


@pytest.mark.parametrize(
    ("text", "audience"),
    [
        ("shampoo for my baby girl", "baby"),
        ("gift for my wife and kids", "kids"),
        ("给爸爸的礼物", "men"),
        ("女朋友生日", "women"),
        ("men's outerwear", "men"),
        ("shampoo, not for men", None),
        ("奶奶用的面霜", "seniors"),
        ("lipstick", None),
    ],
)
def test_audience(text: str, audience: str | None) -> None:
    assert GRAMMAR.read(tidy(text)).audience == audience


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("cheapest shampoo", "price_asc"),
        ("cheap shampoo", None),
        ("best shampoo", None),
        ("most expensive lipstick", "price_desc"),
        ("newest lipstick", "newest"),
        ("best rated lipstick", "rating"),
        ("best-selling lipstick", "popular"),
        ("销量最高的口红", "popular"),
        ("价格从低到高", "price_asc"),
        ("便宜的口红", None),
    ],
)
def test_order(text: str, order: str | None) -> None:
    assert GRAMMAR.read(tidy(text)).sort == order


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("red lipstick", "find_items"),
        ("what should I use for dry hair?", "find_items"),
        ("dupe for the Lancôme serum", "find_similar"),
        ("something like Revlon lipstick", "find_similar"),
        ("I like Revlon lipstick", "find_items"),
        ("兰蔻精华液平替", "find_similar"),
        ("Revlon vs Lancôme lipstick", "compare"),
        ("兰蔻和欧莱雅哪个好", "compare"),
        ("does the Revlon lipstick contain lead?", "ask_about_item"),
        ("兰蔻精华液含酒精吗", "ask_about_item"),
        ("where is my order?", "service"),
        ("怎么退货", "service"),
        ("hello there!", "chitchat"),
        ("讲个笑话", "chitchat"),
        ("thanks, now a red lipstick", "find_items"),
    ],
)
def test_intent(text: str, intent: str) -> None:
    assert GRAMMAR.read(tidy(text)).intent == intent


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("my hair is so dry and frizzy", ["dry hair", "frizzy hair"]),
        ("皮肤有点干，用什么好", ["dry skin"]),
        ("my skin is lovely", []),
    ],
)
def test_sentences_about_skin_and_hair_say_attributes(text: str, names: list[str]) -> None:
    assert [claim.name for claim in GRAMMAR.read(tidy(text)).claims] == names


def test_a_brand_that_the_shop_lacks_is_kept_apart() -> None:
    (mark,) = [mark for mark in GRAMMAR.read("chanel lipstick").slots if mark.sense.layer == "Brand"]
    assert mark.sense.kind == "absent"
    assert mark.sense.nodes == ()
