"""The lambda path over one set of rows: from strong to weak, each fit started from the last.

A fit at a slightly weaker penalty begins near its end, so a path costs less than separate
fits, and often ends lower. Bare descent is ruined by what a strong penalty does to a network:
it shrinks all weights to zero, a saddle that no later fit leaves, and short of that it makes
hidden units copies of each other. So a fit that has learned nothing starts nothing, the next one
starts afresh; and to every other start is added a dose of fresh random weights.

To choose a penalty, its fits need not go to the end: a coarse path leaves each once it is slow.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from skbackprop._network.thetas import Thetas
from skbackprop._training.fit import Outcome, is_null
from skbackprop._training.flat import Flat
from skbackprop._training.training import Training

# The dose of a fresh start that each start gets, found by measuring (benchmarks/lambda_path.py).
DOSE = 1.0
# A coarse fit of a path is left when J is cut by less than this share: to choose lambda, that is
# enough (benchmarks/quality.py, benchmarks/lambda_path.py).
LEAST_CUT = 0.01
# On folds, the costs of numbers need less: a squared error falls by a share for long. The path of
# "auto", which one fit starts from, does not (benchmarks/regression.py).
LEAST_CUT_OF_NUMBERS = 0.03
# A path has turned where so many penalties in a row score worse than the best by more than this
# share of its log-loss: on spirals and checkerboards none ends too early, elsewhere half of the
# time is saved.
PENALTIES = 2
CLEARLY = 0.05


class Turned:
    """True once so many fits of a path in a row score clearly worse than the best before them.

    Weaker penalties, whose fits take longest, would score worse still. Slightly worse is not
    enough: while the penalty is too strong for what is to be learned, scores may fall for a while.
    """

    def __init__(self) -> None:
        self.best, self.n_worse = -np.inf, 0

    def __call__(self, score: float) -> bool:
        """Look at the next fit's mean log-likelihood of rows held out."""
        self.n_worse = self.n_worse + 1 if score < (1 + CLEARLY) * self.best else 0
        self.best = max(self.best, score)
        return self.n_worse >= PENALTIES


def walk(
    training: Training,
    reg_lambdas: Sequence[float],
    start: Thetas | None = None,
    *,
    least_cut: float | None = LEAST_CUT,
) -> Iterator[Outcome]:
    """Fit at one penalty after the other.

    Parameters
    ----------
    training : Training
        Over the rows, opened.
    reg_lambdas : sequence of float
        From strong to weak.
    start : Thetas or None, default=None
        Where the first fit starts; None is at random.
    least_cut : float or None, default=LEAST_CUT
        The share of J that ten iterations must cut: else a fit is left. None takes each to its end,
        and so does early stopping.

    Yields
    ------
    Outcome
        One for each penalty; fewer where a callback wishes the path to end.
    """
    fold = training.task
    if training.settings.early_stopping:
        least_cut = None
    x = None if start is None else training.x_of(start)
    is_first = True
    for reg_lambda in reg_lambdas:
        fresh = training.random_start()
        is_left = None if least_cut is None else Flat(least_cut, training.null_cost)
        is_random = x is None
        if x is None:
            x = fresh
        elif not is_first:  # what was given is taken as it is
            x = x + DOSE * fresh
        is_first = False
        with fold.subtask("lambda", None) as training.task:
            outcome = training.fit(x, float(reg_lambda), is_left=is_left, is_coarse=is_random)
        x = None if is_null(outcome.loss, training.null_cost) else outcome.x
        yield outcome
        if training.task.wants_to_stop:
            return
