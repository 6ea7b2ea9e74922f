"""Targets that are classes: y encoded, what the codes stand for, the weights of the classes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import filterfalse
from typing import Any, NamedTuple, Self, cast

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from skbackprop._network.outputs import ClassUnits, OutputUnits, class_units
from skbackprop._rows.targets import Targets, check_sample_weight

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

    labels: np.ndarray
    is_multilabel: bool

    @property
    def null_prediction(self) -> str:
        """What a network that has learned nothing of X predicts."""
        return "the class frequencies"

    @property
    def n_outputs(self) -> int:
        """Number of output units: one for two classes, else one per class or label."""
        n = len(self.labels)
        return 1 if n == 2 and not self.is_multilabel else n

    def output_units(self, out_activation: str) -> ClassUnits:
        """Return output units for these classes, of the kind wanted where there is a choice."""
        return class_units(out_activation, self.n_outputs, self.is_multilabel)

    def decide(self, z: np.ndarray) -> np.ndarray:
        """Return codes from logits: the greatest, or for two classes and labels a positive one."""
        if self.is_multilabel:
            return z > 0
        return z[:, 0] > 0 if self.n_outputs == 1 else z.argmax(axis=1)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return the classes that codes stand for."""
        return codes if self.is_multilabel else self.labels[codes]

    def to_state(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"labels": self.labels, "is_multilabel": self.is_multilabel}


@dataclass(frozen=True, eq=False)
class ClassTargets(Targets):
    """Class indices; zeros and ones, a column per label, if multilabel.

    A class that has none of some rows stays a class.

    Attributes
    ----------
    classes : Classes
    class_weight : dict, "balanced" or None
        As given by the user; "balanced" gives class c the weight W / (K W_c) among the rows of a
        fit.
    """

    classes: Classes
    class_weight: Any = None

    has_classes = True

    def encoded(self, y: Any, w: np.ndarray | None, name: str) -> Self:
        """Return others of the same classes or labels."""
        if self.classes.is_multilabel:
            if y.shape[1:] != self.codes.shape[1:]:
                raise ValueError(
                    f"{name} must be an indicator matrix of {self.codes.shape[1]} labels, as in "
                    f"the fit; got one of shape {y.shape}"
                )
            takes_part = slice(None) if w is None else w > 0
            return self.with_codes(indicators(y, takes_part, name)[0])
        if issparse(y) or y.shape[1:] not in ((), (1,)):
            raise ValueError(
                f"{name} must be one column of classes, as in the fit; got one of shape {y.shape}"
            )
        return self.with_codes(self._codes_of(column_or_1d(y, warn=True), name))

    def _codes_of(self, y: np.ndarray, name: str) -> np.ndarray:
        # By Python's equality: numpy holds "0" and 0 for the same.
        code_of = {label: code for code, label in enumerate(self.classes.labels.tolist())}
        try:
            present = np.unique(y)
            unknown = list(filterfalse(code_of.__contains__, present.tolist()))
        except TypeError as error:
            raise ValueError(f"{name} must hold labels that can be sorted: {error}") from None
        if unknown:
            raise ValueError(
                f"{name} must hold only classes of the fit, {list(code_of)}; got {unknown}"
            )
        codes = np.array([code_of[label] for label in present.tolist()], self.codes.dtype)
        return codes[_positions_among(present, y)]

    @property
    def kind(self) -> Classes:
        """What the codes stand for."""
        return self.classes

    @property
    def class_labels(self) -> np.ndarray | None:
        """The classes; None if multilabel."""
        return None if self.classes.is_multilabel else self.classes.labels

    @property
    def lacks_a_class(self) -> bool:
        """Whether no row is of one of the classes, or all or none have one of the labels."""
        if self.classes.is_multilabel:
            n_ones = self.codes.sum(axis=0, dtype=np.intp)
            return bool(((n_ones == 0) | (n_ones == len(self.codes))).any())
        return bool((self.weight_of_classes(None) == 0).any())

    def to_stratify(self, w: np.ndarray | None) -> np.ndarray:
        """Return labels: to a splitter, a class without weight is none."""
        if w is None or self.classes.is_multilabel:
            return self.as_given
        of_classes = self.weight_of_classes(w)
        codes = np.where(of_classes > 0, np.arange(len(of_classes)), of_classes.argmax())
        return self.classes.decode(codes[self.codes])

    @property
    def strata(self) -> np.ndarray:
        """The classes; all rows are of one kind if multilabel."""
        return super().strata if self.classes.is_multilabel else self.codes

    @property
    def n_strata(self) -> int:
        """Number of classes; one if multilabel."""
        return 1 if self.classes.is_multilabel else len(self.classes.labels)

    def least_share(self, w: np.ndarray | None) -> float:
        """Return the share of the weight that the smallest class of positive weight has."""
        if self.classes.is_multilabel:
            return 1.0
        of_classes = self.weight_of_classes(w)
        return float(of_classes[of_classes > 0].min() / of_classes.sum())

    def _pieces(self) -> Iterator[slice]:
        # numpy counts and compares in eight bytes a row.
        for start in range(0, len(self.codes), _ENCODED_ROWS):
            yield slice(start, start + _ENCODED_ROWS)

    def weight_of_classes(self, w: np.ndarray | None) -> np.ndarray:
        """Return the weight of the rows of each class."""
        total = np.zeros(len(self.classes.labels))
        for piece in self._pieces():
            of_piece = None if w is None else w[piece]
            total += np.bincount(self.codes[piece], of_piece, minlength=len(total))
        return total

    def class_weights(self, w: np.ndarray | None) -> np.ndarray | None:
        """Return the weight of each class among these rows, or None where all are 1."""
        if self.class_weight is None:
            return None
        labels, W_c = self.classes.labels.tolist(), self.weight_of_classes(w)
        if isinstance(self.class_weight, Mapping):
            weights = np.array([self.class_weight.get(label, 1.0) for label in labels], dtype=float)
        else:
            # In this order, no weight of a class overflows.
            is_present = W_c > 0  # in a fold, a class may have no row
            weights = np.zeros(len(labels))
            weights[is_present] = W_c.sum() / is_present.sum() / W_c[is_present]
        with np.errstate(over="ignore"):
            if not np.isfinite((W_c * weights).sum()):
                got = dict(zip(labels, weights.tolist(), strict=True))
                raise ValueError(f"class_weight must leave a finite sum of weights, got {got}")
        return weights

    def means(self, w: np.ndarray | None) -> np.ndarray:
        """Return the weighted share of the rows for which each output unit's target is 1."""
        if self.classes.is_multilabel:
            return np.average(self.codes, axis=0, weights=w)
        of_classes = self.weight_of_classes(w)
        shares = of_classes / of_classes.sum()
        return shares[1:] if self.classes.n_outputs == 1 else shares

    def constant_cost(
        self, output: OutputUnits, predicted: np.ndarray, w: np.ndarray | None
    ) -> float:
        """Return the mean cost where these frequencies are always predicted."""
        return cast(ClassUnits, output).constant_cost(predicted, self.means(w))

    def matrix(self, piece: slice) -> np.ndarray:
        """Return the targets of some rows as zeros and ones, a row per output unit."""
        codes = self.codes[piece]
        if self.classes.is_multilabel or self.classes.n_outputs == 1:
            return np.atleast_2d(codes.T)
        return np.equal.outer(np.arange(self.classes.n_outputs), codes)

    def for_units(self, dtype: DTypeLike) -> np.ndarray:
        """Return the positions of ones: where the flattened (n_outputs, n) matrix of targets is 1.

        Returns
        -------
        ndarray of int
            The positions; of class indices, in the order of the rows.
        """
        codes = self.codes
        if self.classes.n_outputs == 1 or codes.ndim == 2:
            return np.flatnonzero(codes.T)
        return codes.astype(np.intp) * len(codes) + np.arange(len(codes))


def check_kind(y: Any, class_weight: Any) -> tuple[Any, bool]:
    """Return y, checked, and whether it is multilabel."""
    try:
        kind = type_of_target(y)
        if kind not in ("binary", "multiclass", "multilabel-indicator"):
            check_classification_targets(y)  # says why, but looks through y once more
    except TypeError as error:
        raise ValueError(f"y must hold labels that can be sorted: {error}") from None
    if kind == "multiclass-multioutput":
        raise ValueError(
            "y must be one column of classes, or an indicator matrix of labels; "
            f"got a {kind} target of shape {y.shape}"
        )
    if issparse(y) and kind != "multilabel-indicator":
        raise ValueError(
            "y must be dense where it is no indicator matrix of labels; "
            f"got a sparse {kind} target of shape {y.shape}"
        )
    if kind != "multilabel-indicator":
        is_column = isinstance(y, np.ndarray) and y.ndim == 1
        return (y if is_column else column_or_1d(y, warn=True)), False
    _check_no_class_weight(class_weight)
    return y, True


def _check_no_class_weight(class_weight: Any) -> None:
    if class_weight is not None:
        raise ValueError(
            f"class_weight must be None where y is multilabel, got {class_weight!r}; "
            "use sample_weight to weigh rows"
        )


def indicators(
    y: Any, takes_part: np.ndarray | slice, name: str = "y"
) -> tuple[np.ndarray, Classes]:
    Y = y.toarray() if issparse(y) else np.asarray(y)
    if not np.isin(Y[takes_part], (0, 1)).all():
        raise ValueError(
            f"{name} must hold only 0 and 1 where it is multilabel, got "
            f"{np.unique(Y[takes_part]).tolist()}"
        )
    labels = np.arange(Y.shape[1])
    labels.flags.writeable = False
    return Y.astype(np.uint8), Classes(labels, True)


def _class_indices(y: np.ndarray, takes_part: np.ndarray | slice) -> tuple[np.ndarray, Classes]:
    labels = np.unique(y)
    with_weight = labels if isinstance(takes_part, slice) else np.unique(y[takes_part])
    if len(with_weight) < 2:
        raise ValueError(
            "y must have at least two classes among the rows of positive weight; "
            f"got one class only, {with_weight.tolist()[0]!r}"
        )
    codes = _positions_among(labels, y)
    labels.flags.writeable = False
    return codes, Classes(labels, False)


def _positions_among(labels: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return where each is among the labels: piece by piece, there may be millions of rows."""
    codes = np.empty(len(y), np.min_scalar_type(len(labels)))
    for start in range(0, len(y), _ENCODED_ROWS):
        piece = slice(start, start + _ENCODED_ROWS)
        codes[piece] = np.searchsorted(labels, y[piece])
    return codes


def no_targets(classes: Classes) -> ClassTargets:
    """Return targets of no row, to encode others like them."""
    if classes.is_multilabel:
        return ClassTargets(np.empty((0, len(classes.labels)), np.uint8), classes)
    return ClassTargets(np.empty(0, np.min_scalar_type(len(classes.labels))), classes)


def encode_classes(
    y: Any, sample_weight: Any, class_weight: Any
) -> tuple[ClassTargets, np.ndarray | None]:
    """Encode targets that are classes, and check the weights.

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
    targets : ClassTargets
        A class whose rows all have weight zero is a class, too.
    w : ndarray of shape (n_samples,) or None
        Sample weights; zero also where the class has weight zero. None where all are 1.

    Raises
    ------
    ValueError
        If the targets are not classes, or only one class has weight, if a weight is not
        valid, or classes are weighted where y is multilabel.
    """
    y, is_multilabel = check_kind(y, class_weight)
    w = check_sample_weight(sample_weight, y.shape[0])
    return _encoded(y, w, class_weight, is_multilabel)


def one_row_of_each_class(
    labels: np.ndarray, weights: np.ndarray, class_weight: Any
) -> tuple[ClassTargets, np.ndarray]:
    """Encode distinct labels, each with the weight of all rows that have it; see `encode_classes`.

    Returns
    -------
    targets : ClassTargets
    w : ndarray of shape (n_classes,)
        Their weights; zero also where the class has weight zero.
    """
    targets, w = _encoded(labels, check_sample_weight(weights, len(labels)), class_weight, False)
    assert w is not None
    return targets, w


def _encoded(
    y: Any, w: np.ndarray | None, class_weight: Any, is_multilabel: bool
) -> tuple[ClassTargets, np.ndarray | None]:
    if isinstance(class_weight, Mapping):
        has_weight = compute_sample_weight(dict(class_weight), y) > 0
        if not has_weight.all():
            w = has_weight * (1.0 if w is None else w)
            if not w.any():
                got = {label: float(class_weight.get(label, 1)) for label in np.unique(y).tolist()}
                raise ValueError(f"class_weight leaves no row of positive weight, got {got}")
    takes_part = slice(None) if w is None or w.all() else w > 0
    encode = indicators if is_multilabel else _class_indices
    return ClassTargets(*encode(y, takes_part), class_weight), w
