"""Early stopping: a held-out share of the rows says when to stop, and which Thetas to keep."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from skbackprop._solver import Iteration
from skbackprop._training_rows import TrainingRows


def hold_out(
    rows: TrainingRows, fraction: float, random_state: np.random.RandomState
) -> tuple[TrainingRows, TrainingRows]:
    """Divide rows into those to train on and those to validate on.

    Parameters
    ----------
    rows : TrainingRows
    fraction : float
        Of the rows, to validate on: rounded up, and at least as many as there are classes.
    random_state : RandomState
        Chooses them: stratified, unless a class has fewer than two rows.

    Returns
    -------
    training, validation : TrainingRows

    Raises
    ------
    ValueError
        If no row is left to train on.
    """
    n_classes = 1 if rows.is_multilabel else len(rows.classes)
    n_held_out = max(math.ceil(fraction * rows.n_rows), n_classes)
    n_left = rows.n_rows - n_held_out
    if n_left < 1:
        raise ValueError(
            f"validation_fraction must leave rows to train on, got {fraction!r}: of "
            f"{rows.n_rows} rows, {n_held_out} are held out"
        )
    stratify = None
    if not rows.is_multilabel and np.bincount(rows.y).min() >= 2 and n_left >= n_classes:
        stratify = rows.y
    parts = train_test_split(
        np.arange(rows.n_rows), test_size=n_held_out, stratify=stratify, random_state=random_state
    )
    training, validation = (rows.subset(np.sort(part)) for part in parts)
    return training, validation


class EarlyStopping:
    """Stops a fit whose validation cost no longer falls, and remembers where it was least.

    Parameters
    ----------
    cost : callable
        The mean validation cost, without the penalty, of a vector of the solver.
    patience : int
        Stop after so many iterations without a strictly better score.

    Attributes
    ----------
    scores : list of float
        Minus the validation cost after each iteration.
    best : Iteration or None
        The first one with the greatest score; None before the first iteration.
    """

    def __init__(self, cost: Callable[[NDArray], float], patience: int) -> None:
        self.cost, self.patience = cost, patience
        self.scores: list[float] = []
        self.best: Iteration | None = None

    def __call__(self, iteration: Iteration, thetas: Callable[[], list[NDArray]]) -> bool:
        """Score an iteration; True is the wish to stop."""
        score = -self.cost(iteration.x)
        if self.best is None or score > max(self.scores):
            self.best = iteration
        self.scores.append(score)
        return self.is_over

    @property
    def is_over(self) -> bool:
        """Whether there were so many iterations since the best one."""
        return self.best is not None and len(self.scores) - self.best.number >= self.patience
