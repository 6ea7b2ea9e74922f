"""Cheap stages of a fit: which there are, when one is left, and that they choose only a start."""

import io
import sys

import numpy as np
import pytest
from class_rows import rows_of_fit
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._network.objective import Objective
from skbackprop._parameters import check_parameters
from skbackprop._rows.rows import Rows
from skbackprop._training.coarse_start import (
    BATCH_ROWS,
    SHARE_OF_OTHERS,
    NoMoreToTeach,
    Slow,
    coarse_stages,
    is_coarse_start_wanted,
)
from skbackprop._training.solver import Iteration

X, y = load_digits(return_X_y=True)
X = scale(X)
IRIS, SPECIES = load_iris(return_X_y=True)


def classifier(**parameters):
    defaults = {
        "activation": "logistic",
        "reg_lambda": "prior",
        "random_state": 0,
        "coarse_start": True,
        "out_activation": "logistic",
    }
    return BackpropClassifier(10, **{**defaults, **parameters})


def stages_of(X, y, w=None, *, random_state=0):
    rows = rows_of_fit(X, y, w, None)
    random_state = np.random.RandomState(random_state)
    return rows, list(coarse_stages(rows, None, random_state))


def as_set(rows):
    return {tuple(row) for row in rows.X.tolist()}


def numbered(n):
    """A feature that tells n rows apart."""
    return np.arange(float(n))[:, np.newaxis]


def test_stages_are_mini_batches_then_all_rows_in_float32():
    rows, stages = stages_of(X, y)
    assert [stage.name for stage in stages] == ["mini-batches", "all rows"]
    assert [stage.is_full_batch for stage in stages] == [False, True]
    assert {stage.dtype for stage in stages} == {np.dtype(np.float32)}
    batches, whole = stages
    assert whole.rows is rows
    assert whole.others is None
    # Some rows say when to leave the batches: those are of the others.
    assert batches.others.n_rows == np.ceil(SHARE_OF_OTHERS * len(y))
    assert as_set(batches.others) | as_set(batches.rows) == as_set(rows)
    assert not as_set(batches.others) & as_set(batches.rows)
    sizes = np.bincount(batches.others.targets.codes, minlength=10)
    assert (abs(sizes - SHARE_OF_OTHERS * np.bincount(y)) <= 1).all()
    assert batches.batch_rows == BATCH_ROWS


def test_rows_that_are_held_out_anyway_say_when_to_leave():
    rows, held_out = rows_of_fit(X, y, None, None).divide(0.9, 10, np.random.RandomState(0))
    batches, _ = coarse_stages(rows, held_out, np.random.RandomState(0))
    assert batches.rows is rows
    assert batches.others is held_out


def test_float32_rows_have_no_stage_of_all_rows():
    _, stages = stages_of(X.astype(np.float32), y)
    assert [stage.is_full_batch for stage in stages] == [False]


def test_few_rows_are_one_batch():
    _, (batches, _) = stages_of(IRIS, SPECIES)
    assert batches.batch_rows == batches.rows.n_rows == 134


def test_one_row_of_every_class_has_no_mini_batches():
    _, stages = stages_of(numbered(3), np.arange(3))
    assert [stage.name for stage in stages] == ["all rows"]


def test_a_row_beside_another_of_its_class_is_enough_to_say_when_to_leave_them():
    _, (batches, _) = stages_of(numbered(3), [0, 0, 1])
    assert (batches.rows.n_rows, batches.others.n_rows) == (2, 1)


def test_of_rows_too_many_for_a_machine_the_sample_follows_the_random_state(monkeypatch):
    def a_half(rows, random_state):
        return rows.divide(0.5, rows.least_of_classes, random_state)[0]

    monkeypatch.setattr(Rows, "at_hand", a_half)
    rows, held_out = (rows_of_fit(numbered(n), np.arange(n) % 2, None, None) for n in (200, 100))
    one, again, other = (
        next(coarse_stages(rows, held_out, np.random.RandomState(seed))) for seed in (0, 0, 1)
    )
    for of_stage, n_rows in (("rows", 100), ("others", 50)):
        same = as_set(getattr(one, of_stage))
        assert len(same) == n_rows
        assert same == as_set(getattr(again, of_stage)) != as_set(getattr(other, of_stage))


def test_others_follow_the_random_state():
    targets = np.array([0] * 60 + [1] * 40 + [2] * 2)
    one, again, other = (
        stages_of(numbered(102), targets, random_state=seed)[1][0].others for seed in (0, 0, 1)
    )
    assert set(one.targets.codes) == {0, 1, 2}
    assert as_set(one) == as_set(again) != as_set(other)


def test_others_of_multilabel_rows_are_random_rows():
    Y = np.random.RandomState(0).randint(2, size=(100, 3))
    _, (batches, _) = stages_of(numbered(100), Y)
    assert (batches.rows.n_rows, batches.others.n_rows) == (90, 10)
    assert not as_set(batches.rows) & as_set(batches.others)


def test_others_are_a_share_of_the_weight():
    w = np.ones(100)
    w[:2] = 1000
    rows, (batches, _) = stages_of(numbered(100), np.arange(100) % 2, w)
    assert batches.others.total_count == np.ceil(SHARE_OF_OTHERS * rows.total_count)
    # Both heavy rows are on both sides.
    assert {(0.0,), (1.0,)} < as_set(batches.rows)
    assert {(0.0,), (1.0,)} < as_set(batches.others)


@pytest.mark.parametrize(("n_rows", "wanted"), [(9_999, False), (10_000, True)])
def test_auto_is_on_from_ten_thousand_rows(n_rows, wanted):
    settings = check_parameters(classifier(coarse_start="auto"))
    rows = rows_of_fit(numbered(n_rows), np.arange(n_rows) % 2, None, None)
    assert is_coarse_start_wanted(settings, rows) == wanted
    for choice in (True, False):
        settings = check_parameters(classifier(coarse_start=choice))
        assert is_coarse_start_wanted(settings, rows) == choice


def test_auto_looks_at_the_work_not_at_the_weight():
    settings = check_parameters(classifier(coarse_start="auto"))
    rows = rows_of_fit(numbered(16).repeat(1000, axis=0), np.arange(16_000) % 2, None, None)
    assert (rows.total_count, rows.n_rows) == (16_000, 32)
    assert not is_coarse_start_wanted(settings, rows)


@pytest.mark.parametrize(("patience", "wanted"), [(1, False), (2, True)])
def test_auto_is_off_where_early_stopping_has_too_little_patience(monkeypatch, patience, wanted):
    monkeypatch.setattr("skbackprop._training.coarse_start.ENOUGH_ROWS", 100)
    hasty = classifier(coarse_start="auto", early_stopping=True, n_iter_no_change=patience)
    rows = rows_of_fit(IRIS, SPECIES, None, None)
    assert is_coarse_start_wanted(check_parameters(hasty), rows) == wanted


def iteration(number, cost, x=0.0):
    return Iteration(number, np.array([x]), cost, 1.0)


def test_a_stage_is_left_when_it_is_slow():
    slow = Slow(2, 0.05)
    costs = [1.06, 1.0, 0.99, 0.97, 0.94, 0.92, 0.89, 0.88, 0.88]
    left = [slow(iteration(i, cost)) for i, cost in enumerate(costs)]
    assert left == [False] * 8 + [True]


def test_a_cut_of_just_the_least_is_not_slow():
    slow = Slow(1, 0.5)
    left = [slow(iteration(i, cost)) for i, cost in enumerate([4.0, 2.0, 1.0625])]
    assert left == [False, False, True]


def test_a_stage_that_gains_nothing_from_its_start_is_left():
    slow = Slow(2, 0.05)
    assert [slow(iteration(i, 1.0)) for i in range(3)] == [False, False, True]


class Costs:
    """Costs of rows at points that are numbered."""

    def __init__(self, costs, w=None):
        self.costs, self.w = np.array(costs, float), w

    def __call__(self, x):
        return self.costs[int(x[0])]


def left_after(costs, w=None):
    """Return whether a stage is left at each point, and which was the best."""
    rule = NoMoreToTeach(Costs(costs, w))
    with rounding_in_silence():
        left = [rule(iteration(i, 0.0, i)) for i in range(len(costs))]
    return left, int(rule.x[0])


def test_a_stage_is_left_when_the_cost_on_other_rows_no_longer_falls():
    assert left_after([[3, 3], [2, 2], [1, 1], [1, 1]]) == ([False, False, False, True], 2)
    assert left_after([[3, 3], [2, 2], [2.5, 2.5]]) == ([False, False, True], 1)
    # Of random weights that are better than all that follows.
    assert left_after([[1, 1], [2, 2]]) == ([False, True], 0)


@pytest.mark.parametrize(("shift", "left"), [(0.11, False), (0.09, True)])
def test_what_is_gained_is_held_against_its_standard_error(shift, left):
    # Of gains as often 1 above their mean as 1 below it, over 100 rows.
    gains = shift + np.resize([1.0, -1.0], 100)
    assert left_after([np.zeros(100), -gains]) == ([False, left], 1)


def test_a_row_of_more_weight_is_more_of_the_gain_and_of_its_noise():
    costs, w = np.zeros((2, 4)), np.array([3.0, 1.0, 1.0, 1.0])
    costs[1] = [-1, 0.5, 0.5, 0.5]
    gains, mean = -costs[1], 1.5 / 6
    noise = np.sqrt((w**2 * (gains - mean) ** 2).sum()) / 6
    for shift, left in ((0.99, True), (1.01, False)):
        costs[1] = -gains + mean - shift * noise
        assert left_after(costs, w)[0] == [False, left]
        assert left_after(costs, 1e-9 * w)[0] == [False, left]


def test_a_cost_that_is_no_number_leaves_the_stage_where_it_was():
    for number in (np.nan, np.inf):
        assert left_after([[3, 3], [2, 2], [number, 1]]) == ([False, False, True], 1)


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
    few, targets = X[::2].astype(dtype), y[::2]
    coarse = classifier(solver=solver).fit(few, targets)
    plain = classifier(solver=solver, coarse_start=False).fit(few, targets)
    assert coarse.converged_
    assert coarse.gradient_norm_ <= coarse.tol
    assert len(coarse.loss_curve_) == coarse.n_iter_ + 1
    assert coarse.loss_curve_[-1] == coarse.loss_
    # It begins where the plain fit comes after some iterations.
    assert coarse.loss_curve_[0] < plain.loss_curve_[5] < 0.5 * plain.loss_curve_[0]
    assert coarse.loss_ < 1.05 * plain.loss_
    assert coarse.thetas_[0].dtype == dtype
    again = classifier(solver=solver).fit(few, targets)
    assert again.loss_curve_ == coarse.loss_curve_


def test_auto_is_off_where_rows_are_few(capsys):
    auto = classifier(coarse_start="auto", verbose=1).fit(X, y)
    assert "coarse" not in capsys.readouterr().out
    off = classifier(coarse_start=False).fit(X, y)
    assert auto.loss_curve_ == off.loss_curve_


def test_auto_is_on_where_rows_are_many(capsys, monkeypatch):
    monkeypatch.setattr("skbackprop._training.coarse_start.ENOUGH_ROWS", len(IRIS) // 2)
    auto = classifier(coarse_start="auto", verbose=1).fit(IRIS, SPECIES)
    assert "coarse" in capsys.readouterr().out
    assert auto.loss_curve_ == classifier().fit(IRIS, SPECIES).loss_curve_


def lines_of_stages(text):
    """Return, for each stage, its announcement and the numbers of its lines."""
    stages = []
    for line in text.splitlines():
        if line.startswith("coarse start:"):
            stages.append((line, []))
        elif line.split()[0] == "iteration":
            if not stages or stages[-1][1]:
                stages.append(("", []))
        else:
            stages[-1][1].append(int(line.split()[0]))
    return stages


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_verbose_shows_the_stages_with_their_iterations(capsys, dtype):
    fitted = classifier(verbose=1).fit(X.astype(dtype), y)
    stages = lines_of_stages(capsys.readouterr().out)
    named = [text for text, _ in stages if text]
    assert named[0] == "coarse start: mini-batches of 200 of 1617 rows, float32"
    assert named[1:] == ["coarse start: 1797 rows, float32"] * (dtype == np.float64)
    epochs = stages[0][1]
    assert epochs == list(range(1, len(epochs) + 1))
    # Where the precision changes, the iterations on all rows are counted on.
    on_all_rows = [number for _, numbers in stages[1:] for number in numbers]
    assert on_all_rows == list(range(1, fitted.n_iter_ + 1))


def test_evaluations_on_all_rows_are_counted(monkeypatch):
    evaluations, real = [], Objective.__call__

    def counted(self, x, reg_lambda):
        evaluations.append(self.total_weight)
        return real(self, x, reg_lambda)

    monkeypatch.setattr(Objective, "__call__", counted)
    fitted = classifier().fit(X, y)
    on_all_rows = evaluations.count(float(len(y)))
    # The start is looked at in float32 and again in float64.
    assert fitted.n_evaluations_ == on_all_rows >= fitted.n_iter_ + 2
    assert len(evaluations) > on_all_rows + 20


def test_max_iter_is_of_both_precisions_together(capsys):
    double = classifier(max_iter=3, verbose=1)
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        double.fit(X, y)
    stages = lines_of_stages(capsys.readouterr().out)
    # Of epochs it is the limit, too, by itself.
    assert [numbers for _, numbers in stages] == [[1, 2, 3]] * 2
    assert (double.n_iter_, len(double.loss_curve_)) == (3, 4)
    assert (double.stop_reason_, double.converged_) == ("max_iter", False)
    # Float32 used them up: float64 says what that came to, and no more.
    exact = classifier(thetas_init=double.thetas_, tol=1e9).fit(X, y)
    assert double.loss_ == pytest.approx(exact.loss_, rel=1e-12)
    assert double.gradient_norm_ == pytest.approx(exact.gradient_norm_, rel=1e-9)


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


class CtrlC(io.StringIO):
    """A standard output where Ctrl-C is pressed at a line of a stage, by its number."""

    def __init__(self, stage, line):
        super().__init__()
        self.stage, self.line, self.n_headings = stage, str(line), 0

    def write(self, text):
        self.n_headings += text.split()[:1] == ["iteration"]
        if self.n_headings == self.stage + 1 and text.split()[:1] == [self.line]:
            raise KeyboardInterrupt
        return super().write(text)


@pytest.mark.parametrize(("stage", "line", "n_iter"), [(0, 30, 0), (1, 3, 3)])
def test_interrupted_stage_keeps_its_thetas(monkeypatch, stage, line, n_iter):
    fitted = classifier(verbose=1)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", CtrlC(stage, line))
        with pytest.raises(KeyboardInterrupt):
            fitted.fit(X, y)
    assert (fitted.n_iter_, fitted.converged_, fitted.stop_reason_) == (
        n_iter,
        False,
        "interrupted",
    )
    assert len(fitted.loss_curve_) == n_iter + 1
    assert fitted.loss_curve_[-1] == fitted.loss_
    there = classifier(thetas_init=fitted.thetas_, tol=1e9).fit(X, y)
    assert fitted.loss_ == pytest.approx(there.loss_, rel=1e-12)
    assert fitted.gradient_norm_ == pytest.approx(there.gradient_norm_, rel=1e-9)
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
    # Of neither stage in float32 is there an iteration.
    batches, announced, heading, line = capsys.readouterr().out.splitlines()
    assert batches.startswith("coarse start: mini-batches")
    assert announced == f"coarse start: {len(np.unique(huge, axis=0))} rows, float32"
    assert heading.split()[0] == "iteration"
    assert float(line.split()[1]) == pytest.approx(fitted.loss_, rel=1e-7)
    assert (fitted.n_iter_, len(fitted.loss_curve_)) == (1, 2)
    assert np.isfinite(fitted.loss_)


@pytest.mark.parametrize("value", [None, "yes", 1, 0.5])
def test_bad_value(value):
    with pytest.raises(ValueError, match="coarse_start") as error:
        classifier(coarse_start=value).fit(IRIS, SPECIES)
    assert repr(value) in str(error.value)


def interrupted_at(stage):
    """Return a classifier interrupted at the first evaluation of an objective, by its number.

    In the order of their first calls, they are: batches, all rows in float32, all rows.
    """
    real, objectives, interrupted = Objective.__call__, [], []

    def ctrl_c(self, x, reg_lambda):
        if self not in objectives:
            objectives.append(self)
        if objectives.index(self) == stage and not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        return real(self, x, reg_lambda)

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
    # Before the first iteration there is nothing yet to keep.
    with pytest.raises(NotFittedError):
        interrupted_at(0).predict(X)
    # What the stages before had found is kept, the more the later the interrupt.
    for stage in (1, 2):
        fitted = interrupted_at(stage)
        assert (fitted.n_iter_ > 0) == (stage == 2)
        assert len(fitted.loss_curve_) == fitted.n_iter_ + 1
        assert fitted.loss_curve_[-1] == fitted.loss_
        assert fitted.loss_ < loss
        assert fitted.score(X, y) > 0.6
        loss = fitted.loss_
