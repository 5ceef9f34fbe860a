"""QueryNER, shoppers' queries with tagged words: strict F1 of the text encoder, tuned on its queries.

All settings were chosen on the validation split; then it is learned too (`learns_validation`, where the
published models learn train alone). Test is measured once. `SHOPGRAPH_DATA` names the public data.
"""

from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from evaluation.provenance import peak_rss_mb
from nlu.tagger.queryner import QueryNerConfig, QueryNerReport, fit_queryner
from nlu.tagger.queryner_data import read_queryner
from shopgraph.errors import BadSettings
from shopgraph.settings import Settings
from shopgraph.terminal import note

PUBLISHED = {"BERT base, the teacher": 0.608, "DistilBERT": 0.612, "TinyBERT": 0.566}
"""Strict F1 on test that is reported for the same tokens."""


def run(settings: Settings) -> list[dict[str, Any]]:
    """One row of ours and what is published beside it."""
    if settings.data is None:
        raise BadSettings("bench queryner reads queryner/ of the public data: name it by SHOPGRAPH_DATA")
    queries = read_queryner(settings.data / "queryner")
    config = QueryNerConfig()
    started, cpu_started = perf_counter(), process_time()
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rng = np.random.default_rng(settings.seed)
        report = fit_queryner(settings.encoder_config, config, queries, rng, note)
    finally:
        torch.set_num_threads(n_threads)
    cost = {
        "train_s": round(perf_counter() - started, 1),
        "train_cpu_s": round(process_time() - cpu_started, 1),
        "train_peak_rss_mb": round(peak_rss_mb(), 1),
    }
    rows = [{"model": "text encoder, tuned", **_figures(report), **config.model_dump(), **cost}]
    rows += [{"model": f"{name} (published)", "test_f1": f1} for name, f1 in PUBLISHED.items()]
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in columns} for row in rows]


def _figures(report: QueryNerReport) -> dict[str, Any]:
    return {
        "test_f1": round(report.test_f1, 4),
        "validation_f1": None if report.validation_f1 is None else round(report.validation_f1, 4),
        "member_validation_f1": [round(f1, 4) for f1 in report.member_validation_f1],
        "test_f1_of": {name: round(f1, 3) for name, f1 in report.test_f1_of.items()},
    }
