import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from gnn.registry import ModelConfig, build
from tests.gnn.recommender_suite import awkward_snapshot

QUICK = {
    "linear": {"dim": 4, "epochs": 1},
    "ease": {},
    "neighbours": {},
    "sequence": {},
    "spectral": {"rank": 4},
    "popularity": {},
    "lightgcn": {"dim": 4, "epochs": 1},
    "kgin": {"dim": 4, "epochs": 1},
    "hgt": {"dim": 4, "epochs": 1},
    "attention": {"dim": 4, "epochs": 1},
}


class Holder(BaseModel):
    model: ModelConfig


@pytest.mark.parametrize("kind", QUICK)
def test_every_kind_is_built_from_plain_settings_and_fits(kind: str) -> None:
    config = Holder.model_validate({"model": {"kind": kind, "settings": QUICK[kind]}}).model
    model = build(config)
    snapshot = awkward_snapshot()
    model.fit(snapshot, np.random.default_rng(0))
    assert np.isfinite(model.score(snapshot.histories)).all()


def test_every_kind_has_a_quick_case() -> None:
    (union,) = (part for part in Holder.model_json_schema()["properties"].values())
    assert set(union["discriminator"]["mapping"]) == set(QUICK)


def test_an_unknown_kind_and_an_unknown_setting_are_refused() -> None:
    with pytest.raises(ValidationError, match="lightgnc"):
        Holder.model_validate({"model": {"kind": "lightgnc"}})
    with pytest.raises(ValidationError, match="dims"):
        Holder.model_validate({"model": {"kind": "lightgcn", "settings": {"dims": 4}}})


def test_no_torch_is_imported_with_the_registry() -> None:
    code = "import sys, gnn.registry; sys.exit('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
