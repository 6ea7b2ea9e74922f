"""Oracles from outside: solutions of linear models, scikit-learn's own loss and gradient."""

from inspect import signature
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from objectives import Problem, cost_and_gradient
from scipy.optimize import OptimizeResult
from scipy.sparse import csr_matrix
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_linnerud, load_wine
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier, BackpropRegressor

LOADERS = {"iris": load_iris, "wine": load_wine, "breast_cancer": load_breast_cancer}
MULTICLASS = ["iris", "wine"]
# Fits of the same convex function: each ends well within this of its one minimum.
ATOL = 1e-5


def _data(name, container="dense"):
    """Return standardised features (for sparse ones, their positive part) and classes."""
    X, y = LOADERS[name](return_X_y=True)
    X = scale(X)
    return (csr_matrix(np.maximum(X, 0)) if container == "sparse" else X), y


def _weights(y, weighted):
    return np.random.default_rng(0).uniform(0.2, 3.0, size=len(y)) if weighted else None


def _classifier(reg_lambda=0.01, tol=1e-8, **parameters):
    return BackpropClassifier(
        (), reg_lambda=reg_lambda, tol=tol, max_iter=10_000, random_state=0, **parameters
    )


def _logistic_regression(m, w=None, reg_lambda=0.01, **parameters):
    W = m if w is None else w.sum()
    return LogisticRegression(
        C=1 / (reg_lambda * W), solver="newton-cg", tol=1e-10, max_iter=10_000, **parameters
    )


def _assert_same_model(classifier, coef, intercept):
    assert classifier.converged_
    assert_allclose(classifier.coefs_[0].T, coef, rtol=0, atol=ATOL)
    assert_allclose(classifier.intercepts_[0], intercept, rtol=0, atol=ATOL)


containers = pytest.mark.parametrize("container", ["dense", "sparse"])
weights = pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])


@containers
@weights
def test_binary_is_logistic_regression(container, weighted):
    X, y = _data("breast_cancer", container)
    w = _weights(y, weighted)
    classifier = _classifier().fit(X, y, sample_weight=w)
    regression = _logistic_regression(len(y), w).fit(X, y, sample_weight=w)
    _assert_same_model(classifier, regression.coef_, regression.intercept_)
    assert_allclose(classifier.predict_proba(X), regression.predict_proba(X), atol=ATOL)


@pytest.mark.parametrize("name", MULTICLASS)
@containers
@weights
def test_softmax_is_multinomial_logistic_regression(name, container, weighted):
    X, y = _data(name, container)
    w = _weights(y, weighted)
    classifier = _classifier(out_activation="softmax").fit(X, y, sample_weight=w)
    regression = _logistic_regression(len(y), w).fit(X, y, sample_weight=w)
    assert classifier.converged_
    # Softmax does not feel a constant added to the coefficients of a feature in all classes.
    for ours, theirs in [
        (classifier.coefs_[0], regression.coef_.T),
        (classifier.intercepts_[0], regression.intercept_),
    ]:
        ours = ours - ours.mean(axis=-1, keepdims=True)
        theirs = theirs - theirs.mean(axis=-1, keepdims=True)
        assert_allclose(ours, theirs, rtol=0, atol=ATOL)
    assert_allclose(classifier.predict_proba(X), regression.predict_proba(X), atol=ATOL)


@pytest.mark.parametrize("name", MULTICLASS)
@containers
@weights
def test_logistic_units_are_one_logistic_regression_per_class(name, container, weighted):
    X, y = _data(name, container)
    w = _weights(y, weighted)
    classifier = _classifier(out_activation="logistic").fit(X, y, sample_weight=w)
    regressions = [
        _logistic_regression(len(y), w).fit(X, y == label, sample_weight=w)
        for label in np.unique(y)
    ]
    coef = np.vstack([regression.coef_ for regression in regressions])
    intercept = np.hstack([regression.intercept_ for regression in regressions])
    _assert_same_model(classifier, coef, intercept)


def test_normalised_probabilities_are_those_of_one_vs_rest():
    X, y = _data("wine")
    one_vs_rest = OneVsRestClassifier(_logistic_regression(len(y))).fit(X, y)
    classifier = _classifier(out_activation="logistic").fit(X, y)
    assert_allclose(classifier.predict_proba(X), one_vs_rest.predict_proba(X), atol=ATOL)


def test_multilabel_is_one_logistic_regression_per_label():
    X, y = _data("wine")
    Y = np.column_stack([y != 0, y == 1, X[:, 0] > 1]).astype(int)
    classifier = _classifier().fit(X, Y)
    regressions = [_logistic_regression(len(y)).fit(X, label) for label in Y.T]
    coef = np.vstack([regression.coef_ for regression in regressions])
    intercept = np.hstack([regression.intercept_ for regression in regressions])
    _assert_same_model(classifier, coef, intercept)


def test_balanced_classes_are_those_of_logistic_regression():
    X, y = _data("breast_cancer")
    classifier = _classifier(class_weight="balanced").fit(X, y)
    regression = _logistic_regression(len(y), class_weight="balanced").fit(X, y)
    _assert_same_model(classifier, regression.coef_, regression.intercept_)


@pytest.mark.parametrize("name", LOADERS)
def test_conjugate_gradients_find_the_same_minimum(name):
    X, y = _data(name)
    classifier = _classifier(0.1, 1e-7, solver="cg", out_activation="softmax").fit(X, y)
    regression = _logistic_regression(len(y), reg_lambda=0.1).fit(X, y)
    assert classifier.converged_
    assert_allclose(classifier.predict_proba(X), regression.predict_proba(X), atol=ATOL)
    coef = classifier.coefs_[0].T
    if len(regression.classes_) > 2:
        coef = coef - coef.mean(axis=0)
    assert_allclose(coef, regression.coef_, rtol=0, atol=ATOL)


ALPHA = 3.0
HIDDEN = {"0hidden": (), "1hidden": (4,), "2hidden": (5, 3)}


def _capture_objective(monkeypatch, mlp, X, y):
    """Return MLPClassifier's loss and gradient as a function of its packed parameters."""
    calls = []

    def minimize(function, x0, args=(), **options):
        calls.append(lambda packed: function(packed, *args))
        return OptimizeResult(
            x=x0, fun=np.inf, nit=1, nfev=1, status=0, success=True, message="captured"
        )

    with monkeypatch.context() as patch:
        patch.setattr("scipy.optimize.minimize", minimize)
        mlp.fit(X, y)
    (loss_and_gradient,) = calls
    return loss_and_gradient


def _pack(thetas):
    """Return Thetas, or D, as MLPClassifier packs them: all coefficients, then intercepts."""
    coefs = [Theta[:, 1:].T.ravel() for Theta in thetas]
    return np.concatenate([*coefs, *(Theta[:, 0] for Theta in thetas)])


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "identity"])
@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("output", ["softmax", "binary", "multilabel"])
@containers
def test_cost_and_gradient_are_those_of_mlp_classifier(
    monkeypatch, activation, hidden, output, container
):
    X, y = _data("breast_cancer" if output == "binary" else "wine", container)
    n_outputs = {"softmax": 3, "binary": 1, "multilabel": 2}[output]
    if output == "multilabel":
        y = np.column_stack([y != 0, y == 1]).astype(int)
    mlp = MLPClassifier(hidden, activation=activation, solver="lbfgs", alpha=ALPHA)
    loss_and_gradient = _capture_objective(monkeypatch, mlp, X, y)

    rng = np.random.default_rng(0)
    layer_sizes = [X.shape[1], *hidden, n_outputs]
    thetas = [
        rng.normal(scale=0.5, size=(s_out, s_in + 1)) for s_in, s_out in pairwise(layer_sizes)
    ]
    problem = Problem(
        X, y, None, thetas, (activation,) * len(hidden), output, reg_lambda=ALPHA / X.shape[0]
    )
    J, D = cost_and_gradient(problem)
    loss, gradient = loss_and_gradient(_pack(thetas))
    assert_allclose(J, loss, rtol=1e-10)
    assert_allclose(_pack(D), gradient, rtol=1e-10, atol=1e-13)


def _regressor(reg_lambda=0.01, tol=1e-8, **parameters):
    return BackpropRegressor(
        (), reg_lambda=reg_lambda, tol=tol, max_iter=10_000, random_state=0, **parameters
    )


def _numbers(container="dense"):
    X, y = load_diabetes(return_X_y=True)
    X = scale(X)
    return (csr_matrix(np.maximum(X, 0)) if container == "sparse" else X), y


@containers
@weights
@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
def test_squared_error_is_ridge_on_scaled_targets(container, weighted, solver):
    X, y = _numbers(container)
    w = _weights(y, weighted)
    mean = np.average(y, weights=w)
    deviation = np.sqrt(np.average((y - mean) ** 2, weights=w))
    regressor = _regressor(tol=1e-7, solver=solver).fit(X, y, sample_weight=w)
    W = len(y) if w is None else w.sum()
    ridge = Ridge(alpha=0.01 * W, solver="lsqr" if container == "sparse" else "auto", tol=1e-12)
    ridge.fit(X.toarray() if container == "sparse" else X, (y - mean) / deviation, w)
    _assert_same_model(regressor, ridge.coef_[np.newaxis], ridge.intercept_)
    assert_allclose(regressor.y_mean_, [mean], rtol=1e-14)
    assert_allclose(regressor.y_scale_, [deviation], rtol=1e-14)
    dense = X.toarray() if container == "sparse" else X
    assert_allclose(regressor.predict(X), mean + deviation * ridge.predict(dense), rtol=1e-5)


def test_many_outputs_are_one_ridge_each():
    X, Y = load_linnerud(return_X_y=True)
    X = scale(X)
    regressor = _regressor().fit(X, Y)
    ridge = Ridge(alpha=0.01 * len(X)).fit(X, scale(Y))
    _assert_same_model(regressor, ridge.coef_, ridge.intercept_)


@containers
@weights
def test_poisson_is_poisson_regression(container, weighted):
    X, y = _numbers(container)
    y = y // 30
    w = _weights(y, weighted)
    regressor = _regressor(loss="poisson").fit(X, y, sample_weight=w)
    regression = PoissonRegressor(alpha=0.01, tol=1e-10, max_iter=10_000).fit(X, y, w)
    _assert_same_model(regressor, regression.coef_[np.newaxis], regression.intercept_)
    assert_allclose(regressor.predict(X), regression.predict(X), rtol=1e-4)
    assert regressor.score(X, y, w) == pytest.approx(regression.score(X, y, w), rel=1e-6)


LOSSES = {"squared_error": "identity", "poisson": "exp"}


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu", "identity"])
@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("loss", LOSSES)
@containers
def test_cost_and_gradient_are_those_of_mlp_regressor(
    monkeypatch, activation, hidden, loss, container
):
    X, y = _numbers(container)
    y = y // 30
    parameters = {}
    if "loss" in signature(MLPRegressor).parameters:
        parameters["loss"] = loss
    elif loss == "poisson":
        pytest.skip("MLPRegressor has no Poisson loss before scikit-learn 1.7")
    parameters |= {"activation": activation, "solver": "lbfgs", "alpha": ALPHA}
    mlp = MLPRegressor(hidden_layer_sizes=hidden, **parameters)
    loss_and_gradient = _capture_objective(monkeypatch, mlp, X, y)
    rng = np.random.default_rng(0)
    thetas = [
        rng.normal(scale=0.2, size=(s_out, s_in + 1))
        for s_in, s_out in pairwise([X.shape[1], *hidden, 1])
    ]
    problem = Problem(
        X,
        y[:, np.newaxis],
        None,
        thetas,
        (activation,) * len(hidden),
        LOSSES[loss],
        reg_lambda=ALPHA / X.shape[0],
    )
    J, D = cost_and_gradient(problem)
    theirs, gradient = loss_and_gradient(_pack(thetas))
    assert_allclose(J, theirs, rtol=1e-10)
    assert_allclose(_pack(D), gradient, rtol=1e-10, atol=1e-13)
