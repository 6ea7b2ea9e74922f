"""Shards: runs of resident rows, each with buffers of its own, that sum cost and gradient.

How rows are divided into shards, and a shard into blocks, follows from the data alone.
Whoever runs the shards, and on however many threads, the same sums come out.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skbackprop._network import Block, Network, row_buffers
from skbackprop._thetas import Layer, Shapes, layers_of

BLOCK_ROWS = 512
SHARD_ROWS = 8192
MAX_SHARDS = 16


def _slices(n_rows: int, size: int) -> list[slice]:
    """Divide rows into slices of that size; the last may be shorter."""
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def positions_of_ones(y: NDArray, n_outputs: int) -> NDArray:
    """Return where the flattened (n, n_outputs) matrix of targets is 1.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, n_outputs)
        Class indices, or zeros and ones: of one unit, or one column per unit.
    n_outputs : int
        Number of output units.

    Returns
    -------
    ndarray of int
        The positions, ascending.
    """
    if n_outputs == 1 or y.ndim == 2:
        return np.flatnonzero(y)
    return np.arange(len(y)) * n_outputs + y


class Shard:
    """A run of rows with their targets and weights.

    Parameters
    ----------
    network : Network
    shapes : list of tuple
        Shapes of the Thetas.
    X : {ndarray, CSR array} of shape (n, n_features)
    y : ndarray of shape (n,) or (n, n_outputs)
        Targets as `positions_of_ones` takes them.
    w : ndarray of shape (n,) or None
        Weights of the rows.
    """

    def __init__(
        self, network: Network, shapes: Shapes, X: Any, y: NDArray, w: NDArray | None
    ) -> None:
        self.network = network
        dtype, n_rows = X.dtype, X.shape[0]
        sizes = [s_out for s_out, _ in shapes]
        a = row_buffers(sizes, min(BLOCK_ROWS, n_rows), dtype)
        delta = row_buffers(sizes[:-1], min(BLOCK_ROWS, n_rows), dtype)
        self.Delta = [Layer(np.empty(s, dtype), np.empty((s, n - 1), dtype)) for s, n in shapes]
        self.blocks = []
        for rows in _slices(n_rows, BLOCK_ROWS):
            n = rows.stop - rows.start
            self.blocks.append(
                Block(
                    X[rows],
                    positions_of_ones(y[rows], sizes[-1]),
                    None if w is None else w[rows].astype(dtype),
                    [buffer[:n] for buffer in a],
                    [buffer[:n] for buffer in delta],
                )
            )

    def cost_and_gradient(self, thetas: Sequence[Layer]) -> tuple[float, list[Layer]]:
        """Return the weighted sums of cost and gradient over the shard's rows.

        The gradient sums are the shard's own buffers, good until the next call.
        """
        for Delta in self.Delta:
            Delta.bias.fill(0)
            Delta.weights.fill(0)
        # An overflow shows in the cost, and the solver turns it into an error that
        # says more; numpy keeps these settings per thread, so they belong here.
        with np.errstate(over="ignore", invalid="ignore"):
            cost = sum(self.network.add_gradient(thetas, b, self.Delta) for b in self.blocks)
        return cost, self.Delta


def make_shards(
    network: Network, shapes: Shapes, X: Any, y: NDArray, w: NDArray | None
) -> list[Shard]:
    """Divide rows into shards; see `Shard` for the parameters."""
    m = X.shape[0]
    return [
        Shard(network, shapes, X[rows], y[rows], None if w is None else w[rows])
        for rows in _slices(m, max(SHARD_ROWS, -(-m // MAX_SHARDS)))
    ]


def answer_rows(
    network: Network,
    thetas: Sequence[NDArray],
    X: Any,
    answer: Callable[[NDArray], NDArray],
) -> NDArray:
    """Pass rows through the network, block by block, and answer each block's logits.

    Parameters
    ----------
    network : Network
    thetas : sequence of ndarray
        Of the type of X.
    X : {ndarray, CSR array} of shape (n, n_features)
    answer : callable
        Turns the logits of some rows, of shape (rows, K), into an array with as many rows.

    Returns
    -------
    ndarray with n rows
        The answers.
    """
    layers = layers_of(thetas)
    sizes = [len(Theta) for Theta in thetas]
    n_rows = X.shape[0]
    a = row_buffers(sizes, min(BLOCK_ROWS, n_rows), thetas[0].dtype)
    answers = []
    for rows in _slices(n_rows, BLOCK_ROWS):
        n = rows.stop - rows.start
        answers.append(answer(network.forward(layers, X[rows], [buffer[:n] for buffer in a])))
    return np.concatenate(answers)
