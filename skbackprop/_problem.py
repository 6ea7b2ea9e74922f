"""A training problem: the same network, penalty and coordinates over whichever rows."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skbackprop._activations import ACTIVATIONS
from skbackprop._network import Network
from skbackprop._objective import Objective
from skbackprop._outputs import output_units
from skbackprop._parameters import Settings
from skbackprop._shards import answer_rows, make_shards, work_of_row
from skbackprop._thetas import Shapes, random_thetas, theta_shapes, unroll
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
    activations : tuple of str
        Of the hidden layers.
    out_activation : {"logistic", "softmax"}
        Kind of the output units.
    network : Network
    shapes : list of tuple
        Shapes of the Thetas.
    centres : list of ndarray
        The c of the centred coordinates, so that a vector means the same at every stage.
    reg_lambda : float
        The penalty.
    """

    activations: tuple[str, ...]
    out_activation: str
    network: Network
    shapes: Shapes
    centres: list[NDArray]
    reg_lambda: float

    @contextmanager
    def objective(self, rows: TrainingRows, dtype: DTypeLike) -> Iterator[Objective]:
        """Yield J and D over these rows, computed in this type, with threads to compute it."""
        shards = make_shards(self.network, self.shapes, rows, dtype)
        work = rows.n_rows * work_of_row(rows.X, self.shapes)
        with worker_map(len(shards), work * np.dtype(dtype).itemsize / 8) as run:
            yield Objective(
                shards,
                self.shapes,
                dtype=dtype,
                total_weight=rows.total_weight / rows.weight_unit,
                reg_lambda=self.reg_lambda,
                centres=self.centres,
                map=run,
            )

    def null_cost(self, rows: TrainingRows) -> float:
        """Return the mean cost of always predicting the frequencies of the rows' targets."""
        return self.network.output.null_cost(rows.frequencies)

    def random_start(self, random_state: np.random.RandomState) -> NDArray:
        """Return a random vector: without a bias in centred coordinates.

        A unit is then balanced at the centre of its inputs.
        """
        gains = [ACTIVATIONS[name].initial_gain for name in self.activations]
        gains.append(gains[-1] if gains else 1.0)
        return unroll(random_thetas(self.shapes, gains, random_state))


def make_network(
    activations: Sequence[str], out_activation: str, n_outputs: int, multilabel: bool
) -> Network:
    """Return the network of units with these names."""
    output = output_units(out_activation, n_outputs, multilabel)
    return Network([ACTIVATIONS[name] for name in activations], output)


def answers(
    network: Network,
    thetas: Sequence[NDArray],
    X: Any,
    answer: Callable[[NDArray], NDArray],
    columns: tuple[int, ...],
    dtype: DTypeLike,
) -> NDArray:
    """Return what `answer` makes of the logits of every row of X, with threads to compute it.

    Parameters
    ----------
    network, thetas, X, answer
        As in `answer_rows`.
    columns : tuple of int
        The shape of the answer to one row.
    dtype : dtype
        Of the answers.
    """
    work = X.shape[0] * work_of_row(X, [Theta.shape for Theta in thetas])
    with worker_map(X.shape[0], work * thetas[0].itemsize / 8) as run:
        out = np.empty((X.shape[0], *columns), dtype)
        return answer_rows(network, thetas, X, answer, out, run)


def make_problem(rows: TrainingRows, settings: Settings, reg_lambda: float | str) -> Problem:
    """Return the problem that the parameters pose over these rows.

    Parameters
    ----------
    rows : TrainingRows
        Those of the full fit.
    settings : Settings
    reg_lambda : float or "auto"
    """
    is_multiclass = rows.n_outputs > 1 and not rows.is_multilabel
    out_activation = settings.out_activation if is_multiclass else "logistic"
    return Problem(
        settings.activations,
        out_activation,
        make_network(settings.activations, out_activation, rows.n_outputs, rows.is_multilabel),
        theta_shapes(rows.layer_sizes(settings.hidden_layer_sizes)),
        layer_centres(rows, settings.hidden_layer_sizes, settings.activations),
        auto_reg_lambda(rows, settings.activations)
        if isinstance(reg_lambda, str)
        else float(reg_lambda),
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
    capped = min(1 / max(rows.total_weight, rows.n_rows), AUTO_LAMBDA_CAP)
    return lambda_factor(activations) * capped


def lambda_factor(activations: Sequence[str]) -> float:
    """Return how many times the penalty of logistic units these hidden units feel as strongly."""
    return min((AUTO_LAMBDA_FACTOR[name] for name in activations), default=1.0)


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
