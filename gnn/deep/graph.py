"""A snapshot's interactions and relations as sparse matrices, edges without repeats."""

import numpy as np

from gnn.history import FloatCsr, history_matrix
from shopgraph.types import GraphSnapshot


def distinct_interactions(snapshot: GraphSnapshot) -> FloatCsr:
    """Users × items, 1 where there was any event."""
    alike = np.tile(np.array([1, 0], np.float32), (len(snapshot.event_types), 1))
    return history_matrix(snapshot.histories, snapshot.n_items, alike)
