"""The same results for shoppers with few, some and many past items apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.bootstrap import Interval, bootstrap_intervals
from evaluation.harness import ModelResult
from evaluation.report import intervals_to_json, mean_over_seeds

GROUP_METRICS = ("ndcg@10", "recall@10")


@dataclass(frozen=True)
class GroupResult:
    """What every model reached for one group; `n_users` counts a user once, whatever the seeds."""

    n_users: int
    models: Mapping[str, Mapping[str, Interval]]

    def to_json(self) -> dict[str, Any]:
        """{"n_users", "models": {model: {metric: {"mean", "ci95"}}}}."""
        return {"n_users": self.n_users, "models": intervals_to_json(self.models)}


def results_by_group(
    results: Sequence[Mapping[str, ModelResult]],
    codes: Sequence[NDArray[np.integer]],
    names: Sequence[str],
    rng: np.random.Generator,
) -> dict[str, GroupResult]:
    """Each group's result by its name; groups without a user are left out.

    Args:
        results: each seed's result by model.
        codes: for each seed the place in `names` of each held-out user, in the results' order.
        names: of the groups.
        rng: draws the resamples.
    """
    found = {}
    for code, name in enumerate(names):
        kept = [np.flatnonzero(own == code) for own in codes]
        if not sum(len(rows) for rows in kept):
            continue
        models, n_users = {}, 0
        for model in results[0]:
            mine = [_only(result[model], rows) for result, rows in zip(results, kept, strict=True)]
            values = np.stack(list(mean_over_seeds(mine).values()), axis=1)
            models[model] = dict(zip(GROUP_METRICS, bootstrap_intervals(values, rng), strict=True))
            n_users = len(values)
        found[name] = GroupResult(n_users, models)
    return found


def _only(result: ModelResult, rows: NDArray[np.integer]) -> ModelResult:
    per_user = {metric: result.per_user[metric][rows] for metric in GROUP_METRICS}
    return replace(result, user_idx=result.user_idx[rows], per_user=per_user, ranked=result.ranked[rows])
