"""Rows on the workers of a cluster, in groups, each of which is ordinary rows.

All that is known of them is what the groups say of themselves, added up in their order. Which rows
a group has follows from the chunks of the data alone, so the sums are the same, bit for bit, on
however many workers.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
from dask.sizeof import sizeof
from numpy.typing import DTypeLike

from skbackprop._cluster.engine import Cluster, Resident
from skbackprop._cluster.held import WHOLE, Held, Part
from skbackprop._machine.shards import ShardCosts, sums_over
from skbackprop._network.network import Network
from skbackprop._network.objective import Costs, Sums
from skbackprop._network.thetas import Thetas
from skbackprop._rows.rows import Rows, concatenated
from skbackprop._rows.summed import SummedRows
from skbackprop._rows.targets import Targets

# Bytes of X up to which rows are brought to the client, where mini-batches pass through them.
MOST_BYTES = 2**28


class Facts(NamedTuple):
    """What the client knows of a group; as `Rows` has them.

    Of targets that are numbers, `ends` are the least and the greatest code of each column.
    """

    n_rows: int
    n_given: int
    total_count: float
    total_weight: float
    weight_unit: float
    bytes_of_row: float
    ends: np.ndarray | None


def facts_of(rows: Rows) -> Facts:
    """Return what the client is to know of a group."""
    W, unit = rows.total_weight, rows.weight_unit
    bytes_of_row = sizeof(rows.X) / max(rows.X.shape[0], 1)
    ends = None
    if not rows.targets.has_classes and rows.n_rows:
        ends = np.array([rows.targets.codes.min(axis=0), rows.targets.codes.max(axis=0)])
    return Facts(rows.n_rows, rows.n_given, rows.total_count, W, unit, bytes_of_row, ends)


class ClusterRows:
    """Rows on a cluster: what `SummedRows` says, of all groups together.

    Parameters
    ----------
    cluster : Cluster
        At work.
    groups : sequence of Resident
        Of `Held` rows each; those that have none of the part are left out.
    targets : Targets
        Of a few rows that stand for all; of numbers, others do that are the ends of these rows.
    class_weights : ndarray of shape (n_classes,) or None
    n_features : int
    dtype : dtype
        That in which X is computed.
    part : Part, default=WHOLE
        Which rows of the groups they are.
    """

    def __init__(
        self,
        cluster: Cluster,
        groups: Sequence[Resident],
        targets: Targets,
        class_weights: np.ndarray | None,
        n_features: int,
        dtype: np.dtype,
        part: Part = WHOLE,
    ) -> None:
        self.cluster, self.class_weights = cluster, class_weights
        self.n_features, self.dtype, self.part = n_features, dtype, part
        facts = cluster.each(OfPart(facts_of, part), groups)
        with_rows = [i for i, of_group in enumerate(facts) if of_group.n_rows]
        self.groups = [groups[i] for i in with_rows]
        self.facts = [facts[i] for i in with_rows]
        self.targets = _standing_for(self.facts, targets)

    def of_part(
        self, part: Part, class_weights: np.ndarray | None, dtype: np.dtype | None = None
    ) -> "ClusterRows":
        """Return other rows of the same groups, whose classes have these weights."""
        dtype = self.dtype if dtype is None else dtype
        return ClusterRows(
            self.cluster, self.groups, self.targets, class_weights, self.n_features, dtype, part
        )

    def each(self, function: Callable[..., Any], *point: Any) -> list[Any]:
        """Return what a function of `Rows` gives of each group, and of a point if there is one."""
        return self.cluster.each(OfPart(function, self.part), self.groups, *point)

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
    def w(self) -> np.ndarray:
        """The weight of each group."""
        return np.array([facts.total_weight for facts in self.facts])

    # What the groups say, weighted

    def _mean_of(self, function: Callable[..., Any], *point: Any) -> Any:
        """Return the weighted mean of what a function gives of each group."""
        return np.average(self.each(function, *point), axis=0, weights=self.w)

    def mean_by_count(self, function: Callable[..., float], *point: Any) -> float:
        """Return the mean of what a function gives of each group, weighted by its rows' counts."""
        counts = [facts.total_count for facts in self.facts]
        return float(np.average(self.each(function, *point), weights=counts))

    @cached_property
    def _target_means(self) -> np.ndarray:
        return self._mean_of(Rows.target_means)

    def target_means(self) -> np.ndarray:
        """Return the weighted mean of each output unit's target."""
        return self._target_means

    def mean(self) -> np.ndarray:
        """Return the weighted mean of X."""
        return self._mean_of(Rows.mean)

    def covariance_with_targets(self) -> np.ndarray:
        """Return the weighted covariance of X and the targets, shape (n_outputs, n_features)."""
        mean_product = self._mean_of(Rows.mean_product_with_targets)
        return mean_product - np.outer(self.target_means(), self.mean())

    def null_cost(self, network: Network, learned_from: SummedRows | None = None) -> float:
        """Return the mean cost of always predicting the target means, of these or other rows."""
        predicted = (self if learned_from is None else learned_from).target_means()
        return float(self._mean_of(_constant_cost, network, predicted))

    def is_scaled(self) -> bool:
        """Tell whether in every group every feature that varies is of the order of 1."""
        return all(self.each(Rows.is_scaled))

    # Sums over the rows

    @contextmanager
    def sums(self, network: Network, dtype: DTypeLike) -> Iterator[Sums]:
        """Yield the sums of cost and gradient, a function of the Thetas: see `Rows.sums`."""
        key, dtype = uuid.uuid4().hex, np.dtype(dtype)

        def sums(thetas: Thetas) -> tuple[float, Thetas]:
            point = Point(key, self.part, network, dtype, _on_the_way(thetas), self.weight_unit)
            cost, Delta = self.cluster.total(_sums_at, self.groups, point)
            return float(cost), Thetas(Delta, thetas.shapes)

        yield sums

    @contextmanager
    def costs(self, network: Network, dtype: DTypeLike) -> Iterator[Costs]:
        """Yield the mean cost of each group, a function of the Thetas."""
        key, dtype = uuid.uuid4().hex, np.dtype(dtype)

        def costs(thetas: Thetas) -> np.ndarray:
            point = Point(key, self.part, network, dtype, _on_the_way(thetas))
            return np.array(self.cluster.each(_mean_cost_at, self.groups, point))

        yield costs

    # Parts of the rows

    def divide(
        self, share: float, least: int, random_state: np.random.RandomState
    ) -> tuple["ClusterRows", "ClusterRows"]:
        """Return a share of the rows, drawn at random in each group, and the others.

        These rows themselves leave the workers' memory, and come back when somebody asks for them;
        but not those of a fold, whose groups the other folds share.
        """
        divided = [
            self.cluster.hold(_divided, group, self.part, share, seed)
            for group, seed in zip(self.groups, self._seeds(random_state), strict=True)
        ]
        drawn, others = (self._of(divided, side) for side in range(2))
        for resident in [*divided, *(self.groups if self.part.fold is None else [])]:
            resident.let_go()
        return drawn, others

    def _of(self, divided: Sequence[Resident], side: int) -> "ClusterRows":
        groups = [self.cluster.hold(_side, both, side) for both in divided]
        return ClusterRows(
            self.cluster, groups, self.targets, self.class_weights, self.n_features, self.dtype
        )

    def sample(self, share: float, random_state: np.random.RandomState) -> Rows:
        """Return a share of the rows, drawn at random in each group, on this machine."""
        drawn = [
            self.cluster.hold(_sample, group, self.part, share, seed)
            for group, seed in zip(self.groups, self._seeds(random_state), strict=True)
        ]
        here = self.cluster.each(OfPart(Rows.compact, WHOLE), drawn)
        for resident in drawn:
            resident.let_go()
        return concatenated(here)

    def at_hand(self, random_state: np.random.RandomState) -> Rows:
        """Return the rows on this machine, or a sample where X would take too many bytes."""
        n_bytes = sum(facts.n_rows * facts.bytes_of_row for facts in self.facts)
        if n_bytes > MOST_BYTES:
            return self.sample(MOST_BYTES / n_bytes, random_state)
        return concatenated(self.each(Rows.compact))

    def to_rank_penalties(self) -> "ClusterRows":
        """Return the same rows in the precision that is enough to compare coarse fits.

        In single precision X is cast block by block: no second X is kept.
        """
        if not self.targets.ranks_in_single_precision:
            return self
        dtype = np.result_type(*self.each(_dtype_to_rank))
        return self.of_part(self.part, self.class_weights, dtype)

    def weighted_as(self, trained: SummedRows) -> "ClusterRows":
        """Return the same rows with the class weights of those that a fit is trained on.

        Raises
        ------
        ValueError
            If all are of classes of weight zero.
        """
        weights = trained.class_weights
        if self.class_weights is weights:
            return self
        rows = self.of_part(self.part._replace(class_weights=weights), weights)
        if rows.n_rows == 0:
            raise ValueError(
                f"class_weight leaves no row of y_val of positive weight, got {weights} for the "
                "classes in their order"
            )
        return rows

    def _seeds(self, random_state: np.random.RandomState) -> list[int]:
        return random_state.randint(np.iinfo(np.int32).max, size=len(self.groups)).tolist()


def _standing_for(facts: Sequence[Facts], targets: Targets) -> Targets:
    """Return targets of a few rows that are constant where all are."""
    ends = [of_group.ends for of_group in facts if of_group.ends is not None]
    if not ends:
        return targets
    low, high = np.min(ends, axis=0)[0], np.max(ends, axis=0)[1]
    return targets.with_codes(np.array([low, high]))


def _on_the_way(thetas: Thetas) -> Thetas:
    """Return a copy: a worker in this process would see the next point in the same buffer."""
    return Thetas(thetas.vector.copy(), thetas.shapes)


# What the tasks do.


class OfPart:
    """A function of `Rows` as one of what a worker holds."""

    def __init__(self, function: Callable[..., Any], part: Part) -> None:
        self.function, self.part, self.__name__ = function, part, function.__name__

    def __call__(self, held: Held, *point: Any) -> Any:
        """Call it with the rows of the part."""
        return self.function(held.part(self.part), *point)


class Point(NamedTuple):
    """Where an evaluation is.

    Attributes
    ----------
    key : str
        Of the function that is evaluated; see `Held.call`.
    part : Part
    network : Network
    dtype : dtype
    thetas : Thetas
    unit : float, default=1.0
        That of the weights of all groups; costs of rows know none.
    """

    key: str
    part: Part
    network: Network
    dtype: np.dtype
    thetas: Thetas
    unit: float = 1.0


def _sums_at(held: Held, point: Point) -> tuple[np.ndarray, np.ndarray]:
    return held.call(point.key, partial(_opened_sums, held, point), point.thetas)


def _opened_sums(held: Held, point: Point) -> Callable[[Thetas], tuple[np.ndarray, np.ndarray]]:
    rows = held.part(point.part)
    sums = sums_over(rows.shards(point.network, point.dtype))
    scale = rows.weight_unit / point.unit

    def scaled(thetas: Thetas) -> tuple[np.ndarray, np.ndarray]:
        cost, Delta = sums(thetas)
        if scale == 1:
            return np.array(cost), Delta.vector.copy()  # it may be a buffer
        return np.array(cost * scale), Delta.vector.astype(np.float64) * scale

    return scaled


def _mean_cost_at(held: Held, point: Point) -> float:
    return held.call(point.key, partial(_opened_costs, held, point), point.thetas)


def _opened_costs(held: Held, point: Point) -> Callable[[Thetas], float]:
    rows = held.part(point.part)
    costs = ShardCosts(rows.shards(point.network, point.dtype))
    return lambda thetas: float(np.average(costs(thetas), weights=rows.w))


def _constant_cost(rows: Rows, network: Network, predicted: np.ndarray) -> float:
    return rows.targets.constant_cost(network.output, predicted, rows.w)


def _dtype_to_rank(rows: Rows) -> np.dtype:
    return rows.to_rank_penalties().dtype


def _divided(held: Held, part: Part, share: float, seed: int) -> tuple[Held, Held]:
    state = np.random.RandomState(seed)
    drawn, others = held.part(part).divide(share, 1, state, is_stratified=False)
    return Held(drawn.compact()), Held(others.compact())


def _side(divided: tuple[Held, Held], side: int) -> Held:
    return divided[side]


def _sample(held: Held, part: Part, share: float, seed: int) -> Held:
    state = np.random.RandomState(seed)
    return Held(held.part(part).divide(share, 1, state, is_stratified=False)[0].compact())
