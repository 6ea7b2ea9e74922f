"""From X, y and the weights that a user gives to the weighted rows that a fit sees."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from skbackprop._rows import CANONICAL_SIZE, canonical_rows

_MEAN_ROWS = 4096


class TrainingRows(NamedTuple):
    """The rows of positive weight.

    Attributes
    ----------
    X : {ndarray, CSR array} of shape (n_samples, n_features)
    y : ndarray of shape (m,), or (m, n_labels) if multilabel
        Class indices, or zeros and ones.
    w : ndarray of shape (m,) or None
        Sample weight times class weight, float64; None where all are 1.
    classes : ndarray of shape (n_classes,) or (n_labels,)
        The labels that the indices stand for.
    is_multilabel : bool
        Whether y is an indicator matrix.
    positions : ndarray of shape (m,) or None
        Which rows of X these are; None: all of them, in their order.
    """

    X: Any
    y: NDArray
    w: NDArray | None
    classes: NDArray
    is_multilabel: bool
    positions: NDArray | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows, m."""
        return len(self.y)

    @property
    def n_outputs(self) -> int:
        """Number of output units: one for two classes, else one per class or label."""
        n = len(self.classes)
        return 1 if n == 2 and not self.is_multilabel else n

    def layer_sizes(self, hidden_layer_sizes: Sequence[int]) -> list[int]:
        """Return the number of units of every layer, input and output included."""
        return [self.X.shape[1], *hidden_layer_sizes, self.n_outputs]

    @property
    def total_weight(self) -> float:
        """W, the sum of the weights."""
        return float(self.n_rows if self.w is None else self.w.sum())

    @property
    def weight_unit(self) -> float:
        """A power of two near the greatest weight.

        Sums are taken of weights in this unit: exact, and no float32 under- or overflows.
        """
        return 1.0 if self.w is None else math.ldexp(1, math.frexp(self.w.max())[1] - 1)

    @property
    def frequencies(self) -> NDArray:
        """Weighted share of the rows for which each output unit's target is 1."""
        if self.is_multilabel or self.n_outputs == 1:
            return np.atleast_1d(np.average(self.y, axis=0, weights=self.w))
        return np.bincount(self.y, self.w, minlength=self.n_outputs) / self.total_weight

    def mean(self) -> NDArray:
        """Return the weighted mean of X, float64, shape (n_features,)."""
        total = np.zeros(self.X.shape[1])
        w, unit = np.ones(_MEAN_ROWS), self.weight_unit
        # In pieces: a product of float64 weights with all of a float32 X would copy it.
        for start in range(0, self.n_rows, _MEAN_ROWS):
            piece = slice(start, min(start + _MEAN_ROWS, self.n_rows))
            X = self.X[piece if self.positions is None else self.positions[piece]]
            total += (w[: X.shape[0]] if self.w is None else self.w[piece] / unit) @ X
        return total / (self.total_weight / unit)

    def subset(self, chosen: NDArray) -> "TrainingRows":
        """Return the rows at these positions; X is shared."""
        return self._replace(
            y=self.y[chosen],
            w=None if self.w is None else self.w[chosen],
            positions=chosen if self.positions is None else self.positions[chosen],
        )


def check_sample_weight(sample_weight: Any, n_rows: int) -> NDArray | None:
    """Return the weights as a float64 array of shape (n_rows,), or None.

    Raises
    ------
    ValueError
        If their number is not that of the rows, one is negative or not finite, or
        all are zero.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_rows, sample_weight)
    w = np.asarray(sample_weight)
    if np.iscomplexobj(w):
        raise ValueError("sample_weight must hold real numbers, got complex ones")
    try:
        w = w.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sample_weight must hold numbers: {error}") from None
    check_array(w, ensure_2d=False, allow_nd=True, ensure_min_samples=0, input_name="sample_weight")
    if w.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have shape ({n_rows},), one weight per row of X; got {w.shape}"
        )
    if (w < 0).any():
        raise ValueError(f"sample_weight must not be negative, got {w.min()}")
    if not w.any():
        raise ValueError("sample_weight must not be zero for all rows, got only 0")
    with np.errstate(over="ignore"):
        if not np.isfinite(w.sum()):
            raise ValueError(f"sample_weight must have a finite sum, got weights up to {w.max()}")
    return w


def _encode(y: Any, is_multilabel: bool) -> tuple[NDArray, NDArray]:
    """Return the encoded targets and the classes."""
    if is_multilabel:
        Y = y.toarray() if issparse(y) else np.asarray(y)
        if not np.isin(Y, (0, 1)).all():
            raise ValueError(
                f"y must hold only 0 and 1 where it is multilabel, got {np.unique(Y).tolist()}"
            )
        return Y.astype(np.uint8), np.arange(Y.shape[1])
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            "y must have at least two classes among the rows of positive weight; "
            f"got one class only, {classes[0]!r}"
        )
    return codes, classes


def _check_targets(y: Any, class_weight: Any) -> tuple[Any, bool]:
    """Return y, checked, and whether it is multilabel."""
    try:
        kind = type_of_target(y, input_name="y")
        if kind not in ("binary", "multiclass", "multilabel-indicator"):
            check_classification_targets(y)  # says why, but looks through y once more
    except TypeError as error:
        raise ValueError(f"y must hold labels that can be sorted: {error}") from None
    if kind == "multiclass-multioutput":
        raise ValueError(
            "y must be one column of classes, or an indicator matrix of labels; "
            f"got a {kind} target of shape {y.shape}"
        )
    if kind != "multilabel-indicator":
        return column_or_1d(y, warn=True), False
    if class_weight is not None:
        raise ValueError(
            f"class_weight must be None where y is multilabel, got {class_weight!r}; "
            "use sample_weight to weigh rows"
        )
    return y, True


def training_rows(X: Any, y: Any, sample_weight: Any, class_weight: Any) -> TrainingRows:
    """Encode the targets, compose the weights and drop the rows of weight zero.

    Parameters
    ----------
    X : {ndarray, CSR array} of shape (n_samples, n_features)
        Validated.
    y : array-like or sparse matrix
        Validated, but for what it says about classes.
    sample_weight : array-like of shape (n_samples,), float or None
        As given by the user.
    class_weight : dict, "balanced" or None
        As given by the user, its type checked.

    Returns
    -------
    TrainingRows
        Up to `CANONICAL_SIZE` elements of X, in the canonical form.

    Raises
    ------
    ValueError
        If the targets are not classes, or of one class only, if a weight is not
        valid, or classes are weighted where y is multilabel.
    """
    y, is_multilabel = _check_targets(y, class_weight)
    index = None
    w = check_sample_weight(sample_weight, X.shape[0])
    if isinstance(class_weight, Mapping):
        takes_part = compute_sample_weight(dict(class_weight), y) > 0
        if not takes_part.all():
            w = takes_part * (1.0 if w is None else w)
    if w is not None and not w.all():
        if not w.any():
            raise ValueError(f"class_weight leaves no row of positive weight, got {class_weight!r}")
        index = np.flatnonzero(w)  # X itself may be large, or mapped from a file
        y, w = y[index], w[index]
    codes, classes = _encode(y, is_multilabel)
    if len(codes) * X.shape[1] <= CANONICAL_SIZE:
        X, index = (X if index is None else X[index]), None
        X, codes, w = canonical_rows(X, codes, np.ones(len(codes)) if w is None else w)
    if class_weight is not None:
        # Only now: the weights of merged rows have been added exactly as they were given.
        w = np.ones(len(codes)) if w is None else w
        w = w * _weights_of_classes(class_weight, classes, np.bincount(codes, w))[codes]
        if not np.isfinite(w.sum()):
            raise ValueError(
                f"class_weight must leave a finite sum of weights, got {class_weight!r}"
            )
    if w is not None and (w == 1).all():
        w = None
    return TrainingRows(X, codes, w, classes, is_multilabel, index)


def _weights_of_classes(class_weight: Any, classes: NDArray, W_c: NDArray) -> NDArray:
    if isinstance(class_weight, Mapping):
        return np.array([class_weight.get(label, 1.0) for label in classes.tolist()], dtype=float)
    return W_c.sum() / (len(classes) * W_c)
