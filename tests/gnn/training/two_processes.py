"""What each process of torchrun runs in test_ranks: trains the toy and writes the first one's curve."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

from gnn.training.config import TrainingConfig
from gnn.training.loop import EpochReport, fit_module
from gnn.training.ranks import Ranks, join
from tests.gnn.training.toy import Toy, toy_data

CONFIG = TrainingConfig(epochs=4, learning_rate=0.005, device="cpu", accumulate=2, patience=4)


def curve() -> tuple[list[tuple[float, float | None]], list[float], Ranks]:
    """((loss, NDCG) of each epoch, the best epoch's first item vector, which process this is)."""
    train, heldout = toy_data()
    reports: list[EpochReport] = []
    module = Toy(train, batch_size=33, dropout=0.2)
    fit_module(module, CONFIG, np.random.default_rng(0), train.histories, heldout, reports.append)
    return [(report.loss, report.ndcg) for report in reports], module.items[0].tolist(), join(module.device)


if __name__ == "__main__":
    curve()
    time.sleep(0.5 * join(torch.device("cpu")).rank)  # a second training, that not all begin at once
    epochs, vector, ranks = curve()
    path = Path(sys.argv[1]) / f"{ranks.rank}-of-{ranks.n_ranks}.json"
    path.write_text(json.dumps({"epochs": epochs, "vector": vector}))
