import pytest

from nlu.grammar.amounts import find_price
from nlu.grammar.quantities import find_quantities
from nlu.names import fold, tidy


def bounds(text: str) -> tuple[float | None, float | None, str | None]:
    price = find_price(fold(tidy(text)))
    return price.low, price.high, price.currency


@pytest.mark.parametrize(
    ("text", "low", "high", "currency"),
    [
        ("lipstick under $20", None, 20, "USD"),
        ("no more than 15.50 euros", None, 15.5, "EUR"),
        ("£10 or less", None, 10, "GBP"),
        ("less than fifty dollars", None, 50, "USD"),
        ("for twenty bucks", None, 20, "USD"),
        ("my budget is 50", None, 50, None),
        ("over $50", 50, None, "USD"),
        ("at least 30 but not more than 60", 30, 60, None),
        ("not under 10", 10, None, None),
        ("between 20 and 30 dollars", 20, 30, "USD"),
        ("mascara $10-$20", 10, 20, "USD"),
        ("20 to 40 bucks", 20, 40, "USD"),
        ("from 20 to 40", 20, 40, None),
        ("不超过200元", None, 200, "CNY"),
        ("两百以内", None, 200, None),
        ("预算五百左右", None, 500, None),
        ("50元以上", 50, None, "CNY"),
        ("100到200块的口红", 100, 200, "CNY"),
        ("一百到两百之间", 100, 200, None),
        ("一百五以下", None, 150, None),
        ("20刀以内", None, 20, "USD"),
    ],
)
def test_prices(text: str, low: float | None, high: float | None, currency: str | None) -> None:
    assert bounds(text) == (low, high, currency)


@pytest.mark.parametrize(
    "text",
    [
        "shampoo under 100 ml",
        "2 in 1 shampoo",
        "size 9 boots",
        "7天面膜",
        "women over 50",
        "top 10 shampoo",
        "24 hour foundation",
        "48色眼影盘",
        "15 to 25",
        "37码",
        "spf 50",
    ],
)
def test_quantities_are_no_prices(text: str) -> None:
    assert bounds(text) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SPF50+ sunscreen, 30ml", ["spf 50", "30 ml"]),
        ("2-in-1", ["2 in 1"]),
        ("二合一", ["2 in 1"]),
        ("size 9 boots", ["size 9"]),
        ("37码", ["size 37"]),
        ("5% niacinamide", ["5%"]),
        ("防晒指数30", ["spf 30"]),
        ("100毫升", ["100 ml"]),
        ("3 l'oreal", []),
    ],
)
def test_quantities_have_names(text: str, names: list[str]) -> None:
    assert [quantity.name for quantity in find_quantities(fold(tidy(text)))] == names


def test_pieces_and_days_are_found_without_a_name() -> None:
    assert [quantity.name for quantity in find_quantities("7天面膜 3支")] == ["", ""]


def test_han_letters_beside_a_unit_or_currency_do_not_hide_it() -> None:
    assert [quantity.name for quantity in find_quantities("资生堂防晒spf50 蓝")] == ["spf 50"]
    assert bounds("口红100usd以内") == (None, 100, "USD")
