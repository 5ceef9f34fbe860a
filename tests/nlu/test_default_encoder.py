"""The real multilingual-e5-small: what it must be able to do for a shop."""

import numpy as np
import pytest

from shopgraph.types import TextEncoder

TITLES = [
    "Matte red lipstick, long lasting",
    "哑光红色口红 持久不脱色",
    "Moisturizing face cream for dry skin",
    "保湿面霜 干性皮肤适用",
    "Bluetooth headphones with noise cancelling",
    "降噪蓝牙耳机",
    "Anti-dandruff shampoo 500 ml",
    "去屑洗发水 500毫升",
    "Electric toothbrush for kids",
    "儿童电动牙刷",
]


ENGLISH, CHINESE = TITLES[::2], TITLES[1::2]


@pytest.mark.parametrize("titles", [ENGLISH, CHINESE], ids=["english titles", "chinese titles"])
@pytest.mark.parametrize(
    ("query", "right"),
    [
        ("红色口红", 0),
        ("适合干皮的面霜", 1),
        ("无线蓝牙耳机", 2),
        ("去头屑的洗发水", 3),
        ("toothbrush for my son", 4),
        ("red lipstick", 0),
    ],
)
def test_a_query_finds_the_right_product_whatever_the_language(
    query: str, right: int, titles: list[str], e5_int8: TextEncoder
) -> None:
    scores = e5_int8.encode(titles, "passage") @ e5_int8.encode([query], "query")[0]
    assert int(np.argmax(scores)) == right


def test_int8_loses_little_against_float32(e5_int8: TextEncoder, e5_torch: TextEncoder) -> None:
    cosine = (e5_int8.encode(TITLES, "passage") * e5_torch.encode(TITLES, "passage")).sum(1)
    assert cosine.mean() > 0.99
    assert cosine.min() > 0.98


def test_vectors_are_finite_and_of_length_one_for_any_text(e5_int8: TextEncoder) -> None:
    vectors = e5_int8.encode(["", "😀😀", "\x00\x01", "字" * 10_000, "\ud83d"], "query")
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
