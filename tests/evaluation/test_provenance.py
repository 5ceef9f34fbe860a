import json
import re
from importlib.metadata import version

import numpy as np

from evaluation.provenance import peak_rss_mb, read_provenance


def test_provenance_names_machine_versions_and_commit() -> None:
    content = json.loads(json.dumps(read_provenance().to_json()))
    assert content["machine"]["cores"] >= 1
    assert content["machine"]["cpu"]
    assert content["machine"]["load_1m"] >= 0
    assert content["versions"]["numpy"] == version("numpy")
    assert re.fullmatch(r"unknown|[0-9a-f]{12,40}(-dirty)?", content["commit"])


def test_peak_memory_grows_with_what_is_held() -> None:
    before = peak_rss_mb()
    held = np.ones(40_000_000)
    assert peak_rss_mb() >= before
    assert peak_rss_mb() > held.nbytes / 1e6
