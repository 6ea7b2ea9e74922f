"""What a fit leaves behind: after an interrupt, and for the next fit to start from."""

import copy
import io
import pickle
import signal
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from quiet import QuietCallback
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning, NotFittedError
from sklearn.preprocessing import scale

import skbackprop._estimator
from skbackprop import BackpropClassifier, BackpropClassifierCV, BackpropRegressor
from skbackprop._network.objective import Objective
from skbackprop._training.training import Training

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)


def small(**parameters):
    return BackpropClassifier(
        **{
            "hidden_layer_sizes": 5,
            "activation": "logistic",
            "reg_lambda": "prior",
            "random_state": 0,
            **parameters,
        }
    )


def fit_quietly(classifier, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(*args, **kwargs)


def same_bits(thetas, others):
    return [Theta.tobytes() for Theta in thetas] == [Theta.tobytes() for Theta in others]


class Console(io.StringIO):
    """A standard output on which something happens with the line of one iteration."""

    def __init__(self, at, happens):
        super().__init__()
        self.at, self.happens = at, happens

    def write(self, text):
        if text.split()[:1] == [str(self.at)]:
            self.happens()
        return super().write(text)


def press_ctrl_c():
    signal.raise_signal(signal.SIGINT)


def break_pipe():
    raise BrokenPipeError("no one reads")


@pytest.fixture(autouse=True)
def ctrl_c_interrupts():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def fit_interrupted(monkeypatch, classifier, X, y, *, at, happens=press_ctrl_c):
    """Fit, and let something happen at an iteration; return the exception."""
    classifier.set_params(verbose=1)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Console(at, happens))
        with pytest.raises((KeyboardInterrupt, BrokenPipeError)) as caught:
            classifier.fit(X, y)
    classifier.set_params(verbose=0)
    return caught.value


def ctrl_c_at_evaluation(monkeypatch, n):
    """Let every fit's evaluation n be interrupted when it is half done."""
    evaluate, counts = Objective.__call__, {}

    def interrupted(self, x, reg_lambda):
        counts[self] = counts.get(self, 0) + 1
        result = evaluate(self, x, reg_lambda)
        if counts[self] == n:
            press_ctrl_c()
        return result

    monkeypatch.setattr(Objective, "__call__", interrupted)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
@pytest.mark.parametrize("at", [1, 2, 9])
def test_interrupt_stores_the_last_accepted_thetas(monkeypatch, solver, at, dtype):
    X = IRIS.astype(dtype)
    classifier = small(solver=solver)
    assert isinstance(
        fit_interrupted(monkeypatch, classifier, X, SPECIES, at=at), KeyboardInterrupt
    )
    expected = fit_quietly(small(solver=solver, max_iter=at), X, SPECIES)
    assert same_bits(classifier.thetas_, expected.thetas_)
    assert classifier.predict_proba(X).tobytes() == expected.predict_proba(X).tobytes()
    assert classifier.n_iter_ == at
    assert classifier.loss_curve_ == expected.loss_curve_
    assert classifier.loss_ == classifier.loss_curve_[-1]
    assert classifier.gradient_norm_ == expected.gradient_norm_ > classifier.tol
    assert classifier.n_evaluations_ == expected.n_evaluations_
    assert classifier.converged_ is False
    assert (classifier.stop_reason_, expected.stop_reason_) == ("interrupted", "max_iter")
    assert vars(classifier).keys() == vars(expected).keys()


@pytest.mark.parametrize("n", range(4, 16))
@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
def test_interrupt_within_an_evaluation(monkeypatch, solver, n):
    classifier = small(solver=solver)
    with monkeypatch.context() as patch:
        ctrl_c_at_evaluation(patch, n)
        with pytest.raises(KeyboardInterrupt):
            classifier.fit(IRIS, SPECIES)
    assert 1 <= classifier.n_iter_ < n
    assert classifier.n_evaluations_ == n - 1
    assert classifier.loss_ == classifier.loss_curve_[-1]
    expected = fit_quietly(small(solver=solver, max_iter=classifier.n_iter_), IRIS, SPECIES)
    assert same_bits(classifier.thetas_, expected.thetas_)
    assert classifier.score(IRIS, SPECIES) > 0.3


def test_interrupt_before_the_first_iteration_stores_nothing(monkeypatch):
    old = small().fit(IRIS, SPECIES)
    thetas = [Theta.copy() for Theta in old.thetas_]
    new = small()
    ctrl_c_at_evaluation(monkeypatch, 1)
    for classifier in (old, new):
        with pytest.raises(KeyboardInterrupt):
            classifier.fit(IRIS[:, :2], SPECIES)
    with pytest.raises(NotFittedError):
        new.predict(IRIS)
    assert same_bits(old.thetas_, thetas)
    assert old.score(IRIS, SPECIES) > 0.9


def test_interrupted_refit_is_the_new_model(monkeypatch):
    classifier = small().fit(pd.DataFrame(IRIS, columns=["a", "b", "c", "d"]), SPECIES)
    fit_interrupted(monkeypatch, classifier, IRIS[:, 2:], SPECIES > 0, at=6)
    assert classifier.n_features_in_ == 2
    assert not hasattr(classifier, "feature_names_in_")
    assert classifier.classes_.tolist() == [False, True]
    assert classifier.score(IRIS[:, 2:], SPECIES > 0) > 0.9


@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
def test_interrupted_fit_goes_on_by_warm_start(monkeypatch, solver):
    classifier = small(solver=solver, warm_start=True)
    fit_interrupted(monkeypatch, classifier, IRIS, SPECIES, at=12)
    interrupted_at = classifier.loss_
    classifier.fit(IRIS, SPECIES)
    assert classifier.loss_curve_[0] == pytest.approx(interrupted_at, rel=1e-12)
    assert classifier.converged_
    assert classifier.loss_ < interrupted_at


def test_other_exception_on_the_way_stores_too(monkeypatch):
    classifier = small()
    error = fit_interrupted(monkeypatch, classifier, IRIS, SPECIES, at=7, happens=break_pipe)
    assert isinstance(error, BrokenPipeError)
    assert classifier.n_iter_ == 7
    expected = fit_quietly(small(max_iter=7), IRIS, SPECIES)
    assert same_bits(classifier.thetas_, expected.thetas_)


def test_ctrl_c_at_any_time():
    X, y = load_digits(return_X_y=True)
    classifier = BackpropClassifier(50, reg_lambda="prior", tol=0, max_iter=100_000, random_state=0)

    def on_alarm(signum, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, on_alarm)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            classifier.fit(X, y)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert classifier.n_iter_ + 1 == len(classifier.loss_curve_) > 2
    assert classifier.loss_ == classifier.loss_curve_[-1]
    assert classifier.predict_proba(X).shape == (len(X), 10)


# Warm starts and given Thetas


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
@pytest.mark.parametrize("way", ["warm_start", "thetas_init"])
def test_converged_thetas_are_left_at_once(way, solver, dtype):
    X = IRIS.astype(dtype)
    first = small(solver=solver).fit(X, SPECIES)
    loss, thetas = first.loss_, first.thetas_
    second = (
        first.set_params(warm_start=True)
        if way == "warm_start"
        else small(solver=solver, thetas_init=thetas)
    )
    second.fit(X, SPECIES)
    assert second.loss_ == pytest.approx(loss, rel=1e-6)
    assert second.converged_
    assert (second.n_iter_, len(second.loss_curve_)) == (0, 1)
    for Theta, before in zip(second.thetas_, thetas, strict=True):
        np.testing.assert_allclose(Theta, before, rtol=1e-5)


@pytest.mark.parametrize("way", ["warm_start", "thetas_init"])
def test_a_fit_goes_on_where_the_last_one_ended(way):
    first = fit_quietly(small(max_iter=15), IRIS, SPECIES)
    loss, thetas = first.loss_, first.thetas_
    second = (
        first.set_params(warm_start=True, max_iter=500)
        if way == "warm_start"
        else small(thetas_init=thetas)
    )
    second.fit(IRIS, SPECIES)
    assert second.loss_curve_[0] == pytest.approx(loss, rel=1e-12)
    assert second.loss_ < loss
    assert second.converged_
    assert 0 < second.n_iter_ < small().fit(IRIS, SPECIES).n_iter_ + 15


def test_warm_start_on_other_rows_and_another_penalty():
    classifier = small(warm_start=True).fit(IRIS[::2], SPECIES[::2])
    thetas = classifier.thetas_
    classifier.set_params(reg_lambda=1e-2).fit(IRIS[1::2], SPECIES[1::2])
    expected = small(thetas_init=thetas, reg_lambda=1e-2).fit(IRIS[1::2], SPECIES[1::2])
    assert same_bits(classifier.thetas_, expected.thetas_)


def test_without_warm_start_a_fit_starts_afresh():
    classifier = small().fit(IRIS, SPECIES)
    curve = classifier.loss_curve_
    assert classifier.fit(IRIS, SPECIES).loss_curve_ == curve


def test_warm_start_wins_over_thetas_init_once_fitted():
    start = [np.full((5, 5), 0.1), np.eye(3, 6)]
    classifier = small(thetas_init=start, warm_start=True)
    fit_quietly(classifier.set_params(max_iter=3), IRIS, SPECIES)
    assert (
        classifier.loss_curve_
        == fit_quietly(small(thetas_init=start, max_iter=3), IRIS, SPECIES).loss_curve_
    )
    loss = classifier.loss_
    fit_quietly(classifier, IRIS, SPECIES)
    assert classifier.loss_curve_[0] == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("as_given", [list, tuple, lambda thetas: [t.tolist() for t in thetas]])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_thetas_init_is_not_modified(as_given, dtype):
    thetas = [Theta.astype(dtype) for Theta in small().fit(IRIS, SPECIES).thetas_]
    for Theta in thetas:
        Theta += 0.1
    given = as_given(thetas)
    before = [np.array(Theta) for Theta in given]
    classifier = small(thetas_init=given).fit(IRIS.astype(dtype), SPECIES)
    assert classifier.thetas_init is given
    assert same_bits([np.array(Theta) for Theta in given], before)
    assert not any(
        np.shares_memory(Theta, start)
        for Theta, start in zip(classifier.thetas_, thetas, strict=True)
    )


def test_random_state_has_no_part_in_a_given_start():
    start = [np.full((5, 5), 0.1), np.eye(3, 6)]
    one, other = (small(thetas_init=start, random_state=seed).fit(IRIS, SPECIES) for seed in (0, 1))
    assert same_bits(one.thetas_, other.thetas_)


REFUSED_WARM_STARTS = {
    "other classes": ({}, IRIS, SPECIES + 1, r"warm_start=True.*classes.*\[0, 1, 2\].*\[1, 2, 3\]"),
    "fewer classes": ({}, IRIS, SPECIES % 2, r"warm_start=True.*classes"),
    "labels": ({}, IRIS, np.eye(3, dtype=int)[SPECIES], r"warm_start=True.*classes"),
    "other features": ({}, IRIS[:, :3], SPECIES, r"warm_start=True.*shape \(5, 4\).*\(5, 5\)"),
    "other units": (
        {"hidden_layer_sizes": 6},
        IRIS,
        SPECIES,
        r"warm_start=True.*shape \(6, 5\).*\(5, 5\)",
    ),
    "more layers": (
        {"hidden_layer_sizes": (5, 5)},
        IRIS,
        SPECIES,
        r"warm_start=True.*3 arrays, got 2",
    ),
}


@pytest.mark.parametrize(
    ("parameters", "X", "y", "match"), REFUSED_WARM_STARTS.values(), ids=REFUSED_WARM_STARTS
)
def test_refused_warm_start(parameters, X, y, match):
    classifier = small(warm_start=True).fit(IRIS, SPECIES)
    before = classifier.predict_proba(IRIS)
    with pytest.raises(ValueError, match=match):
        classifier.set_params(**parameters).fit(X, y)
    assert classifier.predict_proba(IRIS).tobytes() == before.tobytes()


@pytest.mark.parametrize(
    "made", [lambda c: c, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))]
)
def test_the_model_is_read_only(made):
    classifier = made(small(warm_start=True).fit(IRIS, SPECIES))
    before = classifier.predict_proba(IRIS)
    for arrays in (classifier.thetas_, classifier.coefs_, classifier.intercepts_):
        for array in arrays:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = np.nan
        arrays.clear()
    for name in ("thetas_", "coefs_", "intercepts_", "classes_"):
        with pytest.raises(AttributeError):
            setattr(classifier, name, [])
    assert classifier.predict_proba(IRIS).tobytes() == before.tobytes()


# What else a refit does to the old state


def test_refit_forgets_all_of_the_last_fit():
    classifier = small().fit(pd.DataFrame(IRIS, columns=["a", "b", "c", "d"]), SPECIES)
    refitted = classifier.set_params(hidden_layer_sizes=()).fit(IRIS[:, :2], SPECIES > 1)
    expected = small(hidden_layer_sizes=()).fit(IRIS[:, :2], SPECIES > 1)
    assert vars(refitted).keys() == vars(expected).keys()
    assert same_bits(refitted.thetas_, expected.thetas_)


def test_fit_returns_itself_and_leaves_parameters_alone():
    classifier = small(reg_lambda="auto", hidden_layer_sizes=[5])
    parameters = classifier.get_params()
    assert classifier.fit(IRIS, SPECIES) is classifier
    assert classifier.get_params() == parameters
    assert all(classifier.get_params()[name] is value for name, value in parameters.items())


def test_old_thetas_are_not_written_to():
    classifier = small(warm_start=True).fit(IRIS, SPECIES)
    old = classifier.thetas_
    before = [Theta.copy() for Theta in old]
    classifier.set_params(reg_lambda=0.05).fit(IRIS, SPECIES)
    assert same_bits(old, before)


def test_parameters_changed_after_the_fit_do_not_change_predictions():
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    classifier = small(activation="tanh", out_activation="softmax").fit(X, y)
    before = classifier.predict_proba(X)
    classifier.set_params(activation="relu", hidden_layer_sizes=(3, 2), out_activation="logistic")
    assert classifier.predict_proba(X).tobytes() == before.tobytes()


def test_an_error_after_the_solver_keeps_the_old_model(monkeypatch):
    classifier = small().fit(IRIS, SPECIES)
    before = vars(classifier).copy()

    def no_memory(self, x):
        raise MemoryError

    monkeypatch.setattr(Training, "_thetas", no_memory)
    with pytest.raises(MemoryError):
        classifier.fit(IRIS[:, :2], SPECIES)
    assert vars(classifier) == before


def test_attributes_of_a_subclass_stay():
    class Remembers(BackpropClassifier):
        def fit(self, X, y):
            self.seen_ = len(X)
            return super().fit(X, y)

    fitted = Remembers(3, random_state=0).fit(IRIS, SPECIES)
    assert fitted.seen_ == len(IRIS)
    assert fitted.score(IRIS, SPECIES) > 0.9


@pytest.mark.skipif(
    not hasattr(BackpropClassifier, "set_callbacks"), reason="scikit-learn below 1.9"
)
@pytest.mark.parametrize("kind", [BackpropClassifier, BackpropClassifierCV])
def test_what_a_callback_sets_on_the_estimator_stays(kind):
    class Counter(QuietCallback):
        n_seen = 0

        def on_fit_task_end(self, estimator, context):
            self.n_seen += 1
            estimator.count_ = getattr(estimator, "count_", 0) + 1
            estimator.note = self.n_seen

    counter = Counter()
    if kind is BackpropClassifier:
        fitted = small().set_callbacks(counter)
    else:
        fitted = kind(5, reg_lambdas=[1e-2], cv=2, random_state=0).set_callbacks(counter)
    for _ in range(2):
        fitted.fit(IRIS, SPECIES)
        assert counter.n_seen > fitted.n_iter_
        assert fitted.count_ == fitted.note == counter.n_seen


ESTIMATORS = [
    small(),
    BackpropClassifierCV(3, reg_lambdas=[1e-2], tol=1e-2, random_state=0),
    BackpropRegressor(3, reg_lambda=1e-2, random_state=0),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_a_pickle_of_this_version_loads_without_a_word(estimator, again):
    fitted = copy.deepcopy(estimator).fit(IRIS, SPECIES)
    loaded = again(fitted)
    assert vars(loaded).keys() == vars(fitted).keys()
    assert loaded.predict(IRIS).tobytes() == fitted.predict(IRIS).tobytes()


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_a_pickle_of_another_version_warns_of_both_and_loads(monkeypatch, estimator):
    fitted = copy.deepcopy(estimator).fit(IRIS, SPECIES)
    pickled = pickle.dumps(fitted)
    monkeypatch.setattr(skbackprop._estimator, "__version__", "9.8.7")
    name, here = type(estimator).__name__, skbackprop.__version__
    versions = f"estimator {name} from version {here} when using version 9.8.7 of skbackprop"
    with pytest.warns(InconsistentVersionWarning, match=versions) as caught:
        loaded = pickle.loads(pickled)
    assert caught[0].filename == __file__
    assert loaded.predict(IRIS).tobytes() == fitted.predict(IRIS).tobytes()
    with warnings.catch_warnings():  # what is written again is of the version that writes it
        warnings.simplefilter("error")
        pickle.loads(pickle.dumps(loaded))


def test_a_pickle_that_does_not_say_its_version_is_of_the_first(monkeypatch):
    fitted = small().fit(IRIS, SPECIES)
    state = fitted.__getstate__()
    del state["_skbackprop_version"]
    as_given, loaded = dict(state), BackpropClassifier()
    monkeypatch.setattr(skbackprop._estimator, "__version__", "9.8.7")
    with pytest.warns(InconsistentVersionWarning, match=r"version 0\.1\.0 when"):
        loaded.__setstate__(state)
    assert state == as_given
    assert loaded.predict(IRIS).tobytes() == fitted.predict(IRIS).tobytes()
