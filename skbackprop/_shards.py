"""Shards: runs of resident rows that sum cost and gradient, in workspaces that they share.

How rows are divided into shards, and a shard into blocks, follows from the data alone.
Whoever runs the shards, and on however many threads, the same sums come out.
"""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.sparse import issparse

from skbackprop._network import Block, Buffers, Network, make_buffers, make_units
from skbackprop._thetas import Layer, Shapes, count_parameters, layers_of, roll
from skbackprop._training_rows import TrainingRows

# Found by measuring: with its rows of X and its buffers, a block of a few times the processor's
# second cache is quickest; smaller ones cost more in calls than they gain.
BLOCK_BYTES = 2**22
BLOCK_ROWS = 128
# Multiply-adds that a block must have for each element of the gradient sums that it writes
# (rows of a wide sparse X have few), and a shard for each that one thread has to add up;
# those of a sparse matrix take longer.
WORK_PER_SUM = 8
SHARD_WORK_PER_SUM = 256
SPARSE_SHARD_WORK_PER_SUM = 16
# Shards grow in number with the root of the multiply-adds: two pay from this number times
# four on, and more let a busy core fall behind without holding up the others for long.
SHARD_WORK = 1_250_000
MAX_SHARDS = 16
# Rows from which eight bytes each, to know at once where their targets are, are too many; to work
# that out at every evaluation takes less than a hundredth of its time.
MANY_ROWS = 100_000


def slices(start: int, stop: int, size: int) -> list[slice]:
    """Divide a range of rows into slices of that size; the last may be shorter."""
    return [slice(i, min(i + size, stop)) for i in range(start, stop, size)]


def positions_of_ones(y: NDArray, n_outputs: int) -> NDArray:
    """Return where the flattened (n_outputs, n) matrix of targets is 1.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, n_outputs)
        Class indices, or zeros and ones: of one unit, or one column per unit.
    n_outputs : int
        Number of output units.

    Returns
    -------
    ndarray of int
        The positions; of class indices, in the order of the rows.
    """
    if n_outputs == 1 or y.ndim == 2:
        return np.flatnonzero(y.T)
    return y.astype(np.intp) * len(y) + np.arange(len(y))


def work_of_row(X: Any, shapes: Sequence[tuple[int, ...]]) -> float:
    """Return the multiply-adds of one row's forward pass; zeros of a sparse X cost nothing."""
    stored = X.nnz / max(X.shape[0], 1) if issparse(X) else X.shape[1]
    return shapes[0][0] * (stored + 1) + count_parameters(shapes[1:])


def rows_of_block(X: Any, shapes: Sequence[tuple[int, ...]], dtype: DTypeLike) -> int:
    """Return how many rows a block has: as many as the cache holds with their buffers."""
    n_parameters = count_parameters(shapes)
    work = work_of_row(X, shapes)
    numbers = work / shapes[0][0] + sum(2 * s_out for s_out, _ in shapes)
    by_cache = BLOCK_BYTES / (numbers * np.dtype(dtype).itemsize)
    return max(BLOCK_ROWS, int(by_cache), int(WORK_PER_SUM * n_parameters / work))


def rows_of_shard(X: Any, shapes: Sequence[tuple[int, ...]], n_rows: int) -> int:
    """Return how many rows a shard has: the data alone decide."""
    n_parameters = count_parameters(shapes)
    work = n_rows * work_of_row(X, shapes)
    per_sum = SPARSE_SHARD_WORK_PER_SUM if issparse(X) else SHARD_WORK_PER_SUM
    most = min(MAX_SHARDS, math.sqrt(work / SHARD_WORK), work / (per_sum * n_parameters))
    n_shards = 2 ** int(math.log2(max(most, 1)))
    return -(-n_rows // n_shards)


class Workspace(NamedTuple):
    """Buffers for one block, and for the gradient sums of its rows.

    Attributes
    ----------
    buffers : Buffers
    sums : ndarray of shape (n_parameters,)
        Unrolled like the Thetas.
    Delta : list of Layer
        Views of the sums.
    """

    buffers: Buffers
    sums: NDArray
    Delta: list[Layer]


class Workspaces:
    """Workspaces that the shards of a fit share: there are as many as are in use at a time.

    Other than with buffers for each shard, they stay in the cache of the processor that works
    with them, and memory does not grow with the number of shards.

    Parameters
    ----------
    shapes : list of tuple
        Shapes of the Thetas.
    dtype : dtype
    """

    def __init__(self, shapes: Shapes, dtype: DTypeLike) -> None:
        self.shapes, self.dtype = shapes, dtype
        self._free: dict[int, deque[Workspace]] = defaultdict(deque)

    def take(self, n_rows: int) -> Workspace:
        """Return a workspace for so many rows that nobody else has."""
        try:
            return self._free[n_rows].pop()
        except IndexError:
            sizes = [s_out for s_out, _ in self.shapes]
            sums = np.empty(count_parameters(self.shapes), self.dtype)
            buffers = make_buffers(sizes, n_rows, self.dtype)
            return Workspace(buffers, sums, layers_of(roll(sums, self.shapes)))

    def give_back(self, workspace: Workspace) -> None:
        """Leave a workspace to others."""
        self._free[len(workspace.buffers.bias_unit)].append(workspace)


class Shard:
    """A run of rows with their targets and weights.

    Parameters
    ----------
    network : Network
    rows : TrainingRows
        The rows of the whole fit.
    blocks : sequence of slice
        Those of the shard, block by block.
    workspaces : Workspaces
        The network is computed in their type. Rows of X in another type, or picked from
        X by an index, are copied block by block at every evaluation, so that no second X
        is kept.
    """

    def __init__(
        self,
        network: Network,
        rows: TrainingRows,
        blocks: Sequence[slice],
        workspaces: Workspaces,
    ) -> None:
        self.network, self.X, self.workspaces = network, rows.X, workspaces
        self.dtype = np.dtype(workspaces.dtype)
        weight_unit = rows.weight_unit  # looks through all weights: once, not for every block
        self.blocks = [
            (
                block.stop - block.start,
                self._view_or_copy(rows, block),
                self._targets(rows, block, weight_unit),
            )
            for block in blocks
        ]
        self.sums = np.empty(count_parameters(workspaces.shapes), self.dtype)
        self.Delta = layers_of(roll(self.sums, workspaces.shapes))

    def _view_or_copy(self, rows: TrainingRows, block: slice) -> Callable[[], Any]:
        """Return a call that gives the block's rows of X: a view, or each time a copy."""
        where = block if rows.positions is None else rows.positions[block]
        if isinstance(where, slice) and self.X.dtype == self.dtype:
            view = self.X[where]
            return lambda: view
        return lambda: self.X[where].astype(self.dtype, copy=False)

    def _targets(self, rows: TrainingRows, block: slice, weight_unit: float) -> Callable[[], Block]:
        """Return a call that gives the block's targets: of many rows, each time made anew."""
        y, n_outputs = rows.y[block], self.workspaces.shapes[-1][0]
        w = None if rows.w is None else (rows.w[block] / weight_unit).astype(self.dtype)
        if rows.n_rows > MANY_ROWS:
            return lambda: Block(positions_of_ones(y, n_outputs), w)
        targets = Block(positions_of_ones(y, n_outputs), w)
        return lambda: targets

    def cost_and_gradient(self, thetas: Sequence[Layer]) -> tuple[float, NDArray]:
        """Return the weighted sums of cost and gradient over the shard's rows.

        The gradient sums, unrolled like the Thetas, are the shard's own buffer, good until
        the next call.
        """
        cost = 0.0
        for number, (n_rows, rows_of_X, targets) in enumerate(self.blocks):
            workspace = self.workspaces.take(n_rows)
            Delta = workspace.Delta if number else self.Delta
            cost += self.network.cost_and_gradient(
                thetas, rows_of_X(), targets(), workspace.buffers, Delta
            )
            if number:
                self.sums += workspace.sums
            self.workspaces.give_back(workspace)
        return cost, self.sums


def make_shards(
    network: Network, shapes: Shapes, rows: TrainingRows, dtype: DTypeLike
) -> list[Shard]:
    """Divide rows into shards of the same number of blocks, and all blocks but the last alike.

    Parameters
    ----------
    network : Network
    shapes : list of tuple
        Shapes of the Thetas.
    rows : TrainingRows
    dtype : dtype
        The network is computed in this type.
    """
    shard_rows = rows_of_shard(rows.X, shapes, rows.n_rows)
    n_blocks = -(-shard_rows // rows_of_block(rows.X, shapes, dtype))
    blocks = slices(0, rows.n_rows, -(-shard_rows // n_blocks))
    workspaces = Workspaces(shapes, dtype)
    return [
        Shard(network, rows, blocks[i : i + n_blocks], workspaces)
        for i in range(0, len(blocks), n_blocks)
    ]


def _in_dtype(X: Any, dtype: np.dtype) -> Any:
    """Return finite rows in another dtype."""
    if X.dtype == dtype:
        return X
    X = X.astype(dtype)
    if not np.isfinite(X.data if issparse(X) else X).all():
        raise ValueError(f"X contains infinity or a value too large for {dtype!r}")
    return X


def answer_rows(
    network: Network,
    thetas: Sequence[NDArray],
    X: Any,
    answer: Callable[[NDArray], NDArray],
    out: NDArray,
    map: Callable[..., Iterable[Any]] = map,
) -> NDArray:
    """Pass rows through the network, block by block, and answer each block's logits.

    Parameters
    ----------
    network : Network
    thetas : sequence of ndarray
        Their dtype is that of the computation; X in another one is cast block by block.
    X : {ndarray, CSR array} of shape (n, n_features)
    answer : callable
        Turns the logits of some rows, of shape (rows, K), into an array with as many rows.
    out : ndarray with n rows
        For the answers.
    map : callable, default=map
        Applies a function to runs of rows.

    Returns
    -------
    ndarray
        out.
    """
    dtype, layers = thetas[0].dtype, layers_of(thetas)
    sizes = [len(Theta) for Theta in thetas]
    block_rows = rows_of_block(X, [Theta.shape for Theta in thetas], dtype)

    def answer_part(part: slice) -> None:
        for block in slices(part.start, part.stop, block_rows):
            n = block.stop - block.start
            if block.start == part.start or n < block_rows:
                units = make_units(sizes, n, dtype)
            out[block] = answer(network.forward(layers, _in_dtype(X[block], dtype), units).T)

    for _ in map(answer_part, slices(0, X.shape[0], 8 * block_rows)):
        pass
    return out
