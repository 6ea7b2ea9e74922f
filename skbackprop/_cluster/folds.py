"""Folds of rows on a cluster: those that scikit-learn gives the same rows in their order.

`StratifiedKFold` deals the rows of each class, in their order, to one fold after the other, in
numbers that follow from how many rows each class has. So does this: each group says how many it
has, and is told how many came before its own. Numbers, and rows of labels, are one class, `KFold`.
"""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skbackprop._cluster.held import Held
from skbackprop._cluster.rows import ClusterRows
from skbackprop._rows.rows import Rows
from skbackprop._training.callbacks import STACK_LEVEL


class Strata(NamedTuple):
    """What a group says of its classes.

    Attributes
    ----------
    counts : ndarray of int of shape (n_strata,)
        Rows of each.
    first : ndarray of int of shape (n_strata,)
        Where the first of them is, if there is one.
    """

    counts: np.ndarray
    first: np.ndarray


def in_folds(rows: ClusterRows, n_folds: int) -> ClusterRows:
    """Return the same rows, each with its fold.

    Parameters
    ----------
    rows : ClusterRows
        They leave the workers' memory for those returned.
    n_folds : int

    Raises
    ------
    ValueError
        If there are fewer rows of every class, or fewer numbers, than folds. It names ``cv``.

    Warns
    -----
    UserWarning
        If there are fewer of some class.
    """
    of_groups = rows.each(_strata)
    counts = np.array([strata.counts for strata in of_groups])
    total = counts.sum(axis=0)
    _check(total, n_folds)
    ends = np.cumsum(_numbers_in_folds(total, _order_of_appearance(of_groups), n_folds), axis=0)
    before = np.cumsum(counts, axis=0) - counts
    cluster = rows.cluster
    groups = [
        cluster.hold(_dealt, group, before_group, ends)
        for group, before_group in zip(rows.groups, before, strict=True)
    ]
    dealt = ClusterRows(
        cluster, groups, rows.targets, rows.class_weights, rows.n_features, rows.dtype
    )
    for resident in rows.groups:
        resident.let_go()
    return dealt


def _check(counts: np.ndarray, n_folds: int) -> None:
    counts = counts[counts > 0]
    of = "" if len(counts) == 1 else "of each class "
    if counts.max() < n_folds:
        raise ValueError(
            f"cv must not be more folds than there are rows {of}of positive weight, at most "
            f"{counts.max()}; got {n_folds}"
        )
    if counts.min() < n_folds:
        warnings.warn(
            f"cv={n_folds} is more folds than the smallest class has rows of positive weight, "
            f"{counts.min()}: some folds have none to test",
            UserWarning,
            stacklevel=STACK_LEVEL + 4,  # of the caller of fit
        )


def _order_of_appearance(of_groups: Sequence[Strata]) -> np.ndarray:
    """Return the classes in the order of their first rows, which is scikit-learn's."""
    sizes = [strata.counts.sum() for strata in of_groups]
    starts = np.cumsum(sizes) - sizes
    first = [
        np.where(strata.counts > 0, start + strata.first, sum(sizes))
        for start, strata in zip(starts, of_groups, strict=True)
    ]
    return np.argsort(np.min(first, axis=0), kind="stable")


def _numbers_in_folds(counts: np.ndarray, order: np.ndarray, n_folds: int) -> np.ndarray:
    """Return how many rows of each class are in each fold, shape (n_folds, n_strata).

    Of all rows, sorted by class, every n_folds-th is in the same fold.
    """
    ends = np.cumsum(counts[order])
    fold = np.arange(n_folds)[:, np.newaxis]

    def before(positions: np.ndarray) -> np.ndarray:
        """Return how many of the positions before these are of each fold."""
        return (positions - fold + n_folds - 1) // n_folds

    numbers = np.empty((n_folds, len(counts)), dtype=np.int64)
    numbers[:, order] = before(ends) - before(ends - counts[order])
    return numbers


def class_weights_of_training(rows: ClusterRows, n_folds: int) -> list[np.ndarray | None]:
    """Return the weights that the classes have in the training rows of each fold."""
    if rows.class_weights is None:
        return [None] * n_folds
    of_groups = rows.cluster.each(_weights_of_classes, rows.groups, n_folds)
    W = np.sum(of_groups, axis=0)
    # Not all less those of the fold: a class without rows is to weigh exactly nothing.
    return [rows.targets.class_weights(np.delete(W, k, axis=0).sum(axis=0)) for k in range(n_folds)]


# What the tasks do.


def _strata(rows: Rows) -> Strata:
    strata, n = rows.targets.strata, rows.targets.n_strata
    first = np.zeros(n, dtype=np.int64)
    present, where = np.unique(strata, return_index=True)
    first[present] = where
    return Strata(np.bincount(strata, minlength=n), first)


def _dealt(held: Held, before: np.ndarray, ends: np.ndarray) -> Held:
    """Return the same rows, each with its fold, given the number of rows before of each class."""
    strata = held.rows.targets.strata
    in_order = np.argsort(strata, kind="stable")
    counts = np.bincount(strata, minlength=len(before))
    starts = np.cumsum(counts) - counts
    # The number of each among the rows of its class, in this group and those before.
    numbers = np.empty(len(strata), dtype=np.int64)
    numbers[in_order] = np.arange(len(strata))
    numbers += (before - starts)[strata]
    folds = np.zeros(len(strata), np.min_scalar_type(len(ends)))
    for end in ends:
        folds += numbers >= end[strata]
    return Held(held.rows, folds)


def _weights_of_classes(held: Held, n_folds: int) -> np.ndarray:
    """Return the weight of each class in each fold, shape (n_folds, n_classes)."""
    targets, n_classes = held.rows.targets, held.rows.targets.n_strata
    assert held.folds is not None
    cells = held.folds * np.intp(n_classes) + targets.codes
    W = np.bincount(cells, held.rows.counts, minlength=n_folds * n_classes)
    return W.reshape(n_folds, n_classes)
