"""The penalty that "prior" is, and where a grid of penalties begins and ends."""

import numpy as np
import pytest
from class_rows import rows_of_fit
from sklearn.datasets import load_iris, load_wine
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._model import network_for
from skbackprop._parameters import check_parameters
from skbackprop._training.penalty import prior_reg_lambda, reg_lambda_grid
from skbackprop._training.training import Training

IRIS, SPECIES = load_iris(return_X_y=True)
WINE, CULTIVARS = load_wine(return_X_y=True)
# By how many times less tanh and relu units feel a penalty than logistic ones.
factors = pytest.mark.parametrize(
    ("activation", "factor"), [("logistic", 1), ("tanh", 4), ("relu", 4)]
)


def problem_of(X, y, hidden=8, w=None, **parameters):
    parameters = {"activation": "logistic", **parameters}
    settings = check_parameters(BackpropClassifier(hidden, **parameters))
    rows = rows_of_fit(X, y, w, None)
    return rows, network_for(settings, rows), settings


def two_features(n_rows):
    return np.random.default_rng(0).normal(size=(n_rows, 2))


@factors
@pytest.mark.parametrize("hidden", [3, (3, 2)])
def test_prior_is_one_row_of_all_and_no_more_than_a_thousandth(activation, factor, hidden):
    for n_rows, prior in ((4000, 1 / 4000), (100, 1e-3)):
        X = two_features(n_rows)
        rows, network, _ = problem_of(X, X[:, 0] > 0, hidden, activation=activation)
        assert prior_reg_lambda(rows, network) == pytest.approx(factor * prior)


@pytest.mark.parametrize(
    ("weight", "prior"), [(5.0, 1 / 10_000), (0.5, 1 / 2000), (1 / 2000, 1 / 2000)]
)
def test_weights_that_add_up_to_less_than_the_rows_are_no_fewer_rows(weight, prior):
    X = two_features(2000)
    rows, network, _ = problem_of(X, X[:, 0] > 0, w=np.full(2000, weight))
    assert prior_reg_lambda(rows, network) == pytest.approx(prior)


def test_where_units_differ_those_that_feel_it_most_count():
    X = two_features(4000)
    rows, network, _ = problem_of(X, X[:, 0] > 0, (3, 2), activation=("tanh", "logistic"))
    assert prior_reg_lambda(rows, network) == pytest.approx(1 / 4000)


@pytest.mark.parametrize("activation", ["logistic", "tanh"])
def test_the_penalty_at_which_one_hidden_layer_collapses(activation):
    # Half of it is the strong end of the grid.
    rows, network, settings = problem_of(
        scale(WINE), CULTIVARS, activation=activation, tol=1e-7, max_iter=2000
    )
    strongest = reg_lambda_grid(rows, network, 3)[0]
    with (
        single_threaded_blas(),
        rounding_in_silence(),
        Training(rows, network, settings, np.random.RandomState(0)) as training,
    ):
        for factor, collapsed in ((2.2, True), (1.8, False)):
            outcome = training.fit(training.random_start(), factor * strongest)
            assert (outcome.loss >= outcome.null_cost * (1 - 1e-6)) == collapsed


@pytest.mark.parametrize("hidden", [(), 3, (3, 2)])
@pytest.mark.parametrize("n_lambdas", [1, 2, 10])
def test_grids_go_from_strong_to_weak(hidden, n_lambdas):
    rows, network, _ = problem_of(IRIS, SPECIES, hidden)
    grid = reg_lambda_grid(rows, network, n_lambdas)
    assert grid.shape == (n_lambdas,)
    assert (grid > 0).all()
    assert (np.diff(grid) < 0).all()
    if n_lambdas > 2:
        np.testing.assert_allclose(np.diff(np.log(grid), n=2), 0, atol=1e-12)


@pytest.mark.parametrize("X", [np.zeros((20, 2)), np.array([[0, 0], [1, 1], [0, 1], [1, 0]] * 5)])
def test_features_that_say_nothing_one_by_one_have_a_wide_grid_too(X):
    y = np.array([0, 0, 1, 1] * 5)
    rows, network, _ = problem_of(X, y)
    grid = reg_lambda_grid(rows, network, 5)
    np.testing.assert_allclose(grid[[0, -1]], [1e-2, 1e-5])


@factors
@pytest.mark.parametrize("hidden", [3, (3, 2)])
def test_grids_end_at_a_hundredth_of_prior(activation, factor, hidden):
    X = two_features(4000)
    rows, network, _ = problem_of(X, X[:, 0] > 0, hidden, activation=activation)
    grid = reg_lambda_grid(rows, network, 5)
    assert grid[0] >= factor * 1e-2
    np.testing.assert_allclose(grid[-1], factor * 0.01 / 4000)


def test_without_hidden_units_the_grid_is_that_of_logistic_units():
    X = two_features(4000)
    rows, network, _ = problem_of(X, X[:, 0] > 0, ())
    np.testing.assert_allclose(reg_lambda_grid(rows, network, 5)[[0, -1]], [1e-2, 0.01 / 4000])
