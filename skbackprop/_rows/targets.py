"""Targets: what rows ask of them, whatever they are; and the weights that a user gives.

A row counts by its weight: one of weight 2 is two of weight 1. What is drawn from the rows, or
counted, is therefore weight, as the rows had it before equal ones were merged.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import DTypeLike
from sklearn.utils import assert_all_finite

from skbackprop._machine.threads import rounding_in_silence
from skbackprop._network.outputs import OutputUnits
from skbackprop._network.thetas import real_numbers


class Kind(Protocol):
    """What encoded targets stand for."""

    @property
    def null_prediction(self) -> str:
        """What a network that has learned nothing of X predicts, in words."""
        ...

    @property
    def n_outputs(self) -> int:
        """Number of output units."""
        ...

    def output_units(self, out_activation: str) -> OutputUnits:
        """Return output units for these targets."""
        ...

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return what the codes stand for."""
        ...

    def to_state(self) -> dict[str, Any]:
        """Return it as plain values."""
        ...


@dataclass(frozen=True, eq=False)
class Targets(ABC):
    """Encoded targets of some rows.

    Attributes
    ----------
    codes : ndarray of shape (m,) or (m, n_outputs)
    """

    codes: np.ndarray

    # Whether they are classes, which a splitter stratifies by.
    has_classes: ClassVar[bool] = False
    # Whether float32 is enough for the fits that only rank penalties.
    ranks_in_single_precision: ClassVar[bool] = False

    def with_codes(self, codes: np.ndarray) -> Self:
        """Return targets of the same kind."""
        return replace(self, codes=codes)

    def take(self, index: np.ndarray | slice) -> Self:
        """Return those of some rows."""
        return self.with_codes(self.codes[index])

    @abstractmethod
    def encoded(self, y: Any, w: np.ndarray | None, name: str) -> Self:
        """Return the targets of other rows, encoded as these.

        Parameters
        ----------
        y : array-like or sparse matrix
            Validated as that of these was.
        w : ndarray of shape (n_samples,) or None
            Sample weights.
        name : str
            What an error calls y.

        Raises
        ------
        ValueError
            If they are of another kind than these, or of a class that there is not among these.
        """

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """What the codes stand for."""

    @property
    def as_given(self) -> np.ndarray:
        """The targets as the user had them."""
        return self.kind.decode(self.codes)

    def standardised(self, w: np.ndarray | None) -> Self:
        """Return the targets on the scale of a fit to these rows."""
        return self

    def on_scale_of(self, other: Self) -> Self:
        """Return the targets on the scale of others."""
        return self

    @property
    def class_labels(self) -> np.ndarray | None:
        """All classes; None where there are none, or rows have several."""
        return None

    @property
    def lacks_a_class(self) -> bool:
        """Whether some scores may say nothing of these rows, or have to be told the classes."""
        return False

    @abstractmethod
    def to_stratify(self, w: np.ndarray | None) -> np.ndarray:
        """Return what a splitter is given as y."""

    @property
    def strata(self) -> np.ndarray:
        """Which rows are of a kind, as numbers."""
        return np.zeros(len(self.codes), dtype=np.uint8)

    @property
    def n_strata(self) -> int:
        """How many kinds of rows a part should have."""
        return 1

    def least_share(self, w: np.ndarray | None) -> float:
        """Return the share of the weight that the least kind of rows has."""
        return 1.0

    def class_weights(self, w: np.ndarray | None) -> np.ndarray | None:
        """Return the weight of each class, or None where all are 1, or there are no classes."""
        return None

    @abstractmethod
    def means(self, w: np.ndarray | None) -> np.ndarray:
        """Return the weighted mean of each output unit's target, shape (n_outputs,)."""

    @property
    def is_constant(self) -> np.ndarray | None:
        """Which output units have one target for all rows, and learn nothing; None is none."""
        return None

    @abstractmethod
    def constant_cost(
        self, output: OutputUnits, predicted: np.ndarray, w: np.ndarray | None
    ) -> float:
        """Return the mean cost where these are always predicted."""

    @abstractmethod
    def for_units(self, dtype: DTypeLike) -> np.ndarray:
        """Return the targets as the output units take them."""

    @abstractmethod
    def matrix(self, piece: slice) -> np.ndarray:
        """Return the targets of some rows as numbers, a row per output unit."""


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
    # The sum of weights that are finite need not be.
    with rounding_in_silence():
        assert_all_finite(w, input_name=name)
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
