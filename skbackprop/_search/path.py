"""The lambda path over one set of rows: from strong to weak, each fit started from the last.

A fit at a slightly weaker penalty begins near its end, so a path costs less than separate
fits, and often ends lower. Bare descent is ruined by what a strong penalty does to a network:
it shrinks all weights to zero, a saddle that no later fit leaves, and short of that it makes
hidden units copies of each other. So a fit that has learned nothing starts nothing, the next one
starts afresh; and to every other start is added a dose of fresh random weights.

To choose a penalty, its fits need not go to the end: unless told otherwise, each is left once it is
slow.
"""

from collections.abc import Iterator, Sequence

from skbackprop._network.thetas import Thetas
from skbackprop._training.coarse_start import Slow
from skbackprop._training.fit import Outcome, is_null
from skbackprop._training.solver import Iteration
from skbackprop._training.training import Training

# The dose of a fresh start that each start gets, found by measuring (benchmarks/lambda_path.py).
DOSE = 1.0
# A coarse fit of a path is left when so many iterations cut J by less than this share: to choose
# lambda, that is enough (benchmarks/quality.py, benchmarks/lambda_path.py).
PATIENCE = 10
LEAST_CUT = 0.01


class UntilSlow(Slow):
    """Ends a fit that is slow, unless it has still to begin to learn."""

    def __init__(self, null_cost: float) -> None:
        super().__init__(PATIENCE, LEAST_CUT)
        self.null_cost = null_cost

    def __call__(self, iteration: Iteration) -> bool:
        """Look at an iteration."""
        return super().__call__(iteration) and not is_null(iteration.cost, self.null_cost)


def walk(
    training: Training, reg_lambdas: Sequence[float], start: Thetas | None = None
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

    Yields
    ------
    Outcome
        One for each penalty; fewer where a callback wishes the path to end.
    """
    settings, fold = training.settings, training.task
    is_coarse = bool(settings.coarse_start) and not settings.early_stopping
    x = None if start is None else training.x_of(start)
    is_first = True
    for reg_lambda in reg_lambdas:
        fresh = training.random_start()
        is_left = UntilSlow(training.null_cost) if is_coarse else None
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
