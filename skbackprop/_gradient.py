"""J and D themselves, as a fit has them: at the fitted Thetas, or at any."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from skbackprop._estimator import NetworkEstimator
from skbackprop._inputs import validated
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._model import Model, network_for
from skbackprop._network.coordinates import uncentred_coordinates
from skbackprop._network.network import Network
from skbackprop._network.thetas import Thetas, check_thetas, roll
from skbackprop._parameters import (
    check_parameters,
    check_parameters_of_one_fit,
    check_sequence_of_thetas,
)
from skbackprop._rows.rows import Rows, rows_of_fit, weighted_rows
from skbackprop._rows.summed import objective_over
from skbackprop._rows.targets import check_sample_weight
from skbackprop._training.penalty import prior_reg_lambda


def cost_and_gradient(
    estimator: NetworkEstimator,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None = None,
    thetas: Sequence[np.ndarray] | None = None,
) -> tuple[float, list[np.ndarray]]:
    """Return the cost J and the matrices D of its gradient, as a fit has them.

    With w_i the sample weight times the class weight of row i, W their sum, and the column j = 0
    of a matrix for the biases::

        J = (1/W) sum_i w_i cost_i + (reg_lambda/2) sum of Theta[i, j]^2 over j > 0
        D[i, j] = dJ / dTheta[i, j]

    Parameters
    ----------
    estimator : BackpropClassifier, BackpropRegressor, or one of their CV twins
        It is not changed. Of a fitted one, the network, the classes and their weights ("balanced"
        among the rows of the fit), or the scale of y (``y_mean_`` and ``y_scale_``), and the
        penalty ``reg_lambda_`` are those of the fit, whatever its parameters are now. One that is
        not fitted is taken as a fit to these rows would take it, and needs ``thetas``; its
        ``reg_lambda`` must be a number or "prior".
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Computed in float32 if that is its dtype, else in float64.
    y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_outputs)
        Classes (of a fitted classifier, some of its own), labels or numbers.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    thetas : sequence of ndarray or None, default=None
        Where J and D are taken, in the shapes of ``thetas_``; None is at ``thetas_``.

    Returns
    -------
    J : float
        At ``thetas_`` and the rows of the fit this is ``loss_``; of a fit with early stopping and
        no ``X_val``, at those of its rows that it did not hold out. Infinite where a number
        overflows.
    D : list of ndarray of float64
        A matrix for each Theta, of its shape. At the same rows the greatest ``abs(D)`` is
        ``gradient_norm_``.

    Raises
    ------
    ValueError
        If an argument or a parameter is not valid, y has a class that the fit had not, or an
        estimator is neither fitted nor told enough.

    See Also
    --------
    BackpropClassifier : Has J minimized from this.

    Examples
    --------
    A step of plain gradient descent:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from skbackprop import BackpropClassifier, cost_and_gradient
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> classifier = BackpropClassifier(5, reg_lambda=1e-3, random_state=0).fit(X, y)
    >>> thetas = [Theta / 2 for Theta in classifier.thetas_]
    >>> J, D = cost_and_gradient(classifier, X, y, thetas=thetas)
    >>> thetas = [Theta - 0.1 * D_l for Theta, D_l in zip(thetas, D)]
    >>> J_after, _ = cost_and_gradient(classifier, X, y, thetas=thetas)
    >>> J_after < J
    True
    """
    with single_threaded_blas(), rounding_in_silence():
        problem = problem_of(estimator, X, y, sample_weight)
        at = problem.thetas_at(thetas)
        with problem.objective() as J_and_D:
            J, D = J_and_D(at.vector)
    return J, roll(D, problem.network.shapes)


class Problem(NamedTuple):
    """What J is a function of besides the Thetas.

    Attributes
    ----------
    estimator : estimator
        As it was at one moment.
    rows : Rows
    network : Network
    reg_lambda : float or None
        None where the estimator does not say yet.
    fitted : Thetas or None
    """

    estimator: Any
    rows: Rows
    network: Network
    reg_lambda: float | None
    fitted: Thetas | None

    def thetas_at(self, given: Sequence[np.ndarray] | None) -> Thetas:
        """Return the Thetas given, checked, or those of the fit, in float64."""
        if self.reg_lambda is None:
            raise self._no_penalty()
        if given is not None:
            check_sequence_of_thetas("thetas", given)
            return check_thetas("thetas", given, self.network.shapes)
        if self.fitted is None:
            raise NotFittedError(
                "thetas must be given where the estimator is not fitted, got None: call fit "
                f"of this {type(self.estimator).__name__}, or say where J and D are to be taken"
            )
        return self.fitted.astype(np.float64)

    def _no_penalty(self) -> ValueError:
        name = type(self.estimator).__name__
        if hasattr(self.estimator, "reg_lambda"):
            return ValueError(
                "reg_lambda must be a number or 'prior' where the estimator is not fitted, got "
                f"{self.estimator.reg_lambda!r}: a fit finds it"
            )
        return NotFittedError(f"estimator must be fitted: its search finds the penalty of a {name}")

    @contextmanager
    def objective(self) -> Iterator[Callable[[np.ndarray], tuple[float, np.ndarray]]]:
        """Yield J and D, unrolled, as a function of the unrolled Thetas."""
        coordinates = uncentred_coordinates(self.network)
        with objective_over(self.rows, self.network, self.rows.dtype, coordinates) as objective:
            yield lambda theta: objective(theta, self.reg_lambda or 0.0)[:2]


def problem_of(estimator: Any, X: Any, y: Any, sample_weight: ArrayLike | None) -> Problem:
    """Return what a fitted estimator makes of these rows, or a fit to them would.

    Raises
    ------
    ValueError
        If an argument or a parameter is not valid.
    """
    if not isinstance(estimator, NetworkEstimator):
        steps = ""
        if isinstance(estimator, Pipeline):
            steps = ": give its last step, pipeline[-1], and X as pipeline[:-1].transform(X)"
        raise ValueError(
            "estimator must be a BackpropClassifier, BackpropRegressor, BackpropClassifierCV or "
            f"BackpropRegressorCV, got {type(estimator).__name__}{steps}"
        )
    now = estimator._at_this_moment()
    if now.__sklearn_is_fitted__():
        return _of_fitted(now, now._model, X, y, sample_weight)
    settings = check_parameters(now)
    is_one_fit = hasattr(now, "reg_lambda")
    if is_one_fit:
        check_parameters_of_one_fit(now)
    X, y = validated(now._draft(), X, y, **now._y_options)
    rows = rows_of_fit(X, *now._encode(y, sample_weight))
    network, reg_lambda = network_for(settings, rows), None
    if is_one_fit and not isinstance(now.reg_lambda, str):
        reg_lambda = float(now.reg_lambda)
    elif is_one_fit and now.reg_lambda == "prior":
        reg_lambda = prior_reg_lambda(rows, network)
    return Problem(now, rows, network, reg_lambda, None)


def _of_fitted(
    fitted: Any, model: Model, X: Any, y: Any, sample_weight: ArrayLike | None
) -> Problem:
    fitted._check_output()
    X, y = validated(fitted, X, y, reset=False, **fitted._y_options)
    w = check_sample_weight(sample_weight, X.shape[0])
    rows = weighted_rows(X, *fitted._encode_as_fitted(y, w))
    rows = rows.with_class_weights(model.class_weights, "y")
    return Problem(fitted, rows, model.network, fitted.reg_lambda_, model.thetas)
