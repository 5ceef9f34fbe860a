"""From made queries to the folder that serves, with a tiny random encoder."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import nlu
from nlu.encoder import EncoderConfig, open_encoder
from nlu.onnx_encoder import VECTORS, OnnxEncoder
from nlu.tagger.bio import n_tags, spans_of
from nlu.tagger.config import TaggerConfig
from nlu.tagger.heads import Heads, export_heads
from nlu.tagger.labels import INTENTS, TAGGED, QuerySpan
from nlu.tagger.pieces import piece_tags, pieces_of, query_span
from nlu.tagger.queries import QueryMaker, Split
from nlu.tagger.shop_words import ShopWords
from nlu.tagger.states import QueryStates
from nlu.tagger.tagger import ENCODER, HEADS, STATES, Tagger
from nlu.tagger.training import TaggerReport, calibrate, fit_heads, measure, open_tapped, train_tagger
from shopgraph.errors import ArtefactDamaged, BadSettings

TEXTS = ["face cream under $ 20", "Aurelise teapot", "", "hello", "Kibashi tent for men, not sky blue", "?"]


@pytest.fixture(scope="module")
def trained(
    words: ShopWords, encoder: EncoderConfig, short: TaggerConfig, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, TaggerReport]:
    folder = tmp_path_factory.mktemp("tagger")
    return folder, train_tagger(encoder, short, words, folder, np.random.default_rng(0))


def test_spans_of_characters_survive_tokens(words: ShopWords, encoder: EncoderConfig, folder: Path) -> None:
    open_tapped(encoder, TaggerConfig(layers=(1,)), folder / ENCODER)
    batcher = OnnxEncoder(folder / ENCODER, 16, 1).batcher
    queries = QueryMaker(words, "train", noise=False).draw_many(400, np.random.default_rng(1))
    english = [query for query in queries if query.text.isascii()]
    n_checked = 0
    for batch in batcher.batches([query.text for query in english], "query", 16):
        for row, encoding in zip(batch.rows, batch.encodings, strict=True):
            query = english[row]
            pieces = pieces_of(encoding, "query: ", query.text)
            found = [query_span(pieces, span) for span in spans_of(piece_tags(pieces, query.spans))]
            assert found == list(query.spans), query
            n_checked += len(found)
    assert n_checked > 200


def test_a_piece_belongs_to_the_span_that_holds_most_of_it(encoder: EncoderConfig, folder: Path) -> None:
    open_tapped(encoder, TaggerConfig(layers=(1,)), folder / ENCODER)
    text = "facecream teapot"
    batch = next(iter(OnnxEncoder(folder / ENCODER, 1, 1).batcher.batches([text], "query", 1)))
    pieces = pieces_of(batch.encodings[0], "query: ", text)
    assert pieces.spans == [(0, 9), (10, 16)]
    assert piece_tags(pieces, [QuerySpan(4, 9, "category")]).tolist() == [1, 0]
    assert piece_tags(pieces, [QuerySpan(5, 9, "category")]).tolist() == [0, 0]


def test_inner_states_are_let_out_and_vectors_stay(encoder: EncoderConfig, folder: Path) -> None:
    plain = open_encoder(encoder)
    open_tapped(encoder, TaggerConfig(layers=(2, 3)), folder / ENCODER)
    tapped = OnnxEncoder(folder / ENCODER, 16, 1)
    assert tapped.name == plain.name
    np.testing.assert_array_equal(tapped.encode(TEXTS, "query"), plain.encode(TEXTS, "query"))
    batch = next(iter(tapped.batcher.batches(TEXTS, "query", 16)))
    vectors, states = tapped.run(batch, [VECTORS, STATES])
    assert states.shape == (*batch.mask.shape, 64)
    mean = (states[:, :, 32:] * batch.mask[:, :, None]).sum(1)  # layer 3 is the last one
    np.testing.assert_allclose(mean / np.linalg.norm(mean, axis=1, keepdims=True), vectors, atol=1e-5)


@pytest.mark.parametrize("layers", [(4,), (0, 1), ()])
def test_layers_that_are_not_there_are_named(
    layers: tuple[int, ...], encoder: EncoderConfig, folder: Path
) -> None:
    with pytest.raises(BadSettings, match="layer"):
        open_tapped(encoder, TaggerConfig(layers=layers), folder / ENCODER)


def test_loss_falls_and_unseen_templates_are_read_better(
    words: ShopWords, encoder: EncoderConfig, folder: Path
) -> None:
    open_tapped(encoder, TaggerConfig(layers=(1, 2, 3)), folder / ENCODER)
    opened = OnnxEncoder(folder / ENCODER, 32, 1)
    rng = np.random.default_rng(0)
    splits: tuple[tuple[Split, int], ...] = (("train", 2_000), ("validation", 400))
    made = [QueryMaker(words, split, noise=False).draw_many(n, rng) for split, n in splits]
    made = [[query for query in queries if query.text.isascii()] for queries in made]
    train, validation = (QueryStates(opened, queries) for queries in made)
    torch.manual_seed(0)
    heads = Heads(train.n_in, 64, 1, n_tags(len(TAGGED)), len(INTENTS), 0.0)
    before = measure(heads, validation)
    config = TaggerConfig(epochs=8, batch_size=32, learning_rate=2e-3)
    report = fit_heads(heads, config, train, validation, rng, lambda _: None)
    assert np.mean(report.losses[-10:]) < 0.5 * np.mean(report.losses[:10])
    assert measure(heads, validation) == (
        report.span_f1[report.best_epoch - 1],
        report.intent_accuracy[report.best_epoch - 1],
    )
    assert max(report.span_f1) > before[0] + 0.3
    assert max(report.intent_accuracy) > before[1]
    assert all(0.5 <= temperature <= 4 for temperature in calibrate(heads, validation))


def test_same_seed_trains_the_same(
    words: ShopWords,
    encoder: EncoderConfig,
    short: TaggerConfig,
    trained: tuple[Path, TaggerReport],
    folder: Path,
) -> None:
    report = train_tagger(encoder, short, words, folder, np.random.default_rng(0))
    assert report == trained[1]


def test_a_folder_opened_twice_says_the_same(trained: tuple[Path, TaggerReport]) -> None:
    first, second = (Tagger(trained[0]).tag(TEXTS) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.vector, other.vector)
        assert (one.intent, one.intent_probs, one.spans) == (other.intent, other.intent_probs, other.spans)


def test_a_batch_says_what_single_texts_say(trained: tuple[Path, TaggerReport]) -> None:
    tagger = Tagger(trained[0], batch_size=4)
    together = tagger.tag(TEXTS)
    for text, one in zip(TEXTS, together, strict=True):
        alone = tagger.tag([text])[0]
        assert float(alone.vector @ one.vector) > 0.995  # int8 scales are those of the batch
        assert alone.intent_probs == pytest.approx(one.intent_probs, abs=0.1)
    assert tagger.tag([]) == []


def test_what_is_said_is_well_formed(trained: tuple[Path, TaggerReport]) -> None:
    tagger = Tagger(trained[0])
    for text, tagged in zip(TEXTS, tagger.tag(TEXTS), strict=True):
        assert np.linalg.norm(tagged.vector) == pytest.approx(1, abs=1e-4)
        assert sum(tagged.intent_probs.values()) == pytest.approx(1, abs=1e-5)
        assert tagged.intent == max(tagged.intent_probs, key=lambda intent: tagged.intent_probs[intent])
        for span in tagged.spans:
            assert 0 <= span.start < span.end <= len(text)
            assert 0 < span.confidence <= 1
    np.testing.assert_array_equal(
        tagger.encode(TEXTS, "query")[0], np.stack([each.vector for each in tagger.tag(TEXTS)])[0]
    )


def test_heads_serve_what_torch_computes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    heads = Heads(48, 64, 2, 21, 6, 0.1).eval()
    export_heads(heads, 48, tmp_path / HEADS)
    session = onnxruntime.InferenceSession(str(tmp_path / HEADS), providers=["CPUExecutionProvider"])
    for batch, length in ((1, 1), (1, 9), (5, 17)):
        states = torch.randn(batch, length, 48)
        mask = (torch.arange(length)[None] < torch.arange(1, batch + 1)[:, None] + length // 2).to(
            torch.int64
        )
        with torch.no_grad():
            tags, intent = heads(states, mask)
        served = session.run(["tags", "intent"], {"states": states.numpy(), "attention_mask": mask.numpy()})
        np.testing.assert_allclose(served[0], tags.numpy(), atol=1e-4)
        np.testing.assert_allclose(served[1], intent.numpy(), atol=1e-4)


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    heads = Heads(48, 64, 2, 21, 6, 0.1).eval()
    states = torch.randn(1, 9, 48)
    with torch.no_grad():
        alone = heads(states[:, :5], torch.ones(1, 5, dtype=torch.int64))
        padded = heads(states, torch.tensor([[1, 1, 1, 1, 1, 0, 0, 0, 0]]))
    torch.testing.assert_close(padded[0][:, :5], alone[0])
    torch.testing.assert_close(padded[1], alone[1])


def test_damage_is_named(trained: tuple[Path, TaggerReport], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(trained[0]), str(copy)], check=True)
    with (copy / HEADS).open("ab") as file:
        file.write(b"x")
    with pytest.raises(ArtefactDamaged, match="train-nlu"):
        Tagger(copy)
    with pytest.raises(ArtefactDamaged, match="not a readable tagger"):
        Tagger(tmp_path)


def test_serving_imports_no_torch(trained: tuple[Path, TaggerReport]) -> None:
    code = (
        "import sys; from pathlib import Path; from nlu.tagger.tagger import Tagger; "
        f"Tagger(Path({str(trained[0])!r})).tag(['face cream']); "
        "print(sorted(name for name in ('torch', 'transformers', 'onnx') if name in sys.modules))"
    )
    root = Path(nlu.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert ast.literal_eval(done.stdout) == []
