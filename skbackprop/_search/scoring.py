"""The score of one fit on held-out rows."""

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.exceptions import UndefinedMetricWarning

from skbackprop._machine.prediction import answers
from skbackprop._network.network import Network
from skbackprop._network.thetas import Thetas
from skbackprop._rows.rows import Rows

# Elements of X, or of the logits, that the default score looks at together.
_PIECE_SIZE = 2**20
# Which warnings of scorers have been shown, for Python's "default" action.
_SHOWN: dict[Any, Any] = {}


def mean_log_likelihood(network: Network, thetas: Thetas, rows: Rows) -> float:
    """Return the mean log-probability that rows give to their targets: the default score.

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
    classes: NDArray | None,
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
    classes : ndarray or None
        All classes: a scorer that needs to know them, where the rows lack one, is told. None where
        y is multilabel.

    Raises
    ------
    ValueError
        If it is no number.
    """
    score = partial(scorer, model, X, y)
    if _lacks_a_class(y, classes):
        return _score_of_some_classes(score, params, classes)
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


def _lacks_a_class(y: Any, classes: NDArray | None) -> bool:
    """Tell whether no row is of one of the classes, or all or none have one of the labels."""
    if classes is not None:
        return not np.isin(classes, y).all()
    n_ones = np.asarray(y.sum(axis=0)).ravel()
    return bool(((n_ones == 0) | (n_ones == y.shape[0])).any())


def _score_of_some_classes(
    scorer: Callable[..., Any], params: Mapping[str, Any], classes: NDArray | None
) -> float:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            score = as_number(scorer(**params))
        except ValueError as error:
            if classes is None or "labels" in params:
                raise
            try:
                score = as_number(_score_with_labels(scorer, params, classes))
            except Exception:
                raise error from None
    for warning in caught:
        # That there is no score is said once, of all folds.
        if not (np.isnan(score) and issubclass(warning.category, UndefinedMetricWarning)):
            where = warning.filename, warning.lineno
            warnings.warn_explicit(warning.message, warning.category, *where, registry=_SHOWN)
    return score


def _score_with_labels(
    scorer: Callable[..., Any], params: Mapping[str, Any], classes: NDArray
) -> Any:
    """Tell the scorer which classes there are, as its metric's parameter ``labels``."""
    # Only with routing does a scorer of scikit-learn pass on more than sample_weight.
    with config_context(enable_metadata_routing=True):
        return scorer(**{**params, "labels": classes})
