"""What all estimators share: predictions from one model, and how a fit becomes the model."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning
from sklearn.metrics import accuracy_score, d2_tweedie_score, r2_score
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.validation import check_is_fitted

from skbackprop._documentation import documentation_url
from skbackprop._inputs import (
    check_given,
    of_one_type,
    said_of,
    validated,
    validated_to_predict,
)
from skbackprop._machine.prediction import answers, as_they_are
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._network.network import Network
from skbackprop._network.outputs import ClassUnits, NumberUnits
from skbackprop._network.thetas import Thetas, count_parameters, theta_shapes
from skbackprop._parameters import (
    Settings,
    check_parameters_of_classes,
    check_parameters_of_numbers,
)
from skbackprop._rows.classes import Classes, encode_classes, no_targets
from skbackprop._rows.numbers import Numbers, encode_numbers, finite_numbers, no_numbers
from skbackprop._rows.rows import weighted_rows
from skbackprop._rows.summed import SummedRows
from skbackprop._rows.targets import Kind, Targets, check_sample_weight
from skbackprop._training.callbacks import STACK_LEVEL
from skbackprop._training.endings import StopReason
from skbackprop._training.fit import Outcome
from skbackprop._training.reports import Blame, warning_message
from skbackprop._training.solver import Iteration
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

# Eight terabytes of them.
MOST_PARAMETERS = 2**40

# What a pickle is of that does not say its version.
BEFORE_VERSIONS = "0.1.0"


class Model(NamedTuple):
    """What predicts: immutable, and replaced whole.

    Attributes
    ----------
    network : Network
    thetas : Thetas
        Read-only.
    kind : Classes or Numbers
        What the codes of a prediction stand for.
    class_weights : ndarray of shape (n_classes,) or None
        The weights that the fit gave the classes; None where all are 1, or there are no classes.
    """

    network: Network
    thetas: Thetas
    kind: Any
    class_weights: NDArray | None = None

    def to_state(self) -> dict[str, Any]:
        """Return it as plain values: a pickle then holds no class of this package's inside."""
        return {
            "layer_sizes": self.network.layer_sizes,
            "activations": self.network.activations,
            "out_activation": self.network.output.name,
            "theta": self.thetas.vector,
            "class_weights": self.class_weights,
            **self.kind.to_state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Model":
        """Return the model of these values."""
        kind_of_targets: Any = Classes if "labels" in state else Numbers
        kind = kind_of_targets(*(state[name] for name in kind_of_targets._fields))
        network = Network(
            state["layer_sizes"],
            state["activations"],
            kind.output_units(state["out_activation"]),
        )
        class_weights = state.get("class_weights")  # which the first files of 0.2 do not have
        for array in (state["theta"], class_weights, *kind):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        return cls(network, Thetas(state["theta"], network.shapes), kind, class_weights)


def network_for(settings: Settings, rows: SummedRows) -> Network:
    """Return the network that the parameters want for these rows."""
    kind = rows.targets.kind
    layer_sizes = [rows.n_features, *settings.hidden_layer_sizes, kind.n_outputs]
    n_parameters = count_parameters(theta_shapes(layer_sizes))
    if n_parameters > MOST_PARAMETERS:
        raise ValueError(
            f"hidden_layer_sizes={settings.hidden_layer_sizes} asks for {n_parameters:.1e} "
            "parameters, more than any memory holds"
        )
    return Network(layer_sizes, settings.activations, kind.output_units(settings.out_activation))


def metadata_of(sample_weight: Any) -> dict[str, Any] | None:
    """Return the metadata of a fit, for callbacks."""
    return None if sample_weight is None else {"sample_weight": sample_weight}


def seen_attributes(
    named: dict[str, Any],
    network: Network,
    kind: Kind,
    class_weights: NDArray | None,
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
    kind : Classes or Numbers
    class_weights : ndarray or None
    tol : float
    iteration : Iteration
    thetas : Thetas
        Its Thetas.
    reg_lambda : float
    """
    return {
        **named,
        "_model": Model(network, thetas, kind, class_weights),
        "n_features_in_": network.layer_sizes[0],
        "reg_lambda_": reg_lambda,
        "loss_": iteration.cost,
        "gradient_norm_": iteration.gradient_norm,
        "converged_": bool(iteration.gradient_norm <= tol),
    }


class NetworkEstimator(HiddenLayerTransformer, BaseEstimator, ABC):
    """An estimator that holds a trained network; its subclasses say how it is trained."""

    early_stopping: bool
    _model: Model

    # Set by a fit; what is derived from the model are properties.
    n_features_in_: int
    feature_names_in_: NDArray
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
    def _encode(self, y: Any, sample_weight: Any) -> tuple[Targets, NDArray | None]:
        """Return encoded targets, and the weights, checked."""

    @abstractmethod
    def _encode_as_fitted(self, y: Any, w: NDArray | None) -> tuple[Targets, NDArray | None]:
        """Return targets encoded as those of the fit, and the weights; both had been checked."""

    @abstractmethod
    def _thetas_for(self, network: Network, kind: Kind) -> Sequence[NDArray]:
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
        options = {"reset": False, "dtype": rows.dtype, **self._y_options}
        with said_of("in X_val, y_val"):
            X_val, y_val = validated(self, X_val, y_val, **options)
        w = check_sample_weight(sample_weight_val, X_val.shape[0], "sample_weight_val")
        validation = weighted_rows(X_val, rows.targets.encoded(y_val, w, "y_val"), w)
        validation.weighted_as(rows)  # to find out now whether the classes have a weight
        return validation

    # Draft and commit

    def _draft(self) -> Self:
        """Return a copy to work on, without what a fit sets."""
        draft = type(self).__new__(type(self))
        draft.__dict__ = {n: v for n, v in vars(self).items() if not _is_fitted_name(n)}
        return draft

    def _seen(
        self, network: Network, rows: SummedRows, settings: Settings
    ) -> Callable[..., dict[str, Any]]:
        """Return what gives the attributes of an estimator at an iteration."""
        names = vars(self).get("feature_names_in_")
        named = {} if names is None else {"feature_names_in_": names}
        kind, class_weights = rows.targets.kind, rows.class_weights
        return partial(seen_attributes, named, network, kind, class_weights, settings.tol)

    def _store(
        self,
        network: Network,
        kind: Kind,
        tol: float,
        outcome: Outcome,
        class_weights: NDArray | None = None,
    ) -> None:
        """Store the model, and where and how its training ended."""
        self.__dict__.update(
            _model=Model(network, outcome.thetas, kind, class_weights),
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
            self.validation_scores_ = outcome.scores
            if self.early_stopping:
                self.best_validation_score_ = max(outcome.scores, default=None)
                self.best_iteration_ = outcome.best_iteration

    def _keep(
        self, draft: Self, network: Network, rows: SummedRows, settings: Settings, outcome: Outcome
    ) -> None:
        """Make what a fit came to the model."""
        draft._store(network, rows.targets.kind, settings.tol, outcome, rows.class_weights)
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
    def predict(self, X: Any) -> NDArray:
        """Return an answer for each row."""

    def _check_y(self, y: Any) -> None:
        check_given("y", y, self._y_options.get("y_numeric", False))

    def _scored(self, score: Callable[..., Any], X: Any, y: Any, sample_weight: Any) -> float:
        """Return a score of the answers, of weights looked at closer than a score does."""
        predicted = self.predict(X)
        w = check_sample_weight(sample_weight, len(predicted))
        with of_one_type("y"), rounding_in_silence():
            return float(score(y, predicted, sample_weight=w))


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

    def _encode(self, y: Any, sample_weight: Any) -> tuple[Targets, NDArray | None]:
        return encode_classes(y, sample_weight, self.class_weight)

    def _encode_as_fitted(self, y: Any, w: NDArray | None) -> tuple[Targets, NDArray | None]:
        return no_targets(self._classes).encoded(y, w, "y"), w

    def _thetas_for(self, network: Network, kind: Kind) -> Sequence[NDArray]:
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
    def classes_(self) -> NDArray:
        """The class labels, sorted; the numbers of the labels if multilabel."""
        return self._classes.labels

    @property
    def multilabel_(self) -> bool:
        """Whether the targets were an indicator matrix."""
        return self._classes.is_multilabel

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
        (network, thetas, classes, _), X = self._model_and_rows(X)
        z = answers(network, thetas, X, as_they_are, (classes.n_outputs,), thetas.dtype)
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
        (network, thetas, classes, _), X = self._model_and_rows(X)
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
        (network, thetas, classes, _), X = self._model_and_rows(X)
        log_proba = cast(ClassUnits, network.output).log_proba
        columns = (len(classes.labels),)
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
        self._check_y(y)
        return self._scored(accuracy_score, X, y, sample_weight)


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

    def _encode(self, y: Any, sample_weight: Any) -> tuple[Targets, NDArray | None]:
        return encode_numbers(y, sample_weight, self.loss)

    def _encode_as_fitted(self, y: Any, w: NDArray | None) -> tuple[Targets, NDArray | None]:
        network, _, numbers, _ = self._model
        return no_numbers(numbers, network.output.name == "identity").encoded(y, w, "y"), w

    def _thetas_for(self, network: Network, kind: Kind) -> Sequence[NDArray]:
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
    def y_mean_(self) -> NDArray:
        """The mean of each output, which the fit has taken off; 0 of Poisson."""
        return self._model.kind.mean

    @property
    def y_scale_(self) -> NDArray:
        """The standard deviation of each output, by which the fit has divided; 1 of Poisson."""
        return self._model.kind.scale

    def predict(self, X: Any) -> NDArray:
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

        def answer(z: NDArray) -> NDArray:
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
        check_is_fitted(self)
        self._check_y(y)
        score = poisson_d2 if self.out_activation_ == "exp" else r2_score
        return self._scored(score, X, finite_numbers(y, "y"), sample_weight)


def poisson_d2(y: Any, predicted: NDArray, sample_weight: Any) -> float:
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


def _d2_of_column(y: NDArray, predicted: NDArray, sample_weight: Any) -> float:
    if len(y) > 1 and y.min() == y.max():  # as `r2_score` has it, where there is nothing to explain
        return float(np.array_equal(y, predicted))
    return float(d2_tweedie_score(y, predicted, sample_weight=sample_weight, power=1))


def _is_fitted_name(name: str) -> bool:
    return name.endswith("_") or name == "_model"
