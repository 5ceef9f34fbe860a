import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gnn.training.ranks import Ranks
from tests.gnn.training.toy import Toy, toy_data
from tests.gnn.training.two_processes import curve


def test_two_processes_give_the_losses_of_one(tmp_path: Path) -> None:
    script = Path(__file__).with_name("two_processes.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    root = str(Path(__file__).parents[3])
    here = {"PYTHONPATH": root, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [*command, str(script), str(tmp_path)],
        env={**os.environ, **here},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"{rank}-of-2.json").read_text()) for rank in (0, 1))
    epochs, vector, _ = curve()
    assert first["epochs"] == [pytest.approx(figures, rel=1e-4) for figures in epochs]
    assert second["epochs"] == []  # the first process alone reports
    assert first["vector"] == second["vector"] == pytest.approx(vector, abs=1e-4)


def test_shares_of_a_batch_cover_it_once() -> None:
    module = Toy(toy_data()[0])
    batch = (torch.arange(7), torch.arange(7) * 10)
    shares = [module.share(batch, rank, 3) for rank in range(3)]
    assert [module.units(share) for share in shares] == [3, 2, 2]
    assert sorted(torch.cat([share[1] for share in shares]).tolist()) == batch[1].tolist()


def test_a_batch_of_another_kind_asks_for_an_override() -> None:
    with pytest.raises(TypeError, match="a batch of dict: override units and share"):
        Toy(toy_data()[0]).units({})  # type: ignore[arg-type]  # on purpose


def test_a_single_process_adds_nothing_up() -> None:
    tensor = torch.ones(3)
    Ranks().add_up([tensor])
    assert tensor.tolist() == [1, 1, 1]
    assert Ranks().first
