"""Small training problems, and the package's objective for them.

The one place where the tests build an objective: a change inside the package ends here.
"""

from itertools import count
from typing import Any, NamedTuple

import numpy as np
import textbook
from scipy.sparse import issparse

from skbackprop._machine import prediction, shards
from skbackprop._machine.shards import ShardSums
from skbackprop._network.coordinates import CentredCoordinates
from skbackprop._network.network import Network
from skbackprop._network.objective import Objective, RowCosts
from skbackprop._network.thetas import Thetas, roll, theta_shapes, unroll
from skbackprop._rows.classes import Classes, ClassTargets
from skbackprop._rows.numbers import Numbers, NumberTargets
from skbackprop._rows.rows import Rows

N_FEATURES = 3
# Kind of output: number of output units.
OUTPUTS = {"logistic": 4, "softmax": 4, "binary": 1, "multilabel": 2, "identity": 2, "exp": 2}
NUMBERS = ("identity", "exp")
# No z of a network with relu units comes nearer to the kink than this.
KINK_MARGIN = 0.01


class Problem(NamedTuple):
    """Rows, targets and weights as the objective takes them, and Thetas to evaluate it at."""

    X: Any
    y: np.ndarray
    w: np.ndarray | None
    thetas: list[np.ndarray]
    activations: tuple[str, ...]
    output: str
    reg_lambda: float

    @property
    def n_outputs(self):
        return len(self.thetas[-1])

    @property
    def shapes(self):
        return [Theta.shape for Theta in self.thetas]

    @property
    def targets(self):
        if self.output in NUMBERS:
            K = self.n_outputs
            return NumberTargets(self.y, Numbers(np.zeros(K), np.ones(K), False), False)
        n_labels = 2 if self.output == "binary" else self.n_outputs
        return ClassTargets(self.y, Classes(np.arange(n_labels), self.output == "multilabel"))

    @property
    def out_activation(self):
        return self.output if self.output in ("softmax", *NUMBERS) else "logistic"

    @property
    def dense_X(self):
        return self.X.toarray() if issparse(self.X) else self.X

    @property
    def Y(self):
        """Targets as numbers, of classes zeros and ones, a column per output unit."""
        if self.output in ("multilabel", *NUMBERS):
            return self.y
        if self.output == "binary":
            return self.y[:, np.newaxis]
        return np.eye(self.n_outputs, dtype=int)[self.y]

    @property
    def centres(self):
        """Centres for every layer: any will do, and none is zero."""
        rng = np.random.default_rng(7)
        return [rng.uniform(0.3, 1.5, size=Theta.shape[1] - 1) for Theta in self.thetas]


def make_problem(
    hidden_layer_sizes=(4, 2),
    activations="logistic",
    output="logistic",
    *,
    reg_lambda=0.7,
    weighted=True,
    container=np.asarray,
    dtype=np.float64,
    n_rows=6,
):
    """Return a problem of random rows and Thetas, the same at every call.

    `activations` is one name or a name per hidden layer; `output` is a key of `OUTPUTS`;
    `container` makes the matrix of rows, one third of which is zero.
    """
    if isinstance(activations, str):
        activations = (activations,) * len(hidden_layer_sizes)
    rng = np.random.default_rng(42)
    X = rng.normal(size=(n_rows, N_FEATURES)).astype(dtype)
    X[rng.permuted(np.arange(X.size) % 3 == 0).reshape(X.shape)] = 0
    K = OUTPUTS[output]
    if output == "multilabel":
        y = (rng.permuted(np.arange(n_rows * K) % 2)).reshape(n_rows, K)
    elif output == "identity":
        y = rng.normal(size=(n_rows, K))
    elif output == "exp":
        y = rng.poisson(2.0, size=(n_rows, K)).astype(float)
    else:
        y = rng.permutation(np.arange(n_rows) % max(K, 2))
    w = rng.uniform(0.5, 2.0, size=n_rows) if weighted else None
    shapes = theta_shapes([N_FEATURES, *hidden_layer_sizes, K])
    thetas = _thetas_off_the_kinks(shapes, X, activations)
    return Problem(container(X), y, w, thetas, tuple(activations), output, reg_lambda)


def _thetas_off_the_kinks(shapes, X, activations):
    for seed in count():
        rng = np.random.default_rng(seed)
        thetas = [rng.normal(size=shape) for shape in shapes]
        if "relu" not in activations:
            return thetas
        for x in X:
            z, _ = textbook.forward_propagation(thetas, x, activations)
            if min(abs(z_k) for z_l in z.values() for z_k in z_l) < KINK_MARGIN:
                break
        else:
            return thetas


def make_network(problem):
    layer_sizes = [problem.X.shape[1], *map(len, problem.thetas)]
    output = problem.targets.kind.output_units(problem.out_activation)
    return Network(layer_sizes, problem.activations, output)


def make_rows(problem):
    return Rows(problem.X, problem.targets, problem.w, None, None, n_given=len(problem.y))


def make_objective(problem, *, centred=False, map=None):
    """Return the objective; uncentred, its vector is the Thetas and its gradient is D.

    `map` is whoever runs the shards, in place of the package's threads.
    """
    rows, dtype = make_rows(problem), problem.X.dtype
    with rows.sums(make_network(problem), dtype) as sums:
        pass  # so small a problem is summed without threads, and needs no context
    if map is not None:
        sums.map = map
    W = rows.total_weight / rows.weight_unit
    return Objective(sums, W, problem.shapes, dtype, _coordinates(problem, centred))


def make_row_costs(problem, *, centred=False, map=None):
    """Return the cost of each row, as `make_objective` does."""
    rows, dtype = make_rows(problem), problem.X.dtype
    with rows.costs(make_network(problem), dtype) as costs:
        pass
    if map is not None:
        costs.map = map
    return RowCosts(costs, rows.w, problem.shapes, dtype, _coordinates(problem, centred))


def make_batch_objective(problem, n_rows, random_state):
    """Return the objective of a batch of so many rows, at every call of the next."""
    sums = make_rows(problem).sums_of_batches(
        make_network(problem), n_rows, problem.X.dtype, random_state
    )
    coordinates = _coordinates(problem, centred=False)
    return Objective(sums, n_rows, problem.shapes, problem.X.dtype, coordinates)


def _coordinates(problem, centred):
    return CentredCoordinates(
        problem.shapes, problem.centres if centred else [0 * c for c in problem.centres]
    )


def x_of(objective, problem):
    """Return the solver's vector of the problem's Thetas."""
    return objective.coordinates.x_from_thetas(unroll(problem.thetas))


def cost_and_gradient(problem):
    """Return J and the list of the D at the problem's Thetas, in their own coordinates."""
    objective = make_objective(problem)
    J, D, _ = objective(x_of(objective, problem), problem.reg_lambda)
    return J, roll(D, problem.shapes)


def logits(problem):
    """Return z(L) of the rows, as predictions see it."""
    network, dtype = make_network(problem), problem.X.dtype
    thetas = Thetas(unroll(problem.thetas).astype(dtype), problem.shapes)
    columns = (problem.n_outputs,)
    return prediction.answers(network, thetas, problem.X, lambda z: z, columns, dtype)


def split_rows(monkeypatch, *, block_rows, shard_rows, max_shards):
    """Make the package divide few rows as it divides many."""
    for module in (shards, prediction):
        monkeypatch.setattr(module, "rows_of_block", lambda X, shapes, dtype: block_rows)
    monkeypatch.setattr(
        shards, "rows_of_shard", lambda X, shapes, n: max(shard_rows, -(-n // max_shards))
    )


def shards_of(objective):
    """Return the shards; a single one is asked for its sums without more ado."""
    sums = objective.sums
    return sums.shards if isinstance(sums, ShardSums) else [sums.__self__]


def rows_of_blocks(objective):
    """Return the number of rows of every block of every shard."""
    return [[block().X.shape[0] for block in shard.blocks] for shard in shards_of(objective)]


def numerical_gradient(f, x, step=1e-5):
    """Return the gradient of f at x by central differences."""
    h = step * np.eye(len(x))
    return np.array([(f(x + h_i) - f(x - h_i)) / (2 * step) for h_i in h])
