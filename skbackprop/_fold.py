"""One fold of a search: the lambda path over its training rows, scored on the others."""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbackprop._blas import single_threaded_blas
from skbackprop._callbacks import IterationTasks, begin_task, end_task, subtask
from skbackprop._lambda_path import Step, walk
from skbackprop._network_classifier import NetworkClassifier, attributes_at
from skbackprop._parameters import Settings
from skbackprop._problem import Problem, answers, make_problem
from skbackprop._threads import rounding_in_silence
from skbackprop._training import Watcher
from skbackprop._training_rows import Targets, TrainingRows, weighted_rows
from skbackprop._verdict import print_fit_of_search


class Search(NamedTuple):
    """What all folds of a search share.

    Attributes
    ----------
    owner : NetworkClassifier
        The estimator that searches, and has the callbacks.
    model : NetworkClassifier
        An unfitted one, with the parameters that a scorer may want to see.
    X : {ndarray, CSR array} of shape (n_samples, n_features)
    y : ndarray
        As given, for scorers.
    targets : Targets
        The same, encoded once for all folds.
    settings : Settings
    reg_lambdas : ndarray of shape (n_lambdas,)
    scorer : callable or None
        None is the mean log-likelihood.
    score_params : mapping
        For the scorer; values with an item for each row are divided as the rows are.
    n_folds : int
    is_verbose : bool
    """

    owner: NetworkClassifier
    model: NetworkClassifier
    X: Any
    y: NDArray
    targets: Targets
    settings: Settings
    reg_lambdas: NDArray
    scorer: Callable[..., float] | None
    score_params: Mapping[str, Any]
    n_folds: int
    is_verbose: bool


class FoldFits(NamedTuple):
    """What the fits of one fold gave, in the order of the penalties.

    Attributes
    ----------
    scores, fit_seconds, score_seconds : ndarray of shape (n_lambdas,)
    thetas : list of list of ndarray
    """

    scores: NDArray
    fit_seconds: NDArray
    score_seconds: NDArray
    thetas: list[list[NDArray]]


class Progress:
    """How far a search is. All folds in one process share it; another process has a copy.

    Attributes
    ----------
    done : list
        An item for each fit.
    is_stopped : bool
        Whether the search was interrupted, and the folds that still run shall end.
    """

    def __init__(self) -> None:
        self.done: list[int] = []
        self.is_stopped = False


class FoldTask:
    """A fold and its fits as tasks of scikit-learn's callbacks.

    Parameters
    ----------
    search : Search
    progress : Progress
        Of the search; its end ends the fits.
    context : CallbackContext or None
        That of the fold.
    rows : TrainingRows
        Of the fold.
    train : ndarray of int
        Their positions before equal ones were merged.
    """

    def __init__(
        self, search: Search, progress: Progress, context: Any, rows: TrainingRows, train: NDArray
    ) -> None:
        self.search, self.progress, self.context, self.rows = search, progress, context, rows
        w = search.targets.w
        # As functions: a large X is copied only where a callback wants to see it.
        self.data: dict[str, Any] = {
            "X": lambda: search.X[train],
            "y": lambda: search.y[train],
            "metadata": lambda: None if w is None else {"sample_weight": w[train]},
        }
        self.is_stopped = False
        begin_task(context, search.owner, **self.data)

    @contextmanager
    def watch(self, name: str, problem: Problem) -> Iterator[Sequence[Watcher]]:
        """Yield those who watch one fit of the fold."""
        search, settings = self.search, self.search.settings
        context = subtask(self.context, name, settings.max_iter + 1)
        begin_task(context, search.owner, **self.data)
        attributes = attributes_at(self.rows, problem, settings.tol)
        tasks = IterationTasks(context, search.owner, self.data, attributes)
        yield [tasks, lambda iteration, thetas: self.progress.is_stopped]
        tasks.close()
        self.is_stopped |= end_task(context, search.owner, **self.data)

    def close(self) -> None:
        """End the fold."""
        end_task(self.context, self.search.owner, **self.data)


def fit_fold(
    search: Search,
    progress: Progress,
    context: Any,
    fold: int,
    train: NDArray,
    test: NDArray,
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
    train, test : ndarray of int
        Positions of the rows.
    seed : int
        Of the random starts.

    Returns
    -------
    FoldFits
        NaN where a callback ended the path before.
    """
    n_lambdas = len(search.reg_lambdas)
    scores, fit_seconds, score_seconds = np.full((3, n_lambdas), np.nan)
    thetas: list[list[NDArray]] = [[] for _ in range(n_lambdas)]
    order = np.argsort(-search.reg_lambdas, kind="stable")
    # Here, and not only around all folds: this may be another process.
    with single_threaded_blas, rounding_in_silence():
        class_weight = search.model.get_params(deep=False)["class_weight"]
        rows = weighted_rows(search.X, search.targets, class_weight, train)
        problem = make_problem(rows, search.settings, 0.0)
        score = scorer_of_fold(search, rows, test, fold)
        task = FoldTask(search, progress, context, rows, train)
        steps = walk(
            rows,
            problem,
            search.settings,
            search.reg_lambdas[order].tolist(),
            np.random.RandomState(seed),
            task.watch,
        )
        # Closed here: the contexts of a path are to end in the thread where they began.
        with closing(steps):
            # Not strict: a callback may end the path.
            for number, (i, step) in enumerate(zip(order, steps, strict=False), start=1):
                if progress.is_stopped:
                    break
                began = time.perf_counter()
                scores[i], thetas[i] = score(step), step.training.thetas
                fit_seconds[i], score_seconds[i] = step.seconds, time.perf_counter() - began
                progress.done.append(fold)
                if search.is_verbose:
                    where = f"fold {fold + 1}/{search.n_folds}, lambda {number}/{n_lambdas}"
                    print_fit_of_search(where, step.problem, step.training, scores[i], step.seconds)
                if task.is_stopped:
                    break
        task.close()
    return FoldFits(scores, fit_seconds, score_seconds, thetas)


# Elements of X that the default score looks at together.
_PIECE_SIZE = 2**20


def scorer_of_fold(
    search: Search, rows: TrainingRows, test: NDArray, fold: int
) -> Callable[[Step], float]:
    """Return a function that scores a fit on the fold's test rows of positive weight."""
    if search.targets.w is not None:
        test = test[search.targets.w[test] > 0]
    if len(test) == 0:
        raise ValueError(
            f"sample_weight must not be zero for all test rows of fold {fold}, got only 0"
        )
    scorer = search.scorer
    if scorer is None:
        return partial(_mean_log_likelihood, search.X, search.targets, test)
    X, y = search.X[test], search.y[test]
    params = {
        name: np.asarray(value)[test] if np.shape(value)[:1] == search.y.shape[:1] else value
        for name, value in search.score_params.items()
    }

    def score(step: Step) -> float:
        model = copy.copy(search.model)
        model._store(rows, step.problem, step.training, search.settings.tol)
        return float(scorer(model, X, y, **params))

    return score


def _mean_log_likelihood(X: Any, targets: Targets, test: NDArray, step: Step) -> float:
    network, thetas = step.problem.network, step.training.thetas
    K, dtype = len(thetas[-1]), thetas[0].dtype
    n_rows = max(1, _PIECE_SIZE // max(X.shape[1], 1))
    of_rows = np.empty(len(test))
    for start in range(0, len(test), n_rows):
        piece = slice(start, start + n_rows)
        z = answers(network, thetas, X[test[piece]], lambda z: z, (K,), dtype)
        y = targets.y[test[piece]]
        of_rows[piece] = network.output.log_likelihood(z.astype(np.float64), y)
    w = None if targets.w is None else targets.w[test]
    return float(np.average(of_rows, weights=w))
