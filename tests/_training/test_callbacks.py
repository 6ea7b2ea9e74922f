"""scikit-learn's callbacks see every iteration, can stop a fit, and their errors lose nothing."""

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skbackprop import BackpropClassifier, BackpropClassifierCV, cost_and_gradient
from skbackprop._training.callbacks import root_task

callback = pytest.importorskip("sklearn.callback")

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)


class Recorder:
    """Records the tasks, and does something at the end of each iteration."""

    def __init__(self, act=lambda number, fitted: None):
        self.act, self.began, self.ended, self.set_up = act, [], [], 0

    def setup(self, estimator, context):
        self.set_up += 1

    def teardown(self, estimator, context):
        self.set_up -= 1

    def on_fit_task_begin(self, estimator, context):
        self.began.append((context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.ended.append((context.task_name, context.task_id))
        if context.task_name == "iteration" and fitted_estimator is not None:
            self.data = X, y, metadata
            return self.act(context.task_id + 1, fitted_estimator)
        return False


def classifier(**parameters):
    defaults = {"activation": "logistic", "reg_lambda": "prior", "random_state": 0}
    return BackpropClassifier(4, **{**defaults, **parameters})


def test_a_callback_sees_every_iteration():
    losses = []
    recorder = Recorder(lambda number, fitted: losses.append((fitted.loss_, fitted.predict(IRIS))))
    w = np.ones(150)
    fit = classifier().set_callbacks(recorder).fit(IRIS, SPECIES, sample_weight=w)
    plain = classifier().fit(IRIS, SPECIES)
    assert [loss for loss, _ in losses] == plain.loss_curve_[1:] == fit.loss_curve_[1:]
    np.testing.assert_array_equal(losses[-1][1], plain.predict(IRIS))
    assert sorted(recorder.began) == sorted(recorder.ended)
    assert recorder.began[0][0] == recorder.ended[-1][0] == "fit"
    assert recorder.set_up == 0
    X, y, metadata = recorder.data
    assert X is IRIS
    assert y is SPECIES
    assert metadata["sample_weight"] is w


def path_of(context):
    return [] if context is None else [*path_of(context.parent), context.task_name]


def test_a_fit_is_stages_and_a_stage_is_iterations():
    ended = []

    class Paths(Recorder):
        def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
            ended.append((path_of(context), context.task_id, context.max_subtasks))

    paths = Paths()
    fit = classifier(coarse_start=True, max_iter=100).set_callbacks(paths).fit(IRIS, SPECIES)
    assert ended[-1] == (["fit"], 0, None)
    stages = [(path[1], number) for path, number, _ in ended if len(path) == 2]
    assert stages == [("mini-batches", 0), ("all rows", 1), ("all rows", 2)]
    limits = [n for path, _, n in ended if len(path) == 2]
    # One more than there can be begins, and is not to be; float64 has what float32 has left.
    assert limits[:2] == [101, 101]
    assert 1 < limits[2] < 101
    iterations = [number for path, number, _ in ended if len(path) == 3]
    # Nothing is below an iteration.
    assert {(path[2], n) for path, _, n in ended if len(path) == 3} == {("iteration", 0)}
    lengths = [end + 1 for end, after in pairwise([*iterations, 0]) if after == 0]
    assert sum(lengths[1:]) - 2 == fit.n_iter_


def test_every_task_is_shown_its_rows_and_whose_it_is():
    shown = []

    class Rows(Recorder):
        def on_fit_task_begin(self, estimator, context, *, X, y, metadata):
            shown.append(("begin", context.task_name, estimator, X, y, metadata))

        def on_fit_task_end(self, estimator, context, *, X, y, metadata):
            shown.append(("end", context.task_name, estimator, X, y, metadata))

    w = np.ones(150)
    fit = classifier(tol=1e-2).set_callbacks(Rows()).fit(IRIS, SPECIES, sample_weight=w)
    # The last iteration, which is not to be, ends without any.
    is_not_to_be = max(n for n, seen in enumerate(shown) if seen[:2] == ("end", "iteration"))
    del shown[is_not_to_be]
    assert {seen[1] for seen in shown} == {"fit", "all rows", "iteration"}
    for _, _, estimator, X, y, metadata in shown:
        assert estimator is fit
        assert X is IRIS
        assert y is SPECIES
        assert metadata["sample_weight"] is w


@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
def test_a_callback_stops_a_fit_cleanly(solver):
    recorder = Recorder(lambda number, fitted: number == 3)
    fit = classifier(solver=solver).set_callbacks(recorder).fit(IRIS, SPECIES)
    assert fit.n_iter_ == 3
    assert not fit.converged_
    assert fit.stop_reason_ == "callback"
    with pytest.warns(ConvergenceWarning):
        three = classifier(solver=solver, max_iter=3).fit(IRIS, SPECIES)
    for one, other in zip(fit.thetas_, three.thetas_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert sorted(recorder.began) == sorted(recorder.ended)


def test_all_iterations_that_max_iter_allows():
    recorder = Recorder()
    with pytest.warns(ConvergenceWarning):
        classifier(max_iter=2).set_callbacks(recorder).fit(IRIS, SPECIES)
    assert recorder.ended.count(("iteration", 1)) == 1


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, StopIteration])
def test_an_error_in_a_callback_keeps_the_last_thetas(error):
    def fail(number, fitted):
        if number == 3:
            raise error("in a callback")

    recorder = Recorder(fail)
    fit = classifier().set_callbacks(recorder)
    if error is StopIteration:
        fit.fit(IRIS, SPECIES)  # to scipy, the wish to stop
    else:
        with pytest.raises(error, match="in a callback"):
            fit.fit(IRIS, SPECIES)
    assert fit.n_iter_ == 3
    assert fit.stop_reason_ == ("callback" if error is StopIteration else "interrupted")
    assert fit.predict_proba(IRIS).shape == (150, 3)
    assert recorder.set_up == 0
    assert not [name for name in vars(fit) if name.startswith("_callback")]


def test_callbacks_and_early_stopping_share_the_hook():
    seen = []
    recorder = Recorder(lambda number, fitted: seen.append(number))
    fit = classifier(early_stopping=True, n_iter_no_change=2, reg_lambda=1e-6, verbose=1)
    fit.set_callbacks(recorder).fit(IRIS, SPECIES)
    assert seen == list(range(1, fit.n_iter_ + 1))
    assert len(fit.validation_scores_) == fit.n_iter_


def test_scoring_monitor_records_every_iteration():
    monitor = callback.ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    fit = classifier().set_callbacks(monitor).fit(IRIS, SPECIES)
    log = monitor.get_logs().data_as_pandas
    assert isinstance(log, pd.DataFrame)
    rows = log[log["task_name"] == "iteration"]
    assert len(rows) == fit.n_iter_
    assert rows["accuracy"].iloc[-1] == fit.score(IRIS, SPECIES)
    assert rows["neg_log_loss"].is_monotonic_increasing or len(rows) > 5


def test_scoring_monitor_in_a_pipeline_of_frames():
    monitor = callback.ScoringMonitor(scoring="accuracy")
    X = pd.DataFrame(IRIS, columns=list("abcd"))
    scaler = StandardScaler().set_output(transform="pandas")
    pipeline = make_pipeline(scaler, classifier().set_callbacks(monitor)).fit(X, SPECIES)
    log = monitor.get_logs().data_as_pandas
    assert (log["task_name"] == "iteration").sum() == pipeline[-1].n_iter_


def test_scoring_monitor_in_a_grid_search_in_two_processes():
    monitor = callback.ScoringMonitor(scoring="accuracy")
    grid = {"reg_lambda": [1e-2, 1e-3]}
    search = GridSearchCV(classifier().set_callbacks(monitor), grid, cv=2, n_jobs=2)
    search.fit(IRIS, SPECIES)
    log = monitor.get_logs(include_lineage=True).data_as_pandas
    # Two penalties, two folds, one refit.
    assert len(set(log.loc[log["task_name"] == "iteration", "parent_task_id_path"])) == 5


def test_progress_bar(capsys):
    classifier().set_callbacks(callback.ProgressBar()).fit(IRIS, SPECIES)
    grid = GridSearchCV(classifier(), {"reg_lambda": [1e-2, 1e-3]}, cv=2)
    grid.set_callbacks(callback.ProgressBar()).fit(IRIS, SPECIES)
    assert "BackpropClassifier" in capsys.readouterr().out


class Propagated(Recorder):
    """Is handed on to the estimator that a search fits."""

    max_propagation_depth = None


def test_callbacks_of_a_grid_search_see_the_iterations_of_its_fits():
    recorder = Propagated()
    grid = GridSearchCV(classifier(), {"reg_lambda": [1e-2, 1e-3]}, cv=2).set_callbacks(recorder)
    n_iter = grid.fit(IRIS, SPECIES).best_estimator_.n_iter_
    names = [name for name, _ in recorder.ended]
    assert names.count("all rows") == 5
    assert names.count("iteration") > n_iter > 5


@pytest.mark.parametrize("estimator", [BackpropClassifier(), BackpropClassifierCV()], ids=str)
def test_only_callbacks_make_tasks(estimator):
    def has_tasks(estimator):
        return root_task(estimator, {}, dict).context is not None

    assert not has_tasks(estimator)
    assert has_tasks(clone(estimator).set_callbacks(Recorder()))
    assert has_tasks(clone(clone(estimator).set_callbacks(Recorder())))
    assert not has_tasks(clone(estimator).set_callbacks(Recorder()).set_callbacks())


def test_callbacks_do_not_change_a_bit_of_the_fit():
    plain = classifier().fit(IRIS, SPECIES)
    watched = classifier().set_callbacks(Recorder()).fit(IRIS, SPECIES)
    for one, other in zip(plain.thetas_, watched.thetas_, strict=True):
        assert one.tobytes() == other.tobytes()


class Watcher(Recorder):
    """Records the tasks of a search."""

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.ended.append((context.task_name, context.task_id))
        if context.task_name == "iteration" and fitted_estimator is not None:
            assert fitted_estimator.predict(X).shape == X.shape[:1]
        return self.act(context, fitted_estimator)


def search(**parameters):
    defaults = {"reg_lambdas": [1e-1, 1e-2], "cv": 3, "random_state": 0}
    return BackpropClassifierCV(4, **{**defaults, **parameters})


def test_callbacks_see_folds_penalties_and_iterations_of_a_search():
    watcher = Watcher(lambda context, fitted: False)
    own = search().set_callbacks(watcher).fit(IRIS, SPECIES)
    plain = search().fit(IRIS, SPECIES)
    np.testing.assert_array_equal(own.scores_, plain.scores_)
    assert sorted(watcher.began) == sorted(watcher.ended)
    names = [name for name, _ in watcher.ended]
    assert names[-1] == "fit"
    assert names.count("fold") == 3
    assert names.count("lambda") == 6
    assert [names.count(name) for name in ("refit", "from a path", "afresh")] == [1, 1, 1]
    assert {number for name, number in watcher.ended if name == "fold"} == {0, 1, 2}
    assert watcher.set_up == 0


@pytest.mark.parametrize("kind", [BackpropClassifier, BackpropClassifierCV])
def test_J_of_what_a_callback_is_shown_is_the_loss_that_it_is_told(kind):
    losses, costs = [], []

    class OfTheSameRows(Recorder):
        def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
            if context.task_name == "iteration" and fitted_estimator is not None:
                losses.append(fitted_estimator.loss_)
                costs.append(cost_and_gradient(fitted_estimator, X, y, **(metadata or {}))[0])

    rows = np.r_[:100, 110:140]  # so that the folds have classes of other weights
    own = search() if kind is BackpropClassifierCV else classifier()
    own.set_params(class_weight="balanced").set_callbacks(OfTheSameRows())
    own.fit(IRIS[rows], SPECIES[rows], sample_weight=np.linspace(1, 2, 130))
    assert len(losses) >= own.n_iter_ > 10
    np.testing.assert_allclose(costs, losses, rtol=1e-12)


def test_the_tree_of_a_search():
    paths = set()

    class Paths(Watcher):
        def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
            paths.add(tuple(path_of(context)))

    search(coarse_start=True).set_callbacks(Paths(lambda context, fitted: False)).fit(IRIS, SPECIES)
    stages = [(), ("mini-batches",), ("all rows",)]
    stages += [(*stage, "iteration") for stage in stages[1:]]
    expected = {("fit",), ("fit", "fold"), ("fit", "refit")}
    expected |= {("fit", "fold", "lambda", *below) for below in stages}
    expected |= {("fit", "refit", "afresh", *below) for below in stages}
    # What continues from a path needs no cheap start.
    of_all_rows = [below for below in stages if "mini-batches" not in below]
    expected |= {("fit", "refit", "from a path", *below) for below in of_all_rows}
    assert paths == expected


def test_a_search_knows_how_many_tasks_it_has():
    numbers = set()

    class Numbers(Watcher):
        def on_fit_task_begin(self, estimator, context):
            if context.task_name in ("fit", "fold", "lambda", "refit"):
                numbers.add((context.task_name, context.max_subtasks))

    own = search(max_iter=3).set_callbacks(Numbers(lambda context, fitted: False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        own.fit(IRIS, SPECIES)
    # Three folds of two penalties, and a refit from two starts, each of as many stages as it takes.
    assert numbers == {("fit", 4), ("fold", 2), ("lambda", None), ("refit", 2)}


def test_in_a_search_of_frames_the_estimators_shown_know_the_rows_shown():
    """A frame for whoever was fitted to names, and an array for who was not: else it warns."""
    seen = set()

    class Predicts(Watcher):
        def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
            if fitted_estimator is not None:
                seen.add(path_of(context)[1])
                assert fitted_estimator.predict(X).shape == X.shape[:1]

    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    own = search(max_iter=3).set_callbacks(Predicts())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        own.fit(frame, SPECIES)
    assert seen == {"fold", "refit"}


def test_a_callback_ends_the_fits_of_a_search():
    watcher = Watcher(lambda context, fitted: context.task_name == "iteration")
    own = search().set_callbacks(watcher).fit(IRIS, SPECIES)
    assert own.n_iter_ == 1
    assert np.isfinite(own.scores_).all()


def test_a_callback_ends_the_paths_of_a_search():
    watcher = Watcher(lambda context, fitted: context.task_name == "lambda")
    own = search(reg_lambdas=[1e-2, 1e-1]).set_callbacks(watcher).fit(IRIS, SPECIES)
    assert np.isnan(own.scores_[:, 0]).all()
    assert np.isfinite(own.scores_[:, 1]).all()
    assert own.reg_lambda_ == 0.1
    assert own.cv_results_["rank_test_score"].tolist() == [2, 1]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_a_callback_ends_a_search(error):
    def fail(context, fitted):
        if context.task_name == "lambda":
            raise error("in a callback")

    watcher = Watcher(fail)
    own = search().fit(IRIS[:100], SPECIES[:100]).set_callbacks(watcher)
    before = {name: value for name, value in vars(own).items() if name.endswith("_")}
    with pytest.raises(error):
        own.fit(IRIS, SPECIES)
    assert {name: value for name, value in vars(own).items() if name.endswith("_")} == before
    assert watcher.set_up == 0


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_scoring_monitor_in_a_search(n_jobs):
    monitor = callback.ScoringMonitor(scoring="accuracy")
    own = search(n_jobs=n_jobs).set_callbacks(monitor).fit(IRIS, SPECIES)
    log = monitor.get_logs(include_lineage=True).data_as_pandas
    iterations = log[log["task_name"] == "iteration"]
    # Three folds of two penalties, two refits.
    assert len(set(iterations["parent_task_id_path"])) == 8
    assert iterations["accuracy"].between(0, 1).all()
    assert own.score(IRIS, SPECIES) > 0.9


def test_progress_bar_of_a_search(capsys):
    search().set_callbacks(callback.ProgressBar()).fit(IRIS, SPECIES)
    assert "BackpropClassifierCV" in capsys.readouterr().out


# A wish at the end of a stage


@pytest.mark.parametrize("coarse_start", [False, True])
def test_a_wish_at_the_end_of_the_last_stage_wants_no_other_start(coarse_start):
    n_wanted, ended = 1 + coarse_start, []

    class Wisher(Recorder):
        def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
            ended.append(context.task_name)
            return ended.count("all rows") == n_wanted

    fit = classifier(reg_lambda=5.0, coarse_start=coarse_start)
    with pytest.warns(ConvergenceWarning, match="no better than predicting"):
        fit.fit(IRIS, SPECIES)
    # Collapsed: whoever does not wish otherwise gets other starts.
    fit.set_callbacks(Wisher()).fit(IRIS, SPECIES)
    assert ended.count("all rows") == n_wanted
    assert (fit.stop_reason_, fit.converged_) == ("callback", True)
    np.testing.assert_allclose(fit.predict_proba(IRIS), 1 / 3, atol=0.01)
