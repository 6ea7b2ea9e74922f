"""The folds of a search: positions of training and test rows, checked."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
from sklearn.model_selection import check_cv

from skbackprop._parameters import shown
from skbackprop._rows.targets import Targets

# Of more than these nobody waits for the fits; what gives them may never end.
MOST_SPLITS = 100_000


def splits_of(
    cv: Any, X: Any, targets: Targets, w: np.ndarray | None, params: dict[str, Any]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the positions of training and test rows of every fold.

    Parameters
    ----------
    cv : int, cross-validation generator, iterable or None
        As given by the user.
    X : {ndarray, CSR array} of shape (n_samples, n_features)
    targets : Targets
        Of all rows.
    w : ndarray of shape (n_samples,) or None
        Sample weights.
    params : dict
        For the splitter.

    Raises
    ------
    ValueError
        If ``cv`` gives no folds, or none of these rows. It names ``cv``.
    """
    y = targets.to_stratify(w)
    splits = [
        (
            _positions(train, X.shape[0], "training", fold),
            _positions(test, X.shape[0], "test", fold),
        )
        for fold, (train, test) in enumerate(_pairs(cv, X, y, targets.has_classes, params))
    ]
    if not splits:
        raise ValueError(f"cv must give at least one split, got {shown(cv)}")
    return splits


def _pairs(
    cv: Any, X: Any, y: np.ndarray, has_classes: bool, params: dict[str, Any]
) -> list[tuple[Any, Any]]:
    """Return what cv gives, if these are pairs."""
    try:
        given = cv
        if isinstance(cv, Iterable) and not hasattr(cv, "split") and not isinstance(cv, str):
            given = _ending(cv)
        splitter = check_cv(given, y, classifier=has_classes)
        return [(train, test) for train, test in _ending(splitter.split(X, y, **params))]
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            "cv must be an int >= 2, a splitter or an iterable of pairs of training and test "
            f"rows, got {shown(cv)}: {error}"
        ) from error


def _ending(splits: Iterable[Any]) -> list[Any]:
    some = list(islice(splits, MOST_SPLITS + 1))
    if len(some) > MOST_SPLITS:
        raise ValueError(f"it gives more than {MOST_SPLITS} splits")
    return some


def _positions(rows: Any, n_rows: int, kind: str, fold: int) -> np.ndarray:
    """Return the positions of rows, which a user may also give as a mask."""
    name = f"cv's {kind} rows of fold {fold}"
    try:
        rows = np.asarray(rows)
    except ValueError as error:
        raise ValueError(f"{name} must be positions: {error}") from None
    if rows.dtype == bool:
        if rows.shape != (n_rows,):
            raise ValueError(
                f"{name} must be a mask of the {n_rows} rows, got one of shape {rows.shape}"
            )
        rows = np.flatnonzero(rows)
    if rows.ndim != 1 or len(rows) == 0 or rows.dtype.kind not in "iu":
        raise ValueError(f"{name} must be positions of at least one row, got {shown(rows)}")
    if rows.min() < 0 or rows.max() >= n_rows:
        raise ValueError(f"{name} must be from 0 to {n_rows - 1}, got {rows.min()} to {rows.max()}")
    return rows
