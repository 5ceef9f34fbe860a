"""A tagger of words tuned on QueryNER, to be compared with what is published.

All layers of the text encoder learn; its embedding table stays, which holds 96 of 118 million weights. What
is kept is the running average of the weights (Polyak & Juditsky 1992) after the epoch that is best on
validation.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from tokenizers import Encoding, Tokenizer

from nlu.encoder import EncoderConfig
from nlu.model_files import find_source
from nlu.tagger.bio import best_path, spans_of, strict_f1
from nlu.tagger.queryner_data import LABELS, TaggedWords
from nlu.tagger.word_tagger import WordTagger, crf_loss
from nlu.torch_encoder import load_model, load_tokenizer

_PAD = 1
_LOG_EVERY = 50

Progress = Callable[[str], None]


class QueryNerConfig(BaseModel):
    """How the fine-tuning runs; the defaults were chosen on the validation split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=5, ge=1)
    """Passes over the training queries; the best of them is kept."""
    batch_size: int = Field(default=32, ge=1)
    """Queries a step, of like length."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Of the encoder's layers; rises over a tenth of the steps, then falls to 0."""
    head_learning_rate: float = Field(default=2e-3, gt=0)
    """Of the layer that scores tags and of the CRF."""
    averaging: float = Field(default=0.99, ge=0, lt=1)
    """Share of the running average of the weights that a step leaves."""


@dataclass(frozen=True)
class QueryNerReport:
    """Strict F1: on validation after each epoch; on test once, with the weights of `best_epoch` (from 1)."""

    validation_f1: tuple[float, ...]
    best_epoch: int
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
    """Fine-tunes on train, keeps the epoch that is best on validation, and measures it on test.

    Raises:
        BadSettings: the model can't be used.
    """
    source = find_source(encoder.encoder, encoder.cache_dir)
    loaded, pieces = load_model(source.model), _Pieces(load_tokenizer(source.model))
    with torch.random.fork_rng():
        torch.manual_seed(int(rng.integers(2**31)))
        model = WordTagger(loaded.transformer, loaded.dim, len(LABELS))
        validation, losses = _fit(model, pieces, config, queries, rng, on_progress)
    wanted = [spans_of(query.tags) for query in queries["test"]]
    found = _predict(model, pieces, queries["test"])
    by_label = {
        name: strict_f1(_only(wanted, label), _only(found, label)) for label, name in enumerate(LABELS)
    }
    best_epoch = int(np.argmax(validation)) + 1
    return QueryNerReport(tuple(validation), best_epoch, strict_f1(wanted, found), by_label, tuple(losses))


_Spans = Sequence[tuple[int, int, int]]


@dataclass(frozen=True, eq=False)
class _Batch:
    token_ids: torch.Tensor
    word_of: torch.Tensor
    tags: torch.Tensor
    n_words: torch.Tensor
    rows: list[int]


class _Pieces:
    """Words → batches of their pieces, texts of like length together."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_padding()
        self._tokenizer = tokenizer

    def batches(self, texts: Sequence[TaggedWords], size: int) -> Iterator[_Batch]:
        encoded = self._tokenizer.encode_batch([list(text.words) for text in texts], is_pretokenized=True)
        order = np.argsort([len(each.ids) for each in encoded], kind="stable")
        for start in range(0, len(order), size):
            rows = order[start : start + size].tolist()
            yield _padded([texts[row] for row in rows], [encoded[row] for row in rows], rows)


def _padded(texts: Sequence[TaggedWords], encoded: Sequence[Encoding], rows: list[int]) -> _Batch:
    longest, most_words = max(len(each.ids) for each in encoded), max(len(text.words) for text in texts)
    token_ids = torch.full((len(texts), longest), _PAD)
    word_of = torch.full((len(texts), longest), -1)
    tags = torch.zeros((len(texts), most_words), dtype=torch.int64)
    for row, (text, each) in enumerate(zip(texts, encoded, strict=True)):
        token_ids[row, : len(each.ids)] = torch.tensor(each.ids)
        words = [most_words if word is None else word for word in each.word_ids]
        word_of[row, : len(words)] = torch.tensor(words)
        tags[row, : len(text.tags)] = torch.tensor(text.tags)
    return _Batch(token_ids, word_of, tags, torch.tensor([len(text.words) for text in texts]), rows)


def _fit(
    model: WordTagger,
    pieces: _Pieces,
    config: QueryNerConfig,
    queries: Mapping[str, Sequence[TaggedWords]],
    rng: np.random.Generator,
    on_progress: Progress,
) -> tuple[list[float], list[float]]:
    """(validation F1 an epoch, loss a step); leaves the best epoch's averaged weights in the model."""
    model.transformer.get_input_embeddings().requires_grad_(False)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    batches = list(pieces.batches(queries["train"], config.batch_size))
    n_steps = config.epochs * len(batches)
    optimiser = _optimiser(model, config)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, n_steps))
    wanted = [spans_of(query.tags) for query in queries["validation"]]
    average = _copy(learned)
    best = average
    losses: list[float] = []
    validation: list[float] = []
    for epoch in range(config.epochs):
        for place in rng.permutation(len(batches)):
            losses.append(_step(model, batches[place], optimiser, learned))
            schedule.step()
            for kept, parameter in zip(average, learned, strict=True):
                kept.lerp_(parameter.detach(), 1 - config.averaging)
            if len(losses) % _LOG_EVERY == 0:
                recent = float(np.mean(losses[-_LOG_EVERY:]))
                on_progress(f"step {len(losses)} of {n_steps}: loss {recent:.3f}")
        latest = _copy(learned)
        _put(average, learned)
        validation.append(strict_f1(wanted, _predict(model, pieces, queries["validation"])))
        on_progress(f"epoch {epoch + 1}: validation F1 {validation[-1]:.4f}")
        if validation[-1] == max(validation):
            best = _copy(learned)
        _put(latest, learned)
    _put(best, learned)
    return validation, losses


def _copy(parameters: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in parameters]


@torch.no_grad()
def _put(values: Sequence[torch.Tensor], parameters: Sequence[torch.Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)


def _optimiser(model: WordTagger, config: QueryNerConfig) -> torch.optim.Optimizer:
    encoder = [parameter for parameter in model.transformer.parameters() if parameter.requires_grad]
    head = [*model.scores.parameters(), model.steps]
    groups = [
        {"params": encoder, "lr": config.learning_rate},
        {"params": head, "lr": config.head_learning_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.01)


def _step(
    model: WordTagger,
    batch: _Batch,
    optimiser: torch.optim.Optimizer,
    learned: Sequence[torch.nn.Parameter],
) -> float:
    model.train()
    scores = model(batch.token_ids, batch.word_of, batch.tags.shape[1])
    loss = crf_loss(scores, model.legal(), batch.tags, batch.n_words)
    optimiser.zero_grad()
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(learned, 1.0)
    optimiser.step()
    return float(loss.detach())


@torch.no_grad()
def _predict(model: WordTagger, pieces: _Pieces, texts: Sequence[TaggedWords]) -> list[_Spans]:
    model.eval()
    found: list[_Spans] = [[] for _ in texts]
    steps = model.legal().numpy()
    for batch in pieces.batches(texts, 64):
        scores = model(batch.token_ids, batch.word_of, batch.tags.shape[1]).numpy()
        for row, one, n_words in zip(batch.rows, scores, batch.n_words.tolist(), strict=True):
            found[row] = spans_of(best_path(one[:n_words], steps))
    return found


def _only(spans: Sequence[_Spans], label: int) -> list[_Spans]:
    return [[span for span in each if span[2] == label] for each in spans]


def _rate(step: int, n_steps: int) -> float:
    """Share of the learning rate: a linear rise over a tenth of the steps, then a linear fall to 0."""
    warm = max(n_steps // 10, 1)
    return (step + 1) / warm if step < warm else max(n_steps - step, 0) / max(n_steps - warm, 1)
