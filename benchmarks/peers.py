"""One cost and gradient of the same network on the same data, by this package and its peers.

Each function takes the problem and returns a call that evaluates it once. All of them have
logistic hidden units, softmax outputs, the same Thetas and the same penalty.
"""

import warnings
from typing import NamedTuple

import numpy as np

from skbackprop._machine.blas import single_threaded_blas
from skbackprop._network.coordinates import centred_coordinates
from skbackprop._network.network import Network
from skbackprop._network.objective import Objective
from skbackprop._network.thetas import random_thetas, theta_shapes, unroll
from skbackprop._rows.classes import Classes, ClassTargets
from skbackprop._rows.rows import Rows


class Case(NamedTuple):
    """Rows, layer sizes and precision of a problem."""

    m: int
    sizes: tuple[int, ...]
    dtype: str

    def data(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((self.m, self.sizes[0]), dtype=np.float32)
        X = X.astype(self.dtype, copy=False)
        y = rng.integers(self.sizes[-1], size=self.m)
        y[: self.sizes[-1]] = np.arange(self.sizes[-1])
        return X, y

    def thetas(self):
        shapes = theta_shapes(self.sizes)
        return random_thetas(shapes, [1.0] * len(shapes), np.random.RandomState(0)).matrices

    @property
    def title(self):
        return f"{self.m}: {'-'.join(map(str, self.sizes))} {self.dtype}"

    @property
    def reg_lambda(self):
        return 1 / self.m


def skbackprop(case):
    X, y = case.data()
    classes = Classes(np.arange(case.sizes[-1]), False)
    rows = Rows(X, ClassTargets(y, classes), None, None, None, len(y))
    hidden = ["logistic"] * (len(case.sizes) - 2)
    network = Network(case.sizes, hidden, classes.output_units("softmax"))
    coordinates = centred_coordinates(network, rows.mean())
    limit, context = single_threaded_blas(), rows.sums(network, X.dtype)
    limit.__enter__()  # both for as long as the process lasts
    sums = context.__enter__()
    objective = Objective(sums, rows.total_weight, network.shapes, X.dtype, coordinates)
    x = coordinates.x_from_thetas(unroll(case.thetas()))
    return lambda: (objective(x, case.reg_lambda), limit, context)


def mlpclassifier(case):
    """MLPClassifier's own function, as it gives it to scipy, in the precision of X."""
    import scipy.optimize
    from sklearn.neural_network import MLPClassifier

    X, y = case.data()
    given = {}

    # Named for what has happened, as StopIteration is: it ends a call early, and nothing is wrong.
    class Caught(Exception):  # noqa: N818
        pass

    def catch(function, x0, args=(), **kwargs):
        given.update(function=function, args=args)
        raise Caught

    estimator = MLPClassifier(
        case.sizes[1:-1], activation="logistic", solver="lbfgs", alpha=1.0, random_state=0
    )
    minimize, scipy.optimize.minimize = scipy.optimize.minimize, catch
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(X, y)
    except Caught:
        pass
    finally:
        scipy.optimize.minimize = minimize
    thetas = case.thetas()
    packed = [Theta[:, 1:].T.ravel() for Theta in thetas] + [Theta[:, 0] for Theta in thetas]
    vector = np.concatenate(packed).astype(case.dtype)
    return lambda: given["function"](vector, *given["args"])


def jax(case):
    import jax as jax_
    import jax.numpy as jnp

    jax_.config.update("jax_enable_x64", True)
    X, y = (jnp.asarray(array) for array in case.data())

    def cost(thetas):
        a = X
        for Theta in thetas[:-1]:
            a = jax_.nn.sigmoid(a @ Theta[:, 1:].T + Theta[:, 0])
        z = a @ thetas[-1][:, 1:].T + thetas[-1][:, 0]
        log_likelihood = jnp.take_along_axis(jax_.nn.log_softmax(z), y[:, None], axis=1).mean()
        penalty = sum((Theta[:, 1:] ** 2).sum() for Theta in thetas)
        return case.reg_lambda / 2 * penalty - log_likelihood

    evaluate = jax_.jit(jax_.value_and_grad(cost))
    thetas = [jnp.asarray(Theta, dtype=case.dtype) for Theta in case.thetas()]
    return lambda: jax_.block_until_ready(evaluate(thetas))


def pytorch(case):
    import torch

    X, y = (torch.from_numpy(array) for array in case.data())
    dtype = getattr(torch, case.dtype)
    thetas = [torch.tensor(T, dtype=dtype, requires_grad=True) for T in case.thetas()]

    def evaluate():
        a = X
        for Theta in thetas[:-1]:
            a = torch.sigmoid(torch.addmm(Theta[:, 0], a, Theta[:, 1:].T))
        z = torch.addmm(thetas[-1][:, 0], a, thetas[-1][:, 1:].T)
        penalty = sum((Theta[:, 1:] ** 2).sum() for Theta in thetas)
        cost = torch.nn.functional.cross_entropy(z, y) + case.reg_lambda / 2 * penalty
        return cost, torch.autograd.grad(cost, thetas)

    return evaluate


def products(case):
    """Time the network's own matrix products and nothing else: the limit."""
    X, _ = case.data()
    thetas = [np.ascontiguousarray(Theta[:, 1:], dtype=case.dtype) for Theta in case.thetas()]
    a = [X, *(np.full((case.m, size), 0.5, dtype=case.dtype) for size in case.sizes[1:])]
    Delta = [np.empty_like(Theta) for Theta in thetas]

    def evaluate():
        for l, Theta in enumerate(thetas):
            np.dot(a[l], Theta.T, out=a[l + 1])
        for l in reversed(range(len(thetas))):
            np.dot(a[l + 1].T, a[l], out=Delta[l])
            if l > 0:
                np.dot(a[l + 1], thetas[l], out=a[l])

    return evaluate


PEERS = {f.__name__: f for f in (skbackprop, mlpclassifier, jax, pytorch, products)}
