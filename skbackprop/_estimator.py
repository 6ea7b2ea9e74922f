"""What all estimators share: predictions from one model, and how a fit becomes the model."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from skbackprop._documentation import documentation_url
from skbackprop._machine.prediction import answers
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._network.network import Network
from skbackprop._network.thetas import Thetas
from skbackprop._parameters import Settings
from skbackprop._rows.rows import Rows
from skbackprop._rows.targets import Classes
from skbackprop._training.callbacks import STACK_LEVEL
from skbackprop._training.fit import Outcome
from skbackprop._training.reports import Blame, warning_message
from skbackprop._training.solver import Iteration

# Attributes that not every fit sets: the next one must not inherit them.
OF_SOME_FITS = (
    "feature_names_in_",
    "validation_scores_",
    "best_validation_score_",
    "best_iteration_",
    "reg_lambdas_",
    "reg_lambda_scores_",
)


class Model(NamedTuple):
    """What predicts: immutable, and replaced whole.

    Attributes
    ----------
    network : Network
    thetas : Thetas
        Read-only.
    classes : Classes
        What the codes of a prediction stand for.
    """

    network: Network
    thetas: Thetas
    classes: Classes

    def to_state(self) -> dict[str, Any]:
        """Return it as plain values: a pickle then holds no class of this package's inside."""
        return {
            "layer_sizes": self.network.layer_sizes,
            "activations": self.network.activations,
            "out_activation": self.network.output.name,
            "labels": self.classes.labels,
            "is_multilabel": self.classes.is_multilabel,
            "theta": self.thetas.vector,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Model":
        """Return the model of these values."""
        classes = Classes(state["labels"], state["is_multilabel"])
        output = classes.output_units(state["out_activation"])
        network = Network(state["layer_sizes"], state["activations"], output)
        for array in (state["theta"], state["labels"]):
            array.flags.writeable = False
        return cls(network, Thetas(state["theta"], network.shapes), classes)


def network_for(settings: Settings, rows: Rows) -> Network:
    """Return the network that the parameters want for these rows."""
    classes = rows.targets.classes
    layer_sizes = [rows.n_features, *settings.hidden_layer_sizes, classes.n_outputs]
    output = classes.output_units(settings.out_activation)
    return Network(layer_sizes, settings.activations, output)


def metadata_of(sample_weight: Any) -> dict[str, Any] | None:
    """Return the metadata of a fit, for callbacks."""
    return None if sample_weight is None else {"sample_weight": sample_weight}


def validated(estimator: Any, X: Any, *y: Any, **options: Any) -> Any:
    """Return X, and y where it is given, as `validate_data` does: float32 X stays float32."""
    return validate_data(estimator, X, *y, accept_sparse="csr", dtype=_dtypes(X), **options)


def _dtypes(X: Any) -> Any:
    """Return what types X may have; float32 in any form is computed in float32."""
    of_columns = getattr(X, "dtypes", None)
    names = {str(dtype).lower() for dtype in (of_columns if of_columns is not None else ())}
    swapped = getattr(X, "dtype", None) == np.dtype(np.float32).newbyteorder()
    return np.float32 if swapped or names == {"float32"} else [np.float64, np.float32]


def seen_attributes(
    named: dict[str, Any],
    network: Network,
    classes: Classes,
    tol: float,
    iteration: Iteration,
    thetas: Thetas,
    reg_lambda: float,
) -> dict[str, Any]:
    """Return the attributes of an estimator that predicts as the fit stands at an iteration.

    Parameters
    ----------
    named : dict
        What the estimator knows of the features' names.
    network : Network
    classes : Classes
    tol : float
    iteration : Iteration
    thetas : Thetas
        Its Thetas.
    reg_lambda : float
    """
    return {
        **named,
        "_model": Model(network, thetas, classes),
        "n_features_in_": network.layer_sizes[0],
        "reg_lambda_": reg_lambda,
        "loss_": iteration.cost,
        "gradient_norm_": iteration.gradient_norm,
        "converged_": bool(iteration.gradient_norm <= tol),
    }


class NetworkEstimator(BaseEstimator):
    """An estimator that holds a trained network; its subclasses say how it is trained."""

    _model: Model

    # scikit-learn's hooks for the link in the HTML representation, which also decides whether
    # parameters show their descriptions.
    _doc_link_module = "skbackprop"
    _doc_link_template = "{url}"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"url": documentation_url(type(self))}

    def __sklearn_tags__(self) -> Tags:
        """Return the tags: sparse X is taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether there is a model."""
        return "_model" in vars(self)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state, the model as plain values."""
        state = dict(super().__getstate__())
        if "_model" in state:
            state["_model"] = state["_model"].to_state()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a state."""
        if "_model" in state:
            state = {**state, "_model": Model.from_state(state["_model"])}
        super().__setstate__(state)

    # Draft and commit

    def _draft(self) -> Self:
        """Return a copy to work on, without what a fit sets."""
        draft = type(self).__new__(type(self))
        draft.__dict__ = {n: v for n, v in vars(self).items() if not _is_fitted_name(n)}
        return draft

    def _seen(
        self, network: Network, rows: Rows, settings: Settings
    ) -> Callable[..., dict[str, Any]]:
        """Return what gives the attributes of an estimator at an iteration."""
        names = vars(self).get("feature_names_in_")
        named = {} if names is None else {"feature_names_in_": names}
        return partial(seen_attributes, named, network, rows.targets.classes, settings.tol)

    def _store(self, network: Network, classes: Classes, tol: float, outcome: Outcome) -> None:
        """Store the model, and where and how its training ended."""
        self.__dict__.update(
            _model=Model(network, outcome.thetas, classes),
            n_features_in_=network.layer_sizes[0],
            reg_lambda_=outcome.reg_lambda,
            n_iter_=outcome.n_iter,
            n_evaluations_=outcome.n_evaluations,
            loss_=outcome.loss,
            loss_curve_=outcome.loss_curve,
            gradient_norm_=outcome.gradient_norm,
            converged_=bool(outcome.gradient_norm <= tol),
            stop_reason_=outcome.ending.value,
        )
        if outcome.scores is not None:
            self.__dict__.update(
                validation_scores_=outcome.scores,
                best_validation_score_=max(outcome.scores, default=None),
                best_iteration_=outcome.best_iteration,
            )

    def _keep(
        self, draft: Self, network: Network, rows: Rows, settings: Settings, outcome: Outcome
    ) -> None:
        """Make what a fit came to the model."""
        draft._store(network, rows.targets.classes, settings.tol, outcome)
        self._commit(draft)

    def _commit(self, draft: Self) -> None:
        """Take over what was fitted, all at once: what goes wrong before leaves the old model."""
        fitted = {n: v for n, v in vars(draft).items() if _is_fitted_name(n)}
        kept = {n: v for n, v in vars(self).items() if n not in OF_SOME_FITS}
        self.__dict__ = {**kept, **fitted}

    def _warn(self, outcome: Outcome, settings: Settings, rows: Rows, blame: Blame) -> None:
        """Warn of a fit that did not converge, or has learned nothing."""
        with rounding_in_silence():  # X may be as great as numbers are
            message = warning_message(outcome, settings, rows.is_scaled, blame)
        if message is not None:
            warnings.warn(message, ConvergenceWarning, stacklevel=STACK_LEVEL + 1)

    # What the model is

    if not TYPE_CHECKING:  # to a type checker, every name would be there

        def __getattr__(self, name: str) -> Any:
            """Say of a fitted attribute that is not there by which name it was asked for."""
            when = "" if self.__sklearn_is_fitted__() else " before it is fitted"
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{when}")

    @property
    def thetas_(self) -> list[NDArray]:
        """The parameter matrices, read-only."""
        return self._model.thetas.matrices

    @property
    def coefs_(self) -> list[NDArray]:
        """Weights of each layer, views of `thetas_` of shape (inputs, units)."""
        return [layer.weights.T for layer in self._model.thetas.layers]

    @property
    def intercepts_(self) -> list[NDArray]:
        """Biases of each layer, views of `thetas_` of shape (units,)."""
        return [layer.bias for layer in self._model.thetas.layers]

    @property
    def n_layers_(self) -> int:
        """Number of layers, input and output included."""
        return len(self._model.network.layer_sizes)

    @property
    def n_outputs_(self) -> int:
        """Number of output units."""
        return self._model.network.layer_sizes[-1]

    @property
    def activations_(self) -> tuple[str, ...]:
        """Activation of each hidden layer."""
        return self._model.network.activations

    @property
    def out_activation_(self) -> str:
        """Kind of the output units."""
        return self._model.network.output.name

    # Predictions

    def _model_and_rows(self, X: Any) -> tuple[Model, Any]:
        """Return the model, and X as it wants it; both of one moment, whoever refits."""
        at_this_moment = type(self).__new__(type(self))
        at_this_moment.__dict__ = self.__dict__  # a commit puts another dict in its place
        check_is_fitted(at_this_moment)
        return at_this_moment._model, validated(at_this_moment, X, reset=False)


class NetworkClassifier(ClassifierMixin, NetworkEstimator):
    """A network whose answers are classes."""

    def __sklearn_tags__(self) -> Tags:
        """Return the tags: multilabel y is taken."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @property
    def classes_(self) -> NDArray:
        """The class labels, sorted; the numbers of the labels if multilabel."""
        return self._model.classes.labels

    @property
    def multilabel_(self) -> bool:
        """Whether the targets were an indicator matrix."""
        return self._model.classes.is_multilabel

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
        (network, thetas, classes), X = self._model_and_rows(X)
        z = answers(network, thetas, X, _logits, (classes.n_outputs,), thetas.dtype)
        return z[:, 0] if classes.n_outputs == 1 else z

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
        (network, thetas, classes), X = self._model_and_rows(X)
        columns = (classes.n_outputs,) if classes.is_multilabel else ()
        return classes.decode(answers(network, thetas, X, classes.decide, columns, np.intp))

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
        (network, thetas, classes), X = self._model_and_rows(X)
        log_proba, columns = network.output.log_proba, (len(classes.labels),)
        return answers(network, thetas, X, lambda z: np.exp(log_proba(z)), columns, thetas.dtype)

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
        (network, thetas, classes), X = self._model_and_rows(X)
        columns = (len(classes.labels),)
        return answers(network, thetas, X, network.output.log_proba, columns, thetas.dtype)


def _is_fitted_name(name: str) -> bool:
    return name.endswith("_") or name == "_model"


def _logits(z: NDArray) -> NDArray:
    return z
