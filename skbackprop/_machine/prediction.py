"""Prediction: rows -> logits or activations -> answers, block by block."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse

from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.shards import rows_of_block, slices, work_of_row
from skbackprop._machine.threads import rounding_in_silence, worker_map
from skbackprop._network.network import Network, Workspace
from skbackprop._network.thetas import Thetas

# Blocks that a thread is given at a time.
BLOCKS_PER_CALL = 8
# Multiply-adds of an answer of which BLAS gives no thread a part, so that it need not be limited:
# OpenBLAS works on a matrix and a vector with one thread below 9,216. To enter the limit would take
# as long as all the rest.
TINY_WORK = 8192


def as_they_are(z: np.ndarray) -> np.ndarray:
    """Return the logits or activations as answers."""
    return z


def answers(
    network: Network,
    thetas: Thetas,
    X: Any,
    answer: Callable[[np.ndarray], np.ndarray],
    columns: tuple[int, ...],
    dtype: DTypeLike,
    layer: int = -1,
) -> np.ndarray:
    """Return what `answer` makes of the logits of every row of X, with threads to compute it.

    Parameters
    ----------
    network : Network
    thetas : Thetas
        Their dtype is that of the computation; X in another one is cast block by block.
    X : {ndarray, CSR array} of shape (n, n_features)
    answer : callable
        Turns the logits of some rows, of shape (rows, K), into an array with as many rows.
    columns : tuple of int
        The shape of the answer to one row.
    dtype : dtype
        Of the answers.
    layer : int, default=-1
        Instead of the logits, the last of them, the activations of another layer: a position in
        `Workspace.z`.

    Returns
    -------
    ndarray of shape (n, *columns)
    """
    n_rows, shapes = X.shape[0], network.shapes
    out = np.empty((n_rows, *columns), dtype)

    def answer_block(block: slice, workspace: Workspace) -> None:
        _go_forward(network, thetas, _in_dtype(X[block], thetas.dtype), workspace)
        out[block] = answer(workspace.z[layer].T)

    work = n_rows * work_of_row(X, shapes)
    if work <= TINY_WORK:
        with rounding_in_silence():
            answer_block(slice(0, n_rows), Workspace(shapes, n_rows, thetas.dtype))
        return out
    block_rows = rows_of_block(X, shapes, thetas.dtype)

    def answer_part(part: slice) -> None:
        for block in slices(part.start, part.stop, block_rows):
            n = block.stop - block.start
            if block.start == part.start or n < block_rows:
                workspace = Workspace(shapes, n, thetas.dtype)
            answer_block(block, workspace)

    parts = slices(0, n_rows, BLOCKS_PER_CALL * block_rows)
    work_of_float64 = work * thetas.dtype.itemsize / 8
    with (
        single_threaded_blas(),
        rounding_in_silence(),
        worker_map(len(parts), work_of_float64) as run,
    ):
        for _ in run(answer_part, parts):
            pass
    return out


def _go_forward(network: Network, thetas: Thetas, X: Any, workspace: Workspace) -> None:
    """Compute every layer, of rows however far out: logits and the layer below stay finite.

    What overflows is the greatest number; of rows where an infinity less another is nothing, all
    layers are those of a point before.
    """
    z = network.forward(thetas, X, workspace)
    if math.isfinite(z.sum()):
        return
    most = np.finfo(thetas.dtype).max
    is_lost = np.isnan(z).any(axis=0)
    if is_lost.any():
        # So far out that products of what is there stay finite, on the same ray from 0.
        X = X[is_lost] * (1 / np.sqrt(most)).item()
        rows = Workspace(network.shapes, X.shape[0], thetas.dtype)
        network.forward(thetas, X, rows)
        for z, z_of_rows in zip(workspace.z, rows.z, strict=True):
            z[:, is_lost] = z_of_rows
    for z in workspace.z[-2:]:
        np.clip(z, -most, most, out=z)


def _in_dtype(X: Any, dtype: np.dtype) -> Any:
    """Return finite rows in another dtype."""
    if X.dtype == dtype:
        return X
    X = X.astype(dtype)
    if not np.isfinite(X.data if issparse(X) else X).all():
        raise ValueError(f"X contains infinity or a value too large for {dtype!r}")
    return X
