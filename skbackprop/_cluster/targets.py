"""What groups of rows say of their targets, and the one encoding that the client makes of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from skbackprop._rows.classes import ClassTargets, check_kind, indicators, one_row_of_each_class
from skbackprop._rows.numbers import (
    NumberTargets,
    as_they_are,
    check_counts,
    check_sums,
    moments_of,
    numbers_as_given,
    scale_from,
    shares_of,
)
from skbackprop._rows.rows import Rows, rows_as_given
from skbackprop._rows.targets import Targets, check_sample_weight


class Encoding(NamedTuple):
    """How the targets of all groups are encoded.

    Attributes
    ----------
    targets : Targets
        Of a few rows that stand for all.
    class_weights : ndarray of shape (n_classes,) or None
    has_weight : ndarray of bool of shape (n_classes,) or None
        Which classes take part; None where all do.
    name : str
        What errors call y.
    """

    targets: Targets
    class_weights: np.ndarray | None = None
    has_weight: np.ndarray | None = None
    name: str = "y"

    def rows(self, X: Any, y: Any, w: np.ndarray | None) -> Rows:
        """Return the rows of a group that take part."""
        if self.targets.has_classes:
            y = flat(y)
        targets = self.targets.encoded(y, w, self.name)
        if self.has_weight is not None:
            w = self.has_weight[targets.codes] * (1.0 if w is None else w)
        return rows_as_given(X, targets, w, self.class_weights)


class TargetsOfGroups(Protocol):
    """Targets of a kind, which groups have."""

    def summary(self, y: Any, w: np.ndarray | None) -> Any:
        """Return what a group says of its targets: a few numbers."""
        ...

    def encoding(self, summaries: Sequence[Any]) -> Encoding:
        """Return how all are encoded, given what each group says."""
        ...


def flat(y: Any) -> Any:
    """Return a column as a vector."""
    return y[:, 0] if isinstance(y, np.ndarray) and y.shape[1:] == (1,) else y


class ClassesOfGroups(NamedTuple):
    """Targets that are classes; ``class_weight`` is the user's."""

    class_weight: Any

    def summary(self, y: Any, w: np.ndarray | None) -> tuple[np.ndarray, Any]:
        """Return the labels that a group has, and their weights; None if multilabel."""
        y, is_multilabel = check_kind(flat(y), self.class_weight)
        if is_multilabel:
            _, classes = indicators(y, slice(None) if w is None else w > 0)
            return classes.labels, None
        labels, codes = np.unique(y, return_inverse=True)
        return labels, np.bincount(codes, w, len(labels)).astype(float)

    def encoding(self, summaries: Sequence[tuple[np.ndarray, Any]]) -> Encoding:
        """Return how all are encoded.

        Raises
        ------
        ValueError
            If there are not two classes of positive weight.
        """
        first, weights = summaries[0]
        if weights is None:
            codes = np.zeros((0, len(first)), np.uint8)
            _, classes = indicators(codes, slice(None))
            return Encoding(ClassTargets(codes, classes))
        labels = np.unique(np.concatenate([labels for labels, _ in summaries]))
        W_c = np.zeros(len(labels))
        for of_group, of_labels in summaries:
            W_c[np.searchsorted(labels, of_group)] += of_labels
        targets, W_c = one_row_of_each_class(labels, W_c, self.class_weight)
        has_weight = None if W_c.all() else W_c > 0
        return Encoding(targets, targets.class_weights(W_c), has_weight)


class NumbersOfGroup(NamedTuple):
    """What a group says of its numbers; a column for each output.

    Attributes
    ----------
    is_column : bool
        Whether y has shape (n,).
    weight : float
        Of its rows.
    mean, deviation, low, high : ndarray of shape (n_outputs,)
        Of the rows of positive weight; nothing where there are none.
    """

    is_column: bool
    weight: float
    mean: np.ndarray
    deviation: np.ndarray
    low: np.ndarray
    high: np.ndarray


class NumbersOfGroups(NamedTuple):
    """Targets that are numbers; ``loss`` is the user's."""

    loss: str

    def summary(self, y: Any, w: np.ndarray | None) -> NumbersOfGroup:
        """Return what a group says of its numbers."""
        targets = numbers_as_given(y, self.loss)
        if w is not None:
            targets, w = targets.take(w > 0), w[w > 0]
        y, n, is_column = targets.codes, len(targets.codes), targets.numbers.is_column
        if n == 0:
            nothing = np.zeros(y.shape[1])
            return NumbersOfGroup(is_column, 0.0, nothing, nothing, nothing, nothing)
        if self.loss == "poisson":
            check_counts(y, "y")
        mean, deviation = moments_of(y, None, shares_of(w, n))
        weight = float(n if w is None else w.sum())
        return NumbersOfGroup(is_column, weight, mean, deviation, y.min(axis=0), y.max(axis=0))

    def encoding(self, summaries: Sequence[NumbersOfGroup]) -> Encoding:
        """Return how all are encoded: on the scale of all groups together.

        Raises
        ------
        ValueError
            If no row has weight, or of Poisson a column has only 0.
        """
        check_sample_weight([of_group.weight for of_group in summaries], len(summaries))
        columns = zip(*(of_group for of_group in summaries if of_group.weight), strict=True)
        is_column, weight, mean, deviation, low, high = (np.array(column) for column in columns)
        ends = np.array([low.min(axis=0), high.max(axis=0)])
        if self.loss == "poisson":
            check_sums(ends)
            numbers = as_they_are(ends.shape[1], bool(is_column[0]))
            return Encoding(NumberTargets(ends, numbers, False))
        moments = moments_of(mean, deviation, shares_of(weight, len(weight)))
        numbers = scale_from(*moments, bool(is_column[0]))
        return Encoding(NumberTargets(numbers.encode(ends), numbers, True))
