"""A fit as it goes: what one start has come to, and what it came to in the end.

It is whole at every moment, since an interrupt may come at any: what belongs together is set at
once, and what follows from it is worked out when somebody asks.
"""

from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

import numpy as np

from skbackprop._network.thetas import Thetas
from skbackprop._training.coarse_start import Stage
from skbackprop._training.early_stopping import Validation
from skbackprop._training.endings import Ending
from skbackprop._training.solver import Descent, Iteration

# A fit whose J is within this share of the null cost has learned nothing of X: it has collapsed.
NULL_MARGIN = 1e-3


def is_null(cost: float, null_cost: float) -> bool:
    """Tell whether a fit is no better than predicting the means of the targets.

    At a null cost of 0 there is nothing to learn, and every fit is as good.
    """
    return null_cost > 0 and cost >= (1 - NULL_MARGIN) * null_cost


class Point(NamedTuple):
    """An accepted point.

    Attributes
    ----------
    x : ndarray
        The solver's vector.
    cost, gradient_norm : float
        J and max |D|, of the rows and in the precision of its stage.
    is_of_last_stage : bool
        Whether that is all rows in X's precision.
    n_accepted : int
        Iterations of all stages up to here.
    n_iter : int
        Those on all rows.
    """

    x: np.ndarray
    cost: float
    gradient_norm: float
    is_of_last_stage: bool
    n_accepted: int
    n_iter: int


class Outcome(NamedTuple):
    """What a fit came to.

    Attributes
    ----------
    reg_lambda : float
        The penalty.
    x : ndarray
        The solver's vector of the Thetas that are kept: the last, or with early stopping the
        best.
    thetas : Thetas
        In the dtype of X.
    loss, gradient_norm : float
        J and max |D| there.
    n_iter, n_evaluations : int
        Iterations, and evaluations, on all rows.
    loss_curve : list of float
        J at the start and after each of these iterations.
    ending : Ending
    scores : list of float or None
        Minus the validation cost after each iteration of all stages, where rows validate.
    best_iteration : int or None
        With early stopping, where the greatest score is among them.
    learned_cost : float
        What is held against other fits and the null cost: J, or with early stopping the
        validation cost.
    null_cost : float
        That of predicting the means of the targets: of classes, the frequencies.
    seconds : float
    """

    reg_lambda: float
    x: np.ndarray
    thetas: Thetas
    loss: float
    gradient_norm: float
    n_iter: int
    n_evaluations: int
    loss_curve: list[float]
    ending: Ending
    scores: list[float] | None
    best_iteration: int | None
    learned_cost: float
    null_cost: float
    seconds: float

    @property
    def is_null(self) -> bool:
        """Whether it has learned nothing."""
        return is_null(self.learned_cost, self.null_cost)


class Fit:
    """One start, live.

    Parameters
    ----------
    x : ndarray
        The solver's vector.
    reg_lambda : float
        The penalty.
    validation : Validation or None

    Attributes
    ----------
    last : Point or None
        The last accepted one.
    ending : Ending
    """

    def __init__(self, x: np.ndarray, reg_lambda: float, validation: Validation | None) -> None:
        self.x, self.reg_lambda, self.validation = x, reg_lambda, validation
        self.last: Point | None = None
        self.ending = Ending.INTERRUPTED  # until it ends otherwise
        self.began = perf_counter()
        self._loss_curve: list[float] = []
        self._descents: list[Descent] = []

    def count(self, descent: Descent) -> None:
        """Count the evaluations of a descent on all rows."""
        self._descents.append(descent)

    @property
    def n_evaluations(self) -> int:
        """Evaluations on all rows so far."""
        return sum(descent.n_evaluations for descent in self._descents)

    @property
    def n_iter(self) -> int:
        """Iterations on all rows so far."""
        return self.last.n_iter if self.last else 0

    @property
    def has_iterations(self) -> bool:
        """Whether an iteration was accepted."""
        return self.last is not None and self.last.n_accepted > 0

    def accept(self, iteration: Iteration, stage: Stage) -> None:
        """Take over an accepted iteration, or the start of a stage."""
        n_accepted, n_iter = (self.last.n_accepted, self.last.n_iter) if self.last else (0, 0)
        if iteration.number > 0:
            n_accepted, n_iter = n_accepted + 1, n_iter + stage.is_full_batch
        if stage.is_full_batch:
            # The start of a stage in another precision is the last point, only more exactly.
            self._loss_curve[n_iter:] = [iteration.cost]
        _, x, cost, norm = iteration
        self.last = Point(x, cost, norm, stage.is_last, n_accepted, n_iter)
        self.x = x

    def score(self) -> None:
        """Score the last point, unless it has been; nothing where no rows validate."""
        validation, last = self.validation, self.last
        if validation is None or last is None:
            return
        if len(validation.scores) < last.n_accepted:
            validation.score(last)

    def outcome(
        self,
        evaluate: Callable[[np.ndarray, float], tuple[float, float]],
        thetas_of: Callable[[np.ndarray], Thetas],
        null_cost: float,
    ) -> Outcome:
        """Return what it has come to so far.

        Parameters
        ----------
        evaluate : callable
            Returns J and max |D| on all rows at a vector and a penalty.
        thetas_of : callable
            Returns the Thetas of a vector.
        null_cost : float
        """
        assert self.last is not None
        self.score()
        validation = self.validation
        kept = self.last if validation is None else validation.kept(self.last)
        loss, norm, n_evaluations = kept.cost, kept.gradient_norm, self.n_evaluations
        if not kept.is_of_last_stage:
            loss, norm = evaluate(kept.x, self.reg_lambda)
            n_evaluations += 1
        loss_curve = self._loss_curve[: self.last.n_iter + 1]
        if kept is self.last or not loss_curve:
            loss_curve[-1:] = [loss]
        return Outcome(
            reg_lambda=self.reg_lambda,
            x=kept.x,
            thetas=thetas_of(kept.x),
            loss=loss,
            gradient_norm=norm,
            n_iter=self.last.n_iter,
            n_evaluations=n_evaluations,
            loss_curve=loss_curve,
            ending=self.ending,
            scores=None if validation is None else validation.scores,
            best_iteration=None if validation is None else validation.best_iteration,
            learned_cost=loss if validation is None else validation.learned_cost(kept, loss),
            null_cost=null_cost,
            seconds=perf_counter() - self.began,
        )
