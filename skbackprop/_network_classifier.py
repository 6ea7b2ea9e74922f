"""NetworkClassifier: what a fitted network can be asked, and how it is stored."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from skbackprop._documentation import documentation_url
from skbackprop._outputs import OutputUnits
from skbackprop._problem import Problem, answers, make_network
from skbackprop._solver import Iteration
from skbackprop._training import Training
from skbackprop._training_rows import TrainingRows

# Attributes that not every fit sets: the next one must not inherit them.
OF_SOME_FITS = ("feature_names_in_", "validation_scores_", "best_validation_score_")


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """A classifier that holds a trained network; its subclasses say how it is trained."""

    thetas_: list[NDArray]
    classes_: NDArray

    # scikit-learn's hooks for the link in the HTML representation, which also decides whether
    # parameters show their descriptions.
    _doc_link_module = "skbackprop"
    _doc_link_template = "{url}"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"url": documentation_url(type(self))}

    def __sklearn_tags__(self) -> Tags:
        """Return the tags: sparse X and multilabel y are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags

    def _draft(self) -> Self:
        """Return a copy to work on."""
        draft = copy.copy(self)
        for name in OF_SOME_FITS:
            draft.__dict__.pop(name, None)
        return draft

    def _commit(self, draft: Self) -> None:
        """Take over what was fitted, all at once: what goes wrong before leaves the old model."""
        fitted = {name: value for name, value in vars(draft).items() if name.endswith("_")}
        kept = {name: value for name, value in vars(self).items() if name not in OF_SOME_FITS}
        self.__dict__ = {**kept, **fitted}

    def _store(self, rows: TrainingRows, problem: Problem, training: Training, tol: float) -> None:
        """Store the network, and where and how its training ended."""
        self.__dict__.update(network_attributes(rows, problem, training.thetas))
        self.__dict__.update(point_attributes(training.kept, tol))
        self.n_iter_ = training.solution.last.number
        self.n_evaluations_ = training.n_evaluations
        self.loss_curve_ = training.solution.loss_curve
        if training.validation_scores is not None:
            self.validation_scores_ = training.validation_scores
            self.best_validation_score_ = max(training.validation_scores, default=None)

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
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
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


def network_attributes(
    rows: TrainingRows, problem: Problem, thetas: list[NDArray]
) -> dict[str, Any]:
    """Return the attributes that predictions need."""
    return {
        "classes_": rows.classes,
        "multilabel_": rows.is_multilabel,
        "n_outputs_": rows.n_outputs,
        "n_features_in_": rows.X.shape[1],
        "activations_": problem.activations,
        "out_activation_": problem.out_activation,
        "n_layers_": len(problem.shapes) + 1,
        "reg_lambda_": problem.reg_lambda,
        "thetas_": thetas,
    }


def attributes_at(
    rows: TrainingRows, problem: Problem, tol: float, **features: Any
) -> Callable[[Iteration, list[NDArray]], dict[str, Any]]:
    """Return a function that gives the attributes of an estimator at an iteration.

    Parameters
    ----------
    rows : TrainingRows
    problem : Problem
    tol : float
    **features : dict
        What else an estimator knows, such as the names of the features.
    """

    def attributes(iteration: Iteration, thetas: list[NDArray]) -> dict[str, Any]:
        network = network_attributes(rows, problem, thetas)
        return {**features, **network, **point_attributes(iteration, tol)}

    return attributes


def point_attributes(point: Iteration, tol: float) -> dict[str, Any]:
    """Return the attributes that speak of J at the Thetas."""
    return {
        "loss_": point.cost,
        "gradient_norm_": point.gradient_norm,
        "converged_": bool(point.gradient_norm <= tol),
    }
