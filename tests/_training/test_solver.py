"""The one call of scipy.optimize.minimize, on functions that need no network."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import OptimizeResult, rosen, rosen_der

from skbackprop._machine.blas import single_threaded_blas
from skbackprop._parameters import SOLVERS as KNOWN_SOLVERS
from skbackprop._training.endings import Ending
from skbackprop._training.solver import Descent, Iteration, NonFiniteError

SOLVERS = list(KNOWN_SOLVERS)
CURVATURES = np.array([1.0, 4.0, 25.0, 100.0])
MINIMUM = np.array([1.0, -2.0, 0.5, 3.0])
START = np.array([0.5, 1.5, 0.7, 1.2])
REG_LAMBDA = 0.25


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

    def __init__(self, function, gradient_norm=max_norm):
        self.function, self.gradient_norm = function, gradient_norm

    def __call__(self, x, reg_lambda):
        assert reg_lambda == REG_LAMBDA
        cost, gradient = self.function(x)
        return cost, gradient, self.gradient_norm(gradient)


class Run(NamedTuple):
    """What a descent has come to, and what it showed on the way."""

    ending: Ending | BaseException
    seen: list[Iteration]
    n_evaluations: int

    @property
    def last(self):
        return self.seen[-1]

    @property
    def costs(self):
        return [iteration.cost for iteration in self.seen]


def make_descent(
    function, solver="lbfgs", options=None, *, gradient_norm=max_norm, tol=1e-6,
    hook=lambda iteration: None,
):  # fmt: skip
    """Return a descent, and the list of what it will show."""
    seen: list[Iteration] = []

    def see(iteration):
        seen.append(iteration)
        return hook(iteration)

    objective = Objective(function, gradient_norm)
    return Descent(objective, REG_LAMBDA, tol, see, solver, options or {}), seen


def run(
    function, solver="lbfgs", *, x0=START, max_iter=1000, options=None, catch=(), **of_the_descent
):
    """Minimize; an exception that is to be caught stands where the ending would be."""
    descent, seen = make_descent(function, solver, options, **of_the_descent)
    try:
        ending = descent.run(x0, max_iter)
    except catch as error:
        ending = error
    return Run(ending, seen, descent.n_evaluations)


@pytest.fixture(autouse=True)
def as_in_a_fit():
    with single_threaded_blas():
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


def assert_belongs_together(result, objective):
    """Every point, its cost and its gradient are of one accepted iteration."""
    assert [iteration.number for iteration in result.seen] == list(range(len(result.seen)))
    for iteration in result.seen:
        cost, gradient = objective(iteration.x)
        assert iteration.cost == cost
        assert iteration.gradient_norm == max_norm(gradient)
    np.testing.assert_array_equal(result.seen[0].x, START)


@pytest.mark.parametrize("objective", [quadratic, rosenbrock])
@pytest.mark.parametrize("solver", SOLVERS)
def test_converged(solver, objective):
    counted = Counted(objective)
    result = run(counted, solver)
    assert result.ending is Ending.CONVERGED
    assert result.last.gradient_norm <= 1e-6
    assert result.last.number > 3
    assert result.n_evaluations == counted.n > result.last.number
    expected = MINIMUM if objective is quadratic else np.ones(4)
    np.testing.assert_allclose(result.last.x, expected, atol=1e-5)
    assert_belongs_together(result, objective)


@pytest.mark.parametrize("solver", SOLVERS)
def test_tol_rules(solver):
    loose, strict = run(rosenbrock, solver, tol=1e-3), run(rosenbrock, solver, tol=1e-9)
    assert strict.last.gradient_norm <= 1e-9 < loose.last.gradient_norm <= 1e-3
    assert loose.last.number < strict.last.number
    assert loose.costs == strict.costs[: len(loose.costs)]


@pytest.mark.parametrize("at", [0, 6])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_norm_of_just_tol_has_converged(solver, at):
    norms = [iteration.gradient_norm for iteration in run(rosenbrock, solver).seen]
    tol = norms[at]
    assert at == norms.index(next(norm for norm in norms if norm <= tol))
    result = run(rosenbrock, solver, tol=tol)
    assert result.ending is Ending.CONVERGED
    assert (result.last.number, result.last.gradient_norm) == (at, tol)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_callers_norm_is_held_against_tol(solver):
    def norm(gradient):
        return 50 * max_norm(gradient)

    result = run(rosenbrock, solver, gradient_norm=norm, tol=1e-3)
    assert result.ending is Ending.CONVERGED
    assert result.last.gradient_norm == norm(rosenbrock(result.last.x)[1]) <= 1e-3
    assert result.costs == run(rosenbrock, solver, tol=1e-3 / 50).costs


@pytest.mark.parametrize("max_iter", [0, 1000])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_start_that_has_converged(solver, max_iter):
    start = MINIMUM + 1e-9
    result = run(quadratic, solver, x0=start, max_iter=max_iter)
    assert result.ending is Ending.CONVERGED
    assert result.n_evaluations == len(result.seen) == 1
    assert result.costs == [quadratic(start)[0]]
    np.testing.assert_array_equal(result.last.x, start)


@pytest.mark.parametrize("solver", SOLVERS)
def test_max_iter(solver):
    result = run(rosenbrock, solver, max_iter=7)
    assert result.ending is Ending.MAX_ITER
    assert result.last.number == 7
    assert_belongs_together(result, rosenbrock)


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_iteration_at_all_evaluates_the_start(solver):
    result = run(rosenbrock, solver, max_iter=0)
    assert result.ending is Ending.MAX_ITER
    assert result.n_evaluations == len(result.seen) == 1
    assert_belongs_together(result, rosenbrock)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_iteration_at_max_iter_may_converge(solver):
    n_iter = run(rosenbrock, solver).last.number
    result = run(rosenbrock, solver, max_iter=n_iter)
    assert (result.ending, result.last.number) == (Ending.CONVERGED, n_iter)
    assert run(rosenbrock, solver, max_iter=n_iter - 1).ending is Ending.MAX_ITER


def test_maxfun():
    result = run(rosenbrock, options={"maxfun": 10})
    assert result.ending is Ending.MAXFUN
    assert 10 <= result.n_evaluations < 20
    assert_belongs_together(result, rosenbrock)


def test_a_limit_that_is_just_reached_has_ended_nothing():
    """What has used up its evaluations, or all but one of its iterations, may end by itself."""
    by_itself = run(rosenbrock, options={"ftol": 1e-2})
    n = by_itself.n_evaluations
    for maxfun, ending in ((n, Ending.FTOL), (n - 1, Ending.MAXFUN)):
        result = run(rosenbrock, options={"ftol": 1e-2, "maxfun": maxfun})
        assert (result.ending, result.costs) == (ending, by_itself.costs)
    n_iter = by_itself.last.number
    for max_iter, ending in ((n_iter + 1, Ending.FTOL), (n_iter, Ending.MAX_ITER)):
        result = run(rosenbrock, options={"ftol": 1e-2}, max_iter=max_iter)
        assert (result.ending, result.costs) == (ending, by_itself.costs)


def test_maxls():
    result = run(rosenbrock, x0=np.full(4, 5.0), options={"maxls": 1}, tol=0.0)
    assert result.ending is Ending.MAXLS
    assert result.last.gradient_norm > 1e-3


def test_ftol():
    result = run(rosenbrock, options={"ftol": 1e-2})
    assert result.ending is Ending.FTOL
    before, after = result.costs[-2:]
    assert (before - after) <= 1e-2 * max(before, after, 1)
    assert_belongs_together(result, rosenbrock)


@pytest.mark.parametrize(("objective", "limit"), [(raised, 1e-3), (coarse, 1.0)])
@pytest.mark.parametrize("solver", SOLVERS)
def test_precision(solver, objective, limit):
    result = run(objective, solver, tol=0.0, max_iter=100_000)
    assert result.ending is Ending.PRECISION
    assert 0 < result.last.gradient_norm < limit
    assert_belongs_together(result, objective)


def test_options_reach_scipy():
    assert run(rosenbrock, options={"maxcor": 1}).costs != run(rosenbrock).costs
    cg = run(rosenbrock, "cg")
    assert run(rosenbrock, "cg", options={"c1": 1e-3, "c2": 0.01}).costs != cg.costs


@pytest.mark.parametrize("solver", SOLVERS)
def test_hook_sees_the_start_and_every_accepted_iteration_once(solver):
    result = run(rosenbrock, solver)
    # The points are copies: neither solver writes to them afterwards.
    assert_belongs_together(result, rosenbrock)
    assert all(after <= before for before, after in pairwise(result.costs))


def test_the_solver_may_go_on_working_in_a_point_that_it_gave():
    descent, seen = make_descent(rosenbrock)
    x = START.copy()
    descent.evaluate(x)
    x += 1
    descent.evaluate(x)
    descent.accept(OptimizeResult(x=x))
    x += 1
    descent.accept(OptimizeResult(x=x))
    for n, iteration in enumerate(seen):
        np.testing.assert_array_equal(iteration.x, START + n)
        assert (iteration.number, iteration.cost) == (n, rosenbrock(START + n)[0])
    assert len(seen) == descent.n_evaluations == 3


def test_a_line_search_may_go_back_to_an_earlier_point():
    descent, seen = make_descent(rosenbrock)
    for x in (START, START + 0.1, START + 0.2):
        descent.evaluate(x)
    descent.accept(OptimizeResult(x=START + 0.1))
    cost, gradient = rosenbrock(START + 0.1)
    np.testing.assert_array_equal(seen[-1].x, START + 0.1)
    assert (seen[-1].number, seen[-1].cost) == (1, cost)
    assert seen[-1].gradient_norm == max_norm(gradient)
    # That the point was evaluated once more is counted, too.
    assert descent.n_evaluations == 4
    np.testing.assert_array_equal(descent.gradient(START), rosenbrock(START)[1])
    assert (descent.n_evaluations, len(seen)) == (5, 2)


@pytest.mark.parametrize("wish", [Ending.CALLBACK, Ending.EARLY_STOPPING, Ending.STAGE])
@pytest.mark.parametrize("solver", SOLVERS)
def test_hook_ends_the_run(solver, wish):
    result = run(rosenbrock, solver, hook=lambda it: wish if it.number == 5 else None)
    assert (result.ending, result.last.number) == (wish, 5)
    assert_belongs_together(result, rosenbrock)


@pytest.mark.parametrize("max_iter", [0, 1000])
@pytest.mark.parametrize("solver", SOLVERS)
def test_hook_ends_the_run_at_the_start(solver, max_iter):
    result = run(rosenbrock, solver, max_iter=max_iter, hook=lambda iteration: Ending.CALLBACK)
    assert (result.ending, result.n_evaluations) == (Ending.CALLBACK, 1)


@pytest.mark.parametrize(
    ("wish", "ending"), [(Ending.STAGE, Ending.CONVERGED), (Ending.CALLBACK, Ending.CALLBACK)]
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_hook_that_stops_at_the_minimum(solver, wish, ending):
    # Who ends the whole fit is heard there, too: no other descent is to follow.
    result = run(rosenbrock, solver, hook=lambda it: wish if it.gradient_norm <= 1e-6 else None)
    assert result.ending is ending
    assert result.last.gradient_norm <= 1e-6


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), RuntimeError("full disk"), SystemExit(1)], ids=repr
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_exception_from_the_hook(solver, error):
    def hook(iteration):
        if iteration.number == 4:
            raise error

    result = run(rosenbrock, solver, hook=hook, catch=type(error))
    assert result.ending is error
    assert result.last.number == 4
    assert_belongs_together(result, rosenbrock)


@pytest.mark.parametrize("solver", SOLVERS)
def test_keyboard_interrupt_within_an_evaluation(solver):
    interrupt = KeyboardInterrupt()
    uninterrupted = run(rosenbrock, solver)
    for at in range(1, 20):
        interrupted = Counted(rosenbrock, at, raises(interrupt))
        result = run(interrupted, solver, catch=KeyboardInterrupt)
        assert result.ending is interrupt
        assert result.n_evaluations == at - 1
        assert result.costs == uninterrupted.costs[: len(result.costs)]
        assert bool(result.seen) == (at > 1)
        if result.seen:
            assert_belongs_together(result, rosenbrock)


@pytest.mark.parametrize("solver", SOLVERS)
def test_error_of_the_objective(solver):
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
