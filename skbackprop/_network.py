"""Back-propagation over one block of rows: the lecture's formulas, a column per example.

An example is a column, as in the lecture, and a block of them the columns of a matrix; only X
has its examples in rows. With a(1) = X^T, and above every a(l) a row of ones, the bias unit:

    z(l+1) = Theta(l) [1; a(l)]                             a(l+1) = g(z(l+1))
    delta(L) = H(z(L)) - y
    Delta(l) = Delta(l) + delta(l+1) [1; a(l)]^T
    delta(l) = Theta(l)[:, 1:]^T delta(l+1) .* g'(z(l))     l = L-1 .. 2

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


class Units(NamedTuple):
    """Buffers for the units' values, a column for each of n rows of X.

    Attributes
    ----------
    a : list of ndarray of shape (s_l + 1, n)
        a(2) .. a(L-1), each below the bias unit: a row of ones.
    z : list of ndarray of shape (s_l, n)
        z(2) .. z(L). Those of hidden layers are views of a: g is applied in place.
    """

    a: list[NDArray]
    z: list[NDArray]


def make_units(sizes: Sequence[int], n_rows: int, dtype: DTypeLike) -> Units:
    """Return buffers for the hidden and output layers of these sizes."""
    a = [np.empty((size + 1, n_rows), dtype) for size in sizes[:-1]]
    for a_l in a:
        a_l[0] = 1
    return Units(a, [*(a_l[1:] for a_l in a), np.empty((sizes[-1], n_rows), dtype)])


class Block(NamedTuple):
    """Targets of some rows.

    Attributes
    ----------
    ones : ndarray of int
        Positions of the targets that are 1 in the flattened (K, n) matrix of targets.
    w : ndarray of shape (n,) or None
        Weights of the rows; None where all are 1.
    """

    ones: NDArray
    w: NDArray | None


class Buffers(NamedTuple):
    """Buffers for what back-propagation computes of n rows of X.

    Attributes
    ----------
    units : Units
        For the forward pass; z(L) becomes delta(L).
    delta : list of ndarray of shape (s_l, n)
        delta(2) .. delta(L-1).
    bias_unit : ndarray of shape (n,)
        Ones, above X^T.
    """

    units: Units
    delta: list[NDArray]
    bias_unit: NDArray


def make_buffers(sizes: Sequence[int], n_rows: int, dtype: DTypeLike) -> Buffers:
    """Return buffers for the hidden and output layers of these sizes."""
    delta = [np.empty((size, n_rows), dtype) for size in sizes[:-1]]
    return Buffers(make_units(sizes, n_rows, dtype), delta, np.ones(n_rows, dtype))


class Network:
    """A fully connected network: the activation of each hidden layer, and the output units."""

    def __init__(self, activations: Sequence[Activation], output: OutputUnits) -> None:
        self.activations = list(activations)
        self.output = output

    def forward(self, thetas: Sequence[Layer], X: Any, units: Units) -> NDArray:
        """Fill the units with z(2), a(2) .. z(L) of the rows of X, and return z(L)."""
        z = units.z[0]
        _set_product(z, thetas[0].weights, X)
        z += thetas[0].bias[:, np.newaxis]
        for g, Theta, a, z_next in zip(
            self.activations, thetas[1:], units.a, units.z[1:], strict=True
        ):
            g.apply(z)
            z = np.dot(Theta.matrix, a, out=z_next)
        return z

    def cost_and_gradient(
        self,
        thetas: Sequence[Layer],
        X: Any,
        block: Block,
        buffers: Buffers,
        Delta: Sequence[Layer],
    ) -> float:
        """Return the sum of the block's costs, and set Delta to its gradient sums."""
        a, z = buffers.units
        delta = self.forward(thetas, X, buffers.units)
        cost = self.output.cost_and_delta(delta, block.ones, block.w)
        for l in range(len(thetas) - 1, 0, -1):
            np.dot(delta, a[l - 1].T, out=Delta[l].matrix)
            delta = np.dot(thetas[l].weights.T, delta, out=buffers.delta[l - 1])
            self.activations[l - 1].multiply_by_derivative(delta, z[l - 1])
        Delta[0].bias[...] = delta.dot(buffers.bias_unit)
        _set_sums(Delta[0].weights, delta, X)
        return cost


def _set_product(z: NDArray, weights: NDArray, X: Any) -> None:
    """Set z to weights X^T."""
    if isinstance(X, np.ndarray):
        np.dot(weights, X.T, out=z)
    else:
        z[...] = (X @ weights.T).T


def _set_sums(Delta: NDArray, delta: NDArray, X: Any) -> None:
    """Set Delta to delta X, the sum over the rows."""
    if isinstance(X, np.ndarray):
        np.matmul(delta, X, out=Delta)
    else:
        Delta[...] = (X.T @ delta.T).T
