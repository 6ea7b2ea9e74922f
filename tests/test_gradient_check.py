"""The check of the gradient: it passes what is right, and finds what is wrong."""

import pickle
import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import skbackprop._gradient_check
from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
    check_gradient,
    cost_and_gradient,
)
from skbackprop._network.activations import ACTIVATIONS
from skbackprop._network.network import Network
from skbackprop._network.objective import Objective
from skbackprop._network.outputs import IdentityUnits, SoftmaxUnits

X, SPECIES = load_iris(return_X_y=True)
X = scale(X)
NUMBERS = X[:, 0] * X[:, 1]
CLASSIFIER = BackpropClassifier(4, activation="tanh", reg_lambda=0.1, random_state=0)
REGRESSOR = BackpropRegressor(4, activation="tanh", reg_lambda=0.1, random_state=0)
CASES = {
    "classes": (CLASSIFIER, SPECIES),
    "binary": (CLASSIFIER, SPECIES == 1),
    "labels": (CLASSIFIER, np.eye(3, dtype=int)[SPECIES]),
    "one against rest": (clone(CLASSIFIER).set_params(out_activation="logistic"), SPECIES),
    "balanced": (clone(CLASSIFIER).set_params(class_weight="balanced"), SPECIES),
    "deep": (BackpropClassifier((4, 3, 3), activation=["relu", "tanh", "logistic"]), SPECIES),
    "no hidden layer": (BackpropClassifier(()), SPECIES),
    "numbers": (REGRESSOR, NUMBERS),
    "columns": (REGRESSOR, np.c_[NUMBERS, X[:, 2]]),
    "counts": (BackpropRegressor(4, loss="poisson"), SPECIES),
    "search": (BackpropClassifierCV(4, random_state=0), SPECIES),
    "numbers search": (BackpropRegressorCV(4, random_state=0), NUMBERS),
}
every_case = pytest.mark.parametrize(("estimator", "y"), CASES.values(), ids=CASES)


@every_case
@pytest.mark.parametrize("container", [np.asarray, csr_array, np.float32])
def test_the_gradient_is_right(estimator, y, container):
    estimator = clone(estimator).set_params(random_state=1)
    before = pickle.dumps(estimator)
    w = np.random.default_rng(0).uniform(size=150)
    check = check_gradient(estimator, container(X), y, sample_weight=w)
    assert check.passed
    assert max(check.relative_errors) < 1e-7
    assert check.n_compared + check.n_at_edges == check.n_components
    assert pickle.dumps(estimator) == before


@every_case
def test_at_the_fitted_thetas(estimator, y):
    estimator = clone(estimator).set_params(random_state=0, tol=0.01)
    if hasattr(estimator, "cv"):
        estimator.set_params(cv=2, reg_lambdas=2)
    fitted = estimator.fit(X, y)
    check = check_gradient(fitted, X, y)
    assert check.passed
    J, D = cost_and_gradient(fitted, X, y)
    assert check.cost == J
    for analytic, D_l in zip(check.analytic, D, strict=True):
        np.testing.assert_array_equal(analytic, D_l)


def test_at_a_minimum_rounding_is_no_fault(monkeypatch):
    fitted = clone(CLASSIFIER).set_params(tol=1e-8, max_iter=5000).fit(X, SPECIES)
    assert fitted.converged_
    check = check_gradient(fitted, X, SPECIES)
    assert max(check.relative_errors) > check.bound
    assert check.passed
    half_more_in_the_first_layer(monkeypatch)
    assert not check_gradient(fitted, X, SPECIES).passed


def test_of_units_that_are_off_there_is_nothing_to_be_told():
    thetas = [np.c_[np.full(4, -99.0), np.ones((4, 4))], np.eye(3, 5)]
    check = check_gradient(BackpropClassifier(4, thetas_init=thetas, reg_lambda=0.1), X, SPECIES)
    assert not check.passed
    assert check.n_lost_in_rounding > 20
    assert "NOT CHECKED: of thetas_[0] no component could be compared" in str(check)
    assert "or take other Thetas" in str(check)


def test_where_nothing_can_be_told_there_is_no_worst():
    check = check_gradient(BackpropRegressor((), random_state=0), 1e100 * X, NUMBERS)
    assert (check.passed, check.n_compared) == (False, 0)
    assert "worst" not in str(check)
    assert "component  " not in str(check)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu"])
@pytest.mark.parametrize("scale_of_x", [1e6, 1e9, 1e12, 1e14, 1e200])
@pytest.mark.parametrize("fault", [None, "first layer"])
def test_features_so_large_that_nothing_can_be_told(monkeypatch, activation, scale_of_x, fault):
    if fault:
        half_more_in_the_first_layer(monkeypatch)
    estimator = BackpropClassifier(5, activation=activation, random_state=0)
    check = check_gradient(estimator, X * scale_of_x + scale_of_x, SPECIES)
    assert not check.passed
    assert np.isnan(check.relative_errors[0])
    assert check.relative_errors[1] < check.bound
    assert np.isnan(check.numerical[0]).all()
    left_out = check.n_at_edges + check.n_lost_in_rounding
    assert left_out == np.isnan(np.concatenate([s.ravel() for s in check.numerical])).sum()
    lines = str(check).splitlines()
    assert lines[-1].startswith("NOT CHECKED: of thetas_[0] no component could be compared: scale")
    assert f"{check.n_lost_in_rounding} left out: there rounding of J hides" in str(check)
    assert "random sample" not in str(check)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_one_feature_of_another_size_hides_no_fault(monkeypatch, activation):
    seconds = 1.7e9 + np.random.default_rng(0).integers(0, 3e7, 150)
    estimator = BackpropClassifier(5, activation=activation, random_state=0)
    half_more_in_the_first_layer(monkeypatch)
    assert not check_gradient(estimator, np.c_[X, seconds], SPECIES).passed


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_features_that_are_not_scaled(activation):
    for seed in range(3):
        estimator = BackpropRegressor((6, 4), activation=activation, random_state=seed)
        assert check_gradient(estimator, 1000 * X, NUMBERS).passed


@pytest.mark.parametrize("seed", range(8))
def test_edges_are_left_out_and_counted(seed):
    # Without biases, and rows at 0, many units are just about to turn on.
    rng = np.random.default_rng(seed)
    thetas = [np.c_[np.zeros(6), rng.normal(size=(6, 4))], rng.normal(size=(3, 7))]
    zeros = np.where(rng.random((60, 1)) < 0.3, 0.0, X[:60])
    y = rng.permutation(np.arange(60) % 3)
    estimator = BackpropClassifier(6, reg_lambda=0.1, thetas_init=thetas)
    check = check_gradient(estimator, zeros, y)
    assert check.passed
    assert check.n_at_edges > 0
    assert np.isnan(check.numerical[0]).sum() == check.n_at_edges
    assert f"{check.n_at_edges} left out: there the step leads across an edge" in str(check)


def too_great_a_delta(monkeypatch, factor=1.001):
    """Every delta of the output layer is off, where the cost is not."""
    for units in (SoftmaxUnits, IdentityUnits):
        real = units.cost_and_delta

        def wrong(self, z, y, w, real=real):
            cost, delta = real(self, z, y, w)
            delta *= factor
            return cost, delta

        monkeypatch.setattr(units, "cost_and_delta", wrong)


def half_more_in_the_first_layer(monkeypatch):
    real = Network.cost_and_gradient

    def wrong(self, thetas, block, workspace, Delta):
        cost = real(self, thetas, block, workspace, Delta)
        Delta.layers[0].matrix[...] *= 1.5
        return cost

    monkeypatch.setattr(Network, "cost_and_gradient", wrong)


def no_derivative_of_g(monkeypatch):
    for name, units in ACTIVATIONS.items():
        forgotten = units._replace(multiply_by_derivative=lambda delta, a: None)
        monkeypatch.setitem(ACTIVATIONS, name, forgotten)


def penalised_biases(monkeypatch):
    real = Objective.__call__

    def wrong(self, x, reg_lambda):
        J, D, norm = real(self, x, reg_lambda)
        return J, D + reg_lambda * (1 - self._penalised) * x, norm

    monkeypatch.setattr(Objective, "__call__", wrong)


def a_row_too_few(monkeypatch):
    real = Network.cost_and_gradient

    def wrong(self, thetas, block, workspace, Delta):
        cost = real(self, thetas, block, workspace, Delta)
        Delta.layers[0].matrix[...] *= 1 - 1 / block.X.shape[0]
        return cost

    monkeypatch.setattr(Network, "cost_and_gradient", wrong)


def one_component(monkeypatch):
    real = Network.cost_and_gradient

    def wrong(self, thetas, block, workspace, Delta):
        cost = real(self, thetas, block, workspace, Delta)
        Delta.layers[1].matrix[1, 2] += 0.1
        return cost

    monkeypatch.setattr(Network, "cost_and_gradient", wrong)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(("estimator", "y"), [(CLASSIFIER, SPECIES), (REGRESSOR, np.c_[X, X])])
@pytest.mark.parametrize(
    "fault",
    [too_great_a_delta, no_derivative_of_g, penalised_biases, a_row_too_few, one_component],
)
def test_a_wrong_gradient_is_found(monkeypatch, fault, estimator, y, activation):
    estimator = clone(estimator).set_params(activation=activation)
    n_outputs = 3 if np.ndim(y) == 1 else y.shape[1]
    rng = np.random.default_rng(0)
    thetas = [rng.normal(size=(4, 5)), rng.normal(size=(n_outputs, 5))]
    estimator.set_params(thetas_init=thetas)
    assert check_gradient(estimator, X, y).passed
    fault(monkeypatch)
    check = check_gradient(estimator, X, y)
    assert not check.passed
    assert max(check.relative_errors) > check.bound
    assert "FAILED" in str(check)
    if fault is one_component:
        assert check.worst == (1, 1, 2)
        assert check.relative_errors[0] < check.bound < check.relative_errors[1]


def test_a_table_that_a_student_can_read():
    thetas = [[[0.1, 0.5], [0.2, -0.5]], [[0.0, 1.0, -1.0]]]
    estimator = BackpropClassifier(
        2, activation="tanh", reg_lambda=0.1, thetas_init=[np.array(Theta) for Theta in thetas]
    )
    check = check_gradient(estimator, [[0.0], [1.0], [2.0]], [0, 1, 1])
    lines = str(check).splitlines()
    assert lines[0].split() == ["component", "analytic", "numerical", "difference"]
    names = [f"thetas_[0][{i}, {j}]" for i in (0, 1) for j in (0, 1)]
    names += [f"thetas_[1][0, {j}]" for j in range(3)]
    D = np.concatenate([D_l.ravel() for D_l in check.analytic])
    for line, name, D_ij in zip(lines[1:8], names, D, strict=True):
        assert line.startswith(name)
        analytic, numerical, difference = map(float, line[len(name) :].split())
        assert abs(analytic - D_ij) < 1e-9
        assert abs(numerical - D_ij) < 1e-8
        assert abs(difference) < 1e-8
    assert "passed: no relative error is greater than 1e-06" in lines[-1]
    assert "random sample" not in str(check)
    assert repr(check).startswith("GradientCheck(passed=True, relative_errors=[")


def test_of_a_large_network_a_sample_is_compared(monkeypatch):
    monkeypatch.setattr(skbackprop._gradient_check, "WORK", 1e8)
    digits, y = load_digits(return_X_y=True)
    digits += np.random.default_rng(0).random(digits.shape)  # of a blank pixel there is no D
    check = check_gradient(BackpropClassifier((40, 20), random_state=0), digits, y)
    assert check.passed
    n_drawn = check.n_compared + check.n_at_edges + check.n_lost_in_rounding
    assert 30 <= n_drawn < 60
    assert check.n_components == 40 * 65 + 20 * 41 + 10 * 21
    assert all((~np.isnan(slopes)).sum() >= 9 for slopes in check.numerical)
    assert f"a random sample: {n_drawn} of {check.n_components}" in str(check)
    assert str(check).startswith("component")


def test_many_components_are_not_shown_one_by_one():
    check = check_gradient(BackpropClassifier(20, random_state=0), X, SPECIES)
    assert check.n_compared + check.n_at_edges == check.n_components == 20 * 5 + 3 * 21
    assert str(check).startswith("relative error of thetas_[0]: ")
    assert "random sample" not in str(check)


def test_where_a_fit_would_start():
    random_state = np.random.RandomState(3)
    estimator = clone(CLASSIFIER).set_params(random_state=random_state)
    check = check_gradient(estimator, X, SPECIES)
    assert check.cost == check_gradient(estimator, X, SPECIES).cost
    fitted = estimator.set_params(max_iter=1, activation="logistic")
    check = check_gradient(fitted, X, SPECIES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(X, SPECIES)
    assert check.cost == pytest.approx(fitted.loss_curve_[0], rel=1e-12)


def test_a_cost_that_is_not_finite_can_not_be_checked():
    thetas = [np.full((4, 5), 1e200), np.full((1, 5), 1e200)]
    estimator = clone(REGRESSOR).set_params(activation="identity", thetas_init=thetas)
    with pytest.raises(ValueError, match="must be finite to be checked"):
        check_gradient(estimator, X, NUMBERS)


def test_errors_are_those_of_the_gradient():
    with pytest.raises(ValueError, match="estimator must be a Backprop"):
        check_gradient(object(), X, SPECIES)
    with pytest.raises(ValueError, match="sample_weight must not be negative"):
        check_gradient(CLASSIFIER, X, SPECIES, -np.ones(150))
