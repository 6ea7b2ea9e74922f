"""The penalty that "auto" is: a short path of penalties, scored on rows held out.

No rule that looks only at the number of rows knows how noisy they are. A path costs little more
than a fit, and the last fit, on all rows, starts where the path has found the best: together two to
three single fits.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from skbackprop._network.thetas import Thetas
from skbackprop._rows.rows import Rows
from skbackprop._search.path import Turned, walk
from skbackprop._search.reports import SearchReports
from skbackprop._search.scoring import mean_log_likelihood
from skbackprop._training.fit import Outcome
from skbackprop._training.penalty import NARROW, reg_lambda_grid
from skbackprop._training.solver import NonFiniteError
from skbackprop._training.training import Training

# Found by measuring (benchmarks/quality.py, docs/defaults.rst). The share of the rows that scores
# the path, and the penalties of a whole path.
SHARE = 0.2
N_LAMBDAS = 7
# Fewer rows than these, all or of the smallest class, score too coarsely to rank penalties.
LEAST_ROWS = 100
LEAST_OF_A_CLASS = 10
# A path over so many rows ranks penalties as well as one over more: MNIST, diamonds, noise.
MOST_ROWS = 3_000
# Of those held out for early stopping, at least this share of so many rows scores it (what is held
# out by default): of a small set of the user's own, a handful would be left.
LEAST_TO_SCORE = 0.1
# The best penalty is the weaker the more rows there are: as this power of their number.
POWER_OF_ROWS = 1.0


class Found(NamedTuple):
    """What a path has found.

    Attributes
    ----------
    reg_lambdas, scores : ndarray of shape (n,)
        The penalties walked, from strong to weak, and the mean log-likelihood that each gives to
        held-out rows.
    reg_lambda : float
        The best, carried over to all rows.
    thetas : Thetas or None
        Where the fit at the best ended; None where it has learned nothing.
    """

    reg_lambdas: np.ndarray
    scores: np.ndarray
    reg_lambda: float
    thetas: Thetas | None


def find_reg_lambda(training: Training, start: Thetas | None) -> Found | None:
    """Search the penalty for a fit on all rows.

    Parameters
    ----------
    training : Training
        Of that fit, opened. Where it holds rows out, these score the path.
    start : Thetas or None
        Where the path starts; None is at random.

    Returns
    -------
    Found or None
        None where the rows are too few to hold any out, or no fit's cost stays finite.
    """
    rows, held_out, share_of_rows = _rows_of_path(training)
    if held_out is None:
        if not _are_enough(rows):
            return None
        held_out, rows = rows.divide(SHARE, rows.least_of_classes, training.random_state)
        rows = rows.to_rank_penalties()
    reports = SearchReports(training.reports.is_verbose)
    grid = reg_lambda_grid(rows, training.network, N_LAMBDAS, NARROW)
    outcomes: list[Outcome] = []
    scores: list[float] = []
    with (
        training.task.subtask("path", N_LAMBDAS) as task,
        Training(
            rows,
            training.network,
            training.settings,
            training.random_state,
            task,
            validation=None if training.held_out is None else held_out,
        ) as on_path,
        # float32 may overflow where the fit on all rows does not; if that does, it says so.
        suppress(NonFiniteError),
    ):
        for outcome, score in _until_turned(on_path, grid.tolist(), start, held_out):
            outcomes.append(outcome)
            scores.append(score)
            reports.fit_on_path(len(scores), len(grid), outcome, score)
    if not scores:
        return None
    # Early stopping has ended the path's fits where these rows have no more to teach: the last fit
    # would start where it should end.
    has_seen_all = training.held_out is not None and share_of_rows == 1
    best = outcomes[int(np.argmax(scores))]
    return Found(
        grid[: len(scores)],
        np.array(scores),
        best.reg_lambda * share_of_rows**POWER_OF_ROWS,
        None if best.is_null or has_seen_all else best.thetas,
    )


def _until_turned(
    training: Training, reg_lambdas: list[float], start: Thetas | None, held_out: Rows
) -> Iterator[tuple[Outcome, float]]:
    """Yield the fits of the path and their scores on other rows, while these may get better."""
    has_turned = Turned()
    for outcome in walk(training, reg_lambdas, start):
        thetas = outcome.thetas.astype(held_out.dtype)
        score = mean_log_likelihood(training.network, thetas, held_out)
        yield outcome, score
        if has_turned(score):
            return


def _are_enough(rows: Rows) -> bool:
    """Tell whether some of them can be held out, and say which penalty is better."""
    # As in "prior": in whole weights, the count of rows, and the rows as given where weights are
    # normalised.
    m = max(rows.total_count, rows.n_given)
    return m >= LEAST_ROWS and m * rows.targets.least_share(rows.counts) >= LEAST_OF_A_CLASS


def _rows_of_path(training: Training) -> tuple[Rows, Rows | None, float]:
    """Return rows for the path, those held out that score it, and their share of all."""
    rows, held_out, random_state = training.rows, training.held_out, training.random_state
    share = MOST_ROWS / rows.n_rows
    if share >= 1:
        held_out_here = None if held_out is None else held_out.at_hand(random_state)
        return rows.at_hand(random_state), held_out_here, 1.0
    sample = rows.sample(share, random_state).in_single_precision()
    if held_out is None:
        return sample, None, share
    n, n_to_score = held_out.n_rows, max(share * held_out.n_rows, LEAST_TO_SCORE * MOST_ROWS)
    if rows.least_of_classes < n_to_score < n:
        return sample, held_out.sample(n_to_score / n, random_state), share
    return sample, held_out.at_hand(random_state), share
