"""From X, y and the weights that a user gives to the weighted rows that a fit sees."""

import math
from collections.abc import Iterator, Mapping, Sequence
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

# Elements of X that take part in a sum over the rows at a time.
_PIECE_SIZE = 2**18
# Rows whose targets are encoded at a time.
_ENCODED_ROWS = 2**16


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
        total = np.zeros(self.n_outputs)
        # Piece by piece: numpy counts in eight bytes a row.
        for start in range(0, self.n_rows, _ENCODED_ROWS):
            piece = slice(start, start + _ENCODED_ROWS)
            w = None if self.w is None else self.w[piece]
            total += np.bincount(self.y[piece], w, minlength=self.n_outputs)
        return total / self.total_weight

    def _pieces(self) -> Iterator[tuple[slice, Any]]:
        """Yield runs of rows, and their X.

        A product of float64 weights with all of a float32 X would copy it.
        """
        stored = self.X.nnz if issparse(self.X) else self.X.size
        n_rows = max(1, _PIECE_SIZE * self.X.shape[0] // max(stored, 1))
        for start in range(0, self.n_rows, n_rows):
            piece = slice(start, min(start + n_rows, self.n_rows))
            yield piece, self.X[piece if self.positions is None else self.positions[piece]]

    def _weights(self, piece: slice) -> NDArray:
        """Return the weights of some rows, in the weights' unit."""
        n_rows = piece.stop - piece.start
        return np.ones(n_rows) if self.w is None else self.w[piece] / self.weight_unit

    def mean(self) -> NDArray:
        """Return the weighted mean of X, float64, shape (n_features,)."""
        total = np.zeros(self.X.shape[1])
        for piece, X in self._pieces():
            total += self._weights(piece) @ X
        return total / (self.total_weight / self.weight_unit)

    def covariance_with_targets(self) -> NDArray:
        """Return the weighted covariance of X and the targets, shape (n_outputs, n_features)."""
        total = np.zeros((self.n_outputs, self.X.shape[1]))
        for piece, X in self._pieces():
            total += (self._weights(piece) * self._indicators(piece)) @ X
        mean_product = total / (self.total_weight / self.weight_unit)
        return mean_product - np.outer(self.frequencies, self.mean())

    def _indicators(self, piece: slice) -> NDArray:
        """Return the targets of some rows as zeros and ones, a row per output unit."""
        if self.is_multilabel or self.n_outputs == 1:
            return np.atleast_2d(self.y[piece].T)
        return np.equal.outer(np.arange(self.n_outputs), self.y[piece])

    def subset(self, chosen: NDArray) -> "TrainingRows":
        """Return the rows at these positions; a large X is shared."""
        X, positions = self.X, chosen if self.positions is None else self.positions[chosen]
        if self.X.shape[0] * self.X.shape[1] <= CANONICAL_SIZE:
            X, positions = self.X[positions], None  # a copy spares one at every evaluation
        return self._replace(
            X=X,
            y=self.y[chosen],
            w=None if self.w is None else self.w[chosen],
            positions=positions,
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


def _encode(y: Any, is_multilabel: bool, takes_part: NDArray | slice) -> tuple[NDArray, NDArray]:
    """Return the encoded targets, and the classes of the rows that take part."""
    if is_multilabel:
        Y = y.toarray() if issparse(y) else np.asarray(y)
        if not np.isin(Y[takes_part], (0, 1)).all():
            raise ValueError(
                "y must hold only 0 and 1 where it is multilabel, got "
                f"{np.unique(Y[takes_part]).tolist()}"
            )
        return Y.astype(np.uint8), np.arange(Y.shape[1])
    classes = np.unique(y[takes_part])
    if len(classes) < 2:
        raise ValueError(
            "y must have at least two classes among the rows of positive weight; "
            f"got one class only, {classes[0]!r}"
        )
    # Piece by piece, in few bytes: there may be millions of rows.
    codes = np.empty(len(y), np.min_scalar_type(len(classes)))
    for start in range(0, len(y), _ENCODED_ROWS):
        piece = slice(start, start + _ENCODED_ROWS)
        # A row of weight zero may have a class that comes after all others.
        codes[piece] = np.minimum(np.searchsorted(classes, y[piece]), len(classes) - 1)
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


class Targets(NamedTuple):
    """The targets of all rows that a user gave, encoded, and their weights.

    Attributes
    ----------
    y : ndarray of shape (n_samples,), or (n_samples, n_labels) if multilabel
        Class indices, or zeros and ones.
    w : ndarray of shape (n_samples,) or None
        Sample weights; zero also where the class has weight zero. None where all are 1.
    classes : ndarray of shape (n_classes,) or (n_labels,)
        The labels that the indices stand for.
    is_multilabel : bool
        Whether y is an indicator matrix.
    """

    y: NDArray
    w: NDArray | None
    classes: NDArray
    is_multilabel: bool

    @property
    def labels(self) -> NDArray:
        """The targets as labels; those of rows of weight zero are any."""
        return self.y if self.is_multilabel else self.classes[self.y]

    def take(self, index: NDArray) -> "Targets":
        """Return those of some rows. A class that has none there stays a class."""
        return self._replace(y=self.y[index], w=None if self.w is None else self.w[index])


def encode_targets(y: Any, sample_weight: Any, class_weight: Any) -> Targets:
    """Encode the targets, and check the weights.

    Parameters
    ----------
    y : array-like or sparse matrix
        Validated, but for what it says about classes.
    sample_weight : array-like of shape (n_samples,), float or None
        As given by the user.
    class_weight : dict, "balanced" or None
        As given by the user, its type checked.

    Returns
    -------
    Targets
        Their classes are those of the rows of positive weight.

    Raises
    ------
    ValueError
        If the targets are not classes, or of one class only, if a weight is not
        valid, or classes are weighted where y is multilabel.
    """
    y, is_multilabel = _check_targets(y, class_weight)
    w = check_sample_weight(sample_weight, y.shape[0])
    if isinstance(class_weight, Mapping):
        has_weight = compute_sample_weight(dict(class_weight), y) > 0
        if not has_weight.all():
            w = has_weight * (1.0 if w is None else w)
            if not w.any():
                raise ValueError(
                    f"class_weight leaves no row of positive weight, got {class_weight!r}"
                )
    takes_part = slice(None) if w is None or w.all() else w > 0
    codes, classes = _encode(y, is_multilabel, takes_part)
    return Targets(codes, w, classes, is_multilabel)


def weighted_rows(
    X: Any, targets: Targets, class_weight: Any, chosen: NDArray | None = None
) -> TrainingRows:
    """Drop the rows of weight zero, and multiply the weights by those of the classes.

    Parameters
    ----------
    X : {ndarray, CSR array} of shape (n_samples, n_features)
        Validated.
    targets : Targets
        Those of the rows of X.
    class_weight : dict, "balanced" or None
        "balanced" refers to these rows.
    chosen : ndarray of int or None
        Positions of the rows to take; None is all.

    Returns
    -------
    TrainingRows
        Up to `CANONICAL_SIZE` elements, in the canonical form; of more, X is shared.

    Raises
    ------
    ValueError
        If no row has a positive weight, or the class weights make the sum infinite.
    """
    if chosen is not None:
        targets = targets.take(chosen)
    index, codes, w, classes = chosen, targets.y, targets.w, targets.classes
    if w is not None and not w.all():
        kept = np.flatnonzero(w)  # X itself may be large, or mapped from a file
        index, codes, w = (kept if index is None else index[kept]), codes[kept], w[kept]
        if len(w) == 0:
            raise ValueError("sample_weight must not be zero for all training rows, got only 0")
    if len(codes) * X.shape[1] <= CANONICAL_SIZE:
        X, index = (X if index is None else X[index]), None
        X, codes, w = canonical_rows(X, codes, np.ones(len(codes)) if w is None else w)
    if class_weight is not None:
        # Only now: the weights of merged rows have been added exactly as they were given.
        w = np.ones(len(codes)) if w is None else w
        W_c = np.bincount(codes, w, len(classes))
        w = w * _weights_of_classes(class_weight, classes, W_c)[codes]
        if not np.isfinite(w.sum()):
            raise ValueError(
                f"class_weight must leave a finite sum of weights, got {class_weight!r}"
            )
    if w is not None and (w == 1).all():
        w = None
    return TrainingRows(X, codes, w, classes, targets.is_multilabel, index)


def training_rows(X: Any, y: Any, sample_weight: Any, class_weight: Any) -> TrainingRows:
    """Return the weighted rows of a fit on all rows; see `encode_targets`, `weighted_rows`."""
    return weighted_rows(X, encode_targets(y, sample_weight, class_weight), class_weight)


def _weights_of_classes(class_weight: Any, classes: NDArray, W_c: NDArray) -> NDArray:
    if isinstance(class_weight, Mapping):
        return np.array([class_weight.get(label, 1.0) for label in classes.tolist()], dtype=float)
    is_present = W_c > 0  # in a fold, a class may have no row
    balanced = np.zeros(len(classes))
    balanced[is_present] = W_c.sum() / (is_present.sum() * W_c[is_present])
    return balanced
