"""implicit: ALS for implicit feedback, and BM25-weighted item–item neighbours."""

import numpy as np
from common import Fitted, Interactions, Peer, Setting, Task, Watch, main
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender


def fit_als(task: Task, data: Interactions, setting: Setting, watch: Watch) -> Fitted:
    """ALS at a fixed number of iterations."""
    model = AlternatingLeastSquares(
        factors=setting["factors"],
        regularization=setting["regularization"],
        alpha=setting["alpha"],
        iterations=setting["iterations"],
        num_threads=task.threads,
        random_state=task.seed,
    )
    model.fit(data.weights, show_progress=False)
    users, items = model.user_factors, model.item_factors

    def fold_in(given: Interactions, rows: np.ndarray) -> np.ndarray:
        return model.recalculate_user(rows, given.weights[rows]) @ items.T

    return Fitted(lambda rows: users[rows] @ items.T, users.size + items.size, fold_in)


def fit_bm25(task: Task, data: Interactions, setting: Setting, watch: Watch) -> Fitted:
    """Item–item neighbours of BM25-weighted columns."""
    model = BM25Recommender(
        K=setting["neighbours"], K1=setting["K1"], B=setting["B"], num_threads=task.threads
    )
    model.fit(data.weights, show_progress=False)
    similarity = model.similarity.tocsr()

    def fold_in(given: Interactions, rows: np.ndarray) -> np.ndarray:
        return np.asarray((given.weights[rows] @ similarity).todense())

    return Fitted(lambda rows: fold_in(data, rows), similarity.nnz, fold_in)


PEERS = {
    "implicit-als": Peer(
        [
            {"factors": factors, "regularization": 0.05, "alpha": alpha, "iterations": 15}
            for factors in (128, 256)
            for alpha in (10.0, 2.0, 40.0)
        ],
        fit_als,
    ),
    "implicit-bm25": Peer(
        [
            {"neighbours": neighbours, "K1": K1, "B": B}
            for neighbours in (200, 50)
            for K1, B in ((1.2, 0.5), (1.2, 0.2), (0.2, 0.5), (100.0, 0.5))
        ],
        fit_bm25,
    ),
}

if __name__ == "__main__":
    main(PEERS, ["implicit", "numpy", "scipy"])
