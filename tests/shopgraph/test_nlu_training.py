"""The tagger of a store: trained, kept as a version, opened again."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gnn.artefact import ArtefactRoot
from nlu.encoder import EncoderConfig
from nlu.tagger.config import TaggerConfig
from nlu.tagger.tagger import Tagger
from shopgraph.cli import app
from shopgraph.errors import ArtefactDamaged, BadSource
from shopgraph.nlu_training import TrainedNlu, open_tagger, train_nlu
from shopgraph.settings import Settings
from tests.planted import NOW, planted_snapshot
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
