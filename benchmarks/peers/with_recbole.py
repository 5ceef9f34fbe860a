"""RecBole 1.2.1: LightGCN, and KGAT with the relations that ours may see.

The epochs are RecBole's own (`Trainer._train_epoch`, as `Trainer.fit` calls it); validation is common.py's.
"""

import logging
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import Fitted, Interactions, Peer, Setting, Task, Watch, main
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.interaction import Interaction
from recbole.utils import get_model, get_trainer, init_seed

warnings.simplefilter("ignore")
_NAME = "task"


def fit_lightgcn(task: Task, data: Interactions, setting: Setting, watch: Watch) -> Fitted:
    """BPR on the user–item graph."""
    return _fit("LightGCN", task, data, setting, watch)


def fit_kgat(task: Task, data: Interactions, setting: Setting, watch: Watch) -> Fitted:
    """BPR and TransR in turn, on the graph with the relations."""
    if not len(task.triples):
        raise SystemExit("this source has no relations of items, which KGAT learns from")
    _offer_names_of_dgl_0()
    return _fit("KGAT", task, data, setting, watch)


@cache
def _offer_names_of_dgl_0() -> None:
    """RecBole's KGAT calls dgl as it was before 1.0, which has no package for this Python."""
    import dgl

    edge_subgraph = dgl.edge_subgraph

    def as_before(graph: Any, edges: Any, preserve_nodes: bool) -> Any:
        return edge_subgraph(graph, edges, relabel_nodes=not preserve_nodes)

    dgl.edge_subgraph = as_before
    dgl.DGLGraph.adjacency_matrix = dgl.DGLGraph.adj_external


def _fit(name: str, task: Task, data: Interactions, setting: Setting, watch: Watch) -> Fitted:
    with tempfile.TemporaryDirectory() as scratch:
        train_data, config = open_data(name, task, data, setting, Path(scratch))
    model = get_model(name)(config, train_data._dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], name)(config, model)
    scores = _score_fn(model, train_data._dataset, task)
    while True:
        trainer._train_epoch(train_data, watch.epoch)
        if not watch.go_on(scores):
            break
    return Fitted(scores, sum(each.numel() for each in model.parameters()))


def open_data(name: str, task: Task, data: Interactions, setting: Setting, scratch: Path) -> tuple[Any, Any]:
    """RecBole's loader of the training data, and its configuration."""
    _write(scratch / _NAME, task, data)
    sys.argv = sys.argv[:1]  # RecBole reads the command line too
    columns = {"inter": ["user_id", "item_id"]}
    if name == "KGAT":
        columns |= {"kg": ["head_id", "relation_id", "tail_id"], "link": ["item_id", "entity_id"]}
    config = Config(
        model=name,
        dataset=_NAME,
        config_dict={
            **setting,
            "data_path": str(scratch),
            "checkpoint_dir": str(scratch / "saved"),
            "benchmark_filename": ["train", "valid", "test"],
            "load_col": columns,
            "eval_args": {"order": "RO", "group_by": "user", "mode": "full"},
            "seed": task.seed,
            "use_gpu": task.device == "cuda",
            "show_progress": False,
            "state": "ERROR",
        },
    )
    logging.getLogger().setLevel(logging.ERROR)
    init_seed(task.seed, reproducibility=True)
    torch.set_num_threads(task.threads)
    return data_preparation(config, create_dataset(config))[0], config


def _write(folder: Path, task: Task, data: Interactions) -> None:
    """RecBole's atomic files; its validation and test parts hold one known pair, as they may not be empty."""
    folder.mkdir()
    users, items, _ = data.sequences()
    pairs = np.stack([users, items], axis=1)
    for part, rows in (("train", pairs), ("valid", pairs[:1]), ("test", pairs[:1])):
        _table(folder / f"{_NAME}.{part}.inter", "user_id:token\titem_id:token", rows)
    _table(folder / f"{_NAME}.kg", "head_id:token\trelation_id:token\ttail_id:token", task.triples)
    linked = np.intersect1d(np.unique(items), task.triples[:, [0, 2]])
    _table(folder / f"{_NAME}.link", "item_id:token\tentity_id:token", np.stack([linked, linked], axis=1))


def _table(path: Path, header: str, rows: np.ndarray) -> None:
    np.savetxt(path, rows, fmt="%d", delimiter="\t", header=header, comments="")


def _score_fn(model: Any, dataset: Any, task: Task) -> Any:
    """Scores by the model's own full ranking; what RecBole did not meet in training scores -inf."""
    tokens = [dataset.field2id_token[field][1:].astype(np.int64) for field in ("user_id", "item_id")]
    inner = np.zeros(task.n_users, np.int64)
    inner[tokens[0]] = np.arange(1, len(tokens[0]) + 1)

    @torch.no_grad()
    def scores(rows: np.ndarray) -> np.ndarray:
        model.eval()
        asked = Interaction({"user_id": torch.from_numpy(inner[rows])})
        found = model.full_sort_predict(asked.to(model.device)).view(len(rows), -1).cpu().numpy()
        wide = np.full((len(rows), task.n_items), -np.inf, np.float32)
        wide[:, tokens[1]] = found[:, 1 : len(tokens[1]) + 1]
        return wide

    return scores


PEERS = {
    "recbole-lightgcn": Peer(
        [
            {"embedding_size": 64, "n_layers": 3, "reg_weight": 1e-4, "learning_rate": 1e-3},
            {"embedding_size": 64, "n_layers": 2, "reg_weight": 1e-5, "learning_rate": 2e-3},
        ],
        fit_lightgcn,
        patience=5,
        every=5,
        on_gpu=True,
    ),
    "recbole-kgat": Peer(
        [
            {"embedding_size": 64, "kg_embedding_size": 64, "layers": [64, 32, 16], "learning_rate": 1e-3},
            {"embedding_size": 64, "kg_embedding_size": 64, "layers": [64], "learning_rate": 2e-3},
        ],
        fit_kgat,
        patience=3,
        every=2,
        on_gpu=True,
    ),
}

if __name__ == "__main__":
    main(PEERS, ["recbole", "torch", "dgl", "numpy", "scipy"])
