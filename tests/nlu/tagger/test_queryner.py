"""The benchmark's tagger on planted words, and its CRF against counting every path."""

import gzip
import itertools
import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from nlu.encoder import EncoderConfig
from nlu.tagger.labels import QuerySpan
from nlu.tagger.queryner import QueryNerConfig, fit_queryner, learning_rates
from nlu.tagger.queryner_data import LABELS, TaggedWords, as_query, read_queryner
from nlu.tagger.word_tagger import WordTagger, crf_loss
from nlu.torch_encoder import load_model
from shopgraph.errors import BadSource
from tests.word_model import write_word_model

COLOURS, THINGS = ("red", "blue", "green"), ("teapot", "cup", "tent")
COLOUR, THING = 2 * LABELS.index("color") + 1, 2 * LABELS.index("core_product_type") + 1


def test_crf_loss_is_what_counting_every_path_says() -> None:
    torch.manual_seed(0)
    scores, steps = torch.randn(2, 3, 5), torch.randn(5, 5)
    tags, n_words = torch.tensor([[0, 1, 2], [3, 4, 0]]), torch.tensor([3, 2])

    def total(row: int, path: tuple[int, ...]) -> float:
        own = sum(float(scores[row, place, tag]) for place, tag in enumerate(path))
        return own + sum(float(steps[pair]) for pair in itertools.pairwise(path))

    wanted = []
    for row, length in enumerate(n_words.tolist()):
        paths = [path for path in itertools.product(range(5), repeat=length) if path[0] not in (2, 4)]
        whole = np.logaddexp.reduce([total(row, path) for path in paths])
        wanted.append(whole - total(row, tuple(tags[row, :length].tolist())))
    assert float(crf_loss(scores, steps, tags, n_words)) == pytest.approx(np.mean(wanted), abs=1e-4)


def test_a_word_is_the_mean_of_its_pieces(tmp_path: Path) -> None:
    loaded = load_model(str(write_word_model(tmp_path, ["a", "b"])))
    tagger = WordTagger(loaded.transformer, loaded.dim, 1).eval()
    token_ids = torch.tensor([[2, 5, 6, 7, 3, 0]])
    word_of = torch.tensor([[2, 0, 0, 1, 2, -1]])  # two words of two pieces and one; 2: none, -1: padding
    with torch.no_grad():
        scores = tagger(token_ids, word_of, 2)
        states = loaded.transformer(
            input_ids=token_ids[:, :5], attention_mask=torch.ones(1, 5, dtype=torch.int64)
        ).last_hidden_state
        first = tagger.scores(states[0, 1:3].mean(0))
        second = tagger.scores(states[0, 3])
    torch.testing.assert_close(scores[0], torch.stack([first, second]))


def _planted(folder: Path) -> tuple[EncoderConfig, list[TaggedWords]]:
    pairs = list(itertools.product(COLOURS, THINGS))
    queries = [TaggedWords(pair, (COLOUR, THING)) for pair in pairs]
    queries += [TaggedWords((thing, "in", colour), (THING, 0, COLOUR)) for colour, thing in pairs]
    model = write_word_model(folder, [*COLOURS, *THINGS, "in"])
    return EncoderConfig(encoder=str(model), cache_dir=folder), queries


LEARNS = QueryNerConfig(
    epochs=12,
    batch_size=6,
    learning_rate=5e-3,
    head_learning_rate=2e-2,
    averaging=0.5,
    members=1,
    learns_validation=False,
)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_planted_words_are_learned(tmp_path: Path, precision: Literal["fp32", "bf16"]) -> None:
    encoder, queries = _planted(tmp_path)
    config = LEARNS.model_copy(update={"precision": precision})
    splits = {"train": queries, "validation": queries[::2], "test": queries[1::2]}
    report, again = (fit_queryner(encoder, config, splits, np.random.default_rng(0)) for _ in range(2))
    assert report == again
    assert np.mean(report.losses[-3:]) < 0.5 * np.mean(report.losses[:3])
    assert report.validation_f1 is not None
    assert report.validation_f1 > 0.9
    assert report.test_f1 > 0.9
    assert report.test_f1_of["color"] > 0.9


def test_what_only_validation_holds_is_found_if_it_is_learned(tmp_path: Path) -> None:
    encoder, queries = _planted(tmp_path)
    colours_first, things_first = queries[:9], queries[9:]
    splits = {"train": colours_first, "validation": things_first * 2, "test": things_first}
    without, both = (
        fit_queryner(
            encoder, LEARNS.model_copy(update={"learns_validation": on}), splits, np.random.default_rng(0)
        )
        for on in (False, True)
    )
    assert without.validation_f1 == without.test_f1 < 0.9
    assert both.validation_f1 is None
    assert both.test_f1 > 0.9


def test_fits_of_other_draws_answer_together(tmp_path: Path) -> None:
    encoder, queries = _planted(tmp_path)
    splits = {"train": queries, "validation": queries[::2], "test": queries[1::2]}
    few = LEARNS.model_copy(update={"epochs": 2})
    one, two = (
        fit_queryner(encoder, few.model_copy(update={"members": n}), splits, np.random.default_rng(0))
        for n in (1, 2)
    )
    assert one.member_validation_f1 == (one.validation_f1,)
    assert two.member_validation_f1[0] == one.validation_f1
    assert two.losses[: len(one.losses)] == one.losses
    assert len(set(two.member_validation_f1)) == len(two.member_validation_f1) == 2
    assert (two.validation_f1, two.test_f1_of) != (one.validation_f1, one.test_f1_of)


def test_no_span_is_as_probable_as_a_threshold_of_one(tmp_path: Path) -> None:
    encoder, queries = _planted(tmp_path)
    splits = {"train": queries, "validation": queries, "test": queries}
    config = LEARNS.model_copy(update={"epochs": 4, "threshold": 1.0})
    report = fit_queryner(encoder, config, splits, np.random.default_rng(0))
    assert report.test_f1 == 0.0
    assert report.test_f1_of["color"] == 0.0


def test_a_layer_learns_slower_than_the_one_above_it(tmp_path: Path) -> None:
    loaded = load_model(str(write_word_model(tmp_path, ["a"])))
    tagger = WordTagger(loaded.transformer, loaded.dim, 1)
    tagger.transformer.get_input_embeddings().requires_grad_(False)
    config = QueryNerConfig(learning_rate=0.8, layer_decay=0.5, head_learning_rate=3.0)
    by_rate = learning_rates(tagger, config)
    rates = {parameter: rate for rate, parameters in by_rate.items() for parameter in parameters}
    named = dict(tagger.named_parameters())
    query_of = "transformer.encoder.layer.{}.attention.self.query.weight"
    assert [rates[named[query_of.format(layer)]] for layer in (2, 1, 0)] == [0.8, 0.4, 0.2]
    assert rates[named["transformer.embeddings.position_embeddings.weight"]] == pytest.approx(0.1)
    assert rates[named["scores.weight"]] == rates[named["steps"]] == 3.0
    learned = [parameter for parameter in tagger.parameters() if parameter.requires_grad]
    assert len(rates) == len(learned)


def test_files_are_read_and_a_broken_one_is_named(tmp_path: Path) -> None:
    examples = {"examples": [{"tokens": ["red", "tea", "pot"], "ner_tags": [COLOUR, THING, THING + 1]}]}
    for split in ("train", "validation", "test"):
        with gzip.open(tmp_path / f"{split}.json.gz", "wt", encoding="utf-8") as file:
            json.dump(examples, file)
    queries = read_queryner(tmp_path)
    assert queries["test"] == [TaggedWords(("red", "tea", "pot"), (COLOUR, THING, THING + 1))]
    (tmp_path / "test.json.gz").unlink()
    with pytest.raises(BadSource, match="QueryNER"):
        read_queryner(tmp_path)


def test_real_queries_become_slots() -> None:
    maker, quantity, unit, occasion = (
        2 * LABELS.index(name) + 1 for name in ("creator", "quantity", "UoM", "occasion")
    )
    words = ("oat", "mills", "red", "tea", "pot", "8", "oz", "wedding")
    query = as_query(
        TaggedWords(words, (maker, maker + 1, COLOUR, THING, THING + 1, quantity, unit, occasion))
    )
    assert query.text == "oat mills red tea pot 8 oz wedding"
    assert query.intent == "find_items"
    assert query.spans == (
        QuerySpan(0, 9, "brand"),
        QuerySpan(10, 13, "attribute"),
        QuerySpan(14, 21, "category"),
        QuerySpan(22, 26, "attribute"),  # an occasion is no slot
    )
