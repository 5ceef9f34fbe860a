"""The tagger of a store: trained, kept as a version, opened again."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from api.routes.answering import understood
from gnn.artefact import ArtefactRoot
from graph.open import open_store
from nlu.encoder import EncoderConfig
from nlu.tagger.config import TaggerConfig
from nlu.tagger.tagger import Tagger
from shopgraph import pipeline
from shopgraph.cli import app
from shopgraph.errors import ArtefactDamaged, BadSource
from shopgraph.nlu_training import TrainedNlu, open_tagger, train_nlu
from shopgraph.settings import Settings
from tests.planted import NOW, planted_snapshot
from tests.shops import TrainedShop
from tests.word_model import write_word_model

TRAINING = TaggerConfig(
    layers=(1, 3), queries=200, validation_queries=40, epochs=1, batch_size=32, width=32, blocks=1
)
WORDS = ("looking", "for", "B", "C", "0", "1", "2", "3", "hello", "order", "where", "is", "my", "under", "$")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Public data of one real query a split."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "queryner").mkdir()
    examples = {"examples": [{"tokens": ["red", "teapot"], "ner_tags": [3, 9]}]}
    for split in ("train", "validation", "test"):
        with gzip.open(folder / "queryner" / f"{split}.json.gz", "wt", encoding="utf-8") as file:
            json.dump(examples, file)
    return folder


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Settings:
    model = write_word_model(tmp_path_factory.mktemp("models") / "planted-tagger-bert", WORDS)
    text = EncoderConfig(cache_dir=tmp_path_factory.mktemp("cache"), max_tokens=32, device="cpu")
    return Settings(encoder=str(model), text=text, nlu_training=TRAINING, data=data)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("artefacts")


@pytest.fixture(scope="module")
def trained(settings: Settings, root: Path) -> TrainedNlu:
    assert open_tagger(root) is None
    return train_nlu(planted_snapshot(), root, settings, NOW, lambda _: None)


def test_a_version_is_kept_and_serves(trained: TrainedNlu, root: Path) -> None:
    versions = ArtefactRoot(root / "nlu")
    assert versions.current() == trained.version
    said = versions.open().manifest.metadata
    assert (said["snapshot"], said["queries"], said["real_queries"]) == ("planted-0", 201, 1)
    assert said["validation_span_f1"] == [trained.span_f1]
    tagger = open_tagger(root)
    assert tagger is not None
    again = Tagger(trained.folder)
    assert tagger.tag(["looking for B 0"])[0].intent_probs == again.tag(["looking for B 0"])[0].intent_probs


def test_a_changed_file_is_noticed(trained: TrainedNlu, root: Path) -> None:
    path = trained.folder / "tagger.json"
    before = path.read_bytes()
    try:
        path.write_bytes(before + b" ")
        with pytest.raises(ArtefactDamaged, match=r"tagger\.json"):
            open_tagger(root)
    finally:
        path.write_bytes(before)


def test_broken_public_data_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "queryner").mkdir()
    with pytest.raises(BadSource, match="QueryNER"):
        train_nlu(
            planted_snapshot(), tmp_path, settings.model_copy(update={"data": tmp_path}), NOW, lambda _: None
        )


def test_the_command_says_what_it_does() -> None:
    shown = CliRunner().invoke(app, ["train-nlu", "--help"])
    assert shown.exit_code == 0
    assert "intents and slots" in shown.stdout


def test_in_service_one_pass_reads_a_query_and_gives_its_vector(
    trained_shop: TrainedShop, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    shutil.copytree(trained_shop.root, root)
    few = TaggerConfig(queries=60, validation_queries=20, epochs=1, batch_size=16, width=32, blocks=1)
    settings = trained_shop.settings.model_copy(update={"nlu_training": few})
    with open_store(trained_shop.url) as store:
        before = understood(pipeline.load(root, store, settings, NOW), "red wool scarf")
        train_nlu(pipeline.take_snapshot(store, NOW), root, settings, NOW, lambda _: None)
        serving = pipeline.load(root, store, settings, NOW)
        tagger: object = serving.parser.tagger
        assert serving.encoder is tagger
        parsed, vector = understood(serving, "red wool scarf")
    assert parsed.text == before[0].text
    assert vector is not None
    assert before[1] is not None
    np.testing.assert_allclose(vector, before[1], atol=1e-5)
