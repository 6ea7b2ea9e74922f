"""Back-propagation over one block of rows: the lecture's formulas, a row of X at a time or many.

With row vectors for the examples, and a(1) = X:

    z(l+1) = a(l) Theta(l)[:, 1:]^T + Theta(l)[:, 0]        a(l+1) = g(z(l+1))
    delta(L) = H(z(L)) - y
    Delta(l) = Delta(l) + delta(l+1)^T [1, a(l)]
    delta(l) = delta(l+1) Theta(l)[:, 1:] .* g'(z(l))       l = L-1 .. 2

Source: D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning representations by
back-propagating errors", Nature 323, 1986; in the notation of A. Ng's machine learning course.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skbackprop._activations import Activation
from skbackprop._outputs import OutputUnits
from skbackprop._thetas import Layer


class Block(NamedTuple):
    """Targets of some rows, and buffers for what back-propagation computes of them.

    Attributes
    ----------
    ones : ndarray of int
        Positions of the targets that are 1 in the flattened (n, K) matrix of targets.
    w : ndarray of shape (n,) or None
        Weights of the rows; None where all are 1.
    summing : ndarray of shape (n,)
        Ones: their product with a matrix is the sum of its rows, faster than `sum`.
    a : list of ndarray
        a(2) .. a(L-1) and z(L), which becomes delta(L).
    delta : list of ndarray
        delta(2) .. delta(L-1).
    """

    ones: NDArray
    w: NDArray | None
    summing: NDArray
    a: list[NDArray]
    delta: list[NDArray]


def row_buffers(sizes: Sequence[int], n_rows: int, dtype: DTypeLike) -> list[NDArray]:
    """Return a matrix of n_rows rows for each layer of these sizes."""
    return [np.empty((n_rows, size), dtype) for size in sizes]


class Network:
    """A fully connected network: the activation of each hidden layer, and the output units."""

    def __init__(self, activations: Sequence[Activation], output: OutputUnits) -> None:
        self.activations = list(activations)
        self.output = output

    def forward(self, thetas: Sequence[Layer], X: Any, a: Sequence[NDArray]) -> NDArray:
        """Fill a with a(2) .. a(L-1) and z(L) of the rows of X, and return z(L)."""
        *hidden, (bias, weights) = thetas
        a_l = X
        for Theta, g, z in zip(hidden, self.activations, a, strict=False):
            _dot(a_l, Theta.weights.T, z)
            z += Theta.bias
            g.apply(z)
            a_l = z
        z = a[-1]
        _dot(a_l, weights.T, z)
        z += bias
        return z

    def cost_and_gradient(
        self, thetas: Sequence[Layer], X: Any, block: Block, Delta: Sequence[Layer]
    ) -> float:
        """Return the sum of the block's costs, and set Delta to its gradient sums."""
        delta = self.forward(thetas, X, block.a)
        cost = self.output.cost_and_delta(delta, block.ones, block.w)
        for l in range(len(thetas) - 1, 0, -1):
            a = block.a[l - 1]
            _set_sums(Delta[l], delta, a, block.summing)
            delta = np.dot(delta, thetas[l].weights, out=block.delta[l - 1])
            self.activations[l - 1].multiply_by_derivative(delta, a)
        _set_sums(Delta[0], delta, X, block.summing)
        return cost


def _dot(a: Any, b: NDArray, out: NDArray) -> None:
    if isinstance(a, np.ndarray):
        np.dot(a, b, out=out)
    else:
        out[...] = a @ b


def _set_sums(Delta: Layer, delta: NDArray, a: Any, summing: NDArray) -> None:
    """Set Delta to the sum over the rows of delta^T [1, a]."""
    np.dot(summing, delta, out=Delta.bias)
    if isinstance(a, np.ndarray):
        np.dot(delta.T, a, out=Delta.weights)
    else:
        Delta.weights[...] = (a.T @ delta).T
