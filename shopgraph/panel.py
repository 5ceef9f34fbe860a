"""The models that `evaluate` compares, all from one fitted hybrid."""

import numpy as np

from evaluation.harness import PanelFn
from evaluation.repeats import last_baskets, most_bought
from gnn.index import ExactIndex
from gnn.linear.model import LinearKG
from ranking.candidates import CandidateConfig, Candidates
from ranking.features import POPULARITY, TEXT_PROFILE
from ranking.holdout import bought
from ranking.hybrid import Hybrid
from ranking.scorer import Scorer
from shopgraph.types import FloatMatrix, GraphSnapshot, Histories

WITHOUT = "without_"
"""In front of what an ablation leaves out."""

LAST_BASKETS, MOST_BOUGHT = "last_baskets", "most_bought"

_OWN_CANDIDATES = 500


def hybrid_panel(
    hybrid: Hybrid,
    train: GraphSnapshot,
    candidates_config: CandidateConfig | None,
    *,
    repeats: bool = False,
) -> PanelFn:
    """The whole, the whole over served candidates, each part alone, and the whole without each ablation.

    Args:
        hybrid: fitted on `train`.
        train: what served candidates must not repeat.
        candidates_config: how candidates are chosen; None leaves out what is served.
        repeats: what was bought is served again, and the own past alone ranks, too.
    """
    scorer = Scorer(hybrid)
    candidates = None if candidates_config is None else _candidates(scorer, train, candidates_config, repeats)
    popularity = hybrid.features.columns[POPULARITY]

    def panel(histories: Histories) -> dict[str, FloatMatrix]:
        parts = scorer.parts(histories)
        whole: FloatMatrix = np.sum(list(parts.values()), axis=0, dtype=np.float32)
        found = {
            "hybrid": whole,
            **{part: parts[part] for part in ("graph", "item_item", "features")},
            "popularity": np.broadcast_to(popularity, whole.shape).astype(np.float32),
        }
        if candidates is not None:
            found["hybrid_served"] = _served(whole, histories, candidates, train, repeats)
        if repeats:
            found[LAST_BASKETS] = last_baskets(histories, popularity)
            found[MOST_BOUGHT] = most_bought(histories, popularity)
        if hybrid.features.text is not None:
            found["text"] = dict(hybrid.features.values(histories, None, [TEXT_PROFILE]))[TEXT_PROFILE]
        return found | _alternatives(hybrid, histories)

    return panel


def _alternatives(hybrid: Hybrid, histories: Histories) -> dict[str, FloatMatrix]:
    """The whole by other weights: the common ones where groups have their own, and those of each ablation."""
    others = {f"{WITHOUT}{name}": weights for name, weights in hybrid.ablations.items()}
    if hybrid.group_weights:
        others["hybrid_common"] = hybrid.weights
    if not others:
        return {}
    parts = hybrid.standard_parts(histories)
    found = {name: np.zeros((len(histories), hybrid.n_items), np.float32) for name in others}
    for name, weights in others.items():
        for part, weight in {**weights.models, **weights.features}.items():
            if weight:  # a model that no weight is given to was not kept
                found[name] += parts[part] * np.float32(weight)
    return found


def _candidates(scorer: Scorer, train: GraphSnapshot, config: CandidateConfig, repeats: bool) -> Candidates:
    graph = scorer.hybrid.graph_model
    graph_index = ExactIndex(graph.item_vectors) if isinstance(graph, LinearKG) else None
    text_index = None if train.text_vectors is None else ExactIndex(train.text_vectors)
    if repeats:
        config = config.model_copy(update={"own": max(config.own, _OWN_CANDIDATES)})
    return Candidates(scorer, graph_index, text_index, config)


def _served(
    scores: FloatMatrix,
    histories: Histories,
    candidates: Candidates,
    train: GraphSnapshot,
    repeats: bool,
) -> FloatMatrix:
    """Scores of the candidates that would be served, -inf elsewhere."""
    served = np.full_like(scores, -np.inf)
    had = bought(histories, train)
    for row in range(len(histories)):
        eligible = np.ones(train.n_items, np.bool_)
        eligible[had[[row]].indices] = repeats
        chosen = candidates.gather(histories.row(row), eligible)
        served[row, chosen] = scores[row, chosen]
    return served
