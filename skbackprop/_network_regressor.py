"""What estimators of numbers share: their targets, predictions and score."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_tweedie_score, r2_score
from sklearn.utils import Tags, check_consistent_length

from skbackprop._estimator import NetworkEstimator
from skbackprop._machine.prediction import answers
from skbackprop._network.network import Network
from skbackprop._network.outputs import NumberUnits
from skbackprop._parameters import check_parameters_of_numbers
from skbackprop._rows.numbers import Numbers, encode_numbers, finite_numbers, no_numbers
from skbackprop._rows.targets import Kind, Targets


class NetworkRegressor(RegressorMixin, NetworkEstimator):
    """A network whose answers are numbers."""

    loss: Any

    _y_options: ClassVar[dict[str, Any]] = {"multi_output": True, "y_numeric": True}

    def __sklearn_tags__(self) -> Tags:
        """Return the tags: many outputs are taken; of Poisson, y is not negative."""
        tags = super().__sklearn_tags__()
        # To scikit-learn's checks, what takes many outputs takes negative ones.
        tags.target_tags.positive_only = self.loss == "poisson"
        tags.target_tags.multi_output = self.loss != "poisson"
        return tags

    def _check_output(self) -> str:
        return check_parameters_of_numbers(self)

    def _encode(self, y: Any, sample_weight: Any) -> tuple[Targets, np.ndarray | None]:
        return encode_numbers(y, sample_weight, self.loss)

    def _encode_as_fitted(self, y: Any, w: np.ndarray | None) -> tuple[Targets, np.ndarray | None]:
        network, _, numbers, _ = self._model
        return no_numbers(numbers, network.output.name == "identity").encoded(y, w, "y"), w

    def _thetas_for(self, network: Network, kind: Kind) -> Sequence[np.ndarray]:
        before, thetas, numbers, _ = self._model
        if before.output.name != network.output.name:
            raise ValueError(
                "warm_start=True needs the loss of the previous fit, whose output units are "
                f"{before.output.name!r}; got loss={self.loss!r}"
            )
        if len(numbers.mean) != kind.n_outputs:
            raise ValueError(
                "warm_start=True needs as many outputs as the previous fit had, "
                f"{len(numbers.mean)}; got {kind.n_outputs}"
            )
        return cast(Numbers, kind).converted(thetas, numbers).matrices

    @property
    def y_mean_(self) -> np.ndarray:
        """The mean of each output, which the fit has taken off; 0 of Poisson."""
        return self._model.kind.mean

    @property
    def y_scale_(self) -> np.ndarray:
        """The standard deviation of each output, by which the fit has divided; 1 of Poisson."""
        return self._model.kind.scale

    def predict(self, X: Any) -> np.ndarray:
        """Predict numbers: in the unit of y, finite for any X.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        ndarray of float64 of shape (n_samples,) or (n_samples, n_outputs)
            Of the shape that y had.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        (network, thetas, numbers, _), X = self._model_and_rows(X)
        predict = cast(NumberUnits, network.output).predict
        columns = () if numbers.is_column else (numbers.n_outputs,)

        def answer(z: np.ndarray) -> np.ndarray:
            return numbers.decode(predict(z))

        return answers(network, thetas, X, answer, columns, np.float64)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R^2, or of Poisson D^2: the share of the deviance that is explained.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True numbers; of Poisson, not negative.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, finite and not negative.

        Returns
        -------
        float
            The mean over the outputs. 1 is best, 0 as good as the mean of y.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or X, y or ``sample_weight`` is not valid.
        """
        return self._score_of(self.predict(X), y, sample_weight)

    def _score_of(self, predicted: np.ndarray, y: Any, sample_weight: Any) -> float:
        self._check_y(y)
        score = poisson_d2 if self.out_activation_ == "exp" else r2_score
        return self._scored(score, predicted, finite_numbers(y, "y"), sample_weight)


def poisson_d2(y: Any, predicted: np.ndarray, sample_weight: Any) -> float:
    """Return the share of the Poisson deviance that is explained, the mean over the columns."""
    check_consistent_length(y, predicted)
    y_columns, columns = (np.reshape(a, (len(predicted), -1)).T for a in (y, predicted))
    if len(y_columns) != len(columns):
        raise ValueError(f"y must have {len(columns)} outputs, as predicted; got {len(y_columns)}")
    of_columns = [
        _d2_of_column(of_y, of_predicted, sample_weight)
        for of_y, of_predicted in zip(y_columns, columns, strict=True)
    ]
    return float(np.mean(of_columns))


def _d2_of_column(y: np.ndarray, predicted: np.ndarray, sample_weight: Any) -> float:
    if len(y) > 1 and y.min() == y.max():  # as `r2_score` has it, where there is nothing to explain
        return float(np.array_equal(y, predicted))
    return float(d2_tweedie_score(y, predicted, sample_weight=sample_weight, power=1))
