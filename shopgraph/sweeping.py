"""`shopgraph train --sweep`: better settings of the graph model, found on a validation cut."""

from collections.abc import Callable

import numpy as np
from torch import distributed

from gnn.linear.config import LINEAR_SPACE, LinearKGConfig
from gnn.linear.model import LinearKG
from gnn.training.board import EpochReport
from gnn.training.sweep import Sweep, Trial, Values, sweep
from ranking.holdout import validation_cut, with_relations
from shopgraph.errors import BadSettings
from shopgraph.settings import Settings
from shopgraph.types import GraphSnapshot


def sweep_graph(
    snapshot: GraphSnapshot, settings: Settings, n_trials: int, on_trial: Callable[[Trial], None]
) -> tuple[Settings, Sweep]:
    """(the settings with the best ones found for the graph model, all that was tried).

    Every trial has the same cut and the same random start, so that settings alone differ.

    Raises:
        BadSettings: torchrun started several processes; trials that are cut short would part them.
    """
    if distributed.is_available() and distributed.is_torchelastic_launched():
        raise BadSettings("--sweep runs in one process; start it without torchrun")
    hybrid = settings.hybrid_config
    rng = np.random.default_rng(settings.seed)
    train, heldout = validation_cut(
        with_relations(snapshot, hybrid.relations), rng, hybrid.validation, repeats=hybrid.repeats
    )

    def with_values(values: Values) -> LinearKGConfig:
        return LinearKGConfig.model_validate({**hybrid.graph.model_dump(), **values})

    def fit(values: Values, on_epoch: Callable[[EpochReport], None]) -> None:
        model = LinearKG(with_values(values), validation=heldout, on_epoch=on_epoch)
        model.fit(train, np.random.default_rng(settings.seed))

    found = sweep(LINEAR_SPACE, hybrid.graph.model_dump(), fit, n_trials, settings.seed, on_trial)
    best = hybrid.model_copy(update={"graph": with_values(found.best.values)})
    return settings.model_copy(update={"hybrid": best}), found
