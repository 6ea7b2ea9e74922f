"""The gradient checked as the course teaches it: D against the slopes of J."""

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.utils import check_random_state

from skbackprop._estimator import NetworkEstimator
from skbackprop._gradient import Problem, problem_of
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.shards import work_of_row
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._network.coordinates import centred_coordinates
from skbackprop._network.thetas import Shapes, Thetas, check_thetas, roll
from skbackprop._training.penalty import prior_reg_lambda

# Where the central difference of a smooth function of the order of 1 is best: its error, of the
# order of the step's square, is then as small as that of rounding, eps / step.
STEP = 1e-5
# Measured (four activations, five seeds each): right gradients stay below a hundredth of it where
# features are scaled, and below half of it where they are in thousands.
BOUND = 1e-6
# Roundings that a difference of two J may have seen: sums over the rows are taken in blocks.
ROUNDINGS = 16
# What rounding may make of a derivative, relative to what the rows give to it: the penalty's share
# would be right where that of back-propagation cannot be seen.
TOLD = 1e-3
# A step is at least so many units in the last place of its theta. Where that is too many of the
# steps above, the error of the difference, of the order of its square, may come near the bound.
LEAST_STEP, MOST_STEPS = 4, 10
# Multiply-adds that all evaluations together may take, some seconds, and what an evaluation of next
# to no rows takes; of each Theta at least so many components are looked at, whatever they take.
WORK, WORK_OF_CALL, LEAST_COMPONENTS = 1e10, 2e5, 10
# Components that are shown one by one.
MOST_SHOWN = 60


@dataclass(frozen=True, eq=False)
class GradientCheck:
    """What `check_gradient` has found; printed, a table.

    ``repr`` is the verdict in one line.

    Attributes
    ----------
    relative_errors : list of float
        For each Theta ``norm(D - numerical) / norm(D + numerical)``, over the components that were
        compared; NaN where none could be.
    worst : tuple of int
        ``(l, i, j)`` of the component where analytic and numerical derivative differ most:
        ``thetas_[l][i, j]``, with j = 0 for the bias.
    bound : float
        What a relative error must not exceed, besides what rounding of J explains.
    passed : bool
        Whether none does, and of each Theta some component could be compared.
    analytic : list of ndarray
        D from back-propagation, a matrix for each Theta.
    numerical : list of ndarray
        The central differences of J; NaN where none was taken, or it says nothing of D.
    cost : float
        J.
    n_compared : int
        How many components were compared.
    n_components : int
        How many there are.
    n_at_edges : int
        How many were left out since the step led across an edge of J, where a relu unit turns on.
    n_lost_in_rounding : int
        How many were left out since rounding of J hides what the rows give to the derivative: it is
        nearly zero, as of saturated units, or X is not scaled.
    is_wrong : bool
        Whether a relative error exceeds the bound; neither this nor ``passed`` where a Theta could
        not be compared.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor, check_gradient
    >>> X, y = [[0.0], [0.5], [1.0]], [1.0, 0.0, 2.0]
    >>> thetas = [[[0.5, -1.0]], [[0.25, 1.0]]]
    >>> regressor = BackpropRegressor(1, reg_lambda=0.1, thetas_init=thetas)
    >>> check_gradient(regressor, X, y).worst[0] in (0, 1)
    True
    """

    relative_errors: list[float]
    worst: tuple[int, int, int]
    bound: float
    passed: bool
    analytic: list[np.ndarray]
    numerical: list[np.ndarray]
    cost: float
    n_compared: int
    n_components: int
    n_at_edges: int
    n_lost_in_rounding: int
    is_wrong: bool

    def __repr__(self) -> str:
        """Return the verdict in one line."""
        errors = ", ".join(f"{error:.1e}" for error in self.relative_errors)
        return f"GradientCheck(passed={self.passed}, relative_errors=[{errors}])"

    def __str__(self) -> str:
        """Return the table."""
        return "\n".join([*self._components(), *self._verdict()])

    def _components(self) -> Iterator[str]:
        if not 0 < self.n_compared <= MOST_SHOWN:
            return
        yield f"{'component':<20} {'analytic':>14} {'numerical':>14} {'difference':>11}"
        for l, (D, slopes) in enumerate(zip(self.analytic, self.numerical, strict=True)):
            for i, j in np.argwhere(~np.isnan(slopes)):
                yield _line(l, i, j, D[i, j], slopes[i, j])
        yield ""

    def _verdict(self) -> Iterator[str]:
        for l, error in enumerate(self.relative_errors):
            if not math.isnan(error):
                yield f"relative error of thetas_[{l}]: {error:.1e}"
        if self.n_compared:
            l, i, j = self.worst
            analytic, numerical = self.analytic[l][i, j], self.numerical[l][i, j]
            yield (
                f"worst component: thetas_[{l}][{i}, {j}], analytic {analytic:.9f}, "
                f"numerical {numerical:.9f}"
            )
        n_drawn = self.n_compared + self.n_at_edges + self.n_lost_in_rounding
        if n_drawn < self.n_components:
            yield f"a random sample: {n_drawn} of {self.n_components} components were looked at"
        if self.n_at_edges:
            yield (
                f"{self.n_at_edges} left out: there the step leads across an edge of J, where a "
                "relu unit turns on"
            )
        if self.n_lost_in_rounding:
            yield (
                f"{self.n_lost_in_rounding} left out: there rounding of J hides what the rows give "
                "to D"
            )
        yield self._last_line()

    def _last_line(self) -> str:
        explained = "(and what rounding of J explains)"
        if self.passed:
            return f"passed: no relative error is greater than {self.bound:.0e} {explained}"
        if not self.is_wrong:
            unseen = [f"thetas_[{l}]" for l, e in enumerate(self.relative_errors) if math.isnan(e)]
            return (
                f"NOT CHECKED: of {', '.join(unseen)} no component could be compared: scale X, or "
                "take other Thetas"
            )
        return f"FAILED: a relative error is greater than {self.bound:.0e} {explained}"


def _line(l: int, i: int, j: int, analytic: float, numerical: float) -> str:
    name = f"thetas_[{l}][{i}, {j}]"
    return f"{name:<20} {analytic:14.9f} {numerical:14.9f} {analytic - numerical:11.1e}"


def check_gradient(
    estimator: NetworkEstimator, X: Any, y: Any, sample_weight: ArrayLike | None = None
) -> GradientCheck:
    """Check the gradient of back-propagation against numerical derivatives of the cost.

    For each component of each Theta, ``(J(theta + step) - J(theta - step)) / (2 step)`` is compared
    with D: the check that the course asks of whoever has written back-propagation. The step is
    1e-5, in the first layer divided by the size of the feature where that is greater than 1.
    All is computed in float64.

    A network of many components, or of many rows, is checked on a random sample of them (at least
    10 of each Theta), so that it takes seconds.

    Parameters
    ----------
    estimator : BackpropClassifier, BackpropRegressor, or one of their CV twins
        Checked at ``thetas_`` if it is fitted; else where a fit would start, at ``thetas_init`` or
        at random Thetas drawn by its ``random_state``, and with "prior" for a penalty that a fit
        would have to find. It is not changed.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        A few dozen rows are enough.
    y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_outputs)
        As `cost_and_gradient` takes it.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    Returns
    -------
    GradientCheck
        Printed, a table of all components where they are few, and the verdict.

    Raises
    ------
    ValueError
        As `cost_and_gradient`; or if J is not finite there.

    Notes
    -----
    A difference counts only beyond what rounding of J can make of it. Where that may be more than a
    thousandth of what the rows give to a derivative (D without the penalty), nothing can be told of
    it: where they give next to nothing, as saturated units and units that are off do, and where
    features are very large. Such components are left out, and counted; a Theta of which there are
    no others does not pass.

    With relu units J has edges, where it has two slopes: a step across one gives a slope between
    them. How far, is half the second difference of J over the step; components whose difference is
    explained by that are left out, and counted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skbackprop import BackpropClassifier, check_gradient
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = BackpropClassifier(3, activation="tanh", random_state=0)
    >>> check_gradient(classifier, scale(X), y).passed
    True
    """
    with single_threaded_blas(), rounding_in_silence():
        problem = problem_of(estimator, X, y, sample_weight)
        rows = problem.rows
        problem = problem._replace(rows=replace(rows, X=rows.X.astype(np.float64, copy=False)))
        if problem.reg_lambda is None:
            reg_lambda = prior_reg_lambda(problem.rows, problem.network)
            problem = problem._replace(reg_lambda=reg_lambda)
        theta = _start(problem).vector
        with problem.objective() as J_and_D:
            J, D = J_and_D(theta)
            if not (np.isfinite(J) and np.isfinite(D).all()):
                raise ValueError(f"J and D must be finite to be checked, got J = {J}: scale X")
            wanted, chosen = _steps(problem, theta), _chosen(problem)
            steps = np.maximum(wanted, LEAST_STEP * np.spacing(np.abs(theta)))
            slopes, asymmetries = _differences(lambda at: J_and_D(at)[0], J, theta, steps, chosen)
        # Sums over the rows are rounded, and the logits before them, as if theta had been.
        size = max(abs(J), 1.0) + float(np.abs(D * theta).sum())
        rounding = ROUNDINGS * np.finfo(np.float64).eps * size / steps
        rounding[steps > MOST_STEPS * wanted] = np.inf
        return _compare(J, D, slopes, asymmetries, rounding, _penalty(problem, theta), problem)


def _start(problem: Problem) -> Thetas:
    """Return the Thetas of the fit, or where one would start, in float64."""
    if problem.fitted is not None:
        return problem.fitted.astype(np.float64)
    network, rows, estimator = problem.network, problem.rows, problem.estimator
    if getattr(estimator, "thetas_init", None) is not None:
        return check_thetas("thetas_init", estimator.thetas_init, network.shapes)
    start = network.output.start(rows.target_means())
    coordinates = centred_coordinates(network, rows.mean(), start)
    random_state = estimator.random_state
    if isinstance(random_state, np.random.RandomState):
        random_state = deepcopy(random_state)  # to draw from it would change it
    random = network.random_thetas(check_random_state(random_state))
    return Thetas(coordinates.thetas_from_x(random.vector).copy(), network.shapes)


def _steps(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Return the step of each component: of great features, it moves their units as far."""
    greatest = abs(problem.rows.X).max(axis=0)
    greatest = greatest.toarray() if issparse(greatest) else np.asarray(greatest)
    steps = Thetas(np.full(theta.size, STEP), problem.network.shapes)
    steps.layers[0].weights[...] /= np.maximum(greatest.reshape(-1), 1)
    return steps.vector


def _penalty(problem: Problem, theta: np.ndarray) -> np.ndarray:
    """Return what the penalty gives to D."""
    penalty = Thetas((problem.reg_lambda or 0.0) * theta, problem.network.shapes)
    for layer in penalty.layers:
        layer.bias[...] = 0
    return penalty.vector


def _chosen(problem: Problem) -> np.ndarray:
    """Return positions, in the unrolled Thetas, of the components to compare."""
    shapes, rows = problem.network.shapes, problem.rows
    work = 3 * rows.n_rows * work_of_row(rows.X, shapes) + WORK_OF_CALL
    affordable = WORK / (2 * work)
    sizes = [s_out * columns for s_out, columns in shapes]
    rng, chosen, start = np.random.default_rng(0), [], 0
    for size in sizes:
        n = min(size, max(LEAST_COMPONENTS, int(affordable * size / sum(sizes))))
        chosen.append(start + np.sort(rng.choice(size, n, replace=False)))
        start += size
    return np.concatenate(chosen)


def _differences(
    cost: Callable[[np.ndarray], float],
    J: float,
    theta: np.ndarray,
    steps: np.ndarray,
    chosen: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return central differences of J, and by how much the slopes to either side differ from them.

    Both are NaN where none was asked for; a slope of costs that are not finite is infinite.
    """
    slopes, asymmetries = np.full((2, theta.size), np.nan)
    at = theta.copy()
    for p in chosen:
        at[p] = theta[p] + steps[p]
        above, upper = cost(at), at[p]
        at[p] = theta[p] - steps[p]
        below, lower = cost(at), at[p]
        at[p] = theta[p]
        slope = (above - below) / (upper - lower)  # the step as float64 has made it
        slopes[p] = np.inf if np.isnan(slope) else slope
        asymmetries[p] = abs(above - 2 * J + below) / (upper - lower)
    return slopes, asymmetries


def _compare(
    J: float,
    D: np.ndarray,
    slopes: np.ndarray,
    asymmetries: np.ndarray,
    rounding: np.ndarray,
    penalty: np.ndarray,
    problem: Problem,
) -> GradientCheck:
    shapes, is_drawn = problem.network.shapes, ~np.isnan(slopes)
    of_rows = np.maximum(np.abs(D - penalty), np.abs(slopes - penalty))
    is_told = np.isfinite(slopes) & (rounding <= TOLD * of_rows)
    difference = np.abs(D - slopes)
    is_at_edge = np.zeros(D.size, bool)
    if problem.network.has_edges:
        is_off = difference > BOUND * np.abs(D + slopes) + rounding
        is_at_edge = is_told & is_off & (difference <= 1.01 * asymmetries + rounding)
    is_compared = is_told & ~is_at_edge
    slopes = np.where(is_compared, slopes, np.nan)
    errors, is_wrong = [], False
    parts = (roll(a, shapes) for a in (D, slopes, rounding))
    for of_D, of_slopes, of_rounding in zip(*parts, strict=True):
        error, allowed = _relative_error(of_D, of_slopes, of_rounding)
        errors.append(error)
        is_wrong = is_wrong or error > allowed
    worst = int(np.argmax(np.where(is_compared, difference, -1.0)))
    return GradientCheck(
        relative_errors=errors,
        worst=_place(worst, shapes),
        bound=BOUND,
        passed=not (is_wrong or np.isnan(errors).any()),
        analytic=roll(D, shapes),
        numerical=roll(slopes, shapes),
        cost=J,
        n_compared=int(is_compared.sum()),
        n_components=D.size,
        n_at_edges=int(is_at_edge.sum()),
        n_lost_in_rounding=int((is_drawn & ~is_told).sum()),
        is_wrong=is_wrong,
    )


def _relative_error(D: np.ndarray, slopes: np.ndarray, rounding: np.ndarray) -> tuple[float, float]:
    """Return the relative error of a Theta, and what it may be; NaN where nothing is compared."""
    is_compared = ~np.isnan(slopes)
    if not is_compared.any():
        return np.nan, np.nan
    D, slopes, rounding = D[is_compared], slopes[is_compared], rounding[is_compared]
    unit = max(np.abs(D).max(), np.abs(slopes).max())  # squares of great numbers would overflow
    off, total = np.linalg.norm(D / unit - slopes / unit), np.linalg.norm(D / unit + slopes / unit)
    if total == 0:
        return math.inf, BOUND
    return float(off / total), float(BOUND + np.linalg.norm(rounding / unit) / total)


def _place(position: int, shapes: Shapes) -> tuple[int, int, int]:
    """Return the Theta, the row and the column of a component of the unrolled Thetas."""
    for l, (s_out, columns) in enumerate(shapes):
        if position < s_out * columns:
            return l, position // columns, position % columns
        position -= s_out * columns
    raise IndexError(position)
