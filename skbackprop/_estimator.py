"""What all estimators share: predictions from one model, and how a fit becomes the model."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skbackprop._documentation import documentation_url
from skbackprop._inputs import (
    check_given,
    of_one_type,
    refuse_collections,
    said_of,
    validated,
    validated_to_predict,
)
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._model import Model, seen_attributes
from skbackprop._network.network import Network
from skbackprop._network.thetas import Thetas
from skbackprop._parameters import Settings
from skbackprop._rows.rows import weighted_rows
from skbackprop._rows.summed import SummedRows
from skbackprop._rows.targets import Kind, Targets, check_sample_weight
from skbackprop._training.callbacks import STACK_LEVEL
from skbackprop._training.endings import StopReason
from skbackprop._training.fit import Outcome
from skbackprop._training.reports import Blame, warning_message
from skbackprop._transformer import HiddenLayerTransformer
from skbackprop._version import __version__

# Attributes that not every fit sets: the next one must not inherit them.
OF_SOME_FITS = (
    "feature_names_in_",
    "validation_scores_",
    "best_validation_score_",
    "best_iteration_",
    "reg_lambdas_",
    "reg_lambda_scores_",
)

# What a pickle is of that does not say its version.
BEFORE_VERSIONS = "0.1.0"


def metadata_of(sample_weight: Any) -> dict[str, Any] | None:
    """Return the metadata of a fit, for callbacks."""
    return None if sample_weight is None else {"sample_weight": sample_weight}


class NetworkEstimator(HiddenLayerTransformer, BaseEstimator, ABC):
    """An estimator that holds a trained network; its subclasses say how it is trained."""

    early_stopping: bool
    _model: Model

    # Set by a fit; what is derived from the model are properties.
    n_features_in_: int
    feature_names_in_: np.ndarray
    reg_lambda_: float
    n_iter_: int
    n_evaluations_: int
    loss_: float
    loss_curve_: list[float]
    gradient_norm_: float
    converged_: bool
    stop_reason_: StopReason
    validation_scores_: list[float]
    best_validation_score_: float | None
    best_iteration_: int | None

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
        """Return the state, the model as plain values, and the version of this package."""
        state = {**super().__getstate__(), "_skbackprop_version": __version__}
        if "_model" in state:
            state["_model"] = state["_model"].to_state()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over a state; warn where another version of this package wrote it."""
        state = dict(state)
        version = state.pop("_skbackprop_version", BEFORE_VERSIONS)
        # scikit-learn's own check is of its own estimators alone.
        if version != __version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=f"{__version__} of skbackprop",
                    original_sklearn_version=version,
                ),
                stacklevel=2,
            )
        if "_model" in state:
            state["_model"] = Model.from_state(state["_model"])
        super().__setstate__(state)

    # What classes and numbers have different

    # What `validate_data` is told of y.
    _y_options: ClassVar[dict[str, Any]] = {"multi_output": True}

    @abstractmethod
    def _check_output(self) -> str:
        """Check the parameters that say what y is, and return the kind of output units."""

    @abstractmethod
    def _encode(self, y: Any, sample_weight: Any) -> tuple[Targets, np.ndarray | None]:
        """Return encoded targets, and the weights, checked."""

    @abstractmethod
    def _encode_as_fitted(self, y: Any, w: np.ndarray | None) -> tuple[Targets, np.ndarray | None]:
        """Return targets encoded as those of the fit, and the weights; both had been checked."""

    @abstractmethod
    def _thetas_for(self, network: Network, kind: Kind) -> Sequence[np.ndarray]:
        """Return the Thetas of the last fit, for another to targets of this kind."""

    def _validation_rows(
        self, rows: SummedRows, X_val: Any, y_val: Any, sample_weight_val: Any
    ) -> SummedRows | None:
        """Return the rows of a validation set, encoded as those of the fit, or None."""
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val needs X_val and y_val, got None of both")
            return None
        if X_val is None or y_val is None:
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(f"{given} needs {missing}, got {missing}=None")
        refuse_collections(self, X_val=X_val, y_val=y_val, sample_weight_val=sample_weight_val)
        options = {"reset": False, "dtype": rows.dtype, **self._y_options}
        with said_of("in X_val, y_val"):
            X_val, y_val = validated(self, X_val, y_val, **options)
        w = check_sample_weight(sample_weight_val, X_val.shape[0], "sample_weight_val")
        return weighted_rows(X_val, rows.targets.encoded(y_val, w, "y_val"), w).weighted_as(rows)

    # Draft and commit

    def _draft(self) -> Self:
        """Return a copy to work on, without what a fit sets."""
        draft = type(self).__new__(type(self))
        draft.__dict__ = {n: v for n, v in vars(self).items() if not _is_fitted_name(n)}
        return draft

    def _seen(
        self, model_of: Callable[[Thetas], Model], settings: Settings
    ) -> Callable[..., dict[str, Any]]:
        """Return what gives the attributes of an estimator at an iteration."""
        return partial(seen_attributes, self._named(), settings.tol, model_of)

    def _named(self) -> dict[str, Any]:
        """Return the attribute that names the features, where they have names."""
        names = vars(self).get("feature_names_in_")
        return {} if names is None else {"feature_names_in_": names}

    def _store(self, model_of: Callable[[Thetas], Model], tol: float, outcome: Outcome) -> None:
        """Store the model, and where and how its training ended."""
        model = model_of(outcome.thetas)
        self.__dict__.update(
            _model=model,
            n_features_in_=model.network.layer_sizes[0],
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
            self.validation_scores_ = outcome.scores
            if self.early_stopping:
                self.best_validation_score_ = max(outcome.scores, default=None)
                self.best_iteration_ = outcome.best_iteration

    def _keep(
        self, draft: Self, model_of: Callable[[Thetas], Model], tol: float, outcome: Outcome
    ) -> None:
        """Make what a fit came to the model."""
        draft._store(model_of, tol, outcome)
        self._commit(draft)

    def _commit(self, draft: Self) -> None:
        """Take over what was fitted, all at once: what goes wrong before leaves the old model."""
        fitted = {n: v for n, v in vars(draft).items() if _is_fitted_name(n)}
        kept = {n: v for n, v in vars(self).items() if n not in OF_SOME_FITS}
        self.__dict__ = {**kept, **fitted}

    def _warn(self, outcome: Outcome, settings: Settings, rows: SummedRows, blame: Blame) -> None:
        """Warn of a fit that did not converge, or has learned nothing."""
        with rounding_in_silence():  # X may be as great as numbers are
            null_prediction = rows.targets.kind.null_prediction
            message = warning_message(outcome, settings, rows.is_scaled, blame, null_prediction)
        if message is not None:
            warnings.warn(message, ConvergenceWarning, stacklevel=STACK_LEVEL + 1)

    # What the model is

    if not TYPE_CHECKING:  # to a type checker, every name would be there

        def __getattr__(self, name: str) -> Any:
            """Say of a fitted attribute that is not there by which name it was asked for."""
            when = "" if self.__sklearn_is_fitted__() else " before it is fitted"
            if name in self.OF_TRANSFORMERS:
                when = " without a hidden layer"
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{when}")

    @property
    def thetas_(self) -> list[np.ndarray]:
        """The parameter matrices, read-only."""
        return self._model.thetas.matrices

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights of each layer, views of `thetas_` of shape (inputs, units)."""
        return [layer.weights.T for layer in self._model.thetas.layers]

    @property
    def intercepts_(self) -> list[np.ndarray]:
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

    def _at_this_moment(self) -> Self:
        """Return the estimator as it is now, whoever refits."""
        at_this_moment = type(self).__new__(type(self))
        at_this_moment.__dict__ = self.__dict__  # a commit puts another dict in its place
        return at_this_moment

    def _model_and_rows(self, X: Any) -> tuple[Model, Any]:
        """Return the model, and X as it wants it; both of one moment, whoever refits."""
        at_this_moment = self._at_this_moment()
        if not at_this_moment.__sklearn_is_fitted__():
            check_is_fitted(at_this_moment)  # raises; it looks at more than has to be known here
        return at_this_moment._model, validated_to_predict(at_this_moment, X)

    @abstractmethod
    def predict(self, X: Any) -> np.ndarray:
        """Return an answer for each row."""

    def _check_y(self, y: Any) -> None:
        refuse_collections(self, y=y)
        check_given("y", y, self._y_options.get("y_numeric", False))

    @abstractmethod
    def _score_of(self, predicted: np.ndarray, y: Any, sample_weight: Any) -> float:
        """Return the score of predictions, of y and weights that are still to be checked."""

    def _scored(
        self, score: Callable[..., Any], predicted: np.ndarray, y: Any, sample_weight: Any
    ) -> float:
        """Return a score of predictions, of weights looked at closer than a score does."""
        refuse_collections(self, sample_weight=sample_weight)
        w = check_sample_weight(sample_weight, len(predicted))
        with of_one_type("y"), rounding_in_silence():
            return float(score(y, predicted, sample_weight=w))


def _is_fitted_name(name: str) -> bool:
    return name.endswith("_") or name == "_model"
