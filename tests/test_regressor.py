"""BackpropRegressor: the scale of y, counts, what a prediction is, and what it shares."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_linnerud
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.metrics import d2_tweedie_score, r2_score
from sklearn.preprocessing import scale

import skbackprop
from skbackprop import BackpropRegressor, LossCurveDisplay
from skbackprop._network.outputs import ExpUnits
from skbackprop._training.solver import Descent

X, Y_COLUMN = load_diabetes(return_X_y=True)
X = scale(X)[:150]
Y_COLUMN = Y_COLUMN[:150]
COUNTS = Y_COLUMN // 30
GYM, BODIES = load_linnerud(return_X_y=True)
GYM = scale(GYM)
LOSSES = {"squared_error": Y_COLUMN, "poisson": COUNTS}
losses = pytest.mark.parametrize("loss", LOSSES)
solvers = pytest.mark.parametrize("solver", ["lbfgs", "cg"])


def small(**parameters):
    defaults = {"hidden_layer_sizes": 5, "reg_lambda": 1e-2, "random_state": 0, "max_iter": 40}
    return BackpropRegressor(**{**defaults, **parameters})


def fit(regressor, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return regressor.fit(*args, **kwargs)


def bits(regressor):
    return [Theta.tobytes() for Theta in regressor.thetas_]


# The scale of y


def test_y_is_scaled_by_its_weighted_moments():
    w = np.random.default_rng(0).uniform(0.1, 3, size=len(X))
    regressor = fit(small(), X, Y_COLUMN, sample_weight=w)
    mean = np.average(Y_COLUMN, weights=w)
    deviation = np.sqrt(np.average((Y_COLUMN - mean) ** 2, weights=w))
    assert_allclose(regressor.y_mean_, [mean], rtol=1e-14)
    assert_allclose(regressor.y_scale_, [deviation], rtol=1e-14)
    scaled = fit(small(), X, (Y_COLUMN - mean) / deviation, sample_weight=w)
    assert_allclose(regressor.loss_, scaled.loss_, rtol=1e-6)


def test_each_output_has_its_own_scale():
    regressor = fit(small(), GYM, BODIES)
    assert_allclose(regressor.y_mean_, BODIES.mean(axis=0), rtol=1e-14)
    assert_allclose(regressor.y_scale_, BODIES.std(axis=0), rtol=1e-14)
    # A null network costs 1/2 for each.
    assert regressor.loss_ < 1.5
    assert regressor.loss_curve_[-1] == regressor.loss_


@pytest.mark.parametrize("unit", [2.0**-1000, 2.0**-40, 2.0**10, 2.0**1000])
def test_a_fit_does_not_depend_on_the_unit_of_y(unit):
    one, other = fit(small(), X, Y_COLUMN), fit(small(), X, Y_COLUMN * unit)
    assert bits(one) == bits(other)
    assert_allclose(other.predict(X), one.predict(X) * unit, rtol=1e-12)
    assert one.score(X, Y_COLUMN) == pytest.approx(r2_score(Y_COLUMN, one.predict(X)))


def test_the_greatest_and_the_least_numbers():
    greatest, least = np.finfo(float).max, np.finfo(float).smallest_subnormal
    y = np.where(np.arange(len(X)) % 2, greatest, -greatest)
    regressor = fit(small(), X, y)
    assert_allclose(regressor.y_scale_, greatest, rtol=1e-12)
    assert np.isfinite(regressor.predict(X)).all()
    regressor = fit(small(), X, np.where(np.arange(len(X)) % 2, 1000 * least, 0))
    assert_allclose(regressor.y_scale_, 500 * least)
    assert 0 < regressor.loss_ < 0.5


@losses
@pytest.mark.parametrize("y", [0.1, 7.3, 1e15 / 3])
def test_a_constant_is_predicted(loss, y):
    regressor = small(loss=loss).fit(X, np.full(len(X), y))
    assert_allclose(regressor.predict(X), y, rtol=1e-6)
    assert regressor.loss_ < 1e-6
    if loss == "squared_error":
        assert_array_equal(regressor.predict(X), y)
        assert (regressor.y_mean_, regressor.y_scale_) == ([y], [1])


@pytest.mark.parametrize("reg_lambda", [1e-2, "auto"])
def test_one_constant_output_of_several_is_predicted(reg_lambda):
    Y = np.column_stack([Y_COLUMN, np.full(len(X), -0.1), -Y_COLUMN])
    regressor = fit(small(reg_lambda=reg_lambda), X, Y)
    assert_array_equal(regressor.predict(X)[:, 1], -0.1)
    assert regressor.score(X, Y) > 0.3


def test_zero_can_be_a_constant():
    assert_array_equal(small().fit(X, np.zeros(len(X))).predict(X), 0)


# Predictions


@losses
@pytest.mark.parametrize("columns", [None, 1, 3])
def test_the_shape_of_y_comes_back(loss, columns):
    y = LOSSES[loss]
    if columns == 1 and loss == "poisson":
        pytest.skip("a single column of counts is taken as a vector")
    if columns is not None:
        y = np.column_stack([y + k for k in range(columns)])
    regressor = fit(small(loss=loss), X, y)
    assert regressor.predict(X).shape == y.shape
    assert regressor.n_outputs_ == (columns or 1)
    assert regressor.score(X, y) > 0.3


def test_a_column_of_counts_is_a_vector():
    # In scikit-learn, what takes one output says so; see `check_supervised_y_2d`.
    with pytest.warns(DataConversionWarning, match="column-vector"):
        own = small(loss="poisson", max_iter=500).fit(X, COUNTS[:, np.newaxis])
    assert own.predict(X).shape == (len(X),)


@pytest.mark.parametrize("frame", [pd.Series, pd.DataFrame])
def test_pandas(frame):
    assert bits(fit(small(), pd.DataFrame(X), frame(Y_COLUMN))) == bits(fit(small(), X, Y_COLUMN))


def test_polars():
    polars = pytest.importorskip("polars")
    own = fit(small(), polars.DataFrame(X), polars.Series(Y_COLUMN))
    assert bits(own) == bits(fit(small(), X, Y_COLUMN))


@losses
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["logistic", "relu", "identity"])
@pytest.mark.parametrize("hidden", [(), 4, (4, 3)])
def test_predictions_are_finite_for_any_finite_X(loss, dtype, activation, hidden):
    own = small(loss=loss, activation=activation, hidden_layer_sizes=hidden, max_iter=5)
    fit(own, X.astype(dtype), LOSSES[loss])
    greatest, n = np.finfo(dtype).max, X.shape[1]
    signs = np.random.default_rng(0).choice([-1, 1], size=(50, n))
    for far in (signs * greatest, signs[:, :1] * np.full((50, n), greatest)):
        predicted = own.predict(far.astype(dtype))
        assert np.isfinite(predicted).all()
        assert predicted.dtype == np.float64
        assert loss == "squared_error" or (predicted > 0).all()


def test_the_exponential_is_clipped_to_the_greatest_number():
    own = fit(small(loss="poisson", hidden_layer_sizes=()), X, COUNTS)
    far = 1e6 * np.sign(own.coefs_[0].T)
    limits = np.finfo(float)
    assert_array_equal(own.predict(np.vstack([far, -far])), [limits.max, limits.tiny])


@losses
def test_score(loss):
    y, w = LOSSES[loss], np.random.default_rng(0).uniform(size=len(X))
    own = fit(small(loss=loss), X, y)
    predicted = own.predict(X)
    expected = {
        "squared_error": r2_score(y, predicted, sample_weight=w),
        "poisson": d2_tweedie_score(y, predicted, sample_weight=w, power=1),
    }
    assert own.score(X, y, w) == pytest.approx(expected[loss])
    both = fit(small(loss=loss), X, np.column_stack([y, y + 1]))
    columns = both.predict(X).T
    scores = [
        r2_score(of_y, of_p) if loss == "squared_error" else d2_tweedie_score(of_y, of_p, power=1)
        for of_y, of_p in zip([y, y + 1], columns, strict=True)
    ]
    assert both.score(X, np.column_stack([y, y + 1])) == pytest.approx(np.mean(scores))


def test_d2_where_there_is_nothing_to_explain():
    own = fit(small(loss="poisson"), X, COUNTS)
    assert own.score(X[:3], [0, 0, 0]) == 0


# Counts


def test_rows_of_weight_zero_are_no_counts():
    y, w = COUNTS.copy(), np.ones(len(X))
    y[:5], w[:5] = -1, 0
    own = fit(small(loss="poisson"), X, y, sample_weight=w)
    assert bits(own) == bits(fit(small(loss="poisson"), X[5:], y[5:]))


def test_the_mean_is_the_start_of_the_output_bias():
    y = COUNTS * 1e6
    own = fit(small(loss="poisson", tol=1e9, hidden_layer_sizes=()), X * 1e-9, y)
    assert_allclose(own.intercepts_[0], np.log(y.mean()), rtol=1e-6)
    assert own.n_iter_ == 0


@solvers
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_trial_point_where_exp_overflows_is_rejected(monkeypatch, solver, dtype):
    # Without a penalty and from steep weights, the first steps lead far out.
    logits, evaluate = [], Descent.evaluate

    def watched(self, x):
        cost = evaluate(self, x)
        assert np.isfinite(cost)
        return cost

    units, costs_of = ExpUnits, ExpUnits.cost_and_delta

    def seen(self, z, y, w):
        logits.append(float(z.max()))
        return costs_of(self, z, y, w)

    monkeypatch.setattr(Descent, "evaluate", watched)
    monkeypatch.setattr(units, "cost_and_delta", seen)
    far = (500 * X).astype(dtype)
    own = fit(
        small(loss="poisson", hidden_layer_sizes=(), reg_lambda=0, solver=solver, max_iter=200),
        far,
        COUNTS,
    )
    assert max(logits) > np.log(np.finfo(dtype).max)
    assert own.score(far, COUNTS) > 0.3
    assert own.loss_ == min(own.loss_curve_)


def test_given_thetas_where_exp_overflows_are_no_error():
    start = [np.r_[800.0, np.zeros(X.shape[1])][np.newaxis]]
    own = fit(small(loss="poisson", hidden_layer_sizes=(), thetas_init=start), X, COUNTS)
    assert np.isfinite(own.loss_curve_).all()
    assert own.loss_ < own.loss_curve_[0]
    assert np.isfinite(own.predict(X)).all()


# What it shares with the classifier


@losses
@solvers
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"reg_lambda": "auto"},
        {"reg_lambda": "prior", "coarse_start": True},
        {"early_stopping": True, "reg_lambda": "auto"},
        {"early_stopping": True, "coarse_start": True},
    ],
    ids=["plain", "auto", "coarse", "auto-early", "coarse-early"],
)
@pytest.mark.parametrize("columns", [1, 2])
def test_a_row_of_weight_two_is_two_rows(loss, solver, parameters, columns):
    y = LOSSES[loss]
    y = y if columns == 1 else np.column_stack([y, np.roll(y, 1)])
    rng = np.random.default_rng(0)
    w = rng.integers(1, 4, size=len(X))
    repeated = rng.permutation(np.repeat(np.arange(len(X)), w))
    one = fit(small(loss=loss, solver=solver, **parameters), X, y, sample_weight=w)
    other = fit(small(loss=loss, solver=solver, **parameters), X[repeated], y[repeated])
    assert bits(one) == bits(other)
    assert one.predict(X).tobytes() == other.predict(X).tobytes()
    assert one.loss_ == other.loss_
    assert_array_equal(one.y_scale_, other.y_scale_)


def test_equal_rows_with_other_numbers_are_not_merged():
    one = fit(small(), np.vstack([X, X]), np.r_[Y_COLUMN, -Y_COLUMN])
    assert one.y_mean_ == pytest.approx(0, abs=1e-12)


@losses
@pytest.mark.parametrize("early_stopping", [False, True])
def test_sparse_X(loss, early_stopping):
    positive = np.maximum(X, 0)
    parameters = {"loss": loss, "early_stopping": early_stopping, "max_iter": 15}
    dense = fit(small(**parameters), positive, LOSSES[loss])
    own = fit(small(**parameters), csr_array(positive), LOSSES[loss])
    assert_allclose(own.predict(csr_array(positive)), dense.predict(positive), rtol=1e-6)


@losses
def test_float32(loss):
    own = fit(small(loss=loss, max_iter=15), X.astype(np.float32), LOSSES[loss])
    assert {Theta.dtype for Theta in own.thetas_} == {np.dtype(np.float32)}
    in_float64 = fit(small(loss=loss, max_iter=15), X, LOSSES[loss])
    assert_allclose(own.predict(X), in_float64.predict(X), rtol=1e-2)


def test_warm_start_on_other_targets_converts_the_thetas():
    own = fit(small(warm_start=True, max_iter=5), X, Y_COLUMN)
    predicted = own.predict(X)
    J = ((predicted - Y_COLUMN) ** 2).mean() / 2 / Y_COLUMN.var()
    other = 1000 - 3 * Y_COLUMN[::-1]
    # The start of the next fit predicts what this one ended with.
    fit(own, X, other)
    penalty = own.reg_lambda / 2
    expected = ((predicted - other) ** 2).mean() / 2 / other.var()
    again = fit(small(max_iter=5), X, Y_COLUMN)
    ratio = again.y_scale_ / own.y_scale_
    squares = (again.coefs_[0] ** 2).sum() + ((ratio * again.coefs_[1]) ** 2).sum()
    assert own.loss_curve_[0] == pytest.approx(expected + penalty * squares, rel=1e-9)
    assert again.loss_ == pytest.approx(
        J + penalty * sum((c**2).sum() for c in again.coefs_), rel=1e-9
    )


def test_warm_start_on_the_same_targets_goes_on():
    own = fit(small(warm_start=True, max_iter=5), X, Y_COLUMN)
    before = own.loss_
    fit(own, X, Y_COLUMN)
    assert own.loss_curve_[0] == before > own.loss_


@pytest.mark.parametrize(
    ("parameters", "y", "message"),
    [
        ({"loss": "poisson"}, COUNTS, "warm_start=True needs the loss"),
        ({}, np.column_stack([COUNTS, COUNTS]), "warm_start=True needs as many outputs"),
    ],
)
def test_warm_start_needs_the_same_model(parameters, y, message):
    own = fit(small(warm_start=True), X, Y_COLUMN)
    kept = own.predict(X)
    with pytest.raises(ValueError, match=message):
        own.set_params(**parameters).fit(X, y)
    own.set_params(loss="squared_error")
    assert_array_equal(own.predict(X), kept)


@losses
def test_early_stopping_keeps_the_best(loss):
    own = fit(small(loss=loss, early_stopping=True, max_iter=200), X, LOSSES[loss])
    assert own.best_validation_score_ == max(own.validation_scores_)


@losses
def test_auto_walks_a_path(loss):
    own = fit(small(loss=loss, reg_lambda="auto"), X, LOSSES[loss])
    assert own.reg_lambda_ in own.reg_lambdas_
    assert own.reg_lambda_ == own.reg_lambdas_[own.reg_lambda_scores_.argmax()]
    assert len(own.reg_lambdas_) == len(own.reg_lambda_scores_)
    few = fit(small(loss=loss, reg_lambda="auto"), X[:90], LOSSES[loss][:90])
    assert not hasattr(few, "reg_lambdas_")
    assert few.reg_lambda_ == 1 / 90


@losses
def test_a_fit_no_better_than_the_mean_says_so(loss):
    with pytest.warns(ConvergenceWarning, match="no better than predicting the mean of y"):
        small(loss=loss, reg_lambda=1e3).fit(X, LOSSES[loss])


@losses
def test_pickle_and_clone(loss):
    own = fit(small(loss=loss), X, LOSSES[loss])
    again = pickle.loads(pickle.dumps(own))
    assert_array_equal(again.predict(X), own.predict(X))
    assert again.y_mean_ == own.y_mean_
    assert not again.y_mean_.flags.writeable
    assert clone(own).get_params() == own.get_params()


def test_a_display_draws_it():
    pytest.importorskip("matplotlib").use("agg")
    own = fit(small(), X, Y_COLUMN)
    assert LossCurveDisplay.from_estimator(own).ax_ is not None
    assert "BackpropRegressor" in skbackprop.__all__
