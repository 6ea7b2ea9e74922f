"""Targets: y and the weights that a user gives, encoded; what the codes say of classes.

A row counts by its weight: one of weight 2 is two of weight 1. What is drawn from the rows, or
counted, is therefore weight, as the rows had it before equal ones were merged.
"""

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from skbackprop._network.outputs import OutputUnits, output_units
from skbackprop._network.thetas import real_numbers

# Rows whose targets are encoded at a time.
_ENCODED_ROWS = 2**16


class Classes(NamedTuple):
    """What the codes of the targets stand for.

    Attributes
    ----------
    labels : ndarray of shape (n_classes,) or (n_labels,)
        The classes, sorted; the numbers of the labels if multilabel.
    is_multilabel : bool
        Whether the targets are an indicator matrix.
    """

    labels: NDArray
    is_multilabel: bool

    @property
    def n_outputs(self) -> int:
        """Number of output units: one for two classes, else one per class or label."""
        n = len(self.labels)
        return 1 if n == 2 and not self.is_multilabel else n

    def output_units(self, out_activation: str) -> OutputUnits:
        """Return output units for these classes, of the kind wanted where there is a choice."""
        return output_units(out_activation, self.n_outputs, self.is_multilabel)

    def decide(self, z: NDArray) -> NDArray:
        """Return codes from logits: the greatest, or for two classes and labels a positive one."""
        if self.is_multilabel:
            return z > 0
        return z[:, 0] > 0 if self.n_outputs == 1 else z.argmax(axis=1)

    def decode(self, codes: NDArray) -> NDArray:
        """Return the classes that codes stand for."""
        return codes if self.is_multilabel else self.labels[codes]


class Targets(NamedTuple):
    """Encoded targets of some rows.

    Attributes
    ----------
    codes : ndarray of shape (m,), or (m, n_labels) if multilabel
        Class indices, or zeros and ones.
    classes : Classes
    """

    codes: NDArray
    classes: Classes

    def take(self, index: NDArray | slice) -> "Targets":
        """Return those of some rows. A class that has none there stays a class."""
        return self._replace(codes=self.codes[index])

    @property
    def labels(self) -> NDArray:
        """The targets as the user had them."""
        return self.classes.decode(self.codes)

    @property
    def strata(self) -> NDArray:
        """Which rows are of a kind, as numbers: the classes; all rows if multilabel."""
        if self.classes.is_multilabel:
            return np.zeros(len(self.codes), dtype=np.uint8)
        return self.codes

    def _pieces(self) -> Iterator[slice]:
        # numpy counts and compares in eight bytes a row.
        for start in range(0, len(self.codes), _ENCODED_ROWS):
            yield slice(start, start + _ENCODED_ROWS)

    def weight_of_classes(self, w: NDArray | None) -> NDArray:
        """Return the weight of the rows of each class."""
        total = np.zeros(len(self.classes.labels))
        for piece in self._pieces():
            of_piece = None if w is None else w[piece]
            total += np.bincount(self.codes[piece], of_piece, minlength=len(total))
        return total

    def frequencies(self, w: NDArray | None) -> NDArray:
        """Return the weighted share of the rows for which each output unit's target is 1."""
        if self.classes.is_multilabel:
            return np.average(self.codes, axis=0, weights=w)
        of_classes = self.weight_of_classes(w)
        shares = of_classes / of_classes.sum()
        return shares[1:] if self.classes.n_outputs == 1 else shares

    def indicators(self, piece: slice) -> NDArray:
        """Return the targets of some rows as zeros and ones, a row per output unit."""
        codes = self.codes[piece]
        if self.classes.is_multilabel or self.classes.n_outputs == 1:
            return np.atleast_2d(codes.T)
        return np.equal.outer(np.arange(self.classes.n_outputs), codes)

    def positions_of_ones(self) -> NDArray:
        """Return where the flattened (n_outputs, n) matrix of targets is 1.

        Returns
        -------
        ndarray of int
            The positions; of class indices, in the order of the rows.
        """
        codes = self.codes
        if self.classes.n_outputs == 1 or codes.ndim == 2:
            return np.flatnonzero(codes.T)
        return codes.astype(np.intp) * len(codes) + np.arange(len(codes))


def check_sample_weight(sample_weight: Any, n_rows: int, name: str = "sample_weight") -> Any:
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
    try:
        w = real_numbers(sample_weight)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must hold real numbers: {error}") from None
    check_array(w, ensure_2d=False, allow_nd=True, ensure_min_samples=0, input_name=name)
    if w.shape != (n_rows,):
        raise ValueError(f"{name} must have shape ({n_rows},), one weight per row; got {w.shape}")
    if (w < 0).any():
        raise ValueError(f"{name} must not be negative, got {w.min()}")
    if not w.any():
        raise ValueError(f"{name} must not be zero for all rows, got only 0")
    with np.errstate(over="ignore"):
        if not np.isfinite(w.sum()):
            raise ValueError(f"{name} must have a finite sum, got weights up to {w.max()}")
    return w


def _check_kind(y: Any, class_weight: Any) -> tuple[Any, bool]:
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
        is_column = isinstance(y, np.ndarray) and y.ndim == 1
        return (y if is_column else column_or_1d(y, warn=True)), False
    if class_weight is not None:
        raise ValueError(
            f"class_weight must be None where y is multilabel, got {class_weight!r}; "
            "use sample_weight to weigh rows"
        )
    return y, True


def _encode_labels(y: Any, takes_part: NDArray | slice) -> Targets:
    Y = y.toarray() if issparse(y) else np.asarray(y)
    if not np.isin(Y[takes_part], (0, 1)).all():
        raise ValueError(
            "y must hold only 0 and 1 where it is multilabel, got "
            f"{np.unique(Y[takes_part]).tolist()}"
        )
    labels = np.arange(Y.shape[1])
    labels.flags.writeable = False
    return Targets(Y.astype(np.uint8), Classes(labels, True))


def _encode_classes(y: NDArray, takes_part: NDArray | slice) -> Targets:
    labels = np.unique(y)
    with_weight = labels if isinstance(takes_part, slice) else np.unique(y[takes_part])
    if len(with_weight) < 2:
        raise ValueError(
            "y must have at least two classes among the rows of positive weight; "
            f"got one class only, {with_weight.tolist()[0]!r}"
        )
    # Piece by piece, in few bytes: there may be millions of rows.
    codes = np.empty(len(y), np.min_scalar_type(len(labels)))
    for start in range(0, len(y), _ENCODED_ROWS):
        piece = slice(start, start + _ENCODED_ROWS)
        codes[piece] = np.searchsorted(labels, y[piece])
    labels.flags.writeable = False
    return Targets(codes, Classes(labels, False))


def encode_targets(y: Any, sample_weight: Any, class_weight: Any) -> tuple[Targets, NDArray | None]:
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
    targets : Targets
        A class whose rows all have weight zero is a class, too.
    w : ndarray of shape (n_samples,) or None
        Sample weights; zero also where the class has weight zero. None where all are 1.

    Raises
    ------
    ValueError
        If the targets are not classes, or only one class has weight, if a weight is not
        valid, or classes are weighted where y is multilabel.
    """
    y, is_multilabel = _check_kind(y, class_weight)
    w = check_sample_weight(sample_weight, y.shape[0])
    if isinstance(class_weight, Mapping):
        has_weight = compute_sample_weight(dict(class_weight), y) > 0
        if not has_weight.all():
            w = has_weight * (1.0 if w is None else w)
            if not w.any():
                got = {label: float(class_weight.get(label, 1)) for label in np.unique(y).tolist()}
                raise ValueError(f"class_weight leaves no row of positive weight, got {got}")
    takes_part = slice(None) if w is None or w.all() else w > 0
    encode = _encode_labels if is_multilabel else _encode_classes
    return encode(y, takes_part), w


def weights_of_classes(class_weight: Any, targets: Targets, w: NDArray | None) -> NDArray | None:
    """Return the weight of each class, shape (n_classes,), or None where all are 1.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        "balanced" gives class c the weight W / (K W_c) among these rows.
    targets : Targets
    w : ndarray of shape (m,) or None
        Sample weights.
    """
    if class_weight is None:
        return None
    labels = targets.classes.labels
    if isinstance(class_weight, Mapping):
        return np.array([class_weight.get(label, 1.0) for label in labels.tolist()], dtype=float)
    # In this order, no weight of a class overflows.
    W_c = targets.weight_of_classes(w)
    is_present = W_c > 0  # in a fold, a class may have no row
    balanced = np.zeros(len(labels))
    balanced[is_present] = W_c.sum() / is_present.sum() / W_c[is_present]
    return balanced
