"""KGIN: shoppers buy for a few intents, each a mix of the graph's relations.

X. Wang et al., "Learning Intents behind Interactions with Knowledge Graph for Recommendation" (WWW 2021), and
the authors' code (github.com/huangtinglin/Knowledge_Graph_based_Intent_Network, modules/KGIN.py): intents
`e_p = Σ_r α(r, p) e_r` with α a softmax over relations, users
`e_u^(l) = 1/|N_u| Σ_i Σ_p β(u, p) e_p ⊙ e_i^(l-1)` with `β(u, p) = softmax_p(e_p · e_u^(0))`, items and
entities `e_v^(l) = 1/|N_v| Σ_(r,w) e_r ⊙ e_w^(l-1)`, and sums over layers 0..L.
Departures: the bought item of a pair is left out of its user's mean, since it is not there when it is to be
found; the default loss is a softmax (`loss = "bpr"` is the paper's); independence of intents is the mean
squared cosine of their vectors (the code has distance correlation, mutual information or squared cosine of
their weights over relations); relation vectors start near 1, so that training starts from plain means; every
relation is walked both ways, with a vector for each, and buying is one more relation that intents may mix
(the code leaves it out). Of the code but not here: vectors are normalised after each layer, a layer's β reads
the users of the layer below and a free vector for each intent, and the plain mean is added to a user's.
Exactness `past_item`: β depends on the user alone, so a user's vector is `e_u^(0)` and a term per past item.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from gnn.deep.late import torch_half
from gnn.deep.pair_config import PairConfig
from gnn.deep.profile import ProfileModel, ProfileState
from gnn.training.config import TrainingConfig
from shopgraph.types import GraphSnapshot


class KGINConfig(PairConfig):
    """Settings of KGIN."""

    layers: int = Field(default=2, ge=1)
    """L: how far the graph is walked."""
    intents: int = Field(default=4, ge=1)
    """Number of intents."""
    independence: float = Field(default=1e-3, ge=0)
    """Weight of the intents' likeness to each other in the loss."""
    min_degree: int = Field(default=2, ge=1)
    """Entities that fewer edges reach are left out: they can join no two items."""
    edge_dropout: float = Field(default=0.3, ge=0, lt=1)
    """Share of the graph's edges that are dropped in a training step."""


class KGIN(ProfileModel):
    """The model; cold items stand on their relations, where they have any."""

    name = "kgin"
    file_name = "kgin.safetensors"
    config_type: ClassVar[type[TrainingConfig]] = KGINConfig
    config: KGINConfig

    def _learn(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> tuple[ProfileState, int]:
        half = torch_half("gnn.deep.kgin_module")
        learned: tuple[ProfileState, int] = half.train(
            snapshot, self.config, rng, self._validation, self._on_epoch, self._log_dir
        )
        return learned
