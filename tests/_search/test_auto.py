"""The penalty that "auto" is: a path scored on rows held out, then one fit on all rows."""

import copy
import io
import re
import sys
from collections import Counter
from itertools import count

import numpy as np
import pytest
import textbook
from class_rows import rows_of_fit
from interrupting import AtLine
from quiet import QuietCallback
from scipy.sparse import csr_array
from scipy.special import log_expit, log_softmax
from sklearn.base import clone
from sklearn.datasets import make_circles
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import skbackprop
import skbackprop._machine.blas
import skbackprop._machine.threads
import skbackprop._search.auto as auto
from skbackprop import BackpropClassifier
from skbackprop._search.auto import LEAST_OF_A_CLASS, LEAST_ROWS, N_LAMBDAS, SHARE
from skbackprop._training.early_stopping import hold_out
from skbackprop._training.endings import Ending
from skbackprop._training.solver import Descent, NonFiniteError
from skbackprop._training.training import Training

N_ROWS = 120
STEP = 2.0**-18
KINDS = ["binary", "classes", "labels"]
OF_A_PATH = ["reg_lambdas_", "reg_lambda_scores_"]
needs_callbacks = pytest.mark.skipif(
    not hasattr(BackpropClassifier, "set_callbacks"),
    reason="sklearn.callback came with scikit-learn 1.9",
)


def table(kind="classes", n_rows=N_ROWS, seed=0):
    """Return noisy rows: a penalty pays. All X are multiples of STEP: their sums are exact."""
    rng = np.random.default_rng(seed)
    X = np.rint(rng.normal(size=(n_rows, 3)) / STEP) * STEP
    z = X[:, 0] * X[:, 1] + X[:, 2] + rng.normal(0, 0.5, n_rows)
    if kind == "labels":
        return X, np.column_stack([z > 0, z + X[:, 0] > 0.5]).astype(int)
    n_classes = 2 if kind == "binary" else 3
    return X, np.searchsorted(np.quantile(z, np.arange(1, n_classes) / n_classes), z)


def network(**parameters):
    defaults = {
        "hidden_layer_sizes": 4,
        "activation": "logistic",
        "tol": 1e-2,
        "random_state": 0,
    }
    return BackpropClassifier(**{**defaults, **parameters})


def in_float32(X):
    return X.astype(np.float32)


class Paths:
    """What paths were walked on, started from and came to."""

    def __init__(self):
        self.trainings, self.starts, self.outcomes, self.held_out = [], [], [], []


@pytest.fixture
def paths(monkeypatch):
    """Watch the paths that are walked."""
    seen, walk, score = Paths(), auto.walk, auto.mean_log_likelihood

    def watched_walk(training, reg_lambdas, start):
        seen.trainings.append(training)
        seen.starts.append(start)
        for outcome in walk(training, reg_lambdas, start):
            seen.outcomes.append(outcome)
            yield outcome

    def watched_score(network, thetas, rows):
        seen.held_out.append(rows)
        return score(network, thetas, rows)

    monkeypatch.setattr(auto, "walk", watched_walk)
    monkeypatch.setattr(auto, "mean_log_likelihood", watched_score)
    return seen


def bits(classifier):
    """Return all that a fit has found, to the bit."""
    arrays = [*classifier.thetas_, *(getattr(classifier, name, np.empty(0)) for name in OF_A_PATH)]
    return [array.tobytes() for array in arrays], classifier.reg_lambda_, classifier.loss_curve_


def has_a_path(classifier):
    has = {hasattr(classifier, name) for name in OF_A_PATH}
    assert len(has) == 1
    return has.pop()


def log_probabilities(thetas, X, kind, out_activation="softmax"):
    """The log-probability of each class, or of a label and against it, from the formulas."""
    Theta1, Theta2 = thetas
    hidden = 1 / (1 + np.exp(-(X @ Theta1[:, 1:].T + Theta1[:, 0])))
    z = hidden @ Theta2[:, 1:].T + Theta2[:, 0]
    if kind == "labels":
        return log_expit(z), log_expit(-z)
    if kind == "binary":
        return np.column_stack([log_expit(-z[:, 0]), log_expit(z[:, 0])])
    if out_activation == "softmax":
        return log_softmax(z, axis=1)
    P = 1 / (1 + np.exp(-z))
    return np.log(P / P.sum(axis=1, keepdims=True))


def mean_log_likelihood(thetas, X, y, w, kind, out_activation="softmax"):
    log_P = log_probabilities(thetas, X, kind, out_activation)
    is_labels = kind == "labels"
    of_rows = np.where(y, *log_P).mean(axis=1) if is_labels else log_P[np.arange(len(y)), y]
    return np.average(of_rows, weights=w)


def textbook_cost(thetas, X, y, reg_lambda, w=None):
    """J and max |D| of one hidden layer, by a loop over the examples."""
    Y = y if y.ndim == 2 else (y[:, np.newaxis] if y.max() == 1 else np.eye(3)[y])
    output = "softmax" if Y.shape[1] == 3 else "logistic"
    J, D = textbook.cost_and_gradient(thetas, X, Y, ["logistic"], output, reg_lambda, w)
    return J, max(np.abs(D_l).max() for D_l in D)


# What is found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("form", "solver"),
    [(np.asarray, "lbfgs"), (np.asarray, "cg"), (in_float32, "lbfgs"), (csr_array, "lbfgs")],
    ids=["lbfgs", "cg", "float32", "sparse"],
)
def test_the_penalty_is_the_best_of_the_path(kind, form, solver):
    X, y = table(kind)
    classifier = network(solver=solver, tol=1e-3).fit(form(X), y)
    reg_lambdas, scores = classifier.reg_lambdas_, classifier.reg_lambda_scores_
    best = int(np.argmax(scores))
    assert isinstance(classifier.reg_lambda_, float)
    assert classifier.reg_lambda_ == reg_lambdas[best]
    assert reg_lambdas.shape == scores.shape
    assert np.isfinite(scores).all()
    assert (np.diff(reg_lambdas) < 0).all()
    np.testing.assert_allclose(np.diff(np.log(reg_lambdas), 2), 0, atol=1e-10)
    # It ends where the scores have turned, or with the grid.
    is_worse = scores < 1.05 * np.maximum.accumulate(scores)
    turned = np.flatnonzero(is_worse[1:] & is_worse[:-1]) + 2
    assert len(scores) == (turned[0] if len(turned) else N_LAMBDAS)
    assert classifier.converged_
    assert {Theta.dtype for Theta in classifier.thetas_} == {form(X).dtype}


@pytest.mark.parametrize(
    ("kind", "weights", "parameters"),
    [
        ("binary", None, {}),
        ("binary", "whole", {"class_weight": "balanced"}),
        ("classes", None, {}),
        ("classes", "small", {}),
        ("classes", "whole", {"class_weight": {0: 0.1, 2: 2}, "out_activation": "logistic"}),
        ("classes", "whole", {"early_stopping": True}),
        ("labels", None, {}),
        ("labels", "small", {}),
    ],
)
def test_scores_are_the_log_likelihood_of_rows_held_out(paths, kind, parameters, weights):
    X, y = table(kind)
    w = None if weights is None else np.arange(N_ROWS) % 3 + 1.0
    w = w / 1000 if weights == "small" else w
    classifier = network(**parameters).fit(X, y, sample_weight=w)
    (held_out,) = {id(rows): rows for rows in paths.held_out}.values()
    assert len(paths.outcomes) == len(classifier.reg_lambda_scores_)
    for reg_lambda, score, outcome in zip(
        classifier.reg_lambdas_, classifier.reg_lambda_scores_, paths.outcomes, strict=True
    ):
        # The weights of the classes do not take part.
        expected = mean_log_likelihood(
            outcome.thetas.matrices,
            held_out.X,
            held_out.targets.as_given,
            held_out.counts,
            kind,
            parameters.get("out_activation", "softmax"),
        )
        assert score == pytest.approx(expected, rel=1e-10)
        assert outcome.reg_lambda == reg_lambda


def weight_by_row(*parts):
    """Return how much weight each row (x, y) has in some Rows together."""
    weights = Counter()
    for rows in parts:
        w = np.ones(rows.n_rows) if rows.counts is None else rows.counts
        y = rows.targets.as_given.reshape(rows.n_rows, -1)
        X = rows.X if rows.positions is None else rows.X[rows.positions]
        for key, w_i in zip(map(tuple, np.column_stack([X, y])), w, strict=True):
            weights[key] += w_i
    return dict(weights)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_fifth_of_the_weight_is_held_out_and_the_path_has_the_rest(paths, kind, weighted):
    X, y = table(kind)
    w = np.arange(N_ROWS) % 4.0 if weighted else np.ones(N_ROWS)
    network().fit(X, y, sample_weight=w)
    (training,), held_out = paths.trainings, paths.held_out[0]
    assert training.held_out is None
    given = {
        tuple(row): w_i for row, w_i in zip(np.column_stack([X, y]), w, strict=True) if w_i > 0
    }
    assert weight_by_row(training.rows, held_out) == given
    assert held_out.total_count == np.ceil(SHARE * w.sum())
    if kind != "labels":
        of_classes = held_out.targets.weight_of_classes(held_out.counts)
        assert abs(of_classes - SHARE * np.bincount(y, w)).max() < 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_fit_is_on_all_rows_from_where_the_best_ended(paths, kind):
    X, y = table(kind)
    found = network(tol=1e-4).fit(X, y)
    best = paths.outcomes[int(np.argmax(found.reg_lambda_scores_))]
    by_hand = network(reg_lambda=found.reg_lambda_, thetas_init=best.thetas.matrices, tol=1e-4)
    by_hand.fit(X, y)
    assert [Theta.tobytes() for Theta in found.thetas_] == [T.tobytes() for T in by_hand.thetas_]
    for name in ("loss_curve_", "n_iter_", "n_evaluations_", "stop_reason_"):
        assert getattr(found, name) == getattr(by_hand, name), name
    J, norm = textbook_cost(found.thetas_, X, y, found.reg_lambda_)
    assert found.loss_ == pytest.approx(J, rel=1e-10)
    assert found.gradient_norm_ == pytest.approx(norm, rel=1e-6)
    assert norm <= found.tol
    assert found.converged_


def test_where_the_best_has_learned_nothing_the_last_fit_starts_afresh(paths, monkeypatch):
    monkeypatch.setattr(auto, "reg_lambda_grid", lambda *_: np.array([10.0, 5.0]))
    X, y = table()
    afresh, started = Training.fit_afresh, []

    def noted(training, reg_lambda):
        started.append(reg_lambda)
        return afresh(training, reg_lambda)

    monkeypatch.setattr(Training, "fit_afresh", noted)
    # Who has asked for a search is not told to weaken what it has found.
    with pytest.warns(ConvergenceWarning, match="no weaker reg_lambda did better on rows") as told:
        classifier = network().fit(X, y)
    assert "Decrease" not in str(told[0].message)
    assert started == [classifier.reg_lambda_]
    assert all(outcome.is_null for outcome in paths.outcomes)
    assert classifier.reg_lambdas_.tolist() == [10, 5]


def test_noisy_rows_are_given_a_stronger_penalty():
    # One held-out share of some draws speaks for another penalty, but not of most.
    times_as_strong = []
    for seed in range(9):
        X, _ = table(n_rows=300, seed=seed)
        y = X[:, 0] > 0
        noisy = y ^ (np.random.default_rng(seed).random(300) < 0.3)
        of_clean, of_noisy = (network().fit(X, target).reg_lambda_ for target in (y, noisy))
        times_as_strong.append(of_noisy / of_clean)
    assert np.median(times_as_strong) > 2


def test_max_iter_is_that_of_each_fit():
    X, y = table()
    with pytest.warns(ConvergenceWarning, match="max_iter=3") as caught:
        classifier = network(max_iter=3, tol=1e-4).fit(X, y)
    assert len(caught) == 1  # of the last fit: those of the path only rank
    assert classifier.n_iter_ == 3
    assert has_a_path(classifier)


# Where there is no path


@pytest.mark.parametrize("reg_lambda", [0, 1e-2, np.float32(1e-3), "prior"])
def test_who_gives_a_penalty_pays_for_no_path(paths, monkeypatch, reg_lambda):
    descents, run = [], Descent.run

    def counted(self, *args):
        descents.append(self)
        return run(self, *args)

    monkeypatch.setattr(Descent, "run", counted)
    classifier = network(reg_lambda=reg_lambda).fit(*table())
    assert not has_a_path(classifier)
    assert paths.trainings == []
    assert len(descents) == 1
    assert classifier.reg_lambda_ == (1e-3 if reg_lambda == "prior" else reg_lambda)


def binary(n_first, n_second):
    """Return rows of two classes that are easily told apart."""
    X, _ = table(n_rows=n_first + n_second)
    y = np.repeat([0, 1], [n_first, n_second])
    return X + 4 * y[:, np.newaxis], y


RARE = LEAST_OF_A_CLASS
FEW_AND_ENOUGH = {
    "rows": (binary(50, LEAST_ROWS - 51), binary(50, LEAST_ROWS - 50)),
    "rows of a class": (binary(LEAST_ROWS, RARE - 1), binary(LEAST_ROWS, RARE)),
    "rows with labels": tuple(table("labels", n) for n in (LEAST_ROWS - 1, LEAST_ROWS)),
}


@pytest.mark.parametrize(("few", "enough"), FEW_AND_ENOUGH.values(), ids=FEW_AND_ENOUGH)
def test_where_rows_are_too_few_auto_is_prior(few, enough):
    def fit(data, reg_lambda="auto"):
        return network(reg_lambda=reg_lambda).fit(*data)

    assert not has_a_path(fit(few))
    assert bits(fit(few)) == bits(fit(few, "prior"))
    assert has_a_path(fit(enough))


@pytest.mark.parametrize(
    ("n_rows", "of_second", "weights", "expected"),
    [
        # A row of weight 2 is two rows.
        ((25, 24), LEAST_ROWS, (2, 2), False),
        ((25, 25), LEAST_ROWS, (2, 2), True),
        ((90, 5), RARE, (1, 2), True),
        ((90, 4), RARE, (1, 2), False),
        # Of weights that sum to 1, the rows count.
        ((50, 50), LEAST_ROWS, (0.01, 0.01), True),
        ((50, 49), LEAST_ROWS, (0.01, 0.01), False),
        ((200, 100), RARE, (1e-3, 5e-5), False),
    ],
)
def test_rows_count_by_their_weight(n_rows, of_second, weights, expected):
    X, y = binary(*n_rows)
    w = np.repeat(weights, n_rows)
    assert has_a_path(network().fit(X, y, sample_weight=w)) == expected


def test_classes_count_as_rows_whatever_they_weigh():
    X, y = binary(LEAST_ROWS, RARE)
    assert has_a_path(network(class_weight={1: 0.1}).fit(X, y))
    X, y = binary(LEAST_ROWS, RARE - 1)
    assert not has_a_path(network(class_weight={1: 10}).fit(X, y))


def test_a_class_whose_rows_all_weigh_nothing_does_not_count():
    X, y = binary(60, 60)
    y[:3] = 7
    classifier = network().fit(X, y, sample_weight=np.where(y == 7, 0.0, 1.0))
    assert has_a_path(classifier)
    assert classifier.classes_.tolist() == [0, 1, 7]


WITHOUT_A_PATH = {
    "a number": ({"reg_lambda": 1e-2}, table()),
    "prior": ({"reg_lambda": "prior"}, table()),
    "few rows": ({}, table(n_rows=LEAST_ROWS - 1)),
    "warm start": ({"warm_start": True}, table()),
}


@pytest.mark.parametrize(("change", "data"), WITHOUT_A_PATH.values(), ids=WITHOUT_A_PATH)
def test_a_refit_without_a_path_forgets_the_one_before(change, data):
    classifier = network().fit(*table())
    assert has_a_path(classifier)
    classifier.set_params(**change).fit(*data)
    assert not has_a_path(classifier)


# Weight, order, repeats and threads

CASES = {
    "binary": ("binary", np.asarray, {}),
    "classes": ("classes", np.asarray, {}),
    "labels": ("labels", np.asarray, {}),
    "float32": ("classes", in_float32, {}),
    "sparse": ("classes", csr_array, {}),
    "cg": ("binary", np.asarray, {"solver": "cg"}),
    "two layers": ("binary", np.asarray, {"hidden_layer_sizes": (3, 3), "activation": "tanh"}),
    "relu": ("binary", np.asarray, {"activation": "relu"}),
    "balanced": ("classes", np.asarray, {"class_weight": "balanced"}),
    "small class weights": ("classes", np.asarray, {"class_weight": {0: 1e-2, 1: 2e-2, 2: 1e-2}}),
    "early stopping": ("classes", np.asarray, {"early_stopping": True}),
    "coarse start": ("classes", np.asarray, {"coarse_start": True}),
    "both": ("binary", np.asarray, {"coarse_start": True, "early_stopping": True}),
    "no coarse start": ("binary", np.asarray, {"coarse_start": False}),
}
ON_PARTS = ["binary", "labels", "sparse", "balanced", "early stopping", "both"]
ON_ALL_AND_PARTS = {
    **{name: (10_000, *case) for name, case in CASES.items()},
    **{f"{name} on a part": (100, *CASES[name]) for name in ON_PARTS},
}
on_parts = pytest.mark.parametrize("most_rows", [10_000, 100], ids=["on all", "on a part"])


@pytest.mark.parametrize(
    ("most_rows", "kind", "form", "parameters"), ON_ALL_AND_PARTS.values(), ids=ON_ALL_AND_PARTS
)
def test_weights_repeats_and_order_change_no_bit(monkeypatch, most_rows, kind, form, parameters):
    monkeypatch.setattr(auto, "MOST_ROWS", most_rows)
    X, y = table(kind, 120)
    w = np.arange(len(y)) % 3
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(len(y)), w))
    weighted = network(**parameters).fit(form(X), y, sample_weight=w)
    repeated = network(**parameters).fit(form(X[order]), y[order])
    assert has_a_path(weighted)
    assert bits(weighted) == bits(repeated)


def test_few_heavy_rows_are_as_good_as_many():
    # Merged, they are fewer than a path needs.
    X, y = table("binary", 20)
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(20), 6))
    weighted = network().fit(X, y, sample_weight=np.full(20, 6))
    assert has_a_path(weighted)
    assert bits(weighted) == bits(network().fit(X[order], y[order]))


@pytest.mark.parametrize("most_rows", [10_000, 100])
def test_the_number_of_threads_changes_no_bit(monkeypatch, most_rows):
    monkeypatch.setattr(auto, "MOST_ROWS", most_rows)
    monkeypatch.setattr(skbackprop._machine.threads, "SMALL_WORK", 0)
    monkeypatch.setattr("skbackprop._machine.shards.SHARD_WORK", 1000)
    begin, found = skbackprop._machine.blas.BlasLimiter._begin, []
    for n_threads in (1, 2, 4):

        def begin_with(self, n_threads=n_threads):
            begin(self)
            self._budget = n_threads

        monkeypatch.setattr(skbackprop._machine.blas.BlasLimiter, "_begin", begin_with)
        found.append(bits(network().fit(*table())))
    assert found[0] == found[1] == found[2]


def test_the_seed_is_all_that_decides():
    one, again, other = (bits(network(random_state=s).fit(*table())) for s in (0, 0, 1))
    assert one == again
    assert one[0][-1] != other[0][-1]


# Early stopping


def moved(X, one, other):
    """Return X where two rows have moved, but no feature's mean by a bit."""
    X = X.copy()
    X[one, 1] += STEP
    X[other, 1] -= STEP
    return X


@pytest.mark.parametrize(("coarse_start", "most_rows"), [(False, 10_000), (True, 100)])
def test_rows_held_out_for_early_stopping_score_but_are_not_trained_on(
    monkeypatch, coarse_start, most_rows
):
    # A step so small changes no choice and no order; of a row that is trained on, it changes bits.
    monkeypatch.setattr(auto, "MOST_ROWS", most_rows)
    X, y = table("binary")
    classifier = network(
        early_stopping=True, validation_fraction=0.3, coarse_start=coarse_start, tol=1e-4
    )
    parts = hold_out(rows_of_fit(X, y, None, None), 0.3, np.random.RandomState(0))
    (*thetas, reg_lambdas, scores), *_ = bits(classifier.fit(X, y))
    for part, is_trained_on in zip(parts, (True, False), strict=True):
        rows = [int(np.flatnonzero((x == X).all(axis=1))[0]) for x in part.X]
        all_scores = set()
        for one, other in zip(rows[:3], rows[-3:], strict=True):
            (*new_thetas, new_lambdas, new_scores), *_ = bits(
                classifier.fit(moved(X, one, other), y)
            )
            assert (new_thetas != thetas) == is_trained_on
            assert is_trained_on or new_lambdas == reg_lambdas
            all_scores.add(new_scores)
        assert all_scores - {scores}


@on_parts
def test_what_is_held_out_for_early_stopping_is_the_same_everywhere(paths, monkeypatch, most_rows):
    monkeypatch.setattr(auto, "MOST_ROWS", most_rows)
    X, y = table()
    classifier = network(early_stopping=True, tol=1e-4).fit(X, y)
    rows, validation = hold_out(rows_of_fit(X, y, None, None), 0.1, np.random.RandomState(0))
    (on_path,), held_out = paths.trainings, paths.held_out[0]
    of_training, of_validation = weight_by_row(rows), weight_by_row(validation)
    assert on_path.held_out is held_out
    if most_rows > N_ROWS:
        assert weight_by_row(on_path.rows) == of_training
        assert weight_by_row(held_out) == of_validation
    else:
        share = most_rows / rows.n_rows
        assert on_path.rows.total_count == pytest.approx(most_rows, abs=1)
        # Each of the three classes keeps a row back.
        assert held_out.n_rows == pytest.approx(share * validation.n_rows, abs=3)
        assert set(weight_by_row(on_path.rows)) < set(of_training)
        assert set(weight_by_row(held_out)) <= set(of_validation)
    codes = validation.targets.as_given
    score = mean_log_likelihood(classifier.thetas_, validation.X, codes, None, "classes")
    assert classifier.best_validation_score_ == pytest.approx(score, rel=1e-10)
    assert classifier.best_validation_score_ == max(classifier.validation_scores_)
    # They are those of the last fit.
    assert len(classifier.validation_scores_) == classifier.n_iter_


def test_few_rows_have_a_path_where_early_stopping_holds_some_out_anyway():
    X, y = table("binary", 30)
    assert has_a_path(network(early_stopping=True).fit(X, y))
    assert not has_a_path(network().fit(X, y))


# Given Thetas


def test_after_a_fit_a_warm_start_keeps_the_penalty(paths):
    X, y = table()
    classifier = network(warm_start=True).fit(X, y)  # the first one has nothing to keep
    assert has_a_path(classifier)
    reg_lambda, loss, thetas = classifier.reg_lambda_, classifier.loss_, classifier.thetas_
    classifier.fit(X, y)
    assert len(paths.trainings) == 1
    assert (classifier.reg_lambda_, classifier.n_iter_) == (reg_lambda, 0)
    assert classifier.loss_ == pytest.approx(loss, rel=1e-12)
    X_other, y_other = table(seed=1)
    classifier.fit(X_other, y_other)
    assert classifier.reg_lambda_ == reg_lambda
    old = network(reg_lambda=reg_lambda, thetas_init=thetas).fit(X_other, y_other)
    assert classifier.loss_ == pytest.approx(old.loss_, rel=1e-6)
    assert len(paths.trainings) == 1


@pytest.mark.parametrize("reg_lambda", [3e-3, "prior"])
def test_a_warm_start_keeps_a_penalty_that_was_given(reg_lambda):
    classifier = network(reg_lambda=reg_lambda).fit(*table())
    kept = classifier.reg_lambda_
    classifier.set_params(reg_lambda="auto", warm_start=True).fit(*table(n_rows=2000))
    assert classifier.reg_lambda_ == kept
    classifier.set_params(reg_lambda=7e-3).fit(*table())
    assert classifier.reg_lambda_ == 7e-3


@on_parts
def test_given_thetas_start_the_path(paths, monkeypatch, most_rows):
    monkeypatch.setattr(auto, "MOST_ROWS", most_rows)
    X, y = table()
    given = [0.5 * Theta for Theta in network(reg_lambda=1e-2).fit(X, y).thetas_]
    before = copy.deepcopy(given)
    classifier = network(thetas_init=given).fit(X, y)
    (start,), (on_path,), first = paths.starts, paths.trainings, paths.outcomes[0]
    assert [Theta.tolist() for Theta in start.matrices] == [Theta.tolist() for Theta in given]
    # Taken as they are, without a dose of fresh weights.
    J, _ = textbook_cost(given, on_path.rows.X, on_path.rows.targets.as_given, first.reg_lambda)
    assert first.loss_curve[0] == pytest.approx(J, rel=1e-6)
    assert has_a_path(classifier)
    for Theta, was in zip(given, before, strict=True):
        np.testing.assert_array_equal(Theta, was)


def test_given_thetas_at_a_saddle_do_not_hold_the_path():
    X, y = table()
    saddle = [np.zeros((4, 4)), np.zeros((3, 5))]
    classifier = network(thetas_init=saddle, tol=1e-3).fit(X, y)
    assert classifier.reg_lambda_scores_[0] == pytest.approx(-np.log(3), abs=1e-3)
    assert classifier.score(X, y) > 0.7


def test_given_thetas_of_other_shapes_are_an_error_before_the_path(paths):
    with pytest.raises(ValueError, match="thetas_init"):
        network(thetas_init=[np.zeros((4, 4)), np.zeros((3, 4))]).fit(*table())
    assert paths.trainings == []


# Large tables


@pytest.mark.parametrize(
    ("kind", "is_canonical"),
    [("binary", True), ("classes", True), ("labels", True), ("classes", False)],
)
def test_on_a_large_table_the_path_is_on_a_part_in_float32(paths, monkeypatch, kind, is_canonical):
    monkeypatch.setattr(auto, "MOST_ROWS", 100)
    if not is_canonical:
        monkeypatch.setattr("skbackprop._rows.rows.CANONICAL_SIZE", 0)
    X, y = table(kind, 250)
    w = np.where(np.arange(250) < 125, 1.0, 2.0)
    classifier = network(tol=1e-5, max_iter=2000).fit(X, y, sample_weight=w)
    (on_path,), held_out = paths.trainings, paths.held_out[0]
    share = 100 / 250
    assert on_path.rows.X.dtype == held_out.X.dtype == np.float32
    given = {tuple(row): w_i for row, w_i in zip(np.column_stack([X, y]), w, strict=True)}
    drawn = weight_by_row(on_path.rows, held_out)  # of X that float32 holds
    assert all(drawn[row] <= given[row] for row in drawn)
    assert sum(drawn.values()) == pytest.approx(share * w.sum(), abs=1)
    assert held_out.total_count == pytest.approx(SHARE * sum(drawn.values()), abs=1)
    # lambda is carried over to all rows.
    best = int(np.argmax(classifier.reg_lambda_scores_))
    assert classifier.reg_lambda_ == pytest.approx(
        classifier.reg_lambdas_[best] * share**auto.POWER_OF_ROWS
    )
    # The fit is that of all rows, in float64.
    assert classifier.converged_
    assert {Theta.dtype for Theta in classifier.thetas_} == {np.dtype(np.float64)}
    J, norm = textbook_cost(classifier.thetas_, X, y, classifier.reg_lambda_, w)
    assert classifier.loss_ == pytest.approx(J, rel=1e-12)
    assert norm <= 1.01e-5
    start = paths.outcomes[best].thetas
    by_hand = network(thetas_init=start.matrices, reg_lambda=classifier.reg_lambda_, tol=1e9)
    assert classifier.loss_curve_[0] == by_hand.fit(X, y, sample_weight=w).loss_


def test_a_large_table_of_float32_ends_in_float32(monkeypatch):
    monkeypatch.setattr(auto, "MOST_ROWS", 100)
    X, y = table(n_rows=250)
    classifier = network().fit(in_float32(X), y)
    assert {Theta.dtype for Theta in classifier.thetas_} == {np.dtype(np.float32)}
    assert classifier.converged_


def test_with_a_coarse_start_the_last_fit_is_that_from_random_weights(monkeypatch, capsys):
    monkeypatch.setattr(auto, "MOST_ROWS", 100)
    classifier = network(tol=1e-3, coarse_start=True, verbose=1).fit(*table(n_rows=250))
    stages = [line for line in capsys.readouterr().out.splitlines() if "coarse start" in line]
    assert stages == [
        "coarse start: mini-batches of 200 of 225 rows, float32",
        "coarse start: 250 rows, float32",
    ]
    # But given Thetas are where it starts.
    given = network(tol=1e-3, coarse_start=True, verbose=1, thetas_init=classifier.thetas_)
    given.fit(*table(n_rows=250))
    assert "coarse start" not in capsys.readouterr().out


def test_where_float32_overflows_the_fit_is_there_all_the_same(monkeypatch):
    # Sums over the features reach 1e39: more than float32 holds, nothing to float64.
    monkeypatch.setattr(auto, "MOST_ROWS", 100)
    X, y = table(n_rows=250)
    huge = np.column_stack([X, 1e37 * X[:, 0]])
    with pytest.warns(ConvergenceWarning):
        classifier = network(activation="identity").fit(huge, y)
    assert np.isfinite(classifier.loss_curve_).all()
    assert classifier.thetas_[0].dtype == np.float64
    assert not has_a_path(classifier)
    assert classifier.reg_lambda_ == 1e-3


def test_a_path_ends_before_a_fit_that_is_not_finite(monkeypatch):
    raise_at(monkeypatch, 2, 3, NonFiniteError)
    classifier = network().fit(*table())
    assert classifier.reg_lambdas_.tolist() == COMPLETE.reg_lambdas_[:2].tolist()
    assert classifier.reg_lambda_ in classifier.reg_lambdas_
    assert classifier.converged_


# What is told


LINE = re.compile(
    r"path, lambda (\d+)/(\d+) = (\S+): score (\S+), cost (\S+), (\d+) iterations, (\S+) s"
)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_verbose_prints_a_line_for_each_fit_of_the_path(paths, capsys, early_stopping):
    classifier = network(verbose=1, early_stopping=early_stopping).fit(*table())
    n = len(classifier.reg_lambdas_)
    lines = capsys.readouterr().out.splitlines()
    found = [LINE.fullmatch(line).groups() for line in lines[:n]]
    assert [(int(number), int(of)) for number, of, *_ in found] == [
        (number, N_LAMBDAS) for number in range(1, n + 1)
    ]
    numbers = np.array([fields[2:5] for fields in found], dtype=float)
    np.testing.assert_allclose(numbers[:, 0], classifier.reg_lambdas_, rtol=1e-2)
    np.testing.assert_allclose(numbers[:, 1], classifier.reg_lambda_scores_, rtol=1e-5)
    costs = [outcome.loss for outcome in paths.outcomes]
    np.testing.assert_allclose(numbers[:, 2], costs, rtol=1e-5)
    assert [int(fields[5]) for fields in found] == [outcome.n_iter for outcome in paths.outcomes]
    heading, *iterations = lines[n:]
    assert heading.split()[0] == "iteration"
    assert len(iterations) == classifier.n_iter_


def test_a_quiet_path_prints_nothing(capsys):
    network().fit(*table())
    assert capsys.readouterr() == ("", "")


# Callbacks


class Callback(QuietCallback):
    """Notes the tasks that end, and does something at each: act(path of the task, fitted)."""

    def __init__(self, act=lambda path, fitted: None):
        self.act, self.began, self.ended, self.seen = act, [], [], []

    def on_fit_task_begin(self, estimator, context):
        self.began.append(self._path(context))

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        path = self._path(context)
        self.ended.append(path)
        if fitted_estimator is not None and path[-1][0] == "iteration":
            self.seen.append((path, fitted_estimator.reg_lambda_))
            self.last = fitted_estimator
        return self.act(names_of(path), fitted_estimator)

    def _path(self, context):
        path = []
        while context is not None:
            path.insert(0, (context.task_name, context.task_id))
            context = context.parent
        return tuple(path)


def names_of(path):
    return tuple(name for name, _ in path)


@pytest.mark.parametrize("coarse_start", [False, "auto"])
def test_fits_of_a_path_are_left_once_they_are_slow(paths, coarse_start):
    X, y = table(n_rows=100)
    classifier = network(coarse_start=coarse_start, tol=1e-4).fit(X, y)
    assert {outcome.ending for outcome in paths.outcomes} == {Ending.FLAT}
    assert classifier.converged_


@needs_callbacks
@pytest.mark.parametrize("coarse_start", [False, True])
def test_callbacks_see_the_path(coarse_start):
    X, y = table()
    watcher = Callback()
    classifier = network(coarse_start=coarse_start, tol=1e-3).set_callbacks(watcher).fit(X, y)
    stages = [(), ("all rows",), ("all rows", "iteration")]
    cheap = [("mini-batches",), ("mini-batches", "iteration")] if coarse_start else []
    expected = {("fit",), ("fit", "path")}
    expected |= {("fit", "path", "lambda", *below) for below in stages + cheap}
    expected |= {("fit", *below) for below in stages + cheap}
    assert {names_of(path) for path in watcher.ended} == expected
    assert sorted(watcher.began) == sorted(watcher.ended)
    assert max(Counter(watcher.ended).values()) == 1
    # The penalties one after the other, then the fit.
    of_tasks = {}
    for path, reg_lambda in watcher.seen:
        task = path[2] if path[1][0] == "path" else "the fit"
        of_tasks.setdefault(task, set()).add(reg_lambda)
    expected = {("lambda", i): {value} for i, value in enumerate(classifier.reg_lambdas_.tolist())}
    assert of_tasks == {**expected, "the fit": {classifier.reg_lambda_}}
    P = watcher.last.predict_proba(X)
    assert P.tobytes() == classifier.predict_proba(X).tobytes()
    n_iter = sum(path[1][0] == "all rows" for path, *_ in watcher.seen)
    assert n_iter == classifier.n_iter_


@needs_callbacks
@pytest.mark.parametrize("early_stopping", [False, True])
def test_callbacks_do_not_change_a_bit(early_stopping):
    plain = network(early_stopping=early_stopping).fit(*table())
    watched = network(early_stopping=early_stopping).set_callbacks(Callback()).fit(*table())
    assert bits(plain) == bits(watched)


@needs_callbacks
@pytest.mark.parametrize("kind", ["iteration", "lambda", "path", "all rows", "any"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_callback_that_ends_all_that_ends_leaves_a_usable_model(kind, early_stopping):
    X, y = table()
    classifier = network(early_stopping=early_stopping)
    classifier.set_callbacks(Callback(lambda path, fitted: kind in ("any", path[-1])))
    classifier.fit(X, y)  # without a warning: somebody asked for it
    n_path = 1 if kind in ("lambda", "any") else N_LAMBDAS
    assert 1 <= len(classifier.reg_lambdas_) <= n_path
    assert classifier.reg_lambda_ in classifier.reg_lambdas_
    assert np.isfinite(classifier.predict_proba(X)).all()
    assert len(classifier.loss_curve_) == classifier.n_iter_ + 1
    if kind in ("iteration", "any"):
        assert (classifier.n_iter_, classifier.stop_reason_) == (1, "callback")
    if kind in ("lambda", "path") and not early_stopping:
        assert classifier.converged_


@needs_callbacks
@pytest.mark.parametrize("n_before", [0, 1, 5, 20, 60])
def test_a_limit_of_time(n_before):
    # As by a clock: from some moment on, every iteration is the last.
    X, y = table()
    seen = count()

    def is_late(path, fitted):
        return path[-1] == "iteration" and fitted is not None and next(seen) >= n_before

    classifier = network().set_callbacks(Callback(is_late)).fit(X, y)
    assert classifier.stop_reason_ == "callback"
    assert next(seen) <= n_before + N_LAMBDAS + 1
    best = int(np.argmax(classifier.reg_lambda_scores_))
    assert classifier.reg_lambda_ == classifier.reg_lambdas_[best]
    assert classifier.predict_proba(X).shape == (N_ROWS, 3)


# Interrupts and errors

OLD = network(reg_lambda=1e-2).fit(table("binary")[0][:, 1:], table("binary")[1])
COMPLETE = network().fit(*table())
N_PATH = len(COMPLETE.reg_lambdas_)


@pytest.fixture
def own():
    """A classifier with an old model, of other features and classes."""
    return copy.copy(OLD).set_params(reg_lambda="auto")


def fit_raising(own, error, match=None):
    """Fit; return whether all is as it was, or hold what is stored against the rules."""
    before = vars(own).copy()
    with pytest.raises(error, match=match):
        own.fit(*table())
    return is_as_it_was(own, before)


def is_as_it_was(own, before):
    if vars(own) == before:
        return True
    assert set(vars(own)) - {"_skl_callbacks"} == set(vars(COMPLETE))
    assert own.reg_lambdas_.tobytes() == COMPLETE.reg_lambdas_.tobytes()
    assert own.reg_lambda_scores_.tobytes() == COMPLETE.reg_lambda_scores_.tobytes()
    assert own.reg_lambda_ == COMPLETE.reg_lambda_
    n_iter = own.n_iter_
    assert own.loss_curve_ == COMPLETE.loss_curve_[: n_iter + 1]
    assert n_iter >= 1
    assert own.loss_ == own.loss_curve_[-1]
    assert own.predict_proba(table()[0]).shape == (N_ROWS, 3)
    return False


def raise_at(monkeypatch, descent, evaluation, error):
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


@pytest.mark.parametrize(("descent", "evaluation"), [(0, 0), (0, 4), (2, 4), (N_PATH - 1, 4)])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_what_is_raised_in_the_path_leaves_the_estimator(
    own, monkeypatch, descent, evaluation, error
):
    raise_at(monkeypatch, descent, evaluation, error)
    assert fit_raising(own, error, "half done")


@pytest.mark.parametrize(("evaluation", "is_kept"), [(0, False), (1, False), (4, True)])
def test_an_interrupt_keeps_the_last_fit_from_its_first_iteration_on(
    own, monkeypatch, evaluation, is_kept
):
    raise_at(monkeypatch, N_PATH, evaluation, KeyboardInterrupt)
    assert fit_raising(own, KeyboardInterrupt, "half done") != is_kept
    if is_kept:
        assert own.stop_reason_ == "interrupted"


def test_any_other_error_in_the_last_fit_leaves_the_estimator(own, monkeypatch):
    raise_at(monkeypatch, N_PATH, 4, MemoryError)
    assert fit_raising(own, MemoryError, "half done")


@needs_callbacks
@pytest.mark.parametrize(
    ("error", "task", "n_before", "is_kept"),
    [
        (RuntimeError, ("fit", "path", "lambda", "all rows", "iteration"), 0, False),
        (KeyboardInterrupt, ("fit", "path", "lambda", "all rows", "iteration"), 30, False),
        (RuntimeError, ("fit", "path", "lambda", "all rows"), 1, False),
        (RuntimeError, ("fit", "path", "lambda"), N_PATH - 1, False),
        (RuntimeError, ("fit", "path"), 0, False),
        (KeyboardInterrupt, ("fit", "path"), 0, False),
        (RuntimeError, ("fit", "all rows", "iteration"), 0, True),
        (KeyboardInterrupt, ("fit", "all rows", "iteration"), 1, True),
        (RuntimeError, ("fit", "all rows"), 0, True),
        (RuntimeError, ("fit",), 0, True),
    ],
)
def test_what_a_callback_raises(own, error, task, n_before, is_kept):
    ended = count()

    def fail(path, fitted):
        if path == task and next(ended) == n_before:
            raise error("in a callback")

    own.set_callbacks(Callback(fail))
    assert fit_raising(own, error, "^in a callback$") != is_kept


class BrokenPipe(io.StringIO):
    """A standard output that takes no line that begins so."""

    def __init__(self, beginning):
        super().__init__()
        self.beginning = beginning

    def write(self, text):
        if text.split()[:1] == [self.beginning]:
            raise BrokenPipeError
        return super().write(text)


@pytest.mark.parametrize(("beginning", "is_kept"), [("path,", False), ("2", True)])
def test_a_line_that_cannot_be_printed(own, monkeypatch, beginning, is_kept):
    monkeypatch.setattr(sys, "stdout", BrokenPipe(beginning))
    assert fit_raising(own.set_params(verbose=1), BrokenPipeError) != is_kept


FILES = [
    skbackprop.__file__.replace("__init__.py", name)
    for name in ("_search", "_one_fit.py", "_estimator.py", "_model.py")
]


def test_ctrl_c_at_any_line():
    whole = AtLine(FILES)
    assert not whole.fit(network(), *table())
    results = []
    for line in range(1, whole.n_lines, 29):
        own = copy.copy(OLD).set_params(reg_lambda="auto")
        before = vars(own).copy()
        assert AtLine(FILES, line).fit(own, *table())
        results.append(is_as_it_was(own, before))
    # First all is as it was, then all is stored.
    assert results == sorted(results, reverse=True)
    assert results.count(True) > 10
    assert results.count(False) > 0


# Problems at whose saddle a fit can be caught, with nothing set


@pytest.mark.parametrize("seed", range(3))
def test_xor(seed):
    X = scale(np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 40))
    y = (X[:, 0] * X[:, 1] < 0).astype(int)
    classifier = BackpropClassifier(random_state=seed).fit(X, y)
    assert has_a_path(classifier)
    assert classifier.score(X, y) == 1


@pytest.mark.parametrize("seed", range(2))
def test_two_rings(seed):
    X, y = make_circles(400, noise=0.05, factor=0.5, random_state=seed)
    classifier = BackpropClassifier(random_state=seed).fit(scale(X), y)
    assert has_a_path(classifier)
    assert classifier.score(scale(X), y) >= 0.99


@pytest.mark.parametrize("seed", range(3))
def test_two_spirals(seed):
    rng = np.random.default_rng(seed)
    angle = 3 * np.pi * np.sqrt(rng.random(400))
    sign = np.repeat([1, -1], 200)
    X = (sign * angle * [np.cos(angle), np.sin(angle)]).T + rng.normal(0, 0.3, (400, 2))
    classifier = BackpropClassifier(random_state=seed).fit(scale(X), sign)
    assert has_a_path(classifier)
    assert classifier.score(scale(X), sign) >= 0.97


@pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_given_thetas_are_where_the_last_fit_starts_if_the_path_has_none(paths, early_stopping):
    # Of noise, the path learns nothing; with early stopping it has seen all there is to see.
    X, y = np.random.default_rng(0).normal(size=(200, 3)), np.arange(200) % 2
    given = [np.full((4, 4), 0.1), np.full((1, 5), 0.1)]
    classifier = BackpropClassifier(
        4,
        activation="logistic",
        thetas_init=given,
        early_stopping=early_stopping,
        max_iter=3,
        random_state=0,
    ).fit(X, y)
    plain = clone(classifier).set_params(reg_lambda=classifier.reg_lambda_).fit(X, y)
    assert has_a_path(classifier)
    assert classifier.loss_curve_[0] == plain.loss_curve_[0]
