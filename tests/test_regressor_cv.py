"""BackpropRegressorCV: what its search means for numbers, and what it shares."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_linnerud
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import GroupKFold, KFold, LeaveOneOut
from sklearn.preprocessing import scale

from skbackprop import BackpropRegressor, BackpropRegressorCV, LambdaPathDisplay

X, Y_COLUMN = load_diabetes(return_X_y=True)
X, Y_COLUMN = scale(X)[:120], Y_COLUMN[:120]
LOSSES = {"squared_error": Y_COLUMN, "poisson": Y_COLUMN // 30}
losses = pytest.mark.parametrize("loss", LOSSES)


def search(**parameters):
    defaults = {"hidden_layer_sizes": 3, "reg_lambdas": 3, "cv": 3, "random_state": 0}
    return BackpropRegressorCV(**{**defaults, "max_iter": 30, **parameters})


def fit(own, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return own.fit(*args, **kwargs)


def test_scores_are_minus_the_mean_cost_of_held_out_rows():
    # Without hidden layers a fit is Ridge's, on the scale of all rows.
    own = search(hidden_layer_sizes=(), reg_lambdas=[0.1, 0.01], tol=1e-8, max_iter=1000)
    own.set_params(coarse_folds=False).fit(X, Y_COLUMN)
    y = (Y_COLUMN - own.y_mean_) / own.y_scale_
    assert_allclose(own.y_mean_, Y_COLUMN.mean(), rtol=1e-14)
    for fold, (train, test) in enumerate(KFold(3).split(X)):
        for i, reg_lambda in enumerate([0.1, 0.01]):
            ridge = Ridge(alpha=reg_lambda * len(train)).fit(X[train], y[train])
            cost = mean_squared_error(y[test], ridge.predict(X[test])) / 2
            assert own.scores_[fold, i] == pytest.approx(-cost, rel=1e-6)


@losses
def test_the_refit_is_that_of_one_fit(loss):
    own = fit(search(loss=loss, early_stopping=True), X, LOSSES[loss])
    one = BackpropRegressor(
        3, loss=loss, reg_lambda=own.reg_lambda_, early_stopping=True, max_iter=30, random_state=0
    )
    fit(one, X, LOSSES[loss])
    assert_array_equal(own.predict(X), one.predict(X))
    assert_array_equal(own.y_scale_, one.y_scale_)


@losses
@pytest.mark.parametrize("scoring", [None, "r2", "neg_mean_absolute_error"])
@pytest.mark.parametrize("refit", ["best", "1se"])
def test_a_row_of_weight_two_is_two_rows(loss, scoring, refit):
    y = LOSSES[loss]
    w = np.random.default_rng(0).integers(1, 3, size=len(X))
    folds = [(np.arange(40, 120), np.arange(40)), (np.arange(80), np.arange(80, 120))]
    rows = np.repeat(np.arange(len(X)), w)
    repeated = [
        (np.flatnonzero(np.isin(rows, train)), np.flatnonzero(np.isin(rows, test)))
        for train, test in folds
    ]
    own = fit(search(loss=loss, scoring=scoring, refit=refit, cv=folds), X, y, sample_weight=w)
    other = clone(own).set_params(cv=repeated)
    fit(other, X[rows], y[rows])
    assert_allclose(own.scores_, other.scores_, rtol=1e-12)
    assert_array_equal(own.predict(X), other.predict(X))


def test_many_outputs():
    gym, bodies = load_linnerud(return_X_y=True)
    own = fit(search(scoring="r2"), scale(gym), bodies)
    assert own.predict(scale(gym)).shape == bodies.shape
    assert own.y_scale_.shape == (3,)


def test_score():
    own = fit(search(), X, Y_COLUMN)
    assert own.score(X, Y_COLUMN) == pytest.approx(r2_score(Y_COLUMN, own.predict(X)))
    own = fit(search(scoring="neg_mean_squared_error"), X, Y_COLUMN)
    assert own.score(X, Y_COLUMN) == -mean_squared_error(Y_COLUMN, own.predict(X))


def test_a_fold_where_scoring_says_nothing_is_left_out():
    folds = [*KFold(3).split(X), (np.arange(100), np.arange(100, 101))]
    with pytest.warns() as caught:
        own = search(cv=folds, scoring="r2").fit(X, Y_COLUMN)
    assert any("gives no number in 1 of 4 folds" in str(w.message) for w in caught)
    assert np.isnan(own.scores_[3]).all()
    assert np.isfinite(own.best_score_)


def test_the_default_score_needs_one_row():
    own = fit(search(cv=LeaveOneOut()), X[:12], Y_COLUMN[:12])
    assert own.scores_.shape == (12, 3)
    assert np.isfinite(own.scores_).all()


def test_groups_through_routing():
    groups = np.arange(len(X)) % 5
    with config_context(enable_metadata_routing=True):
        own = fit(search(cv=GroupKFold(5)), X, Y_COLUMN, groups=groups)
    assert own.n_splits_ == 5


@losses
def test_folds_side_by_side_are_the_same(loss):
    one, other = (fit(search(loss=loss, n_jobs=n), X, LOSSES[loss]) for n in (None, 2))
    assert_array_equal(one.scores_, other.scores_)
    assert_array_equal(one.predict(X), other.predict(X))


def test_counts_of_which_a_fold_has_none():
    y = np.zeros(len(X))
    y[80:] = LOSSES["poisson"][80:]
    folds = [(np.arange(80), np.arange(80, 120)), (np.arange(40, 120), np.arange(40))]
    own = fit(search(loss="poisson", cv=folds), X, y)
    assert np.isfinite(own.scores_).all()
    assert np.isfinite(own.predict(X)).all()


def test_a_display_draws_its_path():
    pytest.importorskip("matplotlib").use("agg")
    own = fit(search(), X, Y_COLUMN)
    assert LambdaPathDisplay.from_estimator(own).ax_ is not None
