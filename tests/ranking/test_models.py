from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from gnn.item_item.sequence import SequenceConfig
from gnn.linear.config import LinearKGConfig
from gnn.registry import KINDS, Watch, build_model, load_model, refit_config
from ranking.config import HybridConfig
from ranking.models import part_of_model
from ranking.training import fit_hybrid
from tests.planted import planted_snapshot

SNAPSHOT = planted_snapshot()
QUICK = {"epochs": 1, "dim": 8}
"""Settings of the kinds that are trained in epochs."""


def test_a_models_kind_says_which_settings_it_has() -> None:
    config = HybridConfig.model_validate(
        {"others": {"order": {"kind": "sequence", "decay": 0.5}, "far": {"kind": "linear", "hops": 2}}}
    )
    assert config.others == {"order": SequenceConfig(decay=0.5), "far": LinearKGConfig(hops=2)}
    assert list(config.models) == ["linear", "ease", "near", "order", "far"]


def test_settings_written_are_the_settings_read() -> None:
    config = HybridConfig(others={f"my_{kind}": of_kind() for kind, of_kind in KINDS.items()})
    written = config.model_dump(mode="json")
    assert [one["kind"] for one in written["others"].values()] == list(KINDS)
    assert HybridConfig.model_validate(written) == config


@pytest.mark.parametrize("given", [{}, {"kind": "magic"}, {"kind": "sequence", "hops": 2}])
def test_a_model_without_a_known_kind_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HybridConfig.model_validate({"others": {"one": given}})


def test_the_device_is_everybodys() -> None:
    config = HybridConfig(others={"far": LinearKGConfig(hops=2), "order": SequenceConfig()}).on_device("cpu")
    devices = {name: getattr(one, "device", None) for name, one in config.models.items()}
    assert devices == {"linear": "cpu", "ease": None, "near": "cpu", "far": "cpu", "order": None}


def test_members_of_the_graph_part_are_alike_in_all_but_their_start() -> None:
    graph = LinearKGConfig(dim=8, epochs=1)
    config = HybridConfig(
        graph=graph, graph_members=3, use_near=False, use_sequence=False, use_item_item=False
    )
    assert config.models == {"linear": graph, "linear_2": graph, "linear_3": graph}
    fitted = fit_hybrid(SNAPSHOT, config, np.random.default_rng(0)).models
    first, *further = (model.score(SNAPSHOT.histories) for model in fitted.values())
    assert further
    assert not any(np.allclose(first, one) for one in further)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_built_saved_and_loaded(kind: str, tmp_path: Path) -> None:
    settings = {name: value for name, value in QUICK.items() if name in KINDS[kind].model_fields}
    config = KINDS[kind].model_validate(settings)
    model = build_model(config, SNAPSHOT.n_items, Watch(None, lambda report: None))
    model.fit(SNAPSHOT, np.random.default_rng(0))
    model.save(tmp_path)
    loaded = load_model(model.name, tmp_path)
    histories = SNAPSHOT.histories.take(np.arange(3))
    np.testing.assert_allclose(loaded.score(histories), model.score(histories), atol=1e-6)
    assert part_of_model(loaded) == ("graph" if kind == "linear" else "item_item")
    assert refit_config(model, config) == config
