"""Cheap stages of a descent: which there are, and when one is left.

Far from a minimum, a few rows in float32 show the way as well as all rows in float64, at a
fraction of the price. Each stage starts where the last one ended.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbackprop._parameters import Settings
from skbackprop._rows.rows import Rows
from skbackprop._training.solver import Iteration

# Found by measuring: shares of the rows, and when to leave a stage. With early stopping it is left,
# too, after a share of its patience, so that the stages that follow have at least half of it.
SHARES_AND_PATIENCE = ((1 / 32, 0.25), (1 / 4, 0.5))
PATIENCE = 5
LEAST_CUT = 0.05
# Rows from which the stages pay for themselves (benchmarks/coarse_start.py).
ENOUGH_ROWS = 10_000
# A subset of more of the resident rows than this is not cheap: where rows are heavy, a share of
# their weight may be of nearly all of them.
MOST_OF_THE_ROWS = 0.5


class Slow:
    """True once so many iterations have cut the cost by less than a share of it.

    Parameters
    ----------
    patience : int
        The number of iterations.
    least_cut : float
        The share.
    cost : callable or None
        Of a point; None is the cost that the iteration has.
    """

    def __init__(
        self, patience: int, least_cut: float, cost: Callable[[NDArray], float] | None = None
    ) -> None:
        self.patience, self.least_cut, self.cost = patience, least_cut, cost
        self.last = np.inf

    def __call__(self, iteration: Iteration) -> bool:
        """Look at the start, and at every so manieth iteration."""
        if iteration.number % self.patience:
            return False
        cost = iteration.cost if self.cost is None else self.cost(iteration.x)
        is_slow = cost > (1 - self.least_cut) * self.last
        self.last = cost
        return is_slow


class Stage(NamedTuple):
    """Rows and a precision to descend on for a while.

    Attributes
    ----------
    rows : Rows
    dtype : dtype
    is_full_batch : bool
        Whether the rows are all rows.
    is_last : bool
        Whether they are computed in X's precision, too: the stage that is left at ``tol``.
    others : Rows or None
        About as many rows that the stage does not fit: they say when to leave it. Without a
        penalty to speak of, few rows can be fitted for ever, and the weights grow away from any
        good start. None for all rows.
    patience : float
        The share of early stopping's patience after which it is left: what follows needs the rest.
    """

    rows: Rows
    dtype: np.dtype
    is_full_batch: bool = False
    is_last: bool = False
    others: Rows | None = None
    patience: float = 1.0

    @property
    def name(self) -> str:
        """What it is, for who watches."""
        return "all rows" if self.is_full_batch else "some rows"

    def rule(self, cost_of_others: Callable[[NDArray], float] | None) -> Slow:
        """Return the rule by which it is left, where it is not the last."""
        if self.is_full_batch:
            # As far as float32 can tell one cost from the next.
            return Slow(1, float(np.finfo(np.float32).eps))
        return Slow(PATIENCE, LEAST_CUT, cost_of_others)


def is_coarse_start_wanted(settings: Settings, rows: Rows) -> bool:
    """Tell whether a fit begins with cheap stages."""
    if settings.coarse_start != "auto":
        return bool(settings.coarse_start)
    # Early stopping with less patience than a stage needs to be judged would end the fit there.
    is_hasty = settings.early_stopping and settings.n_iter_no_change < 2 * PATIENCE
    return rows.n_rows >= ENOUGH_ROWS and not is_hasty


class Coarse(Enum):
    """Which cheap stages a descent begins with."""

    NO = "none"
    PRECISION = "all rows in float32"
    ALL = "subsets of the rows before"


def coarse_stages(
    rows: Rows, coarse: Coarse, random_state: np.random.RandomState
) -> Iterator[Stage]:
    """Yield the stages: small subsets that grow, then all rows where float32 is cheaper."""
    single = np.dtype(np.float32)
    least = rows.least_of_classes
    for share, patience in SHARES_AND_PATIENCE if coarse is Coarse.ALL else ():
        subset, left = rows.divide(share, least, random_state)
        if not 0 < subset.n_rows <= MOST_OF_THE_ROWS * rows.n_rows:
            continue
        others, _ = left.divide(share / (1 - share), least, random_state)
        yield Stage(subset, single, others=others if others.n_rows else None, patience=patience)
    if rows.X.dtype != single and coarse is not Coarse.NO:
        yield Stage(rows, single, is_full_batch=True)
