"""Cheap stages are part of the fit: history, early stopping, callbacks and limits see them."""

import io
import sys
import warnings

import numpy as np
import pytest
from fit_rules import assert_follows_the_rules, assert_loss_is_that_of_its_thetas, rows_trained_on
from quiet import QuietCallback
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier
from skbackprop._training.fit import Fit

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
DIGITS, NUMBERS = load_digits(return_X_y=True)
DIGITS = scale(DIGITS)
STAGES = ["mini-batches", "all rows", "all rows"]
needs_callbacks = pytest.mark.skipif(
    not hasattr(BackpropClassifier, "set_callbacks"), reason="scikit-learn below 1.9"
)


def staged(**parameters):
    defaults = {
        "activation": "logistic",
        "reg_lambda": "prior",
        "coarse_start": True,
        "random_state": 0,
    }
    return BackpropClassifier(5, **{**defaults, **parameters})


def fit_quietly(classifier, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(*args, **kwargs)


class Watcher(QuietCallback):
    """A callback that notes the iterations of every stage, and may wish to stop."""

    def __init__(self, wish=lambda stage, number, fitted: False):
        self.wish, self.numbers, self.losses, self.ended = wish, [], [], []

    def on_fit_task_begin(self, estimator, context):
        if context.task_name in STAGES:
            self.numbers.append([])
            self.losses.append([])

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.ended.append(context.task_name)
        if context.task_name != "iteration":
            return self.wish(context.task_name, None, None)
        if fitted_estimator is None:
            return False
        assert fitted_estimator.predict(X).shape == X.shape[:1]
        self.numbers[-1].append(context.task_id + 1)
        self.losses[-1].append(fitted_estimator.loss_)
        return self.wish(len(self.numbers) - 1, context.task_id + 1, fitted_estimator)

    @property
    def n_iterations(self):
        return sum(map(len, self.numbers))


# Overfitting


@pytest.fixture(scope="module")
def noisy():
    """Rows whose noise a network of a hundred units soon learns by heart."""
    X, y = make_classification(
        24_000, 20, n_informative=10, flip_y=0.3, class_sep=0.7, random_state=1
    )
    return X[:12_000], y[:12_000], X[12_000:], y[12_000:]


@pytest.mark.parametrize(("parameters", "limit"), [({}, 0.53), ({"reg_lambda": 0}, 0.55)])
def test_early_stopping_keeps_what_cheap_stages_would_overfit(noisy, parameters, limit):
    X, y, X_test, y_test = noisy
    parameters = {"reg_lambda": "prior", **parameters}
    classifier = BackpropClassifier(100, early_stopping=True, random_state=0, **parameters)
    classifier.fit(X, y)
    # A coarse start is the default from 10,000 rows.
    assert len(classifier.validation_scores_) > classifier.n_iter_
    assert log_loss(y_test, classifier.predict_proba(X_test)) < limit
    assert_follows_the_rules(classifier)
    assert_loss_is_that_of_its_thetas(classifier, rows_trained_on(classifier, X, y))


@pytest.mark.parametrize("reg_lambda", ["auto", 0])
@pytest.mark.parametrize("patience", [1, 5, 6, 10])
def test_the_best_of_all_stages_is_kept(patience, reg_lambda):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(800, 5))
    y = (X[:, 0] + 2 * rng.normal(size=800) > 0).astype(int)
    classifier = staged(early_stopping=True, n_iter_no_change=patience, reg_lambda=reg_lambda)
    fit_quietly(classifier, X, y)
    assert_follows_the_rules(classifier)
    assert classifier.stop_reason_ == "early_stopping"
    rows = rows_trained_on(classifier, X, y)
    assert_loss_is_that_of_its_thetas(classifier, rows)


@pytest.mark.parametrize("patience", [1, 5])
def test_the_best_may_be_of_mini_batches(patience):
    rng = np.random.RandomState(36)
    X, y = rng.normal(size=(60, 20)), rng.randint(2, size=60)
    classifier = staged(early_stopping=True, n_iter_no_change=patience, reg_lambda=1e-4)
    fit_quietly(classifier, X, y)
    assert classifier.n_iter_ == patience
    # The score is of an iteration before those on all rows, the loss is of all rows.
    assert classifier.best_iteration_ < len(classifier.validation_scores_) - classifier.n_iter_
    assert_follows_the_rules(classifier)
    assert_loss_is_that_of_its_thetas(classifier, rows_trained_on(classifier, X, y))
    # All rows are descended on from there.
    assert classifier.loss_curve_[0] == pytest.approx(classifier.loss_, rel=1e-5)


# Rules


@pytest.mark.parametrize("max_iter", [1, 4, 500])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_accepted_iteration_of_every_stage_counts(
    monkeypatch, dtype, solver, early_stopping, max_iter
):
    accept, n_accepted, on_all_rows = Fit.accept, [], []

    def counted(fit, iteration, stage):
        accept(fit, iteration, stage)
        if iteration.number:
            n_accepted.append(stage.name)
        if iteration.number and stage.is_full_batch:
            on_all_rows.append(iteration.cost)

    monkeypatch.setattr(Fit, "accept", counted)
    X = IRIS.astype(dtype)
    classifier = staged(
        solver=solver, early_stopping=early_stopping, max_iter=max_iter, reg_lambda=1e-3
    )
    fit_quietly(classifier, X, SPECIES)
    monkeypatch.undo()
    assert_follows_the_rules(classifier)
    assert_loss_is_that_of_its_thetas(classifier, rows_trained_on(classifier, X, SPECIES))
    assert n_accepted.count("mini-batches") > 0
    assert classifier.n_iter_ == n_accepted.count("all rows")
    # The last one of float32 is then looked at in float64.
    np.testing.assert_allclose(classifier.loss_curve_[1:], on_all_rows, rtol=1e-5)
    if early_stopping:
        assert len(classifier.validation_scores_) == len(n_accepted)


def test_where_the_precision_changes_the_point_is_recorded_once(capsys):
    classifier = staged(verbose=1, tol=1e-6).fit(IRIS, SPECIES)
    assert_follows_the_rules(classifier)
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.endswith("149 rows, float32"))
    numbers, costs = [], []
    for line in lines[at:]:
        number, cost, *_ = line.split()
        if number.isdigit():
            numbers.append(int(number))
            costs.append(float(cost))
    assert numbers == list(range(1, classifier.n_iter_ + 1))
    np.testing.assert_allclose(costs, classifier.loss_curve_[1:], rtol=1e-5)
    assert sum(line.split()[0] == "iteration" for line in lines[at:]) == 2


@needs_callbacks
@pytest.mark.parametrize("early_stopping", [False, True])
def test_callbacks_see_and_verbose_prints_every_iteration_of_every_stage(capsys, early_stopping):
    watcher = Watcher()
    classifier = staged(early_stopping=early_stopping, reg_lambda=1e-3, tol=1e-7, verbose=1)
    fit_quietly(classifier.set_callbacks(watcher), IRIS, SPECIES)
    assert [numbers[:2] for numbers in watcher.numbers] == [[1, 2]] * len(watcher.numbers)
    assert len(watcher.numbers) >= 2
    assert watcher.ended[-1] == "fit"
    printed = [
        float(line.split()[1])
        for line in capsys.readouterr().out.splitlines()
        if line.split()[0].isdigit()
    ]
    np.testing.assert_allclose(printed, np.concatenate(watcher.losses), rtol=1e-7)
    assert watcher.n_iterations > classifier.n_iter_ == sum(map(len, watcher.numbers[1:]))
    if early_stopping:
        assert len(classifier.validation_scores_) == watcher.n_iterations
    else:
        assert watcher.ended.count("all rows") == 2
        np.testing.assert_allclose(
            np.concatenate(watcher.losses[1:]), classifier.loss_curve_[1:], rtol=1e-5
        )


# Whoever wants it to end


@needs_callbacks
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("stage", range(3))
def test_a_callback_stops_the_fit_in_any_stage(stage, early_stopping):
    watcher = Watcher(lambda at, number, fitted: (at, number) == (stage, 2))
    classifier = staged(
        early_stopping=early_stopping, n_iter_no_change=100, reg_lambda=1e-3, tol=1e-7
    )
    classifier.set_callbacks(watcher).fit(IRIS, SPECIES)
    assert classifier.stop_reason_ == "callback"
    assert len(watcher.numbers) == stage + 1
    assert watcher.numbers[-1] == [1, 2]
    assert (classifier.n_iter_ > 0) == (stage >= 1)
    assert_follows_the_rules(classifier)
    assert_loss_is_that_of_its_thetas(classifier, rows_trained_on(classifier, IRIS, SPECIES))
    assert classifier.predict_proba(IRIS).shape == (150, 3)


@needs_callbacks
@pytest.mark.parametrize("name", ["mini-batches", "iteration"])
def test_a_wish_is_heard_at_the_end_of_a_stage(name):
    if name == "mini-batches":
        # No other task follows.
        watcher = Watcher(lambda at, number, fitted: at == name)
    else:
        # The iteration converges on its rows, which is no reason to go on to others.
        watcher = Watcher(lambda at, number, fitted: number is not None and fitted.converged_)
    classifier = staged(tol=0.05, reg_lambda=1e-3).set_callbacks(watcher).fit(IRIS, SPECIES)
    assert watcher.ended.count("mini-batches") == 1
    assert watcher.ended.count("all rows") == 0
    assert classifier.stop_reason_ == "callback"
    assert classifier.n_iter_ == 0
    assert_follows_the_rules(classifier)


@needs_callbacks
def test_whoever_stops_a_collapsed_fit_at_its_minimum_wants_no_other():
    watcher = Watcher(lambda at, number, fitted: number is not None and fitted.converged_)
    classifier = staged(coarse_start=False, reg_lambda=10).set_callbacks(watcher)
    classifier.fit(IRIS, SPECIES)
    assert watcher.ended.count("all rows") == 1
    assert classifier.stop_reason_ == "callback"
    assert classifier.converged_


@needs_callbacks
def test_a_time_limit_stops_within_a_subset():
    class Clock:
        now = 0.0

    def is_late(at, number, fitted):
        Clock.now += 1
        return Clock.now > 3

    classifier = staged().set_callbacks(Watcher(is_late)).fit(DIGITS, NUMBERS)
    assert Clock.now < 10
    assert (classifier.stop_reason_, classifier.n_iter_) == ("callback", 0)
    assert_follows_the_rules(classifier)
    assert classifier.score(DIGITS, NUMBERS) > 0.1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("data", [1, 2])
def test_patience_that_ends_where_a_subset_converges_ends_the_fit(data, seed):
    # Some of these do so at the same iteration.
    rng = np.random.RandomState(data)
    X, y = rng.normal(size=(300, 20)), rng.randint(2, size=300)
    classifier = staged(
        early_stopping=True, n_iter_no_change=1, reg_lambda=0.1, tol=0.02, random_state=seed
    )
    fit_quietly(classifier, X, y)
    assert_follows_the_rules(classifier)


@pytest.mark.parametrize("stage", range(3))
def test_ctrl_c_in_any_stage_stores_what_there_is(monkeypatch, stage):
    class Console(io.StringIO):
        n_stages = 0

        def write(self, text):
            first = text.split()[:1]
            Console.n_stages += first == ["iteration"]
            if (Console.n_stages, first) == (stage + 1, ["2" if stage < 2 else number]):
                raise KeyboardInterrupt
            return super().write(text)

    # The iterations on all rows are counted on in float64.
    number = str(staged(tol=1e-7).fit(IRIS, SPECIES).n_iter_ - 1)
    monkeypatch.setattr(sys, "stdout", Console())
    classifier = staged(verbose=1, tol=1e-7)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(IRIS, SPECIES)
    assert Console.n_stages == stage + 1
    assert classifier.stop_reason_ == "interrupted"
    assert_follows_the_rules(classifier)
    assert_loss_is_that_of_its_thetas(classifier, rows_trained_on(classifier, IRIS, SPECIES))


# Patience


@pytest.fixture(scope="module")
def clusters():
    """Rows that few of them say little of, and that take many iterations."""
    X, y = make_classification(
        24_000, 20, n_informative=10, flip_y=0.01, class_sep=0.7, n_clusters_per_class=4,
        random_state=1,
    )  # fmt: skip
    return train_test_split(X, y, test_size=0.5, random_state=0)


@pytest.mark.parametrize(
    ("patience", "coarse_start"), [(2, "auto"), (2, True), (5, "auto"), (10, "auto")]
)
def test_cheap_stages_do_not_spend_the_patience_of_those_that_follow(
    clusters, patience, coarse_start
):
    X, X_test, y, y_test = clusters
    classifier = BackpropClassifier(
        50, activation="logistic", reg_lambda=1e-4, early_stopping=True,
        n_iter_no_change=patience, coarse_start=coarse_start, random_state=1,
    )  # fmt: skip
    classifier.fit(X, y)
    assert log_loss(y_test, classifier.predict_proba(X_test)) < 0.3
    assert classifier.n_iter_ > 5
    assert_follows_the_rules(classifier)
    assert len(classifier.validation_scores_) > classifier.n_iter_
