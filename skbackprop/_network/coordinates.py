"""Centred coordinates: what the solver sees in place of the Thetas.

In place of the bias b of a unit, the solver sees

    b' = b + weights . c,      so that      z = weights . a + b = weights . (a - c) + b',

with c near the mean of the layer's inputs a; and for output units that are balanced at other logits
than 0, b' less these. The biases are not penalised, so J is the
same function in other coordinates; by the chain rule its gradient there is

    dJ/db' = dJ/db,      dJ/dweights (b' fixed) = dJ/dweights (b fixed) - dJ/db c^T.

A change of the weights no longer drags the mean of z along, which makes the curvature
more even and spares L-BFGS and CG many evaluations. X itself is never touched.

This is the only place where the solver's vector and matrices meet.
"""

from collections.abc import Sequence

import numpy as np

from skbackprop._network.activations import ACTIVATIONS
from skbackprop._network.network import Network
from skbackprop._network.thetas import Shapes, Thetas


class CentredCoordinates:
    """Three maps: Thetas to vector and back, D to the gradient that the solver sees.

    All are of unrolled float64 arrays. Not for several threads at a time.

    Parameters
    ----------
    shapes : list of tuple
        Shapes of the Thetas.
    centres : sequence of ndarray
        c for each Theta, of shape (s_l,).
    logits : ndarray of shape (K,) or float, default=0.0
        Those at which the output units are balanced.
    """

    def __init__(
        self, shapes: Shapes, centres: Sequence[np.ndarray], logits: np.ndarray | float = 0.0
    ) -> None:
        # The views are bound once. A gradient's column 0 is its own: there c is 0.
        scratch = Thetas.empty(shapes, np.float64)
        self._scratch = scratch.vector
        self._output_bias, self._logits = scratch.layers[-1].bias, logits
        self._parts = [
            (layer.bias, layer.weights, c) for layer, c in zip(scratch.layers, centres, strict=True)
        ]
        self._product = np.empty(max(s_out * columns for s_out, columns in shapes))
        self._products = [
            (layer.matrix, layer.matrix[:, :1], np.append(0.0, c), self._room(layer.matrix.shape))
            for layer, c in zip(scratch.layers, centres, strict=True)
        ]

    def x_from_thetas(self, thetas: np.ndarray) -> np.ndarray:
        """Return the solver's vector."""
        self._scratch[...] = thetas
        for bias, weights, c in self._parts:
            bias += weights.dot(c)
        self._output_bias -= self._logits
        return self._scratch.copy()

    def thetas_from_x(self, x: np.ndarray) -> np.ndarray:
        """Return the Thetas, good until the next call."""
        self._scratch[...] = x
        for bias, weights, c in self._parts:
            bias -= weights.dot(c)
        self._output_bias += self._logits
        return self._scratch

    def gradient_from_D(self, D: np.ndarray) -> np.ndarray:
        """Return the gradient that the solver sees, a fresh array."""
        self._scratch[...] = D
        for matrix, bias, c, product in self._products:
            matrix -= np.multiply(bias, c, out=product)
        return self._scratch.copy()

    def _room(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return room for a product, shared by the layers."""
        return self._product[: shape[0] * shape[1]].reshape(shape)


def centred_coordinates(
    network: Network, mean: np.ndarray, logits: np.ndarray | float = 0.0
) -> CentredCoordinates:
    """Return coordinates centred at about where the inputs of each layer lie.

    Parameters
    ----------
    network : Network
    mean : ndarray of shape (n_features,)
        Of X. The inputs of the other layers are centred at a constant that the activation gives.
    logits : ndarray of shape (n_outputs,) or float, default=0.0
        Those at which the output units are balanced.
    """
    hidden = zip(network.layer_sizes[1:-1], network.activations, strict=True)
    centres = [np.full(size, ACTIVATIONS[name].centre) for size, name in hidden]
    return CentredCoordinates(network.shapes, [mean, *centres], logits)


def uncentred_coordinates(network: Network) -> CentredCoordinates:
    """Return those of the Thetas themselves, in which the gradient is D."""
    return CentredCoordinates(network.shapes, [np.zeros(s_in) for s_in in network.layer_sizes[:-1]])
