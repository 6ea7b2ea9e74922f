"""Whatever is raised, wherever: what there is of a fit is kept whole, or the old model is."""

import os
import sys
import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from fit_rules import assert_follows_the_rules, assert_loss_is_that_of_its_thetas, rows_trained_on
from quiet import QuietCallback
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import skbackprop
from skbackprop import BackpropClassifier
from skbackprop._machine import blas
from skbackprop._network.objective import Objective, RowCosts
from skbackprop._training.early_stopping import EarlyStopping
from skbackprop._training.fit import Fit
from skbackprop._training.training import N_STARTS, Training

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
FRAME = pd.DataFrame(IRIS, columns=list("abcd"))
PACKAGE = os.path.dirname(skbackprop.__file__) + os.sep
needs_callbacks = pytest.mark.skipif(
    not hasattr(BackpropClassifier, "set_callbacks"), reason="scikit-learn below 1.9"
)


def staged(**parameters):
    """A fit of a few iterations in every stage."""
    defaults = {
        "activation": "logistic",
        "coarse_start": True,
        "early_stopping": True,
        "n_iter_no_change": 100,
        "max_iter": 6,
        "reg_lambda": 1e-3,
        "tol": 1e-3,
        "random_state": 0,
    }
    return BackpropClassifier(4, **{**defaults, **parameters})


def with_an_old_model(classifier):
    """Return it fitted to other features and classes, what it stored, and its predictions."""
    fit_quietly(classifier, FRAME[["a", "b"]], SPECIES > 0)
    return classifier, vars(classifier).copy(), classifier.predict_proba(FRAME[["a", "b"]])


def fit_quietly(classifier, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(X, y)


@pytest.fixture
def accepted(monkeypatch):
    """A list with the name of the stage of every accepted iteration."""
    names, accept = [], Fit.accept

    def noted(fit, iteration, stage):
        before, name = (fit.last.n_accepted if fit.last else 0), stage.name
        try:
            accept(fit, iteration, stage)
        finally:
            if fit.last and fit.last.n_accepted > before:
                names.append(name)

    monkeypatch.setattr(Fit, "accept", noted)
    return names


def assert_is_as_it_was(classifier, before, predictions):
    assert vars(classifier) == before
    assert classifier.feature_names_in_.tolist() == ["a", "b"]
    P = classifier.predict_proba(FRAME[["a", "b"]])
    assert P.tobytes() == predictions.tobytes()


def assert_is_fitted_anew(classifier, accepted):
    assert_follows_the_rules(classifier)
    assert classifier.feature_names_in_.tolist() == list("abcd")
    assert classifier.classes_.tolist() == [0, 1, 2]
    assert classifier.predict_proba(FRAME).shape == (150, 3)
    assert classifier.stop_reason_ in ("interrupted", "max_iter", "converged")
    assert classifier.n_iter_ == accepted.count("all rows")
    if classifier.early_stopping:
        assert len(classifier.validation_scores_) == len(accepted)
    rows = rows_trained_on(classifier, IRIS, SPECIES)
    assert_loss_is_that_of_its_thetas(classifier, rows)


# Callbacks


class Fails(QuietCallback):
    """A callback that notes the tasks, and raises at one of the calls of a hook, or at many."""

    def __init__(self, hook, at):
        self.hook, self.at = hook, at
        self.began, self.ended, self.calls, self.errors = [], [], Counter(), []

    def on_fit_task_begin(self, estimator, context):
        self.began.append(self._task(context))
        self._call("begin", context)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        self.ended.append(self._task(context))
        self._call("end", context)

    def _task(self, context):
        path = []
        while context is not None:
            path.append((context.task_name, context.task_id))
            context = context.parent
        return tuple(path)

    def _call(self, hook, context):
        self.calls[hook] += 1
        if hook == self.hook and self.at(self.calls[hook], context.task_name):
            self.errors.append(RuntimeError(f"{hook} {self.calls[hook]}"))
            raise self.errors[-1]


def fit_failing(accepted, hook, at, **parameters):
    """Fit a second time, with a callback that raises; return what came of it."""
    classifier, *old = with_an_old_model(staged(**parameters))
    callback = Fails(hook, at)
    classifier.set_callbacks(callback)
    old[0]["_skl_callbacks"] = classifier._skl_callbacks
    accepted.clear()
    with pytest.raises(RuntimeError) as caught:
        fit_quietly(classifier, FRAME, SPECIES)
    assert caught.value is callback.errors[-1]
    # Every task ended, and none twice.
    assert sorted(callback.began) == sorted(callback.ended)
    assert max(Counter(callback.ended).values()) == 1
    return classifier, old, callback


@needs_callbacks
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("hook", ["begin", "end"])
def test_a_callback_that_raises_in_any_call(accepted, hook, early_stopping):
    watcher = Fails(hook, lambda n, name: False)
    classifier = staged(early_stopping=early_stopping).set_callbacks(watcher)
    fit_quietly(classifier, FRAME, SPECIES)
    n_iterations, n_calls = len(accepted), watcher.calls[hook]
    # A task is an iteration of a stage, and one that was not to be, or a stage, or the fit.
    assert n_calls == n_iterations + 3 + 3 + 1
    n_kept = 0
    for at in range(1, n_calls + 1):
        classifier, old, callback = fit_failing(
            accepted, hook, lambda n, name, at=at: n == at, early_stopping=early_stopping
        )
        assert callback.calls[hook] >= at
        n_kept += bool(accepted)
        if accepted:
            assert_is_fitted_anew(classifier, accepted)
        else:
            assert_is_as_it_was(classifier, *old)
    # The fit, the first stage and its first iteration begin before there is anything to keep.
    assert n_kept == n_calls - (3 if hook == "begin" else 0)


@needs_callbacks
@pytest.mark.parametrize("name", ["iteration", "mini-batches", "all rows", "fit", ""])
def test_a_callback_that_raises_at_every_end_of_a_kind(accepted, name):
    classifier, _, callback = fit_failing(
        accepted, "end", lambda n, of_task: of_task == name or not name
    )
    assert_is_fitted_anew(classifier, accepted)
    if name == "iteration":
        assert len(accepted) == 1
    if name == "fit":
        assert classifier.stop_reason_ == "max_iter"
        assert callback.ended[-1] == (("fit", 0),)


@needs_callbacks
def test_the_last_iteration_that_is_not_to_be(accepted):
    # Its end is the last but two: the stage ends, then the fit.
    watcher = Fails("end", lambda n, name: False)
    fit_quietly(staged().set_callbacks(watcher), FRAME, SPECIES)
    at = watcher.calls["end"] - 2
    assert watcher.ended[at - 1][0][0] == "iteration"
    n_iterations = len(accepted)
    classifier, *_ = fit_failing(accepted, "end", lambda n, name: n == at)
    assert len(accepted) == n_iterations
    assert_is_fitted_anew(classifier, accepted)


# Between the solver's end and the commit


def raises_once(real, when, error=KeyboardInterrupt):
    """Return what a method does, but for the one time that it raises, before or after."""
    calls = []

    def method(*args, **kwargs):
        calls.append(None)
        if when == "before" and len(calls) == 1:
            raise error
        result = real(*args, **kwargs)
        if when == "after" and len(calls) == 1:
            raise error
        return result

    return method


STEPS = {
    "outcome of the fit": (Fit, "outcome"),
    "Thetas": (Training, "_thetas"),
    "evaluation": (Training, "_evaluate"),
    "outcome": (Training, "outcome"),
    "keep": (BackpropClassifier, "_keep"),
    "store": (BackpropClassifier, "_store"),
    "commit": (BackpropClassifier, "_commit"),
    "warn": (BackpropClassifier, "_warn"),
    "end of the training": (Training, "__exit__"),
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_ctrl_c_after_the_last_iteration(monkeypatch, accepted, step, when):
    # With early stopping, the Thetas kept are of mini-batches: they are evaluated on all rows.
    # There is nothing to learn, and an interrupt in the first start is not one in the last.
    monkeypatch.setattr("skbackprop._training.training.N_STARTS", 1)
    parameters = {"n_iter_no_change": 5, "reg_lambda": 1e-4, "max_iter": 30}
    X, y = IRIS, np.random.RandomState(52).permutation(SPECIES)
    whole = fit_quietly(staged(**parameters), X, y)
    assert whole.best_iteration_ < len(whole.validation_scores_) - whole.n_iter_
    classifier = fit_quietly(staged(**parameters), X[:, :2], y > 0)
    accepted.clear()
    monkeypatch.setattr(*step, raises_once(getattr(*step), when))
    with pytest.raises(KeyboardInterrupt):
        fit_quietly(classifier, X, y)
    assert_follows_the_rules(classifier)
    assert [t.tobytes() for t in classifier.thetas_] == [t.tobytes() for t in whole.thetas_]
    for name in ("validation_scores_", "best_iteration_", "n_iter_", "loss_", "loss_curve_"):
        assert getattr(classifier, name) == getattr(whole, name), name
    assert classifier.stop_reason_ == whole.stop_reason_ == "early_stopping"


# The validation hook


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("hook", ["score", "cost"])
def test_ctrl_c_in_the_validation_hook_leaves_no_score_out(accepted, hook, when):
    fit_quietly(staged(), FRAME, SPECIES)
    n_iterations = len(accepted)
    assert n_iterations > 10
    for at in range(1, n_iterations + 1):
        classifier, *_ = with_an_old_model(staged())
        accepted.clear()
        with pytest.MonkeyPatch.context() as patch:
            interrupt_validation(patch, accepted, hook, when, at)
            with pytest.raises(KeyboardInterrupt):
                fit_quietly(classifier, FRAME, SPECIES)
        assert len(accepted) == len(classifier.validation_scores_) == at
        assert classifier.stop_reason_ == "interrupted"
        assert_is_fitted_anew(classifier, accepted)


def interrupt_validation(patch, accepted, hook, when, at):
    """Press Ctrl-C when an iteration is scored, or its validation cost is computed."""
    pressed = []

    def press():
        if len(accepted) == at and not pressed:
            pressed.append(at)
            raise KeyboardInterrupt

    def interrupted(*args):
        if when == "before":
            press()
        result = real(*args)
        if when == "after":
            press()
        return result

    if hook == "score":
        real = EarlyStopping.score
        patch.setattr(EarlyStopping, "score", interrupted)
    else:
        real = RowCosts.mean
        patch.setattr(RowCosts, "mean", interrupted)


# Any other error


@pytest.mark.parametrize("at", [1, 2, 3, 7, 8, 12, 16])
def test_any_other_error_leaves_the_estimator_as_it_was(monkeypatch, at):
    classifier, *old = with_an_old_model(staged())
    evaluate, calls = Objective.__call__, []

    def no_memory(self, x, reg_lambda):
        calls.append(None)
        if len(calls) == at:
            raise MemoryError("no buffer")
        return evaluate(self, x, reg_lambda)

    monkeypatch.setattr(Objective, "__call__", no_memory)
    with pytest.raises(MemoryError, match="no buffer"):
        fit_quietly(classifier, FRAME, SPECIES)
    assert_is_as_it_was(classifier, *old)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_any_other_error_before_the_commit_too(monkeypatch, step):
    if step[1] in ("_evaluate", "_warn", "__exit__"):
        return  # not on the way, or after it
    classifier, *old = with_an_old_model(staged())
    monkeypatch.setattr(*step, raises_once(getattr(*step), "before", MemoryError))
    with pytest.raises(MemoryError):
        fit_quietly(classifier, FRAME, SPECIES)
    assert_is_as_it_was(classifier, *old)


# Anywhere


class CtrlC:
    """Presses Ctrl-C when the package runs a line for the so manieth time, or notes the lines."""

    def __init__(self, line=None, time=0):
        self.line, self.time, self.lines = line, time, []

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self.trace)
        return self

    def __exit__(self, *exception):
        sys.settrace(self.before)

    def trace(self, frame, event, arg):
        code = frame.f_code
        # A trace function comes between the end of a block and the call of its exit, where no
        # signal does: it would leave the lock of the limiter, which has a sweep of its own.
        if not code.co_filename.startswith(PACKAGE) or code.co_filename == blas.__file__:
            return None
        if event == "line":
            line = code.co_filename, code.co_name, frame.f_lineno
            if self.line is None:
                self.lines.append(line)
            elif line == self.line:
                self.time -= 1
                if self.time == 0:
                    raise KeyboardInterrupt
        return self.trace


# An interrupt in these comes between what belongs together.
HOOK = ("accept", "_accept", "_accept_evaluated", "score")


def points_of(lines):
    """Return when to press: at some lines anywhere, and the last time of more that tell."""
    times, points = Counter(), []
    for line in lines:
        times[line] += 1
        points.append((line, times[line]))
    telling = ("_training", "_one_fit.py", "_estimator.py", "_model.py")
    of_hook = [(line, n) for line, n in times.items() if line[1] in HOOK]
    others = [(line, n) for line, n in times.items() if line[0][len(PACKAGE) :].startswith(telling)]
    return sorted({*of_hook, *others[::2], *points[::97]})


SWEPT = {
    "cheap stages, early stopping": {"max_iter": 2},
    "float64, no early stopping": {
        "coarse_start": False,
        "early_stopping": False,
        "max_iter": 4,
    },
}


@pytest.mark.parametrize("parameters", SWEPT.values(), ids=SWEPT)
def test_ctrl_c_at_any_line(accepted, parameters):
    classifier = staged(**parameters)
    before, predictions = with_an_old_model(classifier)[1:]
    with CtrlC() as whole:
        fit_quietly(classifier, FRAME, SPECIES)
    reasons, n_as_it_was = Counter(), 0
    for point in points_of(whole.lines):
        classifier.__dict__ = before.copy()
        accepted.clear()
        with pytest.raises(KeyboardInterrupt), CtrlC(*point):
            fit_quietly(classifier, FRAME, SPECIES)
        if vars(classifier) == before:
            n_as_it_was += 1
            assert not accepted, point
            assert_is_as_it_was(classifier, before, predictions)
        else:
            reasons[classifier.stop_reason_] += 1
            assert_is_fitted_anew(classifier, accepted)
    # There were both, and fits that had ended before.
    assert n_as_it_was > 20
    assert reasons["interrupted"] > 20
    assert reasons["max_iter"] > 20
    assert sum(reasons.values()) == reasons["interrupted"] + reasons["max_iter"]


def test_ctrl_c_between_starts(monkeypatch, accepted):
    # With such a penalty every start ends in nothing, and another follows.
    evaluate, evaluations = Objective.__call__, []

    def counted(self, x, reg_lambda):
        evaluations.append(None)
        return evaluate(self, x, reg_lambda)

    monkeypatch.setattr(Objective, "__call__", counted)
    collapsing = {"coarse_start": False, "early_stopping": False, "reg_lambda": 10, "max_iter": 100}
    with CtrlC() as whole:
        fit_quietly(staged(**collapsing), FRAME, SPECIES)
    lines = [line for line in whole.lines if line[1] == "fit_afresh"]
    n_fitted = 0
    for n, line in enumerate(lines, start=1):
        classifier = staged(**collapsing)
        accepted.clear()
        evaluations.clear()
        with pytest.raises(KeyboardInterrupt), CtrlC(line, lines[:n].count(line)):
            fit_quietly(classifier, FRAME, SPECIES)
        assert hasattr(classifier, "thetas_") == bool(accepted)
        if accepted:
            n_fitted += 1
            assert classifier.stop_reason_ == "converged"
            assert classifier.n_evaluations_ == len(evaluations)
            assert_follows_the_rules(classifier)
            assert_loss_is_that_of_its_thetas(
                classifier, rows_trained_on(classifier, IRIS, SPECIES)
            )
    # At least at the lines of a second start and a third.
    assert n_fitted > 2 * (N_STARTS - 1)
