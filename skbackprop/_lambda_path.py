"""The lambda path over one set of rows: from strong to weak, each fit started from the last.

A fit at a slightly weaker penalty begins near its end, so a path costs less than separate
fits, and often ends lower. Bare descent is ruined by what a strong penalty does to a network:
it shrinks all weights to zero, a saddle that no later fit leaves, and short of that it makes
hidden units copies of each other. So a fit that has learned nothing starts nothing, the next one
starts afresh; and to every other start is added a dose of fresh random weights.

To choose a penalty, its fits need not go to the end: unless told otherwise, each is left once it is
slow.
"""

import copy
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbackprop._coarse_start import Slow, Stage, Start
from skbackprop._parameters import Settings
from skbackprop._problem import Problem, auto_reg_lambda, lambda_factor
from skbackprop._solver import Solution
from skbackprop._training import (
    Training,
    Watcher,
    fresh_start,
    in_silence,
    is_null,
    train,
    trainer,
)
from skbackprop._training_rows import TrainingRows

# The dose of a fresh start that each start gets, found by measuring (benchmarks/lambda_path.py).
DOSE = 1.0
# A coarse fit of a path is left when so many iterations cut J by less than this share: to choose
# lambda, that is enough (benchmarks/quality.py, benchmarks/lambda_path.py).
PATIENCE = 10
LEAST_CUT = 0.01

# Ends of the default grid, found by measuring (benchmarks/quality.py): a tenth of where the
# network collapses, but at least STRONGEST (for logistic units), and a tenth of "auto".
SHARE_OF_COLLAPSE = 0.1
STRONGEST = 1e-2
SHARE_OF_AUTO = 0.1
SLOPES_AT_ZERO = {"logistic": 0.25, "tanh": 1.0, "relu": 0.5, "identity": 1.0}


# Gives those who watch a fit, by its name and the problem it solves.
Watch = Callable[[str, Problem], AbstractContextManager[Sequence[Watcher]]]


def _nobody(name: str, problem: Problem) -> AbstractContextManager[Sequence[Watcher]]:
    return nullcontext(())


class Step(NamedTuple):
    """One fit of a path.

    Attributes
    ----------
    problem : Problem
        With the penalty of this fit.
    training : Training
    seconds : float
    """

    problem: Problem
    training: Training
    seconds: float


def walk(
    rows: TrainingRows,
    problem: Problem,
    settings: Settings,
    reg_lambdas: Sequence[float],
    random_state: np.random.RandomState,
    watch: Watch = _nobody,
) -> Generator[Step, None, None]:
    """Fit at one penalty after the other.

    Parameters
    ----------
    rows : TrainingRows
    problem : Problem
        Its penalty does not count.
    settings : Settings
    reg_lambdas : sequence of float
        From strong to weak.
    random_state : RandomState
        For the random starts and doses.
    watch : callable
        Gives a context around each fit, with those who watch it.

    Yields
    ------
    Step
        One for each penalty.
    """
    null_cost = problem.null_cost(rows)
    is_coarse = bool(settings.coarse_start) and not settings.early_stopping
    x: NDArray | None = None
    with trainer(rows, problem, settings, random_state) as trains:
        for reg_lambda in reg_lambdas:
            began = time.perf_counter()
            step_problem = problem._replace(reg_lambda=float(reg_lambda))
            if x is None:
                start = fresh_start(trains.rows, step_problem, settings, random_state, in_silence)
            else:
                start = Start(x + DOSE * problem.random_start(random_state))
            with watch("lambda", step_problem) as watchers:
                if is_coarse:
                    watchers = [*watchers, _until_slow(null_cost)]
                training = trains.with_reg_lambda(reg_lambda).fit(start, watchers)
            if training.solution.interrupt is not None:
                raise training.solution.interrupt
            x = None if is_null(training.kept.cost, null_cost) else training.kept.x
            yield Step(step_problem, training, time.perf_counter() - began)


def _until_slow(null_cost: float) -> Watcher:
    """Return a watcher that ends a fit which is slow, unless it has still to begin to learn."""
    slow = Slow(PATIENCE, LEAST_CUT)
    return lambda iteration, thetas: slow(iteration) and not is_null(iteration.cost, null_cost)


def better_of(
    rows: TrainingRows,
    problem: Problem,
    settings: Settings,
    starts: Sequence[list[NDArray]],
    random_state: np.random.RandomState,
    report: Callable[[str, Training], None],
    on_stage: Callable[[Stage, Solution], None] = in_silence,
    watch: Watch = _nobody,
) -> Training:
    """Fit from the best of some Thetas and afresh, and return the fit of lower cost.

    With early stopping, both hold the same rows out, and their cost decides.

    Parameters
    ----------
    rows : TrainingRows
    problem : Problem
    settings : Settings
    starts : sequence of list of ndarray
        Thetas where paths over other rows ended; the one of lowest cost on these rows is taken.
    random_state : RandomState
        For the fresh fit, which is the one of `BackpropClassifier` at this state.
    report : callable
        Is told of each fit at its end.
    on_stage : callable
        Is told of every stage of a coarse start at its end.
    watch : callable
        Gives a context around each fit, with those who watch it.
    """
    with problem.objective(rows, rows.X.dtype) as objective:
        costs = [objective(objective.vector(thetas))[0] for thetas in starts]
    trainings = []
    for how, thetas_init in (("from a path", starts[int(np.argmin(costs))]), ("afresh", None)):
        with watch(how, problem) as watchers:
            own_state = copy.deepcopy(random_state)
            training = train(rows, problem, settings, thetas_init, own_state, watchers, on_stage)
        if training.solution.interrupt is not None:
            raise training.solution.interrupt
        report(how, training)
        trainings.append(training)
    return min(trainings, key=lambda training: training.learned_cost)


def reg_lambda_grid(rows: TrainingRows, problem: Problem, n_lambdas: int) -> NDArray:
    """Return a logarithmic grid of penalties, from strong to weak.

    Parameters
    ----------
    rows : TrainingRows
    problem : Problem
        Its penalty does not count.
    n_lambdas : int
        Number of penalties.

    Returns
    -------
    ndarray of shape (n_lambdas,)
    """
    strongest = STRONGEST * lambda_factor(problem.activations)
    if len(problem.activations) == 1:
        # Where the penalty outweighs this, the null fit is a minimum: with g'(0) the slope of
        # the hidden units, the cost falls along the first singular vectors by g'(0) sigma_1.
        # Where X and the targets are hardly correlated, this says nothing of the best penalty.
        slope = SLOPES_AT_ZERO[problem.activations[0]]
        sigma = float(np.linalg.norm(rows.covariance_with_targets(), 2))
        strongest = max(SHARE_OF_COLLAPSE * slope * sigma, strongest)
    weakest = SHARE_OF_AUTO * auto_reg_lambda(rows, problem.activations)
    return np.geomspace(strongest, weakest, n_lambdas)
