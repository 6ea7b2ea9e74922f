"""J and D of the unrolled vector: the sums over the shards, then the penalty.

    J = (1/W) sum_i w_i cost_i + (lambda/2) sum of Theta[i, j]^2 over j > 0
    D[:, j] = Delta[:, j] / W + lambda Theta[:, j]   for j > 0;   D[:, 0] = Delta[:, 0] / W

This is the only place where a vector and matrices meet, and the vector is in *centred
coordinates*: the solver sees, in place of the bias b of a unit,

    b' = b + weights . c,      so that      z = weights . a + b = weights . (a - c) + b',

with c near the mean of the layer's inputs a. The biases are not penalised, so J is the
same function in other coordinates; by the chain rule its gradient there is

    dJ/db' = dJ/db,      dJ/dweights (b' fixed) = dJ/dweights (b fixed) - dJ/db c^T.

A change of the weights no longer drags the mean of z along, which makes the curvature
more even and spares L-BFGS and CG many evaluations. X itself is never touched.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skbackprop._thetas import Layer, Shapes, count_parameters, layers_of, roll, unroll

# Below, a change of coordinates is a product with a small matrix (measured).
FEW_PARAMETERS = 100


class SumsCostAndGradient(Protocol):
    """A shard, wherever its rows are."""

    def cost_and_gradient(self, thetas: Sequence[Layer]) -> tuple[float, NDArray]:
        """Return the weighted sums of cost and gradient over the shard's rows."""
        ...


class Objective:
    """J and D as a function of the unrolled Thetas in centred coordinates.

    Parameters
    ----------
    shards : sequence of shards
        Each returns sums; they are added in this order.
    shapes : list of tuple
        Shapes of the Thetas.
    dtype : dtype
        The shards are given Thetas of this type; the vector, J and D are float64.
    total_weight : float
        W, the sum of the rows' weights.
    reg_lambda : float
        The penalty lambda.
    centres : sequence of ndarray
        c for each Theta, of shape (s_l,).
    map : callable, default=map
        Applies a function to every shard, and returns the results in their order.
    """

    def __init__(
        self,
        shards: Sequence[SumsCostAndGradient],
        shapes: Shapes,
        *,
        dtype: DTypeLike,
        total_weight: float,
        reg_lambda: float,
        centres: Sequence[NDArray],
        map: Callable[..., Iterable[Any]] = map,
    ) -> None:
        self.shards = shards
        self.shapes = shapes
        self.total_weight = total_weight
        self.map = map
        n_parameters = count_parameters(shapes)
        self._theta = np.empty(n_parameters, dtype)
        self._layers = layers_of(roll(self._theta, shapes))
        # Where coordinates are changed, in place: the views are bound once.
        self._scratch = np.empty(n_parameters)
        self._parts = [
            (layer.bias, layer.weights, c)
            for layer, c in zip(layers_of(roll(self._scratch, shapes)), centres, strict=True)
        ]
        self._set_reg_lambda(reg_lambda)

    def _set_reg_lambda(self, reg_lambda: float) -> None:
        self._penalty = np.full(self._theta.size, float(reg_lambda))
        for layer in layers_of(roll(self._penalty, self.shapes)):
            layer.bias[...] = 0
        self._maps: tuple[NDArray, NDArray, NDArray] | None = None
        if self._theta.size <= FEW_PARAMETERS:
            self._maps = self._change_of_coordinates()

    def with_reg_lambda(self, reg_lambda: float) -> "Objective":
        """Return the objective with another penalty; the shards are shared."""
        other = copy.copy(self)
        other._set_reg_lambda(reg_lambda)
        return other

    def _change_of_coordinates(self) -> tuple[NDArray, NDArray, NDArray]:
        """Return the matrices of the three linear maps that an evaluation needs.

        From a vector x to the Thetas, theta = U x; from the gradient sums to dJ/dx, by the
        chain rule U^T / W; from x to the gradient of the penalty, U^T lambda U. For a few
        parameters, a product with one is quicker than a call of numpy for every layer.
        """
        uncentre = np.array([self._uncentred(e).copy() for e in np.eye(self._theta.size)]).T
        return uncentre, uncentre.T / self.total_weight, (uncentre.T * self._penalty) @ uncentre

    def __call__(self, vector: NDArray) -> tuple[float, NDArray]:
        """Return J and its gradient, a fresh array, at a vector in centred coordinates."""
        self._theta[...] = self._uncentred(vector)
        cost, sums = self._add_shards()
        J = cost / self.total_weight
        if self._maps is not None:
            _, gradient, penalty = self._maps
            penalty_gradient = penalty.dot(vector)
            D = gradient.dot(sums)
            D += penalty_gradient
            return J + 0.5 * float(penalty_gradient.dot(vector)), D
        penalty_gradient = self._penalty * self._theta
        D = np.divide(sums, self.total_weight, out=self._scratch)
        D += penalty_gradient
        for bias, weights, c in self._parts:
            weights -= np.multiply.outer(bias, c)
        return J + 0.5 * float(penalty_gradient.dot(self._theta)), D.copy()

    def _add_shards(self) -> tuple[float, NDArray]:
        results = self.map(self._sums_of, self.shards)
        if len(self.shards) == 1:
            (result,) = results
            return result
        cost, sums = 0.0, np.zeros(self._theta.size)
        for shard_cost, shard_sums in results:
            cost += shard_cost
            sums += shard_sums
        return cost, sums

    def _sums_of(self, shard: SumsCostAndGradient) -> tuple[float, NDArray]:
        return shard.cost_and_gradient(self._layers)

    def _uncentred(self, vector: NDArray) -> NDArray:
        """Return the Thetas' own coordinates of a vector, good until the next call."""
        if self._maps is not None:
            return self._maps[0].dot(vector)
        self._scratch[...] = vector
        for bias, weights, c in self._parts:
            bias -= weights @ c
        return self._scratch

    def thetas(self, vector: NDArray) -> list[NDArray]:
        """Return the Thetas, in their own coordinates, of a vector in centred ones."""
        return roll(self._uncentred(vector).astype(self._theta.dtype), self.shapes)

    def vector(self, thetas: Sequence[NDArray]) -> NDArray:
        """Return the vector in centred coordinates of Thetas in their own."""
        self._scratch[...] = unroll(thetas)
        for bias, weights, c in self._parts:
            bias += weights @ c
        return self._scratch.copy()

    def gradient_norm(self, gradient: NDArray) -> float:
        """Return max |D| in the Thetas' own coordinates, of a gradient in centred ones."""
        self._scratch[...] = gradient
        for bias, weights, c in self._parts:
            weights += np.multiply.outer(bias, c)
        return float(np.abs(self._scratch, out=self._scratch).max())
