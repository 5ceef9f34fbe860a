"""A language model that `transformers` runs in this process; xgrammar lets it write nothing but the form."""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import orjson

from nlu.llm.config import TransformersConfig
from nlu.llm.model import Completion, Message
from shopgraph.errors import BadSettings, DependencyMissing, LanguageModelFailed

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def open_in_process(config: TransformersConfig) -> "InProcessModel":
    """The model, loaded.

    Raises:
        BadSettings: the folder or hub id can't be opened.
        DependencyMissing: torch, transformers or xgrammar is not installed.
    """
    try:
        import torch
        import xgrammar  # noqa: F401  # only whether it is there: it is used at the first question
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ModuleNotFoundError as exc:
        raise DependencyMissing(
            f"a language model in the process needs {exc.name}; install it with: pip install 'shopgraph[llm]'"
        ) from exc
    device = config.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        tokenizer = AutoTokenizer.from_pretrained(config.model)
        model = AutoModelForCausalLM.from_pretrained(config.model)
    except (OSError, ValueError) as exc:
        raise BadSettings(f"language model {config.model!r} can't be opened: {exc}") from exc
    model.to(torch.device(device))  # type: ignore[arg-type]  # transformers wraps it without its signature
    model.eval()  # type: ignore[no-untyped-call]  # so it is in transformers
    return InProcessModel(config, model, tokenizer)


class InProcessModel:
    """One question at a time; the others wait their turn within their own time limit."""

    def __init__(
        self, config: TransformersConfig, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase"
    ) -> None:
        import xgrammar

        self.name = f"{config.model} in process"
        self.max_answer_tokens = config.max_answer_tokens
        self._config = config
        self._model = model
        self._tokenizer = tokenizer
        vocabulary = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=model.config.vocab_size)
        self._compiler = xgrammar.GrammarCompiler(vocabulary)
        self._turn = threading.Lock()

    def complete(self, messages: Sequence[Message], schema: Mapping[str, object]) -> Completion:
        if not self._turn.acquire(timeout=self._config.timeout_s):
            raise LanguageModelFailed("the language model in the process is busy")
        try:
            return self._complete(messages, schema)
        except RuntimeError as exc:  # torch's, out of memory above all
            raise LanguageModelFailed(f"the language model broke off: {type(exc).__name__}") from exc
        finally:
            self._turn.release()

    def close(self) -> None:
        """Nothing is open."""

    def _complete(self, messages: Sequence[Message], schema: Mapping[str, object]) -> Completion:
        import torch
        from xgrammar.contrib.hf import LogitsProcessor

        chat = [{"role": message.role, "content": message.content} for message in messages]
        template = None if self._tokenizer.chat_template else _PLAIN_TEMPLATE
        said = self._tokenizer.apply_chat_template(
            chat, chat_template=template, add_generation_prompt=True, tokenize=False
        )
        prompt = self._tokenizer(str(said), add_special_tokens=False, return_tensors="pt")
        prompt = prompt.to(self._model.device)
        n_prompt = int(prompt["input_ids"].shape[1])
        if n_prompt > self._config.max_prompt_tokens:
            raise LanguageModelFailed(
                f"the prompt has {n_prompt} tokens, allowed are {self._config.max_prompt_tokens}"
            )
        # whitespace is ruled out, or a weak model writes blanks until it is cut off
        grammar = self._compiler.compile_json_schema(json.dumps(schema), any_whitespace=False)
        with torch.inference_mode():
            written = self._model.generate(  # type: ignore[operator]  # of a mixin that the class lacks
                **prompt,
                do_sample=False,
                max_new_tokens=self._config.max_answer_tokens,
                max_time=self._config.timeout_s,
                logits_processor=[LogitsProcessor(grammar)],
            )
        answer = written[0, n_prompt:]
        try:
            content = orjson.loads(str(self._tokenizer.decode(answer, skip_special_tokens=True)))
        except orjson.JSONDecodeError as exc:
            raise LanguageModelFailed("the language model's answer was cut off") from exc
        if not isinstance(content, dict):
            raise LanguageModelFailed("the language model's answer is no JSON object")
        return Completion(content, n_prompt, len(answer))
