"""The trained hybrid: its models, features, weights and the constants that make them comparable."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from gnn.item_item.model import ItemItem
from gnn.linear.model import LinearKG
from ranking.features import FeatureSet
from shopgraph.errors import ArtefactDamaged
from shopgraph.types import (
    FloatMatrix,
    FloatVector,
    FusionWeights,
    Histories,
    IntVector,
    Recommender,
    Share,
)

GRAPH, ITEM_ITEM, TEXT = "graph", "item_item", "text"

_FILE = "hybrid.json"


class SavedModel(Recommender, Protocol):
    """A recommender that can be written into an artefact and explains a page of items at once."""

    def save(self, folder: Path) -> None:
        """Write into an existing folder."""
        ...

    def score_items(self, history: Histories, item_idx: IntVector) -> FloatVector:
        """Scores of some items for one history (batch of one), shape (len(item_idx),)."""
        ...

    def shares_of_items(
        self, history: Histories, item_idx: IntVector, top: int | None = None
    ) -> list[list[Share]]:
        """The `shares` of several items, a list for each.

        With `top` a list holds only the so many largest of kind `path` and `item_item`, and `latent` in
        one sum a name.
        """
        ...


_LOADERS: Mapping[str, Callable[[Path], SavedModel]] = {GRAPH: LinearKG.load, ITEM_ITEM: ItemItem.load}


@dataclass(frozen=True, eq=False)
class Hybrid:
    """Everything that the scorer needs; never changed after training.

    Attributes:
        models: the parts `graph` and `item_item`, where the configuration has them.
        features: the fitted features, and the text vectors.
        scales: what `graph`, `item_item` and `text` are divided by: the standard deviation over
            items, averaged over a sample of shoppers (of items' own texts for `text`).
        weights: learned on validation, of the standardised parts.
        ablations: weights learned anew without one part, by that part's name.
        metrics: what was measured on validation while learning.
        n_items: size of the catalogue.
    """

    models: Mapping[str, SavedModel]
    features: FeatureSet
    scales: Mapping[str, float]
    weights: FusionWeights
    n_items: int
    ablations: Mapping[str, FusionWeights] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)

    def standard_parts(self, histories: Histories) -> dict[str, FloatMatrix]:
        """Each model's and each feature's standardised scores, unweighted, by name.

        All are held at once: n_parts × len(histories) × n_items × 4 bytes.
        """
        parts = {part: model.score(histories) / self.scales[part] for part, model in self.models.items()}
        return parts | dict(self.features.values(histories))

    def weighted(self, histories: Histories, weights: FusionWeights) -> FloatMatrix:
        """Sum of the weighted personal parts (all but text and rules), shape (n, n_items)."""
        total = np.zeros((len(histories), self.n_items), np.float32)
        for part, model in self.models.items():
            total += model.score(histories) * np.float32(getattr(weights, part) / self.scales[part])
        for name, values in self.features.values(histories, names=weights.features):
            total += values * np.float32(weights.features[name])
        return total

    def save(self, folder: Path) -> None:
        """Write all files into an existing folder: `hybrid.json` and one folder per model."""
        for part, model in self.models.items():
            (folder / part).mkdir()
            model.save(folder / part)
        self.features.save(folder)
        constants = {
            "models": list(self.models),
            "scales": dict(self.scales),
            "weights": asdict(self.weights),
            "ablations": {part: asdict(weights) for part, weights in self.ablations.items()},
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
        try:
            constants = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise ArtefactDamaged(f"{folder / _FILE}: not readable ({exc}); train again") from exc
        return cls(
            models={part: _LOADERS[part](folder / part) for part in constants["models"]},
            features=FeatureSet.load(folder),
            scales=constants["scales"],
            weights=FusionWeights(**constants["weights"]),
            n_items=constants["n_items"],
            ablations={part: FusionWeights(**weights) for part, weights in constants["ablations"].items()},
            metrics=constants["metrics"],
        )
