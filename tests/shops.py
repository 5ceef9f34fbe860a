"""A small demo shop, trained once a test run, through the same calls as anyone's data."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.config import ApiConfig
from api.state import ServingState
from graph.open import open_store
from graph.readers import open_source
from shopgraph import pipeline
from shopgraph.demoshop.write import ShopFacts, make_shop
from shopgraph.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class TrainedShop:
    """Where a trained shop lies."""

    facts: ShopFacts
    url: str
    root: Path
    settings: Settings


@pytest.fixture(scope="session")
def trained_shop(tmp_path_factory: pytest.TempPathFactory) -> TrainedShop:
    folder = tmp_path_factory.mktemp("shop")
    facts = make_shop(folder / "shop", rng=np.random.default_rng(3), now=NOW, n_items=400, n_users=200)
    settings = Settings(artefacts=folder / "artefacts", seed=1)
    url = f"sqlite:///{folder / 'shop.db'}"
    root = settings.artefact_root(url)
    with open_store(url) as store:
        pipeline.ingest(open_source(folder / "shop", "shop"), store)
        snapshot = pipeline.take_snapshot(store, NOW)
    pipeline.train(snapshot, root, settings, NOW, lambda stage: None, lambda done, total: None)
    return TrainedShop(facts, url, root, settings)


@pytest.fixture
def serving(trained_shop: TrainedShop, tmp_path: Path) -> Iterator[ServingState]:
    """A serving state of its own, on a copy of the store, so that tests may write."""
    source = Path(trained_shop.url.removeprefix("sqlite:///"))
    shutil.copyfile(source, tmp_path / "shop.db")
    with closing(open_store(f"sqlite:///{tmp_path / 'shop.db'}")) as store:
        yield pipeline.load(trained_shop.root, store, trained_shop.settings, NOW)


@pytest.fixture
def client(serving: ServingState) -> Iterator[TestClient]:
    with TestClient(create_app(serving, ApiConfig()), raise_server_exceptions=False) as client:
        yield client
