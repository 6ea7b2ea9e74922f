"""LambdaPathDisplay: cross-validated scores against the penalty lambda."""

from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_regressor
from sklearn.utils.validation import check_is_fitted

from skbackprop._plots.axes import axes_or_new, plain_log_ticks
from skbackprop._plots.nesting import nested
from skbackprop._search.results import (
    index_of_best,
    index_within_one_standard_error,
    mean_and_standard_error,
)


class LambdaPathDisplay:
    """Mean score with its standard error against the penalty lambda.

    Made by `from_estimator`; drawn, and drawn again, by `plot`. Penalties without a score have no
    point; scores far below the others are out of the picture, triangles at its edge say where.

    Parameters
    ----------
    reg_lambdas : array-like of shape (n_lambdas,)
        The penalties.
    mean_scores : array-like of shape (n_lambdas,)
        Mean score over the folds; larger is better.
    standard_errors : array-like of shape (n_lambdas,)
        Standard error of the mean.
    chosen : float
        The penalty that the search refitted at, or the one of the best mean score.
    one_standard_error : float
        The strongest penalty whose mean score is within one standard error of the best.
    score_name : str, default="score"
        What the scores are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What it was drawn in.
    figure_ : matplotlib Figure
        The figure of the axes.
    line_ : matplotlib Line2D
        The mean scores.
    band_ : matplotlib PolyCollection
        The standard errors.
    chosen_line_, one_standard_error_line_ : matplotlib Line2D
        Where both penalties are.

    See Also
    --------
    BackpropClassifierCV : The search along a path.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifierCV, LambdaPathDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> search = BackpropClassifierCV(5, reg_lambdas=[1e-1, 1e-2, 1e-3], random_state=0)
    >>> display = LambdaPathDisplay.from_estimator(search.fit(X, y))
    >>> display.chosen == search.reg_lambda_
    True
    """

    def __init__(
        self,
        *,
        reg_lambdas: ArrayLike,
        mean_scores: ArrayLike,
        standard_errors: ArrayLike,
        chosen: float,
        one_standard_error: float,
        score_name: str = "score",
    ) -> None:
        self.reg_lambdas = np.asarray(reg_lambdas, dtype=float)
        self.mean_scores = np.asarray(mean_scores, dtype=float)
        self.standard_errors = np.asarray(standard_errors, dtype=float)
        self.chosen = chosen
        self.one_standard_error = one_standard_error
        self.score_name = score_name

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw what a fitted search found.

        Parameters
        ----------
        estimator : BackpropClassifierCV, BackpropRegressorCV, GridSearchCV or Pipeline
            Fitted: the search itself, a pipeline that ends in it, or another search whose
            `best_estimator_` it is. GridSearchCV must have searched ``reg_lambda`` alone, by
            whatever name a pipeline gives it.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            For the line, as `matplotlib.axes.Axes.plot` takes them.

        Returns
        -------
        LambdaPathDisplay

        Raises
        ------
        ValueError
            If the search is not one over ``reg_lambda`` alone, with one score for each.
        NotFittedError
            If it is not fitted.
        """
        search = _search_inside(estimator)
        results = search.cv_results_
        if "mean_test_score" not in results:
            raise ValueError("estimator must have one score; the search has several")
        (name,) = _searched(search)
        reg_lambdas = _distinct_numbers(results[f"param_{name}"].tolist())
        mean, error = mean_and_standard_error(results)
        if np.isnan(mean).all():
            raise ValueError("estimator must have scores, got only NaN")
        best = getattr(search, "best_index_", index_of_best(reg_lambdas, mean))
        display = cls(
            reg_lambdas=reg_lambdas,
            mean_scores=mean,
            standard_errors=error,
            chosen=float(reg_lambdas[best]),
            one_standard_error=float(
                reg_lambdas[index_within_one_standard_error(reg_lambdas, mean, error)]
            ),
            score_name=_score_name(search),
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            For the line, as `matplotlib.axes.Axes.plot` takes them.

        Returns
        -------
        LambdaPathDisplay
            The display itself.
        """
        ax = axes_or_new(ax)
        before = ax.get_ylim() if ax.has_data() else ()
        order = np.argsort(self.reg_lambdas)
        reg_lambdas, mean = self.reg_lambdas[order], self.mean_scores[order]
        error = self.standard_errors[order]
        style = {"marker": "o", "label": "mean over the folds", **kwargs}
        (self.line_,) = ax.plot(reg_lambdas, mean, **style)
        self.band_ = ax.fill_between(
            reg_lambdas,
            mean - error,
            mean + error,
            color=self.line_.get_color(),
            alpha=0.2,
            label="standard error",
        )
        # Wide and below: it can be seen where it is the choice, too.
        self.one_standard_error_line_ = ax.axvline(
            self.one_standard_error,
            color="orange",
            alpha=0.5,
            linewidth=5,
            zorder=0,
            label=f"1se: {self.one_standard_error:.2g}",
        )
        self.chosen_line_ = ax.axvline(
            self.chosen, color="black", linestyle="--", label=f"chosen: {self.chosen:.2g}"
        )
        ax.set(xlabel="reg_lambda", ylabel=self.score_name)
        _scale_penalties(ax, reg_lambdas)
        in_view = (*_range_near_the_best(mean, error), *before)
        if in_view:
            ax.set_ylim(min(in_view), max(in_view))
            is_below = mean < min(in_view)
            style = {"color": self.line_.get_color(), "marker": "v", "linestyle": "none"}
            at_the_edge = {"transform": ax.get_xaxis_transform(), "clip_on": False}
            ax.plot(reg_lambdas[is_below], np.zeros(is_below.sum()), **style, **at_the_edge)
        _place_legend(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _scale_penalties(ax: Any, reg_lambdas: np.ndarray) -> None:
    """Make the axis of penalties logarithmic; a penalty of 0 has its place, too."""
    positive = reg_lambdas[reg_lambdas > 0]
    if len(positive) == len(reg_lambdas):
        ax.set_xscale("log")
        plain_log_ticks(ax.xaxis, *ax.get_xlim())
    elif len(positive):
        ax.set_xscale("symlog", linthresh=positive.min())
        ax.set_xlim(-positive.min() / 4, positive.max() * 2)


def _range_near_the_best(mean: np.ndarray, error: np.ndarray) -> tuple[float, ...]:
    """Return the range of scores to show: three times what the better half of them spans.

    Or five standard errors of the best, if these are more; and no more than all that there is.
    """
    is_finite = np.isfinite(mean)
    mean, error = mean[is_finite], np.nan_to_num(error[is_finite], nan=0, posinf=0)
    if len(mean) == 0 or mean.max() == mean.min():
        return ()
    best = mean.max()
    far = max(3 * (best - np.median(mean)), 5 * error[mean.argmax()])
    low = max(best - far, (mean - error).min())
    is_shown = mean >= low
    high = min((mean + error)[is_shown].max(), best + far)
    margin = 0.05 * (high - low)
    return low - margin, high + margin


def _place_legend(ax: Any) -> None:
    """Put the legend below the axes, where the figure makes room for what is outside of them."""
    if ax.figure.get_layout_engine() is None:
        ax.legend()
    else:
        # In sizes of its font: room for the labels of the axis, and a picture as wide as a column.
        room = {"borderaxespad": 4.2, "handlelength": 1.5, "columnspacing": 1}
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, **room)


def _search_inside(estimator: Any) -> Any:
    """Return the outermost search over reg_lambda alone."""
    candidates = list(nested(estimator))
    for search in candidates:
        searched = _searched(search)
        if len(searched) == 1 and searched[0].rpartition("__")[2] == "reg_lambda":
            return search
    check_is_fitted(candidates[-1])
    if hasattr(candidates[-1], "reg_lambda_scores_"):
        raise ValueError(
            "estimator must have searched by cross-validation, got "
            f"{type(candidates[-1]).__name__} with reg_lambda='auto': its reg_lambdas_ and "
            "reg_lambda_scores_ are of one share of the rows, and have no standard error"
        )
    what = "; ".join(
        f"{type(search).__name__} searched {_searched(search) or 'nothing'}"
        for search in list(filter(_searched, candidates)) or candidates[-1:]
    )
    raise ValueError(f"estimator must have searched reg_lambda and nothing else; {what}")


def _searched(search: Any) -> list[str]:
    results = getattr(search, "cv_results_", {})
    return [name.removeprefix("param_") for name in results if name.startswith("param_")]


def _distinct_numbers(values: list[Any]) -> np.ndarray:
    if not all(isinstance(value, Real) for value in values):
        raise ValueError(f"estimator must have searched numbers, got {values}")
    reg_lambdas, counts = np.unique(np.array(values, dtype=float), return_counts=True)
    if (counts > 1).any():
        most = counts.argmax()
        raise ValueError(
            "estimator must have one score for each reg_lambda, got "
            f"{counts[most]} for {reg_lambdas[most]:g}, as a search by successive halving has for "
            "its budgets"
        )
    return np.array(values, dtype=float)


def _score_name(search: Any) -> str:
    scoring = search.scoring
    if isinstance(scoring, str):
        return scoring
    if scoring is None:
        if not hasattr(search, "reg_lambdas_"):
            return "score"
        return "minus the held-out cost" if is_regressor(search) else "held-out log-probability"
    return getattr(scoring, "__name__", "score")
