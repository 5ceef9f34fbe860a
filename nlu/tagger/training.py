"""Teaches the tagger's heads a shop's queries over frozen states of the text encoder, and writes what serves.

The encoder itself is not touched: its vectors stay what the index of items was made with, and tags cost one
pass more of a net a twentieth of its size.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nlu.encoder import EncoderConfig, export_serving
from nlu.onnx_encoder import MODEL, OnnxEncoder, rewrite_hashes
from nlu.tagger.bio import best_path, legal_steps, n_tags, spans_of, strict_f1
from nlu.tagger.config import TaggerConfig
from nlu.tagger.heads import Heads, export_heads
from nlu.tagger.labels import INTENTS, TAGGED, LabelledQuery
from nlu.tagger.queries import QueryMaker
from nlu.tagger.shop_words import ShopWords
from nlu.tagger.states import UNTAGGED, LearningBatch, QueryStates
from nlu.tagger.tagger import ENCODER, HEADS, write_tagger_file
from nlu.tagger.tapped import write_tapped

_TEMPERATURES = np.geomspace(0.5, 4.0, 25)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class TaggerReport:
    """What training reached on queries of unseen templates, an entry an epoch; the best epoch was kept.

    `losses` are those of each step; `span_f1` is strict over tokens' tags.
    """

    span_f1: tuple[float, ...]
    intent_accuracy: tuple[float, ...]
    best_epoch: int
    losses: tuple[float, ...]
    n_parameters: int
    n_queries: int


def train_tagger(
    encoder: EncoderConfig,
    config: TaggerConfig,
    words: ShopWords,
    folder: Path,
    rng: np.random.Generator,
    on_progress: Progress = lambda _: None,
    real: Sequence[LabelledQuery] = (),
) -> TaggerReport:
    """Makes queries of the shop's words, learns them, and fills an existing folder for `Tagger`.

    `real` are labelled queries of other shops that are learned too.

    Raises:
        BadSettings: the encoder can't be used.
    """
    serving = folder / ENCODER
    open_tapped(encoder, config, serving)
    opened = OnnxEncoder(serving, encoder.batch_size, encoder.threads)
    made = [*QueryMaker(words, "train").draw_many(config.queries, rng), *real]
    held = QueryMaker(words, "validation").draw_many(config.validation_queries, rng)
    on_progress(f"{len(made):,} queries to learn, and {len(held):,} of other templates")
    train, validation = QueryStates(opened, made, on_progress), QueryStates(opened, held)
    with torch.random.fork_rng():
        torch.manual_seed(int(rng.integers(2**31)))
        heads = Heads(
            train.n_in, config.width, config.blocks, n_tags(len(TAGGED)), len(INTENTS), config.dropout
        )
        report = fit_heads(heads, config, train, validation, rng, on_progress)
    temperatures = calibrate(heads, validation)
    export_heads(heads, train.n_in, folder / HEADS)
    write_tagger_file(folder, INTENTS, *temperatures)
    return report


def open_tapped(encoder: EncoderConfig, config: TaggerConfig, folder: Path) -> None:
    """Makes `folder` a serving folder of the encoder whose graph also gives `states`."""
    export_serving(encoder, folder)
    tapped = folder / "tapped.onnx"
    write_tapped(folder / MODEL, tapped, config.layers)
    tapped.replace(folder / MODEL)
    rewrite_hashes(folder)


def fit_heads(
    heads: Heads,
    config: TaggerConfig,
    train: QueryStates,
    validation: QueryStates,
    rng: np.random.Generator,
    on_progress: Progress,
) -> TaggerReport:
    """Trains on `train` and leaves the epoch that is best on validation: span F1 plus share of intents."""
    optimiser = torch.optim.AdamW(heads.parameters(), lr=config.learning_rate, weight_decay=0.01)
    n_steps = config.epochs * -(-len(train) // config.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, n_steps))
    losses: list[float] = []
    span_f1: list[float] = []
    accuracy: list[float] = []
    best, best_epoch = heads.state_dict(), 0
    for epoch in range(config.epochs):
        heads.train()
        for batch in train.batches(config.batch_size, rng):
            loss = _loss(heads, batch, config.intent_weight)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(heads.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        f1, right = measure(heads, validation)
        span_f1.append(f1)
        accuracy.append(right)
        on_progress(f"epoch {epoch + 1}: unseen templates: span F1 {f1:.4f}, intent {right:.4f}")
        if f1 + right >= max(map(sum, zip(span_f1, accuracy, strict=True))):
            best = {name: value.clone() for name, value in heads.state_dict().items()}
            best_epoch = epoch + 1
    heads.load_state_dict(best)
    heads.eval()
    n_parameters = sum(parameter.numel() for parameter in heads.parameters())
    return TaggerReport(tuple(span_f1), tuple(accuracy), best_epoch, tuple(losses), n_parameters, len(train))


@torch.no_grad()
def measure(heads: Heads, states: QueryStates) -> tuple[float, float]:
    """(strict F1 of spans over the tokens, share of right intents)."""
    heads.eval()
    steps = np.where(legal_steps(len(TAGGED)), 0.0, -np.inf)
    wanted, found = [], []
    n_right = 0
    for batch in states.batches(128):
        tags, intents = heads(batch.states, batch.mask)
        n_right += int((intents.argmax(1) == batch.intents).sum())
        scores = torch.log_softmax(tags, 2).numpy()
        for one, gold in zip(scores, batch.tags.numpy(), strict=True):
            wanted.append(spans_of(gold[gold != UNTAGGED]))
            found.append(spans_of(best_path(one[gold != UNTAGGED], steps)))
    return strict_f1(wanted, found), n_right / len(states)


@torch.no_grad()
def calibrate(heads: Heads, states: QueryStates) -> tuple[float, float]:
    """The temperatures of tags and intents that make validation likeliest (Guo et al. 2017)."""
    heads.eval()
    tag_logits, tags, intent_logits, intents = [], [], [], []
    for batch in states.batches(128):
        found_tags, found_intents = heads(batch.states, batch.mask)
        kept = batch.tags != UNTAGGED
        tag_logits.append(found_tags[kept])
        tags.append(batch.tags[kept])
        intent_logits.append(found_intents)
        intents.append(batch.intents)
    return (
        _temperature(torch.cat(tag_logits), torch.cat(tags)),
        _temperature(torch.cat(intent_logits), torch.cat(intents)),
    )


def _temperature(logits: torch.Tensor, wanted: torch.Tensor) -> float:
    losses = [float(torch.nn.functional.cross_entropy(logits / each, wanted)) for each in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def _loss(heads: Heads, batch: LearningBatch, intent_weight: float) -> torch.Tensor:
    tags, intents = heads(batch.states, batch.mask)
    of_tags = torch.nn.functional.cross_entropy(
        tags.flatten(0, 1), batch.tags.flatten(), ignore_index=UNTAGGED
    )
    return of_tags + intent_weight * torch.nn.functional.cross_entropy(intents, batch.intents)


def _rate(step: int, n_steps: int) -> float:
    """Share of the learning rate: a linear rise over a tenth of the steps, then a cosine down to 0."""
    warm = max(n_steps // 10, 1)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + float(np.cos(np.pi * (step - warm) / max(n_steps - warm, 1))))
