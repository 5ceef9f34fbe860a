import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import PeftModel
from transformers import BertModel, DistilBertConfig, DistilBertModel

from nlu.batching import Batcher, Prefixes
from nlu.encoder import EncoderConfig, open_encoder
from nlu.torch_encoder import load_model, load_tokenizer
from nlu.tuning.config import TuningConfig
from nlu.tuning.halves import Halves, score_all
from nlu.tuning.masked import Masking, fit_masked
from nlu.tuning.pairs import TextPairs
from nlu.tuning.siamese import pair_loss
from nlu.tuning.tune import Tuned, tune_encoder
from shopgraph.errors import BadSettings

CONFIG = TuningConfig(
    layers=2, steps=60, batch_pairs=16, learning_rate=0.02, evaluate_every=20, validation_share=0.2
)


@pytest.fixture(scope="module")
def encoder(word_model: Path, tmp_path_factory: pytest.TempPathFactory) -> EncoderConfig:
    return EncoderConfig(
        encoder=str(word_model), cache_dir=tmp_path_factory.mktemp("cache"), max_tokens=16, device="cpu"
    )


@pytest.fixture(scope="module")
def tuned(
    encoder: EncoderConfig,
    shop_texts: Sequence[str],
    shop_pairs: Sequence[TextPairs],
    tmp_path_factory: pytest.TempPathFactory,
) -> Tuned:
    folder = tmp_path_factory.mktemp("tuned")
    return tune_encoder(encoder, CONFIG, shop_texts, shop_pairs, folder, np.random.default_rng(0))


def halves_of(model: Path, n_upper: int) -> Halves:
    loaded = load_model(str(model))
    batcher = Batcher(load_tokenizer(str(model)), Prefixes(), 16)
    return Halves(loaded.transformer, n_upper, batcher, torch.device("cpu"))


def test_a_perfect_answer_costs_nothing_and_a_masked_one_is_no_negative() -> None:
    apart = torch.eye(2)
    free = np.zeros((2, 2), np.bool_)
    assert float(pair_loss(apart, apart, free, 0.01)) == pytest.approx(0, abs=1e-6)
    # Both items equal both anchors: a coin toss, unless the other one is known to belong too.
    same = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert float(pair_loss(same, same, free, 0.05)) == pytest.approx(np.log(2))
    assert float(pair_loss(same, same, np.ones((2, 2), np.bool_), 0.05)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("n_upper", [1, 2, 3, 9])
def test_two_halves_make_the_whole(
    n_upper: int, word_model: Path, encoder: EncoderConfig, shop_texts: Sequence[str]
) -> None:
    whole = open_encoder(encoder.model_copy(update={"backend": "torch"})).encode(shop_texts, "passage")
    halves = halves_of(word_model, n_upper)
    for _ in range(2):  # the second time from memory
        np.testing.assert_allclose(score_all(halves, shop_texts, "passage", 7), whole, atol=2e-3)


def test_loss_falls_and_held_out_items_are_found_better(tuned: Tuned) -> None:
    assert np.mean(tuned.pairs.losses[-10:]) < 0.7 * np.mean(tuned.pairs.losses[:10])
    assert tuned.pairs.best_ndcg > tuned.pairs.first_ndcg + 0.05
    assert tuned.pairs.best_ndcg == max(ndcg for _, ndcg in tuned.pairs.measured)


def test_what_is_bought_together_comes_closer(
    tuned: Tuned, encoder: EncoderConfig, shop_texts: Sequence[str]
) -> None:
    def gap(config: EncoderConfig) -> float:
        vectors = open_encoder(config).encode(shop_texts, "passage")
        likeness, half = vectors @ vectors.T, len(shop_texts) // 2
        return float(likeness[:half, :half].mean() - likeness[:half, half:].mean())

    assert gap(encoder.model_copy(update={"encoder": str(tuned.encoder)})) > 2 * gap(encoder)


def test_adapter_is_lora_in_safetensors_that_peft_opens(
    tuned: Tuned, encoder: EncoderConfig, word_model: Path, shop_texts: Sequence[str]
) -> None:
    folder = tuned.encoder.parent / "adapter"
    assert sorted(path.name for path in folder.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    said = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert (said["r"], said["layers_to_transform"]) == (8, [1, 2])
    # 2 layers × (query and value) × (32 × 8 + 8 × 32)
    assert tuned.n_parameters == 2 * 2 * 2 * 32 * 8
    merged = load_model(str(word_model))
    base = BertModel.from_pretrained(word_model, add_pooling_layer=False)
    with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
        adapted = PeftModel.from_pretrained(base, str(folder))
    merged.transformer = adapted.merge_and_unload()
    batch = next(Batcher(load_tokenizer(str(word_model)), Prefixes(), 16).batches(shop_texts, "passage", 99))
    with torch.no_grad():
        expected = merged.eval()(torch.from_numpy(batch.token_ids), torch.from_numpy(batch.mask)).numpy()
    served = open_encoder(encoder.model_copy(update={"encoder": str(tuned.encoder)}))
    found = served.encode(shop_texts, "passage")[batch.rows]
    assert (found * expected).sum(axis=1).min() > 0.98  # int8


def test_a_tuned_encoder_has_a_name_of_its_own(tuned: Tuned, encoder: EncoderConfig) -> None:
    served = open_encoder(encoder.model_copy(update={"encoder": str(tuned.encoder)}))
    assert served.name != open_encoder(encoder).name
    assert "tuned" in served.name


def test_same_seed_gives_the_same_adapter(
    encoder: EncoderConfig, shop_texts: Sequence[str], shop_pairs: Sequence[TextPairs], tmp_path: Path
) -> None:
    short = CONFIG.model_copy(update={"steps": 5, "evaluate_every": 5, "masked_steps": 3})
    found = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        rng = np.random.default_rng(3)
        found.append(tune_encoder(encoder, short, shop_texts, shop_pairs, tmp_path / name, rng))
    assert found[0].pairs == found[1].pairs
    assert found[0].masked_losses == found[1].masked_losses


def test_without_pairs_the_encoder_stays_as_it_came(
    encoder: EncoderConfig, shop_texts: Sequence[str], shop_pairs: Sequence[TextPairs], tmp_path: Path
) -> None:
    none = shop_pairs[0].take(np.zeros(0, np.int32))
    tuned = tune_encoder(encoder, CONFIG, shop_texts, [none], tmp_path, np.random.default_rng(0))
    assert (tuned.pairs.best_step, tuned.pairs.losses) == (0, ())
    served = open_encoder(encoder.model_copy(update={"encoder": str(tuned.encoder)}))
    found, came = served.encode(shop_texts, "passage"), open_encoder(encoder).encode(shop_texts, "passage")
    np.testing.assert_allclose(found, came, atol=1e-6)


def test_a_shop_too_small_to_hold_anything_out_keeps_the_last_step(
    encoder: EncoderConfig, shop_texts: Sequence[str], shop_pairs: Sequence[TextPairs], tmp_path: Path
) -> None:
    short = CONFIG.model_copy(update={"steps": 6, "evaluate_every": 2, "validation_share": 0.01})
    tuned = tune_encoder(encoder, short, shop_texts, shop_pairs, tmp_path, np.random.default_rng(0))
    assert tuned.pairs.best_step == 6
    assert tuned.pairs.measured == ((0, 0.0), (2, 0.0), (4, 0.0), (6, 0.0))


def test_masked_words_are_learned(word_model: Path, shop_texts: Sequence[str]) -> None:
    halves = halves_of(word_model, 3)
    tokenizer = load_tokenizer(str(word_model))
    config = TuningConfig(masked_steps=150, learning_rate=0.01, masked_share=0.3)
    rng = np.random.default_rng(0)
    learned = [parameter for layer in halves.upper_layers for parameter in layer.parameters()]
    losses = fit_masked(halves, learned, shop_texts, tokenizer, config, rng, lambda _: None)
    batches = list(halves.batcher.batches(shop_texts, "passage", 32))
    counts = Masking.of(batches, tokenizer, 0.3).counts / len(shop_texts)
    share = counts / counts.sum()
    of_frequencies = float(-(share * np.log(share)).sum())
    assert np.mean(losses[-20:]) < 0.9 * of_frequencies


def test_masking_hides_as_bert_does(word_model: Path, shop_texts: Sequence[str]) -> None:
    tokenizer = load_tokenizer(str(word_model))
    batches = list(Batcher(tokenizer, Prefixes(), 16).batches(list(shop_texts) * 100, "passage", 4_800))
    masking = Masking.of(batches, tokenizer, 0.15)
    hidden, picked, words = masking.hide(batches[0], np.random.default_rng(0))
    before, mask_id = batches[0].token_ids, tokenizer.token_to_id("[MASK]")
    assert (masking.vocabulary[words] == before[picked]).all()
    assert (hidden[~picked] == before[~picked]).all()
    assert not picked[:, 0].any()  # [CLS] is never asked for
    assert picked.sum() / np.isin(before, masking.vocabulary).sum() == pytest.approx(0.15, abs=0.01)
    assert (hidden[picked] == mask_id).mean() == pytest.approx(0.8, abs=0.02)


def test_a_tokenizer_without_a_mask_is_named(
    tiny_model: Path, shop_texts: Sequence[str], shop_pairs: Sequence[TextPairs], tmp_path: Path
) -> None:
    encoder = EncoderConfig(encoder=str(tiny_model), cache_dir=tmp_path, device="cpu")
    config = CONFIG.model_copy(update={"masked_steps": 1})
    with pytest.raises(BadSettings, match="no mask token"):
        tune_encoder(encoder, config, shop_texts, shop_pairs, tmp_path, np.random.default_rng(0))


def test_a_type_that_cannot_be_split_is_named(word_model: Path) -> None:
    model = DistilBertModel(DistilBertConfig(vocab_size=8, dim=8, n_layers=1, n_heads=1, hidden_dim=8))
    with pytest.raises(BadSettings, match="distilbert"):
        Halves(model, 1, Batcher(load_tokenizer(str(word_model)), Prefixes(), 8), torch.device("cpu"))
