"""RecTools: EASE, and SASRec with a softmax over the catalogue."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import torch
from common import Fitted, Interactions, Peer, Setting, Task, Watch, main
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel, SASRecModel

warnings.simplefilter("ignore")
_DAY_0 = np.datetime64("2020-01-01")


def dataset_of(data: Interactions) -> Dataset:
    """External ids are our row numbers; a place in the history stands as a day."""
    users, items, places = data.sequences()
    frame = {Columns.User: users, Columns.Item: items, Columns.Weight: 1.0, Columns.Datetime: _DAY_0 + places}
    return Dataset.construct(pd.DataFrame(frame))


def fit_ease(task: Task, data: Interactions, setting: Setting, watch: Watch) -> Fitted:
    """The closed form."""
    dataset = dataset_of(data)
    model = EASEModel(regularization=setting["regularization"], recommend_n_threads=task.threads)
    model.fit(dataset)
    known = np.asarray(dataset.item_id_map.external_ids, np.int64)
    weights = np.zeros((task.n_items, task.n_items), np.float32)
    weights[np.ix_(known, known)] = model.weight

    def fold_in(given: Interactions, rows: np.ndarray) -> np.ndarray:
        return given.weights[rows].sign() @ weights

    return Fitted(lambda rows: fold_in(data, rows), model.weight.size, fold_in)


def fit_sasrec(task: Task, data: Interactions, setting: Setting, watch: Watch) -> Fitted:
    """Self-attention over the histories, an epoch at a time."""
    torch.manual_seed(task.seed)
    dataset = dataset_of(data)
    model = SASRecModel(
        n_blocks=setting["blocks"],
        n_heads=2,
        n_factors=setting["factors"],
        dropout_rate=setting["dropout"],
        session_max_len=setting["length"],
        lr=1e-3,
        batch_size=128,
        loss="softmax",
        recommend_torch_device=task.device,
        get_trainer_func=_trainer,
        get_trainer_func_kwargs={"device": task.device},
    )
    known = np.asarray(dataset.item_id_map.external_ids, np.int64)

    def scores(rows: np.ndarray) -> np.ndarray:
        """The best 200 items are enough for any list of 20 unless a user owns 180 of them."""
        have = rows[np.isin(rows, dataset.user_id_map.external_ids)]
        found = np.full((task.n_items,), -np.inf, np.float32)
        dense = np.tile(found, (len(rows), 1))
        if len(have):
            listed = model.recommend(have, dataset, k=min(200, len(known)), filter_viewed=False)
            place = {int(user): at for at, user in enumerate(rows)}
            at = listed[Columns.User].map(place).to_numpy()
            dense[at, listed[Columns.Item].to_numpy(np.int64)] = listed[Columns.Score].to_numpy()
        return dense

    while True:
        model.fit_partial(dataset, min_epochs=1, max_epochs=1)
        if not watch.go_on(scores):
            break
    return Fitted(scores, sum(each.numel() for each in model.lightning_model.parameters()))


def _trainer(device: str) -> Any:
    from pytorch_lightning import Trainer

    return Trainer(
        max_epochs=1,
        accelerator="gpu" if device == "cuda" else "cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )


PEERS = {
    "rectools-ease": Peer([{"regularization": value} for value in (100.0, 30.0, 300.0, 1000.0)], fit_ease),
    "rectools-sasrec": Peer(
        [
            {"blocks": 2, "factors": 64, "dropout": 0.3, "length": 50},
            {"blocks": 2, "factors": 128, "dropout": 0.5, "length": 50},
        ],
        fit_sasrec,
        on_gpu=True,
    ),
}

if __name__ == "__main__":
    main(PEERS, ["rectools", "torch", "numpy", "scipy"])
