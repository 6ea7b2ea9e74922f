"""What a fit says of itself: tol, the history, the warnings, the lines that it prints."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse import random as sparse_random
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, scale

from skbackprop import BackpropClassifier

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
RAW_CANCER, MALIGNANT = load_breast_cancer(return_X_y=True)
CANCER = scale(RAW_CANCER)
SOLVERS = pytest.mark.parametrize("solver", ["lbfgs", "cg"])


def small(**parameters):
    return BackpropClassifier(
        **{
            "hidden_layer_sizes": 5,
            "activation": "logistic",
            "reg_lambda": "prior",
            "random_state": 0,
            **parameters,
        }
    )


def fit_with_warning(classifier, X, y, **fit_parameters):
    """Fit, and return the text of the one warning that must come, from this file."""
    with pytest.warns(ConvergenceWarning) as caught:
        classifier.fit(X, y, **fit_parameters)
    (warning,) = caught
    assert warning.filename == __file__
    return str(warning.message)


def cost_and_gradient_of_binary(classifier, X, y):
    """J and D of one hidden layer of logistic units, from the formulas."""
    (Theta1, Theta2), m = classifier.thetas_, len(X)
    a1 = np.column_stack([np.ones(m), X])
    a2 = np.column_stack([np.ones(m), expit(a1 @ Theta1.T)])
    z3 = a2 @ Theta2.T
    delta3 = expit(z3) - y[:, np.newaxis]
    delta2 = (delta3 @ Theta2[:, 1:]) * a2[:, 1:] * (1 - a2[:, 1:])
    J = np.mean(np.logaddexp(0, z3[:, 0]) - y * z3[:, 0])
    D = [delta2.T @ a1 / m, delta3.T @ a2 / m]
    for D_l, Theta in zip(D, classifier.thetas_, strict=True):
        J += classifier.reg_lambda_ / 2 * (Theta[:, 1:] ** 2).sum()
        D_l[:, 1:] += classifier.reg_lambda_ * Theta[:, 1:]
    return J, max(np.abs(D_l).max() for D_l in D)


@pytest.mark.parametrize("X", [CANCER, RAW_CANCER], ids=["scaled", "raw"])
@SOLVERS
def test_gradient_norm_is_that_of_the_thetas_own_coordinates(X, solver):
    classifier = small(solver=solver, max_iter=60, tol=1e-12)
    assert "max_iter=60" in fit_with_warning(classifier, X, MALIGNANT)
    J, norm = cost_and_gradient_of_binary(classifier, X, MALIGNANT)
    assert classifier.loss_ == pytest.approx(J, rel=1e-10)
    assert classifier.gradient_norm_ == pytest.approx(norm, rel=1e-6)


def test_tol_holds_in_the_thetas_own_coordinates():
    # Of means 100, the centred gradient is up to 101 times smaller.
    X = CANCER + 100
    classifier = small(tol=1e-3, max_iter=10_000).fit(X, MALIGNANT)
    _, norm = cost_and_gradient_of_binary(classifier, X, MALIGNANT)
    assert classifier.converged_
    assert classifier.gradient_norm_ == pytest.approx(norm, rel=1e-6)
    assert norm <= 1e-3


@SOLVERS
@pytest.mark.parametrize("parameters", [{}, {"out_activation": "softmax"}, {"activation": "tanh"}])
def test_tol_is_in_force(solver, parameters):
    loose, strict = (
        small(solver=solver, tol=tol, max_iter=10_000, **parameters).fit(IRIS, SPECIES)
        for tol in (1e-5, 1e-8)
    )
    assert loose.gradient_norm_ <= 1e-5
    assert strict.gradient_norm_ <= 1e-8 < loose.gradient_norm_
    assert loose.n_iter_ < strict.n_iter_
    assert loose.converged_ is strict.converged_ is True
    assert loose.loss_curve_ == strict.loss_curve_[: len(loose.loss_curve_)]


@SOLVERS
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_history(solver, dtype):
    classifier = small(solver=solver).fit(IRIS.astype(dtype), SPECIES)
    curve = classifier.loss_curve_
    assert len(curve) == classifier.n_iter_ + 1 > 10
    assert all(isinstance(cost, float) for cost in curve)
    assert all(after <= before for before, after in pairwise(curve))
    assert curve[-1] == classifier.loss_
    assert classifier.n_evaluations_ > classifier.n_iter_
    assert isinstance(classifier.n_iter_, int)
    assert isinstance(classifier.gradient_norm_, float)
    start = small(solver=solver, max_iter=1)
    fit_with_warning(start, IRIS.astype(dtype), SPECIES)
    assert start.loss_curve_ == curve[:2]


# Warnings


@SOLVERS
def test_warning_of_max_iter(solver):
    classifier = small(solver=solver, max_iter=4, tol=2e-5)
    message = fit_with_warning(classifier, IRIS, SPECIES)
    assert "max_iter=4" in message
    assert f"max |D| = {classifier.gradient_norm_:.2e}" in message
    assert "tol = 2.00e-05" in message
    assert "Increase max_iter" in message
    assert (classifier.n_iter_, classifier.converged_) == (4, False)
    assert classifier.stop_reason_ == "max_iter"
    assert "lambda" not in message


@pytest.mark.parametrize(
    ("option", "value", "remedy"),
    [("maxfun", 12, "Increase maxfun"), ("ftol", 1e-2, "Decrease ftol")],
)
def test_warning_of_a_solver_option(option, value, remedy):
    classifier = small(solver_options={option: value})
    message = fit_with_warning(classifier, IRIS, SPECIES)
    assert f"{option}={value}" in message
    assert f"max |D| = {classifier.gradient_norm_:.2e}" in message
    assert "tol = 1.00e-04" in message
    assert remedy in message
    assert classifier.converged_ is False
    assert classifier.stop_reason_ == option


def test_warning_of_a_line_search_cut_short():
    classifier = small(hidden_layer_sizes=10, solver_options={"maxls": 1})
    message = fit_with_warning(classifier, RAW_CANCER, MALIGNANT)
    assert "maxls=1" in message
    assert "precision" not in message
    assert classifier.gradient_norm_ > 1e-2
    assert classifier.stop_reason_ == "maxls"


@SOLVERS
def test_warning_of_float32_precision(solver):
    classifier = small(solver=solver, tol=1e-12, max_iter=5000)
    message = fit_with_warning(classifier, IRIS.astype(np.float32), SPECIES)
    assert "float32 precision" in message
    assert f"max |D| = {classifier.gradient_norm_:.2e}" in message
    assert "tol = 1.00e-12" in message
    assert "pass X as float64" in message
    assert classifier.converged_ is False
    assert classifier.stop_reason_ == "precision"
    assert 1e-12 < classifier.gradient_norm_ < 1e-3


def test_warning_of_float64_precision():
    classifier = small(tol=0.0, max_iter=50_000)
    message = fit_with_warning(classifier, IRIS, SPECIES)
    assert "float64 precision" in message
    assert "float32" not in message
    assert "pass X" not in message
    assert classifier.gradient_norm_ < 1e-6


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"out_activation": "softmax"},
        {"class_weight": {0: 5}},
        {"hidden_layer_sizes": (), "reg_lambda": 1e4},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "y", [SPECIES, SPECIES > 0, np.eye(3, dtype=int)[SPECIES]], ids=["3", "2", "labels"]
)
def test_warning_of_a_penalty_too_strong(parameters, y):
    if y.ndim == 2 and "class_weight" in parameters:
        parameters = {}
    classifier = small(**{"reg_lambda": 10, **parameters})
    w = np.linspace(0.5, 2, 150)
    message = fit_with_warning(classifier, IRIS, y, sample_weight=w)
    assert "no better than predicting the class frequencies" in message
    assert "reg_lambda is too strong" in message
    assert "Decrease reg_lambda" in message
    assert classifier.converged_
    assert classifier.stop_reason_ == "converged"
    P = classifier.predict_proba(IRIS)
    np.testing.assert_allclose(P, np.broadcast_to(P[0], P.shape), atol=0.02)


@pytest.mark.parametrize("parameters", [{"max_iter": 4}, {"reg_lambda": 10}])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("factor", [0.02, 0.2, 1, 5, 50])
def test_scaling_is_advised_where_features_are_not_scaled(parameters, factor, sparse):
    X = IRIS.copy()
    X[:, 1] *= factor
    X[:, 3] = 7  # what does not vary cannot be scaled
    message = fit_with_warning(small(**parameters), csr_array(X) if sparse else X, SPECIES)
    assert ("StandardScaler" in message) == (factor in (0.02, 50))


def test_warning_of_unscaled_features():
    message = fit_with_warning(small(), IRIS * 1e-9, SPECIES)
    assert "X is not scaled" in message
    assert "StandardScaler" in message


def test_two_warnings_in_one():
    message = fit_with_warning(small(reg_lambda=10, max_iter=2), IRIS, SPECIES)
    assert "max_iter=2" in message
    assert "reg_lambda is too strong" in message


@pytest.mark.parametrize("effect", [0.15, 0.3])
def test_no_warning_of_a_weak_fit_that_is_better_than_nothing(effect):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 3))
    y = rng.random(2000) < expit(effect * X[:, 0])
    classifier = small(hidden_layer_sizes=()).fit(X, y)
    assert classifier.converged_
    p = y.mean()
    null_cost = -p * np.log(p) - (1 - p) * np.log(1 - p)
    assert 0.97 < classifier.loss_ / null_cost < 0.998


# Saturated units


@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
@pytest.mark.parametrize("seed", range(3))
def test_saturated_units_train(seed, solver):
    classifier = BackpropClassifier(
        10,
        activation="identity",
        reg_lambda="prior",
        solver=solver,
        max_iter=300,
        random_state=seed,
    )
    fit_with_warning(classifier, RAW_CANCER, MALIGNANT)
    assert classifier.n_iter_ == 300
    assert classifier.score(RAW_CANCER, MALIGNANT) >= 0.9


def test_saturated_units_stop_mlpclassifier():
    mlp = MLPClassifier(10, activation="identity", solver="lbfgs", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlp.fit(RAW_CANCER, MALIGNANT)
    assert mlp.n_iter_ <= 5
    assert mlp.score(RAW_CANCER, MALIGNANT) < 0.3


# Printing


@SOLVERS
@pytest.mark.parametrize("verbose", [True, 1, 2])
def test_verbose(capsys, solver, verbose):
    classifier = small(solver=solver, verbose=verbose).fit(IRIS, SPECIES)
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["iteration", "cost", "max", "|D|", "evaluations", "seconds"]
    seen = [line.split() for line in lines]
    assert [int(fields[0]) for fields in seen] == list(range(1, classifier.n_iter_ + 1))
    costs = [float(fields[1]) for fields in seen]
    np.testing.assert_allclose(costs, classifier.loss_curve_[1:], rtol=1e-7)
    assert float(seen[-1][2]) == pytest.approx(classifier.gradient_norm_, rel=1e-2)
    evaluations = [int(fields[3]) for fields in seen]
    assert all(before < after for before, after in pairwise(evaluations))
    assert evaluations[-1] <= classifier.n_evaluations_
    seconds = [float(fields[4]) for fields in seen]
    assert all(0 <= before <= after for before, after in pairwise(seconds))
    assert all(len(fields) == 5 for fields in seen)


@pytest.mark.parametrize("verbose", [False, 0])
def test_quiet(capsys, verbose):
    small(verbose=verbose).fit(IRIS, SPECIES)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


# What counts as scaled


def rare_columns():
    """Columns as MaxAbsScaler leaves them, of which all but a few values are 0."""
    X = sparse_random(400, 300, 0.01, random_state=0, format="csr")
    return MaxAbsScaler().fit_transform(X)


def rare_indicators():
    rng = np.random.default_rng(0)
    return np.column_stack([rng.normal(size=(400, 4)), rng.random((400, 5)) < 0.005])


NORMAL = np.random.default_rng(0).normal(size=(400, 4))
FAR_OFF = np.column_stack([NORMAL, 1 + 1e-6 * NORMAL])
AS_SCALED = {
    "MaxAbsScaler, sparse": (rare_columns(), False),
    "MaxAbsScaler, dense": (rare_columns().toarray(), False),
    "rare indicators": (rare_indicators(), False),
    "MinMaxScaler": (MinMaxScaler().fit_transform(RAW_CANCER)[:400], False),
    "StandardScaler": (CANCER[:400], False),
    "in thousands": (1000 * NORMAL, True),
    "in thousandths": (NORMAL / 1000, True),
    "a thousandth of sparse": (rare_columns() / 1000, True),
    "raw": (RAW_CANCER[:400], True),
    "tiny differences": (FAR_OFF, True),
    "one constant": (np.column_stack([NORMAL, np.full(400, 1e6)]), False),
    "huge": (1e200 * NORMAL, True),
    "tiny": (1e-200 * NORMAL, True),
    "as great as can be": (np.sign(NORMAL) * 1e306, True),
    "huge in float32": ((1e30 * NORMAL).astype(np.float32), True),
}


@pytest.mark.parametrize(("X", "advised"), AS_SCALED.values(), ids=AS_SCALED)
@pytest.mark.parametrize("weighted", [False, True])
def test_who_is_advised_to_scale(X, advised, weighted):
    y = np.random.default_rng(1).integers(0, 2, 400)
    w = np.linspace(0.5, 2, 400) if weighted else None
    # There is the one warning, and no other of the looking.
    message = fit_with_warning(small(max_iter=1, reg_lambda=1e-3), X, y, sample_weight=w)
    assert ("scale X (for instance with StandardScaler)" in message) == advised
