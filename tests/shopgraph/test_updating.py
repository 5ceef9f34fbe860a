"""`train --since`: a new version beside the old one, which names its parent; cut off, it changes nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from gnn.artefact import ArtefactRoot
from graph.open import open_store
from graph.store import EVENT_SCHEMA, NODE_ID, EventBatch, NodeBatch
from ranking.ask import Ask
from shopgraph import pipeline, updating
from shopgraph.errors import ArtefactMissing, BadSettings
from shopgraph.settings import Settings
from shopgraph.types import ITEM
from tests.shops import NOW, TrainedShop

NEW_ITEM = "a-brand-new-item"
LATER = NOW + timedelta(hours=6)


@dataclass(frozen=True)
class Copy:
    """A trained shop of one's own, with an item and a purchase that came after its training."""

    url: str
    root: Path
    settings: Settings
    parent: str


@pytest.fixture
def shop(trained_shop: TrainedShop, tmp_path: Path) -> Copy:
    shutil.copyfile(trained_shop.url.removeprefix("sqlite:///"), tmp_path / "shop.db")
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    settings = trained_shop.settings.model_copy(update={"artefacts": tmp_path / "artefacts"})
    root = settings.artefact_root(url)
    shutil.copytree(trained_shop.root, root, copy_function=os.link)  # nothing of a version is ever changed
    events = {
        "event_id": ["new-1", "new-2"],
        "name": ["view_item", "purchase"],
        "user_id": ["alice", "bob-who-is-new"],
        "item_id": [NEW_ITEM, NEW_ITEM],
        "time": [NOW + timedelta(hours=1), NOW + timedelta(hours=2)],
    }
    with closing(open_store(url)) as store:
        new = {NODE_ID: [NEW_ITEM], "title": ["Oak bench"], "description": ["A garden bench of oak."]}
        store.write_nodes(NodeBatch(ITEM, pl.DataFrame(new)))
        frame = pl.DataFrame(events).with_columns(
            pl.lit(None, dtype).alias(name) for name, dtype in EVENT_SCHEMA.items() if name not in events
        )
        store.write_events(EventBatch(frame.select(pl.col(n).cast(t) for n, t in EVENT_SCHEMA.items())))
    parent = ArtefactRoot(root).current()
    assert parent is not None
    return Copy(url, root, settings, parent)


def updated(shop: Copy, since: datetime | None = None) -> updating.Updated:
    with closing(open_store(shop.url)) as store:
        snapshot = pipeline.take_snapshot(store, LATER)
    return updating.update(
        snapshot, shop.root, shop.settings, since, LATER, lambda stage: None, lambda done, total: None
    )


def test_the_new_version_names_its_parent_and_knows_the_new_item(shop: Copy) -> None:
    done = updated(shop)
    artefacts = ArtefactRoot(shop.root)
    assert artefacts.current() == done.version != shop.parent
    said = artefacts.open().manifest.metadata
    assert said["parent"] == done.parent == shop.parent
    assert said["update"]["n_items_new"] == 1
    assert said["update"]["n_users_changed"] == 2
    assert said["update"]["n_users_new"] == 1
    assert "parent" not in artefacts.open(shop.parent).manifest.metadata
    with closing(open_store(shop.url)) as store:
        serving = pipeline.load(shop.root, store, shop.settings, LATER)
        answer = serving.engine.answer(Ask(candidate_ids=(NEW_ITEM,), n=1, now=LATER))
    assert answer.model_version == done.version
    assert [item.item_id for item in answer.items] == [NEW_ITEM]


def test_an_update_goes_on_from_an_update_and_stops_where_nothing_is_new(shop: Copy) -> None:
    first = updated(shop)
    again = updated(shop)
    assert again.version == again.parent == first.version
    assert len(ArtefactRoot(shop.root).versions()) == 2
    once_more = updated(shop, NOW)
    assert once_more.parent == first.version
    assert once_more.version != first.version
    assert once_more.changes.user_idx.size == 2


def test_an_update_that_is_killed_leaves_the_former_version_current(shop: Copy) -> None:
    program = (
        "import os, signal\n"
        "from contextlib import closing\n"
        "from datetime import datetime\n"
        "from pathlib import Path\n"
        "from graph.open import open_store\n"
        "from shopgraph import pipeline, updating\n"
        "from shopgraph.settings import Settings\n"
        f"now = datetime.fromisoformat({LATER.isoformat()!r})\n"
        f"with closing(open_store({shop.url!r})) as store:\n"
        "    snapshot = pipeline.take_snapshot(store, now)\n"
        "def stage(line):\n"
        "    if line == 'fitting features':\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        f"root = Path({str(shop.root)!r})\n"
        "updating.update(snapshot, root, Settings(), None, now, stage, lambda done, total: None)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert ArtefactRoot(shop.root).current() == shop.parent
    assert ArtefactRoot(shop.root).versions() == (shop.parent,)
    assert updated(shop).changes.n_items == 1  # nothing of what was new is lost


def test_another_encoder_and_no_artefact_are_said(shop: Copy, tmp_path: Path) -> None:
    manifest = ArtefactRoot(shop.root).open().manifest
    with ArtefactRoot(shop.root).create() as draft:
        shutil.copytree(
            ArtefactRoot(shop.root).open().folder,
            draft.folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("manifest.json"),
        )
        version = draft.commit({**manifest.metadata, "encoder": "another"}, LATER)
    ArtefactRoot(shop.root).activate(version)
    with pytest.raises(BadSettings, match="train in full"):
        updated(shop)
    with pytest.raises(ArtefactMissing, match="shopgraph train"):
        updated(Copy(shop.url, tmp_path / "empty", shop.settings, ""))


def test_since_is_latest_or_a_time() -> None:
    assert updating.parse_since("latest") is None
    assert updating.parse_since("2026-03-01") == datetime(2026, 3, 1, tzinfo=UTC)
    assert updating.parse_since("2026-03-01T12:00:00+01:00") == datetime(2026, 3, 1, 11, tzinfo=UTC)
    with pytest.raises(BadSettings, match="'yesterday': expected latest"):
        updating.parse_since("yesterday")


def test_the_command_updates_and_tells_the_parent(shop: Copy, tmp_path: Path) -> None:
    def train(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "shopgraph", "train", "--store", shop.url, *arguments],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(Path.cwd()),
                "SHOPGRAPH_ARTEFACTS": str(shop.settings.artefacts),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    done = train("--since", "latest", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["parent"] == shop.parent
    assert said["model_version"] == ArtefactRoot(shop.root).current() != shop.parent
    again = train("--since", "latest")
    assert again.returncode == 0
    assert "nothing is new" in again.stderr
    for arguments, words in (
        (("--since", "soon"), "soon"),
        (("--since", "latest", "--sweep", "2"), "--sweep"),
    ):
        mistake = train(*arguments)
        assert mistake.returncode == 2
        assert words in mistake.stderr
