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
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from skbackprop._network.activations import ACTIVATIONS
from skbackprop._network.outputs import OutputUnits
from skbackprop._network.thetas import Shapes, Thetas, random_thetas, theta_shapes


class Block(NamedTuple):
    """Some rows.

    Attributes
    ----------
    X : {ndarray, CSR array} of shape (n, n_features)
    y : ndarray
        Their targets, as the output units take them.
    w : ndarray of shape (n,) or None
        Their weights; None where all are 1.
    """

    X: Any
    y: np.ndarray
    w: np.ndarray | None


class Workspace:
    """Buffers for what the network computes of n rows of X, a column for each.

    Parameters
    ----------
    shapes : list of tuple
        Shapes of the Thetas.
    n_rows : int
    dtype : dtype

    Attributes
    ----------
    with_bias : list of ndarray of shape (s_l + 1, n)
        [1; a(2)] .. [1; a(L-1)]: the activations below the bias unit.
    a : list of ndarray of shape (s_l, n)
        The activations themselves, as views.
    z : list of ndarray of shape (s_l, n)
        z(2) .. z(L): where the activations will stand, and the logits.
    """

    def __init__(self, shapes: Shapes, n_rows: int, dtype: DTypeLike) -> None:
        self.shapes, self.n_rows, self.dtype = shapes, n_rows, dtype
        *hidden, K = (s_out for s_out, _ in shapes)
        self.with_bias = [np.empty((s + 1, n_rows), dtype) for s in hidden]
        for with_bias in self.with_bias:
            with_bias[0] = 1
        self.a = [with_bias[1:] for with_bias in self.with_bias]
        self.z = [*self.a, np.empty((K, n_rows), dtype)]

    @cached_property
    def delta(self) -> list[np.ndarray]:
        """delta(2) .. delta(L-1), of shape (s_l, n)."""
        return [np.empty(a.shape, self.dtype) for a in self.a]

    @cached_property
    def ones(self) -> np.ndarray:
        """The bias unit of the first layer, of shape (n,)."""
        return np.ones(self.n_rows, self.dtype)

    @cached_property
    def Delta(self) -> Thetas:
        """The gradient sums of the rows."""
        return Thetas.empty(self.shapes, self.dtype)


class Network:
    """A fully connected network: how many units, of which kinds.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units of every layer, input and output included.
    activations : sequence of str
        Name of the activation of each hidden layer.
    output : OutputUnits

    Attributes
    ----------
    shapes : list of tuple
        Shapes of the Thetas.
    has_edges : bool
        Whether J has, as a function of the Thetas: of relu units.
    """

    def __init__(
        self, layer_sizes: Sequence[int], activations: Sequence[str], output: OutputUnits
    ) -> None:
        self.layer_sizes = tuple(layer_sizes)
        self.activations = tuple(activations)
        self.output = output
        self.shapes = theta_shapes(layer_sizes)
        self._hidden_units = [ACTIVATIONS[name] for name in activations]
        self.has_edges = any(units.has_edge for units in self._hidden_units)

    def random_thetas(self, random_state: np.random.RandomState) -> Thetas:
        """Return random Thetas without biases."""
        gains = [units.initial_gain for units in self._hidden_units]
        gains.append(gains[-1] if gains else 1.0)
        return random_thetas(self.shapes, gains, random_state)

    def forward(self, thetas: Thetas, X: Any, workspace: Workspace) -> np.ndarray:
        """Return z(L) of the rows of X, and leave their activations in the workspace."""
        Theta, z = thetas.layers, workspace.z[0]
        if isinstance(X, np.ndarray):
            np.dot(Theta[0].weights, X.T, out=z)
        else:
            z[...] = (X @ Theta[0].weights.T).T
        z += Theta[0].bias[:, np.newaxis]
        for l, units in enumerate(self._hidden_units):
            units.apply(z)  # in place: it is a now
            z = np.dot(Theta[l + 1].matrix, workspace.with_bias[l], out=workspace.z[l + 1])
        return z

    def cost_and_gradient(
        self, thetas: Thetas, block: Block, workspace: Workspace, Delta: Thetas
    ) -> float:
        """Return the sum of the block's costs, and set Delta to its gradient sums."""
        Theta, sums, X = thetas.layers, Delta.layers, block.X
        z = self.forward(thetas, X, workspace)
        cost, delta = self.output.cost_and_delta(z, block.y, block.w)
        for l in range(len(Theta) - 1, 0, -1):
            np.dot(delta, workspace.with_bias[l - 1].T, out=sums[l].matrix)
            delta = np.dot(Theta[l].weights.T, delta, out=workspace.delta[l - 1])
            self._hidden_units[l - 1].multiply_by_derivative(delta, workspace.a[l - 1])
        sums[0].bias[...] = delta.dot(workspace.ones)
        if isinstance(X, np.ndarray):
            np.matmul(delta, X, out=sums[0].weights)
        else:
            sums[0].weights[...] = (X.T @ delta.T).T
        return cost
