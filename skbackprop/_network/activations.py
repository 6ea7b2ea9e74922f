"""Hidden units: the activation g, in place, and its derivative g' as a function of a = g(z).

Back-propagation needs g'(z) only after the forward pass has turned z into a, so
every g' is written in terms of a, and no z is kept.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

# What a constructor takes: the keys of ACTIVATIONS.
ActivationName = Literal["logistic", "tanh", "relu", "identity"]


class Activation(NamedTuple):
    """One kind of hidden unit.

    Attributes
    ----------
    apply : callable
        ``apply(z)`` turns z into a = g(z), in place.
    multiply_by_derivative : callable
        ``multiply_by_derivative(delta, a)`` multiplies delta by g'(z), in place.
        It may use a as scratch space: back-propagation reads it for the last time here.
    centre : float
        Where the activations lie: the c of the centred coordinates (`coordinates`).
    initial_gain : float
        Bounds of the random starting weights, as a multiple of Glorot's.
    slope_at_zero : float
        g'(0); of relu, the mean of its two slopes.
    penalty_factor : float
        How many times the penalty of a logistic unit this one feels as strongly. Since
        tanh(t) = 2 g(2t) - 1, a logistic unit feels four times the penalty of a tanh unit.
    has_edge : bool
        Whether g' jumps: then J has edges, and its gradient may never become small.
    """

    apply: Callable[[np.ndarray], None]
    multiply_by_derivative: Callable[[np.ndarray, np.ndarray], None]
    centre: float
    initial_gain: float
    slope_at_zero: float
    penalty_factor: float
    has_edge: bool = False


def _logistic(z: np.ndarray) -> None:
    # exp(-z) may overflow to infinity, and 1 / (1 + inf) = 0 is then the right answer.
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)


def _multiply_by_logistic_derivative(delta: np.ndarray, a: np.ndarray) -> None:
    delta *= a
    np.subtract(1, a, out=a)
    delta *= a


def _tanh(z: np.ndarray) -> None:
    np.tanh(z, out=z)


def _multiply_by_tanh_derivative(delta: np.ndarray, a: np.ndarray) -> None:
    a *= a
    np.subtract(1, a, out=a)
    delta *= a


def _relu(z: np.ndarray) -> None:
    np.maximum(z, 0, out=z)


def _multiply_by_relu_derivative(delta: np.ndarray, a: np.ndarray) -> None:
    delta *= a > 0


def _identity(z: np.ndarray) -> None:
    pass


def _multiply_by_one(delta: np.ndarray, a: np.ndarray) -> None:
    pass


# The gains, found by measuring (docs/defaults.rst): within Glorot's bounds logistic units start
# too close to the saddle where all are alike, and some fits of two rings fail; with four times
# those, none.
ACTIVATIONS = {
    "logistic": Activation(_logistic, _multiply_by_logistic_derivative, 0.5, 4.0, 0.25, 1.0),
    "tanh": Activation(_tanh, _multiply_by_tanh_derivative, 0.0, 1.0, 1.0, 4.0),
    "relu": Activation(_relu, _multiply_by_relu_derivative, 0.0, 1.0, 0.5, 4.0, has_edge=True),
    "identity": Activation(_identity, _multiply_by_one, 0.0, 1.0, 1.0, 1.0),
}
