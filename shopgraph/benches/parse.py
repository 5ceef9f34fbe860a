"""Reading queries: each level alone and the cascade, accuracy and CPU time side by side.

Labelled queries of Amazon Beauty (where SHOPGRAPH_DATA names the public data) and the demo shop. One query at
a time on one thread, `rounds` times over; beside it, in turns with the others, one pass of the bare text
encoder over the same texts. A batch is all of a shop's queries at once. Accuracy is as evaluation/parsing.py
says; of a language model it is that of a few queries drawn from all. `dialogue_state` is the share of turns
after which the whole state, all but `attribute`, is right; turns are not timed. The encoder alone finds spans
and no nodes: they are looked up by their letters, so that Chinese words for English names are not found.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from os import sysconf
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np

from evaluation.labelled_queries import FlatQuery, LabelledQuery, read_labelled
from evaluation.parsing import ParsingScores, parsing_scores
from nlu.llm.config import EndpointConfig, LlmConfig
from nlu.llm.endpoint import EndpointModel
from nlu.llm.intent import IntentModel
from nlu.shop import shop_names
from nlu.tagger.tagger import ENCODER, Tagger
from shopgraph.benches.llm_server import start_server
from shopgraph.benches.parse_readers import (
    Reader,
    bare_encoder,
    encoder_alone,
    grammar_alone,
    language_model_alone,
    levels,
)
from shopgraph.demoshop.write import MIN_USERS, make_shop
from shopgraph.errors import BadSettings
from shopgraph.evaluating import Question, read_snapshot
from shopgraph.nlu_training import train_nlu
from shopgraph.settings import Settings
from shopgraph.types import GraphSnapshot

QUERIES = Path(__file__).parents[2] / "tests" / "queries"
"""The labelled queries of a checkout."""

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_PATIENT_S = 120.0


@dataclass(frozen=True)
class ParseQuestion:
    """What is read and by what.

    Attributes:
        queries: folder of `.jsonl` files of labelled queries and turns of dialogues.
        taggers: the folder of each shop's tagger; one that is not named is trained first.
        gguf: a language model for llama.cpp's server; without one the endpoint of the settings, if any.
        llm_queries: how many queries of each shop a language model reads.
        rounds: how often everything else reads each query.
    """

    queries: Path = QUERIES
    taggers: Mapping[str, Path] | None = None
    gguf: Path | None = None
    llm_queries: int = 40
    rounds: int = 3


@dataclass(frozen=True)
class Helper:
    """A language model's server, and the CPU seconds that it and this process have spent."""

    config: EndpointConfig
    cpu_s: Callable[[], float] = process_time


def run(question: ParseQuestion, settings: Settings, note: Callable[[str], None]) -> list[dict[str, Any]]:
    """One row a shop, language and reader."""
    labelled = _labelled(question.queries)
    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as scratch, _helper(question, settings) as helper:
        for shop, snapshot in _shops(Path(scratch), settings):
            mine = [query for query in labelled if query.shop == shop]
            folder = (question.taggers or {}).get(shop)
            if folder is None:
                note(f"{shop}: no tagger named, so one is trained")
                folder = train_nlu(snapshot, Path(scratch) / shop, settings, _NOW, note).folder
            note(f"{shop}: {len(mine)} queries")
            rows += compare(shop, snapshot, folder, mine, question, helper)
    return rows


def compare(
    shop: str,
    snapshot: GraphSnapshot,
    tagger_folder: Path,
    labelled: Sequence[LabelledQuery],
    question: ParseQuestion,
    helper: Helper | None = None,
) -> list[dict[str, Any]]:
    """The rows of one shop: all languages, then each."""
    names, tagger = shop_names(snapshot), Tagger(tagger_folder, threads=1)
    readers = [
        bare_encoder(tagger_folder / ENCODER),
        grammar_alone(names),
        levels("grammar + linker", names),
        encoder_alone(names, tagger),
        levels("cascade", names, tagger),
    ]
    turns = [query for query in labelled if query.dialogue is not None]
    labelled = [query for query in labelled if query.dialogue is None]
    measured = _measured(readers, labelled, question.rounds)
    if helper is not None:
        rng = np.random.default_rng(0)
        drawn = rng.permutation(len(labelled))[: question.llm_queries]
        few = [labelled[row] for row in sorted(drawn.tolist())]
        patient = LlmConfig(calls_per_minute=10**6, tokens_per_minute=10**9, tokens_per_day=10**9)
        with ExitStack() as closing:
            model, helped = EndpointModel(helper.config), IntentModel(EndpointModel(helper.config), patient)
            closing.callback(model.close)
            closing.callback(helped.close)
            slow = [
                language_model_alone(names, model, helper.cpu_s),
                levels("cascade + language model", names, tagger, helped, helper.cpu_s),
            ]
            measured += _measured(slow, few, 1)
    languages = sorted({query.language for query in labelled})
    states = {reader.name: reader.follow(turns) for reader in readers if reader.follow is not None and turns}
    return [
        {
            "shop": shop,
            "language": language,
            **row,
            **_dialogues(turns, states.get(one.reader.name), language),
        }
        for language in ("all", *languages)
        for one in measured
        if (row := one.row(language))
    ]


def _dialogues(
    turns: Sequence[LabelledQuery], states: Mapping[str, FlatQuery] | None, language: str
) -> dict[str, Any]:
    mine = [turn for turn in turns if language in ("all", turn.language)]
    right = parsing_scores(mine, states).frame if mine and states is not None else None
    return {"n_turns": len(mine), "dialogue_state": None if right is None else round(right, 4)}


@dataclass(frozen=True)
class _Measured:
    """What one reader said of the queries, and its times, seconds, shape (rounds, n_queries)."""

    reader: Reader
    labelled: Sequence[LabelledQuery]
    answers: Mapping[str, FlatQuery]
    cpu: np.ndarray[tuple[int, int], np.dtype[np.float64]]
    wall: np.ndarray[tuple[int, int], np.dtype[np.float64]]
    batch: Mapping[str, float]

    def row(self, language: str) -> dict[str, Any]:
        """The figures of one language or of all; nothing where there is no query."""
        mine = [n for n, query in enumerate(self.labelled) if language in ("all", query.language)]
        if not mine:
            return {}
        row: dict[str, Any] = {"reader": self.reader.name, "n_queries": len(mine)}
        for name, times in (("cpu", self.cpu[:, mine]), ("wall", self.wall[:, mine])):
            p50, p99 = np.percentile(times * 1_000, (50, 99))
            row |= {f"{name}_ms_p50": round(float(p50), 3), f"{name}_ms_p99": round(float(p99), 3)}
        row |= self.batch if language == "all" else dict.fromkeys(self.batch)
        scores: dict[str, Any] = dict.fromkeys(ParsingScores.__annotations__)
        if self.answers:
            scores = asdict(parsing_scores([self.labelled[n] for n in mine], self.answers))
        del scores["n_queries"]
        return row | {name: round(x, 4) if isinstance(x, float) else x for name, x in scores.items()}


def _measured(readers: Sequence[Reader], labelled: Sequence[LabelledQuery], rounds: int) -> list[_Measured]:
    """All readers in turns, round by round, so that what else the machine does meets all alike."""
    texts = [query.text for query in labelled]
    cpu, wall = (np.zeros((len(readers), rounds, len(texts))) for _ in range(2))
    answers: list[dict[str, FlatQuery]] = [{} for _ in readers]
    batches = np.zeros((len(readers), rounds, 2))
    for round_ in range(rounds):
        for place, reader in enumerate(readers):
            for n, query in enumerate(labelled):
                cpu_before, before = reader.cpu_s(), perf_counter()
                read = reader.read(query.text)
                wall[place, round_, n] = perf_counter() - before
                cpu[place, round_, n] = reader.cpu_s() - cpu_before
                if read is not None and round_ == 0:
                    answers[place][query.id] = read()
            if reader.read_all is not None:
                cpu_before, before = reader.cpu_s(), perf_counter()
                reader.read_all(texts)
                batches[place, round_] = reader.cpu_s() - cpu_before, perf_counter() - before
    return [
        _Measured(reader, labelled, answers[n], cpu[n], wall[n], _rates(reader, batches[n], len(texts)))
        for n, reader in enumerate(readers)
    ]


def _rates(
    reader: Reader, seconds: np.ndarray[tuple[int, int], np.dtype[np.float64]], n_texts: int
) -> dict[str, Any]:
    """Queries a second in batches, by CPU time and by the clock: the median round."""
    if reader.read_all is None:
        return {"batch_per_cpu_s": None, "batch_per_s": None}
    cpu, wall = np.median(seconds, axis=0).tolist()
    return {"batch_per_cpu_s": round(n_texts / cpu, 1), "batch_per_s": round(n_texts / wall, 1)}


def _labelled(folder: Path) -> list[LabelledQuery]:
    files = sorted(folder.glob("*.jsonl"))
    found = [query for file in files for query in read_labelled(file)]
    if not found:
        raise BadSettings(f"{folder}: holds no labelled queries; name their folder by --queries")
    return found


def _shops(scratch: Path, settings: Settings) -> Iterator[tuple[str, GraphSnapshot]]:
    make_shop(scratch / "shop", rng=np.random.default_rng(7), now=_NOW, n_users=MIN_USERS)
    yield "demo", read_snapshot(Question(scratch / "shop", "shop", "split"), _NOW)
    if settings.data is not None:
        yield "beauty", read_snapshot(Question(settings.data / "beauty", "pgpr", "split"), _NOW)


@contextmanager
def _helper(question: ParseQuestion, settings: Settings) -> Iterator[Helper | None]:
    if question.gguf is not None:
        with start_server(question.gguf) as server:
            config = EndpointConfig(url=server.base_url, model=question.gguf.stem, timeout_s=_PATIENT_S)
            yield Helper(config, lambda: process_time() + _cpu_s_of(server.pid))
    elif isinstance(settings.llm.source, EndpointConfig):
        yield Helper(settings.llm.source)
    else:
        yield None


def _cpu_s_of(pid: int) -> float:
    """CPU seconds of another process so far, as Linux counts them; 0 elsewhere."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / sysconf("SC_CLK_TCK")
