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
from scipy.sparse import issparse

from skbackprop._activations import Activation
from skbackprop._outputs import OutputUnits
from skbackprop._thetas import Layer


class Block(NamedTuple):
    """Some rows and the buffers that hold what back-propagation computes of them.

    Attributes
    ----------
    X : {ndarray, CSR array} of shape (n, s_1)
    ones : ndarray of int
        Positions of the targets that are 1 in the flattened (n, K) matrix of targets.
    w : ndarray of shape (n,) or None
        Weights of the rows; None where all are 1.
    a : list of ndarray
        a(2) .. a(L-1) and z(L), which becomes delta(L).
    delta : list of ndarray
        delta(2) .. delta(L-1).
    """

    X: Any
    ones: NDArray
    w: NDArray | None
    a: list[NDArray]
    delta: list[NDArray]


def row_buffers(sizes: Sequence[int], n_rows: int, dtype: DTypeLike) -> list[NDArray]:
    """Return a matrix of n_rows rows for each layer of these sizes."""
    return [np.empty((n_rows, size), dtype) for size in sizes]


def _times_transpose(a: Any, weights: NDArray, out: NDArray) -> None:
    if issparse(a):
        out[...] = a @ weights.T
    else:
        np.dot(a, weights.T, out=out)


def _transpose_times(delta: NDArray, a: Any) -> NDArray:
    return (a.T @ delta).T if issparse(a) else np.dot(delta.T, a)


class Network:
    """A fully connected network: the activation of each hidden layer, and the output units."""

    def __init__(self, activations: Sequence[Activation], output: OutputUnits) -> None:
        self.activations = list(activations)
        self.output = output

    def forward(self, thetas: Sequence[Layer], X: Any, a: Sequence[NDArray]) -> NDArray:
        """Fill a with a(2) .. a(L-1) and z(L) of the rows of X, and return z(L)."""
        a_l = X
        for l, (Theta, z) in enumerate(zip(thetas, a, strict=True)):
            _times_transpose(a_l, Theta.weights, z)
            z += Theta.bias
            if l < len(self.activations):
                self.activations[l].apply(z)
            a_l = z
        return a_l

    def add_gradient(self, thetas: Sequence[Layer], block: Block, Delta: Sequence[Layer]) -> float:
        """Add the block's gradient sums to Delta, and return the sum of its costs."""
        z = self.forward(thetas, block.X, block.a)
        cost = self.output.cost_and_delta(z, block.ones, block.w)
        a = [block.X, *block.a[:-1]]
        deltas = [*block.delta, z]
        for l in reversed(range(len(thetas))):
            delta = deltas[l]
            Delta[l].bias[...] += delta.sum(axis=0)
            Delta[l].weights[...] += _transpose_times(delta, a[l])
            if l > 0:
                np.dot(delta, thetas[l].weights, out=deltas[l - 1])
                self.activations[l - 1].multiply_by_derivative(deltas[l - 1], a[l])
        return cost
