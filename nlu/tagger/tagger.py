"""The tagger that serves: onnxruntime and tokenizers, no torch.

folder/encoder/    the text encoder's serving folder, whose graph also gives the states of inner layers
folder/heads.onnx  states, attention_mask → logits of tags and intent, float32
folder/tagger.json intents, tags, temperatures, and the sha256 of heads.onnx
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from nlu.batching import Kind, TokenBatch
from nlu.onnx_encoder import VECTORS, OnnxEncoder
from nlu.tagger.bio import BioSpan, best_path, legal_steps, spans_of
from nlu.tagger.labels import TAGGED, Label
from nlu.tagger.pieces import Pieces, pieces_of, query_span
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import FloatMatrix, FloatVector, Intent

ENCODER, HEADS, CONFIG = "encoder", "heads.onnx", "tagger.json"
STATES = "states"
"""The output of the encoder's graph that the heads read."""


@dataclass(frozen=True)
class TaggedSpan:
    """Characters start..end of the tidy text that say one thing; `excluded` where it is ruled out.

    `confidence` is the probability of the least sure of its tags.
    """

    start: int
    end: int
    label: Label
    confidence: float
    excluded: bool = False


@dataclass(frozen=True, eq=False)
class Tagged:
    """What one pass says of a query; `vector` is the text encoder's for the same text as a query."""

    vector: FloatVector
    intent: Intent
    intent_probs: dict[Intent, float]
    spans: tuple[TaggedSpan, ...]


class TaggerFile(BaseModel):
    """What tagger.json says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intents: tuple[Intent, ...]
    """In the order of the logits."""
    labels: tuple[tuple[Label, bool], ...]
    """Label number → (label, whether it is ruled out)."""
    tag_temperature: float
    """Divides the logits of tags, so that probabilities are shares of right answers on validation."""
    intent_temperature: float
    """The same for intents."""
    heads_sha256: str


class Tagger:
    """Tags queries, and is the text encoder of its vectors."""

    def __init__(self, folder: Path, batch_size: int = 32, threads: int = 1) -> None:
        """Opens a folder that training wrote.

        Raises:
            ArtefactDamaged: a file is missing or is not the one that was written.
        """
        self._file = _read(folder)
        self._encoder = OnnxEncoder(folder / ENCODER, batch_size, threads)
        self.name, self.dim = self._encoder.name, self._encoder.dim
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._heads = onnxruntime.InferenceSession(
            str(folder / HEADS), options, providers=["CPUExecutionProvider"]
        )
        self._steps = np.where(legal_steps(len(self._file.labels)), 0.0, -np.inf)

    def tag(self, texts: Sequence[str]) -> list[Tagged]:
        """What each tidy text says; any text gets an answer."""
        found: dict[int, Tagged] = {}
        for batch in self._encoder.batcher.batches(texts, "query", self._encoder.batch_size):
            vectors, states = self._encoder.run(batch, [VECTORS, STATES])
            tags, intents = self._heads.run(
                ["tags", "intent"], {"states": states, "attention_mask": batch.mask}
            )
            shares = softmax(intents / self._file.intent_temperature)
            for place, row in enumerate(batch.rows.tolist()):
                spans = self._spans(texts[row], batch, place, tags[place])
                found[row] = self._tagged(vectors[place], shares[place], spans)
        return [found[row] for row in range(len(texts))]

    def encode(self, texts: Sequence[str], kind: Kind) -> FloatMatrix:
        """Unit vectors, shape (len(texts), dim): the text encoder's own."""
        return self._encoder.encode(texts, kind)

    def _spans(self, text: str, batch: TokenBatch, place: int, logits: FloatMatrix) -> tuple[TaggedSpan, ...]:
        pieces = pieces_of(batch.encodings[place], self._encoder.batcher.prefixes.query, text)
        scores = np.log(softmax(logits[pieces.rows] / self._file.tag_temperature) + 1e-9)
        tags = best_path(scores, self._steps)
        sure = np.exp(scores[np.arange(len(tags)), tags])
        return tuple(self._span(pieces, span, sure) for span in spans_of(tags))

    def _span(self, pieces: Pieces, span: BioSpan, sure: NDArray[np.float64]) -> TaggedSpan:
        start, end, label, excluded = query_span(pieces, span)
        return TaggedSpan(start, end, label, float(sure[span.start : span.end].min()), excluded)

    def _tagged(self, vector: FloatVector, shares: FloatVector, spans: tuple[TaggedSpan, ...]) -> Tagged:
        probs = dict(zip(self._file.intents, shares.tolist(), strict=True))
        return Tagged(vector, max(probs, key=lambda intent: probs[intent]), probs, spans)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: NDArray[np.floating] = raised / raised.sum(axis=-1, keepdims=True)
    return shares


def write_tagger_file(
    folder: Path, intents: Sequence[Intent], tag_temperature: float, intent_temperature: float
) -> None:
    """Writes tagger.json beside the finished heads."""
    file = TaggerFile(
        intents=tuple(intents),
        labels=TAGGED,
        tag_temperature=tag_temperature,
        intent_temperature=intent_temperature,
        heads_sha256=_sha256(folder / HEADS),
    )
    (folder / CONFIG).write_text(file.model_dump_json(indent=1), encoding="utf-8")


def _read(folder: Path) -> TaggerFile:
    try:
        file = TaggerFile.model_validate_json((folder / CONFIG).read_bytes())
        found = _sha256(folder / HEADS)
    except (OSError, ValidationError) as exc:
        raise ArtefactDamaged(f"{folder}: not a readable tagger ({exc}); run `shopgraph train-nlu`") from exc
    if found != file.heads_sha256 or file.labels != TAGGED:
        raise ArtefactDamaged(
            f"{folder / HEADS}: not the one that was trained; run `shopgraph train-nlu` again"
        )
    return file


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
