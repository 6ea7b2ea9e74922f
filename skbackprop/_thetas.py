"""The parameter matrices: their shapes, their random start, and the vector they unroll to.

Theta[l] has shape (s_{l+1}, s_l + 1): one row per unit, the bias in column 0.
"""

import reprlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

Shapes = list[tuple[int, int]]


def theta_shapes(layer_sizes: Sequence[int]) -> Shapes:
    """Return the shape of every Theta of a network with these numbers of units."""
    return [(s_out, s_in + 1) for s_in, s_out in pairwise(layer_sizes)]


def random_thetas(
    shapes: Shapes, gains: Sequence[float], random_state: np.random.RandomState
) -> list[NDArray]:
    """Return Thetas with weights uniform within gain * sqrt(6 / (in + out)) and no bias.

    The bounds are those of Glorot and Bengio, "Understanding the difficulty of training
    deep feedforward neural networks", AISTATS 2010, times the gain of the layer.
    """
    thetas = []
    for (s_out, columns), gain in zip(shapes, gains, strict=True):
        bound = gain * np.sqrt(6 / (columns - 1 + s_out))
        Theta = random_state.uniform(-bound, bound, size=(s_out, columns))
        Theta[:, 0] = 0
        thetas.append(Theta)
    return thetas


def check_thetas(name: str, given: Sequence[Any], shapes: Shapes) -> list[NDArray]:
    """Return Thetas that a user gave as float64 arrays.

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
    thetas = []
    for l, (value, shape) in enumerate(zip(given, shapes, strict=True)):
        shown = reprlib.repr(value)
        try:
            Theta = np.asarray(value)
            if np.iscomplexobj(Theta):
                raise TypeError("complex numbers")
            Theta = Theta.astype(np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{name}[{l}] must be an array of numbers, got {shown}") from None
        if Theta.shape != shape:
            raise ValueError(f"{name}[{l}] must have shape {shape}, got {Theta.shape}: {shown}")
        thetas.append(check_array(Theta, input_name=f"{name}[{l}]"))
    return thetas


def unroll(thetas: Sequence[NDArray]) -> NDArray:
    """Return the Thetas as one float64 vector."""
    return np.concatenate([Theta.ravel() for Theta in thetas]).astype(np.float64)


def roll(vector: NDArray, shapes: Shapes) -> list[NDArray]:
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


class Layer(NamedTuple):
    """A Theta, or the sums Delta that belong to it, with views of its two parts.

    Attributes
    ----------
    matrix : ndarray of shape (s_{l+1}, s_l + 1)
        Theta.
    bias : ndarray of shape (s_{l+1},)
        Theta[:, 0].
    weights : ndarray of shape (s_{l+1}, s_l)
        Theta[:, 1:].
    """

    matrix: NDArray
    bias: NDArray
    weights: NDArray


def layers_of(thetas: Sequence[NDArray]) -> list[Layer]:
    """Return every Theta with views of its bias and its weights."""
    return [Layer(Theta, Theta[:, 0], Theta[:, 1:]) for Theta in thetas]
