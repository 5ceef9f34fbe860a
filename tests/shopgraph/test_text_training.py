from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gnn.artefact import ArtefactRoot
from nlu.encoder import EncoderConfig, open_encoder
from nlu.tuning.config import TuningConfig
from shopgraph import pipeline
from shopgraph.errors import ArtefactDamaged, BadSource
from shopgraph.settings import Settings
from shopgraph.text_training import TrainedText, co_bought, searches, train_text
from shopgraph.types import GraphSnapshot, Interactions
from tests.planted import NOW, PURCHASE, planted_snapshot
from tests.word_model import write_word_model

TRAINING = TuningConfig(
    layers=2, steps=40, batch_pairs=16, learning_rate=0.02, evaluate_every=20, validation_share=0.3
)


def shop() -> GraphSnapshot:
    """Three words mean each taste; that they mean the same only baskets can tell."""
    snapshot = planted_snapshot(n_items=96)
    texts = tuple(f"thing t{item % 4}w{item // 4 % 3}" for item in range(96))
    return replace(snapshot, items=replace(snapshot.items, text=texts))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    words = [word for text in shop().items.text for word in text.split()]
    model = write_word_model(tmp_path_factory.mktemp("models") / "planted-bert", words)
    text = EncoderConfig(cache_dir=tmp_path_factory.mktemp("cache"), max_tokens=16, device="cpu")
    return Settings(encoder=str(model), text=text, text_training=TRAINING)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("artefacts")


@pytest.fixture(scope="module")
def trained(settings: Settings, root: Path) -> TrainedText:
    return train_text(shop(), root, settings, NOW, lambda _: None)


def test_co_bought_pairs_are_two_purchases_of_one_shopper() -> None:
    snapshot = planted_snapshot(shuffled=True)
    pairs = co_bought(snapshot, np.random.default_rng(0))
    x = snapshot.interactions
    baskets = [
        set(x.item_idx[(x.user_idx == user) & (x.type_code == PURCHASE)].tolist()) for user in range(60)
    ]
    found = set(zip(pairs.anchor_idx.tolist(), pairs.item_idx.tolist(), strict=True))
    assert len(found) > 200
    assert all(anchor != item for anchor, item in found)
    assert all(any({anchor, item} <= basket for basket in baskets) for anchor, item in found)


def test_a_shop_without_searches_has_no_search_pairs() -> None:
    assert len(searches(planted_snapshot())) == 0


def test_unseen_items_are_found_better_after_the_training(trained: TrainedText) -> None:
    assert trained.ndcg > trained.ndcg_before + 0.05


def test_the_encoder_that_settings_then_name_is_the_one_that_training_uses(
    trained: TrainedText, settings: Settings, root: Path
) -> None:
    chosen = settings.model_copy(update={"encoder": str(trained.encoder)})
    encoder = open_encoder(chosen.encoder_config)
    assert encoder.name != open_encoder(settings.encoder_config).name
    snapshot = pipeline.embed(shop(), encoder, chosen, lambda done, total: None)
    assert snapshot.text_vectors is not None
    likeness = snapshot.text_vectors @ snapshot.text_vectors.T
    same_taste = np.equal.outer(np.arange(96) % 4, np.arange(96) % 4)
    assert likeness[same_taste].mean() > likeness[~same_taste].mean() + 0.1


def test_every_training_is_a_version_that_is_checked(trained: TrainedText, root: Path) -> None:
    versions = ArtefactRoot(root / "text")
    assert versions.current() == trained.version
    manifest = versions.open().manifest
    assert manifest.metadata["best_step"] > 0
    assert {"adapter/adapter_model.safetensors", "serving/model.onnx"} <= manifest.files.keys()
    adapter = trained.encoder.parent / "adapter" / "adapter_model.safetensors"
    whole = adapter.read_bytes()
    adapter.write_bytes(whole[:-1])
    try:
        with pytest.raises(ArtefactDamaged, match="adapter_model"):
            versions.open()
    finally:
        adapter.write_bytes(whole)


def test_a_shop_with_nothing_to_learn_from_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(BadSource, match="no searches and no baskets"):
        train_text(_nobody_did_anything(), tmp_path, settings, NOW, lambda _: None)


def _nobody_did_anything() -> GraphSnapshot:
    none = np.zeros(0, np.int32)
    nothing = Interactions(none, none, np.zeros(0, np.int8), np.zeros(0, np.float32), np.zeros(0, np.int64))
    return replace(planted_snapshot(), interactions=nothing)
