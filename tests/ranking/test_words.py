"""ranking/words.py: letters found in texts, misspelt or not, in both languages."""

from pathlib import Path

import numpy as np
import pytest

from ranking.words import WordIndex

TEXTS = ("Waterproof eyeliner, black", "Black tea", "Running shoes for men", "防水眼线笔", "")
INDEX = WordIndex.fit(TEXTS)


@pytest.mark.parametrize(
    ("words", "item_idx"),
    [
        ("waterprof eyelinr", 0),
        ("BLACK TEA", 1),
        ("shoe", 2),
        ("眼线笔", 3),
        ("防水眼線筆", 3),
        ("runing shose", 2),
    ],
)
def test_item_is_found_by_words_and_misspelt_words(words: str, item_idx: int) -> None:
    scores = INDEX.scores(words)
    assert int(scores.argmax()) == item_idx
    assert scores[item_idx] > 0


def test_score_is_the_idf_that_is_shared_over_the_norms() -> None:
    # "tea": the word and ^te, tea, ea$, each in one of two texts; "red": four others
    index = WordIndex.fit(["tea", "red"])
    idf_squared = np.log(3.0) ** 2
    expected = 4 * idf_squared / (np.sqrt(4 * idf_squared) * (4 * idf_squared) ** 0.125)
    assert index.scores("tea").tolist() == pytest.approx([expected, 0.0])


@pytest.mark.parametrize("words", ["", "😀", "\ud800", "qqq", "   "])
def test_words_that_no_text_has_score_nothing(words: str) -> None:
    assert not INDEX.scores(words).any()


def test_saved_index_scores_the_same(tmp_path: Path) -> None:
    INDEX.save(tmp_path)
    loaded = WordIndex.load(tmp_path)
    assert loaded is not None
    assert loaded.score_many(["black", "眼线"]).tolist() == INDEX.score_many(["black", "眼线"]).tolist()
    assert WordIndex.load(tmp_path / "elsewhere") is None


def test_coverage_is_the_share_of_the_words_that_a_text_has() -> None:
    assert INDEX.coverage("black tea")[[1, 3]].tolist() == pytest.approx([1.0, 0.0])
    half = INDEX.coverage("black shoes")
    assert 0 < half[1] < 1
    assert not INDEX.coverage("").any()


def test_a_text_passes_that_has_as_much_of_the_words_as_any_has() -> None:
    index = WordIndex.fit(["red lipstick", "blue lipstick", "tea"])
    found = index.searched("lipstick qqqqqqq wwwwwww tea")
    assert found.whole.tolist() == [True, True, True]  # half of it each, and no text has more
    assert found.heard
    for words in ("qqq", ""):
        assert not index.searched(words).whole.any()
        assert not index.searched(words).heard


def test_a_chinese_word_that_no_text_has_is_not_had_in_part() -> None:
    index = WordIndex.fit(["炒锅", "平底锅", "茶"])
    found = index.searched("煎锅")  # a frying pan by another name; a wok has one of its two characters
    assert found.whole.tolist() == [True, True, False]
    assert found.having(["煎锅", "平底锅"]).tolist() == [False, True, False]
