import pytest

from nlu.dialogue.cues import named_place, read_cues


@pytest.mark.parametrize(
    ("text", "cues"),
    [
        ("Let's start over", {"restart"}),
        ("重新开始吧", {"restart"}),
        ("and a conditioner", {"add"}),
        ("salt and pepper shakers", set()),
        ("a conditioner too", {"add"}),
        ("too expensive", {"cheaper"}),
        ("actually make it blue", {"replace"}),
        ("换成红色的", {"replace"}),
        ("还要一支眉笔", {"add"}),
        ("any brand is fine", {"waive_brand"}),
        ("什么牌子都行", {"waive_brand"}),
        ("the price doesn't matter", {"waive_price"}),
        ("价格无所谓", {"waive_price"}),
        ("便宜点的", {"cheaper"}),
        ("any colour", {"waive_attribute"}),
        ("why did you recommend that?", {"why"}),
        ("为什么推荐这个", {"why"}),
        ("waterproof mascara under 20", set()),
        ("", set()),
    ],
)
def test_cues(text: str, cues: set[str]) -> None:
    assert read_cues(text) == cues


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("tell me about the second one", 2),
        ("the 3rd option please", 3),
        ("#4", 4),
        ("no. 12", 12),
        ("第二个怎么样", 2),
        ("第10款", 10),
        ("最后一个", -1),
        ("the last one", -1),
        ("first aid kit", None),
        ("2 in 1 shampoo", None),
        ("", None),
    ],
)
def test_place_in_the_last_list(text: str, place: int | None) -> None:
    assert named_place(text) == place
