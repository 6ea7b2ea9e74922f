"""Cheap stages that choose the starting point of the full fit.

Far from a minimum, a few rows in float32 show the way as well as all rows in float64, at a
fraction of the price. Each stage starts where the last one ended; only the start of the
full fit comes out of it, so that its cost, its tolerance and its convergence claim stand.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbackprop._solver import Iteration, NonFiniteError, Objective, Solution
from skbackprop._training_rows import TrainingRows

# Found by measuring: shares of the rows, and when to leave a stage.
SHARES = (1 / 32, 1 / 4)
PATIENCE = 5
LEAST_CUT = 0.05
# Rows from which the stages pay for themselves (benchmarks/coarse_start.py).
ENOUGH_ROWS = 10_000


class Stage(NamedTuple):
    """Rows and a precision to fit for a while.

    Attributes
    ----------
    rows : TrainingRows
    dtype : dtype
    is_full_batch : bool
        Whether the rows are all rows.
    others : TrainingRows or None
        As many rows that the stage does not fit: they say when to leave it. Without a penalty to
        speak of, few rows can be fitted for ever, and the weights grow away from any good start.
    """

    rows: TrainingRows
    dtype: np.dtype
    is_full_batch: bool
    others: TrainingRows | None = None


class Slow:
    """True once so many iterations cut the cost by less than a share of it.

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
        """Look at every so manieth iteration."""
        if iteration.number % self.patience:
            return False
        cost = iteration.cost if self.cost is None else self.cost(iteration.x)
        is_slow = cost > (1 - self.least_cut) * self.last
        self.last = cost
        return is_slow


def nested_subsets(
    y: NDArray, shares: Sequence[float], random_state: np.random.RandomState
) -> Iterator[tuple[NDArray, NDArray]]:
    """Yield the sorted positions of random rows, and of as many others.

    The same share of every class, at least one row; a smaller share is a subset of a greater
    one. Multilabel targets are not stratified.
    """
    strata = y if y.ndim == 1 else np.zeros(len(y), dtype=np.uint8)
    shuffled, sizes = [], []
    for stratum in range(strata.max() + 1):
        positions = np.flatnonzero(strata == stratum)
        random_state.shuffle(positions)
        sizes.append(len(positions))
        # No more are kept than are asked for, in few bytes: there may be millions of rows.
        most = 2 * math.ceil(max(shares) * len(positions))
        shuffled.append(positions[:most].astype(np.min_scalar_type(len(y))))
    for share in shares:
        n = [math.ceil(share * size) for size in sizes]
        chosen = [rows[:k] for rows, k in zip(shuffled, n, strict=True)]
        others = [rows[k : 2 * k] for rows, k in zip(shuffled, n, strict=True)]
        yield np.sort(np.concatenate(chosen)), np.sort(np.concatenate(others))


def single_precision(rows: TrainingRows) -> Stage:
    """Return the stage on all rows in float32."""
    return Stage(rows, np.dtype(np.float32), True)


def coarse_stages(rows: TrainingRows, random_state: np.random.RandomState) -> Iterator[Stage]:
    """Yield the stages: small subsets that grow, then all rows where float32 is cheaper."""
    single = np.dtype(np.float32)
    for chosen, others in nested_subsets(rows.y, SHARES, random_state):
        watched = rows.subset(others) if len(others) else None
        yield Stage(rows.subset(chosen), single, False, watched)
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
    start: Start,
    stage: Stage,
    objective: Objective,
    minimize: Callable[..., Solution],
    should_leave: Callable[[Iteration], bool],
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
    should_leave : callable
        The hook; it ends the stage by True.

    Returns
    -------
    start : Start
        After an interrupt from the keyboard, where the stage had got to.
    solution : Solution or None
        None where the stage led nowhere.
    """
    try:
        solution = minimize(objective, start.x, on_iteration=should_leave)
    except NonFiniteError:
        return start, None  # float32 may overflow where float64 does not
    end = Start(
        solution.last.x,
        start.n_iter + solution.last.number,
        start.n_evaluations + stage.is_full_batch * solution.n_evaluations,
        solution.interrupt,
    )
    return end, solution


def as_far_as_float32_leads() -> Slow:
    """Return a hook that ends a stage where float32 cannot tell one cost from the next."""
    return Slow(1, float(np.finfo(np.float32).eps))


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
            with ExitStack() as contexts:
                stage_objective = contexts.enter_context(objective(stage.rows, stage.dtype))
                leave = as_far_as_float32_leads()
                if not stage.is_full_batch:
                    cost = None
                    if stage.others is not None:
                        others = contexts.enter_context(objective(stage.others, stage.dtype))
                        cost = partial(_cost, others)
                    leave = Slow(PATIENCE, LEAST_CUT, cost)
                start, solution = go_on(start, stage, stage_objective, minimize, leave)
        except KeyboardInterrupt as interrupt:
            return start._replace(interrupt=interrupt)
        if solution is not None:
            report(stage, solution)
        if start.interrupt is not None:
            break
    return start


def _cost(objective: Objective, x: NDArray) -> float:
    return objective(x)[0]
