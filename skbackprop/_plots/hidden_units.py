"""HiddenUnitsDisplay: what the units of the first hidden layer look for."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from skbackprop._plots.axes import axes_or_new
from skbackprop._plots.nesting import innermost_with, names_of_features

MOST_UNITS = 50
MOST_IMAGES = 64
# Of the greatest weight: the colours have no shade for less.
BLANK = 1 / 128


class HiddenUnitsDisplay:
    """Weights of the first layer: an image for each unit, or a column of a heat map.

    Made by `from_estimator`; drawn, and drawn again, by `plot`. Red is positive, blue
    negative, white zero. Units whose weights are all but zero are left out, and so are the
    smallest, by the length of their vector of weights, where there are too many to be seen; below
    the picture it says how many. The features of a heat map come in the order of their size,
    as many as there is room for their names.

    Parameters
    ----------
    weights : array-like of shape (n_units, n_features)
        ``thetas_[0][:, 1:]``.
    image_shape : tuple of int or None, default=None
        Height and width, where the features are the pixels of an image.
    feature_names : sequence of str or None, default=None
        Names for the heat map; None is "x0", "x1" and so on.

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
    units_ : ndarray of int
        The units shown, in their order: positions among the rows of ``weights``.
    features_ : ndarray of int
        The features shown, from the top: positions among the columns of ``weights``.

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
        max_units: int | None = None,
        max_features: int | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the first layer of a fitted network.

        Parameters
        ----------
        estimator : estimator of this package, Pipeline or search of scikit-learn
            Fitted. Of a pipeline the last step is shown, and the weights are those of the
            features that reach it; of a search, its `best_estimator_`.
        image_shape : tuple of int or None, default=None
            Height and width, where the features are the pixels of an image.
        feature_names : sequence of str or None, default=None
            Of the features that reach the network. None takes its `feature_names_in_`, else
            what ``get_feature_names_out`` of the steps before it gives, else "x0", "x1" and so on.
        max_units : int or None, default=None
            The most units to show, as in `plot`.
        max_features : int or None, default=None
            The most features to show in a heat map, as in `plot`.
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
            feature_names = names_of_features(estimator) or _numbered(n_features)
        if len(feature_names) != n_features:
            raise ValueError(
                f"feature_names must have {n_features} names, got {len(feature_names)}"
            )
        display = cls(
            weights=fitted.thetas_[0][:, 1:], image_shape=image_shape, feature_names=feature_names
        )
        return display.plot(ax=ax, max_units=max_units, max_features=max_features, **kwargs)

    def plot(
        self,
        *,
        ax: Any = None,
        max_units: int | None = None,
        max_features: int | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the weights.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        max_units : int or None, default=None
            The most units to show; None is 64 images, or 50 columns.
        max_features : int or None, default=None
            The most features to show in a heat map; None is as many as have room for their names.
        **kwargs : dict
            As `matplotlib.axes.Axes.imshow` takes them.

        Returns
        -------
        HiddenUnitsDisplay
            The display itself.
        """
        _check_most("max_units", max_units)
        _check_most("max_features", max_features)
        ax = axes_or_new(ax)
        most = np.abs(self.weights).max()
        style = {"cmap": "RdBu_r", "vmin": -most, "vmax": most, "interpolation": "nearest"}
        if self.image_shape is None:
            self._plot_heat_map(ax, max_units, max_features, {**style, "aspect": "auto", **kwargs})
        else:
            self._plot_images(ax, self.image_shape, max_units, {**style, **kwargs})
        self.colorbar_ = ax.figure.colorbar(self.image_, ax=ax, label="weight")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _plot_images(
        self, ax: Any, shape: tuple[int, int], max_units: int | None, style: dict[str, Any]
    ) -> None:
        n_units, n_features = self.weights.shape
        self.features_ = np.arange(n_features)
        self.units_ = np.sort(_largest(self.weights, max_units or MOST_IMAGES))
        self.image_ = ax.imshow(_mosaic(self.weights[self.units_], shape), **style)
        ax.set(xticks=[], yticks=[], xlabel=_note(len(self.units_), n_units, "units"))
        ax.spines[:].set_visible(False)

    def _plot_heat_map(
        self, ax: Any, max_units: int | None, max_features: int | None, style: dict[str, Any]
    ) -> None:
        n_units, n_features = self.weights.shape
        names = _numbered(n_features) if self.feature_names is None else list(self.feature_names)
        across, down = _room(ax)
        self.units_ = np.sort(_largest(self.weights, max_units or MOST_UNITS))
        self.features_ = _largest(self.weights.T, max_features or down)
        self.image_ = ax.imshow(self.weights[np.ix_(self.units_, self.features_)].T, **style)
        # At most two fifths of the width are for names; a letter is half as wide as a line is high.
        shortened = [_shortened(names[j], max(4 * across // 5, 8)) for j in self.features_]
        ax.set_yticks(np.arange(len(shortened)), shortened)
        # In the rest a number takes the room of two lines.
        step = -(-3 * len(self.units_) // across)
        ax.set_xticks(np.arange(0, len(self.units_), step), self.units_[::step])
        notes = [
            "hidden unit",
            _note(len(self.units_), n_units, "units"),
            _note(len(self.features_), n_features, "features"),
        ]
        ax.set_xlabel("\n".join(filter(None, notes)))


def _check_most(name: str, value: Any) -> None:
    is_number = isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1
    if value is not None and not is_number:
        raise ValueError(f"{name} must be None or an int >= 1, got {value!r}")


def _numbered(n_features: int) -> list[str]:
    return [f"x{j}" for j in range(n_features)]


def _largest(vectors: np.ndarray, most: int) -> np.ndarray:
    """Return where the longest vectors are, from the longest on: so many at most, none blank."""
    greatest = np.abs(vectors).max(axis=1)
    order = np.argsort(-np.linalg.norm(vectors, axis=1), kind="stable")
    return order[greatest[order] >= BLANK * greatest.max()][:most]


def _note(n_shown: int, n_all: int, what: str) -> str:
    return "" if n_shown == n_all else f"the {n_shown} largest of {n_all} {what}"


def _shortened(name: str, longest: int) -> str:
    """Return a name with its middle left out where it is long: its end says most."""
    if len(name) <= longest:
        return name
    start = (longest - 1) // 3
    return f"{name[:start]}…{name[len(name) - (longest - 1 - start) :]}"


def _room(ax: Any) -> tuple[int, int]:
    """Return how many lines of labels have room in the width and in the height of the axes."""
    box, points = ax.get_window_extent(), 72 / ax.figure.dpi
    line_height = 1.2 * ax.yaxis.get_major_ticks(1)[0].label1.get_size()
    across, down = (int(size * points / line_height) for size in (box.width, box.height))
    return max(across, 1), max(down, 1)


def _mosaic(weights: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """Return the images side by side, with a pixel of nothing between them."""
    height, width = image_shape
    columns = int(np.ceil(np.sqrt(len(weights))))
    rows = -(-len(weights) // columns)
    mosaic = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for unit, image in enumerate(weights.reshape(-1, height, width)):
        top, left = unit // columns * (height + 1), unit % columns * (width + 1)
        mosaic[top : top + height, left : left + width] = image
    return mosaic
