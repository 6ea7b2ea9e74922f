"""Rows: X, their targets and their weights, and what is summed over them."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse, vstack

from skbackprop._machine.shards import (
    Shard,
    costs_of_shards,
    make_shards,
    slices,
    sums_of_shards,
)
from skbackprop._network.network import Block, Network, Workspace
from skbackprop._network.objective import Costs, Sums
from skbackprop._network.thetas import Thetas
from skbackprop._rows.canonical import CANONICAL_SIZE, canonical_rows
from skbackprop._rows.drawing import draw_by_weight, draw_share
from skbackprop._rows.summed import SummedRows
from skbackprop._rows.targets import Targets

# Elements of X that take part in a sum over the rows at a time.
_PIECE_SIZE = 2**18
# Features count as scaled which reach beyond the one, and spread by less than the other.
SCALED = (0.1, 10.0)
# Rows from which eight bytes each, to know at once where their targets are, are too many; to work
# that out at every evaluation takes less than a hundredth of its time.
MANY_ROWS = 100_000


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of positive weight.

    Attributes
    ----------
    X : {ndarray, CSR array} of shape (n_samples, n_features)
    targets : Targets
        Of the m rows.
    counts : ndarray of shape (m,) or None
        Their sample weights, float64: as how many rows each counts. None where all are 1.
    class_weights : ndarray of shape (n_classes,) or None
        The weights of the classes, which multiply them; None where all are 1.
    positions : ndarray of shape (m,) or None
        Which rows of X these are; None: all of them, in their order.
    n_given : int
        How many rows of positive weight they were before equal ones were merged.
    is_merged : ndarray of bool of shape (m,) or None
        Which of them were several of these; None where none was.
    """

    X: Any
    targets: Targets
    counts: np.ndarray | None
    class_weights: np.ndarray | None
    positions: np.ndarray | None
    n_given: int
    is_merged: np.ndarray | None = None

    @property
    def n_rows(self) -> int:
        """Number of resident rows, m: what measures work."""
        return len(self.targets.codes)

    @property
    def least_of_classes(self) -> int:
        """How many rows a part needs for one of each class; of labels or numbers, one."""
        return self.targets.n_strata

    @property
    def dtype(self) -> np.dtype:
        """That of X."""
        return self.X.dtype

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.X.shape[1]

    @cached_property
    def w(self) -> np.ndarray | None:
        """Sample weight times class weight, float64 of shape (m,); None where all are 1."""
        w = self.counts
        if self.class_weights is not None:
            w = self.class_weights[self.targets.codes] * (1.0 if w is None else w)
        return None if w is None or (w == 1).all() else w

    @cached_property
    def total_weight(self) -> float:
        """W, the sum of the weights."""
        return float(self.n_rows if self.w is None else self.w.sum())

    @property
    def total_count(self) -> float:
        """As how many rows they count together."""
        return float(self.n_rows if self.counts is None else self.counts.sum())

    @cached_property
    def weight_unit(self) -> float:
        """A power of two near the greatest weight.

        Sums are taken of weights in this unit: exact, and no float32 under- or overflows.
        """
        return 1.0 if self.w is None else math.ldexp(1, math.frexp(self.w.max())[1] - 1)

    def target_means(self) -> np.ndarray:
        """Return the weighted mean of each output unit's target: of classes, the frequencies."""
        return self.targets.means(self.w)

    def null_cost(self, network: Network, learned_from: SummedRows | None = None) -> float:
        """Return the mean cost of always predicting the target means, of these or other rows."""
        predicted = (self if learned_from is None else learned_from).target_means()
        return self.targets.constant_cost(network.output, predicted, self.w)

    # Sums over the rows

    def sums(self, network: Network, dtype: DTypeLike) -> AbstractContextManager[Sums]:
        """Return a context that yields the sums of cost and gradient, a function of the Thetas.

        The weights are in their unit, and so are the sums: W is ``total_weight / weight_unit``.

        Parameters
        ----------
        network : Network
        dtype : dtype
            The network is computed in this type. Rows of X in another type, or picked from X
            by their positions, are copied block by block at every evaluation, so that no
            second X is kept.
        """
        block_of = partial(self._block, np.dtype(dtype))
        return sums_of_shards(network, self.X, self.n_rows, block_of, dtype)

    def costs(self, network: Network, dtype: DTypeLike) -> AbstractContextManager[Costs]:
        """Return a context that yields the cost of each row, unweighted; see `sums`."""
        block_of = partial(self._block, np.dtype(dtype))
        return costs_of_shards(network, self.X, self.n_rows, block_of, dtype)

    def shards(self, network: Network, dtype: DTypeLike) -> list[Shard]:
        """Return them divided into shards, for who keeps these and has a thread; see `sums`."""
        block_of = partial(self._block, np.dtype(dtype))
        return make_shards(network, self.X, self.n_rows, block_of, dtype)

    def sums_of_batches(
        self, network: Network, n_rows: int, dtype: DTypeLike, random_state: np.random.RandomState
    ) -> Sums:
        """Return the sums over a batch of rows, at every call over the next.

        Rows come up by their weight, each counts as one: without weights, all in random order
        before any does again (but the last ones, too few for a batch).

        Parameters
        ----------
        network : Network
        n_rows : int
            Of a batch.
        dtype : dtype
            The network is computed in this type.
        random_state : RandomState
            Seeds the draws.
        """
        rng = np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))
        batches, workspace = (
            self._batches(n_rows, dtype, rng),
            Workspace(network.shapes, n_rows, dtype),
        )

        def sums(thetas: Thetas) -> tuple[float, Thetas]:
            Delta = workspace.Delta
            return network.cost_and_gradient(thetas, next(batches), workspace, Delta), Delta

        return sums

    def _batches(self, n_rows: int, dtype: DTypeLike, rng: np.random.Generator) -> Iterator[Block]:
        n_batches = self.n_rows // n_rows
        while True:
            drawn = draw_by_weight(self.w, self.n_rows, rng)
            for batch in slices(0, n_batches * n_rows, n_rows):
                rows = drawn[batch]
                X = self.X[rows if self.positions is None else self.positions[rows]]
                y = self.targets.take(rows).for_units(np.dtype(dtype))
                yield Block(X.astype(dtype, copy=False), y, None)

    def _block(self, dtype: np.dtype, rows: slice) -> Callable[[], Block]:
        """Return a call that gives a block: what it takes much memory to keep, each time anew."""
        targets = self.targets.take(rows)
        w = None if self.w is None else (self.w[rows] / self.weight_unit).astype(dtype)
        where = rows if self.positions is None else self.positions[rows]
        view = None
        if isinstance(where, slice) and self.X.dtype == dtype:
            view = self.X[where]
        y = targets.for_units(dtype) if self.n_rows <= MANY_ROWS else None
        if view is not None and y is not None:
            block = Block(view, y, w)
            return lambda: block
        return lambda: Block(
            self.X[where].astype(dtype, copy=False) if view is None else view,
            targets.for_units(dtype) if y is None else y,
            w,
        )

    def _pieces(self) -> Iterator[tuple[slice, Any, np.ndarray]]:
        """Yield runs of rows, their X, and their weights in the weights' unit.

        A product of float64 weights with all of a float32 X would copy it, and targets of all
        outputs may be greater than X.
        """
        # The size of a sparse X is what it stores.
        per_row = max(self.X.size / self.X.shape[0], self.targets.kind.n_outputs)
        n_rows = max(1, int(_PIECE_SIZE / per_row))
        for start in range(0, self.n_rows, n_rows):
            piece = slice(start, min(start + n_rows, self.n_rows))
            n = piece.stop - piece.start
            w = np.ones(n) if self.w is None else self.w[piece] / self.weight_unit
            yield piece, self.X[piece if self.positions is None else self.positions[piece]], w

    def mean(self) -> np.ndarray:
        """Return the weighted mean of X, float64, shape (n_features,)."""
        total = np.zeros(self.n_features)
        for _, X, w in self._pieces():
            total += w @ X
        return total / (self.total_weight / self.weight_unit)

    def covariance_with_targets(self) -> np.ndarray:
        """Return the weighted covariance of X and the targets, shape (n_outputs, n_features)."""
        return self.mean_product_with_targets() - np.outer(self.target_means(), self.mean())

    def mean_product_with_targets(self) -> np.ndarray:
        """Return the weighted mean of their products, shape (n_outputs, n_features)."""
        total = np.zeros((self.targets.kind.n_outputs, self.n_features))
        for piece, X, w in self._pieces():
            total += (w * self.targets.matrix(piece)) @ X
        return total / (self.total_weight / self.weight_unit)

    def is_scaled(self) -> bool:
        """Tell whether every feature that varies is of the order of 1."""
        low, high = np.full((2, self.n_features), np.nan)
        mean, square = self.mean(), np.zeros(self.n_features)
        for _, X, w in self._pieces():
            dense = (X.toarray() if issparse(X) else X).astype(np.float64)
            square += w @ (dense - mean) ** 2
            low, high = np.fmin(low, dense.min(axis=0)), np.fmax(high, dense.max(axis=0))
        spread = np.sqrt(square / (self.total_weight / self.weight_unit))
        # A rare indicator has a small spread, and is scaled all the same.
        reach, varies = np.maximum(high - mean, mean - low), high > low
        least, most = SCALED
        return bool((reach[varies] > least).all() and (spread[varies] < most).all())

    # Parts of the rows

    def divide(
        self,
        share: float,
        least: int,
        random_state: np.random.RandomState,
        *,
        is_stratified: bool = True,
    ) -> tuple["Rows", "Rows"]:
        """Return a share of the rows, drawn at random, and the others; a merged row may be in both.

        Parameters
        ----------
        share : float
            Of their count.
        least : int
            How many rows are drawn at least.
        random_state : RandomState
        is_stratified : bool, default=True
            Whether every class gives about as much.
        """
        strata = self.targets.strata
        if not is_stratified:
            strata = np.zeros(self.n_rows, dtype=np.uint8)
        drawn = draw_share(self.counts, strata, share, least, random_state, self.is_merged)
        left = (1.0 if self.counts is None else self.counts) - drawn
        return self._of_counts(drawn), self._of_counts(left)

    def where(self, mask: np.ndarray) -> "Rows":
        """Return those of a mask; there may be none."""
        if mask.all():
            return self
        return self._of_counts(mask * (1.0 if self.counts is None else self.counts))

    def sample(self, share: float, random_state: np.random.RandomState) -> "Rows":
        """Return a share of them; see `divide`."""
        return self.divide(share, self.least_of_classes, random_state)[0]

    def compact(self) -> "Rows":
        """Return the same rows with an X that holds no others."""
        return self if self.positions is None else replace(self, X=self._own_X(), positions=None)

    def _own_X(self) -> Any:
        return self.X if self.positions is None else self.X[self.positions]

    def at_hand(self, random_state: np.random.RandomState) -> "Rows":
        """Return them: they are on this machine."""
        return self

    def _of_counts(self, counts: np.ndarray) -> "Rows":
        """Return the same rows with other counts; those of none are left out."""
        chosen = np.flatnonzero(counts > 0)
        # In few bytes: there may be millions of rows.
        chosen = chosen.astype(np.min_scalar_type(self.n_rows))
        counts = counts[chosen]
        where: np.ndarray | None = chosen if self.positions is None else self.positions[chosen]
        X = self.X
        if self.X.shape[0] * self.n_features <= CANONICAL_SIZE:
            X, where = X[where], None  # a copy spares one at every evaluation
        return Rows(
            X,
            self.targets.take(chosen),
            None if (counts == 1).all() else counts,
            self.class_weights,
            where,
            len(chosen),
            None if self.is_merged is None else self.is_merged[chosen],
        )

    def weighted_as(self, trained: SummedRows) -> "Rows":
        """Return the same rows with the class weights of others, which a fit is trained on.

        Raises
        ------
        ValueError
            If all are of classes of weight zero.
        """
        return self.with_class_weights(trained.class_weights, "y_val")

    def with_class_weights(self, class_weights: np.ndarray | None, name: str) -> "Rows":
        """Return the same rows with the class weights of a fit.

        Parameters
        ----------
        class_weights : ndarray of shape (n_classes,) or None
        name : str
            What an error calls their y.

        Raises
        ------
        ValueError
            If all are of classes of weight zero.
        """
        if self.class_weights is class_weights:
            return self
        rows = replace(self, class_weights=class_weights)
        if rows.w is None or rows.w.all():
            return rows
        if not rows.w.any():
            raise ValueError(
                f"class_weight leaves no row of {name} of positive weight, got {class_weights} "
                "for the classes in their order"
            )
        return rows.where(rows.w > 0)

    def to_rank_penalties(self) -> "Rows":
        """Return the same rows in the precision that is enough to compare coarse fits."""
        return self.in_single_precision() if self.targets.ranks_in_single_precision else self

    def in_single_precision(self) -> "Rows":
        """Return the same rows in float32, with an X of their own, where float32 holds them."""
        X = self._own_X()
        single = X.astype(np.float32)
        is_finite = np.isfinite(single.data if issparse(single) else single).all()
        return replace(self, X=single if is_finite else X, positions=None)


def weighted_rows(
    X: Any,
    targets: Targets,
    w: np.ndarray | None,
    chosen: np.ndarray | None = None,
) -> Rows:
    """Drop the rows of weight zero, and find the weights of the classes.

    Parameters
    ----------
    X : {ndarray, CSR array} of shape (n_samples, n_features)
        Validated.
    targets : Targets
        Those of the rows of X.
    w : ndarray of shape (n_samples,) or None
        Sample weights.
    chosen : ndarray of int or None
        Positions of the rows to take; None is all.

    Returns
    -------
    Rows
        Up to `CANONICAL_SIZE` elements, in the canonical form; of more, X is shared.

    Raises
    ------
    ValueError
        If no row has a positive weight, or the class weights make the sum infinite.
    """
    if chosen is not None:
        targets, w = targets.take(chosen), None if w is None else w[chosen]
    index = chosen
    if w is not None and not w.all():
        kept = np.flatnonzero(w)  # X itself may be large, or mapped from a file
        index, targets, w = (kept if index is None else index[kept]), targets.take(kept), w[kept]
        if len(w) == 0:
            raise ValueError("sample_weight must not be zero for all training rows, got only 0")
    n_given, is_merged = len(targets.codes), None
    if n_given * X.shape[1] <= CANONICAL_SIZE:
        X, index = (X if index is None else X[index]), None
        w = np.ones(n_given) if w is None else w
        X, codes, w, is_merged = canonical_rows(X, targets.codes, w)
        targets = targets.with_codes(codes)
    counts = None if w is None or (w == 1).all() else w
    class_weights = targets.class_weights(counts)
    return Rows(X, targets, counts, class_weights, index, n_given, is_merged)


def rows_as_given(X: Any, targets: Targets, w: np.ndarray | None, class_weights: Any) -> Rows:
    """Return those of positive weight, neither merged nor sorted; the classes weigh as given."""
    if w is not None and not w.all():
        kept = np.flatnonzero(w)
        X, targets, w = X[kept], targets.take(kept), w[kept]
    counts = None if w is None or (w == 1).all() else w
    return Rows(X, targets, counts, class_weights, None, len(targets.codes))


def concatenated(parts: Sequence[Rows]) -> Rows:
    """Return the rows of all parts of the same data, which hold an X of their own each."""
    first = parts[0]
    X: Any = [part.X for part in parts]
    counts = None
    if any(part.counts is not None for part in parts):
        of_parts = [np.ones(p.n_rows) if p.counts is None else p.counts for p in parts]
        counts = np.concatenate(of_parts)
    return Rows(
        vstack(X, format="csr") if issparse(X[0]) else np.concatenate(X),
        first.targets.with_codes(np.concatenate([part.targets.codes for part in parts])),
        counts,
        first.class_weights,
        None,
        sum(part.n_given for part in parts),
    )


def rows_of_fit(X: Any, targets: Targets, w: np.ndarray | None) -> Rows:
    """Return the weighted rows of a fit on all rows, their targets on its scale."""
    rows = weighted_rows(X, targets, w)
    return replace(rows, targets=rows.targets.standardised(rows.counts))
