"""Cheap stages that choose the starting point of the full fit.

Far from a minimum, a few rows in float32 show the way as well as all rows in float64, at a
fraction of the price. Each stage starts where the last one ended; only the start of the
full fit comes out of it, so that its cost, its tolerance and its convergence claim stand.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbackprop._solver import Iteration, NonFiniteError, Objective, Solution
from skbackprop._training_rows import TrainingRows

# Found by measuring: shares of the rows, and when to leave a stage.
SHARES = (1 / 32, 1 / 4)
PATIENCE = 5
LEAST_CUT = 0.05
# Rows from which the stages pay for themselves.
ENOUGH_ROWS = 10_000


class Stage(NamedTuple):
    """Rows and a precision to fit for a while.

    Attributes
    ----------
    rows : TrainingRows
    dtype : dtype
    is_full_batch : bool
        Whether the rows are all rows.
    should_leave : callable
        Makes the hook that is called with each `Iteration`, and ends the stage by True.
    """

    rows: TrainingRows
    dtype: np.dtype
    is_full_batch: bool
    should_leave: Callable[[], Callable[[Iteration], bool]]


class Slow:
    """True once so many iterations cut the cost by less than a share of it."""

    def __init__(self, patience: int, least_cut: float) -> None:
        self.patience, self.least_cut = patience, least_cut
        self.costs: list[float] = []

    def __call__(self, iteration: Iteration) -> bool:
        """Take note of the iteration's cost."""
        self.costs.append(iteration.cost)
        if len(self.costs) <= self.patience:
            return False
        return self.costs[-1] > (1 - self.least_cut) * self.costs[-1 - self.patience]


def nested_subsets(
    y: NDArray, shares: Sequence[float], random_state: np.random.RandomState
) -> Iterator[NDArray]:
    """Yield the sorted positions of random rows, the same share of every class, at least one.

    A smaller share is a subset of a greater one. Multilabel targets are not stratified.
    """
    shuffled = random_state.random_sample(len(y))
    strata = y if y.ndim == 1 else np.zeros(len(y), dtype=int)
    order = np.lexsort((shuffled, strata))
    sizes = np.bincount(strata)
    starts = np.cumsum(sizes) - sizes
    for share in shares:
        ends = starts + np.ceil(share * sizes).astype(int)
        parts = [order[start:end] for start, end in zip(starts, ends, strict=True)]
        yield np.sort(np.concatenate(parts))


def single_precision(rows: TrainingRows) -> Stage:
    """Return the stage on all rows in float32, as long as it can tell one cost from the next."""
    single = np.dtype(np.float32)
    return Stage(rows, single, True, lambda: Slow(1, float(np.finfo(single).eps)))


def coarse_stages(rows: TrainingRows, random_state: np.random.RandomState) -> Iterator[Stage]:
    """Yield the stages: small subsets that grow, then all rows where float32 is cheaper."""
    single = np.dtype(np.float32)
    for chosen in nested_subsets(rows.y, SHARES, random_state):
        yield Stage(rows.subset(chosen), single, False, lambda: Slow(PATIENCE, LEAST_CUT))
    if rows.X.dtype != single:
        yield single_precision(rows)


class Start(NamedTuple):
    """Where the full fit starts.

    Attributes
    ----------
    x : ndarray
        The point.
    n_iter : int
        Iterations that led there.
    n_evaluations : int
        Evaluations on all rows that led there.
    interrupt : BaseException or None
        What came from the keyboard on the way.
    """

    x: NDArray
    n_iter: int = 0
    n_evaluations: int = 0
    interrupt: BaseException | None = None


def go_on(
    start: Start, stage: Stage, objective: Objective, minimize: Callable[..., Solution]
) -> tuple[Start, Solution | None]:
    """Go through one stage from where the last one ended.

    Parameters
    ----------
    start : Start
    stage : Stage
    objective : Objective
        Over the rows of the stage, in its precision.
    minimize : callable
        Minimizes an objective from a point, with a hook.

    Returns
    -------
    start : Start
        After an interrupt from the keyboard, where the stage had got to.
    solution : Solution or None
        None where the stage led nowhere.
    """
    try:
        solution = minimize(objective, start.x, on_iteration=stage.should_leave())
    except NonFiniteError:
        return start, None  # float32 may overflow where float64 does not
    end = Start(
        solution.last.x,
        start.n_iter + solution.last.number,
        start.n_evaluations + stage.is_full_batch * solution.n_evaluations,
        solution.interrupt,
    )
    return end, solution


def coarse_start(
    x: NDArray,
    rows: TrainingRows,
    random_state: np.random.RandomState,
    objective: Callable[[TrainingRows, np.dtype], AbstractContextManager[Any]],
    minimize: Callable[..., Solution],
    report: Callable[[Stage, Solution], None],
) -> Start:
    """Go through the stages, each from where the last one ended.

    Parameters
    ----------
    x : ndarray
        A random start, in the coordinates of the objective.
    rows : TrainingRows
        Those of the full fit.
    random_state : RandomState
        Chooses the subsets.
    objective : callable
        Gives a context with the objective of some rows in some precision.
    minimize : callable
        Minimizes an objective from a point, with a hook.
    report : callable
        Is told of every stage at its end.

    Returns
    -------
    Start
        After an interrupt from the keyboard, where that stage had got to.
    """
    start = Start(x)
    for stage in coarse_stages(rows, random_state):
        try:
            with objective(stage.rows, stage.dtype) as stage_objective:
                start, solution = go_on(start, stage, stage_objective, minimize)
        except KeyboardInterrupt as interrupt:
            return start._replace(interrupt=interrupt)
        if solution is not None:
            report(stage, solution)
        if start.interrupt is not None:
            break
    return start
