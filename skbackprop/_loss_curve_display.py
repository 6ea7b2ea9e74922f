"""LossCurveDisplay: the cost of a fit, iteration by iteration."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


class LossCurveDisplay:
    """Cost J against the iterations of a fit, and the validation cost beside it.

    Made by `from_estimator`; drawn, and drawn again, by `plot`. Several fits share axes
    where ``ax`` is given.

    Parameters
    ----------
    loss_curve : sequence of float
        J at the start and after each iteration.
    validation_scores : sequence of float or None, default=None
        Minus the validation cost after each iteration, of a fit with early stopping.
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
        estimator : BackpropClassifier, BackpropClassifierCV or Pipeline
            Fitted; a pipeline ends in one of them.
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
        NotFittedError
            If the estimator is not fitted.
        """
        fitted = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        check_is_fitted(fitted, "loss_curve_")
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
        (self.line_,) = ax.plot(self.loss_curve, **{"label": self.name, **kwargs})
        self.validation_line_ = None
        if self.validation_scores is not None:
            (self.validation_line_,) = ax.plot(
                np.arange(1, len(self.validation_scores) + 1),
                -np.asarray(self.validation_scores),
                color=self.line_.get_color(),
                linestyle="--",
                label=f"{self.line_.get_label()}, validation cost",
            )
        ax.set(xlabel="iteration", ylabel="cost", yscale="log")
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self
