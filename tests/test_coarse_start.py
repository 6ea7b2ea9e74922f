"""Cheap stages before the full fit: they choose its start and nothing else."""

from itertools import count, pairwise

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import skbackprop._coarse_start
from skbackprop import BackpropClassifier
from skbackprop._coarse_start import Slow, nested_subsets
from skbackprop._objective import Objective
from skbackprop._solver import Iteration

X, y = load_digits(return_X_y=True)
X = scale(X)
IRIS, SPECIES = load_iris(return_X_y=True)


def classifier(**parameters):
    defaults = {"random_state": 0, "coarse_start": True, "out_activation": "logistic"}
    return BackpropClassifier(10, **{**defaults, **parameters})


@pytest.mark.parametrize("shares", [(1 / 32, 1 / 4), (0.1, 0.5, 1)])
def test_subsets_are_nested_and_stratified(shares):
    subsets = list(nested_subsets(y, shares, np.random.RandomState(0)))
    for (smaller, _), (larger, _) in pairwise(subsets):
        assert set(smaller) < set(larger)
    for share, (chosen, others) in zip(shares, subsets, strict=True):
        np.testing.assert_array_equal(chosen, np.unique(chosen))
        sizes = np.ceil(share * np.bincount(y))
        np.testing.assert_array_equal(np.bincount(y[chosen]), sizes)
        np.testing.assert_array_equal(others, np.unique(others))
        assert not set(chosen) & set(others)
        left = np.minimum(sizes, np.bincount(y) - sizes)
        np.testing.assert_array_equal(np.bincount(y[others], minlength=10), left)


def test_subsets_hold_every_class_and_follow_the_random_state():
    targets = np.array([0] * 60 + [1] * 40 + [2])
    ((chosen, _),) = nested_subsets(targets, [1 / 32], np.random.RandomState(0))
    assert set(targets[chosen]) == {0, 1, 2}
    ((again, _),) = nested_subsets(targets, [1 / 32], np.random.RandomState(0))
    ((other, _),) = nested_subsets(targets, [1 / 32], np.random.RandomState(1))
    np.testing.assert_array_equal(chosen, again)
    assert chosen.tolist() != other.tolist()


def test_subsets_of_multilabel_rows_are_random_rows():
    Y = np.random.RandomState(0).randint(2, size=(100, 3))
    (small, _), (large, others) = nested_subsets(Y, [0.1, 0.5], np.random.RandomState(0))
    assert (len(small), len(large), len(others)) == (10, 50, 50)
    assert set(small) < set(large)


def iteration(number, cost, x=0.0):
    return Iteration(number, np.array([x]), cost, 1.0, number, 0.0)


def test_a_stage_is_left_when_it_is_slow():
    slow = Slow(2, 0.05)
    costs = [1.0, 0.99, 0.97, 0.94, 0.92, 0.89, 0.88, 0.88]
    left = [slow(iteration(i, cost)) for i, cost in enumerate(costs, start=1)]
    assert left == [False] * 7 + [True]


def test_a_stage_is_left_when_other_rows_gain_nothing():
    slow = Slow(2, 0.05, lambda x: x[0])
    others = [9.0, 3.0, 9.0, 2.0, 9.0, 1.95]
    left = [slow(iteration(i, 1 / i, x)) for i, x in enumerate(others, start=1)]
    assert left == [False, False, False, False, False, True]


def test_few_rows_without_a_penalty_are_not_fitted_for_ever():
    # Subsets can be fitted to a cost of nothing; what counts is the cost on all rows.
    noise = np.random.RandomState(0).permutation(len(y))[: len(y) // 4]
    targets = y.copy()
    targets[noise] = np.roll(targets[noise], 1)
    parameters = {"reg_lambda": 1e-9, "max_iter": 30}
    with pytest.warns(ConvergenceWarning):
        coarse = classifier(**parameters).fit(X, targets)
    with pytest.warns(ConvergenceWarning):
        plain = classifier(coarse_start=False, **parameters).fit(X, targets)
    assert coarse.loss_ < plain.loss_


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
def test_the_fit_that_follows_keeps_its_claims(solver, dtype):
    coarse = classifier(solver=solver).fit(X.astype(dtype), y)
    plain = classifier(solver=solver, coarse_start=False).fit(X.astype(dtype), y)
    assert coarse.converged_
    assert coarse.gradient_norm_ <= coarse.tol
    assert len(coarse.loss_curve_) == coarse.n_iter_ + 1
    assert coarse.loss_curve_[-1] == coarse.loss_
    assert coarse.loss_curve_[0] < 0.5 * plain.loss_curve_[0]
    assert coarse.n_iter_ < plain.n_iter_
    assert coarse.loss_ < 1.05 * plain.loss_
    assert coarse.thetas_[0].dtype == dtype
    again = classifier(solver=solver).fit(X.astype(dtype), y)
    assert again.loss_curve_ == coarse.loss_curve_


def test_auto_is_off_where_rows_are_few(capsys):
    auto = classifier(coarse_start="auto", verbose=1).fit(X, y)
    assert "coarse" not in capsys.readouterr().out
    off = classifier(coarse_start=False).fit(X, y)
    assert auto.loss_curve_ == off.loss_curve_


def test_auto_is_on_where_rows_are_many(capsys, monkeypatch):
    monkeypatch.setattr("skbackprop._training.ENOUGH_ROWS", len(IRIS) // 2)
    auto = classifier(coarse_start="auto", verbose=1).fit(IRIS, SPECIES)
    assert "coarse" in capsys.readouterr().out
    assert auto.loss_curve_ == classifier().fit(IRIS, SPECIES).loss_curve_


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_verbose_shows_the_stages(capsys, dtype):
    fitted = classifier(verbose=1).fit(X.astype(dtype), y)
    lines = capsys.readouterr().out.splitlines()
    stages = [line for line in lines if line.startswith("coarse start:")]
    assert len(stages) == (3 if dtype == np.float64 else 2)
    assert all("float32" in line for line in stages)
    assert len(lines) == len(stages) + (fitted.n_iter_ and 1 + fitted.n_iter_)


def test_evaluations_on_all_rows_are_counted():
    single = classifier(max_iter=3)
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        single.fit(X.astype(np.float32), y)
    double = classifier(max_iter=3)
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        double.fit(X, y)
    # float64 X has a float32 stage on all rows, at least as long as the limit allows.
    assert double.n_evaluations_ >= single.n_evaluations_ + 4
    assert (single.n_iter_, double.n_iter_) == (3, 3)


def test_given_thetas_are_not_replaced(capsys):
    given = classifier().fit(IRIS, SPECIES).thetas_
    started = classifier(thetas_init=given, verbose=1).fit(IRIS, SPECIES)
    assert "coarse" not in capsys.readouterr().out
    assert (started.n_iter_, started.n_evaluations_) == (0, 1)
    warm = classifier(warm_start=True).fit(IRIS, SPECIES).fit(IRIS, SPECIES)
    assert warm.n_iter_ == 0


def test_weights_and_zero_weights(capsys):
    w = np.random.RandomState(0).uniform(0.5, 2, size=len(y))
    w[::7] = 0
    weighted = classifier(verbose=1).fit(X, y, sample_weight=w)
    assert f" {np.count_nonzero(w)} rows" in capsys.readouterr().out
    without = classifier().fit(X[w > 0], y[w > 0], sample_weight=w[w > 0])
    assert weighted.loss_curve_ == without.loss_curve_


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_interrupted_stage_keeps_its_thetas(monkeypatch, stage):
    real, numbers = skbackprop._coarse_start.go_on, count()

    def go_on(start, a_stage, objective, minimize, should_leave):
        hook = ctrl_c_at_the_third if next(numbers) == stage else should_leave
        return real(start, a_stage, objective, minimize, hook)

    def ctrl_c_at_the_third(iteration):
        if iteration.number == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(skbackprop._coarse_start, "go_on", go_on)
    fitted = classifier()
    with pytest.raises(KeyboardInterrupt):
        fitted.fit(X, y)
    assert (fitted.n_iter_, fitted.converged_) == (0, False)
    assert fitted.loss_curve_ == [fitted.loss_]
    plain = classifier(coarse_start=False, max_iter=1)
    with pytest.warns(ConvergenceWarning):
        plain.fit(X, y)
    assert fitted.loss_ < plain.loss_curve_[0]
    assert fitted.score(X, y) > plain.score(X, y)


def test_a_stage_that_overflows_in_float32_is_passed_over(capsys):
    # Sums over the features reach 1e39: more than float32 holds, nothing to float64.
    huge = np.column_stack([IRIS, 1e37 * IRIS[:, 0]])
    with pytest.raises(ValueError, match="non-finite"):
        classifier(activation="identity", coarse_start=False).fit(huge.astype(np.float32), SPECIES)
    fitted = classifier(activation="identity", max_iter=1, verbose=1)
    with pytest.warns(ConvergenceWarning):
        fitted.fit(huge, SPECIES)
    assert f"{len(np.unique(huge, axis=0))} rows" not in capsys.readouterr().out
    assert np.isfinite(fitted.loss_)


@pytest.mark.parametrize("value", [None, "yes", 1, 0.5])
def test_bad_value(value):
    with pytest.raises(ValueError, match="coarse_start") as error:
        classifier(coarse_start=value).fit(IRIS, SPECIES)
    assert repr(value) in str(error.value)


def interrupted_at(stage):
    """Return a classifier interrupted at the first evaluation of an objective, by its number.

    In the order of their first calls, they are: rows and others of two stages, all rows in
    float32, all rows.
    """
    real, objectives, interrupted = Objective.__call__, [], []

    def ctrl_c(self, vector):
        if self not in objectives:
            objectives.append(self)
        if objectives.index(self) == stage and not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        return real(self, vector)

    fitted = classifier()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Objective, "__call__", ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X, y)
    assert interrupted
    return fitted


def test_interrupt_at_the_first_evaluation_of_a_later_stage():
    at_random = classifier(coarse_start=False, max_iter=1)
    with pytest.warns(ConvergenceWarning):
        loss = at_random.fit(X, y).loss_curve_[0]
    # What the stages before had found is kept, the more the later the interrupt.
    for stage in range(1, 6):
        fitted = interrupted_at(stage)
        assert fitted.loss_curve_ == [fitted.loss_]
        assert fitted.loss_ < loss
        assert fitted.score(X, y) > 0.6
        loss = fitted.loss_
