"""HGT: a transformer over the typed graph, with weights for each kind of node and of edge.

Z. Hu et al., "Heterogeneous Graph Transformer" (WWW 2020): heterogeneous mutual attention and message
passing, and target-specific aggregation, as in PyG's `HGTConv`, whose residual is gated by a learned weight
for each kind of node where the paper adds the input as it is. Nodes have free vectors; items add a projection
of their texts. Departures: instead of the paper's HGSampling every step walks the whole graph with at most
`max_neighbours` edges per node and edge type, drawn anew; no relative time encoding; a pair's own edge is
taken out of the graph in its training step. Decoder: a shopper is
`u's output + |H|^-½ Σ_{i∈H} i's output`, the pair's item left out of H while training, and the score is its
inner product with the item's.
Exactness `past_item`: that sum is linear in the past items, whose outputs are kept as they were trained; what
the transformer itself moved through u's node is the share of the user's own.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from gnn.deep.late import torch_half
from gnn.deep.pair_config import PairConfig
from gnn.deep.profile import ProfileModel, ProfileState
from gnn.training.config import TrainingConfig
from shopgraph.types import GraphSnapshot


class HGTConfig(PairConfig):
    """Settings of HGT."""

    layers: int = Field(default=1, ge=1)
    """How far the graph is walked."""
    heads: int = Field(default=2, ge=1)
    """Attention heads; they share `dim` among them, which must be a multiple."""
    max_neighbours: int = Field(default=10, ge=1)
    """Most edges of one type that a node attends to in a training step; serving walks them all."""
    min_degree: int = Field(default=2, ge=1)
    """Entities that fewer edges reach are left out: they can join no two items."""
    batch_size: int = Field(default=8192, ge=1)
    """Pairs per training step."""


class HGT(ProfileModel):
    """The model; new shoppers are folded in from their items, cold items stand on texts and relations."""

    name = "hgt"
    file_name = "hgt.safetensors"
    config_type: ClassVar[type[TrainingConfig]] = HGTConfig
    config: HGTConfig

    def _learn(self, snapshot: GraphSnapshot, rng: np.random.Generator) -> tuple[ProfileState, int]:
        if self.config.dim % self.config.heads:
            raise ValueError(
                f"dim ({self.config.dim}) must be a multiple of heads ({self.config.heads}) in HGT's settings"
            )
        half = torch_half("gnn.deep.hgt_module")
        learned: tuple[ProfileState, int] = half.train(
            snapshot, self.config, rng, self._validation, self._on_epoch, self._log_dir
        )
        return learned
