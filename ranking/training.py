"""Training the hybrid: all of it twice, without a validation cut of the training data, to learn the weights
and the number of epochs, then on the whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from gnn.linear.model import LinearKG
from gnn.registry import ModelConfig, SavedModel, Watch, build_model, refit_config
from ranking.config import HybridConfig
from ranking.feature_fitting import fit_features
from ranking.holdout import is_timed, validation_cut, with_relations
from ranking.hybrid import TEXT, WORDS, Hybrid
from ranking.learning import learn
from ranking.models import LINEAR, NEAR, SEQUENCE
from ranking.query_weight import MIN_SEARCHES
from ranking.search_lessons import QueryWeights, known_items, learn_from_searches, past_searches
from ranking.words import WordIndex, word_texts
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
        encoder: reads past searches, to learn the text part's weight from what was chosen after them; where
            there are none, from words of held-out items' titles.
        log_dir: takes the models' curves, a folder each, for TensorBoard.

    Raises:
        BadSource: there is no interaction to learn from.
    """
    snapshot = with_relations(snapshot, config.relations)
    config = _for_data(config, snapshot)
    train, heldout = validation_cut(snapshot, rng, config.validation, repeats=config.repeats)
    if not np.diff(train.histories.indptr)[heldout.user_idx].any():
        raise BadSource("the shop has too few interactions to learn from; ingest purchases or views first")
    on_progress(f"validation: {len(heldout):,} shoppers with {len(heldout.item_idx):,} held-out items")
    watch = Watch(heldout, lambda report: on_progress(str(report)), log_dir)
    draft = _fit(train, config.models, watch, config, rng, on_progress)
    lesson = learn(draft, train, heldout, config, rng)
    for name, trial in lesson.trials.items():
        on_progress(f"{name} {trial}")
    said = _query_weights(draft, lesson.weights, snapshot, train, heldout, encoder, config, rng)
    on_progress(f"weights learned: validation NDCG@10 {lesson.metrics['ndcg@10']:.4f}; fitting on all data")
    kept = {
        name: refit_config(draft.models[name], settings)
        for name, settings in config.models.items()
        if name in lesson.used
    }
    final = _fit(snapshot, kept, replace(watch, validation=None, log_dir=None), config, rng, on_progress)
    return replace(
        final,
        scales={name: scale for name, scale in draft.scales.items() if name in kept or name in (TEXT, WORDS)},
        weights=said.of(lesson.weights),
        groups=lesson.groups,
        group_weights={name: said.of(one) for name, one in lesson.group_weights.items()},
        nobody=said.nobody,
        calibration=lesson.calibration,
        ablations={name: said.of(one) for name, one in lesson.ablations.items()},
        metrics=lesson.metrics,
    )


def _for_data(config: HybridConfig, snapshot: GraphSnapshot) -> HybridConfig:
    """Without the models on trial that don't fit these data.

    Histories in no order have no sequence; of too many items not all can be compared with all.
    """
    unfit: dict[str, bool] = {}
    if SEQUENCE in config.on_trial and not (config.validation == "last" or is_timed(snapshot)):
        unfit["use_sequence"] = False
    if NEAR in config.on_trial and snapshot.n_items > config.near.max_items:
        unfit["use_near"] = False
    return config.model_copy(update=unfit)


def _fit(
    snapshot: GraphSnapshot,
    configs: Mapping[str, ModelConfig],
    watch: Watch,
    config: HybridConfig,
    rng: np.random.Generator,
    on_progress: Callable[[str], None],
) -> Hybrid:
    """Models, features and scales of a snapshot, with weights still to be learned."""
    models: dict[str, SavedModel] = {}
    for name, settings in configs.items():
        on_progress(f"fitting {name}")
        log_dir = None if watch.log_dir is None else watch.log_dir / name
        linear = models.get(LINEAR)
        given = replace(watch, log_dir=log_dir, linear=linear if isinstance(linear, LinearKG) else None)
        models[name] = build_model(settings, snapshot.n_items, given)
        models[name].fit(snapshot, rng)
    on_progress("fitting features")
    features = fit_features(snapshot, config.features, rng, repeats=config.repeats)
    scales = {name: _spread(model, snapshot.histories, rng) for name, model in models.items()}
    texts = word_texts(snapshot.items)
    words = WordIndex.fit(texts)
    scales[TEXT] = _text_spread(features.text, rng)
    sample = np.linspace(0, len(texts) - 1, min(len(texts), _SCALE_USERS)).astype(np.intp)
    scales[WORDS] = _mean_spread(words.score_many([texts[row] for row in sample]))
    return Hybrid(models, features, scales, FusionWeights(), snapshot.n_items, words)


def _query_weights(
    draft: Hybrid,
    weights: FusionWeights,
    snapshot: GraphSnapshot,
    train: GraphSnapshot,
    heldout: Heldout,
    encoder: TextEncoder | None,
    config: HybridConfig,
    rng: np.random.Generator,
) -> QueryWeights:
    """Learned from the searches after the validation cut or from known items, else so that words dominate."""
    histories = train.histories
    if encoder is not None and draft.features.text is not None:
        most = config.fusion.max_queries
        since_s = train.now.timestamp() if train.now < snapshot.now else float("inf")
        searches = past_searches(snapshot, since_s, most, rng)
        if len(searches) < MIN_SEARCHES:
            searches = known_items(snapshot, heldout, most, rng)
        vectors = encoder.encode(list(searches.words), "query")
        if learned := learn_from_searches(draft, weights, histories, searches, vectors):
            return learned
    active = np.flatnonzero(np.diff(histories.indptr))
    personal = draft.weighted(histories.take(rng.permutation(active)[:_SCALE_USERS]), weights)
    gamma = config.fusion.text_dominance * _mean_spread(personal)
    return QueryWeights(gamma, gamma)


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
