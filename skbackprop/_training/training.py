"""One fit, one descent in stages.

A stage is some rows, a precision and a rule by which it is left; the last is all rows in X's
precision, left at ``tol``. Those of all rows at a time go through the same few lines, which call
the solver; mini-batches have a loop of their own; and every accepted iteration, or epoch, of all
of them goes through one hook: history, early stopping, progress, scikit-learn's callbacks and a
wish to stop hang on it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np

from skbackprop._network.coordinates import centred_coordinates
from skbackprop._network.network import Network
from skbackprop._network.objective import Objective, RowCosts
from skbackprop._network.thetas import Thetas
from skbackprop._parameters import Settings
from skbackprop._rows.summed import SummedRows, objective_over
from skbackprop._training.callbacks import NO_TASK, Task
from skbackprop._training.coarse_start import (
    NoMoreToTeach,
    Slow,
    Stage,
    coarse_stages,
    is_coarse_start_wanted,
)
from skbackprop._training.early_stopping import (
    EarlyStopping,
    Validation,
    ValidationError,
    hold_out,
)
from skbackprop._training.endings import Ending
from skbackprop._training.fit import Fit, Outcome
from skbackprop._training.flat import flat_rule
from skbackprop._training.mini_batches import MiniBatchDescent
from skbackprop._training.reports import SILENT, Reports
from skbackprop._training.solver import Descent, Iteration, NonFiniteError

# Random starts of one fit at most, the next where the one before has collapsed.
N_STARTS = 3


def never() -> bool:
    """Return False."""
    return False


# A rule that ends a descent: True once it is slow.
Rule = Callable[[Iteration], bool]


class Training:
    """Fits of one network over the same rows, live: a context.

    ``with Training(...) as training``, then ``training.fit(x, reg_lambda)`` from a given start or
    ``training.fit_afresh(reg_lambda)`` from random ones, at any penalties one after the other.
    Each returns what it came to. Where it raised, ``training.outcome()`` is what there is so far,
    if ``training.keeps(error)``.

    Parameters
    ----------
    rows : Rows
        Early stopping holds some of them out, unless others validate.
    network : Network
    settings : Settings
    random_state : RandomState
        For the rows held out, random starts, and the subsets of cheap stages.
    task : Task, default=NO_TASK
        What the fits are to scikit-learn's callbacks.
    reports : Reports, default=SILENT
        Told of stages and iterations.
    is_stopped : callable, default=never
        Says at every iteration whether somebody else has ended the whole work.
    validation : Rows or None, default=None
        Rows that are not among the others, to score every iteration. Only with early stopping do
        they change anything: they then are the rows held out, and None holds a share of these out.

    Attributes
    ----------
    held_out : Rows or None
        With early stopping, those that say when to stop, and by which a fit is judged.
    """

    def __init__(
        self,
        rows: SummedRows,
        network: Network,
        settings: Settings,
        random_state: np.random.RandomState,
        task: Task = NO_TASK,
        reports: Reports = SILENT,
        is_stopped: Callable[[], bool] = never,
        validation: SummedRows | None = None,
    ) -> None:
        self.network, self.settings, self.random_state = network, settings, random_state
        self.task, self.reports, self.is_stopped = task, reports, is_stopped
        start = network.output.start(rows.target_means())
        self.coordinates = centred_coordinates(network, rows.mean(), start)
        self.all_rows = rows
        if validation is not None:
            validation = validation.weighted_as(rows)
        elif settings.early_stopping:
            rows, validation = hold_out(rows, settings.validation_fraction, random_state)
        self.validation, self.held_out = validation, validation if settings.early_stopping else None
        self.rows, self._is_constant = rows, rows.targets.is_constant
        self.null_cost = rows.null_cost(network)
        # What is learned is judged on the rows held out, where there are any.
        self._null_cost_judged = self.null_cost
        if self.held_out is not None:
            self._null_cost_judged = self.held_out.null_cost(network, rows)
        self._fit: Fit | None = None  # the start under way
        self._kept: Outcome | None = None  # the best of the starts that have ended
        self._n_evaluations_before = 0  # of these

    def __enter__(self) -> Self:
        with ExitStack() as contexts:
            self._validation_costs = None
            if self.validation is not None:
                self._validation_costs = contexts.enter_context(self._open_costs(self.validation))
            self._objective = contexts.enter_context(self._open(self.rows, self.rows.dtype))
            self._contexts = contexts.pop_all()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._contexts.__exit__(exc_type, exc, traceback)

    @contextmanager
    def _open(self, rows: SummedRows, dtype: Any) -> Iterator[Objective]:
        """Yield J and D over these rows, computed in this type."""
        with objective_over(rows, self.network, dtype, self.coordinates) as objective:
            yield objective

    def _of_batches(self, rows: Any, n_rows: int, dtype: Any) -> Objective:
        """Return J and D over a batch of these rows, at every call of the next."""
        sums = rows.sums_of_batches(self.network, n_rows, dtype, self.random_state)
        return Objective(sums, n_rows, self.network.shapes, dtype, self.coordinates)

    @contextmanager
    def _open_costs(self, rows: SummedRows) -> Iterator[RowCosts]:
        """Yield the cost of each of these rows, computed in X's precision."""
        dtype = self.rows.dtype
        with rows.costs(self.network, dtype) as costs:
            yield RowCosts(costs, rows.w, self.network.shapes, dtype, self.coordinates)

    def x_of(self, thetas: Thetas) -> np.ndarray:
        """Return the solver's vector of Thetas."""
        return self.coordinates.x_from_thetas(thetas.vector)

    def random_start(self) -> np.ndarray:
        """Return a random vector: without a bias in centred coordinates.

        A unit is then balanced at the centre of its inputs. An output that is always the same
        begins where it ends: without weights.
        """
        thetas = self.network.random_thetas(self.random_state)
        if self._is_constant is not None:
            thetas.matrices[-1][self._is_constant] = 0
        return thetas.vector

    def cost(self, x: np.ndarray, reg_lambda: float) -> float:
        """Return J over the rows trained on."""
        return self._objective(x, reg_lambda)[0]

    def fit(
        self,
        x: np.ndarray,
        reg_lambda: float,
        *,
        is_left: Rule | None = None,
        is_coarse: bool = False,
    ) -> Outcome:
        """Minimize J from a given start.

        Parameters
        ----------
        x : ndarray
            The solver's vector.
        reg_lambda : float
            The penalty.
        is_left : callable or None
            A rule that ends the fit, once it is on all rows; None is `flat_rule`.
        is_coarse : bool, default=False
            Whether cheap stages come first, where the settings want any.

        Raises
        ------
        NonFiniteError
            If the cost or the gradient becomes infinite or NaN.
        """
        self._kept, self._n_evaluations_before = None, 0
        max_iter = self.settings.max_iter
        self._kept = self._descend(x, reg_lambda, max_iter, is_left=is_left, is_coarse=is_coarse)
        self._fit = None
        return self._kept

    def fit_afresh(self, reg_lambda: float) -> Outcome:
        """Minimize J from a random start, and where that collapses, from others.

        All starts together have the iterations of one fit. The fit of least cost is kept.

        Raises
        ------
        NonFiniteError
            If the cost or the gradient of the first start becomes infinite or NaN.
        """
        self._kept, self._n_evaluations_before = None, 0
        n_left = self.settings.max_iter
        for _ in range(N_STARTS):
            try:
                outcome = self._descend(self.random_start(), reg_lambda, n_left, is_coarse=True)
            except NonFiniteError as error:
                # That of rows that only score may not end what they have no part in.
                only_scores = self.held_out is None and isinstance(error, ValidationError)
                if self._kept is None or only_scores:
                    raise
                self._fit = None
                break
            best = outcome
            if self._kept is not None and self._kept.learned_cost <= outcome.learned_cost:
                best = self._kept._replace(n_evaluations=outcome.n_evaluations)
            # In this order: an interrupt on the way counts no evaluation twice.
            self._kept, self._fit, self._n_evaluations_before = best, None, best.n_evaluations
            n_left -= outcome.n_iter
            # Another start is given as many iterations as this one took, or none.
            if n_left < outcome.n_iter or not self._has_collapsed(outcome):
                break
        assert self._kept is not None
        return self._kept

    def _has_collapsed(self, outcome: Outcome) -> bool:
        """Tell whether a fit ended by itself in nothing, and another start may lead elsewhere."""
        is_convex = len(self.network.shapes) == 1
        return outcome.is_null and outcome.ending.is_by_itself and not is_convex

    @property
    def has_cheap_stages(self) -> bool:
        """Whether a fit that is to be coarse begins with any."""
        return is_coarse_start_wanted(self.settings, self.rows)

    def _stages(self, is_coarse: bool) -> Iterator[Stage]:
        if is_coarse and self.has_cheap_stages:
            yield from coarse_stages(self.rows, self.held_out, self.random_state)
        yield Stage(self.rows, self.rows.dtype, is_last=True)

    def _descend(
        self,
        x: np.ndarray,
        reg_lambda: float,
        max_iter: int,
        *,
        is_left: Rule | None = None,
        is_coarse: bool,
    ) -> Outcome:
        """Go through the stages, each from where the last one ended."""
        settings = self.settings
        if is_left is None:
            is_left = flat_rule(settings.tol, self.network, self.rows.dtype, self.null_cost)
        self._fit = fit = Fit(x, reg_lambda, self._new_validation())
        for stage in list(self._stages(is_coarse)):
            limit = max_iter - fit.n_iter if stage.is_full_batch else settings.max_iter
            with self._opened(stage, limit) as (objective, rule, task):
                self.reports.stage(stage)
                hook = partial(self._accept, fit, stage, rule, is_left, task)
                try:
                    ending = self._descent(stage, objective, fit, hook).run(fit.x, limit)
                except ValidationError:
                    raise
                except NonFiniteError as error:
                    if stage.is_last:
                        raise _of_precision(error, stage.dtype) from None
                    continue  # float32 may overflow where float64 does not
            if task.wants_to_stop:
                ending = Ending.CALLBACK
            if stage.is_last or ending.is_of_the_whole_fit:
                fit.ending = ending
                break
            if isinstance(rule, NoMoreToTeach):
                fit.x = rule.x
        return self._outcome_of(fit)

    def _new_validation(self) -> Validation | None:
        """Return what scores the iterations of a start."""
        if self._validation_costs is None:
            return None
        cost = self._validation_costs.mean
        if self.held_out is None:
            return Validation(cost)
        return EarlyStopping(cost, self.settings.n_iter_no_change)

    def _descent(
        self,
        stage: Stage,
        objective: Objective,
        fit: Fit,
        hook: Callable[[Iteration], Ending | None],
    ) -> Descent | MiniBatchDescent:
        """Return the descent of a stage."""
        settings = self.settings
        if not stage.is_full_batch:
            n_batches = stage.rows.n_rows // stage.batch_rows
            return MiniBatchDescent(objective, n_batches, fit.reg_lambda, hook)
        descent = Descent(
            objective, fit.reg_lambda, settings.tol, hook, settings.solver, settings.solver_options
        )
        fit.count(descent)
        return descent

    @contextmanager
    def _opened(self, stage: Stage, max_iter: int) -> Iterator[tuple[Objective, Rule | None, Task]]:
        """Yield the objective of a stage, the rule by which it is left, and its task."""
        with ExitStack() as contexts:
            objective, rule = self._objective, None  # type: tuple[Objective, Rule | None]
            if stage.others is not None:
                objective = self._of_batches(stage.rows, stage.batch_rows, stage.dtype)
                costs = self._validation_costs
                if costs is None or stage.others is not self.held_out:
                    costs = contexts.enter_context(self._open_costs(stage.others))
                rule = NoMoreToTeach(costs)
            elif not stage.is_last:
                objective = contexts.enter_context(self._open(stage.rows, stage.dtype))
                # As far as float32 can tell one cost from the next.
                rule = Slow(1, float(np.finfo(np.float32).eps))
            yield objective, rule, contexts.enter_context(self.task.of_stage(stage.name, max_iter))

    def _accept(
        self,
        fit: Fit,
        stage: Stage,
        rule: Rule | None,
        is_left: Rule | None,
        task: Task,
        iteration: Iteration,
    ) -> Ending | None:
        """Take an accepted iteration of any stage: the one hook. Return a wish to end."""
        fit.accept(iteration, stage)
        is_slow = rule is not None and rule(iteration)
        is_enough = stage.is_full_batch and is_left is not None and is_left(iteration)
        if iteration.number == 0:
            return None
        fit.score()
        self.reports.iteration(iteration, fit, stage)
        if self.is_stopped():
            return Ending.INTERRUPTED
        if task.end_iteration(partial(self._seen_at, iteration, fit)):
            return Ending.CALLBACK
        if fit.validation is not None and fit.validation.is_over:
            return Ending.EARLY_STOPPING
        if is_enough:
            return Ending.FLAT
        return Ending.STAGE if is_slow else None

    # What there is

    def keeps(self, error: BaseException) -> bool:
        """Tell whether there is something to keep after this was raised.

        An interrupt, or what a callback or a report has raised, leaves what the fit has come to
        since its first iteration. After any other error nothing is kept.
        """
        return self.is_from_outside(error) and self.has_something

    def is_from_outside(self, error: BaseException) -> bool:
        """Tell whether the fit itself is sound, but somebody wants it to end."""
        errors = [*self.task.errors, self.reports.error]
        return isinstance(error, KeyboardInterrupt) or any(error is one for one in errors)

    @property
    def has_something(self) -> bool:
        """Whether there is an outcome."""
        return self._kept is not None or (self._fit is not None and self._fit.has_iterations)

    def outcome(self) -> Outcome:
        """Return what there is so far: of the start under way, or else of those before."""
        fit = self._fit
        if fit is None or (self._kept is not None and not fit.has_iterations):
            assert self._kept is not None
            return self._kept
        return self._outcome_of(fit)

    def _outcome_of(self, fit: Fit) -> Outcome:
        outcome = fit.outcome(self._evaluate, self._thetas, self._null_cost_judged)
        n_evaluations = self._n_evaluations_before + outcome.n_evaluations
        return outcome._replace(n_evaluations=n_evaluations)

    def _evaluate(self, x: np.ndarray, reg_lambda: float) -> tuple[float, float]:
        J, _, norm = self._objective(x, reg_lambda)
        return J, norm

    def _thetas(self, x: np.ndarray) -> Thetas:
        vector = self.coordinates.thetas_from_x(x).astype(self.rows.dtype)
        vector.flags.writeable = False
        return Thetas(vector, self.network.shapes)

    def _seen_at(self, iteration: Iteration, fit: Fit) -> tuple[Iteration, Thetas, float]:
        return iteration, self._thetas(iteration.x), fit.reg_lambda


def _of_precision(error: NonFiniteError, dtype: np.dtype) -> NonFiniteError:
    """Return the error, which says so where a greater type might not have met it."""
    if dtype == np.float64:
        return error
    limit = f"the fit is computed in {dtype}, which holds no number above {np.finfo(dtype).max:.1e}"
    return NonFiniteError(f"{error} ({limit})")
