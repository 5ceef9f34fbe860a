"""What a person at a terminal meets: answers, exit codes, and one clear line for each mistake."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shops import TrainedShop

_TIMEOUT_S = 120


def _shopgraph(
    *arguments: str, cwd: Path, artefacts: Path | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    extra = {} if artefacts is None else {"SHOPGRAPH_ARTEFACTS": str(artefacts)}
    return subprocess.run(
        [sys.executable, "-m", "shopgraph", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), **extra, **environment},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def _assert_mistake(done: "subprocess.CompletedProcess[str]", code: int, *said: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in done.stderr
    assert done.stdout == ""


def test_the_commands_answer_as_json(trained_shop: TrainedShop, tmp_path: Path) -> None:
    def ask(*arguments: str) -> dict[str, object]:
        done = _shopgraph(
            *arguments,
            "--store",
            trained_shop.url,
            "--json",
            cwd=tmp_path,
            artefacts=trained_shop.settings.artefacts,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    listed = ask("recommend", "alice", "-n", "3")
    items = listed["items"]
    assert isinstance(items, list)
    assert len(items) == 3
    item_id = items[0]["item_id"]
    explained = ask("explain", "alice", item_id)
    assert explained["item_id"] == item_id
    assert len(ask("similar", item_id, "-n", "4")["items"]) == 4  # type: ignore[arg-type]  # a list
    ordered = ask("recommend", "alice", "--diversity", "0.5", "--novelty", "0.1")["reranked"]
    assert ordered == {"method": "dpp", "diversity": 0.5, "novelty": 0.1, "exposure": []}
    assert ask("search", "shoes", "--user", "alice")["user_id"] == "alice"
    assert ask("parse", "红色")["language"] == "zh"


def test_a_list_is_readable_without_json(trained_shop: TrainedShop, tmp_path: Path) -> None:
    done = _shopgraph(
        "recommend",
        "chen",
        "--language",
        "zh",
        "--store",
        trained_shop.url,
        cwd=tmp_path,
        artefacts=trained_shop.settings.artefacts,
    )
    assert done.returncode == 0, done.stderr
    assert "chen" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("recommend", "alice", "--store", "sqlite:///new.db"), 2, ("train",)),
        (("recommend", "alice", "--store", "mysql://x"), 2, ("mysql", "sqlite:///", "neo4j://")),
        (("train", "--store", "neo4j://neo4j:secret-word@127.0.0.1:1"), 1, ("127.0.0.1:1",)),
        (("train", "--store", "sqlite:///new.db"), 2, ("ingest",)),
        (("ingest", "no-such-folder"), 2, ("no-such-folder",)),
        (("ingest", ".", "--format", "excel"), 2, ("excel", "pgpr", "shop")),
        (("evaluate", "--data", ".", "--protocol", "guess"), 2, ("guess", "next-item")),
        (("evaluate", "--data", ".", "--protocol", "cold-items", "--trade-off"), 2, ("--trade-off",)),
        (("recommend", "alice", "--diversity", "2"), 2, ("--diversity",)),
        (("bench", "nothing"), 2, ("nothing", "serve")),
        (("--config", "absent.toml", "bench", "serve"), 2, ("absent.toml",)),
        (("rollback",), 2, ()),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: tuple[str, ...]
) -> None:
    done = _shopgraph(*arguments, cwd=tmp_path)
    _assert_mistake(done, code, *said)
    assert "secret-word" not in done.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    _assert_mistake(
        _shopgraph("artefacts", "list", cwd=tmp_path, SHOPGRAPH_API__PORT="many"), 2, "api.port", "SHOPGRAPH_"
    )
    (tmp_path / "shopgraph.toml").write_text("storre = 'sqlite:///x.db'\n", encoding="utf-8")
    _assert_mistake(_shopgraph("artefacts", "list", cwd=tmp_path), 2, "storre", "shopgraph.toml")


def test_a_damaged_artefact_is_refused_by_name(trained_shop: TrainedShop, tmp_path: Path) -> None:
    shutil.copytree(trained_shop.settings.artefacts, tmp_path / "artefacts")
    root = tmp_path / "artefacts" / trained_shop.root.name
    victim = next(root.rglob("snapshot/arrays.safetensors"))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.chmod(0o644)
    victim.write_bytes(content)
    done = _shopgraph(
        "recommend", "alice", "--store", trained_shop.url, cwd=tmp_path, artefacts=tmp_path / "artefacts"
    )
    _assert_mistake(done, 1, "arrays.safetensors", "train")


def test_version_and_help_are_there(tmp_path: Path) -> None:
    assert _shopgraph("--version", cwd=tmp_path).stdout.startswith("shopgraph ")
    shown = _shopgraph("--help", cwd=tmp_path).stdout
    for command in (
        "ingest",
        "train",
        "evaluate",
        "recommend",
        "search",
        "similar",
        "explain",
        "serve",
        "demo",
    ):
        assert command in shown
