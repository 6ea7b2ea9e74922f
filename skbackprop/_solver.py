"""The one call of scipy.optimize.minimize: its tolerances, its history and the verdict.

Everything that wants to know how a fit goes hangs on one hook, called once per accepted
iteration: the history, a line of progress, a reason to stop.
"""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

# Only max |D| <= tol, checked here, ends a fit as converged, so scipy's own tests are off
# (gtol, too: scipy's gradient is in other coordinates). With scipy's ftol, a tol of 1e-8 and
# one of 1e-12 give the identical fit. No limit on evaluations but max_iter.
SCIPY_METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "lbfgs": ("L-BFGS-B", {"ftol": 0.0, "maxfun": 2**31 - 1}),
    "cg": ("CG", {}),
}


class Iteration(NamedTuple):
    """An accepted point of the minimization.

    Attributes
    ----------
    number : int
        Iterations so far; 0 is the start.
    x : ndarray
        The point.
    cost : float
        The objective there.
    gradient_norm : float
        The measure that is held against the tolerance.
    n_evaluations : int
        Evaluations of the objective so far.
    seconds : float
        Time since the start.
    """

    number: int
    x: NDArray
    cost: float
    gradient_norm: float
    n_evaluations: int
    seconds: float


class Solution(NamedTuple):
    """How a minimization ended.

    Attributes
    ----------
    last : Iteration
        The last accepted point.
    loss_curve : list of float
        The cost at the start and after each iteration.
    verdict : str
        "converged", "max_iter", "maxfun", "maxls", "ftol", "precision" or "stopped".
    n_evaluations : int
        Evaluations of the objective.
    interrupt : BaseException or None
        What came from the keyboard or from the hook; the caller stores, then raises it.
    """

    last: Iteration
    loss_curve: list[float]
    verdict: str
    n_evaluations: int
    interrupt: BaseException | None


class Objective(Protocol):
    """The function to minimize."""

    def __call__(self, x: NDArray, /) -> tuple[float, NDArray]:
        """Return cost and gradient, both float64, the gradient a fresh array."""
        ...

    def gradient_norm(self, gradient: NDArray, /) -> float:
        """Return what is held against tol, as a function of the gradient."""
        ...


class NonFiniteError(ValueError):
    """The cost or its gradient became infinite or NaN."""


# Named for what has happened, as StopIteration is: it ends a call early, and nothing is wrong.
class _ConvergedAtStart(Exception):  # noqa: N818
    """Ends a minimization that has nothing to do."""


class _Run:
    """What scipy calls: the objective, watched, and the callback."""

    def __init__(
        self,
        objective: Objective,
        tol: float,
        on_iteration: Callable[[Iteration], bool | None] | None,
    ) -> None:
        self.objective = objective
        self.tol = tol
        self.on_iteration = on_iteration
        self.started = time.perf_counter()
        self.n_evaluations = 0
        self.loss_curve: list[float] = []
        self.last: Iteration | None = None
        self.stop_asked = False
        self.hook_error: BaseException | None = None

    def evaluate(self, x: NDArray) -> tuple[float, NDArray]:
        cost, gradient = self.objective(x)
        self.n_evaluations += 1
        if not (math.isfinite(cost) and np.isfinite(gradient).all()):
            raise NonFiniteError(
                f"the cost or its gradient became non-finite (cost {cost}) at evaluation "
                f"{self.n_evaluations}: scale X, for instance with StandardScaler, or start "
                "from smaller Thetas, or decrease reg_lambda"
            )
        self._evaluated = x.copy(), cost, gradient
        if self.last is None:
            self._accept(x)
            if self._has_converged():
                raise _ConvergedAtStart
        return cost, gradient

    def callback(self, intermediate_result: OptimizeResult) -> None:
        self._accept(intermediate_result.x)
        assert self.last is not None
        try:
            if self.on_iteration is not None:
                self.stop_asked = bool(self.on_iteration(self.last))
        except StopIteration:
            self.stop_asked = True
        except BaseException as error:
            self.hook_error = error
            raise
        if self.stop_asked or self._has_converged():
            raise StopIteration

    def _has_converged(self) -> bool:
        return self.last is not None and self.last.gradient_norm <= self.tol

    def _accept(self, x: NDArray) -> None:
        # The accepted point is nearly always the one evaluated last; a line search may
        # also go back to an earlier one.
        if not np.array_equal(self._evaluated[0], x):
            self.evaluate(x)
        x, cost, gradient = self._evaluated
        number = 0 if self.last is None else self.last.number + 1
        norm, seconds = self.objective.gradient_norm(gradient), time.perf_counter() - self.started
        # The history first: an interrupt between the two lines leaves at most a value too many.
        self.loss_curve.append(cost)
        self.last = Iteration(number, x, cost, norm, self.n_evaluations, seconds)

    def verdict(self, result: OptimizeResult | None, options: dict[str, Any]) -> str:
        assert self.last is not None
        if self._has_converged():
            return "converged"
        if result is None or self.stop_asked:
            return "stopped"
        if self.last.number >= options["maxiter"]:
            return "max_iter"
        if self.n_evaluations >= options.get("maxfun", math.inf):
            return "maxfun"
        if result.status == 2 and "maxls" in options:
            return "maxls"
        # Where ftol is 0, it ends a fit only when the cost no longer changes at all.
        return "ftol" if result.status == 0 and options.get("ftol") else "precision"


def solve(
    objective: Objective,
    x0: NDArray,
    *,
    solver: str,
    max_iter: int,
    tol: float,
    options: dict[str, Any],
    on_iteration: Callable[[Iteration], bool | None] | None = None,
) -> Solution:
    """Minimize the objective from x0.

    Parameters
    ----------
    objective : Objective
        The gradient that it returns is a fresh array, since CG keeps the one that it is given.
    x0 : ndarray of float64
        The start.
    solver : {"lbfgs", "cg"}
        Key of `SCIPY_METHODS`.
    max_iter : int
        Limit on iterations.
    tol : float
        The minimization has converged at an accepted point where the gradient's norm is <= tol;
        the start is one.
    options : dict
        The user's options for scipy, checked.
    on_iteration : callable or None
        Called with each accepted `Iteration`; True stops the minimization.

    Returns
    -------
    Solution
        Where and how it ended. After an interrupt from the keyboard, or an exception from
        ``on_iteration``, `Solution.interrupt` holds it and the rest speaks of the last
        accepted point.

    Raises
    ------
    NonFiniteError
        If the cost or the gradient becomes infinite or NaN.
    """
    method, defaults = SCIPY_METHODS[solver]
    all_options = {**defaults, **options, "maxiter": max_iter, "gtol": 0.0}
    run = _Run(objective, tol, on_iteration)
    result = interrupt = None
    try:
        result = minimize(
            run.evaluate, x0, jac=True, method=method, callback=run.callback, options=all_options
        )
    except _ConvergedAtStart:
        pass
    except BaseException as error:
        if run.last is None or not (isinstance(error, KeyboardInterrupt) or run.hook_error):
            raise
        interrupt = error
    assert run.last is not None
    verdict = run.verdict(result, all_options)
    loss_curve = run.loss_curve[: run.last.number + 1]
    return Solution(run.last, loss_curve, verdict, run.n_evaluations, interrupt)


def solution_at(objective: Objective, x: NDArray, interrupt: BaseException) -> Solution:
    """Return the solution that x is, without an iteration.

    Parameters
    ----------
    objective : Objective
        As for `solve`.
    x : ndarray of float64
        The point.
    interrupt : BaseException
        What kept the minimization from beginning.
    """
    run = _Run(objective, -1.0, None)
    run.evaluate(x)
    assert run.last is not None
    return Solution(run.last, run.loss_curve, "stopped", run.n_evaluations, interrupt)
