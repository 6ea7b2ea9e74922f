"""What a fit says of itself: its lines, to the letter, and the warning at its end."""

import io
import sys

import numpy as np
import pytest
from class_rows import rows_of_fit

from skbackprop import BackpropClassifier
from skbackprop._network.thetas import Thetas
from skbackprop._parameters import check_parameters
from skbackprop._training.coarse_start import Stage
from skbackprop._training.early_stopping import Validation
from skbackprop._training.endings import SCALE, Ending
from skbackprop._training.fit import Fit, Outcome
from skbackprop._training.reports import Blame, Reports, warning_message
from skbackprop._training.solver import Iteration

ROWS = rows_of_fit(np.arange(30.0)[:, np.newaxis], np.arange(30) % 2, None, None)
BATCHES = Stage(ROWS, np.dtype(np.float32), is_full_batch=False)
SINGLE = Stage(ROWS, np.dtype(np.float32))
LAST = Stage(ROWS, np.dtype(np.float64), is_last=True)
BEGAN = 100.0


# Lines


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr("skbackprop._training.reports.perf_counter", lambda: BEGAN + 12.25)


def lines_of(capsys, steps, validation=None, is_verbose=True):
    """Return what is printed of a fit in stages, where each of their iterations has a cost."""
    reports, fit = Reports(is_verbose), Fit(np.zeros(1), 0.1, validation)
    fit.began = BEGAN
    for stage, costs in steps:
        reports.stage(stage)
        for number, cost in enumerate(costs):
            iteration = Iteration(number, np.array([cost]), cost, cost / 8)
            fit.accept(iteration, stage)
            if number:
                fit.score()
                reports.iteration(iteration, fit, stage)
    return capsys.readouterr().out.splitlines()


STEPS = [(BATCHES, [8.0, 4.0, 2.0]), (SINGLE, [2.0, 1.0]), (LAST, [1.0, 0.5])]


def test_the_lines_of_a_fit_in_stages(capsys):
    lines = lines_of(capsys, STEPS)
    heading = "iteration            cost    max |D|  evaluations   seconds"
    assert lines == [
        "coarse start: mini-batches of 30 of 30 rows, float32",
        heading,
        "        1               4   5.00e-01            0     12.25",
        "        2               2   2.50e-01            0     12.25",
        "coarse start: 30 rows, float32",
        heading,
        "        1               1   1.25e-01            0     12.25",
        heading,
        # Iterations on all rows are counted on.
        "        2             0.5   6.25e-02            0     12.25",
    ]


def test_the_lines_of_a_fit_with_a_validation_set(capsys):
    lines = lines_of(capsys, STEPS[1:], Validation(lambda x: 3 * x[0]))
    heading = "iteration            cost      validation    max |D|  evaluations   seconds"
    assert lines == [
        "coarse start: 30 rows, float32",
        heading,
        "        1               1               3   1.25e-01            0     12.25",
        heading,
        "        2             0.5             1.5   6.25e-02            0     12.25",
    ]


def test_without_verbose_there_are_no_lines(capsys):
    assert lines_of(capsys, STEPS, is_verbose=False) == []


class Output(io.StringIO):
    """An output that may break, and that knows what has been flushed."""

    def __init__(self, error=None):
        super().__init__()
        self.error, self.flushed = error, None

    def flush(self):
        self.flushed = self.getvalue()
        if self.error:
            raise self.error


def test_a_line_is_seen_when_it_is_printed(monkeypatch):
    output = Output()
    monkeypatch.setattr(sys, "stdout", output)
    Reports(True).line("a line")
    assert output.flushed == "a line\n"


def test_what_printing_raises_is_known_and_raised(monkeypatch):
    error, reports = OSError("no space left"), Reports(True)
    assert reports.error is None
    monkeypatch.setattr(sys, "stdout", Output(error))
    with pytest.raises(OSError, match="no space left"):
        reports.line("a line")
    assert reports.error is error


# Warnings


def outcome_of(ending, learned_cost=0.5, dtype=np.float64):
    """Return what a fit came to that has learned something, or where its cost is 1 nothing."""
    return Outcome(
        reg_lambda=0.1,
        x=np.zeros(2),
        thetas=Thetas(np.zeros(2, dtype), [(1, 2)]),
        loss=0.5,
        gradient_norm=2e-3,
        n_iter=3,
        n_evaluations=4,
        loss_curve=[0.75, 0.625, 0.5625, 0.5],
        ending=ending,
        scores=None,
        best_iteration=None,
        learned_cost=learned_cost,
        null_cost=1.0,
        seconds=0.0,
    )


def message_of(outcome, *, is_scaled=True, blame=Blame.GIVEN, **parameters):
    settings = check_parameters(BackpropClassifier(**{"max_iter": 7, **parameters}))
    return warning_message(outcome, settings, lambda: is_scaled, blame, "the class frequencies")


AT_LIMIT = (
    "The fit reached max_iter=7, with max |D| = 2.00e-03 against tol = 1.00e-04. Increase max_iter"
)
IS_NULL = "The fit ends no better than predicting the class frequencies (J = 1 against 1): "


@pytest.mark.parametrize("is_scaled", [True, False])
def test_a_limit_is_warned_of(is_scaled):
    message = message_of(outcome_of(Ending.MAX_ITER), is_scaled=is_scaled)
    scale = "" if is_scaled else f", {SCALE}"
    assert message == f"{AT_LIMIT}{scale}, or increase tol."


@pytest.mark.parametrize(
    ("activation", "edges"),
    [
        ("relu", ", or across an edge that J has where a relu unit turns on"),
        (("tanh", "relu"), ", or across an edge that J has where a relu unit turns on"),
        ("logistic", ""),
    ],
    ids=["relu", "tanh and relu", "logistic"],
)
def test_a_limit_of_the_precision_names_it_and_the_edges_that_j_has(activation, edges):
    hidden = (4, 4) if isinstance(activation, tuple) else 4
    outcome = outcome_of(Ending.PRECISION, dtype=np.float32)
    assert message_of(outcome, hidden_layer_sizes=hidden, activation=activation) == (
        f"The fit stopped where the line search finds no lower cost in float32 precision{edges}, "
        "with max |D| = 2.00e-03 against tol = 1.00e-04. Increase tol, or pass X as float64."
    )


def test_a_solver_option_that_was_the_limit_is_named():
    message = message_of(outcome_of(Ending.MAXFUN), solver_options={"maxfun": 12})
    assert message.startswith("The fit reached maxfun=12 evaluations, with")


@pytest.mark.parametrize(
    ("blame", "why", "how"),
    [
        (Blame.GIVEN, "reg_lambda is too strong", "Decrease reg_lambda"),
        (Blame.SEARCHED, "reg_lambda is too strong", "Give weaker reg_lambdas"),
        (
            Blame.FOUND,
            "no weaker reg_lambda did better on rows held out",
            "Give features that tell y",
        ),
    ],
)
def test_a_fit_that_has_learned_nothing_is_warned_of(blame, why, how):
    outcome = outcome_of(Ending.CONVERGED, learned_cost=1.0)
    assert message_of(outcome, blame=blame) == f"{IS_NULL}{why}. {how}."
    assert message_of(outcome, blame=blame, is_scaled=False) == (
        f"{IS_NULL}{why}, or X is not scaled. {how}, or {SCALE}."
    )


def test_both_are_warned_of_at_once():
    outcome = outcome_of(Ending.MAX_ITER, learned_cost=1.0)
    assert message_of(outcome) == (
        f"{AT_LIMIT}, or increase tol. {IS_NULL}the iterations are too few, reg_lambda is too "
        "strong. Decrease reg_lambda."
    )


def test_with_early_stopping_it_is_the_validation_cost_that_is_no_better():
    outcome = outcome_of(Ending.EARLY_STOPPING, learned_cost=1.0)
    assert "(validation cost = 1 against 1)" in message_of(outcome, early_stopping=True)


@pytest.mark.parametrize(
    ("ending", "learned_cost", "blame"),
    [
        (Ending.CONVERGED, 0.5, Blame.GIVEN),
        (Ending.FLAT, 0.5, Blame.GIVEN),
        (Ending.EARLY_STOPPING, 0.5, Blame.GIVEN),
        # Somebody has asked for it.
        (Ending.CALLBACK, 1.0, Blame.GIVEN),
        (Ending.CONVERGED, 1.0, Blame.NOBODY),
    ],
)
def test_there_is_nothing_to_warn_of(ending, learned_cost, blame):
    assert message_of(outcome_of(ending, learned_cost), blame=blame, is_scaled=False) is None
