"""Batches of tagged words: what order they come in, and which pieces a hidden word hides."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models

from nlu.tagger.queryner_batches import TaggedPieces
from nlu.tagger.queryner_data import TaggedWords
from nlu.torch_encoder import load_tokenizer
from shopgraph.errors import BadSettings
from tests.word_model import write_word_model

MASK = 4


def _pieces(folder: Path) -> TaggedPieces:
    return TaggedPieces(load_tokenizer(str(write_word_model(folder, ["red", "tea", "pot", "-"]))))


def _text(words: str) -> TaggedWords:
    return TaggedWords(tuple(words.split()), tuple(range(len(words.split()))))


def test_each_text_comes_once_an_epoch_and_beside_others_of_its_length(tmp_path: Path) -> None:
    pieces, texts = _pieces(tmp_path), [_text("red"), _text("red tea pot")] * 4
    assert [batch.rows for batch in pieces.batches(texts, 4)] == [[0, 2, 4, 6], [1, 3, 5, 7]]
    drawn = [[batch.rows for batch in pieces.batches(texts, 2, np.random.default_rng(n))] for n in range(5)]
    for rows in drawn:
        assert sorted(row for batch in rows for row in batch) == list(range(8))
        assert all(len({row % 2 for row in batch}) == 1 for batch in rows)
    assert len({str(rows) for rows in drawn}) > 1


def test_a_hidden_word_hides_all_its_pieces_and_nothing_else(tmp_path: Path) -> None:
    pieces = _pieces(tmp_path)
    (batch,) = pieces.batches([_text("tea-pot red"), _text("red tea pot pot"), _text("red")], 3)
    torch.manual_seed(0)
    hidden_shares = set()
    for _ in range(20):
        masked = pieces.with_masked_words(batch, 0.5)
        hidden = masked.token_ids == MASK
        assert torch.equal(masked.token_ids[~hidden], batch.token_ids[~hidden])
        is_word = (batch.word_of >= 0) & (batch.word_of < 4)
        assert not hidden[~is_word].any()
        long_row, lone_row = batch.rows.index(0), batch.rows.index(2)
        assert not hidden[lone_row].any()  # a text of one word stays
        hidden_shares.add(float(hidden[long_row][batch.word_of[long_row] == 0].float().mean()))
    assert hidden_shares == {0.0, 1.0}
    assert pieces.with_masked_words(batch, 0.0) is batch


def test_hiding_words_needs_a_mask_token() -> None:
    pieces = TaggedPieces(Tokenizer(models.WordLevel({"red": 0, "[UNK]": 1}, unk_token="[UNK]")))
    (batch,) = pieces.batches([_text("red red")], 1)
    with pytest.raises(BadSettings, match="masked_words"):
        pieces.with_masked_words(batch, 0.1)
