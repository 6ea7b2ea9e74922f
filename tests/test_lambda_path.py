"""The lambda path: no fit is the prisoner of the one before; the grid's ends."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier
from skbackprop._blas import single_threaded_blas
from skbackprop._lambda_path import better_of, reg_lambda_grid, walk
from skbackprop._parameters import check_parameters
from skbackprop._problem import make_problem
from skbackprop._threads import rounding_in_silence
from skbackprop._training import is_null
from skbackprop._training_rows import training_rows

IRIS, SPECIES = load_iris(return_X_y=True)
WINE, CULTIVARS = load_wine(return_X_y=True)
PATH = [10.0, 1.0, 0.1, 1e-2, 1e-3]


def problem_of(X, y, hidden=8, **parameters):
    settings = check_parameters(BackpropClassifier(hidden, **parameters))
    rows = training_rows(X, y, None, None)
    return rows, make_problem(rows, settings, 0.0), settings


def walked(X, y, reg_lambdas, **parameters):
    rows, problem, settings = problem_of(X, y, **parameters)
    with single_threaded_blas, rounding_in_silence():
        steps = list(walk(rows, problem, settings, reg_lambdas, np.random.RandomState(0)))
    return steps, problem.null_cost(rows)


@pytest.mark.parametrize("hidden", [8, (8, 6)], ids=["one-hidden-layer", "two-hidden-layers"])
@pytest.mark.parametrize("data", ["iris", "wine", "digits"])
def test_a_path_from_a_collapsed_fit_leaves_the_null_cost_where_a_fresh_fit_does(hidden, data):
    load = {"iris": load_iris, "wine": load_wine, "digits": load_digits}[data]
    X, y = load(return_X_y=True)
    X, y = scale(X[::3]), y[::3]
    steps, null_cost = walked(X, y, PATH, hidden=hidden, max_iter=100)
    assert is_null(steps[0].training.solution.last.cost, null_cost)
    for reg_lambda, step in zip(PATH, steps, strict=True):
        fresh = BackpropClassifier(hidden, reg_lambda=reg_lambda, max_iter=100, random_state=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fresh.fit(X, y)
        if not is_null(fresh.loss_, null_cost):
            assert not is_null(step.training.solution.last.cost, null_cost)
    assert not is_null(steps[-1].training.solution.last.cost, null_cost)


@pytest.mark.parametrize(("coarse_start", "rtol"), [("auto", 1e-5), (False, 1e-12)])
def test_steps_speak_of_their_penalty(coarse_start, rtol):
    steps, _ = walked(scale(WINE), CULTIVARS, [1e-2, 1e-3], coarse_start=coarse_start)
    for reg_lambda, step in zip([1e-2, 1e-3], steps, strict=True):
        assert step.problem.reg_lambda == reg_lambda
        assert step.seconds > 0
        again = BackpropClassifier(
            8, reg_lambda=reg_lambda, thetas_init=step.training.thetas, tol=1.0
        ).fit(scale(WINE), CULTIVARS)
        np.testing.assert_allclose(again.loss_, step.training.solution.last.cost, rtol=rtol)


def test_a_path_goes_on_in_float64_where_float32_overflows():
    # Sums over the features reach 1e39: more than float32 holds, nothing to float64.
    huge = np.column_stack([IRIS, 1e37 * IRIS[:, 0]])
    steps, _ = walked(huge, SPECIES, [1e-2, 1e-3], activation="identity")
    assert [step.problem.reg_lambda for step in steps] == [1e-2, 1e-3]
    for step in steps:
        assert np.isfinite(step.training.kept.cost)
        assert step.training.thetas[0].dtype == np.float64


def test_units_do_not_become_copies_of_each_other():
    steps, _ = walked(scale(IRIS), SPECIES, [1e-2, 1e-3, 1e-4, 1e-5])
    weights = steps[-1].training.thetas[0]
    distances = np.linalg.norm(weights[:, np.newaxis] - weights, axis=2)
    assert distances[np.triu_indices(8, 1)].min() > 0.1


def test_the_refit_is_the_better_of_two():
    rows, problem, settings = problem_of(scale(WINE), CULTIVARS)
    problem = problem._replace(reg_lambda=1e-3)
    fresh = BackpropClassifier(8, reg_lambda=1e-3, random_state=0).fit(scale(WINE), CULTIVARS)
    better = BackpropClassifier(8, reg_lambda=1e-3, tol=1e-8, random_state=0)
    better.fit(scale(WINE), CULTIVARS)
    null = [np.zeros_like(Theta) for Theta in fresh.thetas_]

    def loss(starts):
        with single_threaded_blas, rounding_in_silence():
            random_state = np.random.RandomState(0)
            training = better_of(
                rows, problem, settings, starts, random_state, lambda how, training: None
            )
        return training.solution.last.cost

    assert loss([null]) == fresh.loss_
    assert loss([null, better.thetas_]) == better.loss_ < fresh.loss_


@pytest.mark.parametrize("activation", ["logistic", "tanh"])
def test_the_penalty_at_which_one_hidden_layer_collapses(activation):
    # A tenth of it is the strong end of the grid: ten times that is null, a third of it is not.
    X, y = scale(WINE), CULTIVARS
    rows, problem, settings = problem_of(X, y, activation=activation, tol=1e-7, max_iter=2000)
    strongest = reg_lambda_grid(rows, problem, 3)[0]
    null_cost = problem.null_cost(rows)
    for factor, collapsed in ((11, True), (9, False)):
        random_state = np.random.RandomState(0)
        with single_threaded_blas, rounding_in_silence():
            (step,) = walk(rows, problem, settings, [factor * strongest], random_state)
        cost = step.training.solution.last.cost
        assert (cost >= null_cost * (1 - 1e-6)) == collapsed


@pytest.mark.parametrize("hidden", [(), 3, (3, 2)])
@pytest.mark.parametrize("n_lambdas", [1, 2, 10])
def test_grids_go_from_strong_to_weak(hidden, n_lambdas):
    rows, problem, _ = problem_of(IRIS, SPECIES, hidden)
    grid = reg_lambda_grid(rows, problem, n_lambdas)
    assert grid.shape == (n_lambdas,)
    assert (grid > 0).all()
    assert (np.diff(grid) < 0).all()
    if n_lambdas > 2:
        np.testing.assert_allclose(np.diff(np.log(grid), n=2), 0, atol=1e-12)


@pytest.mark.parametrize("X", [np.zeros((20, 2)), np.array([[0, 0], [1, 1], [0, 1], [1, 0]] * 5)])
def test_features_that_say_nothing_one_by_one_have_a_wide_grid_too(X):
    y = np.array([0, 0, 1, 1] * 5)
    rows, problem, _ = problem_of(X, y)
    grid = reg_lambda_grid(rows, problem, 5)
    np.testing.assert_allclose(grid[[0, -1]], [1e-2, 1e-4])


@pytest.mark.parametrize(("activation", "factor"), [("logistic", 1), ("tanh", 4), ("relu", 4)])
@pytest.mark.parametrize("hidden", [3, (3, 2)])
def test_grids_end_at_a_tenth_of_auto(activation, factor, hidden):
    X = np.random.default_rng(0).normal(size=(4000, 2))
    rows, problem, _ = problem_of(X, X[:, 0] > 0, hidden, activation=activation)
    grid = reg_lambda_grid(rows, problem, 5)
    assert grid[0] >= factor * 1e-2
    np.testing.assert_allclose(grid[-1], factor * 0.1 / 4000)
