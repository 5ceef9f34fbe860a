"""shopgraph/benches/parse.py: that its rows are of the readers they name, and of the queries they say."""

from pathlib import Path

import pytest

from evaluation.labelled_queries import FlatQuery, LabelledQuery
from nlu.encoder import EncoderConfig
from nlu.tagger.config import TaggerConfig
from shopgraph.benches.parse import ParseQuestion, compare, run
from shopgraph.errors import BadSettings
from shopgraph.nlu_training import train_nlu
from shopgraph.settings import Settings
from tests.planted import NOW, planted_snapshot
from tests.word_model import write_word_model

LABELLED = [
    LabelledQuery(id="1", shop="planted", language="en", text="by B 1", parsed=FlatQuery(brand=("B 1",))),
    LabelledQuery(
        id="2",
        shop="planted",
        language="en",
        text="by B 2 under $20",
        parsed=FlatQuery(brand=("B 2",), price_max=20),
    ),
    LabelledQuery(id="3", shop="planted", language="zh", text="你好", parsed=FlatQuery(intent="chitchat")),
    LabelledQuery(
        id="4",
        shop="planted",
        language="en",
        text="by B 3",
        parsed=FlatQuery(brand=("B 3",)),
        dialogue="d",
        turn=1,
    ),
    LabelledQuery(
        id="5",
        shop="planted",
        language="en",
        text="under $20",
        parsed=FlatQuery(brand=("B 3",), price_max=20),
        dialogue="d",
        turn=2,
    ),
]


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that has hardly learned anything."""
    words = ("looking", "for", "b", "c", "0", "1", "2", "3", "hello", "under", "$")
    model = write_word_model(tmp_path_factory.mktemp("models") / "parse-bench-bert", words)
    text = EncoderConfig(cache_dir=tmp_path_factory.mktemp("cache"), max_tokens=32, device="cpu")
    few = TaggerConfig(
        layers=(1, 3), queries=60, validation_queries=20, epochs=1, batch_size=16, width=32, blocks=1
    )
    settings = Settings(encoder=str(model), text=text, nlu_training=few)
    return train_nlu(
        planted_snapshot(), tmp_path_factory.mktemp("root"), settings, NOW, lambda _: None
    ).folder


def test_each_reader_has_a_row_for_all_and_for_each_language(tagger: Path) -> None:
    rows = compare("planted", planted_snapshot(), tagger, LABELLED, ParseQuestion(rounds=2))
    readers = ["bare encoder pass", "grammar", "grammar + linker", "encoder", "cascade"]
    expected = [(language, reader) for language in ("all", "en", "zh") for reader in readers]
    assert [(row["language"], row["reader"]) for row in rows] == expected
    by_name = {(row["language"], row["reader"]): row for row in rows}
    assert [by_name[language, "grammar"]["n_queries"] for language in ("all", "en", "zh")] == [3, 2, 1]
    for row in rows:
        assert 0 < row["cpu_ms_p50"] <= row["cpu_ms_p99"]
        batched = row["language"] == "all" and row["reader"] != "grammar"
        assert (row["batch_per_cpu_s"] is not None) == batched
    assert len({tuple(row) for row in rows}) == 1  # the same columns
    assert by_name["all", "bare encoder pass"]["frame"] is None
    for reader in ("grammar", "grammar + linker"):
        assert by_name["all", reader]["frame"] == by_name["zh", reader]["intent"] == 1.0
    assert by_name["all", "grammar + linker"]["n_turns"] == 2
    assert by_name["en", "grammar + linker"]["dialogue_state"] == 1.0
    assert by_name["zh", "cascade"]["dialogue_state"] is by_name["all", "encoder"]["dialogue_state"] is None
    # The encoder gives no numbers: of the two prices in English it has the one that is not said.
    assert by_name["en", "encoder"]["price"] == 0.5


def test_a_folder_without_queries_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="--queries"):
        run(ParseQuestion(tmp_path), Settings(), lambda _: None)
