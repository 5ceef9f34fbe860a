import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from gnn.training.config import TrainingConfig
from gnn.training.loop import EpochReport, fit_module
from shopgraph.errors import ArtefactDamaged
from tests.gnn.training.toy import Toy, toy_data

CONFIG = TrainingConfig(
    epochs=6, learning_rate=0.002, device="cpu", schedule="cosine", warm_up_steps=100, patience=6
)


class Cut(Exception):
    """Stands for the end of the process."""


def run(config: TrainingConfig, cut_after: int = 0, seed: int = 0) -> tuple[Toy, list[EpochReport], int]:
    """(module, reports, what the caller's rng draws next) of a training, cut after an epoch."""
    train, heldout = toy_data()
    module, rng = Toy(train, dropout=0.2), np.random.default_rng(seed)
    reports: list[EpochReport] = []

    def note(report: EpochReport) -> None:
        reports.append(report)
        if report.epoch == cut_after:
            raise Cut

    with suppress(Cut):
        fit_module(module, config, rng, train.histories, heldout, note)
    return module, reports, int(rng.integers(1 << 30))


@pytest.mark.parametrize("cut_after", [1, 3])
def test_a_training_that_was_cut_off_goes_on_as_if_it_had_not_been(tmp_path: Path, cut_after: int) -> None:
    whole, expected, drawn = run(CONFIG)
    config = CONFIG.model_copy(update={"checkpoints": tmp_path})
    _, before, _ = run(config, cut_after)
    module, after, drawn_after = run(config)
    figures = [(report.epoch, report.loss, report.ndcg) for report in before + after]
    assert figures == [(report.epoch, report.loss, report.ndcg) for report in expected]
    assert torch.equal(module.items, whole.items)
    assert drawn_after == drawn


def test_a_killed_process_is_gone_on_from(tmp_path: Path) -> None:
    _, expected, _ = run(CONFIG)
    code = """
        import os, signal, sys
        from pathlib import Path
        import numpy as np
        from gnn.training.loop import fit_module
        from tests.gnn.training.test_checkpoint import CONFIG
        from tests.gnn.training.toy import Toy, toy_data

        def note(report):
            if report.epoch == 2:
                os.kill(os.getpid(), signal.SIGKILL)

        train, heldout = toy_data()
        config = CONFIG.model_copy(update={"checkpoints": Path(sys.argv[1])})
        module = Toy(train, dropout=0.2)
        fit_module(module, config, np.random.default_rng(0), train.histories, heldout, note)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], check=False)
    assert done.returncode == -9
    _, after, _ = run(CONFIG.model_copy(update={"checkpoints": tmp_path}))
    assert [report.epoch for report in after] == [3, 4, 5, 6]
    assert [report.loss for report in after] == [report.loss for report in expected[2:]]


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"checkpoints": tmp_path})
    first, reports, drawn = run(config)
    second, none, drawn_again = run(config)
    assert len(reports) == 6
    assert none == []
    assert torch.equal(first.items, second.items)
    assert drawn == drawn_again


@pytest.mark.parametrize("change", [{"learning_rate": 0.003}, {"epochs": 7}, {"seed": 1}])
def test_another_training_starts_from_the_beginning(tmp_path: Path, change: dict[str, float]) -> None:
    run(CONFIG.model_copy(update={"checkpoints": tmp_path}))
    seed = int(change.pop("seed", 0))
    _, reports, _ = run(CONFIG.model_copy(update={"checkpoints": tmp_path, **change}), seed=seed)
    assert reports[0].epoch == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_checkpoint_is_said(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"checkpoints": tmp_path})
    run(config, cut_after=1)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ArtefactDamaged, match=file.name):
        run(config)
