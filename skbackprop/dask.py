"""Estimators whose rows live on a Dask cluster: data that one machine does not hold, or too slowly.

An optional part, which nothing else imports: ``pip install "skbackprop[dask]"``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any, ClassVar, Literal, Self

import numpy as np
from dask import is_dask_collection
from distributed import Client, get_client
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skbackprop._classifier import BackpropClassifier
from skbackprop._cluster.data import Source, encode_groups, gather_groups, n_groups_of
from skbackprop._cluster.engine import Cluster, ClusterError
from skbackprop._cluster.targets import ClassesOfGroups, Encoding, NumbersOfGroups, TargetsOfGroups
from skbackprop._inputs import float_dtype_of, validated
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._network.activations import ActivationName
from skbackprop._parameters import InvalidParameterError, check_parameters, shown
from skbackprop._regressor import BackpropRegressor
from skbackprop._rows.summed import SummedRows

__all__ = ["ClusterError", "DaskBackpropClassifier", "DaskBackpropRegressor"]


class OnCluster:
    """What estimators on a cluster share: rows in groups, predictions in chunks, the way back."""

    # Parameters that it reads.
    client: Client | None
    n_groups: int | None

    _kind: Callable[[], TargetsOfGroups]
    _local: ClassVar[type]

    @contextmanager
    def _encoded(
        self, draft: Any, data: tuple[Any, Any, Any], validation: tuple[Any, Any, Any]
    ) -> Iterator[tuple[SummedRows, SummedRows | None]]:
        """Yield the rows of the fit, and those that validate it or None, held by the workers."""
        self._check_n_groups()
        if not is_dask_collection(data[0]):
            raise TypeError(
                f"X must be a dask array or dataframe, got {type(data[0]).__name__}: "
                f"{self._local.__name__} fits what is on this machine"
            )
        with Cluster(self._client(), [*data, *validation]) as cluster:
            dtype = np.dtype(float_dtype_of(data[0]))
            source = self._gathered(cluster, type(self)(), data, dtype)
            draft.n_features_in_ = source.n_features
            if source.names is not None:
                draft.feature_names_in_ = source.names
            encoding = self._kind().encoding(source.of_targets)
            rows = encode_groups(cluster, source, encoding, dtype)
            yield rows, self._validating(cluster, draft, rows, validation)

    def _client(self) -> Client:
        try:
            return get_client() if self.client is None else self.client
        except ValueError as error:
            raise ValueError(
                "there is no Dask client: make one, with distributed.Client(...), before fit"
            ) from error

    def _check_n_groups(self) -> None:
        n = self.n_groups
        if not (n is None or (isinstance(n, int | np.integer) and n >= 1)):
            raise InvalidParameterError(f"n_groups must be None or an int >= 1, got {shown(n)}")

    def _gathered(
        self,
        cluster: Cluster,
        blank: Any,
        data: tuple[Any, Any, Any],
        dtype: np.dtype,
        names: tuple[str, str, str] = ("X", "y", "sample_weight"),
        **options: Any,
    ) -> Source:
        hidden_layer_sizes = check_parameters(self).hidden_layer_sizes
        options = {"dtype": dtype, **type(self)._y_options, **options}  # type: ignore[attr-defined]

        def n_groups(chunks: Any) -> int:
            return self.n_groups or n_groups_of(data[0], chunks, hidden_layer_sizes)

        validate = partial(_validated, blank, options)
        return gather_groups(cluster, data, names, n_groups, validate, self._kind())

    def _validating(
        self, cluster: Cluster, draft: Any, rows: SummedRows, validation: tuple[Any, Any, Any]
    ) -> SummedRows | None:
        """Return the rows of a validation set of the user's, which may be on the cluster or not."""
        if not is_dask_collection(validation[0]) or validation[1] is None:
            return draft._validation_rows(rows, *validation)
        names = ("X_val", "y_val", "sample_weight_val")
        blank = type(self)()
        blank.__dict__.update({n: v for n, v in vars(draft).items() if n.endswith("_in_")})
        try:
            source = self._gathered(cluster, blank, validation, rows.dtype, names, reset=False)
        except ValueError as error:
            raise ValueError(f"in X_val, y_val: {error}") from error
        has_weight = None if rows.class_weights is None else rows.class_weights > 0
        encoding = Encoding(rows.targets, rows.class_weights, has_weight, "y_val")
        validating = encode_groups(cluster, source, encoding, rows.dtype)
        if validating.n_rows == 0:
            raise ValueError(
                "sample_weight_val and class_weight leave no row of y_val of positive weight"
            )
        return validating

    # Without the cluster

    def to_local(self) -> Any:
        """Return the same estimator for one machine, fitted as this one is.

        Returns
        -------
        estimator
            It knows nothing of Dask.
        """
        ours = {"client", "n_groups"}
        params = self.get_params(deep=False)  # type: ignore[attr-defined]
        local = self._local(**{name: value for name, value in params.items() if name not in ours})
        fitted = {n: v for n, v in vars(self).items() if n not in params}
        local.__dict__.update(fitted)
        return local

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the client, which no pickle holds."""
        state: Any = super().__getstate__()
        return {**state, "client": None}

    def __sklearn_clone__(self) -> Self:
        """Return a clone with the same client, which cannot be copied."""
        params = {**self.get_params(deep=False), "client": None}  # type: ignore[attr-defined]
        clone = super(OnCluster, type(self)(**params)).__sklearn_clone__()  # type: ignore[misc]
        clone.client = self.client
        return clone

    # Predictions

    def _chunkwise(self, method: str, X: Any) -> Any:
        """Return what a method of the local estimator gives of X: of a collection, lazily."""
        if not is_dask_collection(X):
            return getattr(super(), method)(X)
        check_is_fitted(self)
        local = self.to_local()
        like = _answers_to_nothing(local, method)
        answer = partial(_answer_chunk, local, method, like)
        if not hasattr(X, "chunks"):
            return X.map_partitions(partial(_answer_frame, answer), meta=_frame(like)).values
        if X.numblocks[1] > 1:
            X = X.rechunk({1: -1})
        shape = {"drop_axis": 1} if like.ndim == 1 else {"chunks": (X.chunks[0], like.shape[1:])}
        return X.map_blocks(answer, dtype=like.dtype, meta=like, **shape)

    def predict(self, X: Any) -> Any:
        """Predict as the local estimator does.

        Parameters
        ----------
        X : {dask array, dask dataframe, array-like, sparse matrix, dataframe} of shape \
                (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        {dask array, ndarray} of shape (n_samples,) or (n_samples, n_outputs)
            Of a collection a dask array, computed where its chunks are when somebody asks for it.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        return self._chunkwise("predict", X)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of the local estimator.

        Of collections, y and the predictions come to this machine: a few numbers for each row.

        Parameters
        ----------
        X : {dask array, dask dataframe, array-like, sparse matrix, dataframe} of shape \
                (n_samples, n_features)
        y : {dask array, dask series, array-like} of shape (n_samples,) or (n_samples, n_outputs)
            True targets.
        sample_weight : {dask array, dask series, array-like} of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
        """
        if not is_dask_collection(X):
            return float(super().score(X, y, sample_weight))  # type: ignore[misc]
        there = self._client().compute([self.predict(X), y, sample_weight])
        return self._score_of(*self._client().gather(there))  # type: ignore[attr-defined]


class DaskBackpropClassifier(OnCluster, BackpropClassifier):
    """BackpropClassifier on rows that live on a Dask cluster.

    The same network, trained by the same full-batch back-propagation: in every evaluation each
    worker sums cost and gradient over its rows, and the optimizer stays with the client. Where
    a worker is lost in the middle of a fit, what it held is made again, and the fit goes on.

    Parameters
    ----------
    hidden_layer_sizes, activation, out_activation, reg_lambda, solver, max_iter, tol, \
            class_weight, thetas_init, warm_start, coarse_start, early_stopping, \
            validation_fraction, n_iter_no_change, solver_options, random_state, verbose
        As of BackpropClassifier. The path of "auto", and mini-batches of a coarse start, pass
        over a sample of the rows which fits the client; early stopping holds out the same share of
        every group of chunks.
    client : distributed.Client or None, default=None
        That of the cluster; None is the current one. No pickle holds it.
    n_groups : int or None, default=None
        The number of groups that the chunks of X form, each a task in every evaluation. None
        follows from the size of the data: about the root of the work, so that tasks take
        less time than what they do. It should not be below the number of the workers' threads. The
        result of a fit depends on it, in the last bits, and not on the number of workers.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted. All other attributes are those of BackpropClassifier, too.

    See Also
    --------
    skbackprop.BackpropClassifier : On one machine.

    Notes
    -----
    ``fit`` takes dask arrays and dataframes, of any chunks of rows: known and unknown sizes, empty
    ones, and sparse ones. y and ``sample_weight`` are chunked as X, or made so; where the
    sizes of X are known, they may also be arrays. A validation set may be on the cluster or not.
    A group whose chunks are several takes memory of its own on its worker for the time of the fit.

    Rows are neither merged nor sorted: the order of rows and repeats change the result in its
    last bits, which a fit amplifies.

    Data that a client has put on the cluster by ``scatter`` is lost with its worker, and the fit
    ends with an error that says so.
    """

    _local = BackpropClassifier

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = 50,
        *,
        activation: ActivationName | Sequence[ActivationName] = "relu",
        out_activation: Literal["logistic", "softmax"] = "softmax",
        reg_lambda: float | Literal["auto", "prior"] = "auto",
        solver: Literal["lbfgs", "cg"] = "lbfgs",
        max_iter: int = 500,
        tol: float = 1e-4,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        thetas_init: Sequence[NDArray] | None = None,
        warm_start: bool = False,
        coarse_start: bool | Literal["auto"] = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        solver_options: Mapping[str, float] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = 0,
        client: Client | None = None,
        n_groups: int | None = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation=activation,
            out_activation=out_activation,
            reg_lambda=reg_lambda,
            solver=solver,
            max_iter=max_iter,
            tol=tol,
            class_weight=class_weight,
            thetas_init=thetas_init,
            warm_start=warm_start,
            coarse_start=coarse_start,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            solver_options=solver_options,
            random_state=random_state,
            verbose=verbose,
        )
        self.client = client
        self.n_groups = n_groups

    def _kind(self) -> TargetsOfGroups:
        return ClassesOfGroups(self.class_weight)

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the classes, or of each label; see `predict`."""
        return self._chunkwise("predict_proba", X)

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of the probabilities; see `predict`."""
        return self._chunkwise("predict_log_proba", X)

    def decision_function(self, X: Any) -> Any:
        """Return the logits; see `predict`."""
        return self._chunkwise("decision_function", X)


class DaskBackpropRegressor(OnCluster, BackpropRegressor):
    """BackpropRegressor on rows that live on a Dask cluster: see `DaskBackpropClassifier`.

    Parameters
    ----------
    hidden_layer_sizes, activation, loss, reg_lambda, solver, max_iter, tol, thetas_init, \
            warm_start, coarse_start, early_stopping, validation_fraction, n_iter_no_change, \
            solver_options, random_state, verbose
        As of BackpropRegressor.
    client : distributed.Client or None, default=None
        As of `DaskBackpropClassifier`.
    n_groups : int or None, default=None
        As of `DaskBackpropClassifier`.

    Attributes
    ----------
    y_mean_ : ndarray of shape (n_outputs,)
        The weighted mean of each output. All other attributes are those of BackpropRegressor,
        too.

    See Also
    --------
    skbackprop.BackpropRegressor : On one machine.
    """

    _local = BackpropRegressor

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = 50,
        *,
        activation: ActivationName | Sequence[ActivationName] = "logistic",
        loss: Literal["squared_error", "poisson"] = "squared_error",
        reg_lambda: float | Literal["auto", "prior"] = "auto",
        solver: Literal["lbfgs", "cg"] = "lbfgs",
        max_iter: int = 500,
        tol: float = 3e-4,
        thetas_init: Sequence[NDArray] | None = None,
        warm_start: bool = False,
        coarse_start: bool | Literal["auto"] = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        solver_options: Mapping[str, float] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = 0,
        client: Client | None = None,
        n_groups: int | None = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation=activation,
            loss=loss,
            reg_lambda=reg_lambda,
            solver=solver,
            max_iter=max_iter,
            tol=tol,
            thetas_init=thetas_init,
            warm_start=warm_start,
            coarse_start=coarse_start,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            solver_options=solver_options,
            random_state=random_state,
            verbose=verbose,
        )
        self.client = client
        self.n_groups = n_groups

    def _kind(self) -> TargetsOfGroups:
        return NumbersOfGroups(self.loss)


# What the tasks do.


def _validated(
    blank: Any, options: dict[str, Any], X: Any, y: Any
) -> tuple[Any, Any, NDArray | None]:
    """Return X and y of a group, checked, and the names of the features."""
    blank = copy(blank)  # a worker in this process has the same one
    X, y = validated(blank, X, y, **options)
    return X, y, vars(blank).get("feature_names_in_")


def _answer_chunk(local: Any, method: str, to_nothing: NDArray, chunk: Any) -> NDArray:
    if chunk.shape[0] == 0:
        return to_nothing
    with single_threaded_blas.alone():
        return getattr(local, method)(chunk)


def _answer_frame(answer: Callable[[Any], NDArray], frame: Any) -> Any:
    return _frame(answer(frame), frame.index)


def _frame(answers: NDArray, index: Any = None) -> Any:
    import pandas as pd

    return (pd.Series if answers.ndim == 1 else pd.DataFrame)(answers, index)


def _answers_to_nothing(local: Any, method: str) -> NDArray:
    """Return the answers to no row: of which dtype they are, and how many columns."""
    nameless = copy(local)
    vars(nameless).pop("feature_names_in_", None)
    row = np.zeros((1, local.n_features_in_), local.thetas_[0].dtype)
    return getattr(nameless, method)(row)[:0]
