"""RecBole's LightGCN for a few epochs on a task: seconds and loss of each.

`lightgcn_epochs.py --task FOLDER --out FOLDER`, in RecBole's environment. The start is that of LightGCN's
authors (normal, deviation 0.1) and there is no penalty, so that the loss is BPR's mean alone.
"""

import argparse
import json
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import torch
from common import peak_rss_mb, read_task
from recbole.utils import get_model, get_trainer
from with_recbole import open_data

NAME = "LightGCN"


def main() -> None:
    """Train, and write `result.json`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--task", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    task = read_task(asked.task)
    setting = json.loads((asked.task / "lightgcn.json").read_text(encoding="utf-8"))
    recbole = {
        "embedding_size": setting["dim"],
        "n_layers": setting["layers"],
        "train_batch_size": setting["batch_size"],
        "learning_rate": setting["learning_rate"],
        "reg_weight": 0.0,
    }
    with tempfile.TemporaryDirectory() as scratch:
        train_data, config = open_data(NAME, task, task.train, recbole, Path(scratch))
    model = get_model(NAME)(config, train_data._dataset).to(config["device"])
    for table in (model.user_embedding, model.item_embedding):
        torch.nn.init.normal_(table.weight, std=setting["initial_scale"])
    trainer = get_trainer(config["MODEL_TYPE"], NAME)(config, model)
    epochs = []
    for epoch in range(task.max_epochs):
        wall, cpu = time.perf_counter(), time.process_time()
        summed = trainer._train_epoch(train_data, epoch)
        epochs.append(
            {
                "seconds": time.perf_counter() - wall,
                "cpu_seconds": time.process_time() - cpu,
                "loss": summed / len(train_data),
            }
        )
    found = {
        "epochs": epochs,
        "peak_rss_mb": round(peak_rss_mb(), 1),
        "versions": {name: version(name) for name in ("recbole", "torch", "numpy")},
    }
    (asked.out / "result.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
