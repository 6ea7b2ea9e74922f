"""What estimators on a cluster share: rows in groups, predictions in chunks, the way back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from dask import is_dask_collection
from distributed import Client, get_client
from joblib import parallel_config
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from skbackprop._cluster.data import Source, encode_groups, gather_groups, n_groups_of
from skbackprop._cluster.engine import Cluster
from skbackprop._cluster.folds import in_folds
from skbackprop._cluster.rows import ClusterRows
from skbackprop._cluster.search import MEANS, ClusterSearchedRows
from skbackprop._cluster.targets import ClassesOfGroups, Encoding, NumbersOfGroups, TargetsOfGroups
from skbackprop._estimator import NetworkEstimator, metadata_of
from skbackprop._inputs import float_dtype_of, validated
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._parameters import InvalidParameterError, Settings, shown
from skbackprop._rows.summed import SummedRows
from skbackprop._search.rows import SearchedRows

# Of a search whose user has not said how many, as everywhere in scikit-learn.
N_FOLDS = 5


class OnCluster(NetworkEstimator):
    """An estimator whose rows, or those that it predicts, are collections of Dask."""

    # Parameters that it reads.
    client: Client | None
    n_groups: int | None

    _kind: Callable[[], TargetsOfGroups]
    _local: ClassVar[type]

    @contextmanager
    def _encoded(
        self,
        draft: Any,
        settings: Settings,
        data: tuple[Any, Any, Any],
        validation: tuple[Any, Any, Any],
    ) -> Iterator[tuple[ClusterRows, SummedRows | None]]:
        """Yield the rows of the fit, and those that validate it or None, held by the workers."""
        self._check_n_groups()
        if not is_dask_collection(data[0]):
            raise TypeError(
                f"X must be a dask array or dataframe, got {type(data[0]).__name__}: "
                f"{self._local.__name__} fits what is on this machine"
            )
        with Cluster(self._client(), [*data, *validation]) as cluster:
            dtype = np.dtype(float_dtype_of(data[0]))
            gather = partial(self._gathered, cluster, settings)
            source = gather(type(self)(), data, dtype)
            draft.n_features_in_ = source.n_features
            if source.names is not None:
                draft.feature_names_in_ = source.names
            encoding = self._kind().encoding(source.of_targets)
            rows = encode_groups(cluster, source, encoding, dtype)
            yield rows, self._validating(gather, draft, rows, validation)

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
        settings: Settings,
        blank: Any,
        data: tuple[Any, Any, Any],
        dtype: np.dtype,
        names: tuple[str, str, str] = ("X", "y", "sample_weight"),
        **options: Any,
    ) -> Source:
        options = {"dtype": dtype, **self._y_options, **options}

        def n_groups(chunks: Any) -> int:
            return self.n_groups or n_groups_of(data[0], chunks, settings.hidden_layer_sizes)

        validate = partial(_validated, blank, options)
        return gather_groups(cluster, data, names, n_groups, validate, self._kind())

    def _validating(
        self,
        gather: Callable[..., Source],
        draft: Any,
        rows: ClusterRows,
        validation: tuple[Any, Any, Any],
    ) -> SummedRows | None:
        """Return the rows of a validation set of the user's, which may be on the cluster or not."""
        if not is_dask_collection(validation[0]) or validation[1] is None:
            return draft._validation_rows(rows, *validation)
        names = ("X_val", "y_val", "sample_weight_val")
        blank = type(self)()
        blank.__dict__.update({n: v for n, v in vars(draft).items() if n.endswith("_in_")})
        try:
            source = gather(blank, validation, rows.dtype, names, reset=False)
        except ValueError as error:
            raise ValueError(f"in X_val, y_val: {error}") from error
        has_weight = None if rows.class_weights is None else rows.class_weights > 0
        encoding = Encoding(rows.targets, rows.class_weights, has_weight, "y_val")
        validating = encode_groups(rows.cluster, source, encoding, rows.dtype)
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
        params = self.get_params(deep=False)
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
        params = {**self.get_params(deep=False), "client": None}
        clone = super(OnCluster, type(self)(**params)).__sklearn_clone__()
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
            local: Any = super()
            return local.score(X, y, sample_weight)
        there = self._client().compute([self.predict(X), y, sample_weight])
        return self._score_of(*self._client().gather(there))


class ClassesOnCluster(OnCluster):
    """One whose answers are classes."""

    class_weight: Any

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


class NumbersOnCluster(OnCluster):
    """One whose answers are numbers."""

    loss: Any

    def _kind(self) -> TargetsOfGroups:
        return NumbersOfGroups(self.loss)


class SearchOnCluster(OnCluster):
    """One that searches the penalty."""

    # Parameters that it reads.
    cv: Any
    scoring: Any

    @contextmanager
    def _divided(
        self,
        draft: Any,
        settings: Settings,
        data: tuple[Any, Any, Any],
        validation: tuple[Any, Any, Any],
        params: dict[str, Any],
    ) -> Iterator[tuple[SearchedRows, Sequence[Any], SummedRows, SummedRows | None]]:
        """Yield the rows, the number of each fold twice, rows to refit, and to validate."""
        n_folds = self._check_folds(params)
        held = self._encoded(draft, settings, data, validation)
        # Folds come one after the other: it is their evaluations that are side by side.
        with held as (rows, validating), parallel_config(backend="sequential"):
            rows = in_folds(rows, n_folds)
            X, y, sample_weight = data
            seen = {"X": X, "y": y, "metadata": metadata_of(sample_weight)}
            splits = [(fold, fold) for fold in range(n_folds)]
            yield ClusterSearchedRows(rows, n_folds, seen), splits, rows, validating

    def _check_folds(self, params: dict[str, Any]) -> int:
        """Return the number of folds, if this and how they are scored can be had on a cluster."""
        if params:
            raise ValueError(f"fit got {', '.join(params)}, which folds on a cluster do not use")
        if not (self.scoring is None or self.scoring in MEANS):
            raise InvalidParameterError(
                "scoring must be None or, of rows on a cluster, the name of a score that is a mean "
                f"over rows ({', '.join(MEANS)}), got {shown(self.scoring)}"
            )
        cv = N_FOLDS if self.cv is None else self.cv
        if not isinstance(cv, Integral) or isinstance(cv, bool) or cv < 2:
            raise InvalidParameterError(
                f"cv must be None or, of rows on a cluster, an int >= 2, got {shown(cv)}"
            )
        return int(cv)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of ``scoring``, or where that is None of the local estimator.

        Of collections, y and the answers come to this machine: a few numbers for each row.

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
        if self.scoring is None or not is_dask_collection(X):
            return super().score(X, y, sample_weight)
        check_is_fitted(self)
        client, local = self._client(), self.to_local()
        y, sample_weight = client.gather(client.compute([y, sample_weight]))
        for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
            if hasattr(local, method):
                setattr(local, method, self._answers(method, X))
        return float(local.score(np.empty((len(y), 0)), y, sample_weight))

    def _answers(self, method: str, X: Any) -> Callable[[Any], NDArray]:
        """Return a method that gives the answers of these rows, whichever it is asked for."""

        def answers(stand_in: Any) -> NDArray:
            return self._client().compute(getattr(self, method)(X)).result()

        answers.__name__ = method  # which scikit-learn's scorers look at
        return answers


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
