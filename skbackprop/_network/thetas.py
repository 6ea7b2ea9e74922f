"""The parameter matrices: their shapes, their random start, and the vector they unroll to.

Theta[l] has shape (s_{l+1}, s_l + 1): one row per unit, the bias in column 0.
"""

import reprlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike
from sklearn.utils import check_array

Shapes = list[tuple[int, int]]


def theta_shapes(layer_sizes: Sequence[int]) -> Shapes:
    """Return the shape of every Theta of a network with these numbers of units."""
    return [(s_out, s_in + 1) for s_in, s_out in pairwise(layer_sizes)]


class Layer(NamedTuple):
    """A Theta with views of its two parts.

    Attributes
    ----------
    matrix : ndarray of shape (s_{l+1}, s_l + 1)
        Theta.
    bias : ndarray of shape (s_{l+1},)
        Theta[:, 0].
    weights : ndarray of shape (s_{l+1}, s_l)
        Theta[:, 1:].
    """

    matrix: np.ndarray
    bias: np.ndarray
    weights: np.ndarray


class Thetas:
    """Matrices as views of one unrolled vector: the Thetas, or the sums Delta of their shapes.

    Parameters
    ----------
    vector : ndarray of shape (n_parameters,)
    shapes : list of tuple

    Attributes
    ----------
    layers : list of Layer
    """

    def __init__(self, vector: np.ndarray, shapes: Shapes) -> None:
        self.vector, self.shapes = vector, shapes
        self.layers = [Layer(Theta, Theta[:, 0], Theta[:, 1:]) for Theta in roll(vector, shapes)]

    @classmethod
    def empty(cls, shapes: Shapes, dtype: DTypeLike) -> Self:
        """Return matrices whose elements are to be set."""
        return cls(np.empty(count_parameters(shapes), dtype), shapes)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the vector once."""
        return type(self), (self.vector, self.shapes)

    def astype(self, dtype: DTypeLike) -> "Thetas":
        """Return the same in this type, read-only."""
        if self.dtype == dtype:
            return self
        vector = self.vector.astype(dtype)
        vector.flags.writeable = False
        return Thetas(vector, self.shapes)

    @property
    def matrices(self) -> list[np.ndarray]:
        """Each Theta."""
        return [layer.matrix for layer in self.layers]

    @property
    def dtype(self) -> np.dtype:
        """That of the elements."""
        return self.vector.dtype


def random_thetas(
    shapes: Shapes, gains: Sequence[float], random_state: np.random.RandomState
) -> Thetas:
    """Return Thetas with weights uniform within gain * sqrt(6 / (in + out)) and no bias.

    The bounds are those of Glorot and Bengio, "Understanding the difficulty of training
    deep feedforward neural networks", AISTATS 2010, times the gain of the layer.
    """
    thetas = Thetas.empty(shapes, np.float64)
    for Theta, gain in zip(thetas.matrices, gains, strict=True):
        s_out, columns = Theta.shape
        bound = gain * np.sqrt(6 / (columns - 1 + s_out))
        Theta[...] = random_state.uniform(-bound, bound, size=Theta.shape)
        Theta[:, 0] = 0
    return thetas


def check_thetas(name: str, given: Sequence[Any], shapes: Shapes) -> Thetas:
    """Return Thetas that a user gave, in float64.

    Parameters
    ----------
    name : str
        What the errors call them.
    given : sequence of array-like
        One for each shape.
    shapes : list of tuple
        The shapes that they must have.

    Raises
    ------
    ValueError
        If their number or a shape is wrong, or they do not hold finite real numbers.
    """
    if len(given) != len(shapes):
        raise ValueError(f"{name} must hold {len(shapes)} arrays, got {len(given)}")
    matrices = []
    for l, (value, shape) in enumerate(zip(given, shapes, strict=True)):
        shown = reprlib.repr(value)
        try:
            Theta = real_numbers(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{name}[{l}] must be an array of numbers, got {shown}") from None
        if Theta.shape != shape:
            raise ValueError(f"{name}[{l}] must have shape {shape}, got {Theta.shape}: {shown}")
        matrices.append(check_array(Theta, input_name=f"{name}[{l}]"))
    return Thetas(unroll(matrices), shapes)


def real_numbers(value: Any) -> np.ndarray:
    """Return an array of real numbers in float64.

    Raises
    ------
    TypeError, ValueError or OverflowError
        If the value is something else.
    """
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise TypeError("got masked values")
    array = np.asarray(value)
    # As objects, numpy would take these for numbers, too.
    others = str | bytes | np.timedelta64
    if array.dtype.kind not in "biufO" or (
        array.dtype.kind == "O" and any(isinstance(item, others) for item in array.flat)
    ):
        raise TypeError(f"got an array of {array.dtype}")
    with np.errstate(over="ignore"):  # what is too large becomes infinity
        return array.astype(np.float64)


def unroll(thetas: Sequence[np.ndarray]) -> np.ndarray:
    """Return the Thetas as one float64 vector."""
    return np.concatenate([Theta.ravel() for Theta in thetas]).astype(np.float64)


def roll(vector: np.ndarray, shapes: Shapes) -> list[np.ndarray]:
    """Return the Thetas of an unrolled vector, as views of it."""
    thetas, start = [], 0
    for s_out, columns in shapes:
        end = start + s_out * columns
        thetas.append(vector[start:end].reshape(s_out, columns))
        start = end
    return thetas


def count_parameters(shapes: Sequence[tuple[int, ...]]) -> int:
    """Return the number of elements of Thetas of these shapes."""
    return sum(s_out * columns for s_out, columns in shapes)
