from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from nlu.batching import Kind
from nlu.text_cache import TextCache, embed_items, embed_texts
from shopgraph.errors import ArtefactDamaged, BadSettings
from shopgraph.types import FloatMatrix


class LengthEncoder:
    """A text's vector is the unit vector of (length, 1); remembers what it was asked."""

    dim = 2

    def __init__(self, name: str = "length") -> None:
        self.name = name
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str], kind: Kind) -> FloatMatrix:
        self.asked += texts
        vectors = np.array([[len(text), 1 if kind == "passage" else 2] for text in texts], np.float32)
        unit: FloatMatrix = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def test_rows_follow_the_texts_and_repeats_are_encoded_once() -> None:
    encoder = LengthEncoder()
    texts = ["bbb", "a", "bbb", "", "a"]
    np.testing.assert_array_equal(embed_texts(encoder, texts), LengthEncoder().encode(texts, "passage"))
    assert sorted(encoder.asked) == ["", "a", "bbb"]


def test_only_new_texts_are_encoded(tmp_path: Path) -> None:
    first, second = LengthEncoder(), LengthEncoder()
    before = embed_items(first, ["a", "bb"], tmp_path)
    after = embed_items(second, ["ccc", "bb", "a"], tmp_path)
    assert second.asked == ["ccc"]
    np.testing.assert_array_equal(after[[2, 1]], before)


def test_another_encoder_or_kind_has_its_own_vectors(tmp_path: Path) -> None:
    cache = TextCache(tmp_path)
    embed_texts(LengthEncoder(), ["a"], cache)
    other, as_query = LengthEncoder("other"), LengthEncoder()
    embed_texts(other, ["a"], cache)
    embed_texts(as_query, ["a"], cache, kind="query")
    assert other.asked == as_query.asked == ["a"]


def test_the_oldest_vectors_are_forgotten(tmp_path: Path) -> None:
    cache = TextCache(tmp_path, max_texts=2)
    for text in ("old", "new", "newest"):
        embed_texts(LengthEncoder(), [text], cache)
    encoder = LengthEncoder()
    embed_texts(encoder, ["old", "new", "newest"], TextCache(tmp_path, max_texts=2))
    assert encoder.asked == ["old"]


def test_progress_counts_distinct_texts_up_to_all(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    embed_items(LengthEncoder(), [str(n) for n in range(700)] * 2, tmp_path, lambda *done: seen.append(done))
    assert seen == [(512, 700), (700, 700)]


def test_no_texts_give_an_empty_matrix(tmp_path: Path) -> None:
    assert embed_items(LengthEncoder(), [], tmp_path).shape == (0, 2)


def test_odd_texts_have_keys(tmp_path: Path) -> None:
    texts = ["\ud800", "\x00", "😀", "x" * 100_000]
    assert np.isfinite(embed_items(LengthEncoder(), texts, tmp_path)).all()


def test_a_broken_cache_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "text_vectors.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(ArtefactDamaged, match="delete it"):
        TextCache(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings, match="file"):
        TextCache(tmp_path / "file" / "cache")
