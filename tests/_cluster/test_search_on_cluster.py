"""What a search on a cluster leaves as it is: its workers, where rows are, the user's own."""

import threading
import warnings

import numpy as np
import pytest

pytest.importorskip("distributed")

import dask.array as da
from dask import delayed
from distributed import Client, LocalCluster

from skbackprop import BackpropClassifierCV, BackpropRegressorCV
from skbackprop._cluster import engine, search
from skbackprop._cluster.targets import NumbersOfGroups
from skbackprop._rows import rows
from skbackprop._rows.classes import encode_classes
from skbackprop._search.scoring import score_of
from skbackprop.dask import DaskBackpropClassifierCV, DaskBackpropRegressorCV

pytestmark = [
    pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning"),
    # The engine's own, of its threads and sockets, whenever they are collected.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Creating scratch directories"),  # a busy machine
]
SEARCH = {
    "hidden_layer_sizes": 3,
    "reg_lambdas": [0.1, 0.01],
    "cv": 2,
    "coarse_start": False,
    "max_iter": 3,
    "random_state": 0,
}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(320, 4))
DX = da.from_array(X, chunks=(40, 4))
CLASSES = np.repeat(["a", "b", "c", "d"], 80)


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=2,
            processes=False,
            dashboard_address=":0",
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


# Python's warnings


def test_scores_in_threads_leave_the_warnings_of_the_process_alone():
    targets, _ = encode_classes(np.array(["a", "b"]), None, None)
    lacking, filters = targets.take(slice(1)), list(warnings.filters)
    is_inside, may_end = ([threading.Event() for _ in range(2)] for _ in range(2))
    scores = [0.0, 0.0]

    def score(number):
        def scorer(model, X, y):
            is_inside[number].set()
            may_end[number].wait(60)
            return 1.0

        scores[number] = score_of(scorer, None, X[:1], ["a"], {}, lacking)

    threads = [threading.Thread(target=score, args=(number,)) for number in range(2)]
    for thread, event in zip(threads, is_inside, strict=True):
        thread.start()
        assert event.wait(60)
    for thread, event in zip(threads, may_end, strict=True):  # the first to begin ends first
        event.set()
        thread.join(60)
    assert scores == [1.0, 1.0]
    assert list(warnings.filters) == filters


def test_groups_that_lack_classes_are_told_of_them(client):
    parameters = {**SEARCH, "scoring": "neg_log_loss"}
    there = DaskBackpropClassifierCV(**parameters, n_groups=8).fit(DX, CLASSES)
    here = BackpropClassifierCV(**parameters).fit(X, CLASSES)
    np.testing.assert_allclose(there.scores_, here.scores_, rtol=1e-6)


# Who holds what


def test_groups_that_are_settled_stay_where_they_are(client, monkeypatch):
    workers, moves = sorted(client.nthreads()), []
    weights_of_folds, move = search.class_weights_of_training, engine.Resident.move

    def first_half_on_one(cluster, groups):
        for number, group in enumerate(groups):
            group.home = workers[2 * number // len(groups)]

    def folds_begin(*args):
        moves.clear()
        return weights_of_folds(*args)

    def counted(*args):
        moves.append(1)
        move(*args)

    monkeypatch.setattr(engine.Cluster, "find", first_half_on_one)
    monkeypatch.setattr(search, "class_weights_of_training", folds_begin)
    monkeypatch.setattr(engine.Resident, "move", counted)
    for early_stopping in (False, True):
        parameters = {**SEARCH, "early_stopping": early_stopping, "n_groups": 8}
        DaskBackpropRegressorCV(**parameters).fit(DX, X[:, 0])
        assert not moves


def test_groups_are_settled_anew_once_there_are_other_workers(client):
    workers = {"a": 1, "b": 1}
    with engine.Cluster(client, []) as cluster:
        first = cluster.hold_delayed(delayed(np.arange)(3))
        first.home = "a"
        cluster._look = lambda: workers
        cluster.settle([first])
        others = [cluster.hold(np.sum, first) for _ in range(4)]
        cluster.settle(others)
        assert [other.home for other in others] == ["a"] * 4
        workers = {"b": 1, "c": 1}
        cluster._looked_at = -np.inf
        cluster.settle(others)
        assert sorted(other.home for other in others) == ["b", "b", "c", "c"]
        assert [other.future.result() for other in others] == [3] * 4


# What is the user's own


def test_only_what_predicts_is_sent_to_score_or_predict(client):
    lock = threading.Lock()  # which no pickle holds

    def refit(results):
        with lock:
            return 1

    parameters = {**SEARCH, "scoring": "accuracy", "refit": refit}
    fit = DaskBackpropClassifierCV(**parameters).fit(DX, CLASSES)
    assert fit.best_index_ == 1
    np.testing.assert_array_equal(fit.predict(DX).compute(), fit.predict(X))


def test_counts_are_scored_as_the_counts_that_they_are(client):
    counts = np.full(320, 9.0)
    counts[::8] = 0.0
    kind = NumbersOfGroups("squared_error")
    given = kind.encoding([kind.summary(counts, None)]).rows(X, counts, None).targets
    assert given.kind.decode(given.codes).min() < 0 == given.as_given.min()
    parameters = {**SEARCH, "reg_lambdas": [1.0], "scoring": "neg_mean_poisson_deviance"}
    there = DaskBackpropRegressorCV(**parameters, coarse_folds=False).fit(DX, counts)
    here = BackpropRegressorCV(**parameters, coarse_folds=False).fit(X, counts)
    np.testing.assert_allclose(there.scores_, here.scores_, rtol=1e-6)


def test_what_is_constant_in_the_training_rows_of_a_fold_learns_nothing_there(client, monkeypatch):
    Y = np.column_stack([X[:, 0], np.where(np.arange(320) < 160, X[:, 1], 2.0)])
    parameters = {**SEARCH, "coarse_folds": False}
    there = DaskBackpropRegressorCV(**parameters, n_groups=8).fit(DX, Y)
    monkeypatch.setattr(rows, "CANONICAL_SIZE", 0)
    here = BackpropRegressorCV(**parameters).fit(X, Y)
    np.testing.assert_allclose(there.scores_, here.scores_, rtol=1e-9)
