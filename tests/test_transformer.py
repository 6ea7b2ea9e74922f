"""The network as a transformer: the activations of its last hidden layer."""

from itertools import product

import numpy as np
import pandas as pd
import polars as pl
import pytest
import textbook
from objectives import split_rows
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from threadpoolctl import threadpool_limits

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)

X, Y = load_iris(return_X_y=True)
X = scale(X)
ESTIMATORS = [
    BackpropClassifier(5, reg_lambda=1e-2, random_state=0),
    BackpropClassifierCV(5, reg_lambdas=2, cv=2, random_state=0),
    BackpropRegressor(5, reg_lambda=1e-2, random_state=0),
    BackpropRegressorCV(5, reg_lambdas=2, cv=2, random_state=0),
]
METHODS = ["transform", "fit_transform", "get_feature_names_out", "set_output"]
ACTIVATIONS = ["logistic", "tanh", "relu", "identity"]

every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)


def methods_of(estimator):
    return [name for name in METHODS if hasattr(estimator, name)]


@every_estimator
@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_activations_are_those_of_the_textbook(estimator, container):
    hidden = (4, 3)
    fitted = clone(estimator).set_params(hidden_layer_sizes=hidden, activation=["tanh", "relu"])
    transformed = fitted.fit_transform(container(X), Y)
    thetas = [Theta.tolist() for Theta in fitted.thetas_]
    a = [textbook.forward_propagation(thetas, x, fitted.activations_)[1][3][1:] for x in X]
    np.testing.assert_allclose(transformed, a, rtol=1e-10, atol=1e-13)
    assert transformed.tobytes() == fitted.transform(container(X)).tobytes()
    assert (transformed > 0).any()


@every_estimator
def test_names_have_the_prefix_of_the_class(estimator):
    fitted = clone(estimator).fit(X, Y)
    prefix = type(estimator).__name__.lower()
    assert fitted.get_feature_names_out().tolist() == [f"{prefix}{j}" for j in range(5)]
    assert fitted.get_feature_names_out().dtype == object


@every_estimator
@pytest.mark.parametrize(
    ("container", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)]
)
def test_set_output(estimator, container, frame):
    fitted = clone(estimator).set_output(transform=container)
    transformed = fitted.fit_transform(X, Y)
    assert isinstance(transformed, frame)
    assert list(transformed.columns) == fitted.get_feature_names_out().tolist()
    plain = clone(estimator).fit(X, Y).transform(X)
    assert isinstance(plain, np.ndarray)
    np.testing.assert_array_equal(transformed.to_numpy(), plain)
    assert isinstance(fitted.predict(X), np.ndarray)


@every_estimator
def test_without_a_hidden_layer_there_is_no_transformer(estimator):
    for none in ((), [], np.array([], dtype=int)):
        estimator = clone(estimator).set_params(hidden_layer_sizes=none)
        assert not methods_of(estimator)
        assert estimator.__sklearn_tags__().transformer_tags is None
    fitted = estimator.fit(X, Y)
    assert not methods_of(fitted)
    with pytest.raises(AttributeError, match="no attribute 'transform' without a hidden layer"):
        fitted.transform(X)
    with pytest.raises(TypeError, match="transform"):
        make_pipeline(estimator, LogisticRegression()).fit(X, Y)


def test_once_fitted_the_model_decides():
    shallow = BackpropClassifier((), reg_lambda=1e-2).fit(X, Y)
    deep = BackpropClassifier(5, reg_lambda=1e-2, random_state=0).fit(X, Y)
    before = deep.transform(X)
    shallow.set_params(hidden_layer_sizes=5)
    deep.set_params(hidden_layer_sizes=())
    # To fit is another matter: it goes by the parameter.
    assert methods_of(shallow) == ["fit_transform"]
    assert methods_of(deep) == ["transform", "get_feature_names_out", "set_output"]
    np.testing.assert_array_equal(deep.transform(X), before)
    assert shallow.fit_transform(X, Y).shape == (150, 5)
    assert not methods_of(deep.fit(X, Y))


@every_estimator
def test_unfitted(estimator):
    estimator = clone(estimator)
    assert methods_of(estimator) == METHODS
    for ask in (lambda: estimator.transform(X), estimator.get_feature_names_out):
        with pytest.raises(NotFittedError):
            ask()
    tags = estimator.__sklearn_tags__()
    assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]
    assert tags.estimator_type in ("classifier", "regressor")


def test_float32():
    fitted = clone(ESTIMATORS[0]).fit(X.astype(np.float32), Y)
    assert fitted.transform(X).dtype == np.float32
    np.testing.assert_array_equal(fitted.transform(X), fitted.transform(X.astype(np.float32)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("activation", "hidden"), [*product(ACTIVATIONS, [5, (5, 4, 3)]), (["relu", "tanh"], (5, 4))]
)
def test_activations_are_finite_for_any_finite_X(activation, hidden, dtype):
    parameters = {"reg_lambda": 1e-3, "activation": activation, "random_state": 0}
    fitted = BackpropClassifier(hidden, tol=0.05, **parameters).fit(X.astype(dtype), Y)
    greatest = np.finfo(dtype).max
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=(60, 4))
    far = [signs * greatest, signs[:, :1] * np.full((60, 4), greatest), 1e30 * signs]
    a = fitted.transform(np.vstack(far).astype(dtype))
    assert a.dtype == dtype
    assert np.isfinite(a).all()
    # A row is what it is without the others.
    near = fitted.transform(X.astype(dtype))
    beside = fitted.transform(np.vstack([X, *far]).astype(dtype))[: len(X)]
    np.testing.assert_allclose(beside, near, rtol=1e-5, atol=1e-6)


def test_blocks_and_threads_change_nothing(monkeypatch):
    fitted = BackpropClassifier(40, reg_lambda=1e-2, random_state=0, tol=1e-2).fit(X, Y)
    rows = np.random.default_rng(0).normal(size=(100_000, 4))
    transformed = []
    for limit in (1, 2):
        with threadpool_limits(limit):
            transformed.append(fitted.transform(rows))
    assert transformed[0].tobytes() == transformed[1].tobytes()
    split_rows(monkeypatch, block_rows=7, shard_rows=100, max_shards=4)
    np.testing.assert_allclose(
        fitted.transform(rows[:100]), transformed[0][:100], rtol=1e-12, atol=1e-15
    )


def test_in_a_pipeline():
    pipeline = make_pipeline(
        StandardScaler(), BackpropClassifier(20, random_state=0), LogisticRegression()
    )
    w = np.where(Y < 2, 1.0, 0.0)
    pipeline.fit(X, Y)
    assert pipeline.score(X, Y) > 0.95
    assert pipeline[:-1].transform(X).shape == (150, 20)
    pipeline.fit(X, Y, backpropclassifier__sample_weight=w)
    scaled = StandardScaler().fit_transform(X)
    expected = BackpropClassifier(20, random_state=0).fit(scaled, Y, sample_weight=w)
    np.testing.assert_array_equal(pipeline[:-1].transform(X), expected.transform(scaled))
    pipeline.set_output(transform="pandas").fit(X, Y)
    assert pipeline[-1].feature_names_in_.tolist() == [f"backpropclassifier{j}" for j in range(20)]


@every_estimator
def test_metadata_pass(estimator):
    w = np.random.default_rng(0).integers(1, 4, size=150).astype(float)
    expected = clone(estimator).fit(X, Y, sample_weight=w)
    transformed = clone(estimator).fit_transform(X, Y, sample_weight=w)
    np.testing.assert_array_equal(transformed, expected.transform(X))
    with config_context(enable_metadata_routing=True):
        estimator = clone(estimator).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(
            estimator, LogisticRegression().set_fit_request(sample_weight=False)
        )
        pipeline.fit(X, Y, sample_weight=w)
    np.testing.assert_array_equal(pipeline[:-1].transform(X), expected.transform(X))
