"""Training the hybrid: all of it twice, without a validation cut of the training data, to learn the weights
and the number of epochs, then on the whole.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gnn.item_item.model import item_item_for
from gnn.linear.model import LinearKG
from ranking.config import HybridConfig
from ranking.feature_fitting import fit_features
from ranking.features import POPULARITY
from ranking.fusion import learn_choices
from ranking.holdout import validation_cut, with_relations
from ranking.hybrid import GRAPH, ITEM_ITEM, TEXT, Hybrid, SavedModel
from ranking.query_weight import QUERY_LABEL, learn_query_weight, search_pairs
from shopgraph.errors import BadSource
from shopgraph.types import (
    FloatMatrix,
    FusionWeights,
    GraphSnapshot,
    Heldout,
    Histories,
    Recommender,
    TextEncoder,
)

_SCALE_USERS = 256

_LEAST_POPULARITY = 1e-3
"""Of all weights' sum: too little to matter beside a taste, enough to order all for a shopper without one."""


def fit_hybrid(
    snapshot: GraphSnapshot,
    config: HybridConfig,
    rng: np.random.Generator,
    on_progress: Callable[[str], None] = lambda _: None,
    encoder: TextEncoder | None = None,
    log_dir: Path | None = None,
) -> Hybrid:
    """The hybrid, its weights learned on a validation cut, everything then fitted on all of `snapshot`.

    Args:
        snapshot: training data; with `text_vectors`, if texts shall count.
        config: what to use.
        rng: seeds the cut, the models and the samples.
        on_progress: gets a line for each stage.
        encoder: reads past searches, to learn the text part's weight from what was chosen after them.
        log_dir: takes the graph model's curves, for TensorBoard.

    Raises:
        BadSource: there is no interaction to learn from.
    """
    snapshot = with_relations(snapshot, config.relations)
    train, heldout = validation_cut(snapshot, rng, config.validation, repeats=config.repeats)
    if not np.diff(train.histories.indptr)[heldout.user_idx].any():
        raise BadSource("the shop has too few interactions to learn from; ingest purchases or views first")
    on_progress(f"validation: {len(heldout):,} shoppers with {len(heldout.item_idx):,} held-out items")
    graph = LinearKG(
        config.graph,
        validation=heldout,
        on_epoch=lambda report: on_progress(str(report)),
        log_dir=log_dir,
    )
    draft = _fit_parts(train, graph, config, rng, on_progress)
    weights, ablations, metrics = _learn(draft, train, heldout, config, rng)
    gamma = _query_weight(draft, weights, snapshot, train, encoder, config, rng)
    on_progress(f"weights learned: validation NDCG@10 {metrics['ndcg@10']:.4f}; fitting on all data")
    final = _fit_parts(snapshot, _refit(graph, config, on_progress), config, rng, on_progress)
    return replace(
        final,
        scales=draft.scales,
        weights=replace(weights, text=gamma),
        ablations={part: replace(found, text=gamma) for part, found in ablations.items()},
        metrics=metrics,
    )


def _refit(graph: LinearKG, config: HybridConfig, on_progress: Callable[[str], None]) -> LinearKG:
    """A graph model to be fitted for as many epochs as were best on validation."""
    settings = config.graph.model_copy(update={"epochs": max(graph.best_epoch, 1)})
    return LinearKG(settings, on_epoch=lambda report: on_progress(str(report)))


def _fit_parts(
    snapshot: GraphSnapshot,
    graph: LinearKG,
    config: HybridConfig,
    rng: np.random.Generator,
    on_progress: Callable[[str], None],
) -> Hybrid:
    """Models, features and scales of a snapshot, with weights still to be learned."""
    models: dict[str, SavedModel] = {GRAPH: graph} if config.use_graph else {}
    if config.use_item_item:
        models[ITEM_ITEM] = item_item_for(snapshot.n_items, config.item_item)
    for part, model in models.items():
        on_progress(f"fitting {part}")
        model.fit(snapshot, rng)
    on_progress("fitting features")
    features = fit_features(snapshot, config.features, rng, repeats=config.repeats)
    scales = {part: _spread(model, snapshot.histories, rng) for part, model in models.items()}
    scales[TEXT] = _text_spread(features.text, rng)
    return Hybrid(models, features, scales, FusionWeights(), snapshot.n_items)


def _learn(
    draft: Hybrid, train: GraphSnapshot, heldout: Heldout, config: HybridConfig, rng: np.random.Generator
) -> tuple[FusionWeights, dict[str, FusionWeights], dict[str, float]]:
    """Weights of all parts, weights without each ablated part, and what they reach on validation."""
    features = draft.features.names if config.use_features else ()
    whole = (*draft.models, *features)
    choices: dict[str, tuple[str, ...]] = {"": whole}
    for part in config.ablations:
        dropped = features if part == "features" else (part,)
        choices[part] = tuple(name for name in whole if name not in dropped)
    found = learn_choices(
        draft.standard_parts, train, heldout, choices, config.fusion, rng, repeats=config.repeats
    )
    weights = {part: _as_weights(learned.weights, features) for part, learned in found.items()}
    metrics = {"ndcg@10": found[""].ndcg} | {
        f"ndcg@10_without_{part}": found[part].ndcg for part in config.ablations
    }
    return weights.pop(""), weights, metrics


def _as_weights(found: Mapping[str, float], features: Sequence[str]) -> FusionWeights:
    betas = {name: weight for name, weight in found.items() if name in features}
    if POPULARITY in betas:
        betas[POPULARITY] = max(betas[POPULARITY], _LEAST_POPULARITY * sum(found.values()))
    return FusionWeights(found.get(GRAPH, 0.0), found.get(ITEM_ITEM, 0.0), 0.0, betas)


def _query_weight(
    draft: Hybrid,
    weights: FusionWeights,
    snapshot: GraphSnapshot,
    train: GraphSnapshot,
    encoder: TextEncoder | None,
    config: HybridConfig,
    rng: np.random.Generator,
) -> float:
    """γ from the searches after the validation cut, else so that the words dominate the taste."""
    histories = train.histories

    def personal(users: NDArray[np.integer]) -> FloatMatrix:
        return draft.weighted(histories.take(users), weights)

    text = draft.features.text
    if text is not None and encoder is not None and train.now < snapshot.now:
        pairs = search_pairs(snapshot, train.now.timestamp()).sample(config.fusion.max_queries, rng)
        words = [snapshot.nodes[QUERY_LABEL].names[query] for query in pairs.query_idx]
        vectors = encoder.encode(words, "query")
        learned = learn_query_weight(personal, pairs, vectors, text, draft.scales[TEXT])
        if learned is not None:
            return learned
    active = np.flatnonzero(np.diff(histories.indptr))
    return config.fusion.text_dominance * _mean_spread(personal(rng.permutation(active)[:_SCALE_USERS]))


def _spread(model: Recommender, histories: Histories, rng: np.random.Generator) -> float:
    active = np.flatnonzero(np.diff(histories.indptr))
    return _mean_spread(model.score(histories.take(rng.permutation(active)[:_SCALE_USERS])))


def _text_spread(text: FloatMatrix | None, rng: np.random.Generator) -> float:
    if text is None:
        return 1.0
    return _mean_spread(text[rng.permutation(len(text))[:_SCALE_USERS]] @ text.T)


def _mean_spread(scores: FloatMatrix) -> float:
    """Standard deviation over the items, averaged over the rows; 1 where nothing varies."""
    return float(scores.std(axis=1).mean()) or 1.0
