"""A search that is interrupted: it says how far it was, and keeps nothing but a refit."""

import copy
from itertools import count

import numpy as np
import pytest
from interrupting import AtLine
from quiet import QuietCallback
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import skbackprop._classifier_cv
import skbackprop._search
import skbackprop._search.folds
import skbackprop._search.rows
from skbackprop import BackpropClassifier, BackpropClassifierCV
from skbackprop._machine.blas import BlasLimiter
from skbackprop._training.solver import Descent

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS, SPECIES = scale(IRIS)[::2], SPECIES[::2]
WINE, CULTIVARS = load_wine(return_X_y=True)
WINE = scale(WINE)
PATH = [1e-1, 1e-2, 1e-3]
FOLDS, N_FITS = 3, 9
FROM_A_PATH, AFRESH = N_FITS, N_FITS + 1  # the descents of the refit


def search(**parameters):
    defaults = {"reg_lambdas": PATH, "cv": FOLDS, "tol": 1e-3, "random_state": 0}
    return BackpropClassifierCV(4, **{**defaults, **parameters})


COMPLETE = search().fit(IRIS, SPECIES)
FITTED_BEFORE = search().fit(WINE, CULTIVARS)


@pytest.fixture(params=[False, True], ids=["new", "fitted"])
def own(request):
    return copy.deepcopy(FITTED_BEFORE) if request.param else search()


def raise_at(monkeypatch, descent, evaluation=0, error=KeyboardInterrupt):
    """Let something be raised at an evaluation of a descent, both counted from 0."""
    descents, run = count(), Descent.run

    def run_until(self, *args):
        if next(descents) == descent:
            evaluations, evaluate = count(), self.evaluate

            def evaluate_until(x):
                if next(evaluations) == evaluation:
                    raise error("half done")
                return evaluate(x)

            self.evaluate = evaluate_until
        return run(self, *args)

    monkeypatch.setattr(Descent, "run", run_until)


def assert_raises_and_leaves(own, match=None, error=KeyboardInterrupt):
    before = vars(own).copy()
    with pytest.raises(error, match=match):
        own.fit(IRIS, SPECIES)
    assert vars(own) == before


def assert_complete(own):
    """The estimator is fitted to the irises, with all that a fit leaves."""
    assert {name for name in vars(own) if name != "_skl_callbacks"} == set(vars(COMPLETE))
    np.testing.assert_array_equal(own.scores_, COMPLETE.scores_)
    assert own.reg_lambda_ == COMPLETE.reg_lambda_ == PATH[own.best_index_]
    assert len(own.loss_curve_) == own.n_iter_ + 1
    assert own.loss_ == own.loss_curve_[-1]
    assert own.converged_ == (own.gradient_norm_ <= own.tol)
    assert own.predict_proba(IRIS).shape == (75, 3)


@pytest.mark.parametrize("evaluation", [0, 4])
@pytest.mark.parametrize("n_fits", [0, 1, 5, 8])
def test_within_a_fold(own, monkeypatch, n_fits, evaluation):
    raise_at(monkeypatch, n_fits, evaluation)
    assert_raises_and_leaves(own, f"{n_fits} of 9 fits are done, {9 - n_fits} and the refit are")


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (skbackprop._search.folds.Parallel, "__call__"),
        (BlasLimiter, "shared_among"),
        (skbackprop._search.folds, "effective_n_jobs"),
        (skbackprop._search.folds, "fit_fold"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_just_before_the_folds_start(own, monkeypatch, where, name):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(where, name, interrupt)
    said = (
        None if name == "effective_n_jobs" else "0 of 9 fits are done, 9 and the refit are missing"
    )
    assert_raises_and_leaves(own, said)


def test_between_the_folds_and_the_refit(own):
    def interrupt(*args):
        raise KeyboardInterrupt

    own.set_params(refit=interrupt)
    assert_raises_and_leaves(own)


def test_in_the_refit_before_its_first_iteration(own, monkeypatch):
    raise_at(monkeypatch, FROM_A_PATH, 1)
    assert_raises_and_leaves(own, "9 of 9 fits are done, 0 and the refit are missing")


@pytest.mark.parametrize("evaluation", [4, 5])
def test_in_the_refit_from_a_path_after_its_first_iteration(own, monkeypatch, evaluation):
    raise_at(monkeypatch, FROM_A_PATH, evaluation)
    with pytest.raises(KeyboardInterrupt, match="half done"):
        own.fit(IRIS, SPECIES)
    assert_complete(own)
    assert own.stop_reason_ == "interrupted"
    assert 1 <= own.n_iter_ < evaluation
    assert own.loss_ > COMPLETE.loss_


@pytest.mark.parametrize("evaluation", [0, 1, 4])
def test_in_the_refit_afresh(own, monkeypatch, evaluation):
    raise_at(monkeypatch, AFRESH, evaluation)
    with pytest.raises(KeyboardInterrupt, match="half done"):
        own.fit(IRIS, SPECIES)
    assert_complete(own)
    # What the path came to was there, and is better than a fit that has hardly begun.
    assert own.stop_reason_ == "converged"
    assert own.loss_ >= COMPLETE.loss_


@pytest.mark.parametrize("descent", [4, FROM_A_PATH, AFRESH])
@pytest.mark.parametrize("evaluation", [0, 3])
def test_any_other_error_leaves_the_estimator_as_it_was(own, monkeypatch, descent, evaluation):
    raise_at(monkeypatch, descent, evaluation, MemoryError)
    assert_raises_and_leaves(own, "half done", MemoryError)


def test_folds_in_other_threads_end(monkeypatch):
    monkeypatch.setattr(skbackprop._search.folds, "effective_n_jobs", lambda n_jobs: 2)
    score_of_fit, seen = skbackprop._search.rows.mean_log_likelihood, []

    class Interrupted:
        """A parallel backend that is interrupted while its second fold has a fit behind it."""

        n_completed_tasks = 1

        def __init__(self, n_jobs):
            pass

        def __call__(self, calls):
            first, second, third = ((f.function, args) for f, args, _ in calls)
            first[0](*first[1])
            progress = second[1][1]

            def interrupt(*args):
                if len(progress.done) == 4:
                    raise KeyboardInterrupt
                return score_of_fit(*args)

            with monkeypatch.context() as patch:
                patch.setattr(skbackprop._search.rows, "mean_log_likelihood", interrupt)
                with pytest.raises(KeyboardInterrupt):
                    second[0](*second[1])
            seen.append((third, progress))
            raise KeyboardInterrupt

    monkeypatch.setattr(skbackprop._search.folds, "Parallel", Interrupted)
    with pytest.raises(KeyboardInterrupt, match="4 of 9 fits are done, 5 and the refit are"):
        search(n_jobs=2).fit(IRIS, SPECIES)
    (((function, args), progress),) = seen
    assert progress.is_stopped
    assert np.isnan(function(*args).scores).all()
    assert len(progress.done) == 4


FILES = [
    skbackprop._penalty_search.__file__,
    skbackprop._search.__file__.removesuffix("__init__.py"),
]


def test_at_any_line():
    def fit_at(own, line=None):
        step = AtLine(FILES, line)
        is_interrupted = step.fit(own, IRIS[45:60], SPECIES[45:60])
        return is_interrupted, step.n_lines

    complete = search(reg_lambdas=[1e-2], cv=2, tol=0.1)
    is_interrupted, n_lines = fit_at(complete)
    assert not is_interrupted
    assert n_lines > 100
    for line in range(1, n_lines, 5):
        own = search(reg_lambdas=[1e-2], cv=2, tol=0.1)
        before = vars(own).copy()
        assert fit_at(own, line)[0]
        # All or nothing.
        assert vars(own) == before or vars(own).keys() == vars(complete).keys()


# Errors of callbacks


class Raises(QuietCallback):
    """Raises at the end of one task."""

    def __init__(self, task, error, skip=0):
        self.task, self.error, self.left = task, error, skip

    def on_fit_task_end(self, estimator, context):
        task, parents = context.task_name, []
        while context.parent is not None:
            context = context.parent
            parents.append(context.task_name)
        if (task, "refit" in parents) == self.task:
            self.left -= 1
            if self.left < 0:
                raise self.error("in a callback")


with_callbacks = pytest.mark.skipif(
    not hasattr(BackpropClassifierCV, "set_callbacks"), reason="callbacks came with 1.9"
)
ERRORS = pytest.mark.parametrize("error", [RuntimeError, ValueError, KeyboardInterrupt])


@with_callbacks
@ERRORS
@pytest.mark.parametrize(
    "task", [("iteration", False), ("all rows", False), ("lambda", False), ("fold", False)]
)
def test_an_error_of_a_callback_within_a_fold(own, task, error):
    own.set_callbacks(Raises(task, error))
    said = "fits are done" if error is KeyboardInterrupt else "^in a callback$"
    assert_raises_and_leaves(own, said, error)


@with_callbacks
@ERRORS
@pytest.mark.parametrize(
    ("task", "skip"),
    [
        (("iteration", True), 0),
        (("iteration", True), 9),
        (("all rows", True), 0),
        (("from a path", True), 0),
        (("all rows", True), 1),
        (("afresh", True), 0),
        (("refit", False), 0),
        (("fit", False), 0),
    ],
)
def test_an_error_of_a_callback_in_the_refit_keeps_it(own, task, skip, error):
    own.set_callbacks(Raises(task, error, skip))
    with pytest.raises(error, match=r"^in a callback$"):
        own.fit(IRIS, SPECIES)
    assert_complete(own)


# Wishes of callbacks


class Stops(Raises):
    """Wishes to stop at the end of every task of a kind."""

    def on_fit_task_end(self, estimator, context):
        return context.task_name in self.task


@with_callbacks
@pytest.mark.parametrize("task", ["iteration", "lambda"])
def test_a_search_that_a_callback_has_stopped_does_not_speak_of_the_penalty(task):
    # The first iteration from a strong penalty is still a fit that has learned nothing.
    strong = search(reg_lambdas=[100.0, 50.0])
    with pytest.warns(ConvergenceWarning, match="reg_lambda is too strong"):
        strong.fit(IRIS, SPECIES)
    strong.set_callbacks(Stops([task], None)).fit(IRIS, SPECIES)  # a warning is an error


@with_callbacks
def test_a_refit_at_its_limit_is_warned_of_whoever_has_stopped_the_folds():
    own = search(tol=0, max_iter=3, reg_lambdas=[1e-1, 1e-2])
    with pytest.warns(ConvergenceWarning, match="reached max_iter=3") as caught:
        own.set_callbacks(Stops(["lambda"], None)).fit(IRIS, SPECIES)
    assert len(caught) == 1


@with_callbacks
def test_a_penalty_that_no_fold_was_fitted_at_is_refitted_afresh():
    own = search(refit=lambda results: 2).set_callbacks(Stops(["lambda"], None))
    own.fit(IRIS, SPECIES)
    assert own.reg_lambda_ == PATH[2]
    assert np.isnan(own.scores_[:, 1:]).all()
    plain = BackpropClassifier(4, reg_lambda=PATH[2], tol=1e-3, random_state=0)
    assert own.loss_ == plain.fit(IRIS, SPECIES).loss_
