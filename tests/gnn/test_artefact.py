import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest

from gnn.artefact import ArtefactRoot
from shopgraph.errors import ArtefactDamaged, ArtefactMissing

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> ArtefactRoot:
    return ArtefactRoot(tmp_path / "artefacts")


def trained(root: ArtefactRoot, content: str = "weights", minutes: int = 0) -> str:
    with root.create() as draft:
        (draft.folder / "model.safetensors").write_text(content)
        (draft.folder / "text").mkdir()
        (draft.folder / "text" / "vocabulary.json").write_text("{}")
        return draft.commit({"weights": {"graph": 0.5}}, NOW + timedelta(minutes=minutes))


def in_service(root: ArtefactRoot, content: str = "weights", minutes: int = 0) -> str:
    version = trained(root, content, minutes)
    root.activate(version)
    return version


def test_committed_version_opens_with_its_files_and_metadata(root: ArtefactRoot) -> None:
    version = in_service(root)
    artefact = root.open()
    assert artefact.manifest.version == version == root.current()
    assert artefact.manifest.created == NOW
    assert artefact.manifest.metadata == {"weights": {"graph": 0.5}}
    assert sorted(artefact.manifest.files) == ["model.safetensors", "text/vocabulary.json"]
    assert artefact.manifest.files["model.safetensors"].size == len("weights")
    assert (artefact.folder / "model.safetensors").read_text() == "weights"


def test_versions_sort_by_time(root: ArtefactRoot) -> None:
    later, earlier = trained(root, minutes=5), trained(root, minutes=-5)
    assert root.versions() == (earlier, later)
    assert later.startswith("20260131T120500000000Z-")


def test_nothing_trained_is_said_with_what_to_do(root: ArtefactRoot) -> None:
    assert root.versions() == ()
    assert root.current() is None
    with pytest.raises(ArtefactMissing, match="shopgraph train"):
        root.open()


@pytest.mark.parametrize("version", ["20260131T120000000000Z-00000000", "../..", ".draft-x"])
def test_unknown_version_is_refused_with_the_known_ones(root: ArtefactRoot, version: str) -> None:
    known = trained(root)
    with pytest.raises(ArtefactMissing, match=known):
        root.activate(version)


def test_uncommitted_draft_leaves_nothing(root: ArtefactRoot, tmp_path: Path) -> None:
    def fail() -> None:
        with root.create() as draft:
            (draft.folder / "model.safetensors").write_text("half")
            raise RuntimeError("training broke off")

    with pytest.raises(RuntimeError, match="broke off"):
        fail()
    assert root.versions() == ()
    assert list((tmp_path / "artefacts" / "versions").iterdir()) == []


def test_rollback_goes_back_step_by_step(root: ArtefactRoot) -> None:
    first, second, third = (in_service(root, minutes=n) for n in range(3))
    assert root.current() == third
    assert root.rollback() == second
    assert root.rollback() == first == root.current()
    with pytest.raises(ArtefactMissing, match="no earlier version"):
        root.rollback()


def test_activating_the_current_version_again_adds_no_step_back(root: ArtefactRoot) -> None:
    first = in_service(root)
    second = in_service(root, minutes=1)
    root.activate(second)
    assert root.rollback() == first


def cut(folder: Path) -> None:
    os.truncate(folder / "model.safetensors", 3)


def flip(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[2] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def delete(folder: Path) -> None:
    (folder / "text" / "vocabulary.json").unlink()


def slip_in_pickle(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(b"\x80\x04.")


def link_elsewhere(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("/dev/zero")


def edit_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace("0.5", "0.9"))


def cut_manifest(folder: Path) -> None:
    os.truncate(folder / "manifest.json", 40)


def list_as_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("[]")


def delete_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (cut, "model.safetensors has 3 bytes where 7"),
        (flip, "model.safetensors has other content"),
        (delete, "vocabulary.json is missing"),
        (slip_in_pickle, "model.pkl does not belong"),
        (link_elsewhere, "model.safetensors is no plain file"),
        (edit_manifest, "manifest.json was altered"),
        (cut_manifest, "manifest.json is not a readable manifest"),
        (list_as_manifest, "manifest.json is not a readable manifest"),
        (delete_manifest, "manifest.json is not a readable manifest"),
    ],
)
def test_damage_is_refused_by_name_and_rollback_still_works(
    root: ArtefactRoot, harm: Callable[[Path], None], named: str
) -> None:
    sound = in_service(root)
    damaged = in_service(root, minutes=1)
    harm(root.open().folder)
    with pytest.raises(ArtefactDamaged, match=named) as raised:
        root.open()
    assert "train again" in str(raised.value)
    with pytest.raises(ArtefactDamaged):
        root.activate(damaged)
    assert root.rollback() == sound
    assert root.open().manifest.version == sound


def test_unreadable_current_file_is_named(root: ArtefactRoot, tmp_path: Path) -> None:
    in_service(root)
    (tmp_path / "artefacts" / "current.json").write_text("{")
    with pytest.raises(ArtefactDamaged, match=r"current\.json"):
        root.open()


@pytest.mark.parametrize("name", ["model.pkl", "model.pt"])
def test_pickles_are_not_committed(root: ArtefactRoot, name: str) -> None:
    with root.create() as draft:
        (draft.folder / name).write_bytes(b"\x80\x04.")
        with pytest.raises(ValueError, match=name):
            draft.commit({}, NOW)


def test_empty_draft_is_not_committed(root: ArtefactRoot) -> None:
    with root.create() as draft, pytest.raises(ValueError, match="at least one file"):
        draft.commit({}, NOW)


def create_and_activate(folder: Path) -> str:
    return in_service(ArtefactRoot(folder))


def test_concurrent_creators_neither_clash_nor_lose_a_step(root: ArtefactRoot, tmp_path: Path) -> None:
    """Same moment, same content, four processes."""
    with ProcessPoolExecutor(4, get_context("spawn")) as pool:
        made = list(pool.map(create_and_activate, [tmp_path / "artefacts"] * 8))
    assert len(set(made)) == 8
    assert set(root.versions()) == set(made)
    seen = [root.current(), *(root.rollback() for _ in range(7))]
    assert set(seen) == set(made)


def test_killed_creator_leaves_the_old_version_in_service(root: ArtefactRoot, tmp_path: Path) -> None:
    version = in_service(root)
    program = textwrap.dedent(f"""
        import os, signal
        from pathlib import Path
        from gnn.artefact import ArtefactRoot
        with ArtefactRoot(Path({str(tmp_path / "artefacts")!r})).create() as draft:
            (draft.folder / "model.safetensors").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    killed = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert root.versions() == (version,)
    assert root.open().manifest.version == version


def test_manifest_is_plain_json(root: ArtefactRoot) -> None:
    in_service(root)
    content = json.loads((root.open().folder / "manifest.json").read_text())
    assert content["metadata"] == {"weights": {"graph": 0.5}}
    assert set(content["files"]["model.safetensors"]) == {"sha256", "size"}
