"""From rows to trained Thetas: a start, cheap stages where they pay, then the fit."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbackprop._coarse_start import ENOUGH_ROWS, Stage, Start, coarse_start
from skbackprop._early_stopping import EarlyStopping, hold_out
from skbackprop._objective import Objective
from skbackprop._parameters import Settings
from skbackprop._problem import Problem
from skbackprop._solver import Iteration, NonFiniteError, Solution, solution_at, solve
from skbackprop._training_rows import TrainingRows

# A fit whose J is within this share of the null cost has learned nothing of X: it has collapsed.
NULL_MARGIN = 1e-3
# Random starts of one fit at most, the next where the one before has collapsed.
N_STARTS = 3

# Looks on at every accepted iteration, and may ask for its Thetas; True stops the fit.
Watcher = Callable[[Iteration, Callable[[], list[NDArray]]], bool | None]


class Training(NamedTuple):
    """What came of it.

    Attributes
    ----------
    thetas : list of ndarray
        In the dtype of X.
    kept : Iteration
        The one that the Thetas are of: the last, or with early stopping the best.
    solution : Solution
        Of the fit on all rows in X's precision.
    n_evaluations : int
        Evaluations on all rows, those of the stages before included.
    validation_scores : list of float or None
        With early stopping, minus the validation cost after each iteration.
    """

    thetas: list[NDArray]
    kept: Iteration
    solution: Solution
    n_evaluations: int
    validation_scores: list[float] | None = None

    @property
    def learned_cost(self) -> float:
        """What is held against the null cost: J, or with early stopping the validation cost."""
        return -max(self.validation_scores) if self.validation_scores else self.kept.cost


def is_null(cost: float, null_cost: float) -> bool:
    """Tell whether a fit is no better than predicting the frequencies of the targets.

    At a null cost of 0 there is nothing to learn, and every fit is as good.
    """
    return null_cost > 0 and cost >= (1 - NULL_MARGIN) * null_cost


def in_silence(*args: object) -> None:
    """Report nothing."""


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


class Trainer(NamedTuple):
    """Fits over the same rows.

    Attributes
    ----------
    rows : TrainingRows
        Those trained on.
    objective : Objective
        J and D over them.
    validation : Objective or None
        With early stopping, the cost of the rows held out, without the penalty.
    settings : Settings
    """

    rows: TrainingRows
    objective: Objective
    validation: Objective | None
    settings: Settings

    def with_reg_lambda(self, reg_lambda: float) -> "Trainer":
        """Return a trainer at another penalty."""
        return self._replace(objective=self.objective.with_reg_lambda(reg_lambda))

    def fit(self, start: Start, watchers: Sequence[Watcher] = ()) -> Training:
        """Minimize J from a start; after an interrupt, see where it had got to."""
        early_stopping = self._early_stopping()
        if early_stopping is not None:
            watchers = [*watchers, early_stopping]
        try:
            if start.interrupt is not None:
                raise start.interrupt
            hook = self._hook_of(watchers)
            solution = minimizer(self.settings)(self.objective, start.x, on_iteration=hook)
        except KeyboardInterrupt as interrupt:
            if start.n_iter == 0:
                raise
            solution = solution_at(self.objective, start.x, interrupt)
        if solution.interrupt is not None and start.n_iter + solution.last.number == 0:
            raise solution.interrupt
        kept, scores = solution.last, None
        if early_stopping is not None:
            kept, scores = early_stopping.best or kept, early_stopping.scores
            if solution.verdict == "stopped" and early_stopping.is_over:
                solution = solution._replace(verdict="early_stopping")
        n_evaluations = start.n_evaluations + solution.n_evaluations
        return Training(self.objective.thetas(kept.x), kept, solution, n_evaluations, scores)

    def _early_stopping(self) -> EarlyStopping | None:
        validation = self.validation
        if validation is None:
            return None
        return EarlyStopping(lambda x: validation(x)[0], self.settings.n_iter_no_change)

    def _hook_of(self, watchers: Sequence[Watcher]) -> Callable[[Iteration], bool] | None:
        """Return the one hook of the solver, which all watchers share."""
        if not watchers:
            return None

        def hook(iteration: Iteration) -> bool:
            thetas = partial(self.objective.thetas, iteration.x)
            wishes_to_stop = [bool(watch(iteration, thetas)) for watch in watchers]
            return any(wishes_to_stop)

        return hook

    def fit_afresh(
        self,
        problem: Problem,
        random_state: np.random.RandomState,
        watchers: Sequence[Watcher],
        on_stage: Callable[[Stage, Solution], None],
    ) -> Training:
        """Minimize J from a random start, and where that collapses, from others.

        All starts together have the iterations of one fit. The fit of least cost is kept.
        """
        null_cost = problem.null_cost(self.rows)
        best: Training | None = None
        n_left, n_evaluations = self.settings.max_iter, 0
        for _ in range(N_STARTS):
            trains = self._replace(settings=self.settings._replace(max_iter=n_left))
            try:
                start = fresh_start(self.rows, problem, trains.settings, random_state, on_stage)
                training = trains.fit(start, watchers)
            except (KeyboardInterrupt, NonFiniteError) as error:
                if best is None:
                    raise
                if isinstance(error, KeyboardInterrupt):
                    best = best._replace(solution=best.solution._replace(interrupt=error))
                break
            n_evaluations += training.n_evaluations
            is_interrupted = training.solution.interrupt is not None
            if best is None or is_interrupted or training.learned_cost < best.learned_cost:
                best = training
            n_iter = training.solution.last.number
            n_left -= n_iter
            # Another start is given as many iterations as this one took, or none.
            if is_interrupted or n_left < n_iter or not _has_collapsed(training, null_cost):
                break
        assert best is not None
        return best._replace(n_evaluations=n_evaluations)


def _has_collapsed(training: Training, null_cost: float) -> bool:
    """Tell whether a fit ended by itself in nothing, and another start may lead elsewhere."""
    if len(training.thetas) == 1:  # convex
        return False
    ended_by_itself = training.solution.verdict not in ("max_iter", "maxfun", "stopped")
    return ended_by_itself and is_null(training.learned_cost, null_cost)


@contextmanager
def trainer(
    rows: TrainingRows,
    problem: Problem,
    settings: Settings,
    random_state: np.random.RandomState,
) -> Iterator[Trainer]:
    """Yield a trainer over rows, some of which early stopping may hold out.

    Raises
    ------
    ValueError
        If early stopping leaves no rows.
    """
    with ExitStack() as contexts:
        validation = None
        if settings.early_stopping:
            rows, held_out = hold_out(rows, settings.validation_fraction, random_state)
            unpenalised = problem._replace(reg_lambda=0.0)
            validation = contexts.enter_context(unpenalised.objective(held_out, rows.X.dtype))
        objective = contexts.enter_context(problem.objective(rows, rows.X.dtype))
        yield Trainer(rows, objective, validation, settings)


def train(
    rows: TrainingRows,
    problem: Problem,
    settings: Settings,
    thetas_init: list[NDArray] | None,
    random_state: np.random.RandomState,
    watchers: Sequence[Watcher] = (),
    on_stage: Callable[[Stage, Solution], None] = in_silence,
) -> Training:
    """Minimize J from given Thetas or from random ones, again where these collapse.

    Parameters
    ----------
    rows : TrainingRows
    problem : Problem
    settings : Settings
    thetas_init : list of ndarray or None
        Given Thetas.
    random_state : RandomState
        For the rows that early stopping holds out, and for random starts.
    watchers : sequence of callable
        All are called at every accepted iteration.
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
    ValueError
        If early stopping leaves no rows.
    """
    with trainer(rows, problem, settings, random_state) as trains:
        if thetas_init is None:
            return trains.fit_afresh(problem, random_state, watchers, on_stage)
        return trains.fit(Start(trains.objective.vector(thetas_init)), watchers)
