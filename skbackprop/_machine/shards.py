"""Shards: runs of resident rows that sum cost and gradient, in workspaces that they share.

How rows are divided into shards, and a shard into blocks, follows from the data alone.
Whoever runs the shards, and on however many threads, the same sums come out.
"""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from operator import methodcaller
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse

from skbackprop._machine.threads import worker_map
from skbackprop._network.network import Block, Network, Workspace
from skbackprop._network.thetas import Shapes, Thetas, count_parameters

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


def slices(start: int, stop: int, size: int) -> list[slice]:
    """Divide a range of rows into slices of that size; the last may be shorter."""
    return [slice(i, min(i + size, stop)) for i in range(start, stop, size)]


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
            return Workspace(self.shapes, n_rows, self.dtype)

    def give_back(self, workspace: Workspace) -> None:
        """Leave a workspace to others."""
        self._free[workspace.n_rows].append(workspace)


class Shard:
    """A run of rows.

    Parameters
    ----------
    network : Network
    blocks : sequence of callable
        Each gives a block of the rows.
    workspaces : Workspaces
        The network is computed in their type.
    """

    def __init__(
        self, network: Network, blocks: Sequence[Callable[[], Block]], workspaces: Workspaces
    ) -> None:
        self.network, self.blocks, self.workspaces = network, blocks, workspaces
        self.Delta = Thetas.empty(workspaces.shapes, workspaces.dtype)

    def cost_and_gradient(self, thetas: Thetas) -> tuple[float, Thetas]:
        """Return the weighted sums of cost and gradient over the shard's rows.

        The gradient sums are the shard's own buffer, good until the next call.
        """
        cost = 0.0
        for number, make_block in enumerate(self.blocks):
            block = make_block()
            workspace = self.workspaces.take(block.X.shape[0])
            Delta = workspace.Delta if number else self.Delta
            cost += self.network.cost_and_gradient(thetas, block, workspace, Delta)
            if number:
                self.Delta.vector += Delta.vector
            self.workspaces.give_back(workspace)
        return cost, self.Delta

    def costs(self, thetas: Thetas) -> np.ndarray:
        """Return the cost of each of the shard's rows, unweighted, float64."""
        costs = []
        for make_block in self.blocks:
            block = make_block()
            workspace = self.workspaces.take(block.X.shape[0])
            z = self.network.forward(thetas, block.X, workspace)
            costs.append(self.network.output.costs(z, block.y).astype(np.float64))
            self.workspaces.give_back(workspace)
        return np.concatenate(costs)


def make_shards(
    network: Network,
    X: Any,
    n_rows: int,
    block_of: Callable[[slice], Callable[[], Block]],
    dtype: DTypeLike,
) -> list[Shard]:
    """Divide rows into shards of the same number of blocks, and all blocks but the last alike.

    Parameters
    ----------
    network : Network
    X : {ndarray, CSR array}
        Where the rows are.
    n_rows : int
        How many of them.
    block_of : callable
        Gives a call that gives the block of some of them.
    dtype : dtype
        The network is computed in this type.
    """
    shard_rows = rows_of_shard(X, network.shapes, n_rows)
    n_blocks = -(-shard_rows // rows_of_block(X, network.shapes, dtype))
    blocks = [block_of(rows) for rows in slices(0, n_rows, -(-shard_rows // n_blocks))]
    workspaces = Workspaces(network.shapes, dtype)
    return [
        Shard(network, blocks[i : i + n_blocks], workspaces)
        for i in range(0, len(blocks), n_blocks)
    ]


class ShardSums:
    """The sums over all shards, in their order, as a function of the Thetas.

    Parameters
    ----------
    shards : list of Shard
    map : callable, default=map
        Applies a function to every shard, and returns the results in their order.
    """

    def __init__(self, shards: list[Shard], map: Callable[..., Iterable[Any]] = map) -> None:
        self.shards, self.map = shards, map

    def __call__(self, thetas: Thetas) -> tuple[float, Thetas]:
        """Return the sums of cost and gradient; the latter good until the next call."""
        cost, Delta = 0.0, Thetas(np.zeros(thetas.vector.size), thetas.shapes)
        for of_shard, sums in self.map(methodcaller("cost_and_gradient", thetas), self.shards):
            cost += of_shard
            Delta.vector += sums.vector
        return cost, Delta


def sums_over(
    shards: list[Shard], map: Callable[..., Iterable[Any]] = map
) -> Callable[[Thetas], tuple[float, Thetas]]:
    """Return the sums over all shards; the gradient sums may be a buffer."""
    return shards[0].cost_and_gradient if len(shards) == 1 else ShardSums(shards, map)


class ShardCosts:
    """The costs of the rows of all shards, in their order, as a function of the Thetas.

    Parameters
    ----------
    shards : list of Shard
    map : callable, default=map
        As `ShardSums` takes it.
    """

    def __init__(self, shards: list[Shard], map: Callable[..., Iterable[Any]] = map) -> None:
        self.shards, self.map = shards, map

    def __call__(self, thetas: Thetas) -> np.ndarray:
        """Return the cost of each row, unweighted, float64."""
        return np.concatenate(list(self.map(methodcaller("costs", thetas), self.shards)))


@contextmanager
def sums_of_shards(
    network: Network,
    X: Any,
    n_rows: int,
    block_of: Callable[[slice], Callable[[], Block]],
    dtype: DTypeLike,
) -> Iterator[Callable[[Thetas], tuple[float, Thetas]]]:
    """Yield the sums over rows, with threads to compute them; see `make_shards`."""
    shards = make_shards(network, X, n_rows, block_of, dtype)
    with _map_over(shards, X, n_rows) as run:
        yield sums_over(shards, run)


@contextmanager
def costs_of_shards(
    network: Network,
    X: Any,
    n_rows: int,
    block_of: Callable[[slice], Callable[[], Block]],
    dtype: DTypeLike,
) -> Iterator[Callable[[Thetas], np.ndarray]]:
    """Yield the cost of each row, with threads to compute them; see `make_shards`."""
    shards = make_shards(network, X, n_rows, block_of, dtype)
    with _map_over(shards, X, n_rows) as run:
        yield ShardCosts(shards, run)


def _map_over(
    shards: Sequence[Shard], X: Any, n_rows: int
) -> AbstractContextManager[Callable[..., Iterable[Any]]]:
    """Return a context that yields a map over the shards of so many rows."""
    workspaces = shards[0].workspaces
    work = n_rows * work_of_row(X, workspaces.shapes) * np.dtype(workspaces.dtype).itemsize / 8
    return worker_map(len(shards), work)
