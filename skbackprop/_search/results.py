"""What a search found: scores in GridSearchCV's form, and which penalty they speak for."""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import rankdata

from skbackprop._parameters import shown


def has_score(scores: np.ndarray) -> np.ndarray:
    """Tell which folds have a score: not those without a finite number for any penalty.

    Some scores say nothing of some rows, as the area under a curve where all are of one class.
    """
    return np.isfinite(scores).any(axis=1)


def make_cv_results(
    reg_lambdas: np.ndarray, scores: np.ndarray, fit_seconds: np.ndarray, score_seconds: np.ndarray
) -> dict[str, Any]:
    """Return the results as GridSearchCV gives them.

    Parameters
    ----------
    reg_lambdas : ndarray of shape (n_lambdas,)
    scores, fit_seconds, score_seconds : ndarray of shape (n_folds, n_lambdas)

    Returns
    -------
    dict of str to array
        The keys of `GridSearchCV.cv_results_`. Mean, deviation and rank are of the folds that
        have a score.
    """
    mean, std = _mean_and_std(scores)
    rank = np.full(len(mean), len(mean), dtype=np.int32)
    if not np.isnan(mean).all():
        # As GridSearchCV: what has no score comes last.
        rank = rankdata(-np.nan_to_num(mean, nan=np.nanmin(mean) - 1), method="min")
    results: dict[str, Any] = {}
    for name, seconds in (("fit", fit_seconds), ("score", score_seconds)):
        results[f"mean_{name}_time"] = seconds.mean(axis=0)
        results[f"std_{name}_time"] = seconds.std(axis=0)
    results["param_reg_lambda"] = np.ma.MaskedArray(reg_lambdas, mask=False)
    results["params"] = [{"reg_lambda": reg_lambda} for reg_lambda in reg_lambdas.tolist()]
    for fold, fold_scores in enumerate(scores):
        results[f"split{fold}_test_score"] = fold_scores
    results["mean_test_score"] = mean
    results["std_test_score"] = std
    results["rank_test_score"] = rank.astype(np.int32)
    return results


def mean_and_standard_error(cv_results: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean score over the folds and its standard error, of shape (n_lambdas,).

    Parameters
    ----------
    cv_results : dict
        `cv_results_` of any search of scikit-learn's form.
    """
    names = [name for name in cv_results if name.startswith("split")]
    scores = np.array([cv_results[name] for name in names if name.endswith("_test_score")])
    n_folds = has_score(scores).sum()
    mean, std = _mean_and_std(scores, ddof=int(n_folds > 1))
    return mean, std / np.sqrt(max(n_folds, 1))


def _mean_and_std(scores: np.ndarray, ddof: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return both over the folds that have a score; NaN where none has."""
    scored = scores[has_score(scores)]
    if len(scored) == 0:
        nothing = np.full(scores.shape[1], np.nan)
        return nothing, nothing
    with np.errstate(invalid="ignore"):  # an infinite score has no deviation
        return scored.mean(axis=0), scored.std(axis=0, ddof=ddof)


def index_of_best(reg_lambdas: np.ndarray, mean: np.ndarray) -> int:
    """Return where the mean score is greatest; among equals, the strongest penalty."""
    best = np.flatnonzero(mean == np.nanmax(mean))
    return int(best[np.argmax(reg_lambdas[best])])


def index_within_one_standard_error(
    reg_lambdas: np.ndarray, mean: np.ndarray, error: np.ndarray
) -> int:
    """Return the strongest penalty whose mean score is within one error of the best.

    The rule is `lambda.1se` of glmnet: J. Friedman, T. Hastie and R. Tibshirani,
    "Regularization paths for generalized linear models via coordinate descent", Journal of
    Statistical Software 33(1), 2010.
    """
    best = index_of_best(reg_lambdas, mean)
    error = np.nan_to_num(error, nan=0.0, posinf=0.0)
    near = np.flatnonzero(mean >= mean[best] - error[best])
    return int(near[np.argmax(reg_lambdas[near])])


def choose(
    refit: str | Callable[[dict[str, Any]], int],
    reg_lambdas: np.ndarray,
    cv_results: dict[str, Any],
) -> int:
    """Return the index of the penalty to refit at.

    Raises
    ------
    ValueError
        If no penalty has a score, or a callable returns no index.
    """
    mean, error = mean_and_standard_error(cv_results)
    if np.isnan(mean).all():
        raise ValueError("scoring gives no number for any reg_lambda, got only NaN")
    if not callable(refit):
        if refit == "best":
            return index_of_best(reg_lambdas, mean)
        return index_within_one_standard_error(reg_lambdas, mean, error)
    index = refit(cv_results)
    is_index = isinstance(index, Integral) and not isinstance(index, bool | np.timedelta64)
    if not is_index or not 0 <= index < len(mean):
        raise ValueError(
            f"refit must return an index from 0 to {len(mean) - 1}, got {shown(index)}"
        )
    return int(index)
