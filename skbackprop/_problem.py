"""A training problem: the same network, penalty and coordinates over whichever rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skbackprop._activations import ACTIVATIONS
from skbackprop._network import Network
from skbackprop._objective import Objective
from skbackprop._shards import make_shards, work_of_row
from skbackprop._thetas import Shapes
from skbackprop._threads import worker_map
from skbackprop._training_rows import TrainingRows

# The greatest lambda that "auto" gives: 1/m silences data of a few dozen rows.
AUTO_LAMBDA_CAP = 1e-3
# Since tanh(t) = 2 g(2t) - 1, a logistic unit feels four times the penalty of a tanh unit.
AUTO_LAMBDA_FACTOR = {"logistic": 1.0, "identity": 1.0, "tanh": 4.0, "relu": 4.0}


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


def auto_reg_lambda(rows: TrainingRows, activations: Sequence[str]) -> float:
    """Return the lambda that "auto" stands for.

    Parameters
    ----------
    rows : TrainingRows
    activations : sequence of str
        Of the hidden layers.

    Returns
    -------
    float
        See `BackpropClassifier`. The number of rows bounds W from below where weights
        are normalised to sum to 1, as by AdaBoostClassifier.
    """
    factor = min((AUTO_LAMBDA_FACTOR[name] for name in activations), default=1.0)
    return factor * min(1 / max(rows.total_weight, rows.n_rows), AUTO_LAMBDA_CAP)


def layer_centres(
    rows: TrainingRows, hidden_layer_sizes: Sequence[int], activations: Sequence[str]
) -> list[NDArray]:
    """Return about where the inputs of each Theta lie: the c of the centred coordinates.

    Parameters
    ----------
    rows : TrainingRows
    hidden_layer_sizes : sequence of int
    activations : sequence of str
        Of the hidden layers.

    Returns
    -------
    list of ndarray
        The mean of X, then a constant for each hidden layer that its activation gives.
    """
    hidden = zip(hidden_layer_sizes, activations, strict=True)
    return [rows.mean(), *(np.full(size, ACTIVATIONS[name].centre) for size, name in hidden)]
