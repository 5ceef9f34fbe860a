import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from gnn.registry import KINDS, AnyConfig, ModelConfig, SavedModel, Watch, build_model
from shopgraph.errors import BadSettings
from shopgraph.types import Interactions
from tests.gnn.recommender_suite import awkward_snapshot

QUICK = {
    "linear": {"dim": 4, "epochs": 1},
    "near": {"dim": 4, "epochs": 1},
    "item_item": {},
    "sequence": {},
    "spectral": {"rank": 4},
    "lightgcn": {"dim": 4, "epochs": 1},
    "kgin": {"dim": 4, "epochs": 1},
    "hgt": {"dim": 4, "epochs": 1},
    "attention": {"dim": 4, "epochs": 1},
}


class Holder(BaseModel):
    model: ModelConfig


def config_of(kind: str, **settings: object) -> AnyConfig:
    return Holder.model_validate({"model": {"kind": kind, **settings}}).model


def built(config: AnyConfig) -> SavedModel:
    return build_model(config, 10, Watch(None, lambda report: None))


@pytest.mark.parametrize("kind", QUICK)
def test_every_kind_is_built_from_plain_settings_and_fits(kind: str) -> None:
    model = built(config_of(kind, **QUICK[kind]))
    snapshot = awkward_snapshot()
    model.fit(snapshot, np.random.default_rng(0))
    assert np.isfinite(model.score(snapshot.histories)).all()


def test_every_kind_has_a_quick_case() -> None:
    assert set(KINDS) == set(QUICK)


@pytest.mark.parametrize("kind", ["linear", "lightgcn", "kgin", "hgt", "attention"])
def test_lack_of_memory_names_what_to_lower(kind: str) -> None:
    model = built(config_of(kind, dim=10**12))
    with pytest.raises(BadSettings, match=r"lower dim \(now 1000000000000\), batch_size"):
        model.fit(awkward_snapshot(), np.random.default_rng(0))


@pytest.mark.parametrize("kind", ["linear", "lightgcn", "kgin", "hgt", "attention"])
def test_nan_in_texts_is_refused(kind: str) -> None:
    snapshot = awkward_snapshot(with_text=True)
    assert snapshot.text_vectors is not None
    snapshot.text_vectors[3, 0] = np.nan
    with pytest.raises(ValueError, match="item 3"):
        built(config_of(kind)).fit(snapshot, np.random.default_rng(0))


@pytest.mark.parametrize("kind", QUICK)
def test_a_shop_of_one_event_is_survived(kind: str) -> None:
    snapshot = awkward_snapshot()
    x = snapshot.interactions
    one = Interactions(x.user_idx[:1], x.item_idx[:1], x.type_code[:1], x.value[:1], x.time[:1])
    lone = replace(snapshot, interactions=one)
    model = built(config_of(kind, **QUICK[kind]))
    model.fit(lone, np.random.default_rng(0))
    assert np.isfinite(model.score(lone.histories)).all()


def test_an_unknown_kind_and_an_unknown_setting_are_refused() -> None:
    with pytest.raises(ValidationError, match="lightgnc"):
        Holder.model_validate({"model": {"kind": "lightgnc"}})
    with pytest.raises(ValidationError, match="dims"):
        Holder.model_validate({"model": {"kind": "lightgcn", "dims": 4}})


def test_no_torch_is_imported_with_the_registry() -> None:
    code = "import sys, gnn.registry; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_every_kind_stands_in_the_table_of_models() -> None:
    table = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    assert {kind for kind in KINDS if f"| `{kind}`" not in table} == set()
