"""Rows on the workers of a cluster, in groups, each of which is ordinary rows.

All that is known of them is what the groups say of themselves, added up in their order. Which rows
a group has follows from the chunks of the data alone, so the sums are the same, bit for bit, on
however many workers.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from dask.sizeof import sizeof
from numpy.typing import DTypeLike, NDArray

from skbackprop._cluster.engine import Cluster, Resident
from skbackprop._network.network import Network
from skbackprop._network.objective import Costs, Sums
from skbackprop._network.thetas import Thetas
from skbackprop._rows.rows import Rows, concatenated
from skbackprop._rows.summed import SummedRows
from skbackprop._rows.targets import Targets

# Bytes of X up to which rows are brought to the client, where mini-batches pass through them.
MOST_BYTES = 2**28


@sizeof.register(Rows)
def _bytes_of(rows: Rows) -> int:
    """Return about how many bytes they take: what a worker spills to disk follows from that."""
    arrays = (rows.X, rows.targets.codes, rows.counts, rows.positions)
    return sum(sizeof(array) for array in arrays)


class Facts(NamedTuple):
    """What the client knows of a group; as `Rows` has them."""

    n_rows: int
    n_given: int
    total_count: float
    total_weight: float
    weight_unit: float
    bytes_of_row: float


def facts_of(rows: Rows) -> Facts:
    """Return what the client is to know of a group."""
    n, W, unit = rows.n_rows, rows.total_weight, rows.weight_unit
    return Facts(n, rows.n_given, rows.total_count, W, unit, sizeof(rows.X) / max(n, 1))


class ClusterRows:
    """Rows on a cluster: what `SummedRows` says, of all groups together.

    Parameters
    ----------
    cluster : Cluster
        At work.
    groups : sequence of Resident
        Of `Rows` each; those without any are left out.
    targets : Targets
        Of a few rows that stand for all.
    class_weights : ndarray of shape (n_classes,) or None
    n_features : int
    dtype : dtype
        That of X.
    """

    def __init__(
        self,
        cluster: Cluster,
        groups: Sequence[Resident],
        targets: Targets,
        class_weights: NDArray | None,
        n_features: int,
        dtype: np.dtype,
    ) -> None:
        self.cluster, self.targets, self.class_weights = cluster, targets, class_weights
        self.n_features, self.dtype = n_features, dtype
        facts = cluster.each(facts_of, groups)
        with_rows = [i for i, of_group in enumerate(facts) if of_group.n_rows]
        self.groups = [groups[i] for i in with_rows]
        self.facts = [facts[i] for i in with_rows]

    # What the facts add up to

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return sum(facts.n_rows for facts in self.facts)

    @property
    def n_given(self) -> int:
        """The same."""
        return sum(facts.n_given for facts in self.facts)

    @property
    def least_of_classes(self) -> int:
        """How many rows a part needs for one of each class."""
        return self.targets.n_strata

    @property
    def total_count(self) -> float:
        """As how many rows they count together."""
        return sum(facts.total_count for facts in self.facts)

    @property
    def total_weight(self) -> float:
        """W, the sum of the weights."""
        return sum(facts.total_weight for facts in self.facts)

    @cached_property
    def weight_unit(self) -> float:
        """A power of two near the greatest weight."""
        return max(facts.weight_unit for facts in self.facts)

    @property
    def w(self) -> NDArray:
        """The weight of each group."""
        return np.array([facts.total_weight for facts in self.facts])

    # What the groups say, weighted

    def _mean_of(self, function: Callable[..., Any], *point: Any) -> Any:
        """Return the weighted mean of what a function gives of each group."""
        of_groups = self.cluster.each(function, self.groups, *point)
        return np.average(of_groups, axis=0, weights=self.w)

    @cached_property
    def _target_means(self) -> NDArray:
        return self._mean_of(Rows.target_means)

    def target_means(self) -> NDArray:
        """Return the weighted mean of each output unit's target."""
        return self._target_means

    def mean(self) -> NDArray:
        """Return the weighted mean of X."""
        return self._mean_of(Rows.mean)

    def null_cost(self, network: Network, learned_from: SummedRows | None = None) -> float:
        """Return the mean cost of always predicting the target means, of these or other rows."""
        predicted = (self if learned_from is None else learned_from).target_means()
        return float(self._mean_of(_constant_cost, network, predicted))

    def is_scaled(self) -> bool:
        """Tell whether in every group every feature that varies is of the order of 1."""
        return all(self.cluster.each(Rows.is_scaled, self.groups))

    # Sums over the rows

    @contextmanager
    def sums(self, network: Network, dtype: DTypeLike) -> Iterator[Sums]:
        """Yield the sums of cost and gradient, a function of the Thetas: see `Rows.sums`."""

        def sums(thetas: Thetas) -> tuple[float, Thetas]:
            point = network, _on_the_way(thetas), np.dtype(dtype), self.weight_unit
            cost, Delta = self.cluster.total(_sums_at, self.groups, point)
            return float(cost), Thetas(Delta, thetas.shapes)

        yield sums

    @contextmanager
    def costs(self, network: Network, dtype: DTypeLike) -> Iterator[Costs]:
        """Yield the mean cost of each group, a function of the Thetas."""

        def costs(thetas: Thetas) -> NDArray:
            point = network, _on_the_way(thetas), np.dtype(dtype)
            return np.array(self.cluster.each(_mean_cost_at, self.groups, point))

        yield costs

    # Parts of the rows

    def divide(
        self, share: float, least: int, random_state: np.random.RandomState
    ) -> tuple["ClusterRows", "ClusterRows"]:
        """Return a share of the rows, drawn at random in each group, and the others.

        These rows themselves leave the workers' memory, and come back when somebody asks for them.
        """
        divided = [
            self.cluster.hold(_divided, group, share, seed, home=group.home)
            for group, seed in zip(self.groups, self._seeds(random_state), strict=True)
        ]
        drawn, others = (self._of(divided, part) for part in range(2))
        for resident in [*divided, *self.groups]:
            resident.let_go()
        return drawn, others

    def _of(self, divided: Sequence[Resident], part: int) -> "ClusterRows":
        groups = [self.cluster.hold(_part, both, part, home=both.home) for both in divided]
        return ClusterRows(
            self.cluster, groups, self.targets, self.class_weights, self.n_features, self.dtype
        )

    def sample(self, share: float, random_state: np.random.RandomState) -> Rows:
        """Return a share of the rows, drawn at random in each group, on this machine."""
        seeds = iter(self._seeds(random_state))
        parts = [
            self.cluster.hold(_sample, g, share, next(seeds), home=g.home) for g in self.groups
        ]
        here = self.cluster.each(Rows.compact, parts)
        for part in parts:
            part.let_go()
        return concatenated(here)

    def at_hand(self, random_state: np.random.RandomState) -> Rows:
        """Return the rows on this machine, or a sample where X would take too many bytes."""
        n_bytes = sum(facts.n_rows * facts.bytes_of_row for facts in self.facts)
        if n_bytes > MOST_BYTES:
            return self.sample(MOST_BYTES / n_bytes, random_state)
        return concatenated(self.cluster.each(Rows.compact, self.groups))

    def weighted_as(self, trained: SummedRows) -> "ClusterRows":
        """Return these rows: they were encoded with the class weights of the fit."""
        assert self.class_weights is trained.class_weights
        return self

    def _seeds(self, random_state: np.random.RandomState) -> list[int]:
        return random_state.randint(np.iinfo(np.int32).max, size=len(self.groups)).tolist()


def _on_the_way(thetas: Thetas) -> Thetas:
    """Return a copy: a worker in this process would see the next point in the same buffer."""
    return Thetas(thetas.vector.copy(), thetas.shapes)


# What the tasks do.


def _sums_at(rows: Rows, point: tuple[Network, Thetas, np.dtype, float]) -> tuple[NDArray, NDArray]:
    network, thetas, dtype, unit = point
    with rows.sums(network, dtype) as sums:
        cost, Delta = sums(thetas)
    scale = rows.weight_unit / unit
    if scale == 1:
        return np.array(cost), Delta.vector
    return np.array(cost * scale), Delta.vector.astype(np.float64) * scale


def _mean_cost_at(rows: Rows, point: tuple[Network, Thetas, np.dtype]) -> float:
    network, thetas, dtype = point
    with rows.costs(network, dtype) as costs:
        return float(np.average(costs(thetas), weights=rows.w))


def _constant_cost(rows: Rows, network: Network, predicted: NDArray) -> float:
    return rows.targets.constant_cost(network.output, predicted, rows.w)


def _divided(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    state = np.random.RandomState(seed)
    drawn, others = rows.divide(share, 1, state, is_stratified=False)
    return drawn.compact(), others.compact()


def _part(divided: tuple[Rows, Rows], part: int) -> Rows:
    return divided[part]


def _sample(rows: Rows, share: float, seed: int) -> Rows:
    state = np.random.RandomState(seed)
    return rows.divide(share, 1, state, is_stratified=False)[0].compact()
