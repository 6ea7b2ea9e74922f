"""J and D of the solver's vector: the sums over the rows, then the penalty; the cost of each row.

J = (1/W) sum_i w_i cost_i + (lambda/2) sum of Theta[i, j]^2 over j > 0
D[:, j] = Delta[:, j] / W + lambda Theta[:, j]   for j > 0;   D[:, 0] = Delta[:, 0] / W
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from skbackprop._network.coordinates import CentredCoordinates
from skbackprop._network.thetas import Shapes, Thetas

# From Thetas, the cost of each row, unweighted.
Costs = Callable[[Thetas], np.ndarray]
# From Thetas, the sums of cost and gradient over all rows, wherever these are; the gradient
# sums may be a buffer, good until the next call.
Sums = Callable[[Thetas], tuple[float, Thetas]]


class Objective:
    """J and D over some rows, as a function of the solver's vector and lambda.

    Parameters
    ----------
    sums : callable
        Of the rows.
    total_weight : float
        W, the sum of the rows' weights.
    shapes : list of tuple
        Shapes of the Thetas.
    dtype : dtype
        The sums are of Thetas of this type; the vector, J and D are float64.
    coordinates : CentredCoordinates
    """

    def __init__(
        self,
        sums: Sums,
        total_weight: float,
        shapes: Shapes,
        dtype: DTypeLike,
        coordinates: CentredCoordinates,
    ) -> None:
        self.sums, self.total_weight, self.coordinates = sums, total_weight, coordinates
        self._thetas = Thetas.empty(shapes, dtype)
        penalised = Thetas.empty(shapes, np.float64)
        for layer in penalised.layers:
            layer.weights[...] = 1
            layer.bias[...] = 0
        self._penalised = penalised.vector
        self._D = np.empty_like(self._penalised)

    def __call__(self, x: np.ndarray, reg_lambda: float) -> tuple[float, np.ndarray, float]:
        """Return J, its gradient, a fresh array, and max |D| at the solver's vector.

        The gradient is in the solver's coordinates, D in those of the Thetas.
        """
        theta = self._thetas.vector
        theta[...] = self.coordinates.thetas_from_x(x)
        cost, Delta = self.sums(self._thetas)
        penalty_gradient = self._penalised * theta
        penalty_gradient *= reg_lambda
        D = np.divide(Delta.vector, self.total_weight, out=self._D)
        D += penalty_gradient
        J = cost / self.total_weight + 0.5 * float(penalty_gradient.dot(theta))
        gradient = self.coordinates.gradient_from_D(D)
        return J, gradient, float(np.abs(D, out=D).max())


class RowCosts:
    """The cost of each of some rows, without the penalty, as a function of the solver's vector.

    Parameters
    ----------
    costs : callable
        Of the rows.
    w : ndarray of shape (m,) or None
        Their weights, in any unit; None where all are 1.
    shapes : list of tuple
        Shapes of the Thetas.
    dtype : dtype
        The costs are of Thetas of this type.
    coordinates : CentredCoordinates
    """

    def __init__(
        self,
        costs: Costs,
        w: np.ndarray | None,
        shapes: Shapes,
        dtype: DTypeLike,
        coordinates: CentredCoordinates,
    ) -> None:
        self.costs, self.w, self.coordinates = costs, w, coordinates
        self._thetas = Thetas.empty(shapes, dtype)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the costs, float64."""
        self._thetas.vector[...] = self.coordinates.thetas_from_x(x)
        return self.costs(self._thetas)

    def mean(self, x: np.ndarray) -> float:
        """Return their weighted mean."""
        return float(np.average(self(x), weights=self.w))
