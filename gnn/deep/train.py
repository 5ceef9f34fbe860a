"""From a module of pairs to what is served (torch)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from gnn.deep.pair_config import PairConfig
from gnn.deep.pairs import PairModule
from gnn.deep.profile import ProfileState
from gnn.deep.sizes import sizes_of
from gnn.training.loop import EpochReport, fit_module
from gnn.training.memory import memory_advice
from shopgraph.types import GraphSnapshot, Heldout

OnEpoch = Callable[[EpochReport], None]


def train_pairs(
    make: Callable[[], PairModule],
    config: PairConfig,
    rng: np.random.Generator,
    snapshot: GraphSnapshot,
    validation: Heldout | None,
    on_epoch: OnEpoch,
    log_dir: Path | None,
) -> tuple[ProfileState, int]:
    """(what the module that `make` makes serves after the best epoch, that epoch)."""
    with memory_advice(torch.device("cpu"), sizes_of(config)):
        module = make()
    fitted = fit_module(module, config, rng, snapshot.histories, validation, on_epoch, log_dir)
    module.eval()
    with torch.no_grad():
        return module.state(), fitted.best_epoch
