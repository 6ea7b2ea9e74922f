"""LossCurveDisplay: the cost of a fit, iteration by iteration."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from skbackprop._plots.axes import axes_or_new, plain_log_ticks
from skbackprop._plots.nesting import innermost_with


class LossCurveDisplay:
    """Cost J against the iterations of a fit, and the validation cost beside it.

    Made by `from_estimator`; drawn, and drawn again, by `plot`. Several fits share axes
    where ``ax`` is given.

    J is that of the rows trained on, with the penalty; the validation cost is without it. Where
    there is a validation cost the axis counts all iterations, and J begins where those on a part
    of the rows have ended. The axis of costs is logarithmic where they span a decade.

    Parameters
    ----------
    loss_curve : sequence of float
        J at the start and after each iteration on all rows.
    validation_scores : sequence of float or None, default=None
        Minus the validation cost after each iteration, those on a part of the rows included.
    kept_iteration : int or None, default=None
        Where the scores are those of the Thetas that are kept, from 0 as `best_iteration_`; None
        is at the last. The axis of the picture counts from 1: there iteration 0 is the start.
    stop_reason : str or None, default=None
        Why the fit ended.
    name : str or None, default=None
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
        The validation cost.
    kept_mark_ : matplotlib Line2D or None
        The validation cost of the Thetas kept, where ``kept_iteration`` says which these are.

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
        kept_iteration: int | None = None,
        stop_reason: str | None = None,
        name: str | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_scores = validation_scores
        self.kept_iteration = kept_iteration
        self.stop_reason = stop_reason
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, name: str | None = None, **kwargs: Any
    ) -> Self:
        """Draw how a fit went.

        Parameters
        ----------
        estimator : estimator of this package, Pipeline or search of scikit-learn
            Fitted. Of a pipeline the last step is shown, of a search its `best_estimator_`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        name : str, default=None
            What the legend calls the fit.
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
            kept_iteration=getattr(fitted, "best_iteration_", None),
            stop_reason=fitted.stop_reason_,
            name=name,
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
        ax = axes_or_new(ax)
        scores = () if self.validation_scores is None else self.validation_scores
        costs = -np.asarray(scores, dtype=float)
        ended = "" if self.stop_reason is None else f", ended: {self.stop_reason}"
        style = {"label": self._labelled(f"J{ended}"), **kwargs}
        (self.line_,) = _plot(ax, self._first_iteration(len(costs)), self.loss_curve, style)
        self.validation_line_ = self.kept_mark_ = None
        color = self.line_.get_color()
        if len(costs):
            style = {"color": color, "linestyle": "--", "label": self._labelled("validation cost")}
            (self.validation_line_,) = _plot(ax, 1, costs, style)
        if len(costs) and self.kept_iteration is not None:
            kept = self.kept_iteration
            label = self._labelled(f"kept at iteration {kept + 1}")
            style = {"color": color, "marker": "o", "linestyle": "none", "label": label}
            (self.kept_mark_,) = ax.plot(kept + 1, costs[kept], **style)
        _label_axes(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _labelled(self, what: str) -> str:
        """Return what the legend says of a line."""
        return what if self.name is None else f"{self.name}: {what}"

    def _first_iteration(self, n_scores: int) -> int:
        """Return the iteration after which J begins."""
        if n_scores and self.kept_iteration is not None and len(self.loss_curve) == 1:
            return self.kept_iteration + 1  # J of the Thetas that are kept
        return max(0, n_scores - (len(self.loss_curve) - 1))


def _plot(ax: Any, start: int, values: Sequence[float] | np.ndarray, style: dict[str, Any]) -> Any:
    """Plot values from an iteration on; one alone is no line, but a point."""
    marker = {"marker": "o"} if len(values) == 1 else {}
    return ax.plot(np.arange(start, start + len(values)), values, **{**marker, **style})


def _label_axes(ax: Any) -> None:
    """Scale and label the axes for all that has been drawn in them."""
    from matplotlib.ticker import MaxNLocator

    low, high = ax.dataLim.minposy, ax.dataLim.y1
    ax.set(xlabel="iteration", ylabel="cost", yscale="linear" if high < 10 * low else "log")
    if ax.get_yscale() == "log":
        plain_log_ticks(ax.yaxis, low, high)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.legend()
