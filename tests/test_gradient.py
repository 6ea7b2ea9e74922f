"""J and D themselves: those of the fit, of the textbook, and of numerical differentiation."""

import pickle

import numpy as np
import pandas as pd
import pytest
import textbook
from objectives import numerical_gradient
from scipy.sparse import csc_matrix, csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
    cost_and_gradient,
)

X, SPECIES = load_iris(return_X_y=True)
X = scale(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
LABELS = np.eye(3, dtype=int)[SPECIES] | (X[:, :1] > 0)
NUMBERS = 7 + 3 * X[:, 0] * X[:, 1]
COUNTS = np.random.default_rng(0).poisson(np.exp(X[:, 0]))
W = np.random.default_rng(1).integers(0, 4, size=150).astype(float)
SHORT = {"random_state": 0, "tol": 1e-2}


def classifier(**parameters):
    return BackpropClassifier(
        **{"hidden_layer_sizes": 4, "activation": "tanh", "reg_lambda": 0.01, **SHORT, **parameters}
    )


def regressor(**parameters):
    return BackpropRegressor(
        **{"hidden_layer_sizes": 4, "activation": "tanh", "reg_lambda": 0.01, **SHORT, **parameters}
    )


CASES = {
    "classes": (classifier(), NAMES),
    "one against rest": (classifier(out_activation="logistic"), NAMES),
    "binary": (classifier(hidden_layer_sizes=(3, 2)), SPECIES == 1),
    "labels": (classifier(), LABELS),
    "balanced": (classifier(class_weight="balanced"), SPECIES),
    "weighted classes": (classifier(class_weight={0: 3.0, 2: 0.0}), SPECIES),
    "no hidden layer": (classifier(hidden_layer_sizes=()), NAMES),
    "prior": (classifier(reg_lambda="prior"), NAMES),
    "auto": (classifier(reg_lambda="auto"), NAMES),
    "relu": (classifier(activation="relu", tol=0.1), NAMES),
    "search": (BackpropClassifierCV(4, reg_lambdas=2, cv=2, activation="tanh", **SHORT), NAMES),
    "numbers": (regressor(), NUMBERS),
    "columns": (regressor(), np.c_[NUMBERS, X[:, 2]]),
    "counts": (regressor(loss="poisson"), COUNTS),
    "numbers search": (
        BackpropRegressorCV(4, reg_lambdas=2, cv=2, activation="tanh", **SHORT),
        NUMBERS,
    ),
}
every_case = pytest.mark.parametrize(("estimator", "y"), CASES.values(), ids=CASES)


def norm_of(D):
    return max(np.abs(D_l).max() for D_l in D)


def targets_of(fitted, y):
    """Return what the textbook takes."""
    if hasattr(fitted, "y_mean_"):
        return (np.reshape(y, (len(y), -1)) - fitted.y_mean_) / fitted.y_scale_
    if fitted.multilabel_:
        return y
    Y = (np.asarray(y)[:, np.newaxis] == fitted.classes_).astype(int)
    return Y[:, 1:] if len(fitted.classes_) == 2 else Y


def textbook_of(fitted, X, y, thetas, w=None):
    return textbook.cost_and_gradient(
        [np.asarray(Theta).tolist() for Theta in thetas],
        X,
        targets_of(fitted, y),
        fitted.activations_,
        fitted.out_activation_,
        fitted.reg_lambda_,
        w,
    )


@every_case
@pytest.mark.parametrize("w", [None, W], ids=["plain", "weighted"])
def test_at_the_fitted_thetas_they_are_those_of_the_fit(estimator, y, w):
    fitted = clone(estimator).fit(X, y, sample_weight=w)
    J, D = cost_and_gradient(fitted, X, y, sample_weight=w)
    assert isinstance(J, float)
    assert fitted.loss_ == J
    assert norm_of(D) == fitted.gradient_norm_
    assert [D_l.shape for D_l in D] == [Theta.shape for Theta in fitted.thetas_]
    assert all(D_l.dtype == np.float64 for D_l in D)


@every_case
def test_they_are_those_of_the_textbook(estimator, y):
    fitted = clone(estimator).fit(X, y)
    rng = np.random.default_rng(3)
    thetas = [rng.normal(size=Theta.shape) for Theta in fitted.thetas_]
    w = rng.uniform(0.5, 2.0, size=20)
    some = rng.choice(150, size=20, replace=False)
    J, D = cost_and_gradient(fitted, X[some], y[some], sample_weight=w, thetas=thetas)
    weights = w
    if getattr(fitted, "class_weight", None) == "balanced":
        weights = w  # among the rows of the fit, all classes have fifty
    elif isinstance(getattr(fitted, "class_weight", None), dict):
        weights = w * np.array([3.0, 1.0, 0.0])[SPECIES[some]]
    J_textbook, D_textbook = textbook_of(fitted, X[some], y[some], thetas, weights)
    np.testing.assert_allclose(J, J_textbook, rtol=1e-10)
    for D_l, D_l_textbook in zip(D, D_textbook, strict=True):
        np.testing.assert_allclose(D_l, D_l_textbook, rtol=1e-9, atol=1e-12)


@every_case
def test_D_is_the_derivative_of_J(estimator, y):
    fitted = clone(estimator).fit(X, y)
    rng = np.random.default_rng(3)
    thetas = [rng.normal(size=Theta.shape) / 2 for Theta in fitted.thetas_]
    l = len(thetas) - 1

    def J_of(theta):
        at = [*thetas[:l], theta.reshape(thetas[l].shape)]
        return cost_and_gradient(fitted, X[:30], y[:30], thetas=at)[0]

    _, D = cost_and_gradient(fitted, X[:30], y[:30], thetas=thetas)
    numerical = numerical_gradient(J_of, thetas[l].ravel())
    np.testing.assert_allclose(D[l].ravel(), numerical, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("case", ["classes", "labels", "balanced", "prior", "numbers", "counts"])
def test_unfitted_as_a_fit_would_have_them(case):
    estimator, y = CASES[case]
    fitted = clone(estimator).fit(X, y, sample_weight=W)
    J, D = cost_and_gradient(clone(estimator), X, y, W, thetas=fitted.thetas_)
    assert fitted.loss_ == J
    assert norm_of(D) == fitted.gradient_norm_


def test_a_descent_of_ones_own_ends_where_the_fit_does():
    estimator = LogisticRegression(C=1 / (0.1 * 150), tol=1e-8)
    expected = estimator.fit(X, SPECIES == 1)
    own = classifier(hidden_layer_sizes=(), reg_lambda=0.1)
    thetas = [np.zeros((1, 5))]
    for _ in range(300):
        _, D = cost_and_gradient(own, X, SPECIES == 1, thetas=thetas)
        thetas = [Theta - D_l for Theta, D_l in zip(thetas, D, strict=True)]
    np.testing.assert_allclose(thetas[0][0], [*expected.intercept_, *expected.coef_[0]], rtol=1e-4)


@every_case
@pytest.mark.parametrize("is_fitted", [False, True])
def test_the_estimator_is_not_changed(estimator, y, is_fitted):
    estimator = clone(estimator)
    fitted = clone(estimator).fit(X, y)
    before = pickle.dumps(fitted if is_fitted else estimator)
    try:
        cost_and_gradient(fitted if is_fitted else estimator, X, y, thetas=fitted.thetas_)
    except ValueError:
        assert not is_fitted  # a penalty that is not known yet
    assert pickle.dumps(fitted if is_fitted else estimator) == before


@pytest.mark.parametrize("container", [csr_array, csc_matrix, np.ndarray.tolist])
def test_containers(container):
    fitted = classifier().fit(X, NAMES)
    J, D = cost_and_gradient(fitted, container(X), NAMES)
    expected_J, expected_D = cost_and_gradient(fitted, X, NAMES)
    np.testing.assert_allclose(J, expected_J, rtol=1e-12)
    for D_l, expected in zip(D, expected_D, strict=True):
        np.testing.assert_allclose(D_l, expected, rtol=1e-10, atol=1e-14)


def test_dataframes_with_names():
    frame = pd.DataFrame(X, columns=list("abcd"))
    fitted = classifier().fit(frame, NAMES)
    assert cost_and_gradient(fitted, frame, pd.Series(NAMES))[0] == fitted.loss_
    with pytest.raises(ValueError, match="feature names"):
        cost_and_gradient(fitted, frame[list("dcba")], NAMES)


def test_float32():
    fitted = classifier().fit(X.astype(np.float32), NAMES)
    J, D = cost_and_gradient(fitted, X.astype(np.float32), NAMES)
    assert fitted.loss_ == J
    assert norm_of(D) == fitted.gradient_norm_
    assert D[0].dtype == np.float64
    exact_J, _ = cost_and_gradient(fitted, X, NAMES)
    assert exact_J != J
    np.testing.assert_allclose(exact_J, J, rtol=1e-5)


def test_some_classes_may_be_lacking():
    for y in (NAMES, SPECIES == 1):
        fitted = classifier().fit(X, y)
        J, _ = cost_and_gradient(fitted, X[:50], y[:50])
        penalty = 0.005 * sum((Theta[:, 1:] ** 2).sum() for Theta in fitted.thetas_)
        own = fitted.classes_.tolist().index(y[0])
        np.testing.assert_allclose(
            J, penalty - fitted.predict_log_proba(X[:50])[:, own].mean(), rtol=1e-9
        )


def test_a_trial_step_that_leads_far_out_is_no_error():
    fitted = regressor(hidden_layer_sizes=()).fit(X, NUMBERS)
    J, _ = cost_and_gradient(fitted, X, NUMBERS, thetas=[np.full((1, 5), 1e200)])
    assert np.isposinf(J)


FITTED, REGRESSOR = classifier().fit(X, NAMES), regressor().fit(X, NUMBERS)
THETAS = FITTED.thetas_


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (
            ValueError,
            "estimator must be a Backprop.*got Logistic",
            (LogisticRegression(), X, NAMES),
        ),
        (NotFittedError, "thetas must be given where", (classifier(), X, NAMES)),
        (
            ValueError,
            "reg_lambda must be a number or 'prior' where.*'auto'",
            (classifier(reg_lambda="auto"), X, NAMES, None, THETAS),
        ),
        (
            NotFittedError,
            "estimator must be fitted",
            (BackpropClassifierCV(4), X, NAMES, None, THETAS),
        ),
        (ValueError, "tol must be", (classifier(tol=-1), X, NAMES, None, THETAS)),
        (ValueError, r"only classes of the fit.*\['x'\]", (FITTED, X, ["x", *NAMES[1:]])),
        (ValueError, "one column of classes", (FITTED, X, LABELS)),
        (ValueError, "as many outputs as the fit", (REGRESSOR, X, np.c_[NUMBERS, NUMBERS])),
        (ValueError, "sample_weight must not be negative", (FITTED, X, NAMES, -W)),
        (ValueError, "sample_weight must not be zero", (FITTED, X, NAMES, 0 * W)),
        (ValueError, "sample_weight must have shape", (FITTED, X, NAMES, W[1:])),
        (ValueError, "X has 3 features", (FITTED, X[:, 1:], NAMES)),
        (ValueError, "contains NaN", (FITTED, X * np.nan, NAMES)),
        (ValueError, "thetas must be None or a sequence", (FITTED, X, NAMES, None, 3)),
        (ValueError, "thetas must hold 2 arrays", (FITTED, X, NAMES, None, THETAS[:1])),
        (ValueError, r"thetas\[1\] must have shape", (FITTED, X, NAMES, None, [THETAS[0]] * 2)),
        (
            ValueError,
            r"thetas\[0\].*NaN",
            (FITTED, X, NAMES, None, [THETAS[0] * np.nan, THETAS[1]]),
        ),
    ],
)
def test_errors_name_what_is_wrong(error, message, call):
    with pytest.raises(error, match=message):
        cost_and_gradient(*call)


@pytest.mark.parametrize("search", [False, True])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 1: 0.5}, None])
def test_class_weights_are_those_of_the_fit(class_weight, search):
    some, others = np.arange(40, 130), np.arange(0, 150, 7)  # 10, 50 and 30 of the classes
    parameters = {"class_weight": class_weight, "activation": "tanh", **SHORT}
    if search:
        fitted = BackpropClassifierCV(4, reg_lambdas=2, cv=2, **parameters)
    else:
        fitted = classifier(**parameters)
    fitted.fit(X[some], SPECIES[some])
    of_classes = {"balanced": 30 / np.array([10, 50, 30])}.get(
        class_weight if isinstance(class_weight, str) else "", np.ones(3)
    )
    if isinstance(class_weight, dict):
        of_classes = np.array([3.0, 0.5, 1.0])
    expected = textbook_of(
        fitted, X[others], SPECIES[others], fitted.thetas_, of_classes[SPECIES[others]]
    )
    J = cost_and_gradient(fitted, X[others], SPECIES[others])[0]
    np.testing.assert_allclose(J, expected[0], rtol=1e-10)
    for now in (None, "balanced", {0: 0.0}):
        fitted.set_params(class_weight=now)
        for same in (fitted, pickle.loads(pickle.dumps(fitted))):
            assert cost_and_gradient(same, X[others], SPECIES[others])[0] == J
            assert cost_and_gradient(same, X[some], SPECIES[some])[0] == fitted.loss_


def test_of_a_validation_set_J_is_the_cost_that_early_stopping_looks_at():
    some, held_out = np.arange(40, 130), np.r_[0:20, 60:70, 130:150]
    fitted = classifier(class_weight="balanced", early_stopping=True, tol=1e-4)
    fitted.fit(X[some], SPECIES[some], X_val=X[held_out], y_val=SPECIES[held_out])
    J = cost_and_gradient(fitted, X[held_out], SPECIES[held_out])[0]
    penalty = fitted.reg_lambda_ / 2 * sum((Theta[:, 1:] ** 2).sum() for Theta in fitted.thetas_)
    np.testing.assert_allclose(J - penalty, -fitted.best_validation_score_, rtol=1e-9)


def test_with_rows_held_out_loss_is_that_of_the_others():
    fitted = classifier(early_stopping=True, tol=1e-4).fit(X, SPECIES)
    assert cost_and_gradient(fitted, X, SPECIES)[0] != fitted.loss_


def test_class_weights_must_leave_a_row():
    fitted = classifier(class_weight={0: 0.0}).fit(X, SPECIES)
    with pytest.raises(ValueError, match="class_weight leaves no row"):
        cost_and_gradient(fitted, X[:50], SPECIES[:50])
