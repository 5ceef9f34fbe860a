"""A dialogue through a pipe: a turn a line, an answer a line."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.shops import TrainedShop


def test_piped_lines_are_turns_of_one_dialogue(trained_shop: TrainedShop, tmp_path: Path) -> None:
    said = "running shoes under 200\n\n换成红色的\nthe second one\nwhere is my order?\n"
    done = subprocess.run(
        [sys.executable, "-m", "shopgraph", "chat", "--user", "alice", "--store", trained_shop.url, "--json"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(Path.cwd()),
            "SHOPGRAPH_ARTEFACTS": str(trained_shop.settings.artefacts),
            "SHOPGRAPH_LEDGER": str(tmp_path / "kept" / "ledger.db"),
        },
        input=said,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    turns = [json.loads(line) for line in done.stdout.splitlines()]
    assert [turn["turn"] for turn in turns] == [1, 2, 3, 4]
    assert turns[1]["parsed"]["flat"]["category"] == ["Running Shoes"]
    assert turns[1]["parsed"]["flat"]["attribute"] == ["red"]
    assert [item["item_id"] for item in turns[2]["list"]["items"]] == [turns[1]["shown"][1]]
    assert turns[3]["list"] is None
    assert (tmp_path / "kept" / "ledger.db").is_file()
