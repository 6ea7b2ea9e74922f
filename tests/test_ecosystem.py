"""scikit-learn's tools around the classifier, on real data."""

import io
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
    train_test_split,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skbackprop import BackpropClassifier, BackpropClassifierCV


def small(**parameters):
    return BackpropClassifier(
        **{
            "hidden_layer_sizes": 8,
            "activation": "logistic",
            "reg_lambda": "prior",
            "random_state": 0,
            **parameters,
        }
    )


def scaled(load):
    X, y = load(return_X_y=True)
    return scale(X), y


def halves(load):
    X, y = load(return_X_y=True)
    return train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)


@pytest.mark.parametrize(
    ("load", "accuracy"), [(load_iris, 0.93), (load_wine, 0.95), (load_breast_cancer, 0.95)]
)
@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
def test_pipeline(load, accuracy, solver):
    X_train, X_test, y_train, y_test = halves(load)
    pipeline = make_pipeline(StandardScaler(), small(solver=solver)).fit(X_train, y_train)
    assert pipeline[-1].converged_
    assert pipeline.score(X_test, y_test) >= accuracy
    assert log_loss(y_test, pipeline.predict_proba(X_test)) < 0.25


def test_defaults_on_digits():
    X_train, X_test, y_train, y_test = halves(load_digits)
    pipeline = make_pipeline(StandardScaler(), BackpropClassifier(random_state=0))
    pipeline.fit(X_train, y_train)
    assert pipeline[-1].converged_
    assert pipeline.score(X_test, y_test) >= 0.96
    assert log_loss(y_test, pipeline.predict_proba(X_test)) < 0.15


def test_grid_search_in_two_processes_is_that_in_one():
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), small())
    grid = {"backpropclassifier__reg_lambda": [1e-3, 1e-2, 0.1]}
    one, two = (
        GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=3, n_jobs=n_jobs).fit(X, y)
        for n_jobs in (1, 2)
    )
    assert two.best_params_ == one.best_params_
    assert two.best_params_["backpropclassifier__reg_lambda"] < 0.1
    assert two.best_score_ > -0.12
    np.testing.assert_array_equal(
        two.cv_results_["mean_test_score"], one.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(two.predict_proba(X), one.predict_proba(X))


def test_cross_validate():
    X, y = load_wine(return_X_y=True)
    results = cross_validate(
        make_pipeline(StandardScaler(), small()),
        X,
        y,
        cv=StratifiedKFold(4, shuffle=True, random_state=0),
        scoring=["accuracy", "neg_log_loss", "roc_auc_ovr"],
        return_estimator=True,
    )
    assert results["test_accuracy"].mean() >= 0.96
    assert results["test_neg_log_loss"].mean() > -0.12
    assert results["test_roc_auc_ovr"].mean() > 0.99
    assert all(pipeline[-1].converged_ for pipeline in results["estimator"])


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba", "decision_function"])
def test_cross_val_predict(method):
    X, y = scaled(load_iris)
    answers = cross_val_predict(small(), X, y, cv=3, method=method)
    assert answers.shape == (150, 3)
    assert np.mean(answers.argmax(axis=1) == y) > 0.93


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("load", [load_breast_cancer, load_iris])
def test_calibration(load, method):
    X, y = scaled(load)
    calibrated = CalibratedClassifierCV(small(), method=method, cv=3).fit(X, y)
    P = calibrated.predict_proba(X)
    np.testing.assert_allclose(P.sum(axis=1), 1)
    assert log_loss(y, P) < 0.2
    assert len(calibrated.calibrated_classifiers_) == 3


def test_bagging():
    X, y = scaled(load_wine)
    bagging = BaggingClassifier(small(), n_estimators=4, random_state=0).fit(X, y)
    assert bagging.score(X, y) > 0.98
    thetas = [estimator.thetas_[0] for estimator in bagging.estimators_]
    assert all((thetas[0] != other).any() for other in thetas[1:])


def test_boosting():
    X, y = scaled(load_iris)
    boosted = AdaBoostClassifier(small(), n_estimators=3, random_state=0).fit(X, y)
    assert boosted.score(X, y) > 0.95
    assert len(boosted.estimators_) == 3
    # The weights sum to 1, and 1 / W would be a penalty that silences everything.
    assert all(estimator.reg_lambda_ == 1e-3 for estimator in boosted.estimators_)


def test_boosting_starts_with_the_plain_fit():
    X, y = scaled(load_breast_cancer)
    boosted = AdaBoostClassifier(small(), n_estimators=1, random_state=0).fit(X, y)
    first = boosted.estimators_[0]
    plain = clone(first).fit(X, y)
    np.testing.assert_allclose(first.predict_proba(X), plain.predict_proba(X), atol=1e-3)


def test_one_vs_rest():
    X, y = scaled(load_iris)
    one_vs_rest = OneVsRestClassifier(small()).fit(X, y)
    assert one_vs_rest.score(X, y) > 0.95
    for k, binary in enumerate(one_vs_rest.estimators_):
        np.testing.assert_array_equal(binary.predict(X), small().fit(X, y == k).predict(X))


def test_voting():
    X, y = scaled(load_wine)
    members = [("small", small()), ("plain", small(hidden_layer_sizes=()))]
    voting = VotingClassifier(members, voting="soft").fit(X, y)
    assert voting.score(X, y) > 0.98


def test_permutation_importance():
    X, y = scaled(load_iris)
    importance = permutation_importance(small().fit(X, y), X, y, random_state=0, n_repeats=2)
    assert importance.importances_mean[2:].min() > importance.importances_mean[:2].max()


def test_clone():
    X, y = scaled(load_iris)
    fitted = small(
        hidden_layer_sizes=[4, 3],
        activation=["tanh", "logistic"],
        class_weight={0: 2.0},
        solver_options={"maxcor": 5},
        thetas_init=[np.full((4, 5), 0.1), np.eye(3, 5), np.eye(3, 4)],
        tol=1e-2,
    ).fit(X, y)
    copy = clone(fitted)
    with pytest.raises(NotFittedError):
        copy.predict(X)
    assert copy.get_params().keys() == fitted.get_params().keys()
    for one, other in zip(copy.thetas_init, fitted.thetas_init, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(copy.fit(X, y).predict_proba(X), fitted.predict_proba(X))
    assert eval(repr(small(solver="cg"))).get_params() == small(solver="cg").get_params()


def by_pickle(estimator):
    return pickle.loads(pickle.dumps(estimator))


def by_joblib(estimator):
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize("round_trip", [by_pickle, by_joblib])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_round_trip(round_trip, dtype):
    X, y = scaled(load_iris)
    X = X.astype(dtype)
    fitted = small().fit(X, y)
    copy = round_trip(fitted)
    for method in ["predict", "predict_proba", "decision_function"]:
        assert getattr(copy, method)(X).tobytes() == getattr(fitted, method)(X).tobytes()
    assert copy.loss_curve_ == fitted.loss_curve_
    assert copy.coefs_[0].base is not None
    np.testing.assert_array_equal(copy.coefs_[1], fitted.coefs_[1])
    refitted = copy.set_params(warm_start=True).fit(X, y)
    assert refitted.loss_curve_[0] == pytest.approx(fitted.loss_, rel=1e-6)
    assert vars(round_trip(small())) == vars(small())


def as_pandas(X, names):
    return pd.DataFrame(X, columns=names)


def as_polars(X, names):
    return pl.DataFrame(X, schema=list(names))


IRIS_NAMES = ["sepal length", "sepal width", "petal length", "petal width"]


# How scikit-learn before 1.8 asks for the names of a polars frame.
@pytest.mark.filterwarnings("ignore:Support for the dataframe interchange:DeprecationWarning")
@pytest.mark.parametrize("as_frame", [as_pandas, as_polars])
def test_frames(as_frame):
    X, y = scaled(load_iris)
    frame = as_frame(X, IRIS_NAMES)
    fitted = small().fit(frame, y)
    assert fitted.predict_proba(frame).tobytes() == small().fit(X, y).predict_proba(X).tobytes()
    # Not every scikit-learn sees the names of every polars.
    seen = getattr(StandardScaler().fit(frame), "feature_names_in_", None)
    np.testing.assert_array_equal(getattr(fitted, "feature_names_in_", None), seen)


def test_feature_names():
    X, y = scaled(load_iris)
    fitted = small().fit(as_pandas(X, IRIS_NAMES), y)
    assert fitted.feature_names_in_.tolist() == IRIS_NAMES
    assert fitted.n_features_in_ == 4
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(as_pandas(X, IRIS_NAMES[::-1]))
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict_proba(as_pandas(X[:, :3], IRIS_NAMES[:3]))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        fitted.predict(X)
    # Without names, and then with numbers for names, none are kept.
    assert not hasattr(fitted.fit(X, y), "feature_names_in_")
    assert not hasattr(fitted.fit(pd.DataFrame(X), y), "feature_names_in_")


@pytest.mark.parametrize("as_series", [pd.Series, pl.Series], ids=["pandas", "polars"])
def test_series(as_series):
    X, y = scaled(load_iris)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    w = np.random.default_rng(0).random(150)
    fitted = small().fit(X, as_series(names), sample_weight=as_series(w))
    expected = small().fit(X, y, sample_weight=w)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))
    assert fitted.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert fitted.score(X, as_series(names)) > 0.95


def test_metadata_routing_of_sample_weight():
    X, y = load_iris(return_X_y=True)
    w = np.random.default_rng(0).random(150)
    with config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        classifier = small().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(scaler, classifier).fit(X, y, sample_weight=w)
        expected = small().fit(scale(X), y, sample_weight=w)
        np.testing.assert_array_equal(pipeline[-1].thetas_[0], expected.thetas_[0])
        assert (pipeline[-1].thetas_[0] != small().fit(scale(X), y).thetas_[0]).any()


def test_metadata_routing_through_a_search():
    X, y = scaled(load_iris)
    # The last class has no weight: where the weights arrive, it stays a class, but is not learned.
    w = np.where(y < 2, 1.0, 0.0)

    def is_weighted(fitted):
        P = fitted.predict_proba(X)
        return P.shape == (150, 3) and P[:, 2].max() < 0.01

    with config_context(enable_metadata_routing=True):
        classifier = small().set_fit_request(sample_weight=True)
        classifier.set_score_request(sample_weight=True)
        search = GridSearchCV(classifier, {"reg_lambda": [1e-3, 1e-2]}, cv=3)
        search.fit(X, y, sample_weight=w)
        assert is_weighted(search.best_estimator_)
        assert not is_weighted(small().fit(X, y))
        assert search.best_score_ == 1.0
        results = cross_validate(
            classifier, X, y, params={"sample_weight": w}, cv=3, return_estimator=True
        )
        assert all(map(is_weighted, results["estimator"]))
        classifier.set_fit_request(sample_weight=False)
        of_a_set = dict.fromkeys(["X_val", "y_val", "sample_weight_val"])  # nobody has asked yet
        requests = classifier.get_metadata_routing().fit.requests
        assert requests == {"sample_weight": False, **of_a_set}


# What warnings advise


def one_warning(estimator, X, y):
    with pytest.warns(ConvergenceWarning) as caught:
        estimator.fit(X, y)
    (warning,) = caught
    return str(warning.message)


def with_a_constant(X):
    return np.column_stack([X, np.full(len(X), 1e6)])


ON_ITS_SCALE = {
    "standardised": lambda X: X,
    "float32": lambda X: X.astype(np.float32),
    "sparse": csr_array,
    "a constant beside": with_a_constant,
    "far from zero": lambda X: X + 100,
    "from 0 to 1": lambda X: (X - X.min(axis=0)) / np.ptp(X, axis=0),
    "zeros and ones": lambda X: (X > 0).astype(float),
}
OFF_ITS_SCALE = {
    "large": lambda X: 1000 * X,
    "small": lambda X: X / 1000,
    "one column large": lambda X: X * np.r_[np.ones(X.shape[1] - 1), 100],
    "sparse and large": lambda X: csr_array(1000 * X),
    "float32 and small": lambda X: (X / 1000).astype(np.float32),
}
ENDINGS = {
    "max_iter": {"max_iter": 2, "tol": 1e-9},
    "maxfun": {"solver_options": {"maxfun": 2}, "tol": 1e-9},
    "collapse": {"max_iter": 1, "tol": 10.0},
}


@pytest.mark.parametrize("searches", [False, True], ids=["classifier", "search"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_to_scale_x_is_advised_where_it_is_not_scaled(ending, searches):
    X, y = scaled(load_wine)
    parameters = {"random_state": 0, **ENDINGS[ending]}
    estimator = (
        BackpropClassifierCV(8, reg_lambdas=[1e3], cv=2, **parameters)
        if searches
        else BackpropClassifier(8, reg_lambda=1e3, **parameters)
    )
    for change in ON_ITS_SCALE.values():
        message = one_warning(estimator, change(X), y)
        assert "cale X" not in message
        assert "X is not scaled" not in message
    for change in OFF_ITS_SCALE.values():
        assert "cale X (for instance with StandardScaler)" in one_warning(estimator, change(X), y)
