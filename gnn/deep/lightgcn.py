"""LightGCN: user and item vectors smoothed over the graph of who bought what, nothing else.

X. He et al., "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation" (SIGIR 2020):
the light graph convolution `e_u^(k+1) = Σ_i e_i^(k) / √(|N_u||N_i|)`, layers combined with uniform weights
1/(K+1), the inner product, and BPR with L2. Departures: the default loss is a softmax, which ranks better
here (`loss = "bpr"` is the paper's); an item met several times counts once. Exactness `past_item`:
the layers are linear, so a user's vector is `e_u^(0)/(K+1) + Σ_i Σ_{k<K} e_i^(k) / √(|N_u||N_i|) / (K+1)`, a
term of the user's own and one per past item, with the smoothed items kept as they were trained. A new
shopper is the same sum without the own term.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from gnn.deep.late import torch_half
from gnn.deep.pair_config import PairConfig
from gnn.deep.profile import ProfileModel, ProfileState
from gnn.training.config import TrainingConfig
from shopgraph.types import GraphSnapshot


class LightGCNConfig(PairConfig):
    """Settings of LightGCN."""

    layers: int = Field(default=3, ge=1)
    """K: how far a vector is smoothed; each layer is one step along an edge."""


class LightGCN(ProfileModel):
    """The model; knows users and items by their edges alone, so cold items have nothing but noise."""

    name = "lightgcn"
    file_name = "lightgcn.safetensors"
    config_type: ClassVar[type[TrainingConfig]] = LightGCNConfig
    config: LightGCNConfig

    def _learn(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> tuple[ProfileState, int]:
        half = torch_half("gnn.deep.lightgcn_module")
        learned: tuple[ProfileState, int] = half.train(
            snapshot, self.config, rng, self._validation, self._on_epoch, self._log_dir
        )
        return learned
