"""Cheap stages of a descent: which there are, and when one is left.

Far from a minimum, a few rows at a time in float32 show the way as well as all rows in float64,
at a fraction of the price. Each stage starts where the last one ended.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skbackprop._network.objective import RowCosts
from skbackprop._parameters import Settings
from skbackprop._rows.rows import Rows
from skbackprop._rows.summed import SummedRows
from skbackprop._training.solver import Iteration

# Rows from which the stages pay for themselves (benchmarks/coarse_start.py).
ENOUGH_ROWS = 10_000
# Of a batch; found by measuring (benchmarks/coarse_start.py).
BATCH_ROWS = 200
# The rows that say when mini-batches have no more to teach, where none are held out anyway.
SHARE_OF_OTHERS = 0.1


class Slow:
    """True once so many iterations have cut the cost by less than a share of it.

    Parameters
    ----------
    patience : int
        The number of iterations.
    least_cut : float
        The share.
    """

    def __init__(self, patience: int, least_cut: float) -> None:
        self.patience, self.least_cut = patience, least_cut
        self.last = np.inf

    def __call__(self, iteration: Iteration) -> bool:
        """Look at the start, and at every so manieth iteration."""
        if iteration.number % self.patience:
            return False
        is_slow = iteration.cost > (1 - self.least_cut) * self.last
        self.last = iteration.cost
        return is_slow


class NoMoreToTeach:
    """True once an iteration lowers the cost on other rows by no more than its noise.

    The noise is the standard error of the mean of what the cost of each row has fallen by.

    Parameters
    ----------
    costs : RowCosts
        Of rows that are not trained on.

    Attributes
    ----------
    x : ndarray
        Where their mean was least so far.
    """

    def __init__(self, costs: RowCosts) -> None:
        self.costs, self.w = costs, costs.w
        self.x: np.ndarray = np.empty(0)
        self._last: np.ndarray | None = None

    def __call__(self, iteration: Iteration) -> bool:
        """Look at the start, and at every iteration."""
        costs = self.costs(iteration.x)
        if self._last is None:
            self._last, self.x = costs, iteration.x
            return False
        gains = self._last - costs
        gain = float(np.average(gains, weights=self.w))
        if gain > 0:
            self.x = iteration.x
        self._last = costs
        return not gain > self._noise(gains, gain)

    def _noise(self, gains: np.ndarray, gain: float) -> float:
        w = np.ones(len(gains)) if self.w is None else self.w
        return math.sqrt(float((w * w).dot((gains - gain) ** 2))) / float(w.sum())


class Stage(NamedTuple):
    """Rows and a precision to descend on for a while.

    Attributes
    ----------
    rows : Rows
    dtype : dtype
    is_full_batch : bool
        Whether each iteration is of all rows.
    is_last : bool
        Whether they are computed in X's precision, too: the stage that is left at ``tol``.
    others : Rows or None
        Of mini-batches, rows that the stage does not fit: they say when to leave it.
    """

    rows: SummedRows
    dtype: np.dtype
    is_full_batch: bool = True
    is_last: bool = False
    others: Rows | None = None

    @property
    def name(self) -> str:
        """What it is, for who watches."""
        return "all rows" if self.is_full_batch else "mini-batches"

    @property
    def batch_rows(self) -> int:
        """How many rows a mini-batch has."""
        return min(BATCH_ROWS, self.rows.n_rows)


def is_coarse_start_wanted(settings: Settings, rows: SummedRows) -> bool:
    """Tell whether a fit begins with cheap stages."""
    if settings.coarse_start != "auto":
        return bool(settings.coarse_start)
    # One epoch that is no better would end the whole fit.
    is_hasty = settings.early_stopping and settings.n_iter_no_change < 2
    return rows.n_rows >= ENOUGH_ROWS and not is_hasty


def coarse_stages(
    rows: SummedRows, held_out: SummedRows | None, random_state: np.random.RandomState
) -> Iterator[Stage]:
    """Yield the stages: mini-batches, then all rows where float32 is cheaper."""
    single = np.dtype(np.float32)
    # A mini-batch is no work for a cluster.
    trained = rows.at_hand(random_state)
    others = None if held_out is None else held_out.at_hand(random_state)
    if others is None:
        others, trained = trained.divide(SHARE_OF_OTHERS, rows.least_of_classes, random_state)
    if min(trained.n_rows, others.n_rows) > 0:
        yield Stage(trained, single, is_full_batch=False, others=others)
    if rows.dtype != single:
        yield Stage(rows, single)
