"""What a start has come to, live: its points, its history, its outcome, at any moment."""

import numpy as np
import pytest

from skbackprop._training.coarse_start import Stage
from skbackprop._training.early_stopping import EarlyStopping
from skbackprop._training.endings import Ending
from skbackprop._training.fit import Fit, is_null
from skbackprop._training.solver import Iteration

BATCHES = Stage(None, np.dtype(np.float32), is_full_batch=False)
SINGLE = Stage(None, np.dtype(np.float32))
LAST = Stage(None, np.dtype(np.float64), is_last=True)
REG_LAMBDA = 0.5


@pytest.mark.parametrize(
    ("cost", "null_cost", "expected"),
    [
        (1.0, 1.0, True),
        (1.2, 1.0, True),
        (0.999, 1.0, True),
        (0.9989, 1.0, False),
        # There is nothing to learn.
        (0.0, 0.0, False),
        (0.1, 0.0, False),
    ],
)
def test_within_a_thousandth_of_the_null_cost_nothing_is_learned(cost, null_cost, expected):
    assert is_null(cost, null_cost) == expected


def fit_of(*steps, validation=None):
    """Return a fit after steps: stages, and the costs of their iterations, from the start on."""
    fit = Fit(np.array([-1.0]), REG_LAMBDA, validation)
    for stage, costs in steps:
        for number, cost in enumerate(costs):
            fit.accept(Iteration(number, np.array([cost]), cost, cost / 10), stage)
            if number:
                fit.score()
    return fit


def outcome_of(fit):
    """Return its outcome, where a cost on all rows is a hundredth more, and what was evaluated."""
    evaluated = []

    def evaluate(x, reg_lambda):
        evaluated.append((x[0], reg_lambda))
        return x[0] + 0.01, x[0] / 10 + 0.01

    return fit.outcome(evaluate, lambda x: f"Thetas of {x[0]}", 9.0), evaluated


def test_before_the_first_iteration_there_is_none():
    fit = fit_of()
    assert (fit.n_iter, fit.n_evaluations, fit.has_iterations) == (0, 0, False)
    fit.score()
    # Nor is the start one.
    fit = fit_of((LAST, [8.0]))
    assert (fit.n_iter, fit.has_iterations) == (0, False)


def test_the_outcome_of_a_last_stage_is_its_last_point(monkeypatch):
    clock = iter([100.0, 112.25])
    monkeypatch.setattr("skbackprop._training.fit.perf_counter", lambda: next(clock))
    fit = fit_of((SINGLE, [8.0, 6.0]), (LAST, [6.5, 5.0, 4.0]))
    fit.ending = Ending.CONVERGED
    outcome, evaluated = outcome_of(fit)
    assert outcome._replace(x=outcome.x[0])._asdict() == {
        "reg_lambda": REG_LAMBDA,
        "x": 4.0,
        "thetas": "Thetas of 4.0",
        "loss": 4.0,
        "gradient_norm": 0.4,
        "n_iter": 3,
        "n_evaluations": 0,
        # The last point in float32 is the start in float64, more exactly.
        "loss_curve": [8.0, 6.5, 5.0, 4.0],
        "ending": Ending.CONVERGED,
        "scores": None,
        "best_iteration": None,
        "learned_cost": 4.0,
        "null_cost": 9.0,
        "seconds": 12.25,
    }
    assert evaluated == []


@pytest.mark.parametrize(
    ("steps", "x", "loss_curve"),
    [
        ([(BATCHES, [8.0, 5.0])], 5.0, [5.01]),
        ([(BATCHES, [8.0, 5.0]), (SINGLE, [5.5])], 5.5, [5.51]),
        ([(BATCHES, [8.0, 5.0]), (SINGLE, [5.5, 4.0])], 4.0, [5.5, 4.01]),
    ],
)
def test_a_fit_that_ends_in_a_cheap_stage_is_evaluated_on_all_rows(steps, x, loss_curve):
    outcome, evaluated = outcome_of(fit_of(*steps))
    assert evaluated == [(x, REG_LAMBDA)]
    assert outcome.x[0] == x
    assert (outcome.loss, outcome.gradient_norm) == (x + 0.01, x / 10 + 0.01)
    assert (outcome.n_iter, outcome.n_evaluations) == (len(loss_curve) - 1, 1)
    assert outcome.loss_curve == loss_curve
    assert outcome.ending is Ending.INTERRUPTED


@pytest.mark.parametrize(
    ("steps", "kept", "loss_curve"),
    [
        # Best of all is an epoch, an iteration in float32, one of the last stage, and the last.
        ([(BATCHES, [8.0, 1.0, 7.0])], 1.0, [1.01]),
        ([(BATCHES, [8.0, 1.0, 7.0]), (LAST, [5.0, 4.0])], 1.0, [5.0, 4.0]),
        ([(SINGLE, [8.0, 1.0, 7.0]), (LAST, [7.5, 4.0])], 1.0, [8.0, 1.0, 7.5, 4.0]),
        ([(LAST, [8.0, 1.0, 7.0])], 1.0, [8.0, 1.0, 7.0]),
        ([(SINGLE, [8.0, 7.0]), (LAST, [7.5, 4.0])], 4.0, [8.0, 7.5, 4.0]),
    ],
)
def test_with_early_stopping_the_best_point_is_kept_and_the_history_is_whole(
    steps, kept, loss_curve
):
    costs = [cost for _, costs in steps for cost in costs[1:]]
    fit = fit_of(*steps, validation=EarlyStopping(lambda x: x[0], 9))
    outcome, evaluated = outcome_of(fit)
    is_exact = kept in steps[-1][1] and steps[-1][0] is LAST
    assert evaluated == ([] if is_exact else [(kept, REG_LAMBDA)])
    assert outcome.x[0] == kept
    assert outcome.loss == (kept if is_exact else kept + 0.01)
    assert outcome.loss_curve == loss_curve
    assert outcome.scores == [-cost for cost in costs]
    assert outcome.best_iteration == costs.index(kept)
    assert outcome.learned_cost == kept


def test_an_interrupt_within_an_iteration_leaves_the_one_before():
    class Interrupted:
        is_full_batch = True

        @property
        def is_last(self):
            raise KeyboardInterrupt

    fit = fit_of((LAST, [8.0, 6.0]))
    with pytest.raises(KeyboardInterrupt):
        fit.accept(Iteration(2, np.array([5.0]), 5.0, 0.5), Interrupted())
    outcome, _ = outcome_of(fit)
    assert (outcome.x[0], outcome.n_iter, outcome.loss_curve) == (6.0, 1, [8.0, 6.0])
