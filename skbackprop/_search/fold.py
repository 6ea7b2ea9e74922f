"""One fold of a search: the lambda path over its training rows, scored on the others."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._network.network import Network
from skbackprop._network.thetas import Thetas
from skbackprop._parameters import Settings
from skbackprop._rows.summed import SummedRows
from skbackprop._search.path import LEAST_CUT, LEAST_CUT_OF_NUMBERS, Turned, walk
from skbackprop._search.reports import SearchReports
from skbackprop._search.rows import SearchedRows
from skbackprop._training.callbacks import Task
from skbackprop._training.endings import Ending
from skbackprop._training.fit import Outcome
from skbackprop._training.solver import NonFiniteError
from skbackprop._training.training import Training


class Search(NamedTuple):
    """What all folds of a search share.

    Attributes
    ----------
    owner : estimator
        The one that searches, and has the callbacks.
    model_of_fit : callable
        Gives, of the rows of a fit, what makes a model of its Thetas.
    estimator_of : callable
        Gives a fitted estimator for the scorer, of that and an outcome.
    seen : callable
        Gives the attributes of an estimator, of that and an iteration, for callbacks.
    rows : SearchedRows
        All of them.
    validation : SummedRows or None
        The user's own; every fold is watched on them, where that changes anything.
    network : Network
    settings : Settings
    reg_lambdas : ndarray of shape (n_lambdas,)
    coarse_folds : bool
        Whether fits on the folds are left once they are slow.
    may_end_early : bool
        Whether a path ends once its scores have turned: they must be log-likelihoods.
    scoring : str, callable or None
        As given, for messages.
    scorer : callable or None
        None is the mean log-likelihood.
    n_folds : int
    is_verbose : bool
    """

    owner: Any
    model_of_fit: Callable[[SummedRows], Callable[[Thetas], Any]]
    estimator_of: Callable[..., Any]
    seen: Callable[..., dict[str, Any]]
    rows: SearchedRows
    validation: SummedRows | None
    network: Network
    settings: Settings
    reg_lambdas: np.ndarray
    coarse_folds: bool
    may_end_early: bool
    scoring: Any
    scorer: Callable[..., Any] | None
    n_folds: int
    is_verbose: bool


class FoldFits(NamedTuple):
    """What the fits of one fold gave, in the order of the penalties.

    Attributes
    ----------
    scores, fit_seconds, score_seconds : ndarray of shape (n_lambdas,)
    thetas : list of Thetas or None
        None where the path has ended before.
    is_stopped : bool
        Whether a callback has ended a fit, or the path.
    """

    scores: np.ndarray
    fit_seconds: np.ndarray
    score_seconds: np.ndarray
    thetas: list[Thetas | None]
    is_stopped: bool = False


class Progress:
    """How far a search is. All folds in one process share it; another process has a copy.

    Attributes
    ----------
    done : list
        An item for each fit, and for each that turned out not to be needed.
    is_stopped : bool
        Whether the search was interrupted, and the folds that still run shall end.
    """

    def __init__(self) -> None:
        self.done: list[int] = []
        self.is_stopped = False


def fit_fold(
    search: Search,
    progress: Progress,
    context: Any,
    fold: int,
    train: Any,
    test: Any,
    seed: int,
) -> FoldFits:
    """Walk the path over the training rows of a fold, and score every fit on its test rows.

    Parameters
    ----------
    search : Search
    progress : Progress
    context : CallbackContext or None
        That of the fold.
    fold : int
        Its number, from 0.
    train, test : ndarray of int, or what `Search.rows` takes
        Positions of the rows.
    seed : int
        Of the random starts.

    Returns
    -------
    FoldFits
        NaN is the score of what was not fitted: where a path has turned, a callback ends it, or
        after an interrupt.

    Raises
    ------
    ValueError
        If all training or test rows have weight zero, a fit becomes non-finite, or the scorer
        fails. It names the fold.
    """
    n_lambdas = len(search.reg_lambdas)
    scores, fit_seconds, score_seconds = np.full((3, n_lambdas), np.nan)
    fits = FoldFits(scores, fit_seconds, score_seconds, [None] * n_lambdas)
    order = np.argsort(-search.reg_lambdas, kind="stable")
    reports = SearchReports(search.is_verbose)
    # Here, and not only around all folds: this may be another process.
    with single_threaded_blas(), rounding_in_silence(), search.rows.for_a_fold():
        with _named_errors(fold):
            is_coarse = search.coarse_folds and not search.settings.early_stopping
            rows = search.rows.training_rows(train, is_coarse)
            model_of = search.model_of_fit(rows)
            score = _scorer(search, test, fold, model_of)
            seen = partial(search.seen, model_of)
            task = Task(context, search.owner, search.rows.for_callbacks(train), seen)
            training = Training(
                rows,
                search.network,
                search.settings,
                np.random.RandomState(seed),
                task,
                is_stopped=lambda: progress.is_stopped,
                validation=search.validation if search.settings.early_stopping else None,
            )
        with task, training:
            path = walk(
                training,
                search.reg_lambdas[order].tolist(),
                least_cut=_least_cut(search.rows) if search.coarse_folds else None,
            )
            n_stopped, has_turned, is_over = 0, Turned(), False
            for number, i in enumerate(order.tolist(), start=1):
                # Not at the end: see `_alive` of `_machine/blas.py` for loops within `with`.
                if is_over:
                    progress.done.extend([fold] * (n_lambdas - number + 1))  # nothing is missing
                    break
                outcome = _next_fit(path, fold, search.reg_lambdas[i])
                if outcome is None or progress.is_stopped:
                    n_stopped += 1
                    break
                # Computed in float32 or not, it predicts in X's precision.
                outcome = outcome._replace(thetas=outcome.thetas.astype(search.rows.dtype))
                began = time.perf_counter()
                scores[i] = score(outcome)
                fits.thetas[i] = outcome.thetas
                fit_seconds[i] = outcome.seconds
                score_seconds[i] = time.perf_counter() - began
                progress.done.append(fold)
                n_stopped += outcome.ending is Ending.CALLBACK
                where = f"fold {fold + 1}/{search.n_folds}, lambda {number}/{n_lambdas}"
                is_over = search.may_end_early and has_turned(scores[i])
                reports.fit_on_fold(where, outcome, scores[i])
    return fits._replace(is_stopped=n_stopped > 0)


def _least_cut(rows: SearchedRows) -> float:
    return LEAST_CUT if rows.has_classes else LEAST_CUT_OF_NUMBERS


@contextmanager
def _named_errors(fold: int) -> Iterator[None]:
    """Let an error of the rows of a fold name it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"in fold {fold}: {error}") from error


def _next_fit(path: Iterator[Outcome], fold: int, reg_lambda: float) -> Outcome | None:
    try:
        return next(path, None)
    except NonFiniteError as error:
        raise NonFiniteError(f"in fold {fold}, reg_lambda={reg_lambda:.3g}: {error}") from error


def _scorer(
    search: Search, test: Any, fold: int, model_of: Callable[[Thetas], Any]
) -> Callable[[Outcome], float]:
    """Return a function that scores a fit on the fold's test rows."""
    if search.scorer is None:
        log_likelihood = search.rows.log_likelihood(search.network, test)
        return lambda outcome: log_likelihood(outcome.thetas)
    score_of = search.rows.score(search.scorer, test)

    def score(outcome: Outcome) -> float:
        try:
            return score_of(search.estimator_of(model_of, outcome))
        except search.rows.own_errors:
            raise
        except Exception as error:
            raise ValueError(
                f"scoring={search.scoring!r} failed in fold {fold}, reg_lambda="
                f"{outcome.reg_lambda:.3g}: {error}"
            ) from error

    return score
