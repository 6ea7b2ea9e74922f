"""Mini-batches: the cheap stage that a fit of many rows begins with.

Adam takes a step after every batch of rows, and what it comes to in an epoch is the mean of the
points on its way: they stray about the way down, their mean does not.

Sources: D. P. Kingma and J. Ba, "Adam: A method for stochastic optimization", ICLR 2015;
B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by averaging", SIAM
Journal on Control and Optimization 30, 1992.
"""

from collections.abc import Callable

import numpy as np

from skbackprop._training.endings import Ending
from skbackprop._training.solver import Iteration, NonFiniteError, Objective

# Found by measuring (benchmarks/coarse_start.py).
RATE = 0.01
# As its authors have them.
DECAY, DECAY_OF_SQUARES, LEAST_ROOT = 0.9, 0.999, 1e-8


class Adam:
    """Steps from gradients: their running mean, in units of the root of that of their squares."""

    def __init__(self, n_parameters: int) -> None:
        self.mean, self.square = np.zeros((2, n_parameters))
        self.n_steps = 0

    def step(self, gradient: np.ndarray) -> np.ndarray:
        """Return what to add to the point."""
        self.n_steps += 1
        self.mean += (1 - DECAY) * (gradient - self.mean)
        self.square += (1 - DECAY_OF_SQUARES) * (gradient * gradient - self.square)
        # Both means begin at 0.
        mean_share = 1 - DECAY**self.n_steps
        square_share = 1 - DECAY_OF_SQUARES**self.n_steps
        root = np.sqrt(self.square / square_share) + LEAST_ROOT
        return -RATE / mean_share * self.mean / root


class MiniBatchDescent:
    """A descent by mini-batches, an epoch an iteration.

    Parameters
    ----------
    objective : Objective
        Of a batch of rows, at every call of the next.
    n_batches : int
        Of an epoch.
    reg_lambda : float
        The penalty.
    on_iteration : callable
        Called with an `Iteration` at the start, of the first batch, and after every epoch, with the
        means of its points, costs and max |D|; returns an ending to end with, or None.
    """

    def __init__(
        self,
        objective: Objective,
        n_batches: int,
        reg_lambda: float,
        on_iteration: Callable[[Iteration], Ending | None],
    ) -> None:
        self.objective, self.n_batches, self.reg_lambda = objective, n_batches, reg_lambda
        self.on_iteration = on_iteration

    def run(self, x0: np.ndarray, max_iter: int) -> Ending:
        """Go down from x0, for so many epochs at most.

        Raises
        ------
        NonFiniteError
            If the cost or the gradient becomes infinite or NaN.
        """
        x, adam = x0.copy(), Adam(len(x0))
        cost, _, norm = self.objective(x0, self.reg_lambda)
        ending = self._accept(0, x0, cost, norm)
        for number in range(1, max_iter + 1):
            if ending is not None:
                return ending
            ending = self._accept(number, *self._epoch(x, adam))
        return ending or Ending.MAX_ITER

    def _epoch(self, x: np.ndarray, adam: Adam) -> tuple[np.ndarray, float, float]:
        """Move x, and return the means along its way: of x, cost and max |D|."""
        x_sum, cost_sum, norm_sum = np.zeros_like(x), 0.0, 0.0
        for _ in range(self.n_batches):
            cost, gradient, norm = self.objective(x, self.reg_lambda)
            x += adam.step(gradient)
            x_sum += x
            cost_sum += cost
            norm_sum += norm
        n = self.n_batches
        return x_sum / n, cost_sum / n, norm_sum / n

    def _accept(self, number: int, x: np.ndarray, cost: float, norm: float) -> Ending | None:
        if not (np.isfinite(cost) and np.isfinite(x).all()):
            raise NonFiniteError(f"the cost of mini-batches became non-finite ({cost})")
        return self.on_iteration(Iteration(number, x, cost, norm))
