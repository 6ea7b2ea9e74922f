"""One fold of a search: the lambda path over its training rows, scored on the others."""

import copy
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skbackprop._blas import single_threaded_blas
from skbackprop._lambda_path import Step, walk
from skbackprop._network_classifier import NetworkClassifier
from skbackprop._parameters import Settings
from skbackprop._problem import answers, make_problem
from skbackprop._threads import rounding_in_silence
from skbackprop._training_rows import Targets, TrainingRows, weighted_rows
from skbackprop._verdict import print_fit_of_search


class Search(NamedTuple):
    """What all folds of a search share.

    Attributes
    ----------
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
    """

    model: NetworkClassifier
    X: Any
    y: NDArray
    targets: Targets
    settings: Settings
    reg_lambdas: NDArray
    scorer: Callable[..., float] | None
    score_params: Mapping[str, Any]
    n_folds: int


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


def fit_fold(search: Search, fold: int, train: NDArray, test: NDArray, seed: int) -> FoldFits:
    """Walk the path over the training rows of a fold, and score every fit on its test rows.

    Parameters
    ----------
    search : Search
    fold : int
        Its number, from 0.
    train, test : ndarray of int
        Positions of the rows.
    seed : int
        Of the random starts.

    Returns
    -------
    FoldFits

    Raises
    ------
    KeyboardInterrupt
        Its ``n_fits`` says how many fits were done.
    """
    n_lambdas = len(search.reg_lambdas)
    scores, fit_seconds, score_seconds = np.empty((3, n_lambdas))
    thetas: list[list[NDArray]] = [[] for _ in range(n_lambdas)]
    order = np.argsort(-search.reg_lambdas, kind="stable")
    random_state = np.random.RandomState(seed)
    n_fits = 0
    # Here, and not only around all folds: this may be another process.
    with single_threaded_blas, rounding_in_silence():
        class_weight = search.model.get_params()["class_weight"]
        rows = weighted_rows(search.X[train], search.targets.take(train), class_weight)
        problem = make_problem(rows, search.settings, 0.0)
        score = scorer_of_fold(search, rows, test, fold)
        try:
            steps = walk(
                rows, problem, search.settings, search.reg_lambdas[order].tolist(), random_state
            )
            for i, step in zip(order, steps, strict=True):
                began = time.perf_counter()
                scores[i], thetas[i] = score(step), step.training.thetas
                fit_seconds[i], score_seconds[i] = step.seconds, time.perf_counter() - began
                n_fits += 1
                if search.model.get_params()["verbose"]:
                    print_fit_of_search(
                        fold,
                        search.n_folds,
                        n_fits,
                        n_lambdas,
                        step.problem.reg_lambda,
                        scores[i],
                        step.training.solution.last,
                        step.seconds,
                    )
        except KeyboardInterrupt as interrupt:
            interrupt.n_fits = n_fits  # type: ignore[attr-defined]
            raise
    return FoldFits(scores, fit_seconds, score_seconds, thetas)


def scorer_of_fold(
    search: Search, rows: TrainingRows, test: NDArray, fold: int
) -> Callable[[Step], float]:
    """Return a function that scores a fit on the fold's test rows."""
    X = search.X[test]
    if search.scorer is None:
        targets = search.targets.take(test)
        if targets.w is not None and not targets.w.any():
            raise ValueError(
                f"sample_weight must not be zero for all test rows of fold {fold}, got only 0"
            )

        def log_likelihood(step: Step) -> float:
            network, thetas = step.problem.network, step.training.thetas
            K, dtype = len(thetas[-1]), thetas[0].dtype
            z = answers(network, thetas, X, lambda z: z, (K,), dtype)
            of_rows = network.output.log_likelihood(z.astype(np.float64), targets.y)
            return float(np.average(of_rows, weights=targets.w))

        return log_likelihood
    scorer, n_rows = search.scorer, search.X.shape[0]
    params = {
        name: np.asarray(value)[test] if np.shape(value)[:1] == (n_rows,) else value
        for name, value in search.score_params.items()
    }

    def score(step: Step) -> float:
        model = copy.copy(search.model)
        model._store(rows, step.problem, step.training, search.settings.tol)
        return float(scorer(model, X, search.y[test], **params))

    return score
