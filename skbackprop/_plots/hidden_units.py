"""HiddenUnitsDisplay: what the units of the first hidden layer look for."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skbackprop._plots.nesting import innermost_with

# More names than this do not fit below a heat map.
MOST_NAMES = 60


class HiddenUnitsDisplay:
    """Weights of the first layer: an image for each unit, or a row of a heat map.

    Made by `from_estimator`; drawn, and drawn again, by `plot`. Red is positive, blue
    negative, white zero.

    Parameters
    ----------
    weights : array-like of shape (n_units, n_features)
        ``thetas_[0][:, 1:]``.
    image_shape : tuple of int or None, default=None
        Height and width, where the features are the pixels of an image.
    feature_names : sequence of str or None, default=None
        Names for the heat map.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What it was drawn in.
    figure_ : matplotlib Figure
        The figure of the axes.
    image_ : matplotlib AxesImage
        The images, or the heat map.
    colorbar_ : matplotlib Colorbar
        The scale of the weights.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skbackprop import BackpropClassifier, HiddenUnitsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = BackpropClassifier(9, tol=1e-2, random_state=0).fit(X / 16, y)
    >>> display = HiddenUnitsDisplay.from_estimator(classifier, image_shape=(8, 8))
    >>> display.weights.shape
    (9, 64)
    """

    def __init__(
        self,
        *,
        weights: ArrayLike,
        image_shape: tuple[int, int] | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> None:
        self.weights = np.asarray(weights)
        self.image_shape = image_shape
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        feature_names: Sequence[str] | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the first layer of a fitted network.

        Parameters
        ----------
        estimator : BackpropClassifier, BackpropClassifierCV, Pipeline or GridSearchCV
            Fitted. Of a pipeline the last step is shown, and the weights are those of the
            features that reach it; of a search, its `best_estimator_`.
        image_shape : tuple of int or None, default=None
            Height and width, where the features are the pixels of an image.
        feature_names : sequence of str or None, default=None
            None takes `feature_names_in_`, or "x0", "x1" and so on.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            As `matplotlib.axes.Axes.imshow` takes them.

        Returns
        -------
        HiddenUnitsDisplay

        Raises
        ------
        ValueError
            If ``image_shape`` or ``feature_names`` does not fit the features, or there is no
            network inside the estimator.
        NotFittedError
            If the estimator is not fitted.
        """
        fitted = innermost_with("thetas_", estimator)
        n_features = fitted.n_features_in_
        if image_shape is not None and np.prod(image_shape) != n_features:
            raise ValueError(
                f"image_shape must have {n_features} pixels, one per feature, got {image_shape}"
            )
        if feature_names is None:
            default = [f"x{j}" for j in range(n_features)]
            feature_names = list(getattr(fitted, "feature_names_in_", default))
        if len(feature_names) != n_features:
            raise ValueError(
                f"feature_names must have {n_features} names, got {len(feature_names)}"
            )
        display = cls(
            weights=fitted.thetas_[0][:, 1:], image_shape=image_shape, feature_names=feature_names
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the weights.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **kwargs : dict
            As `matplotlib.axes.Axes.imshow` takes them.

        Returns
        -------
        HiddenUnitsDisplay
            The display itself.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        most = np.abs(self.weights).max()
        style = {"cmap": "RdBu_r", "vmin": -most, "vmax": most, "interpolation": "nearest"}
        if self.image_shape is None:
            style["aspect"] = "auto"
            self.image_ = ax.imshow(self.weights, **{**style, **kwargs})
            ax.set(ylabel="hidden unit", yticks=np.arange(len(self.weights)))
            ax.yaxis.set_major_locator(plt.MaxNLocator(20, integer=True))
            if self.feature_names is not None and len(self.feature_names) <= MOST_NAMES:
                ax.set_xticks(np.arange(len(self.feature_names)), self.feature_names, rotation=90)
            else:
                ax.set_xlabel("feature")
        else:
            self.image_ = ax.imshow(_mosaic(self.weights, self.image_shape), **{**style, **kwargs})
            ax.set_axis_off()
        self.colorbar_ = ax.figure.colorbar(self.image_, ax=ax, label="weight")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _mosaic(weights: NDArray, image_shape: tuple[int, int]) -> NDArray:
    """Return the images side by side, with a pixel of nothing between them."""
    height, width = image_shape
    columns = int(np.ceil(np.sqrt(len(weights))))
    rows = -(-len(weights) // columns)
    mosaic = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for unit, image in enumerate(weights.reshape(-1, height, width)):
        top, left = unit // columns * (height + 1), unit % columns * (width + 1)
        mosaic[top : top + height, left : left + width] = image
    return mosaic
