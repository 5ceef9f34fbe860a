"""LensKit: item–item cosine neighbours and ALS, both for implicit feedback."""

import numpy as np
import pandas as pd
from common import Fitted, Interactions, Peer, Setting, Task, Watch, main
from lenskit.als import ImplicitMFScorer
from lenskit.data import Dataset, ItemList, RecQuery, from_interactions_df
from lenskit.knn import ItemKNNScorer
from lenskit.training import TrainingOptions


def dataset_of(data: Interactions) -> Dataset:
    """External ids are our row numbers."""
    users, items, _ = data.sequences()
    return from_interactions_df(pd.DataFrame({"user_id": users, "item_id": items}))


def fit_neighbours(task: Task, data: Interactions, setting: Setting, watch: Watch) -> Fitted:
    """Cosine neighbours; every user is scored by the component itself."""
    model = ItemKNNScorer(max_nbrs=setting["neighbours"], save_nbrs=setting["saved"], feedback="implicit")
    dataset = dataset_of(data)
    model.train(dataset, TrainingOptions(rng=task.seed))
    everything = ItemList(item_ids=np.arange(task.n_items))
    met = data.weights.getnnz(axis=0) > 0  # LensKit ends badly at an item that it has not met

    def fold_in(given: Interactions, rows: np.ndarray) -> np.ndarray:
        weights = given.weights
        pasts = (weights.indices[weights.indptr[row] : weights.indptr[row + 1]] for row in rows)
        return np.stack([_scored(model, past[met[past]], everything) for past in pasts])

    return Fitted(lambda rows: fold_in(data, rows), int(model.item_counts.sum()), fold_in)


def _scored(model: ItemKNNScorer, past: np.ndarray, everything: ItemList) -> np.ndarray:
    if not len(past):
        return np.zeros(len(everything))
    found = model(RecQuery(history_items=ItemList(item_ids=past)), everything).scores("numpy")
    return np.nan_to_num(found, nan=0.0)


def fit_als(task: Task, data: Interactions, setting: Setting, watch: Watch) -> Fitted:
    """ALS, an epoch at a time."""
    model = ImplicitMFScorer(
        embedding_size=setting["dim"], regularization=setting["regularization"], weight=setting["weight"]
    )
    dataset = dataset_of(data)
    trainer = model.create_trainer(dataset, TrainingOptions(rng=task.seed))
    users, items = (np.asarray(table.ids(), np.int64) for table in (dataset.users, dataset.items))

    def scores(rows: np.ndarray) -> np.ndarray:
        wide = np.zeros((task.n_users, setting["dim"]), np.float32)
        wide[users] = model.user_embeddings
        found = np.full((len(rows), task.n_items), -np.inf, np.float32)
        found[:, items] = wide[rows] @ model.item_embeddings.T
        return found

    while True:
        trainer.train_epoch()
        if not watch.go_on(scores):
            break
    trainer.finalize()
    return Fitted(scores, model.user_embeddings.size + model.item_embeddings.size)


PEERS = {
    "lenskit-itemknn": Peer(
        [{"neighbours": n, "saved": 1000} for n in (1000, 50, 20)],
        fit_neighbours,
    ),
    "lenskit-als": Peer(
        [
            {"dim": 128, "regularization": 0.1, "weight": 10.0},
            {"dim": 128, "regularization": 0.1, "weight": 40.0},
            {"dim": 256, "regularization": 0.1, "weight": 10.0},
        ],
        fit_als,
        patience=2,
        every=2,
    ),
}

if __name__ == "__main__":
    main(PEERS, ["lenskit", "torch", "numpy", "scipy"])
