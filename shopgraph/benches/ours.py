"""One of our models on a split, in a process of its own, so that its memory is its own: as a peer's script.

`python -m shopgraph.benches.ours FOLDER MODEL`: FOLDER holds `question.json`, and gets lists and result.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Protocol, TypeAlias

import numpy as np
from pydantic import TypeAdapter
from safetensors.numpy import load_file

from evaluation.cold import View, only_rows
from evaluation.harness import ModelResult, evaluate_panel
from evaluation.provenance import peak_rss_mb
from evaluation.repeats import last_baskets, most_bought
from gnn.popularity import Popularity
from gnn.registry import AnyConfig, Watch, build_model
from gnn.training.config import TrainingConfig
from ranking.scorer import Scorer
from ranking.training import fit_hybrid
from shopgraph.benches.our_models import TORCH_HALVES, bounded, grid_of
from shopgraph.benches.peers import LISTS, RESULT, Limits
from shopgraph.benches.task import Split, read_split
from shopgraph.evaluating import Question
from shopgraph.panel import LAST_BASKETS, MOST_BOUGHT
from shopgraph.settings import Settings
from shopgraph.types import FloatMatrix, GraphSnapshot, Heldout, Histories, IntVector

N_VALIDATION_USERS = 5_000
"""As many as the peers' scripts sample."""

ScoreFn: TypeAlias = Callable[[Histories], FloatMatrix]
_QUESTION = TypeAdapter(Question)


class Saved(Protocol):
    """What is counted when a model's numbers are."""

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class Order:
    """What the parent asks of this process."""

    question: Question
    now: datetime
    limits: Limits
    seed: int
    settings: Settings
    repeats: bool = False

    def to_json(self) -> dict[str, Any]:
        """All of it but keys and passwords."""
        return {
            "question": _QUESTION.dump_python(self.question, mode="json"),
            "now": self.now.isoformat(),
            "limits": asdict(self.limits),
            "seed": self.seed,
            "settings": self.settings.model_dump(mode="json", exclude={"secret", "neo4j_password"}),
            "repeats": self.repeats,
        }

    def write(self, folder: Path) -> None:
        """Into `question.json`; keys and passwords stay where they are."""
        (folder / "question.json").write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    @staticmethod
    def read(folder: Path) -> "Order":
        """What `write` wrote."""
        said = json.loads((folder / "question.json").read_text(encoding="utf-8"))
        return Order(
            _QUESTION.validate_python(said["question"]),
            datetime.fromisoformat(said["now"]),
            Limits(**said["limits"]),
            said["seed"],
            Settings(**said["settings"]),
            said["repeats"],
        )


@dataclass(frozen=True)
class Trained:
    """A model fitted on all of the training data, and what is to be said of its search."""

    score: ScoreFn
    model: Saved
    said: dict[str, Any]


@dataclass
class Clock:
    """When each epoch ended, in seconds from the start."""

    started: float = field(default_factory=perf_counter)
    epochs: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return perf_counter() - self.started

    def tick(self, report: object) -> None:
        """An epoch is over."""
        self.epochs.append(self.seconds)


def main(folder: Path, name: str) -> None:
    """Train, list, and write both files."""
    order = Order.read(folder)
    texts = name in {"hybrid", "linear", "attention"}
    if name in TORCH_HALVES:
        import_module(TORCH_HALVES[name])
    split = read_split(
        order.question, order.now, order.seed, order.settings, with_text=texts, repeats=order.repeats
    )
    started = perf_counter()
    trained = train(name, split, order)
    found = {**trained.said, "train_seconds": round(perf_counter() - started, 2)}
    found["peak_rss_mb"] = round(peak_rss_mb(), 1)
    found["n_parameters"] = n_saved(trained.model)
    found["versions"] = {package: version(package) for package in ("shopgraph", "torch", "numpy", "scipy")}
    on_device = name == "hybrid" or any(isinstance(each, TrainingConfig) for each in grid_of(name))
    found["device"] = order.limits.device if on_device else "cpu"
    lists = lists_of(trained.score, split)
    np.savez(folder / LISTS, **lists)  # type: ignore[arg-type]  # no view is called allow_pickle
    (folder / RESULT).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def train(name: str, split: Split, order: Order) -> Trained:
    """The model of a name, its settings chosen on validation, fitted on all of the training data."""
    rng = np.random.default_rng(order.seed)
    if name == "hybrid":
        return _train_hybrid(split, rng)
    if not (declared := grid_of(name)):
        return _baseline(name, split.train, rng)
    grid = [bounded(config, order.limits) for config in declared[: order.limits.settings]]
    return _choose_and_refit(grid, split, rng)


def lists_of(score: ScoreFn, split: Split) -> dict[str, IntVector]:
    """The 20 best items of each user of each view, int32 (n_users, 20), -1 past the last."""
    return {name: _result(score, split, split.known, view).ranked for name, view in split.views.items()}


def n_saved(model: Saved) -> int:
    """Numbers that the model keeps to answer, as it is saved."""
    with TemporaryDirectory() as scratch:
        model.save(Path(scratch))
        files = sorted(Path(scratch).rglob("*.safetensors"))
        return sum(array.size for file in files for array in load_file(file).values())


def _baseline(name: str, train: GraphSnapshot, rng: np.random.Generator) -> Trained:
    """What is popular, or the shopper's own past by a fixed rule and then what is popular."""
    popularity, clock = Popularity(), Clock()
    popularity.fit(train, rng)
    said = {"chosen": {}, "seconds_to_best": round(clock.seconds, 2)}
    if name == "popularity":
        return Trained(popularity.score, popularity, said)
    rule = {LAST_BASKETS: last_baskets, MOST_BOUGHT: most_bought}[name]
    return Trained(lambda histories: rule(histories, popularity.scores), popularity, said)


def _train_hybrid(split: Split, rng: np.random.Generator) -> Trained:
    clock = Clock()
    hybrid = fit_hybrid(split.train, split.config, rng)
    scorer = Scorer(hybrid)

    def score(histories: Histories) -> FloatMatrix:
        whole: FloatMatrix = np.sum(list(scorer.parts(histories).values()), axis=0, dtype=np.float32)
        return whole

    said = {
        "chosen": {"models": sorted(hybrid.models)},
        "validation_ndcg@10": hybrid.metrics.get("ndcg@10"),
        "seconds_to_best": round(clock.seconds, 2),  # its parts are searched and fitted in one go
    }
    return Trained(score, hybrid, said)


def _choose_and_refit(grid: Sequence[AnyConfig], split: Split, rng: np.random.Generator) -> Trained:
    sample = _sampled(split.validation, rng)
    tried = []
    for config in grid:
        clock = Clock()
        model = build_model(config, split.part.n_items, Watch(split.validation, clock.tick))
        model.fit(split.part, rng)
        best_epoch = int(getattr(model, "best_epoch", 0))
        to_best = clock.epochs[best_epoch - 1] if best_epoch else clock.seconds
        ndcg = _result(model.score, split, split.part, View(sample)).per_user["ndcg@10"].mean()
        tried.append((float(ndcg), to_best, best_epoch, config))
    ndcg, to_best, best_epoch, chosen = max(tried, key=lambda each: each[0])
    refit = chosen.model_copy(update={"epochs": best_epoch}) if best_epoch else chosen
    model = build_model(refit, split.train.n_items, Watch(None, lambda report: None))
    model.fit(split.train, rng)
    said = {
        "chosen": {**_changed(chosen, grid), **({"epochs": best_epoch} if best_epoch else {})},
        "validation_ndcg@10": round(ndcg, 5),
        "seconds_to_best": round(to_best, 2),
        "settings_tried": len(tried),
    }
    return Trained(model.score, model, said)


def _result(score: ScoreFn, split: Split, known: GraphSnapshot, view: View) -> ModelResult:
    def panel(histories: Histories) -> dict[str, FloatMatrix]:
        return {"asked": score(histories)}

    found = evaluate_panel(
        panel, known, view.heldout, given=view.given, among=view.among, repeats=split.repeats
    )
    return found["asked"]


def _changed(chosen: AnyConfig, grid: Sequence[AnyConfig]) -> dict[str, Any]:
    """The settings that the grid varies, as chosen."""
    said = [config.model_dump(mode="json") for config in grid]
    return {
        name: value
        for name, value in chosen.model_dump(mode="json").items()
        if any(each[name] != said[0][name] for each in said)
    }


def _sampled(heldout: Heldout, rng: np.random.Generator) -> Heldout:
    return only_rows(heldout, np.sort(rng.permutation(len(heldout))[:N_VALIDATION_USERS]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
