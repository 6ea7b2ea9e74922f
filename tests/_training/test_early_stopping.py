"""Early stopping: which rows are held out, when it stops, and what it keeps."""

import warnings

import numpy as np
import pytest
from class_rows import rows_of_fit
from scipy.special import xlogy
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._model import network_for
from skbackprop._network.objective import RowCosts
from skbackprop._parameters import check_parameters
from skbackprop._training.early_stopping import EarlyStopping, hold_out
from skbackprop._training.fit import Point
from skbackprop._training.solver import NonFiniteError
from skbackprop._training.training import Training

CANCER, DIAGNOSES = load_breast_cancer(return_X_y=True)
CANCER = scale(CANCER)
IRIS, SPECIES = load_iris(return_X_y=True)
LABELS = np.column_stack([IRIS[:, 0] > 6, IRIS[:, 1] > 3]).astype(int)


def stopping(**parameters):
    defaults = {"early_stopping": True, "reg_lambda": 1e-6, "random_state": 0}
    return BackpropClassifier(10, **{**defaults, **parameters})


def held_out(classifier, X, y, w=None):
    rows = rows_of_fit(X, y, w, classifier.class_weight)
    random_state = np.random.RandomState(classifier.random_state)
    return hold_out(rows, classifier.validation_fraction, random_state)


def test_the_best_thetas_are_kept():
    classifier = stopping(tol=0).fit(CANCER, DIAGNOSES)
    scores = classifier.validation_scores_
    best = int(np.argmax(scores))
    assert len(scores) == classifier.n_iter_ == best + 1 + classifier.n_iter_no_change
    assert classifier.best_iteration_ == best
    assert classifier.best_validation_score_ == scores[best]
    assert classifier.stop_reason_ == "early_stopping"
    assert len(classifier.loss_curve_) == classifier.n_iter_ + 1
    assert classifier.loss_ == classifier.loss_curve_[best + 1]
    _, validation = held_out(classifier, CANCER, DIAGNOSES)
    loss = log_loss(validation.targets.codes, classifier.predict_proba(validation.X))
    np.testing.assert_allclose(scores[best], -loss, rtol=1e-10)


@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
def test_cost_and_gradient_are_those_of_the_other_rows(solver):
    classifier = stopping(solver=solver).fit(CANCER, DIAGNOSES)
    training, _ = held_out(classifier, CANCER, DIAGNOSES)
    there = stopping(early_stopping=False, tol=100.0, thetas_init=classifier.thetas_)
    there.fit(training.X, training.targets.as_given)
    assert there.n_iter_ == 0
    np.testing.assert_allclose(there.loss_, classifier.loss_, rtol=1e-12)
    np.testing.assert_allclose(there.gradient_norm_, classifier.gradient_norm_, rtol=1e-8)


def early_stopping_after(costs, patience):
    """Score a run of points; return it, and whether it was over after each."""
    early = EarlyStopping(lambda x: costs[int(x[0]) - 1], patience)
    over = []
    for n in range(1, len(costs) + 1):
        early.score(Point(np.array([float(n)]), 0.0, 0.0, True, n, n))
        over.append(early.is_over)
    return early, over


def test_better_means_strictly_better():
    early, over = early_stopping_after([3.0, 2.0, 2.0, 2.5, 2.0], patience=3)
    assert over == [False, False, False, False, True]
    assert (early.best.x[0], early.best_iteration) == (2, 1)
    assert early.scores == [-3.0, -2.0, -2.0, -2.5, -2.0]
    assert early.learned_cost(early.best, 0.0) == 2.0


def test_before_any_iteration_nothing_is_best():
    early = EarlyStopping(lambda x: 7.0 + x[0], patience=1)
    assert (early.best, early.best_iteration, early.is_over) == (None, None, False)
    start = Point(np.zeros(1), 0.0, 0.0, True, 0, 0)
    assert early.kept(start) is start
    assert early.learned_cost(start, 0.0) == 7.0


@pytest.mark.parametrize(("fraction", "expected"), [(0.1, 15), (0.101, 16), (0.001, 3), (0.5, 75)])
def test_how_many_rows_are_held_out(fraction, expected):
    rows = rows_of_fit(IRIS + np.arange(150)[:, np.newaxis], SPECIES, None, None)
    training, validation = hold_out(rows, fraction, np.random.RandomState(0))
    assert (training.n_rows, validation.n_rows) == (150 - expected, expected)
    counts = np.bincount(validation.targets.codes, minlength=3)
    assert counts.max() - counts.min() <= 1


def test_a_class_with_one_row_is_not_stratified():
    rows = rows_of_fit(np.arange(20.0)[:, np.newaxis], [0] * 10 + [1] * 9 + [2], None, None)
    training, validation = hold_out(rows, 0.25, np.random.RandomState(0))
    assert (training.n_rows, validation.n_rows) == (15, 5)


@pytest.mark.parametrize("n_rows", [2, 3])
def test_no_row_left_is_an_error(n_rows):
    classifier = stopping(validation_fraction=0.9)
    with pytest.raises(ValueError, match=r"validation_fraction must leave rows .*got 0.9: of"):
        classifier.fit(np.arange(float(n_rows))[:, np.newaxis], np.arange(n_rows))
    assert not hasattr(classifier, "thetas_")


@pytest.mark.parametrize("y", [SPECIES, SPECIES > 0, LABELS], ids=["classes", "binary", "labels"])
@pytest.mark.parametrize("weighted", [False, True])
def test_all_kinds_of_targets(y, weighted):
    w = np.arange(150) % 3 + 1.0 if weighted else None
    classifier = stopping(n_iter_no_change=3, out_activation="logistic")
    classifier.fit(IRIS, y, sample_weight=w)
    assert np.isfinite(classifier.validation_scores_).all()
    _, validation = held_out(classifier, IRIS, y, w)
    z = classifier.decision_function(validation.X).reshape(validation.n_rows, -1)
    codes = validation.targets.codes
    Y = np.eye(3)[codes] if z.shape[1] == 3 else codes.reshape(z.shape)
    costs = (np.logaddexp(0, z) - Y * z).sum(axis=1)
    cost = np.average(costs, weights=validation.w)
    np.testing.assert_allclose(classifier.best_validation_score_, -cost, rtol=1e-10)


def test_order_of_rows_and_repeats_do_not_matter():
    w = np.random.RandomState(0).randint(1, 3, size=150)
    order = np.random.RandomState(1).permutation(np.repeat(np.arange(150), w))
    weighted = stopping().fit(IRIS, SPECIES, sample_weight=w)
    repeated = stopping().fit(IRIS[order], SPECIES[order])
    assert weighted.validation_scores_ == repeated.validation_scores_


def test_rows_mapped_or_large_are_held_out_by_position(monkeypatch):
    import skbackprop._rows.rows

    small = stopping().fit(IRIS, SPECIES)
    monkeypatch.setattr(skbackprop._rows.rows, "CANONICAL_SIZE", 0)
    rows = rows_of_fit(IRIS, SPECIES, None, None)
    training, validation = hold_out(rows, 0.1, np.random.RandomState(0))
    assert training.X is IRIS
    assert validation.X is IRIS
    assert not set(training.positions) & set(validation.positions)
    large = stopping().fit(IRIS, SPECIES)
    assert len(large.validation_scores_) == large.n_iter_
    assert small.n_iter_ > 0


def test_no_warning_and_no_score_without_it():
    stopping(max_iter=10_000, tol=0).fit(IRIS, SPECIES)
    plain = BackpropClassifier(3, random_state=0).fit(IRIS, SPECIES)
    for name in ("validation_scores_", "best_validation_score_", "best_iteration_"):
        assert not hasattr(plain, name)


def test_a_refit_without_it_forgets_the_scores():
    classifier = stopping().fit(IRIS, SPECIES)
    classifier.set_params(early_stopping=False, reg_lambda=1e-2).fit(IRIS, SPECIES)
    assert not hasattr(classifier, "validation_scores_")
    assert not hasattr(classifier, "best_iteration_")


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        ("early_stopping", 1, "early_stopping must be a bool, got 1"),
        ("validation_fraction", 0.0, "validation_fraction must be a number between 0 and 1, got 0"),
        ("validation_fraction", 1.0, "validation_fraction .*got 1.0"),
        ("n_iter_no_change", 0, "n_iter_no_change must be an int >= 1, got 0"),
    ],
)
def test_clear_errors(parameter, value, message):
    with pytest.raises(ValueError, match=message):
        stopping(**{parameter: value}).fit(IRIS, SPECIES)


# What the validation cost is held against


def null_cost_of(training, validation):
    """The cost of the held-out targets where the frequencies of the others are predicted."""
    Y, learned_from = validation.targets.codes, training.targets.codes
    if Y.ndim == 1:
        Y, learned_from = np.eye(3)[Y], np.eye(3)[learned_from]
    p = np.average(learned_from, axis=0, weights=training.w)
    frequencies = np.average(Y, axis=0, weights=validation.w)
    if validation.targets.codes.ndim == 1:
        return -xlogy(frequencies, p).sum()
    return -(xlogy(frequencies, p) + xlogy(1 - frequencies, 1 - p)).sum()


@pytest.mark.parametrize("y", [SPECIES, LABELS], ids=["classes", "labels"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_validation_cost_is_held_against_the_frequencies_of_the_rows_trained_on(y, weighted):
    w = np.arange(150) % 7 + 1.0 if weighted else None
    classifier = stopping(out_activation="softmax", validation_fraction=0.15)
    rows, settings = rows_of_fit(IRIS, y, w, None), check_parameters(classifier)
    network, random_state = network_for(settings, rows), np.random.RandomState(0)
    with (
        single_threaded_blas(),
        rounding_in_silence(),
        Training(rows, network, settings, random_state) as training,
    ):
        outcome = training.fit_afresh(0.1)
    theirs = null_cost_of(*held_out(classifier, IRIS, y, w))
    assert outcome.null_cost == pytest.approx(theirs, rel=1e-12)
    assert outcome.learned_cost == -max(outcome.scores)
    # J of the rows trained on is held against their own.
    assert training.null_cost == pytest.approx(null_cost_of(training.rows, training.rows))


@pytest.mark.parametrize("seed", range(12))
def test_where_held_out_frequencies_are_others_no_fit_is_said_to_have_learned_nothing(seed):
    rng = np.random.RandomState(0)
    X = rng.randn(150, 5)
    Y = (rng.rand(150, 4) < 0.03).astype(int)
    classifier = BackpropClassifier(5, reg_lambda=1e-3, early_stopping=True, random_state=seed)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier.fit(X, Y)
    null_cost = null_cost_of(*held_out(classifier, X, Y))
    # Predicting the frequencies is better than a fit to noise, for some of these.
    is_null = -classifier.best_validation_score_ >= 0.999 * null_cost
    assert len(caught) == is_null
    assert all("no better than predicting" in str(warning.message) for warning in caught)


# Costs that are no numbers


@pytest.mark.parametrize("cost", [np.nan, np.inf])
@pytest.mark.parametrize("number", [1, 2])
def test_a_validation_cost_that_is_no_number_is_an_error(cost, number):
    costs = [1.0] * (number - 1) + [cost, 0.5]
    with pytest.raises(
        NonFiniteError, match=rf"validation cost became non-finite \({cost}\).*scale X"
    ):
        early_stopping_after(costs, patience=3)


@pytest.mark.parametrize("coarse_start", [False, True])
@pytest.mark.parametrize("activation", ["relu", "identity"])
def test_held_out_rows_beyond_the_numbers_end_the_fit(activation, coarse_start):
    rng = np.random.RandomState(0)
    X = rng.randn(200, 6).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    # Two rows that leave the mean, and what is trained on, as they are.
    X[0] = 3e38 * np.array([1, -1, 1, 1, -1, -1])
    X[1] = -X[0]
    classifier = stopping(
        activation=activation, validation_fraction=0.5, coarse_start=coarse_start, random_state=21
    )
    _, validation = held_out(classifier, X, y)
    assert (abs(validation.X) > 1e38).all(axis=1).sum() == 2
    with (
        # Of scikit-learn, which adds up X to see whether it is finite.
        warnings.catch_warnings(action="ignore", category=RuntimeWarning),
        pytest.raises(NonFiniteError, match="the validation cost became non-finite"),
    ):
        classifier.fit(X, y)
    assert not hasattr(classifier, "thetas_")


@pytest.mark.parametrize("number", [2, 9])
def test_a_cheap_stage_does_not_hide_it(monkeypatch, number):
    mean, n_calls = RowCosts.mean, []

    def and_nan_once(costs, x):
        n_calls.append(x)
        return np.nan if len(n_calls) == number else mean(costs, x)

    monkeypatch.setattr(RowCosts, "mean", and_nan_once)
    classifier = stopping(coarse_start=True, n_iter_no_change=100)
    with pytest.raises(NonFiniteError, match="validation cost"):
        classifier.fit(IRIS, SPECIES)
    assert len(n_calls) == number
