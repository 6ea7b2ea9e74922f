"""Targets that are numbers: y on the scale of a fit, and the way back."""

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import column_or_1d

from skbackprop._machine.threads import rounding_in_silence
from skbackprop._network.outputs import NUMBER_UNITS, NumberUnits, OutputUnits
from skbackprop._network.thetas import Thetas
from skbackprop._rows.targets import Targets, check_sample_weight

# The greatest count: from here on, float64 does not hold every whole number.
MOST_COUNT = 2.0**53


class Numbers(NamedTuple):
    """The scale of a fit: codes are (y - mean) / scale.

    Attributes
    ----------
    mean, scale : ndarray of shape (n_outputs,)
        Zeros and ones where y is taken as it is.
    is_column : bool
        Whether y has shape (m,).
    """

    mean: np.ndarray
    scale: np.ndarray
    is_column: bool

    @property
    def null_prediction(self) -> str:
        """What a network that has learned nothing of X predicts."""
        return "the mean of y"

    @property
    def n_outputs(self) -> int:
        """Number of output units: one per column of y."""
        return len(self.mean)

    def output_units(self, out_activation: str) -> NumberUnits:
        """Return output units of that kind."""
        return NUMBER_UNITS[out_activation]

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Return numbers on this scale."""
        # In units of a power of two, no difference overflows and no tiny number loses its bits.
        _, exponents = np.frexp(np.maximum(np.abs(self.mean), self.scale))
        mean, scale = np.ldexp(self.mean, -exponents), np.ldexp(self.scale, -exponents)
        return (np.ldexp(y, -exponents) - mean) / scale

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return the numbers that codes stand for, clipped to the finite ones, in float64."""
        with np.errstate(over="ignore"):
            y = self.mean + self.scale * codes.astype(np.float64, copy=False)
            if not math.isfinite(np.vdot(y, y)):
                greatest = np.finfo(np.float64).max
                y = np.clip(y, -greatest, greatest)
        return y[:, 0] if self.is_column else y

    def converted(self, thetas: Thetas, other: "Numbers") -> Thetas:
        """Return Thetas that predict on this scale what the given ones do on another."""
        same = Thetas(thetas.vector.astype(np.float64), thetas.shapes)
        output = same.layers[-1]
        with np.errstate(over="ignore", invalid="ignore"):
            output.matrix[...] *= (other.scale / self.scale)[:, np.newaxis]
            output.bias[...] += (other.mean - self.mean) / self.scale
        return same

    def to_state(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"mean": self.mean, "scale": self.scale, "is_column": self.is_column}


@dataclass(frozen=True, eq=False)
class NumberTargets(Targets):
    """Numbers in float64, a column per output.

    Attributes
    ----------
    numbers : Numbers
        The scale that they are on.
    has_scale : bool
        Whether a fit has one of its own; else y is taken as it is.
    ends : ndarray of shape (2, n_outputs) or None, default=None
        The least and the greatest number of each column as given; None where nobody asked.
    """

    numbers: Numbers
    has_scale: bool
    ends: np.ndarray | None = None

    # Found by measuring (benchmarks/regression.py): twice as quick, and no penalty chosen worse.
    ranks_in_single_precision = True

    @property
    def kind(self) -> Numbers:
        """The scale that they are on."""
        return self.numbers

    def standardised(self, w: np.ndarray | None) -> Self:
        """Return numbers that are as given less their weighted mean, in standard deviations."""
        if not self.has_scale:
            return self
        moments = moments_of(self.codes, None, shares_of(w, len(self.codes)))
        numbers = scale_from(*moments, self.numbers.is_column)
        return replace(self, codes=numbers.encode(self.codes), numbers=numbers)

    def encoded(self, y: Any, w: np.ndarray | None, name: str) -> Self:
        """Return other numbers on the same scale."""
        codes, _ = _columns(y, "squared_error" if self.has_scale else "poisson", name)
        if codes.shape[1] != self.codes.shape[1]:
            raise ValueError(
                f"{name} must have as many outputs as the fit had, {self.codes.shape[1]}; "
                f"got {codes.shape[1]}"
            )
        if not self.has_scale:
            check_counts(codes if w is None else codes[w > 0], name)
            return self.with_codes(codes)
        taken = codes if w is None else codes[w > 0]
        ends = [taken.min(axis=0, initial=np.inf), taken.max(axis=0, initial=-np.inf)]
        with np.errstate(over="ignore"):  # beyond the numbers on this scale: so is their cost
            return replace(self, codes=self.numbers.encode(codes), ends=np.array(ends))

    @property
    def as_given(self) -> np.ndarray:
        """The numbers as the user had them, but for rounding: a count of 0 is never below."""
        y = self.numbers.decode(self.codes)
        if self.ends is None:
            return y
        return np.clip(y, *(self.ends[:, 0] if self.numbers.is_column else self.ends))

    def on_scale_of(self, other: Self) -> Self:
        """Return numbers as given on the scale of others."""
        if not self.has_scale:
            return self
        codes, numbers = other.numbers.encode(self.codes), other.numbers
        return replace(self, codes=codes, numbers=numbers)

    def to_stratify(self, w: np.ndarray | None) -> np.ndarray:
        """Return the numbers."""
        return self.as_given

    def means(self, w: np.ndarray | None) -> np.ndarray:
        """Return the weighted mean of each column."""
        means = shares_of(w, len(self.codes)) @ self.codes
        return np.clip(means, self.codes.min(axis=0), self.codes.max(axis=0))  # however rounded

    @property
    def is_constant(self) -> np.ndarray:
        """Which columns have one number for all rows."""
        return self.codes.min(axis=0) == self.codes.max(axis=0)

    def constant_cost(
        self, output: OutputUnits, predicted: np.ndarray, w: np.ndarray | None
    ) -> float:
        """Return the mean cost where these means are always predicted."""
        z = np.broadcast_to(output.start(predicted), self.codes.shape)
        return -float(shares_of(w, len(z)) @ output.log_likelihood(z, self.codes))

    def for_units(self, dtype: DTypeLike) -> np.ndarray:
        """Return the numbers, a row per output unit."""
        return np.ascontiguousarray(self.codes.T, dtype)

    def matrix(self, piece: slice) -> np.ndarray:
        """Return those of some rows, a row per output unit."""
        return self.codes[piece].T


def shares_of(w: np.ndarray | None, m: int) -> np.ndarray:
    """Return the share of each row in the weight of all."""
    if w is None:
        return np.full(m, 1 / m)
    shares = w / w.max()
    return shares / shares.sum()


def moments_of(
    means: np.ndarray, deviations: np.ndarray | None, shares: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of groups of numbers; a number is a group, too.

    Parameters
    ----------
    means : ndarray of shape (n_groups, n_outputs)
        Of each group.
    deviations : ndarray of shape (n_groups, n_outputs) or None
        The standard deviation within each; None where each is a number.
    shares : ndarray of shape (n_groups,)
        Of each in the weight of all.

    Returns
    -------
    mean, deviation : ndarray of shape (n_outputs,)
        Of all groups together. Of a constant, itself and 0.
    """
    # In units of a power of two near the greatest, no square over- or underflows.
    greatest = np.abs(means).max(axis=0)
    if deviations is not None:
        greatest = np.maximum(greatest, deviations.max(axis=0))
    _, exponents = np.frexp(greatest)
    y = np.ldexp(means, -exponents)
    mean = shares @ y
    mean += shares @ (y - mean)  # what the first sum has rounded off
    y -= mean
    # Less what the mean, a float, is off by.
    squares = y**2
    if deviations is not None:
        squares += np.ldexp(deviations, -exponents) ** 2
    deviation = np.sqrt(np.maximum(shares @ squares - (shares @ y) ** 2, 0))
    # Rounded, that of the greatest numbers may be more than the greatest.
    deviation = np.minimum(deviation, 1 - np.finfo(np.float64).epsneg)
    return np.ldexp(mean, exponents), np.ldexp(deviation, exponents)


def scale_from(mean: np.ndarray, deviation: np.ndarray, is_column: bool) -> Numbers:
    """Return the scale of a fit to numbers of these moments: that of a constant is 1."""
    return _read_only(Numbers(mean, np.where(deviation > 0, deviation, 1.0), is_column))


def _read_only(numbers: Numbers) -> Numbers:
    for array in (numbers.mean, numbers.scale):
        array.flags.writeable = False
    return numbers


def no_numbers(numbers: Numbers, has_scale: bool) -> NumberTargets:
    """Return targets of no row, to encode others on their scale."""
    return NumberTargets(np.empty((0, numbers.n_outputs)), numbers, has_scale)


def encode_numbers(
    y: Any, sample_weight: Any, loss: str
) -> tuple[NumberTargets, np.ndarray | None]:
    """Encode targets that are numbers, and check the weights.

    Parameters
    ----------
    y : array-like or sparse matrix of shape (n_samples,) or (n_samples, n_outputs)
        Validated, and finite.
    sample_weight : array-like of shape (n_samples,), float or None
        As given by the user.
    loss : {"squared_error", "poisson"}
        Poisson takes y as it is; a single column, with scikit-learn's warning, as a vector.

    Returns
    -------
    targets : NumberTargets
        As given: not yet on the scale of a fit.
    w : ndarray of shape (n_samples,) or None
        Sample weights. None where all are 1.

    Raises
    ------
    ValueError
        If a weight is not valid, or y is not fit for Poisson.
    """
    targets = numbers_as_given(y, loss)
    w = check_sample_weight(sample_weight, len(targets.codes))
    if loss == "poisson":
        counts = targets.codes if w is None else targets.codes[w > 0]
        check_counts(counts, "y")
        check_sums(counts)
    return targets, w


def numbers_as_given(y: Any, loss: str) -> NumberTargets:
    """Return targets that are numbers, unchecked; see `encode_numbers`."""
    codes, is_column = _columns(y, loss, "y")
    return NumberTargets(codes, as_they_are(codes.shape[1], is_column), loss == "squared_error")


def as_they_are(n_outputs: int, is_column: bool) -> Numbers:
    """Return the scale of numbers that are taken as they are."""
    return _read_only(Numbers(np.zeros(n_outputs), np.ones(n_outputs), is_column))


def check_sums(counts: np.ndarray) -> None:
    """Raise an error where a column of counts has only 0."""
    if not counts.any(axis=0).all():
        raise ValueError(
            "y must have a positive sum where loss='poisson': got only 0 in a column of the "
            "rows of positive weight"
        )


def finite_numbers(y: Any, name: str) -> np.ndarray:
    """Return y as an array of float64 in C order: in whichever it is, its sums round alike.

    Raises
    ------
    ValueError
        If it does not hold finite numbers.
    """
    try:
        y = np.asarray(y.toarray() if issparse(y) else y)
        if y.dtype.kind == "c":
            raise TypeError("got complex ones")
        with np.errstate(over="ignore"):  # what is too large becomes infinity
            y = y.astype(np.float64, order="C", copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must hold numbers: {error}") from None
    # The sum of numbers that are finite need not be.
    with rounding_in_silence():
        check_array(y, ensure_2d=False, ensure_min_samples=0, input_name=name)
    return y


def _columns(y: Any, loss: str, name: str) -> tuple[np.ndarray, bool]:
    """Return y in float64, a column per output, and whether it was a vector."""
    y = finite_numbers(y, name)
    if loss == "poisson" and y.shape[1:] == (1,):
        y = column_or_1d(y, warn=True)
    return (y if y.ndim == 2 else y[:, np.newaxis]) + 0.0, y.ndim == 1  # -0.0 becomes 0.0


def check_counts(y: np.ndarray, name: str) -> None:
    if y.min() < 0:
        raise ValueError(f"{name} must hold numbers >= 0 where loss='poisson': got {y.min()}")
    if y.max() > MOST_COUNT:
        raise ValueError(
            f"{name} must hold numbers up to 2**53 where loss='poisson', got {y.max()}: choose "
            "another unit"
        )
