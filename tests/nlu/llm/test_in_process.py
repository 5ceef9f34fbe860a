import json
from contextlib import closing
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from nlu.llm.config import LlmConfig, TransformersConfig
from nlu.llm.in_process import InProcessModel, open_in_process
from nlu.llm.intent import open_intent_model
from nlu.llm.model import Form, Message
from shopgraph.errors import BadSettings, LanguageModelFailed
from tests.nlu.llm.queries import CANDIDATES, TEXT, draft

FORM = Form(
    one={"sort": ("none", "newest"), "intent": ("find_items", "compare")},
    some={"brand": ("b1", "L'Oréal", 'quote"d', "欧莱雅")},
    most=2,
)
MESSAGES = (Message("system", "fill in"), Message("user", 'query: "红色 lipstick"'))


def write_random_model(folder: Path, seed: int) -> None:
    """A causal model of one layer with random weights, and a tokenizer of single bytes."""
    pieces = ["<pad>", "<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokenizer = Tokenizer(models.BPE({piece: n for n, piece in enumerate(pieces)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # so it is in transformers
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
    fast.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=8192,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def random_models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folders = [tmp_path_factory.mktemp(f"random-{seed}") for seed in range(3)]
    for seed, folder in enumerate(folders):
        write_random_model(folder, seed)
    return folders


def opened(folder: Path, **limits: float) -> InProcessModel:
    given = {"model": str(folder), "device": "cpu", "timeout_s": 60, "max_prompt_tokens": 8000, **limits}
    return open_in_process(TransformersConfig.model_validate(given))


def test_a_model_that_knows_nothing_still_fills_in_the_form(random_models: list[Path]) -> None:
    for folder in random_models:
        model = opened(folder)
        completion = model.complete(MESSAGES, FORM.schema())
        FORM.read(completion.content)
        written = json.dumps(completion.content, ensure_ascii=False, separators=(",", ":"))
        assert completion.completion_tokens >= len(written.encode())  # a byte is a token here
        assert completion.prompt_tokens > 0


def test_the_same_question_gets_the_same_answer(random_models: list[Path]) -> None:
    model = opened(random_models[0])
    assert model.complete(MESSAGES, FORM.schema()) == model.complete(MESSAGES, FORM.schema())


def test_an_answer_that_does_not_fit_is_a_failure(random_models: list[Path]) -> None:
    with pytest.raises(LanguageModelFailed, match="cut off"):
        opened(random_models[0], max_answer_tokens=16).complete(MESSAGES, FORM.schema())
    long = Message("user", "x" * 100)
    with pytest.raises(LanguageModelFailed, match="prompt has"):
        opened(random_models[0], max_prompt_tokens=64).complete([long], FORM.schema())


def test_an_answer_that_takes_too_long_is_a_failure(random_models: list[Path]) -> None:
    with pytest.raises(LanguageModelFailed, match="cut off"):
        opened(random_models[0], timeout_s=1e-9).complete(MESSAGES, FORM.schema())


def test_it_refines_queries_like_any_other_model(random_models: list[Path]) -> None:
    source = TransformersConfig(
        model=str(random_models[1]), device="cpu", timeout_s=60, max_prompt_tokens=8000, max_answer_tokens=800
    )
    model = open_intent_model(LlmConfig(source=source, tokens_per_minute=1_000_000))
    assert model is not None
    with closing(model):
        refined = model.refine(TEXT, draft(), CANDIDATES)
        assert refined is not None
        assert model.counts.outcomes["answered"] == 1
    for slot in (*refined.brand, *refined.exclude.brand):
        assert slot.node_id in ("b1", "b2")


def test_a_folder_without_a_model_is_a_bad_setting(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="can't be opened"):
        open_in_process(TransformersConfig(model=str(tmp_path)))
