"""Taggers of words tuned on QueryNER, to be compared with what is published.

All layers of the text encoder learn; its embedding table stays, which holds 96 of 118 million weights. What
is kept is the running average of the weights (Polyak & Juditsky 1992) after the last epoch. The answer is the
spans of the highest expected F1, by the mean of several fits' probabilities.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from nlu.encoder import EncoderConfig
from nlu.model_files import find_source
from nlu.tagger.bio import BioSpan, spans_of, strict_f1
from nlu.tagger.expected import SpanProbabilities, expected_spans, span_probabilities
from nlu.tagger.queryner_batches import TaggedBatch, TaggedPieces
from nlu.tagger.queryner_data import LABELS, TaggedWords
from nlu.tagger.word_tagger import WordTagger, crf_loss
from nlu.torch_encoder import load_model, load_tokenizer

_LOG_EVERY = 50
_LAYER = re.compile(r"\blayers?\.(\d+)\.")

Progress = Callable[[str], None]


class QueryNerConfig(BaseModel):
    """How the fine-tuning runs; the defaults were chosen on the validation split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=6, ge=1)
    """Passes over the queries that are learned; there is no early stopping."""
    batch_size: int = Field(default=32, ge=1)
    """Queries a step, of like length."""
    learning_rate: float = Field(default=1.5e-4, gt=0)
    """Of the encoder's last layer; rises over a tenth of the steps, then falls to 0."""
    layer_decay: float = Field(default=0.9, gt=0, le=1)
    """Share of a layer's learning rate that the layer below it has (Howard & Ruder 2018)."""
    head_learning_rate: float = Field(default=2e-3, gt=0)
    """Of the layer that scores tags and of the CRF."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of a word's state that the head does without in training; the encoder keeps its own."""
    masked_words: float = Field(default=0.1, ge=0, lt=1)
    """Share of the words that are hidden in training, so that their neighbours are read too."""
    averaging: float = Field(default=0.99, ge=0, lt=1)
    """Share of the running average of the weights that a step leaves."""
    threshold: float = Field(default=0.45, ge=0, le=1)
    """Probability below which a span is left out; half the F1 were best if the model were not too sure."""
    members: int = Field(default=3, ge=1)
    """Fits that differ by their random draws alone."""
    learns_validation: bool = True
    """Learns the validation split too, as a last fit when all is chosen; it then has no F1."""
    precision: Literal["fp32", "bf16"] = "bf16"
    """Of the products in training and tagging; the weights stay float32."""


@dataclass(frozen=True)
class QueryNerReport:
    """Strict F1 on validation (None where it was learned) and, measured once, on test.

    Attributes:
        member_validation_f1: of each fit alone; empty where validation was learned.
        losses: a step, one fit after the other.
    """

    validation_f1: float | None
    member_validation_f1: tuple[float, ...]
    test_f1: float
    test_f1_of: Mapping[str, float]
    losses: tuple[float, ...]


def fit_queryner(
    encoder: EncoderConfig,
    config: QueryNerConfig,
    queries: Mapping[str, Sequence[TaggedWords]],
    rng: np.random.Generator,
    on_progress: Progress = lambda _: None,
) -> QueryNerReport:
    """Fine-tunes on train, and on validation where the settings say so, and measures on test.

    Raises:
        BadSettings: the model can't be used.
    """
    source = find_source(encoder.encoder, encoder.cache_dir)
    pieces = TaggedPieces(load_tokenizer(source.model))
    learned = [*queries["train"], *(queries["validation"] if config.learns_validation else ())]
    asked = ("test",) if config.learns_validation else ("test", "validation")
    probabilities = {split: _Mean() for split in asked}
    losses, alone = list[float](), list[float]()

    def f1_of(split: str, given: Sequence[SpanProbabilities]) -> float:
        return strict_f1([spans_of(query.tags) for query in queries[split]], _answers(given, config))

    for member in range(config.members):
        on_progress(f"fit {member + 1} of {config.members}")
        loaded = load_model(source.model)
        with torch.random.fork_rng():
            torch.manual_seed(int(rng.integers(2**31)))
            model = WordTagger(loaded.transformer, loaded.dim, len(LABELS), config.dropout)
            losses += _Fit(model, pieces, config, rng).run(learned, on_progress)
        for split in asked:
            found = _probabilities(model, pieces, config, queries[split])
            probabilities[split].add(found)
            if split == "validation":
                alone.append(f1_of(split, found))
    tested = _answers(probabilities["test"].values(), config)
    wanted = [spans_of(query.tags) for query in queries["test"]]
    by_label = {
        name: strict_f1(_only(wanted, label), _only(tested, label)) for label, name in enumerate(LABELS)
    }
    validation = None
    if not config.learns_validation:
        validation = f1_of("validation", probabilities["validation"].values())
    return QueryNerReport(validation, tuple(alone), strict_f1(wanted, tested), by_label, tuple(losses))


class _Mean:
    """Texts' span probabilities, the mean over what was added."""

    def __init__(self) -> None:
        self._sums: list[SpanProbabilities] = []
        self._n = 0

    def add(self, found: Sequence[SpanProbabilities]) -> None:
        self._n += 1
        before = self._sums or [np.zeros_like(each) for each in found]
        self._sums = [one + other for one, other in zip(before, found, strict=True)]

    def values(self) -> list[SpanProbabilities]:
        return [summed / self._n for summed in self._sums]


def learning_rates(model: WordTagger, config: QueryNerConfig) -> dict[float, list[torch.nn.Parameter]]:
    """Learning rate → what learns at it; what lies below the layers has the lowest of the encoder."""
    n_layers = int(model.transformer.config.num_hidden_layers)
    groups: dict[float, list[torch.nn.Parameter]] = {}
    for name, parameter in model.transformer.named_parameters():
        if parameter.requires_grad:
            layer = _LAYER.search(name)
            below = n_layers - 1 - int(layer[1]) if layer else n_layers
            groups.setdefault(config.learning_rate * config.layer_decay**below, []).append(parameter)
    groups.setdefault(config.head_learning_rate, []).extend([*model.scores.parameters(), model.steps])
    return groups


class _Fit:
    """The optimiser, its schedule and the average of the weights."""

    def __init__(
        self, model: WordTagger, pieces: TaggedPieces, config: QueryNerConfig, rng: np.random.Generator
    ) -> None:
        model.transformer.get_input_embeddings().requires_grad_(False)
        self.model, self.pieces, self.config, self.rng = model, pieces, config, rng
        self.learned = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def run(self, queries: Sequence[TaggedWords], on_progress: Progress) -> list[float]:
        """The loss a step; leaves the averaged weights in the model."""
        config, losses = self.config, list[float]()
        n_steps = config.epochs * -(-len(queries) // config.batch_size)
        rates = learning_rates(self.model, config)
        groups = [{"params": parameters, "lr": rate} for rate, parameters in rates.items()]
        optimiser = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, n_steps))
        average = [parameter.detach().clone() for parameter in self.learned]
        for _ in range(config.epochs):
            for batch in self.pieces.batches(queries, config.batch_size, self.rng):
                losses.append(self._step(batch, optimiser))
                schedule.step()
                for kept, parameter in zip(average, self.learned, strict=True):
                    kept.lerp_(parameter.detach(), 1 - config.averaging)
                if len(losses) % _LOG_EVERY == 0:
                    recent = float(np.mean(losses[-_LOG_EVERY:]))
                    on_progress(f"step {len(losses)} of {n_steps}: loss {recent:.3f}")
        with torch.no_grad():
            for kept, parameter in zip(average, self.learned, strict=True):
                parameter.copy_(kept)
        return losses

    def _step(self, batch: TaggedBatch, optimiser: torch.optim.Optimizer) -> float:
        self.model.train()
        scores = _scores(
            self.model, self.pieces.with_masked_words(batch, self.config.masked_words), self.config
        )
        loss = crf_loss(scores, self.model.legal(), batch.tags, batch.n_words)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.learned, 1.0)
        optimiser.step()
        return float(loss.detach())


def _scores(model: WordTagger, batch: TaggedBatch, config: QueryNerConfig) -> torch.Tensor:
    """Float32 scores of the words' tags."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=config.precision == "bf16"):
        scores: torch.Tensor = model(batch.token_ids, batch.word_of, batch.tags.shape[1])
    return scores.float()


@torch.no_grad()
def _probabilities(
    model: WordTagger, pieces: TaggedPieces, config: QueryNerConfig, texts: Sequence[TaggedWords]
) -> list[SpanProbabilities]:
    """As `span_probabilities`, of each text."""
    model.eval()
    found: list[SpanProbabilities] = [np.zeros(0)] * len(texts)
    steps = model.legal().numpy()
    for batch in pieces.batches(texts, 64):
        scores = _scores(model, batch, config).numpy()
        for row, one, n_words in zip(batch.rows, scores, batch.n_words.tolist(), strict=True):
            found[row] = span_probabilities(one[:n_words], steps)
    return found


def _answers(given: Sequence[SpanProbabilities], config: QueryNerConfig) -> list[list[BioSpan]]:
    return [expected_spans(each, config.threshold) for each in given]


def _only(spans: Sequence[Sequence[BioSpan]], label: int) -> list[list[BioSpan]]:
    return [[span for span in each if span.label == label] for each in spans]


def _rate(step: int, n_steps: int) -> float:
    """Share of the learning rate: a linear rise over a tenth of the steps, then a linear fall to 0."""
    warm = max(n_steps // 10, 1)
    return (step + 1) / warm if step < warm else max(n_steps - step, 0) / max(n_steps - warm, 1)
