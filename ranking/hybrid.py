"""The trained hybrid: its models, features, weights and the constants that make them comparable."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from gnn.registry import SavedModel, load_model
from ranking.calibration import Calibration
from ranking.features import FeatureSet
from ranking.groups import ShopperGroups
from ranking.models import GRAPH, part_of_model
from ranking.words import WordIndex
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import FloatMatrix, FusionWeights, Histories

TEXT, WORDS = "text", "words"

_FILE = "hybrid.json"
_MODELS = "models"


@dataclass(frozen=True, eq=False)
class Hybrid:
    """Everything that the scorer needs; never changed after training.

    Attributes:
        models: the models of the parts `graph` and `item_item`, by names of their own.
        features: the fitted features, and the text vectors.
        scales: what each model's scores, `text` and `words` are divided by: the standard deviation over
            items, averaged over a sample of shoppers (of items' own texts for `text` and `words`).
        weights: learned on validation, of the standardised scores.
        n_items: size of the catalogue.
        words: finds a query's letters in the items' texts; None where there is no text.
        groups: which group a shopper is in; None where groups were not looked at.
        group_weights: what stands for `weights` in a group, by the group's name; a group that is not
            there has the common ones.
        nobody: what stands for `weights` in a search by somebody without a past: what is bought by many
            says more there; None where no search was learned from.
        calibration: from score to probability, None where it was not learned.
        ablations: weights learned anew without one model or part, by its name.
        metrics: what was measured on validation while learning.
    """

    models: Mapping[str, SavedModel]
    features: FeatureSet
    scales: Mapping[str, float]
    weights: FusionWeights
    n_items: int
    words: WordIndex | None = None
    groups: ShopperGroups | None = None
    group_weights: Mapping[str, FusionWeights] = field(default_factory=dict)
    nobody: FusionWeights | None = None
    calibration: Calibration | None = None
    ablations: Mapping[str, FusionWeights] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def names_of(self, part: str) -> tuple[str, ...]:
        """The models of a part, the weightiest first."""
        names = [name for name, model in self.models.items() if part_of_model(model) == part]
        return tuple(sorted(names, key=lambda name: -self.weights.models.get(name, 0.0)))

    @property
    def graph_model(self) -> SavedModel | None:
        """The weightiest model of the graph part: whose vectors find candidates."""
        names = self.names_of(GRAPH)
        return self.models[names[0]] if names else None

    def standard_parts(self, histories: Histories) -> dict[str, FloatMatrix]:
        """Each model's and each feature's standardised scores, unweighted, by name.

        All are held at once: n_parts × len(histories) × n_items × 4 bytes.
        """
        parts: dict[str, FloatMatrix] = {}
        for name, model in self.models.items():
            parts[name] = model.score(histories) * np.float32(1 / self.scales[name])
        return parts | dict(self.features.values(histories))

    def weighted(self, histories: Histories, weights: FusionWeights) -> FloatMatrix:
        """Sum of the weighted personal parts (all but text and rules), shape (n, n_items)."""
        total = np.zeros((len(histories), self.n_items), np.float32)
        for name, model in self.models.items():
            if weight := weights.models.get(name):
                total += model.score(histories) * np.float32(weight / self.scales[name])
        for name, values in self.features.values(histories, names=weights.features):
            total += values * np.float32(weights.features[name])
        return total

    def save(self, folder: Path) -> None:
        """Write all files into an existing folder: `hybrid.json` and one folder per model."""
        for name, model in self.models.items():
            (folder / _MODELS / name).mkdir(parents=True)
            model.save(folder / _MODELS / name)
        self.features.save(folder)
        if self.words is not None:
            self.words.save(folder)
        constants = {
            "models": {name: model.name for name, model in self.models.items()},
            "scales": dict(self.scales),
            "weights": asdict(self.weights),
            "groups": None if self.groups is None else asdict(self.groups),
            "group_weights": {name: asdict(weights) for name, weights in self.group_weights.items()},
            "nobody": None if self.nobody is None else asdict(self.nobody),
            "calibration": None if self.calibration is None else asdict(self.calibration),
            "ablations": {name: asdict(weights) for name, weights in self.ablations.items()},
            "metrics": dict(self.metrics),
            "n_items": self.n_items,
        }
        (folder / _FILE).write_text(json.dumps(constants, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote.

        Raises:
            ArtefactDamaged: a file is missing or not readable.
        """
        path = folder / _FILE
        try:
            constants: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            kinds, groups, calibration = (constants[key] for key in ("models", "groups", "calibration"))
            nobody = constants.get("nobody")  # artefacts of earlier versions have none
            return cls(
                models={name: load_model(kind, folder / _MODELS / name) for name, kind in kinds.items()},
                features=FeatureSet.load(folder),
                scales=constants["scales"],
                weights=FusionWeights(**constants["weights"]),
                n_items=constants["n_items"],
                words=WordIndex.load(folder),
                groups=None if groups is None else ShopperGroups(tuple(groups["bounds"])),
                nobody=None if nobody is None else FusionWeights(**nobody),
                calibration=None if calibration is None else Calibration(**calibration),
                group_weights=_weights_by_name(constants["group_weights"]),
                ablations=_weights_by_name(constants["ablations"]),
                metrics=constants["metrics"],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise ArtefactDamaged(f"{path}: not readable ({exc}); train again") from exc


def _weights_by_name(constants: Mapping[str, Mapping[str, Any]]) -> dict[str, FusionWeights]:
    return {name: FusionWeights(**weights) for name, weights in constants.items()}
