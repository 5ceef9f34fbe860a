"""Tuning of the real multilingual-e5-small, for a few steps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from nlu.encoder import EncoderConfig, open_encoder
from nlu.tuning.config import TuningConfig
from nlu.tuning.pairs import TextPairs
from nlu.tuning.tune import tune_encoder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]

FEW = TuningConfig(layers=1, steps=8, batch_pairs=8, evaluate_every=4, validation_share=0.2)


def test_a_few_steps_bring_what_belongs_together_closer_and_serve(
    e5_weights: Path, shop_texts: Sequence[str], shop_pairs: Sequence[TextPairs], tmp_path: Path
) -> None:
    """Teapots go with cups and tents with boots; the weights say no such thing."""
    assert e5_weights.exists()
    encoder = EncoderConfig(max_tokens=16, device="cpu")
    tuned = tune_encoder(encoder, FEW, shop_texts, shop_pairs, tmp_path, np.random.default_rng(0))
    assert len(tuned.pairs.losses) == 8
    assert np.mean(tuned.pairs.losses[-3:]) < np.mean(tuned.pairs.losses[:3])
    assert tuned.pairs.best_ndcg >= tuned.pairs.first_ndcg
    # rank 8 on query and value of one layer of 384 dimensions
    assert tuned.n_parameters == 2 * 2 * 8 * 384
    served = open_encoder(encoder.model_copy(update={"encoder": str(tuned.encoder)}))
    vectors = served.encode(shop_texts, "passage")
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)

    def gap(of: np.ndarray) -> float:
        likeness, half = of @ of.T, len(shop_texts) // 2
        return float(likeness[:half, :half].mean() - likeness[:half, half:].mean())

    assert gap(vectors) > gap(open_encoder(encoder).encode(shop_texts, "passage"))
