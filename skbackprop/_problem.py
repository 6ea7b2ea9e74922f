"""A training problem: the same network, penalty and coordinates over whichever rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from numpy.typing import DTypeLike, NDArray

from skbackprop._network import Network
from skbackprop._objective import Objective
from skbackprop._shards import make_shards, work_of_row
from skbackprop._thetas import Shapes
from skbackprop._threads import worker_map
from skbackprop._training_rows import TrainingRows


class Problem(NamedTuple):
    """What the objectives of all stages of a fit share.

    Attributes
    ----------
    network : Network
    shapes : list of tuple
        Shapes of the Thetas.
    centres : list of ndarray
        The c of the centred coordinates, so that a vector means the same at every stage.
    reg_lambda : float
        The penalty.
    """

    network: Network
    shapes: Shapes
    centres: list[NDArray]
    reg_lambda: float

    @contextmanager
    def objective(self, rows: TrainingRows, dtype: DTypeLike) -> Iterator[Objective]:
        """Yield J and D over these rows, computed in this type, with threads to compute it."""
        shards = make_shards(self.network, self.shapes, rows, dtype)
        with worker_map(len(shards), rows.n_rows * work_of_row(rows.X, self.shapes)) as run:
            yield Objective(
                shards,
                self.shapes,
                dtype=dtype,
                total_weight=rows.total_weight / rows.weight_unit,
                reg_lambda=self.reg_lambda,
                centres=self.centres,
                map=run,
            )
