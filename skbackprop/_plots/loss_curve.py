"""LossCurveDisplay: the cost of a fit, iteration by iteration."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skbackprop._plots.nesting import innermost_with


class LossCurveDisplay:
    """Cost J against the iterations of a fit, and the validation cost beside it.

    Made by `from_estimator`; drawn, and drawn again, by `plot`. Several fits share axes
    where ``ax`` is given.

    With early stopping the axis counts all iterations, as `best_iteration_` does: J begins where
    those on a part of the rows have ended.

    Parameters
    ----------
    loss_curve : sequence of float
        J at the start and after each iteration on all rows.
    validation_scores : sequence of float or None, default=None
        Minus the validation cost after each iteration, those on a part of the rows included, of
        a fit with early stopping.
    name : str, default="J"
        What the legend calls the fit.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What it was drawn in.
    figure_ : matplotlib Figure
        The figure of the axes.
    line_ : matplotlib Line2D
        The cost.
    validation_line_ : matplotlib Line2D or None
        The validation cost, without the penalty.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier, LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = BackpropClassifier(5, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(classifier)
    >>> len(display.loss_curve) == classifier.n_iter_ + 1
    True
    """

    def __init__(
        self,
        *,
        loss_curve: Sequence[float],
        validation_scores: Sequence[float] | None = None,
        name: str = "J",
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, name: str | None = None, **kwargs: Any
    ) -> Self:
        """Draw how a fit went.

        Parameters
        ----------
        estimator : BackpropClassifier, BackpropClassifierCV, Pipeline or GridSearchCV
            Fitted. Of a pipeline the last step is shown, of a search its `best_estimator_`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        name : str, default=None
            What the legend calls the fit; None is "J".
        **kwargs : dict
            For the line, as `matplotlib.axes.Axes.plot` takes them.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        ValueError
            If there is no network inside the estimator.
        NotFittedError
            If it is not fitted.
        """
        fitted = innermost_with("loss_curve_", estimator)
        display = cls(
            loss_curve=fitted.loss_curve_,
            validation_scores=getattr(fitted, "validation_scores_", None),
            name="J" if name is None else name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            For the line, as `matplotlib.axes.Axes.plot` takes them.

        Returns
        -------
        LossCurveDisplay
            The display itself.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots()
        scores = () if self.validation_scores is None else self.validation_scores
        costs = -np.asarray(scores, dtype=float)
        start = self._first_iteration(costs)
        (self.line_,) = _plot(ax, start, self.loss_curve, {"label": self.name, **kwargs})
        self.validation_line_ = None
        if len(costs):
            style = {
                "color": self.line_.get_color(),
                "linestyle": "--",
                "label": f"{self.line_.get_label()}, validation cost",
            }
            (self.validation_line_,) = _plot(ax, 1, costs, style)
        ax.set(xlabel="iteration", ylabel="cost", yscale="log")
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _first_iteration(self, validation_costs: NDArray) -> int:
        """Return the iteration after which J begins."""
        if len(validation_costs) and len(self.loss_curve) == 1:
            return int(validation_costs.argmin()) + 1  # J of the Thetas that are kept
        return max(0, len(validation_costs) - (len(self.loss_curve) - 1))


def _plot(ax: Any, start: int, values: Sequence[float] | NDArray, style: dict[str, Any]) -> Any:
    """Plot values from an iteration on; one alone is no line, but a point."""
    marker = {"marker": "o"} if len(values) == 1 else {}
    return ax.plot(np.arange(start, start + len(values)), values, **{**marker, **style})
