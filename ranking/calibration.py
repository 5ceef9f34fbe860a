"""From a score to a probability: Platt's map, fitted on what the best places of validation's lists held.

J. Platt, "Probabilistic outputs for support vector machines" (1999), eq. 1: p = 1 / (1 + exp(-(a·s + b))),
here with a >= 0, so that the order of a list stays. Departure: the targets are 0 and 1, not smoothed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from shopgraph.types import BoolVector, FloatMatrix

SHOWN = 20
"""Places of a list that the map is fitted on."""


@dataclass(frozen=True)
class Calibration:
    """How likely an item that is shown is one of those that the shopper goes on to take.

    `slope` is per unit of the score, `intercept` the log odds at a score of 0.
    """

    slope: float
    intercept: float

    def probability(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """The probability of each score, same shape."""
        found: NDArray[np.float64] = expit(self.slope * np.asarray(scores, np.float64) + self.intercept)
        return found


def fit_calibration(scores: FloatMatrix, relevant: BoolVector, k: int = SHOWN) -> Calibration:
    """The likeliest map for the k best places of each row.

    Args:
        scores: of candidates, shape (n_users, n_candidates).
        relevant: which of them the shopper took, same shape.
        k: places that count.
    """
    k = min(k, scores.shape[1])
    shown = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    found = np.take_along_axis(scores, shown, 1).ravel().astype(np.float64)
    taken = np.take_along_axis(relevant, shown, 1).ravel()
    middle, spread = found.mean(), max(found.std(), 1e-9)
    standard = (found - middle) / spread

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = at[0] * standard + at[1]
        wrong = expit(logits) - taken
        value = (np.logaddexp(0, logits) - taken * logits).mean()
        return float(value), np.array([(wrong * standard).mean(), wrong.mean()])

    share = np.clip(taken.mean(), 1e-6, 1 - 1e-6)
    start = np.array([0.1, np.log(share / (1 - share))])
    slope, intercept = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None), (-30, 30)]).x
    return Calibration(float(slope / spread), float(intercept - slope * middle / spread))
