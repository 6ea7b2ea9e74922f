"""What a fit asks of its rows, on this machine or on others: sums over them, and parts of them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from skbackprop._network.coordinates import CentredCoordinates
from skbackprop._network.network import Network
from skbackprop._network.objective import Costs, Objective, Sums
from skbackprop._rows.targets import Targets


class SummedRows(Protocol):
    """Rows that are known by what is summed over them.

    ``targets`` are those of all rows here, and of rows elsewhere those of a few that stand for
    them: of the same kind, and constant where all are. ``w`` are the weights of what ``costs``
    gives the mean costs of: of each row here, elsewhere of each group of rows. The rest is as
    `Rows` has it.
    """

    @property
    def targets(self) -> Targets:
        """What they are to teach."""
        ...

    @property
    def class_weights(self) -> np.ndarray | None:
        """The weights of the classes; None where all are 1."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """That of X."""
        ...

    @property
    def n_rows(self) -> int:
        """Number of resident rows, m."""
        ...

    @property
    def n_given(self) -> int:
        """How many they were before equal ones were merged."""
        ...

    @property
    def n_features(self) -> int:
        """Number of features."""
        ...

    @property
    def least_of_classes(self) -> int:
        """How many rows a part needs for one of each class."""
        ...

    @property
    def w(self) -> np.ndarray | None:
        """Weights of what `costs` gives; None where all are 1."""
        ...

    @property
    def total_weight(self) -> float:
        """W, the sum of the weights."""
        ...

    @property
    def total_count(self) -> float:
        """As how many rows they count together."""
        ...

    @property
    def weight_unit(self) -> float:
        """A power of two near the greatest weight, the unit of the sums."""
        ...

    def target_means(self) -> np.ndarray:
        """Return the weighted mean of each output unit's target."""
        ...

    def null_cost(self, network: Network, learned_from: "SummedRows | None" = None) -> float:
        """Return the mean cost of always predicting the target means, of these or other rows."""
        ...

    def mean(self) -> np.ndarray:
        """Return the weighted mean of X."""
        ...

    def covariance_with_targets(self) -> np.ndarray:
        """Return the weighted covariance of X and the targets."""
        ...

    def is_scaled(self) -> bool:
        """Tell whether every feature that varies is of the order of 1."""
        ...

    def sums(self, network: Network, dtype: DTypeLike) -> AbstractContextManager[Sums]:
        """Return a context that yields the sums of cost and gradient."""
        ...

    def costs(self, network: Network, dtype: DTypeLike) -> AbstractContextManager[Costs]:
        """Return a context that yields the costs, whose weights are `w`."""
        ...

    def divide(
        self, share: float, least: int, random_state: np.random.RandomState
    ) -> tuple["SummedRows", "SummedRows"]:
        """Return a share of the rows, drawn at random, and the others."""
        ...

    def sample(self, share: float, random_state: np.random.RandomState) -> Any:
        """Return a share of the rows, as `Rows`, which are on this machine."""
        ...

    def at_hand(self, random_state: np.random.RandomState) -> Any:
        """Return them as `Rows`, or where they are too many for this machine a sample."""
        ...

    def to_rank_penalties(self) -> Any:
        """Return the same rows in the precision that is enough to compare coarse fits."""
        ...

    def weighted_as(self, trained: "SummedRows") -> "SummedRows":
        """Return the same rows with the class weights of those that a fit is trained on."""
        ...


@contextmanager
def objective_over(
    rows: SummedRows, network: Network, dtype: DTypeLike, coordinates: CentredCoordinates
) -> Iterator[Objective]:
    """Yield J and D over some rows, computed in this type, as a function of the solver's vector."""
    with rows.sums(network, dtype) as sums:
        W = rows.total_weight / rows.weight_unit
        yield Objective(sums, W, network.shapes, dtype, coordinates)
