"""What is raised anywhere within a fit or an answer, and fits and answers side by side."""

import copy
import multiprocessing
import os
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fit_rules import assert_follows_the_rules
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor
from objectives import split_rows
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from test_any_point import blas_threads, set_blas_threads

import skbackprop._machine.prediction
import skbackprop._machine.threads
from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)
from skbackprop._network.network import Network

# The fits end after a few iterations.
pytestmark = pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning")

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
COMMON = {"activation": "logistic", "max_iter": 6, "random_state": 0}
PATH = [1e-1, 1e-3]
ESTIMATORS = {
    "classifier": BackpropClassifier(4, reg_lambda=1e-3, **COMMON),
    "auto": BackpropClassifier(4, **COMMON),
    "classifier, search": BackpropClassifierCV(4, reg_lambdas=PATH, cv=2, **COMMON),
    "regressor": BackpropRegressor(4, reg_lambda=1e-3, **COMMON),
    "counts": BackpropRegressor(4, reg_lambda=1e-3, loss="poisson", **COMMON),
    "regressor, search": BackpropRegressorCV(4, reg_lambdas=PATH, cv=2, **COMMON),
}
each_estimator = pytest.mark.parametrize("name", ESTIMATORS)


@pytest.fixture(autouse=True)
def two_threads():
    """Two threads, and after each test as many as before."""
    (before,) = blas_threads()
    set_blas_threads(2)
    n_threads = threading.active_count()
    yield
    # A fold in another thread ends at its next iteration.
    deadline = time.monotonic() + 60
    while threading.active_count() > n_threads and time.monotonic() < deadline:
        time.sleep(0.01)
    # Those of loky's own, left over from the test before, may end in this one.
    assert threading.active_count() <= n_threads
    assert blas_threads() == {2}
    set_blas_threads(before)


@pytest.fixture
def shards(monkeypatch):
    """Four shards of two blocks, whose work is for threads."""
    monkeypatch.setattr(skbackprop._machine.threads, "SMALL_WORK", 0)
    split_rows(monkeypatch, block_rows=20, shard_rows=40, max_shards=4)


def fit(estimator, X=IRIS):
    return estimator.fit(X, SPECIES)


def unfitted(name):
    return copy.deepcopy(ESTIMATORS[name])


def bits(estimator):
    return [Theta.tobytes() for Theta in estimator.thetas_]


# Raised in a thread


@each_estimator
@pytest.mark.parametrize("of_helper", [False, True], ids=["caller", "helper"])
@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_an_error_within_an_evaluation(shards, monkeypatch, name, of_helper, error):
    complete, estimator = fit(unfitted(name)), fit(unfitted(name), IRIS[:, :2])
    before, answers = vars(estimator).copy(), estimator.predict(IRIS[:, :2])
    evaluate, n_calls, at = Network.cost_and_gradient, [], np.inf
    met = threading.Event()

    def evaluate_until(*args):
        is_helper = threading.current_thread() is not threading.main_thread()
        n_calls.append(None)
        if len(n_calls) > at and is_helper == of_helper:
            met.set()
            raise error("in a thread")
        if of_helper and not is_helper and len(n_calls) > at:
            met.wait(1)  # leave something to do for the helper
        return evaluate(*args)

    with monkeypatch.context() as patch:
        patch.setattr(Network, "cost_and_gradient", evaluate_until)
        fit(unfitted(name))
    # In the first evaluation, on the way, and late: in a search, in its refit. It is the function
    # above that reads `at`.
    for at in (0, len(n_calls) // 2, 3 * len(n_calls) // 4):  # noqa: B007
        n_calls.clear()
        met.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Network, "cost_and_gradient", evaluate_until)
            with pytest.raises(error, match=r"in a thread|interrupted"):
                fit(estimator)
        assert blas_threads() == {2}
        assert met.is_set()
        if error is MemoryError:
            assert vars(estimator) == before
        if vars(estimator) == before:
            np.testing.assert_array_equal(estimator.predict(IRIS[:, :2]), answers)
        else:
            assert_follows_the_rules(estimator)
            assert estimator.predict(IRIS).shape == SPECIES.shape
        estimator.__dict__ = before.copy()
    assert bits(fit(unfitted(name))) == bits(complete)


@pytest.mark.parametrize("name", ["classifier, search", "regressor, search"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_of_a_scorer(name, error, n_jobs):
    def fails(model, X, y):
        raise error("scored")

    estimator = fit(unfitted(name), IRIS[:, :2])
    estimator.set_params(scoring=fails, n_jobs=n_jobs)
    before = vars(estimator).copy()
    raised, said = (ValueError, "scored") if error is RuntimeError else (error, "0 of 4 fits")
    with parallel_config("threading"), pytest.raises(raised, match=said):
        fit(estimator)
    assert vars(estimator) == before


@each_estimator
@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_an_error_within_an_answer(shards, monkeypatch, name, error):
    estimator = fit(unfitted(name))
    before, answers = vars(estimator).copy(), estimator.predict(IRIS)
    monkeypatch.setattr(skbackprop._machine.prediction, "TINY_WORK", 0)
    monkeypatch.setattr(skbackprop._machine.prediction, "BLOCKS_PER_CALL", 1)
    with monkeypatch.context() as patch:

        def fails(*args):
            raise error("in a thread")

        patch.setattr(Network, "forward", fails)
        with pytest.raises(error, match="in a thread"):
            estimator.predict(IRIS)
    assert vars(estimator) == before
    np.testing.assert_array_equal(estimator.predict(IRIS), answers)


# Side by side


@each_estimator
def test_fits_in_threads(shards, name):
    expected = bits(fit(unfitted(name)))
    with ThreadPoolExecutor(4) as pool:
        fitted = list(pool.map(fit, [unfitted(name) for _ in range(8)]))
    assert all(bits(estimator) == expected for estimator in fitted)


def fitted_bits(name):
    """Fit as a worker would, whole."""
    return bits(fit(unfitted(name)))


def test_fits_in_loky_workers():
    expected = [fitted_bits(name) for name in ESTIMATORS]
    assert Parallel(n_jobs=2)(delayed(fitted_bits)(name) for name in ESTIMATORS) == expected
    get_reusable_executor().shutdown()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_fits_in_forked_workers_while_another_is_under_way(shards):
    expected = [fitted_bits(name) for name in ESTIMATORS]
    done = threading.Event()

    def keep_fitting():
        while not done.is_set():
            fitted_bits("classifier")

    with ThreadPoolExecutor(2) as threads, warnings.catch_warnings():
        # Newer Pythons warn of a fork beside threads, which is what is tested here.
        warnings.simplefilter("ignore", DeprecationWarning)
        busy = [threads.submit(keep_fitting) for _ in range(2)]
        try:
            with multiprocessing.get_context("fork").Pool(2) as workers:
                fits = workers.map_async(fitted_bits, list(ESTIMATORS)).get(timeout=120)
        finally:
            done.set()
        assert [one.result() for one in busy] == [None, None]
    assert fits == expected


@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_answers_while_the_model_is_refitted(shards, name):
    estimator, other = unfitted(name), unfitted(name).set_params(random_state=1)
    right = {fit(e).predict(IRIS).tobytes() for e in (estimator, other)}
    done = threading.Event()

    def answers():
        found = set()
        while not done.is_set():
            found.add(estimator.predict(IRIS).tobytes())
        return found

    with ThreadPoolExecutor(4) as pool:
        predicting = [pool.submit(answers) for _ in range(4)]
        try:
            for seed in (1, 0) * 10:
                fit(estimator.set_params(random_state=seed))
        finally:
            done.set()
        found = [one.result() for one in predicting]
    assert set().union(*found) <= right
    assert all(found)


# Overflow


@pytest.mark.parametrize("size", [1e30, 3e38])
@pytest.mark.parametrize("activation", ["identity", "relu"])
@each_estimator
def test_an_overflow_of_float32_is_named_or_there_is_none(name, activation, size):
    """Rows that float32 holds, and whose products it does not."""
    estimator = unfitted(name).set_params(activation=activation)
    X = (IRIS / np.abs(IRIS).max() * size).astype(np.float32)
    try:
        fit(estimator, X)
    except ValueError as error:
        said = str(error)
        assert not hasattr(estimator, "thetas_")
    else:
        said = "non-finite float32 scale X"
        assert np.isfinite(estimator.loss_curve_).all()
        assert np.isfinite(estimator.predict(X)).all()
    for word in ("non-finite", "float32", "scale X"):
        assert word in said, said
