"""From rows to trained Thetas: a start, cheap stages where they pay, then the fit."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbackprop._coarse_start import ENOUGH_ROWS, Stage, Start, coarse_start
from skbackprop._parameters import Settings
from skbackprop._problem import Problem
from skbackprop._solver import Iteration, Solution, solution_at, solve
from skbackprop._training_rows import TrainingRows


class Training(NamedTuple):
    """What came of it.

    Attributes
    ----------
    thetas : list of ndarray
        In the dtype of X.
    solution : Solution
        Of the fit on all rows in X's precision.
    n_evaluations : int
        Evaluations on all rows, those of the stages before included.
    """

    thetas: list[NDArray]
    solution: Solution
    n_evaluations: int


def minimizer(settings: Settings) -> Callable[..., Solution]:
    """Return `solve` with the tolerance and the limits that the parameters set."""
    return partial(
        solve,
        solver=settings.solver,
        max_iter=settings.max_iter,
        tol=settings.tol,
        options=settings.solver_options,
    )


def fresh_start(
    rows: TrainingRows,
    problem: Problem,
    settings: Settings,
    random_state: np.random.RandomState,
    on_stage: Callable[[Stage, Solution], None],
) -> Start:
    """Return a random start, or where the coarse stages lead from there."""
    x = problem.random_start(random_state)
    wanted = settings.coarse_start
    if not (rows.n_rows >= ENOUGH_ROWS if wanted == "auto" else wanted):
        return Start(x)
    minimize = minimizer(settings)
    return coarse_start(x, rows, random_state, problem.objective, minimize, on_stage)


def train(
    rows: TrainingRows,
    problem: Problem,
    settings: Settings,
    thetas_init: list[NDArray] | None,
    random_state: np.random.RandomState,
    on_iteration: Callable[[Iteration], bool | None] | None,
    on_stage: Callable[[Stage, Solution], None],
) -> Training:
    """Minimize J from given Thetas or a start of our own.

    Parameters
    ----------
    rows : TrainingRows
    problem : Problem
    settings : Settings
    thetas_init : list of ndarray or None
        Given Thetas.
    random_state : RandomState
        For a start of our own.
    on_iteration : callable or None
        The hook of `solve`.
    on_stage : callable
        Is told of every stage of a coarse start at its end.

    Returns
    -------
    Training
        After an interrupt, which is then `Solution.interrupt`, where it had got to.

    Raises
    ------
    KeyboardInterrupt
        Where there was no iteration before it.
    NonFiniteError
        If the cost or the gradient becomes infinite or NaN.
    """
    with problem.objective(rows, rows.X.dtype) as objective:
        if thetas_init is None:
            start = fresh_start(rows, problem, settings, random_state, on_stage)
        else:
            start = Start(objective.vector(thetas_init))
        try:
            if start.interrupt is not None:
                raise start.interrupt
            solution = minimizer(settings)(objective, start.x, on_iteration=on_iteration)
        except KeyboardInterrupt as interrupt:
            if start.n_iter == 0:
                raise
            solution = solution_at(objective, start.x, interrupt)
        if solution.interrupt is not None and start.n_iter + solution.last.number == 0:
            raise solution.interrupt
        n_evaluations = start.n_evaluations + solution.n_evaluations
        return Training(objective.thetas(solution.last.x), solution, n_evaluations)
