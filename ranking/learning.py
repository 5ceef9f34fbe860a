"""What is learned on validation: the weights, those of each group and without each part, the calibration."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ranking.calibration import Calibration, fit_calibration
from ranking.config import EVERYTHING, HybridConfig
from ranking.features import POPULARITY
from ranking.fusion import Learned, collect_validation, learn_weights
from ranking.groups import GROUPS, GroupWeights, ShopperGroups, learn_groups
from ranking.hybrid import Hybrid
from ranking.listwise import FusionRows
from ranking.models import GRAPH, ITEM_ITEM
from ranking.trials import Trial, try_without
from shopgraph.errors import BadSettings
from shopgraph.types import FloatMatrix, FusionWeights, GraphSnapshot, Heldout

FEATURES = "features"

_LEAST_POPULARITY = 1e-3
"""Of all weights' sum: too little to matter beside a taste, enough to order all for a shopper without one."""


@dataclass(frozen=True)
class Lesson:
    """What a hybrid's constants become; the text part's weight is still to be learned."""

    weights: FusionWeights
    groups: ShopperGroups | None
    group_weights: Mapping[str, FusionWeights]
    calibration: Calibration
    ablations: Mapping[str, FusionWeights]
    metrics: Mapping[str, float]
    trials: Mapping[str, Trial] = field(default_factory=dict)

    @property
    def used(self) -> frozenset[str]:
        """Names of the models that some weight is given to."""
        every = (self.weights, *self.group_weights.values(), *self.ablations.values())
        return frozenset(name for weights in every for name, weight in weights.models.items() if weight)


def learn(
    draft: Hybrid, train: GraphSnapshot, heldout: Heldout, config: HybridConfig, rng: np.random.Generator
) -> Lesson:
    """The lesson of the held-out items.

    Args:
        draft: fitted on `train`.
        train: what was kept of the data.
        heldout: what was not.
        config: the fusion's settings and what to leave out in turn.
        rng: samples users and candidates.

    Raises:
        BadSettings: an ablation names neither a model nor a part.
    """
    features = draft.features.names if config.use_features else ()
    choices = _choices(draft, features, config.ablations)
    rows = collect_validation(
        draft.standard_parts, train, heldout, choices.values(), config.fusion, rng, repeats=config.repeats
    )
    trials = {
        name: try_without(rows, name, config.fusion) for name in config.on_trial if name in draft.models
    }
    choices = _without(choices, {name for name, trial in trials.items() if not trial.kept})
    whole = rows.only(choices.pop(EVERYTHING))
    common = learn_weights(whole, config.fusion)
    groups = ShopperGroups.of_thirds(rows.n_past) if config.fusion.by_group else None
    tried = learn_groups(whole, common.weights, groups, config.fusion) if groups else {}
    own = {name: group for name, group in tried.items() if group.own_share}
    without = {
        name: learn_weights(rows.only(kept), config.fusion, common.weights) for name, kept in choices.items()
    }
    scores = _scores(whole, common.weights, groups, own)
    return Lesson(
        weights=_as_weights(common.weights, draft),
        groups=groups,
        group_weights={name: _as_weights(group.weights, draft) for name, group in own.items()},
        calibration=fit_calibration(scores, whole.relevant),
        ablations={name: _as_weights(learned.weights, draft) for name, learned in without.items()},
        metrics=_metrics(common, own, without, trials),
        trials=trials,
    )


def _choices(
    draft: Hybrid, features: tuple[str, ...], ablations: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """What is kept, by the name of what is left out; EVERYTHING: nothing is left out."""
    members = {GRAPH: draft.names_of(GRAPH), ITEM_ITEM: draft.names_of(ITEM_ITEM), FEATURES: features}
    known = {name: (name,) for name in draft.models} | {
        part: names for part, names in members.items() if names
    }
    if EVERYTHING in ablations:
        ablations = tuple(known)
    if unknown := [name for name in ablations if name not in known]:
        raise BadSettings(f"ablations: {unknown[0]!r} is no model or part; known: {', '.join(known)}")
    whole = (*draft.models, *features)
    dropped = {EVERYTHING: ()} | {name: known[name] for name in ablations}
    kept = {choice: tuple(name for name in whole if name not in out) for choice, out in dropped.items()}
    return {choice: names for choice, names in kept.items() if names}


def _without(choices: Mapping[str, tuple[str, ...]], dropped: set[str]) -> dict[str, tuple[str, ...]]:
    """The choices that are left where some models are no longer there to choose."""
    kept = {
        choice: tuple(name for name in names if name not in dropped)
        for choice, names in choices.items()
        if choice not in dropped
    }
    return {choice: names for choice, names in kept.items() if names}


def _scores(
    rows: FusionRows,
    common: Mapping[str, float],
    groups: ShopperGroups | None,
    own: Mapping[str, GroupWeights],
) -> FloatMatrix:
    """Every row's scores by the weights of its group."""
    scores = rows.scores(np.array(list(common.values())))
    if groups is not None:
        codes = groups.codes(rows.n_past)
        for name, group in own.items():
            mine = np.flatnonzero(codes == GROUPS.index(name))
            scores[mine] = rows.take(mine).scores(np.array(list(group.weights.values())))
    return scores


def _as_weights(found: Mapping[str, float], draft: Hybrid) -> FusionWeights:
    models = {name: weight for name, weight in found.items() if name in draft.models}
    betas = {name: weight for name, weight in found.items() if name not in draft.models}
    if POPULARITY in betas:
        betas[POPULARITY] = max(betas[POPULARITY], _LEAST_POPULARITY * sum(found.values()))
    return FusionWeights(models, 0.0, betas)


def _metrics(
    common: Learned,
    own: Mapping[str, GroupWeights],
    without: Mapping[str, Learned],
    trials: Mapping[str, Trial],
) -> dict[str, float]:
    """NDCG@10 on validation: of the whole, without each ablated part; gains are cross-fitted."""
    return (
        {"ndcg@10": common.ndcg}
        | {f"ndcg@10_without_{name}": learned.ndcg for name, learned in without.items()}
        | {f"ndcg@10_gain_{name}": group.gain for name, group in own.items()}
        | {f"ndcg@10_gain_{name}": trial.gain for name, trial in trials.items()}
    )
