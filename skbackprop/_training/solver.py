"""The one call of scipy.optimize.minimize: its tolerances, what it accepts and how it ends."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from skbackprop._parameters import SOLVERS
from skbackprop._training.endings import Ending


class Iteration(NamedTuple):
    """An accepted point of a descent.

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
    """

    number: int
    x: np.ndarray
    cost: float
    gradient_norm: float


class Objective(Protocol):
    """The function to minimize."""

    def __call__(self, x: np.ndarray, reg_lambda: float, /) -> tuple[float, np.ndarray, float]:
        """Return cost, gradient, both float64, and the gradient's norm, which is held against tol.

        The gradient is a fresh array, and its norm is finite only where it is.
        """
        ...


class NonFiniteError(ValueError):
    """The cost or its gradient became infinite or NaN."""


# Named for what has happened, as StopIteration is: it ends a call early, and nothing is wrong.
class _EndedAtStart(Exception):  # noqa: N818
    """Ends a minimization that has nothing to do."""


class Descent:
    """One minimization, live: what scipy calls, and what it has come to.

    Parameters
    ----------
    objective : Objective
        The gradient that it returns is a fresh array, since CG keeps the one that it is given.
    reg_lambda : float
        The penalty.
    tol : float
        The descent has converged at an accepted point where the gradient's norm is <= tol; the
        start is one.
    on_iteration : callable
        Called with each accepted `Iteration`, the start too; returns an ending to end with, or
        None.
    solver : {"lbfgs", "cg"}
        Key of `SOLVERS`.
    options : dict
        The user's options for scipy, checked.

    Attributes
    ----------
    n_evaluations : int
        Evaluations of the objective so far.
    """

    def __init__(
        self,
        objective: Objective,
        reg_lambda: float,
        tol: float,
        on_iteration: Callable[[Iteration], Ending | None],
        solver: str,
        options: dict[str, Any],
    ) -> None:
        self.objective, self.reg_lambda, self.tol = objective, reg_lambda, tol
        self.on_iteration = on_iteration
        self.solver, self.options = solver, options
        self.n_evaluations = 0
        self._n_accepted = 0
        self._ending: Ending | None = None

    def run(self, x0: np.ndarray, max_iter: int) -> Ending:
        """Minimize the objective from x0.

        Parameters
        ----------
        x0 : ndarray of float64
            The start.
        max_iter : int
            Limit on iterations; 0 evaluates the start.

        Returns
        -------
        Ending

        Raises
        ------
        NonFiniteError
            If the cost or the gradient becomes infinite or NaN.
        """
        # Only max |D| <= tol, checked here, ends a descent as converged, so scipy's own tests are
        # off: its gradient is in other coordinates, and with its ftol, a tol of 1e-8 and one of
        # 1e-12 give the identical fit.
        method, defaults = SOLVERS[self.solver].method, SOLVERS[self.solver].defaults
        all_options = {**defaults, **self.options, "maxiter": max_iter, "gtol": 0.0}
        try:
            if max_iter == 0:
                self.evaluate(x0)
                return self._ending or Ending.MAX_ITER
            result = minimize(
                self.evaluate, x0, jac=self.gradient, method=method, callback=self.accept,
                options=all_options,
            )  # fmt: skip
        except _EndedAtStart:
            assert self._ending is not None
            return self._ending
        return self._ending or self._ending_of(result, all_options)

    def evaluate(self, x: np.ndarray) -> float:
        """Evaluate cost and gradient, and return the cost; the first point is accepted as it is."""
        cost, gradient, norm = self.objective(x, self.reg_lambda)
        self.n_evaluations += 1
        if not (math.isfinite(cost) and math.isfinite(norm)):
            raise NonFiniteError(
                f"the cost or its gradient became non-finite (cost {cost}) at evaluation "
                f"{self.n_evaluations}: scale X, for instance with StandardScaler, or start "
                "from smaller Thetas, or decrease reg_lambda"
            )
        # The solver goes on working in x.
        self._evaluated = x.copy(), cost, gradient, norm
        if self._n_accepted == 0:
            self._accept_evaluated()
            if self._ending is not None:
                raise _EndedAtStart
        return cost

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient, which was evaluated with the cost."""
        self._be_at(x)
        return self._evaluated[2]

    def accept(self, intermediate_result: OptimizeResult) -> None:
        """Look at an accepted point: scipy's callback."""
        self._be_at(intermediate_result.x)
        self._accept_evaluated()
        if self._ending is not None:
            raise StopIteration

    def _be_at(self, x: np.ndarray) -> None:
        """Evaluate a point, unless it was the last: a line search may go back to an earlier one."""
        if (self._evaluated[0] != x).any():
            self.evaluate(x)

    def _accept_evaluated(self) -> None:
        x, cost, _, norm = self._evaluated
        iteration = Iteration(self._n_accepted, x, cost, norm)
        self._n_accepted += 1
        wish = self.on_iteration(iteration)
        # Where somebody ends the whole fit, no stage or start may follow this descent.
        is_final = wish is not None and wish.is_of_the_whole_fit and wish is not Ending.FLAT
        self._ending = Ending.CONVERGED if norm <= self.tol and not is_final else wish

    def _ending_of(self, result: OptimizeResult, options: dict[str, Any]) -> Ending:
        """Return why scipy itself has ended."""
        if self._n_accepted > options["maxiter"]:
            return Ending.MAX_ITER
        if self.n_evaluations > options.get("maxfun", math.inf):
            return Ending.MAXFUN
        if result.status == 2 and "maxls" in options:
            return Ending.MAXLS
        # Where ftol is 0, it ends a fit only when the cost no longer changes at all.
        has_ftol = result.status == 0 and options.get("ftol")
        return Ending.FTOL if has_ftol else Ending.PRECISION
