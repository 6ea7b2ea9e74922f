"""NetworkClassifier: what a fitted network can be asked, and how it is stored."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from skbackprop._outputs import OutputUnits
from skbackprop._problem import Problem, answers, make_network
from skbackprop._training import Training
from skbackprop._training_rows import TrainingRows


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that holds a trained network; its subclasses say how it is trained."""

    thetas_: list[NDArray]
    classes_: NDArray

    def __sklearn_tags__(self) -> Tags:
        """Return the tags: sparse X and multilabel y are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags

    def _commit(self, draft: "NetworkClassifier") -> None:
        """Take over what was fitted, all at once: what goes wrong before leaves the old model."""
        fitted = {name: value for name, value in vars(draft).items() if name.endswith("_")}
        kept = {name: value for name, value in vars(self).items() if name != "feature_names_in_"}
        self.__dict__ = {**kept, **fitted}

    def _store(self, rows: TrainingRows, problem: Problem, training: Training, tol: float) -> None:
        """Store the network, and where and how its training ended."""
        self.classes_, self.multilabel_ = rows.classes, rows.is_multilabel
        self.n_outputs_ = rows.n_outputs
        self.activations_ = problem.activations
        self.out_activation_ = problem.out_activation
        self.n_layers_ = len(problem.shapes) + 1
        self.reg_lambda_ = problem.reg_lambda
        last = training.solution.last
        self.thetas_ = training.thetas
        self.n_iter_ = last.number
        self.n_evaluations_ = training.n_evaluations
        self.loss_ = last.cost
        self.loss_curve_ = training.solution.loss_curve
        self.gradient_norm_ = last.gradient_norm
        self.converged_ = bool(last.gradient_norm <= tol)

    @property
    def coefs_(self) -> list[NDArray]:
        """Weights of each layer, views of `thetas_` of shape (inputs, units)."""
        return [Theta[:, 1:].T for Theta in self.thetas_]

    @property
    def intercepts_(self) -> list[NDArray]:
        """Biases of each layer, views of `thetas_` of shape (units,)."""
        return [Theta[:, 0] for Theta in self.thetas_]

    def _answer(
        self,
        X: Any,
        answer: Callable[[OutputUnits, NDArray], NDArray],
        columns: tuple[int, ...],
        dtype: DTypeLike,
    ) -> NDArray:
        """Return what `answer` makes of the logits of X, block by block."""
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        network = make_network(
            self.activations_, self.out_activation_, self.n_outputs_, self.multilabel_
        )
        return answers(network, self.thetas_, X, partial(answer, network.output), columns, dtype)

    def _probabilities(self, X: Any, answer: Callable[[OutputUnits, NDArray], NDArray]) -> NDArray:
        check_is_fitted(self)
        return self._answer(X, answer, (len(self.classes_),), self.thetas_[0].dtype)

    def decision_function(self, X: Any) -> NDArray:
        """Return the logits z(L).

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs_)
            One column is returned flat: positive speaks for ``classes_[1]``.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        check_is_fitted(self)
        z = self._answer(X, lambda output, z: z, (self.n_outputs_,), self.thetas_[0].dtype)
        return z[:, 0] if self.n_outputs_ == 1 else z

    def predict(self, X: Any) -> NDArray:
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
        check_is_fitted(self)
        if self.multilabel_:
            return self._answer(X, lambda output, z: z > 0, (self.n_outputs_,), np.intp)
        if self.n_outputs_ == 1:
            return self.classes_[self._answer(X, lambda output, z: z[:, 0] > 0, (), np.intp)]
        return self.classes_[self._answer(X, lambda output, z: z.argmax(axis=1), (), np.intp)]

    def predict_proba(self, X: Any) -> NDArray:
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
        return self._probabilities(X, lambda output, z: np.exp(output.log_proba(z)))

    def predict_log_proba(self, X: Any) -> NDArray:
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
        return self._probabilities(X, lambda output, z: output.log_proba(z))
