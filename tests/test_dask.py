"""Fits on a Dask cluster are those of one machine, on however many workers, whichever are lost."""

import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time

import dask
import dask.array as da
import distributed
import joblib
import numpy as np
import pandas as pd
import pytest
from quiet import QuietCallback
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)
from skbackprop._cluster import data as data_module
from skbackprop._cluster import engine
from skbackprop._cluster.data import grouped
from skbackprop._cluster.engine import ClusterError, homes_for
from skbackprop._cluster.rows import ClusterRows
from skbackprop._rows import rows as rows_module
from skbackprop.dask import (
    DaskBackpropClassifier,
    DaskBackpropClassifierCV,
    DaskBackpropRegressor,
    DaskBackpropRegressorCV,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning"),
    # The engine's own, of its threads and sockets, whenever they are collected.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Creating scratch directories"),  # a busy machine
]
SECONDS = 240


@pytest.fixture(autouse=True)
def _limit():
    """End a test that hangs: nobody else would."""

    def too_late(*_):
        raise TimeoutError(f"no end after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def cluster_of(n_workers, processes=False):
    return distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=processes,
        dashboard_address=":0",
        silence_logs=50,
    )


@pytest.fixture(scope="module")
def client():
    with cluster_of(2) as cluster, distributed.Client(cluster) as client:
        yield client


def data(n_rows=1200, n_features=6, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features))
    y = np.array(["a", "b", "c"])[(X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)]
    return X, y


X, Y = data()
DX, DY = da.from_array(X, chunks=(200, 6)), da.from_array(Y, chunks=200)
RNG = np.random.default_rng(1)
START = [RNG.normal(scale=0.3, size=(5, 7)), RNG.normal(scale=0.3, size=(3, 6))]
FIXED = {
    "hidden_layer_sizes": 5,
    "activation": "tanh",
    "reg_lambda": 1e-3,
    "coarse_start": False,
    "thetas_init": START,
    "max_iter": 20,
}


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.thetas_, other.thetas_, strict=True))


def difference(one, other):
    return max(np.abs(a - b).max() for a, b in zip(one.thetas_, other.thetas_, strict=True))


@pytest.fixture
def local(monkeypatch):
    """Fits on this machine whose rows are neither merged nor sorted, as if they were many."""

    def fit(*data, sample_weight=None, **parameters):
        with monkeypatch.context() as patch:
            patch.setattr(rows_module, "CANONICAL_SIZE", 0)
            return BackpropClassifier(**{**FIXED, **parameters}).fit(
                *data, sample_weight=sample_weight
            )

    return fit


# The same fit


# Conjugate gradients amplify rounding sooner.
@pytest.mark.parametrize(("solver", "n_iter"), [("lbfgs", 20), ("cg", 10)])
def test_the_fit_is_that_of_one_machine(client, local, solver, n_iter):
    parameters = {**FIXED, "solver": solver, "max_iter": n_iter}
    fit = DaskBackpropClassifier(**parameters, n_groups=3).fit(DX, DY)
    alone = local(X, Y, **parameters)
    assert difference(fit, alone) < 1e-9
    assert fit.n_iter_ == alone.n_iter_ == n_iter
    np.testing.assert_allclose(fit.loss_curve_, alone.loss_curve_, rtol=1e-12)
    assert fit.classes_.tolist() == ["a", "b", "c"]


def test_the_fit_is_as_good_after_convergence(client, local):
    X_test, y_test = data(2000, seed=1)
    parameters = {"max_iter": 500, "tol": 1e-6}
    fit = DaskBackpropClassifier(**{**FIXED, **parameters}).fit(DX, DY)
    alone = local(X, Y, **parameters)
    assert fit.converged_
    assert alone.converged_
    ours, theirs = (log_loss(y_test, model.predict_proba(X_test)) for model in (fit, alone))
    assert ours == pytest.approx(theirs, abs=1e-3)


def test_the_number_of_workers_changes_no_bit(client):
    with_two = DaskBackpropClassifier(**FIXED, n_groups=5, client=client).fit(DX, DY)
    for n_workers in (1, 3):
        with cluster_of(n_workers) as cluster, distributed.Client(cluster) as other:
            assert equal(
                DaskBackpropClassifier(**FIXED, n_groups=5, client=other).fit(DX, DY), with_two
            )


def in_single(X):
    return X.astype(np.float32)


@pytest.mark.parametrize(
    ("parameters", "weighs"),
    [
        ({}, True),
        ({"class_weight": "balanced"}, False),
        ({"class_weight": {"a": 3.0, "b": 0.0}}, True),
        ({"out_activation": "logistic"}, False),
        ({"hidden_layer_sizes": (), "thetas_init": [np.zeros((3, 7))]}, False),
        ({"reg_lambda": "prior"}, True),
    ],
)
def test_weights_and_parameters_mean_the_same(client, local, parameters, weighs):
    w = RNG.integers(0, 4, len(X)) * 1000.5 if weighs else None
    fit = DaskBackpropClassifier(**{**FIXED, **parameters}).fit(
        DX, DY, None if w is None else da.from_array(w, chunks=300)
    )
    alone = local(X, Y, sample_weight=w, **parameters)
    assert difference(fit, alone) < 1e-8
    assert fit.reg_lambda_ == pytest.approx(alone.reg_lambda_, rel=1e-12)
    assert fit.loss_ == pytest.approx(alone.loss_, rel=1e-10)


def test_multilabel_targets(client, local):
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > X[:, 2], X[:, 3] > 2]).astype(int)
    fit = DaskBackpropClassifier(**FIXED).fit(DX, da.from_array(labels, chunks=(400, 1)))
    alone = local(X, labels)
    assert difference(fit, alone) < 1e-9
    assert fit.multilabel_
    np.testing.assert_array_equal(fit.predict(DX).compute(), alone.predict(X))


def test_float32_stays_float32(client, local):
    fit = DaskBackpropClassifier(**FIXED).fit(DX.astype(np.float32), DY)
    assert fit.thetas_[0].dtype == np.float32
    assert difference(fit, local(in_single(X), Y)) < 1e-2
    assert fit.predict_proba(DX).dtype == np.float32


NUMBERS = np.column_stack([X[:, 0] * X[:, 1], 1e6 + 1e5 * np.abs(X[:, 2]), np.full(1200, 7.0)])


@pytest.mark.parametrize(
    ("loss", "y", "weighs"),
    [
        ("squared_error", NUMBERS[:, 1], False),
        ("squared_error", NUMBERS, True),
        ("poisson", np.floor(np.abs(3 * X[:, 0])), True),
    ],
)
def test_numbers(client, local, monkeypatch, loss, y, weighs):
    w = (np.arange(1200) >= 300) * 1.5 if weighs else None  # a group has no weight at all
    parameters = {**FIXED, "loss": loss, "thetas_init": None, "random_state": 0}
    fit = DaskBackpropRegressor(**parameters, n_groups=4).fit(DX, da.from_array(y, chunks=200), w)
    monkeypatch.setattr(rows_module, "CANONICAL_SIZE", 0)
    alone = BackpropRegressor(**parameters).fit(X, y, w)
    assert difference(fit, alone) < 1e-7
    np.testing.assert_allclose(fit.y_mean_, alone.y_mean_, rtol=1e-13)
    np.testing.assert_allclose(fit.y_scale_, alone.y_scale_, rtol=1e-13)
    lazy = fit.predict(DX)
    assert lazy.shape == y.shape
    np.testing.assert_allclose(lazy.compute(), alone.predict(X), rtol=1e-7, atol=1e-7)
    assert fit.score(DX, y) == pytest.approx(alone.score(X, y), abs=1e-7)
    assert type(fit.to_local()) is BackpropRegressor


def test_auto_and_early_stopping_of_numbers(client):
    fit = DaskBackpropRegressor(5, early_stopping=True, max_iter=30, random_state=0)
    assert fit.fit(DX, NUMBERS[:, 0]).score(DX, NUMBERS[:, 0]) > 0.3
    with pytest.raises(ValueError, match="positive sum"):
        DaskBackpropRegressor(5, loss="poisson").fit(DX, np.zeros(1200))


# Chunks of all kinds


def test_sizes_that_nobody_knows_and_empty_chunks(client):
    known = DaskBackpropClassifier(**FIXED, n_groups=3).fit(DX, DY)
    kept = da.from_array(np.ones(len(X), bool), chunks=200)
    unknown = DaskBackpropClassifier(**FIXED, n_groups=3).fit(DX[kept], DY[kept])
    assert equal(unknown, known)
    parts = [np.zeros((0, 6)), X[:400], X[400:800], np.zeros((0, 6)), X[800:]]
    empty = da.concatenate([da.from_array(part, chunks=(400, 6)) for part in parts])
    assert equal(DaskBackpropClassifier(**FIXED, n_groups=3).fit(empty, Y), known)
    np.testing.assert_array_equal(known.predict(empty).compute(), known.predict(X))
    lazy = unknown.predict_proba(DX[kept])
    assert np.isnan(lazy.shape[0])
    np.testing.assert_array_equal(lazy.compute(), known.predict_proba(X))


def test_sparse_chunks(client, local):
    thin = X * (np.abs(X) > 1)
    of_chunks = DX.map_blocks(lambda part: sparse.csr_matrix(part * (np.abs(part) > 1)))
    fit = DaskBackpropClassifier(**FIXED).fit(of_chunks, DY)
    assert difference(fit, local(sparse.csr_array(thin), Y)) < 1e-9
    np.testing.assert_array_equal(fit.predict(of_chunks).compute(), fit.predict(thin))


def test_columns_in_several_chunks_and_other_chunks_of_y(client):
    fit = DaskBackpropClassifier(**FIXED, n_groups=2).fit(DX.rechunk((200, 2)), DY.rechunk(1000))
    assert equal(fit, DaskBackpropClassifier(**FIXED, n_groups=2).fit(DX.persist(), DY))
    assert fit.predict(DX.rechunk((200, 2))).compute().shape == (1200,)


def test_dataframes(client):
    dd = pytest.importorskip("dask.dataframe")
    import pandas as pd

    names = [f"x{i}" for i in range(6)]
    frame = pd.DataFrame(X, columns=names).assign(species=Y, w=1.0)
    parts = dd.from_pandas(frame, npartitions=6)
    fit = DaskBackpropClassifier(**FIXED, n_groups=3).fit(
        parts[names], parts["species"], parts["w"]
    )
    assert fit.feature_names_in_.tolist() == names
    # A dataframe's columns lie one after the other, which BLAS adds up in another order.
    assert difference(fit, DaskBackpropClassifier(**FIXED, n_groups=3).fit(DX, DY)) < 1e-9
    few = parts[parts["x0"] > 0.5]
    lazy = fit.predict(few[names])
    assert isinstance(lazy, da.Array)
    there = frame[frame["x0"] > 0.5][names]
    np.testing.assert_array_equal(lazy.compute(), fit.to_local().predict(there))
    np.testing.assert_array_equal(
        fit.predict_proba(few[names]).compute(), fit.to_local().predict_proba(there)
    )
    of_some = DaskBackpropClassifier(**FIXED).fit(few[names], few["species"])
    assert of_some.n_iter_ == 20
    with pytest.raises(ValueError, match="feature names"):
        fit.predict(few[names[::-1]]).compute()


# Errors


BAD = {
    "NaN": ((da.where(DX > 3, np.nan, DX), DY), ValueError, "Input X contains NaN"),
    "one class": ((DX, da.full(1200, "a", chunks=200)), ValueError, "at least two classes"),
    "numbers": ((DX, DX[:, 0]), ValueError, "Unknown label type: continuous"),
    "lengths": ((DX, DY[:1100]), ValueError, "X and y must have as many rows: 1200 and 1100"),
    "chunks": ((DX[DX[:, 0] > 0], DY.rechunk(400)), ValueError, "y must be chunked as X"),
    "unknown": (
        (DX[DX[:, 0] > 0], DY[DX[:, 1] > 0]),
        ValueError,
        r"X and y must have as many rows in each chunk: chunk 0 has \d+ and \d+",
    ),
    "no rows": ((DX[DX[:, 0] > 99], DY[DX[:, 0] > 99]), ValueError, "at least one row"),
    "local X": ((X, Y), TypeError, "BackpropClassifier fits what is on this machine"),
    "weights": ((DX, DY, -da.ones(1200, chunks=200)), ValueError, "must not be negative"),
    "no weight": ((DX, DY, da.zeros(1200, chunks=200)), ValueError, "must not be zero for all"),
    "of weights": ((DX, DY, da.ones(7)), ValueError, "X and sample_weight must have as many"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_valid_is_named_and_leaves_the_old_model(client, name):
    bad, error, message = BAD[name]
    fit = DaskBackpropClassifier(**{**FIXED, "max_iter": 1}).fit(DX, DY)
    before = fit.thetas_
    with pytest.raises(error, match=message):
        fit.fit(*bad)
    assert fit.thetas_ is before or equal(fit, fit)
    assert fit.n_iter_ == 1


def late(part):
    """Let the first of the chunks come last."""
    if np.array_equal(part[:1], X[:1]):
        time.sleep(0.5)
    return part


@pytest.mark.parametrize("is_validation", [False, True])
def test_of_groups_that_fail_the_first_in_order_tells(client, is_validation):
    shorter = da.from_array(Y, chunks=200).map_blocks(lambda part: part[1:], dtype=Y.dtype)
    bad = DX.map_blocks(late, meta=X[:0]), shorter
    message = "in each chunk: chunk 0 has 200 and 199"
    fit = DaskBackpropClassifier(**FIXED, n_groups=6)
    data, options = bad, {}
    if is_validation:
        data, options = (DX, DY), dict(zip(("X_val", "y_val"), bad, strict=True))
    with pytest.raises(ValueError, match=message) as raised:
        fit.fit(*data, **options)
    assert raised.value.__suppress_context__  # no other group tells, too


def test_of_groups_with_other_classes_the_first_in_order_tells(client, monkeypatch):
    encoded = data_module._encoded

    def late_if_first(group, encoding):
        time.sleep(0.5 * ("u" in group.y))
        return encoded(group, encoding)

    monkeypatch.setattr(data_module, "_encoded", late_if_first)
    other = da.from_array(np.repeat(list("uvwxyz"), 200), chunks=200)
    fit = DaskBackpropClassifier(**FIXED, n_groups=6)
    with pytest.raises(ValueError, match=r"only classes of the fit, .* got \['u'\]"):
        fit.fit(DX, DY, X_val=DX, y_val=other)


def missing(part):
    raise FileNotFoundError("of the user's own graph")


def test_an_error_of_the_users_graph_is_raised_at_once(client):
    with pytest.raises(FileNotFoundError, match="of the user's own graph"):
        DaskBackpropClassifier(**FIXED).fit(DX.map_blocks(missing, meta=X[:0]), DY)


def test_parameters_of_the_cluster_are_checked(client):
    with pytest.raises(ValueError, match="n_groups must be None or an int >= 1, got 0"):
        DaskBackpropClassifier(n_groups=0).fit(DX, DY)


def test_without_a_client_the_error_says_so():
    script = (
        "import dask.array as da; from skbackprop.dask import DaskBackpropClassifier\n"
        "try: DaskBackpropClassifier().fit(da.zeros((4, 2)), da.zeros(4))\n"
        "except ValueError as error: print(error)"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "no Dask client" in printed.stdout, printed.stderr


@pytest.mark.parametrize("method", ["fit", "predict", "predict_proba"])
def test_the_local_class_gathers_nothing(method):
    fit = BackpropClassifier(**{**FIXED, "max_iter": 1}).fit(X, Y)
    args = (DX, DY) if method == "fit" else (DX,)
    with pytest.raises(TypeError, match=re.escape("skbackprop.dask.DaskBackpropClassifier")):
        getattr(fit, method)(*args)
    with pytest.raises(TypeError, match="does not gather y, a dask Array"):
        fit.fit(X, DY)


# A search of the penalty

SEARCH = {
    "hidden_layer_sizes": 5,
    "activation": "tanh",
    "reg_lambdas": 3,
    "cv": 3,
    "coarse_start": False,
    "max_iter": 6,
    "random_state": 0,
}


@pytest.fixture
def alone(monkeypatch):
    """Searches on this machine whose rows are neither merged nor sorted, as if they were many."""

    def fit(kind, *data, **parameters):
        with monkeypatch.context() as patch:
            patch.setattr(rows_module, "CANONICAL_SIZE", 0)
            return kind(**{**SEARCH, **parameters}).fit(*data)

    return fit


def assert_same_search(one, other, within=1e-9):
    np.testing.assert_allclose(one.reg_lambdas_, other.reg_lambdas_, rtol=1e-12)
    np.testing.assert_allclose(one.scores_, other.scores_, rtol=within)
    assert difference(one, other) < within
    assert (one.n_splits_, one.best_index_) == (other.n_splits_, other.best_index_)
    assert set(one.cv_results_) == set(other.cv_results_)
    assert one.best_score_ == pytest.approx(other.best_score_, rel=within)


@pytest.mark.parametrize(
    ("parameters", "weighs"),
    [
        ({}, False),
        ({"class_weight": "balanced", "refit": "1se"}, True),
        ({"scoring": "accuracy", "solver": "cg"}, False),
        ({"scoring": "neg_log_loss", "class_weight": {"a": 3.0}, "reg_lambdas": [0.1, 1e-3]}, True),
    ],
)
def test_the_search_is_that_of_one_machine(client, alone, parameters, weighs):
    w = np.arange(1200) % 3 * 1.5 if weighs else None
    fit = DaskBackpropClassifierCV(**{**SEARCH, **parameters}, n_groups=4).fit(DX, DY, w)
    kept = np.arange(1200) if w is None else np.flatnonzero(w)
    splits = StratifiedKFold(3).split(kept, Y[kept])
    folds = [(kept[train], kept[test]) for train, test in splits]
    local = alone(BackpropClassifierCV, X, Y, w, **{**parameters, "cv": folds})
    assert_same_search(fit, local)
    assert fit.score(DX, DY, w) == pytest.approx(local.score(X, Y, w), rel=1e-9)


def test_a_search_of_labels_or_numbers(client, alone):
    labels = np.column_stack([X[:, 0] > 0, X[:, 1] > X[:, 2]]).astype(int)
    fit = DaskBackpropClassifierCV(**SEARCH).fit(DX, da.from_array(labels, chunks=(400, 2)))
    assert_same_search(fit, alone(BackpropClassifierCV, X, labels))
    parameters = {"coarse_folds": False, "scoring": "neg_mean_absolute_error"}
    fit = DaskBackpropRegressorCV(**SEARCH, **parameters).fit(DX, NUMBERS[:, :2])
    assert_same_search(fit, alone(BackpropRegressorCV, X, NUMBERS[:, :2], **parameters))


def test_folds_of_numbers_are_coarse_in_single_precision(client, alone):
    fit = DaskBackpropRegressorCV(**SEARCH).fit(DX, NUMBERS[:, 0])
    assert_same_search(fit, alone(BackpropRegressorCV, X, NUMBERS[:, 0]), within=1e-3)
    assert fit.thetas_[0].dtype == np.float64


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_number_of_workers_changes_no_bit_of_a_search(client, early_stopping):
    search = DaskBackpropClassifierCV(**SEARCH, early_stopping=early_stopping, n_groups=5)
    with_two = clone(search).fit(DX, DY)
    for n_workers in (1, 3):
        with cluster_of(n_workers) as cluster, distributed.Client(cluster) as other:
            fit = clone(search).set_params(client=other).fit(DX, DY)
            np.testing.assert_array_equal(fit.scores_, with_two.scores_)
            assert equal(fit, with_two)


def test_a_search_without_a_cluster_and_back(client):
    fit = DaskBackpropClassifierCV(**SEARCH, scoring="neg_log_loss", client=client).fit(DX, DY)
    plain = fit.to_local()
    assert type(plain) is BackpropClassifierCV
    assert equal(plain, fit)
    np.testing.assert_array_equal(fit.predict_proba(DX).compute(), plain.predict_proba(X))
    assert fit.score(DX, DY) == pytest.approx(plain.score(X, Y), rel=1e-12)
    assert fit.score(X, Y) == plain.score(X, Y)
    assert pickle.loads(pickle.dumps(fit)).scores_.shape == (3, 3)


def test_a_validation_set_is_weighed_as_each_fold(client):
    X_val, y_val = data(300, seed=3)
    given = {"X_val": da.from_array(X_val, chunks=100), "y_val": da.from_array(y_val, chunks=100)}
    parameters = {**SEARCH, "class_weight": "balanced", "early_stopping": True}
    fit = DaskBackpropClassifierCV(**parameters).fit(DX, DY, **given)
    alone = BackpropClassifierCV(**parameters).fit(X, Y, X_val=X_val, y_val=y_val)
    np.testing.assert_allclose(fit.scores_, alone.scores_, rtol=1e-6)
    np.testing.assert_allclose(fit.validation_scores_, alone.validation_scores_, rtol=1e-6)


def test_what_a_fold_has_of_its_own_goes_with_it(client, monkeypatch):
    each, n_futures = engine.Cluster.each, []

    def counted(*args):
        n_futures.append(len(client.futures))
        return each(*args)

    monkeypatch.setattr(engine.Cluster, "each", counted)
    most = []
    for cv in (2, 5):
        wait_until(lambda: not client.futures)
        n_futures.clear()
        parameters = {**SEARCH, "cv": cv, "early_stopping": True, "reg_lambdas": [1e-3]}
        DaskBackpropClassifierCV(**parameters, n_groups=3).fit(DX, DY)
        most.append(max(n_futures))
    assert most[1] <= most[0] + 2  # futures on their way out
    wait_until(lambda: not client.futures)


def test_an_interrupted_search_says_how_far_it_was(client, monkeypatch):
    from skbackprop._search import fold

    next_fit, n_fits = fold._next_fit, []

    def interrupted(*args):
        if len(n_fits) == 4:
            raise KeyboardInterrupt
        n_fits.append(1)
        return next_fit(*args)

    fit = DaskBackpropClassifierCV(**SEARCH)
    monkeypatch.setattr(fold, "_next_fit", interrupted)
    with pytest.raises(KeyboardInterrupt, match="4 of 9 fits are done") as raised:
        fit.fit(DX, DY)
    assert raised.traceback
    assert not hasattr(fit, "thetas_")
    wait_until(lambda: not client.futures)


def test_callbacks_see_what_a_search_was_given(client):
    pytest.importorskip("sklearn.callback")
    seen = []

    class Recorder(QuietCallback):
        def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
            if X is not None:  # an iteration that was not to be has no data
                seen.append((context.task_name, X is DX, y is DY, fitted_estimator is not None))

    parameters = {**SEARCH, "cv": 2, "reg_lambdas": [1e-3], "max_iter": 2}
    fit = DaskBackpropClassifierCV(**parameters).set_callbacks(Recorder()).fit(DX, DY)
    assert [name for name, *_ in seen].count("fold") == 2
    assert all(is_X and is_y for _, is_X, is_y, _ in seen)
    assert ("iteration", True, True, True) in seen
    assert fit.n_iter_ == 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cv": StratifiedKFold(3)}, "cv must be None or, of rows on a cluster, an int >= 2"),
        ({"cv": 1}, "cv must be None or, of rows on a cluster, an int >= 2, got 1"),
        ({"scoring": "roc_auc"}, "scoring must be None or, .* a mean over rows .*, got 'roc_auc'"),
        ({"cv": 1000}, "cv must not be more folds than there are rows of each class"),
        ({"reg_lambdas": 0}, "reg_lambdas must be"),
    ],
)
def test_what_a_search_does_not_do_is_named(client, parameters, message):
    with pytest.raises(ValueError, match=message):
        DaskBackpropClassifierCV(**{**SEARCH, **parameters}).fit(DX, DY)


def test_a_cluster_that_is_lost_is_no_error_of_the_scorer(client, monkeypatch):
    def lost(*args):
        raise ClusterError("the cluster is gone")

    monkeypatch.setattr(ClusterRows, "mean_by_count", lost)
    for scoring in (None, "accuracy"):
        with pytest.raises(ClusterError, match="is gone"):
            DaskBackpropClassifierCV(**SEARCH, scoring=scoring).fit(DX, DY)


def test_the_score_of_labels_that_are_sparse(client):
    labels = sparse.csr_array(np.column_stack([X[:, 0] > 0, X[:, 1] > 1]).astype(int))
    fit = DaskBackpropClassifierCV(**SEARCH, scoring="accuracy")
    fit.fit(DX, da.from_array(labels.toarray(), chunks=(200, 2)))
    assert fit.score(DX, labels) == fit.score(X, labels) == fit.to_local().score(X, labels)


@pytest.mark.parametrize("kind", [DaskBackpropClassifier, DaskBackpropClassifierCV])
def test_what_is_on_the_cluster_and_what_is_not_is_told_apart(client, kind):
    fit = kind(5, max_iter=1, random_state=0, coarse_start=False)
    for given, message in (
        ({"y_val": DY}, "X_val must be a dask array or dataframe where y_val is a dask Array"),
        ({"y_val": Y, "sample_weight_val": da.ones(1200)}, "X_val .* where sample_weight_val is"),
    ):
        with pytest.raises(TypeError, match=message):
            fit.fit(DX, DY, X_val=X, **given)
    fit.fit(DX, DY)
    with pytest.raises(TypeError, match="X must be a dask array or dataframe where y is a dask"):
        fit.score(X, DY)
    with pytest.raises(
        TypeError, match=r"X must be .* where sample_weight is a dask Array, got nd"
    ):
        fit.score(X, Y, da.ones(1200))


def test_callbacks_of_a_search_see_estimators_that_know_the_names_of_X(client):
    callback = pytest.importorskip("sklearn.callback")
    dd = pytest.importorskip("dask.dataframe")
    names = list("abcdef")

    class Predicts(QuietCallback):
        n_seen = 0

        def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
            if fitted_estimator is not None and context.task_name == "iteration":
                fitted_estimator.predict(X)  # which warns, where X has names and it has none
                assert list(fitted_estimator.feature_names_in_) == names == list(X.columns)
                Predicts.n_seen += 1

    assert isinstance(Predicts(), callback.FitCallback)
    frame = dd.from_pandas(pd.DataFrame(X, columns=names), npartitions=3)
    fit = DaskBackpropClassifierCV(**SEARCH).set_callbacks(Predicts())
    fit.fit(frame, dd.from_pandas(pd.Series(Y), npartitions=3))
    assert Predicts.n_seen > fit.n_iter_


def test_a_class_of_fewer_rows_than_folds_is_warned_of_where_fit_is_called(client):
    y = np.where(np.arange(1200) < 2, "z", Y)
    with pytest.warns(UserWarning, match="cv=3 is more folds than the smallest class") as caught:
        DaskBackpropClassifierCV(**SEARCH).fit(DX, y)
    assert [w.filename for w in caught if "more folds" in str(w.message)] == [__file__]


def test_metadata_of_a_search_are_refused(client):
    with pytest.raises(ValueError, match="fit got groups, which folds on a cluster do not use"):
        DaskBackpropClassifierCV(**SEARCH).fit(DX, DY, groups=DY)


def test_a_grid_search_spreads_its_fits_over_the_workers(client):
    grid = {"reg_lambda": [1e-1, 1e-3]}
    search = GridSearchCV(BackpropClassifier(5, max_iter=5, random_state=0), grid, cv=2)
    alone = clone(search).fit(X, Y)
    with joblib.parallel_config("dask"):
        together = clone(search).fit(X, Y)
    scores = "mean_test_score"
    np.testing.assert_array_equal(together.cv_results_[scores], alone.cv_results_[scores])
    assert equal(together.best_estimator_, alone.best_estimator_)


# Everything else that a fit has


def test_early_stopping_holds_out_a_share_of_each_group(client):
    parameters = {**FIXED, "early_stopping": True, "max_iter": 200, "n_iter_no_change": 3}
    fit = DaskBackpropClassifier(**parameters, n_groups=4, random_state=0).fit(DX, DY)
    assert fit.stop_reason_ in ("early_stopping", "converged")
    scores = fit.validation_scores_
    assert fit.best_validation_score_ == max(scores) == scores[fit.best_iteration_]
    again = DaskBackpropClassifier(**parameters, n_groups=4, random_state=0).fit(DX, DY)
    assert equal(fit, again)
    assert again.validation_scores_ == scores


@pytest.mark.parametrize("is_stopped", [False, True])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_validation_set_of_ones_own(client, local, is_there, is_stopped):
    X_val, y_val = data(300, seed=3)
    w = np.arange(300.0)
    given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": w}
    there = {name: da.from_array(array, chunks=100) for name, array in given.items()}
    parameters = {**FIXED, "early_stopping": is_stopped, "class_weight": "balanced"}
    fit = DaskBackpropClassifier(**parameters).fit(DX, DY, **(there if is_there else given))
    alone = BackpropClassifier(**parameters).fit(X, Y, **given)
    np.testing.assert_allclose(fit.validation_scores_, alone.validation_scores_, rtol=1e-6)
    with pytest.raises(ValueError, match="y_val must hold only classes of the fit"):
        fit.fit(DX, DY, X_val=there["X_val"], y_val=da.full(300, "z", chunks=100))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_auto_and_a_coarse_start_pass_over_rows_at_hand(client, early_stopping):
    fit = DaskBackpropClassifier(
        10, coarse_start=True, early_stopping=early_stopping, max_iter=30, random_state=0
    ).fit(DX, DY)
    assert len(fit.reg_lambdas_) == len(fit.reg_lambda_scores_) > 1
    assert fit.score(DX, DY) > 0.8
    assert fit.score(DX, DY) == fit.to_local().score(X, Y)


def test_a_warm_start_goes_on(client):
    fit = DaskBackpropClassifier(**{**FIXED, "warm_start": True}).fit(DX, DY)
    loss = fit.loss_
    fit.fit(DX, DY)
    assert fit.loss_curve_[0] == pytest.approx(loss, rel=1e-12)
    assert fit.loss_ < loss


def test_an_interrupt_keeps_what_there_is_and_leaves_nothing_on_the_cluster(client, monkeypatch):
    fit = DaskBackpropClassifier(**FIXED)
    total, n_calls = engine.Cluster.total, []

    def interrupted(*args):
        n_calls.append(1)
        if len(n_calls) == 8:
            raise KeyboardInterrupt
        return total(*args)

    monkeypatch.setattr(engine.Cluster, "total", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        fit.fit(DX, DY)
    assert raised.traceback  # its frames are still there
    assert fit.stop_reason_ == "interrupted"
    assert 0 < fit.n_iter_ < 8
    wait_until(lambda: not client.futures)


def wait_until(is_so):
    while not is_so():
        time.sleep(0.05)


def test_a_failed_fit_leaves_nothing_on_the_cluster(client):
    with pytest.raises(ValueError, match="NaN") as raised:
        DaskBackpropClassifier(**FIXED, n_groups=3).fit(da.where(DX > 3, np.nan, DX), DY)
    assert raised.traceback
    wait_until(lambda: not client.futures)


def test_no_pickle_holds_the_client_and_a_clone_has_it(client):
    fit = DaskBackpropClassifier(**FIXED, client=client).fit(DX, DY)
    assert fit.get_params()["client"] is client
    assert clone(fit).client is client
    loaded = pickle.loads(pickle.dumps(fit))
    assert loaded.client is None
    np.testing.assert_array_equal(loaded.predict(X), fit.predict(X))


def test_to_local_is_the_plain_estimator(client):
    fit = DaskBackpropClassifier(**FIXED).fit(DX, DY)
    plain = fit.to_local()
    assert type(plain) is BackpropClassifier
    assert equal(plain, fit)
    assert plain.get_params() == {
        n: v for n, v in fit.get_params().items() if n not in ("client", "n_groups")
    }
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        lazy = getattr(fit, method)(DX)
        assert isinstance(lazy, da.Array)
        at_once = getattr(plain, method)(X)
        assert (lazy.shape, lazy.dtype) == (at_once.shape, at_once.dtype)
        np.testing.assert_array_equal(lazy.compute(), at_once)
        np.testing.assert_array_equal(getattr(fit, method)(X), at_once)
    assert type(DaskBackpropClassifier(3).to_local()) is BackpropClassifier


def test_importing_the_package_does_not_import_dask():
    script = "import skbackprop, sys; assert not {'dask', 'distributed'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


# Who holds what


def test_residents_stay_where_they_are_unless_that_is_gone_or_full():
    assert homes_for(["a", "b", "a"], {"a": 1, "b": 1}) == ["a", "b", "a"]
    assert homes_for(["a", "gone", "a", "gone"], {"a": 1, "b": 1}) == ["a", "b", "a", "b"]
    assert homes_for(["a"] * 4, {"a": 1, "b": 3}).count("b") == 3
    assert homes_for(["a"] * 5, {"a": 1, "b": 1}).count("a") == 3


def test_groups_are_runs_of_neighbours():
    assert list(grouped("abcde", 2)) == [["a", "b"], ["c", "d", "e"]]
    assert list(grouped("ab", 5)) == [["a"], ["b"]]


# Workers that die


@pytest.fixture
def processes():
    """Two workers for each test: those that were killed take their time to come back."""
    with cluster_of(2, processes=True) as cluster, distributed.Client(cluster) as client:
        yield client


def kill_one_at_work(client, name):
    """Kill a worker in the middle of a task of this name."""
    pids = client.run(os.getpid)
    while True:
        for worker, keys in client.processing().items():
            if worker in pids and any(name in str(key) for key in keys):
                os.kill(pids[worker], signal.SIGKILL)
                return


LARGE = da.random.RandomState(0).normal(size=(60_000, 20), chunks=(5000, 20))
SIGNS = (LARGE[:, 0] * LARGE[:, 1] > 0).astype(int)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_worker_killed_in_an_evaluation_changes_no_bit(processes, early_stopping):
    processes.wait_for_workers(2, timeout=SECONDS)
    fit = DaskBackpropClassifier(
        60,
        reg_lambda=1e-3,
        coarse_start=False,
        early_stopping=early_stopping,
        random_state=0,
        max_iter=8,
        n_groups=4,
        client=processes,
    )
    clean = clone(fit).fit(LARGE, SIGNS)
    killer = threading.Thread(target=kill_one_at_work, args=(processes, "_sums_at"))
    workers = set(processes.nthreads())
    killer.start()
    fit.fit(LARGE, SIGNS)
    killer.join()
    assert set(processes.nthreads()) != workers
    assert equal(fit, clean)
    assert fit.loss_curve_ == clean.loss_curve_


def test_a_worker_killed_in_a_search_changes_no_bit(processes):
    processes.wait_for_workers(2, timeout=SECONDS)
    parameters = {**SEARCH, "hidden_layer_sizes": 60, "cv": 2, "reg_lambdas": [1e-2, 1e-3]}
    search = DaskBackpropClassifierCV(**parameters, n_groups=4, client=processes)
    clean = clone(search).fit(LARGE, SIGNS)
    killer = threading.Thread(target=kill_one_at_work, args=(processes, "_sums_at"))
    killer.start()
    search.fit(LARGE, SIGNS)
    killer.join()
    np.testing.assert_array_equal(search.scores_, clean.scores_)
    assert equal(search, clean)


def test_data_that_nobody_can_make_again_is_named(processes):
    processes.wait_for_workers(2, timeout=SECONDS)
    here = processes.scatter(np.asarray(X), workers=[min(processes.nthreads())])
    there = da.from_delayed(dask.delayed(here), X.shape, X.dtype)
    fit = DaskBackpropClassifier(**FIXED, client=processes)
    pids = processes.run(os.getpid)

    def kill(*_):
        # The other may hold the rows that are made from these data.
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: here.status != "finished")

    with pytest.raises(ClusterError, match="scattered"):
        fit_with(fit, there, kill)


def fit_with(fit, X, act):
    """Fit, and do something after the third evaluation."""
    total, n_calls = engine.Cluster.total, []

    def and_act(*args):
        n_calls.append(1)
        if len(n_calls) == 3:
            act()
        return total(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.Cluster, "total", and_act)
        fit.fit(X, da.from_array(Y, chunks=len(Y)))


def test_a_task_that_fails_as_its_time_to_be_looked_at_ends(client):
    class FailsMeanwhile:
        def done(self):
            return True

        def result(self, timeout=None):
            raise ValueError("of the task") if timeout is None else TimeoutError("of the look")

    with engine.Cluster(client, []) as cluster, pytest.raises(ValueError, match="of the task"):
        cluster._result_of(FailsMeanwhile())


def test_futures_that_the_client_has_lost_are_submitted_anew(client):
    def lose_all():
        client.cancel([distributed.Future(key, client) for key in list(client.futures)])

    fit = DaskBackpropClassifier(**FIXED, n_groups=3)
    clean = clone(fit).fit(DX, da.from_array(Y, chunks=len(Y)).rechunk(200))
    fit_with(fit, DX, lose_all)
    assert equal(fit, clean)


def leave(part):
    os._exit(1)


def test_a_task_that_kills_its_workers_ends_the_fit():
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        cluster_of(1, processes=True) as cluster,
        distributed.Client(cluster) as client,
    ):
        fit = DaskBackpropClassifier(**FIXED, client=client)
        with pytest.raises(distributed.KilledWorker):
            fit.fit(DX.map_blocks(leave, meta=X[:0]), DY)


@pytest.mark.parametrize("what", ["workers", "scheduler"])
def test_a_cluster_that_is_gone_ends_the_fit(monkeypatch, what):
    monkeypatch.setattr(engine, "GONE_AFTER", 2.0)
    cluster = cluster_of(1)
    with cluster, distributed.Client(cluster, timeout=2) as client:
        fit = DaskBackpropClassifier(**FIXED, client=client)
        act = cluster.close if what == "scheduler" else lambda: cluster.scale(0)
        with pytest.raises(ClusterError, match="the cluster is gone"):
            fit_with(fit, DX.rechunk((1200, 6)), act)
    assert not hasattr(fit, "thetas_")
