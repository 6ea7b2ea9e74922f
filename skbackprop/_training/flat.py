"""When a descent is left because its cost no longer falls to speak of.

Where units have an edge, as relu, J has edges too, and its gradient need not become small near the
lowest cost: fits come within a thousandth of it in tens of iterations, and then go on for hundreds,
which gain nothing on other rows.
"""

from typing import Any

import numpy as np

from skbackprop._network.network import Network
from skbackprop._training.coarse_start import Slow
from skbackprop._training.fit import is_null
from skbackprop._training.solver import Iteration

# Iterations over which the cost is looked at (benchmarks/quality.py, docs/defaults.rst).
PATIENCE = 10


class Flat(Slow):
    """True once so many iterations have cut J by less than a share, unless it has learned nothing.

    Parameters
    ----------
    least_cut : float
        The share.
    null_cost : float
        That of predicting the frequencies of the targets: near it, a fit may be about to begin.
    """

    def __init__(self, least_cut: float, null_cost: float) -> None:
        super().__init__(PATIENCE, least_cut)
        self.null_cost = null_cost

    def __call__(self, iteration: Iteration) -> bool:
        """Look at an iteration."""
        return super().__call__(iteration) and not is_null(iteration.cost, self.null_cost)


def flat_rule(tol: float, network: Network, dtype: Any, null_cost: float) -> Flat | None:
    """Return the rule that ends a fit: an iteration cuts J, on the mean, by less than tol of it.

    None where J has no edges, and where the dtype can't tell such a cut from rounding.
    """
    if not network.has_edges or tol <= np.finfo(dtype).eps:
        return None
    return Flat(PATIENCE * tol, null_cost)
