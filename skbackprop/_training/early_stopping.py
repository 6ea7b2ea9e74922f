"""Rows that are not trained on: they score a fit, and with early stopping end it.

They are the user's own validation set, or for early stopping a share of the rows, held out.
"""

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from skbackprop._rows.summed import SummedRows
from skbackprop._training.solver import NonFiniteError


def hold_out(
    rows: SummedRows, fraction: float, random_state: np.random.RandomState
) -> tuple[SummedRows, SummedRows]:
    """Divide rows into those to train on and those to validate on.

    Parameters
    ----------
    rows : Rows
    fraction : float
        Of their count, to validate on: rounded up, and at least as many as there are classes.
    random_state : RandomState
        Chooses them: stratified; a class of one row keeps it.

    Returns
    -------
    training, validation : Rows

    Raises
    ------
    ValueError
        If no class has two rows.
    """
    validation, training = rows.divide(fraction, rows.least_of_classes, random_state)
    if min(training.n_rows, validation.n_rows) == 0:
        raise ValueError(
            "validation_fraction must leave rows to train on beside those held out, got "
            f"{fraction!r}: of {rows.total_count:g} rows, no two are of one class"
        )
    return training, validation


class ValidationError(NonFiniteError):
    """The validation cost became infinite or NaN."""


class Scored(Protocol):
    """A point of the solver."""

    @property
    def x(self) -> np.ndarray:
        """Its vector."""
        ...

    @property
    def n_accepted(self) -> int:
        """Iterations of all stages up to here."""
        ...


class Validation:
    """Scores every iteration, and changes nothing.

    Parameters
    ----------
    cost : callable
        The mean validation cost, without the penalty, of a vector of the solver.

    Attributes
    ----------
    scores : list of float
        Minus the validation cost after each iteration, of all stages.
    """

    def __init__(self, cost: Callable[[np.ndarray], float]) -> None:
        self.cost = cost
        self.scores: list[float] = []

    def score(self, point: Scored) -> None:
        """Score the next iteration."""
        score = -self.cost(point.x)
        if not math.isfinite(score):
            raise ValidationError(
                f"the validation cost became non-finite ({-score}): scale X, for instance with "
                "StandardScaler, and give X_val and y_val, if any, on the scale of X and y"
            )
        # In this order: an interrupt on the way leaves what a second call makes good.
        self._compare(point, score)
        self.scores.append(score)

    def _compare(self, point: Scored, score: float) -> None:
        """Hold a point against those before it."""

    @property
    def best_iteration(self) -> int | None:
        """Which iteration is kept for its score: none."""
        return None

    @property
    def is_over(self) -> bool:
        """Whether the scores end the fit: never."""
        return False

    def kept(self, last: Any) -> Any:
        """Return the point that is kept, given the last one."""
        return last

    def learned_cost(self, kept: Scored, J: float) -> float:
        """Return what a fit is judged by, given J at the point that is kept."""
        return J


class EarlyStopping(Validation):
    """Says when the validation cost no longer falls, and keeps the point where it was least.

    Parameters
    ----------
    cost : callable
        As of `Validation`.
    patience : int
        Stop after so many iterations without a strictly better score.

    Attributes
    ----------
    best : point or None
        The first one with the greatest score.
    """

    def __init__(self, cost: Callable[[np.ndarray], float], patience: int) -> None:
        super().__init__(cost)
        self.patience = patience
        self.best: Any = None
        self._best_score = -math.inf

    def _compare(self, point: Scored, score: float) -> None:
        if score > self._best_score:  # the first one is: it is finite
            self.best, self._best_score = point, score

    @property
    def best_iteration(self) -> int | None:
        """Where the first greatest score is in `scores`."""
        return None if self.best is None else self.best.n_accepted - 1

    @property
    def is_over(self) -> bool:
        """Whether there were so many iterations since the best one."""
        return self.best is not None and len(self.scores) - self.best.n_accepted >= self.patience

    def kept(self, last: Any) -> Any:
        """Return the best point, or the last where there is none."""
        return last if self.best is None else self.best

    def learned_cost(self, kept: Scored, J: float) -> float:
        """Return the validation cost of the best point, or of a start that is all there is."""
        return -self._best_score if kept is self.best else self.cost(kept.x)
