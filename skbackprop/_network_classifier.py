"""What estimators of classes share: their targets, predictions and score."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags

from skbackprop._estimator import NetworkEstimator
from skbackprop._machine.prediction import answers, as_they_are
from skbackprop._network.network import Network
from skbackprop._network.outputs import ClassUnits
from skbackprop._parameters import check_parameters_of_classes
from skbackprop._rows.classes import Classes, encode_classes, no_targets
from skbackprop._rows.targets import Kind, Targets


class NetworkClassifier(ClassifierMixin, NetworkEstimator):
    """A network whose answers are classes."""

    def __sklearn_tags__(self) -> Tags:
        """Return the tags: multilabel y is taken."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    out_activation: Any
    class_weight: Any

    def _check_output(self) -> str:
        return check_parameters_of_classes(self)

    def _encode(self, y: Any, sample_weight: Any) -> tuple[Targets, np.ndarray | None]:
        return encode_classes(y, sample_weight, self.class_weight)

    def _encode_as_fitted(self, y: Any, w: np.ndarray | None) -> tuple[Targets, np.ndarray | None]:
        return no_targets(self._classes).encoded(y, w, "y"), w

    def _thetas_for(self, network: Network, kind: Kind) -> Sequence[np.ndarray]:
        before, classes = self._classes, cast(Classes, kind)
        same_kind = before.is_multilabel == classes.is_multilabel
        if not (same_kind and np.array_equal(before.labels, classes.labels)):
            raise ValueError(
                "warm_start=True needs the classes of the previous fit, "
                f"{before.labels!r}; got {classes.labels!r}"
            )
        return self.thetas_

    @property
    def _classes(self) -> Classes:
        return cast(Classes, self._model.kind)

    @property
    def classes_(self) -> np.ndarray:
        """The class labels, sorted; the numbers of the labels if multilabel."""
        return self._classes.labels

    @property
    def multilabel_(self) -> bool:
        """Whether the targets were an indicator matrix."""
        return self._classes.is_multilabel

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits z(L).

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            One column is returned flat: positive speaks for ``classes_[1]``.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        (network, thetas, classes, _), X = self._model_and_rows(X)
        z = answers(network, thetas, X, as_they_are, (classes.n_outputs,), thetas.dtype)
        return z[:, 0] if classes.n_outputs == 1 else z

    def predict(self, X: Any) -> np.ndarray:
        """Predict classes: the greatest logit, or for two classes and labels a positive one.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Labels from `classes_`; zeros and ones if multilabel.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        (network, thetas, classes, _), X = self._model_and_rows(X)
        columns = (classes.n_outputs,) if classes.is_multilabel else ()
        return classes.decode(answers(network, thetas, X, classes.decide, columns, np.intp))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the classes, or of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the dtype of `thetas_`. Rows sum to 1, but for labels.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        (network, thetas, classes, _), X = self._model_and_rows(X)
        log_proba = cast(ClassUnits, network.output).log_proba
        columns = (len(classes.labels),)
        return answers(network, thetas, X, lambda z: np.exp(log_proba(z)), columns, thetas.dtype)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the probabilities, finite where these round to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the dtype of `thetas_`.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        (network, thetas, classes, _), X = self._model_and_rows(X)
        log_proba = cast(ClassUnits, network.output).log_proba
        columns = (len(classes.labels),)
        return answers(network, thetas, X, log_proba, columns, thetas.dtype)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of rows whose class, or whose labels all, are right.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_labels)
            True classes or labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, finite and not negative.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If X has other features than those fitted, or X, y or ``sample_weight`` is not valid.
        """
        return self._score_of(self.predict(X), y, sample_weight)

    def _score_of(self, predicted: np.ndarray, y: Any, sample_weight: Any) -> float:
        self._check_y(y)
        return self._scored(accuracy_score, predicted, y, sample_weight)
