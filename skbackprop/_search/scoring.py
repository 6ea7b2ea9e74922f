"""The score of one fit on held-out rows."""

import threading
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.exceptions import UndefinedMetricWarning

from skbackprop._machine.prediction import answers
from skbackprop._network.network import Network
from skbackprop._network.thetas import Thetas
from skbackprop._rows.rows import Rows
from skbackprop._rows.targets import Targets

# Elements of X, or of the logits, that the default score looks at together.
_PIECE_SIZE = 2**20
# Which warnings of scorers have been shown, for Python's "default" action.
_SHOWN: dict[Any, Any] = {}


def mean_log_likelihood(network: Network, thetas: Thetas, rows: Rows) -> float:
    """Return the mean log-likelihood of the rows' targets: the default score.

    Of classes, the mean log-probability that they are given; of numbers, minus the mean cost.
    Weighted by the rows' counts; the weights of the classes do not take part.
    """
    K = network.layer_sizes[-1]
    size = max(1, _PIECE_SIZE // max(rows.n_features, K))
    of_rows = np.empty(rows.n_rows)
    for start in range(0, rows.n_rows, size):
        piece = slice(start, start + size)
        X = rows.X[piece if rows.positions is None else rows.positions[piece]]
        z = answers(network, thetas, X, lambda z: z, (K,), thetas.dtype)
        codes = rows.targets.codes[piece]
        of_rows[piece] = network.output.log_likelihood(z.astype(np.float64), codes)
    return float(np.average(of_rows, weights=rows.counts))


def score_of(
    scorer: Callable[..., Any],
    model: Any,
    X: Any,
    y: Any,
    params: Mapping[str, Any],
    targets: Targets,
) -> float:
    """Return the score that a scorer gives; NaN where it says nothing of these rows.

    Parameters
    ----------
    scorer : callable
    model : estimator
        Fitted.
    X, y : array-like
        Held-out rows.
    params : mapping
        For the scorer.
    targets : Targets
        The same as y: a scorer that needs to know all classes, where the rows lack one, is told.

    Raises
    ------
    ValueError
        If it is no number.
    """
    score = partial(scorer, model, X, y)
    if targets.lacks_a_class:
        return _score_of_some_classes(score, params, targets.class_labels)
    return as_number(score(**params))


def as_number(score: Any) -> float:
    """Return a score as a float.

    Raises
    ------
    ValueError
        If it is not one number.
    """
    number = score
    if hasattr(score, "item"):  # of numpy, or of another library
        with suppress(ValueError):
            number = score.item()
    if not isinstance(number, Real):
        raise ValueError(f"scoring must return a number, got {score!r}")
    return float(number)


def _score_of_some_classes(
    score: Callable[..., Any], params: Mapping[str, Any], classes: np.ndarray | None
) -> float:
    # Python catches warnings for all threads at once: two that do leave it broken behind them. Of
    # a fold in a thread of its own, and of rows on a cluster, warnings come as they are.
    if threading.current_thread() is not threading.main_thread():
        return _score_told_classes(score, params, classes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        number = _score_told_classes(score, params, classes)
    for warning in caught:
        # That there is no score is said once, of all folds.
        if not (np.isnan(number) and issubclass(warning.category, UndefinedMetricWarning)):
            where = warning.filename, warning.lineno
            warnings.warn_explicit(warning.message, warning.category, *where, registry=_SHOWN)
    return number


def _score_told_classes(
    score: Callable[..., Any], params: Mapping[str, Any], classes: np.ndarray | None
) -> float:
    """Return the score, told which classes there are where it fails without."""
    try:
        return as_number(score(**params))
    except ValueError as error:
        if classes is None or "labels" in params:
            raise
        try:
            return as_number(_score_with_labels(score, params, classes))
        except Exception:
            raise error from None


def _score_with_labels(
    scorer: Callable[..., Any], params: Mapping[str, Any], classes: np.ndarray
) -> Any:
    """Tell the scorer which classes there are, as its metric's parameter ``labels``."""
    # Only with routing does a scorer of scikit-learn pass on more than sample_weight.
    with config_context(enable_metadata_routing=True):
        return scorer(**{**params, "labels": classes})
