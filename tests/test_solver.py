"""The one call of scipy.optimize.minimize, on functions that need no network."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from skbackprop._blas import single_threaded_blas
from skbackprop._solver import SCIPY_METHODS, Iteration, NonFiniteError, solve

SOLVERS = list(SCIPY_METHODS)
CURVATURES = np.array([1.0, 4.0, 25.0, 100.0])
MINIMUM = np.array([1.0, -2.0, 0.5, 3.0])
START = np.array([0.5, 1.5, 0.7, 1.2])


def quadratic(x):
    difference = x - MINIMUM
    gradient = CURVATURES * difference
    return 0.5 * float(gradient @ difference), gradient


def rosenbrock(x):
    return float(rosen(x)), rosen_der(x)


def raised(x):
    """Rosenbrock's function, whose last decimals are lost."""
    return float(rosen(x)) + 1e3, rosen_der(x)


def coarse(x):
    """The same with the noise of float32."""
    return float(np.float32(rosen(x) + 1)), rosen_der(x).astype(np.float32).astype(float)


def max_norm(gradient):
    return float(np.abs(gradient).max())


class Objective:
    """A function with the norm of its gradient."""

    def __init__(self, function, gradient_norm):
        self.function, self.gradient_norm = function, gradient_norm

    def __call__(self, x):
        return self.function(x)


def run(function, solver="lbfgs", *, x0=START, gradient_norm=max_norm, **changes):
    parameters = {"max_iter": 1000, "tol": 1e-6, "options": {}, **changes}
    return solve(Objective(function, gradient_norm), x0, solver=solver, **parameters)


@pytest.fixture(autouse=True)
def as_in_a_fit():
    with single_threaded_blas:
        yield


class Counted:
    """An objective that counts, and can do something else at one evaluation."""

    def __init__(self, objective, at=None, do=None):
        self.objective, self.at, self.do = objective, at, do
        self.n = 0

    def __call__(self, x):
        self.n += 1
        return self.do() if self.n == self.at else self.objective(x)


def raises(error):
    def do(*_):
        raise error

    return do


def assert_belongs_together(solution, objective):
    """The point, its cost, its gradient and the history are of one accepted iteration."""
    last = solution.last
    cost, gradient = objective(last.x)
    assert last.cost == cost == solution.loss_curve[-1]
    assert last.gradient_norm == max_norm(gradient)
    assert len(solution.loss_curve) == last.number + 1
    assert solution.loss_curve[0] == objective(START)[0]


@pytest.mark.parametrize("objective", [quadratic, rosenbrock])
@pytest.mark.parametrize("solver", SOLVERS)
def test_converged(solver, objective):
    counted = Counted(objective)
    solution = run(counted, solver)
    assert solution.verdict == "converged"
    assert solution.interrupt is None
    assert solution.last.gradient_norm <= 1e-6
    assert solution.last.number > 3
    assert solution.n_evaluations == counted.n >= solution.last.n_evaluations
    expected = MINIMUM if objective is quadratic else np.ones(4)
    np.testing.assert_allclose(solution.last.x, expected, atol=1e-5)
    assert_belongs_together(solution, objective)


@pytest.mark.parametrize("solver", SOLVERS)
def test_tol_rules(solver):
    loose, strict = run(rosenbrock, solver, tol=1e-3), run(rosenbrock, solver, tol=1e-9)
    assert strict.last.gradient_norm <= 1e-9 < loose.last.gradient_norm <= 1e-3
    assert loose.last.number < strict.last.number
    assert loose.loss_curve == strict.loss_curve[: len(loose.loss_curve)]


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_callers_norm_is_held_against_tol(solver):
    def norm(gradient):
        return 50 * max_norm(gradient)

    solution = run(rosenbrock, solver, gradient_norm=norm, tol=1e-3)
    assert solution.verdict == "converged"
    assert solution.last.gradient_norm == norm(rosenbrock(solution.last.x)[1]) <= 1e-3
    by_max_norm = run(rosenbrock, solver, tol=1e-3 / 50)
    assert solution.loss_curve == by_max_norm.loss_curve


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_start_that_has_converged(solver):
    hooked = []
    start = MINIMUM + 1e-9
    solution = run(quadratic, solver, x0=start, on_iteration=hooked.append)
    assert solution.verdict == "converged"
    assert (solution.last.number, solution.n_evaluations) == (0, 1)
    assert solution.loss_curve == [solution.last.cost] == [quadratic(start)[0]]
    np.testing.assert_array_equal(solution.last.x, start)
    assert hooked == []


@pytest.mark.parametrize("solver", SOLVERS)
def test_max_iter(solver):
    solution = run(rosenbrock, solver, max_iter=7)
    assert solution.verdict == "max_iter"
    assert solution.last.number == 7
    assert_belongs_together(solution, rosenbrock)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_iteration_at_max_iter_may_converge(solver):
    n_iter = run(rosenbrock, solver).last.number
    solution = run(rosenbrock, solver, max_iter=n_iter)
    assert (solution.verdict, solution.last.number) == ("converged", n_iter)
    assert run(rosenbrock, solver, max_iter=n_iter - 1).verdict == "max_iter"


def test_maxfun():
    solution = run(rosenbrock, options={"maxfun": 10})
    assert solution.verdict == "maxfun"
    assert 10 <= solution.n_evaluations < 20
    assert_belongs_together(solution, rosenbrock)


def test_ftol():
    solution = run(rosenbrock, options={"ftol": 1e-2})
    assert solution.verdict == "ftol"
    before, after = solution.loss_curve[-2:]
    assert (before - after) <= 1e-2 * max(before, after, 1)
    assert_belongs_together(solution, rosenbrock)


@pytest.mark.parametrize(("objective", "limit"), [(raised, 1e-3), (coarse, 1.0)])
@pytest.mark.parametrize("solver", SOLVERS)
def test_precision(solver, objective, limit):
    solution = run(objective, solver, tol=0.0, max_iter=100_000)
    assert solution.verdict == "precision"
    assert 0 < solution.last.gradient_norm < limit
    assert_belongs_together(solution, objective)


def test_options_reach_scipy():
    assert run(rosenbrock, options={"maxcor": 1}).loss_curve != run(rosenbrock).loss_curve
    cg = run(rosenbrock, "cg")
    assert run(rosenbrock, "cg", options={"c1": 1e-3, "c2": 0.01}).loss_curve != cg.loss_curve


@pytest.mark.parametrize("solver", SOLVERS)
def test_hook_sees_every_accepted_iteration_once(solver):
    seen: list[Iteration] = []
    solution = run(rosenbrock, solver, on_iteration=seen.append)
    assert [iteration.number for iteration in seen] == list(range(1, solution.last.number + 1))
    assert [iteration.cost for iteration in seen] == solution.loss_curve[1:]
    # The points are copies: neither solver writes to them afterwards.
    assert [rosen(iteration.x) for iteration in seen] == solution.loss_curve[1:]
    norms = [iteration.gradient_norm for iteration in seen]
    assert norms == [max_norm(rosen_der(iteration.x)) for iteration in seen]
    assert all(a.n_evaluations < b.n_evaluations for a, b in pairwise(seen))
    assert all(0 < a.seconds <= b.seconds for a, b in pairwise(seen))
    assert all(b <= a for a, b in pairwise(solution.loss_curve))
    np.testing.assert_array_equal(seen[-1].x, solution.last.x)


@pytest.mark.parametrize("solver", SOLVERS)
def test_hook_stops_the_run(solver):
    solution = run(rosenbrock, solver, on_iteration=lambda iteration: iteration.number == 5)
    assert (solution.verdict, solution.last.number) == ("stopped", 5)
    assert solution.interrupt is None
    assert_belongs_together(solution, rosenbrock)


@pytest.mark.parametrize("solver", SOLVERS)
def test_hook_that_stops_at_the_minimum(solver):
    solution = run(rosenbrock, solver, on_iteration=lambda it: it.gradient_norm <= 1e-6)
    assert solution.verdict == "converged"


@pytest.mark.parametrize("solver", SOLVERS)
def test_stop_iteration_from_the_hook_is_a_stop(solver):
    def hook(iteration):
        if iteration.number == 5:
            raise StopIteration

    solution = run(rosenbrock, solver, on_iteration=hook)
    assert (solution.verdict, solution.last.number) == ("stopped", 5)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), RuntimeError("full disk"), SystemExit(1)], ids=repr
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_exception_from_the_hook(solver, error):
    seen = []

    def hook(iteration):
        seen.append(iteration)
        if iteration.number == 4:
            raise error

    solution = run(rosenbrock, solver, on_iteration=hook)
    assert solution.interrupt is error
    assert solution.verdict == "stopped"
    assert solution.last is seen[-1]
    assert solution.last.number == 4
    assert_belongs_together(solution, rosenbrock)


@pytest.mark.parametrize("solver", SOLVERS)
def test_keyboard_interrupt_within_an_evaluation(solver):
    interrupt = KeyboardInterrupt()
    uninterrupted = run(rosenbrock, solver)
    for at in range(2, 20):
        solution = run(Counted(rosenbrock, at, raises(interrupt)), solver)
        assert solution.interrupt is interrupt
        assert solution.n_evaluations == at - 1
        n = solution.last.number
        assert solution.loss_curve == uninterrupted.loss_curve[: n + 1]
        assert_belongs_together(solution, rosenbrock)


@pytest.mark.parametrize("solver", SOLVERS)
def test_keyboard_interrupt_before_there_is_a_point(solver):
    with pytest.raises(KeyboardInterrupt):
        run(Counted(rosenbrock, 1, raises(KeyboardInterrupt())), solver)


@pytest.mark.parametrize("solver", SOLVERS)
def test_error_of_the_objective_is_no_interrupt(solver):
    with pytest.raises(MemoryError, match="no buffer"):
        run(Counted(rosenbrock, 9, raises(MemoryError("no buffer"))), solver)


BAD_VALUES = {
    "cost-nan": (np.nan, np.zeros(4)),
    "cost-inf": (np.inf, np.zeros(4)),
    "gradient-nan": (1.0, np.array([0, 0, np.nan, 0])),
    "gradient-inf": (1.0, np.array([0, -np.inf, 0, 0])),
}


@pytest.mark.parametrize("value", BAD_VALUES.values(), ids=BAD_VALUES)
@pytest.mark.parametrize("at", [1, 6])
@pytest.mark.parametrize("solver", SOLVERS)
def test_non_finite(solver, at, value):
    with pytest.raises(NonFiniteError, match=f"non-finite.*evaluation {at}.*scale X") as caught:
        run(Counted(rosenbrock, at, lambda: value), solver)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("solver", SOLVERS)
def test_start_is_not_changed(solver):
    x0 = START.copy()
    run(rosenbrock, solver, x0=x0)
    np.testing.assert_array_equal(x0, START)
