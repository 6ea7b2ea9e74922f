"""From collections of chunks to rows in groups: checked, encoded and held where they are.

A group is a run of neighbouring chunks. Every check of its rows is that of an estimator on one
machine, made in a task; what the groups say of their targets is put together by the client, and
sent back for all to be encoded alike.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from dask import delayed, is_dask_collection
from scipy.sparse import issparse, vstack

from skbackprop._cluster.engine import Cluster, Resident
from skbackprop._cluster.held import Held
from skbackprop._cluster.rows import ClusterRows
from skbackprop._cluster.targets import Encoding, TargetsOfGroups
from skbackprop._rows.targets import check_sample_weight

# Groups where nobody knows how many rows there are.
GROUPS_OF_UNKNOWN = 32
# Multiply-adds of a forward pass that take, with all that follows them, as long as the scheduler
# has to do with a task (benchmarks/cluster.py, docs/dask.rst). Groups grow in number with the root
# of the work: on as many threads as groups, that makes the sum of both times least.
WORK_OF_GROUP = 2**24
# Bytes of X that a group has at most, if it has several chunks.
MOST_BYTES_OF_GROUP = 2**28


class Chunks(NamedTuple):
    """A collection, chunk by chunk.

    Attributes
    ----------
    name : str
        What an error calls it.
    parts : list of Delayed
    sizes : tuple of int or None
        Rows of each; None where nobody knows.
    """

    name: str
    parts: list[Any]
    sizes: tuple[int, ...] | None


def chunks_of(name: str, collection: Any) -> Chunks:
    """Return the chunks of an array or a dataframe, all columns of a row together."""
    if not is_dask_collection(collection) or not hasattr(collection, "to_delayed"):
        raise TypeError(
            f"{name} must be a dask array or dataframe, got {type(collection).__name__}"
        )
    if not hasattr(collection, "chunks"):
        return Chunks(name, list(collection.to_delayed()), None)
    if collection.ndim > 1 and collection.numblocks[1] > 1:
        collection = collection.rechunk({1: -1})
    sizes = collection.chunks[0]
    is_known = not any(math.isnan(size) for size in sizes)
    return Chunks(name, collection.to_delayed().ravel().tolist(), sizes if is_known else None)


def aligned(name: str, collection: Any, X: Chunks) -> Chunks:
    """Return the chunks of y or of weights, where they are those of X.

    Raises
    ------
    ValueError
        If they can not be made so.
    """
    if not is_dask_collection(collection):
        return _chunks_of_array(name, collection, X)
    chunks = chunks_of(name, collection)
    if None not in (chunks.sizes, X.sizes) and chunks.sizes != X.sizes:
        if sum(chunks.sizes or ()) != sum(X.sizes or ()):
            raise ValueError(
                f"{X.name} and {name} must have as many rows: {sum(X.sizes or ())} and "
                f"{sum(chunks.sizes or ())}"
            )
        return chunks_of(name, collection.rechunk({0: X.sizes}))
    if len(chunks.parts) != len(X.parts):
        raise ValueError(
            f"{name} must be chunked as {X.name}, where chunk sizes are not known: {X.name} has "
            f"{len(X.parts)} chunks, {name} {len(chunks.parts)}"
        )
    return chunks


def _chunks_of_array(name: str, array: Any, X: Chunks) -> Chunks:
    """Return parts of what is on this machine, sent with the tasks."""
    if X.sizes is None:
        raise TypeError(
            f"{name} must be a dask collection where the chunk sizes of {X.name} are not known, "
            f"got {type(array).__name__}"
        )
    array = array if issparse(array) else np.asarray(array)
    if array.shape[:1] != (sum(X.sizes),):
        raise ValueError(
            f"{X.name} and {name} must have as many rows: {sum(X.sizes)} and {array.shape[:1]}"
        )
    ends = np.cumsum([0, *X.sizes]).tolist()
    parts = [delayed(array[start:end]) for start, end in pairwise(ends)]
    return Chunks(name, parts, X.sizes)


def n_groups_of(X: Any, chunks: Chunks, hidden_layer_sizes: Sequence[int]) -> int:
    """Return how many groups the chunks form: the data alone decide, not the workers."""
    n_chunks = len(chunks.parts)
    if chunks.sizes is None:
        return min(n_chunks, GROUPS_OF_UNKNOWN)
    n_rows, n_features = sum(chunks.sizes), X.shape[1]
    sizes = [n_features, *hidden_layer_sizes, 1]
    work = n_rows * sum((a + 1) * b for a, b in pairwise(sizes))
    n_bytes = n_rows * n_features * np.dtype(X.dtype).itemsize
    wanted = max(math.sqrt(work / WORK_OF_GROUP), n_bytes / MOST_BYTES_OF_GROUP)
    return min(n_chunks, max(1, round(wanted)))


def grouped(items: Sequence[Any], n_groups: int) -> Iterator[list[Any]]:
    """Yield so many runs of neighbours, as even as can be."""
    ends = np.linspace(0, len(items), min(n_groups, len(items)) + 1).astype(int).tolist()
    for start, end in pairwise(ends):
        yield list(items[start:end])


# What the tasks do.


class Group(NamedTuple):
    """The rows of a group, checked, before their targets are encoded.

    Attributes
    ----------
    X : {ndarray, CSR array} of shape (n, n_features)
    y : {ndarray, CSR array} of shape (n,) or (n, n_outputs)
    w : ndarray of shape (n,) or None
    names : ndarray of str or None
        Of the features.
    """

    X: Any
    y: Any
    w: np.ndarray | None
    names: np.ndarray | None


def check_group(
    validate: Callable[..., tuple[Any, Any, np.ndarray | None]],
    X: list[Any],
    y: list[Any],
    w: list[Any] | float | None,
    first: int,
    names: tuple[str, str, str],
) -> Group | None:
    """Return the rows of some chunks, in one piece; None where there are none.

    Parameters
    ----------
    validate : callable
        Returns X and y as the estimator wants them, and the names of the features.
    X, y : list
        The chunks.
    w : list, float or None
        Their weights.
    first : int
        The number of the first chunk, for messages.
    names : tuple of str
        What they call X, y and the weights.
    """
    for name, others in ((names[1], y), (names[2], w)):
        if isinstance(others, list):
            _check_lengths((names[0], name), X, others, first)
    if sum(map(_length, X)) == 0:
        return None
    X_group, y_group, names_of_features = validate(_in_one_piece(X), _in_one_piece(y))
    weights = _in_one_piece(w) if isinstance(w, list) else w
    weights = _weights(weights, X_group.shape[0], names[2])
    return Group(X_group, y_group, weights, names_of_features)


def _check_lengths(names: tuple[str, str], X: list[Any], others: list[Any], first: int) -> None:
    for number, (of_X, other) in enumerate(zip(X, others, strict=True), start=first):
        if _length(of_X) != _length(other):
            raise ValueError(
                f"{names[0]} and {names[1]} must have as many rows in each chunk: chunk {number} "
                f"has {_length(of_X)} and {_length(other)}"
            )


def _length(chunk: Any) -> int:
    return chunk.shape[0] if hasattr(chunk, "shape") else len(chunk)


def _in_one_piece(chunks: list[Any]) -> Any:
    chunks = [chunk for chunk in chunks if _length(chunk)]
    if len(chunks) == 1:
        return chunks[0]
    if issparse(chunks[0]):
        return vstack(chunks, format="csr")
    if hasattr(chunks[0], "iloc"):
        import pandas as pd

        return pd.concat(chunks)
    return np.concatenate(chunks)


def _weights(w: Any, n_rows: int, name: str) -> np.ndarray | None:
    # All of a group may be zero, though not of all groups.
    zeros = np.zeros(n_rows)
    is_zero = w is not None and np.shape(w) in ((), (n_rows,)) and not np.any(w)
    return zeros if is_zero else check_sample_weight(w, n_rows, name)


class Said(NamedTuple):
    """What a group says of itself."""

    n_features: int
    names: np.ndarray | None
    has_weight: bool
    targets: Any


def _said_by(group: Group | None, kind: TargetsOfGroups) -> Said | None:
    if group is None:
        return None
    has_weight = group.w is None or bool(group.w.any())
    return Said(group.X.shape[1], group.names, has_weight, kind.summary(group.y, group.w))


def _encoded(group: Group, encoding: Encoding) -> Held:
    return Held(encoding.rows(group.X, group.y, group.w))


# What the client does.


class Source(NamedTuple):
    """What a user gave, in groups which are on the cluster, checked.

    Attributes
    ----------
    groups : list of Resident
        Of `Group` each, those without rows of positive weight left out.
    n_features : int
    names : ndarray of str or None
        Of the features.
    of_targets : list
        What each says of its targets.
    """

    groups: list[Resident]
    n_features: int
    names: np.ndarray | None
    of_targets: list[Any]


def gather_groups(
    cluster: Cluster,
    data: tuple[Any, Any, Any],
    names: tuple[str, str, str],
    n_groups: Callable[[Chunks], int],
    validate: Callable[..., Any],
    kind: TargetsOfGroups,
) -> Source:
    """Form groups of chunks and let the workers check them.

    Parameters
    ----------
    cluster : Cluster
    data : tuple
        X, y and the weights, or None.
    names : tuple of str
        What errors call them.
    n_groups : callable
        From the chunks of X, how many groups they form.
    validate : callable
        See `check_group`.
    kind : TargetsOfGroups

    Raises
    ------
    TypeError, ValueError
        If they are no collections, or not chunked alike; or as an estimator does on one machine.
    """
    X = chunks_of(names[0], data[0])
    y = aligned(names[1], data[1], X)
    w = data[2]
    is_of_rows = w is not None and np.ndim(w) != 0
    of_weights = aligned(names[2], w, X).parts if is_of_rows else [None] * len(X.parts)
    groups = []
    for run in grouped(range(len(X.parts)), n_groups(X)):
        of_group = [[parts[i] for i in run] for parts in (X.parts, y.parts, of_weights)]
        weights = of_group[2] if is_of_rows else w
        check = delayed(check_group, pure=False)
        groups.append(
            cluster.hold_delayed(check(validate, of_group[0], of_group[1], weights, run[0], names))
        )
    said = cluster.each(_said_by, groups, kind)
    # Rows without weight have no part, but in which classes there are.
    groups = [group for group, of_group in zip(groups, said, strict=True) if _has_weight(of_group)]
    said = [of_group for of_group in said if of_group is not None]
    if not said:
        raise ValueError(f"{names[0]} must have at least one row, got none in any of its chunks")
    _check_alike(names[0], said)
    cluster.find(groups)
    first = said[0]
    return Source(groups, first.n_features, first.names, [of_group.targets for of_group in said])


def _has_weight(said: Said | None) -> bool:
    return said is not None and said.has_weight


def _check_alike(name: str, said: Sequence[Said]) -> None:
    first = said[0]
    for other in said:
        if other.n_features != first.n_features:
            raise ValueError(
                f"all chunks of {name} must have the same features, got {first.n_features} and "
                f"{other.n_features}"
            )
        if _names(other) != _names(first):
            raise ValueError(f"all chunks of {name} must have the same names of features")


def _names(said: Said) -> list[str] | None:
    return None if said.names is None else said.names.tolist()


def encode_groups(
    cluster: Cluster, source: Source, encoding: Encoding, dtype: np.dtype
) -> ClusterRows:
    """Return the rows of all groups, encoded alike, spread over the workers."""
    cluster.settle(source.groups)
    encoded = [cluster.hold(_encoded, group, encoding) for group in source.groups]
    rows = ClusterRows(
        cluster, encoded, encoding.targets, encoding.class_weights, source.n_features, dtype
    )
    for group in source.groups:
        group.let_go()
    return rows
