"""What collections of Dask are predicted by: the plain estimator, chunk by chunk, lazily."""

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from dask import is_dask_collection
from distributed import Client, get_client
from sklearn.utils.validation import check_is_fitted

from skbackprop._estimator import NetworkEstimator
from skbackprop._machine.blas import single_threaded_blas


class PredictsCollections(NetworkEstimator):
    """An estimator that predicts collections where they are, and knows the way back."""

    # A parameter that it reads.
    client: Client | None

    _local: ClassVar[type]

    def _client(self) -> Client:
        try:
            return get_client() if self.client is None else self.client
        except ValueError as error:
            raise ValueError(
                "there is no Dask client: make one, with distributed.Client(...), before fit"
            ) from error

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
        clone = super(PredictsCollections, type(self)(**params)).__sklearn_clone__()
        clone.client = self.client
        return clone

    # Predictions

    def _chunkwise(self, method: str, X: Any) -> Any:
        """Return what a method of the local estimator gives of X: of a collection, lazily."""
        if not is_dask_collection(X):
            return getattr(super(), method)(X)
        check_is_fitted(self)
        local = to_predict(self)
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
        """Return the score of the local estimator: of a search, that of its ``scoring``.

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
        if not is_dask_collection(X):
            refuse_mixed(X=X, y=y, sample_weight=sample_weight)
            local: Any = super()
            return local.score(X, y, sample_weight)
        return self._score_there(X, y, sample_weight)

    def _score_there(self, X: Any, y: Any, sample_weight: Any) -> float:
        """Return the score of collections."""
        there = self._client().compute([self.predict(X), y, sample_weight])
        return self._score_of(*self._client().gather(there))


def to_predict(model: Any) -> Any:
    """Return what predicts as a model does, and has nothing that only this machine may know."""
    fitted = model.to_local()
    plain = type(fitted)()
    needed = ("_model", "n_features_in_", "feature_names_in_")
    plain.__dict__.update({name: value for name, value in vars(fitted).items() if name in needed})
    return plain


def refuse_mixed(**given: Any) -> None:
    """Raise an error where the first, X, is on this machine, and another of them is not."""
    (name, X), *others = given.items()
    for other, item in others:
        if is_dask_collection(item):
            raise TypeError(
                f"{name} must be a dask array or dataframe where {other} is a dask "
                f"{type(item).__name__}, got {type(X).__name__}"
            )


class PredictsProbabilities(PredictsCollections):
    """One whose answers are classes."""

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities of the classes, or of each label; see `predict`."""
        return self._chunkwise("predict_proba", X)

    def predict_log_proba(self, X: Any) -> Any:
        """Return the logarithms of the probabilities; see `predict`."""
        return self._chunkwise("predict_log_proba", X)

    def decision_function(self, X: Any) -> Any:
        """Return the logits; see `predict`."""
        return self._chunkwise("decision_function", X)


# What the tasks do.


def _answer_chunk(local: Any, method: str, to_nothing: np.ndarray, chunk: Any) -> np.ndarray:
    if chunk.shape[0] == 0:
        return to_nothing
    with single_threaded_blas.alone():
        return getattr(local, method)(chunk)


def _answer_frame(answer: Callable[[Any], np.ndarray], frame: Any) -> Any:
    return _frame(answer(frame), frame.index)


def _frame(answers: np.ndarray, index: Any = None) -> Any:
    import pandas as pd

    return (pd.Series if answers.ndim == 1 else pd.DataFrame)(answers, index)


def _answers_to_nothing(local: Any, method: str) -> np.ndarray:
    """Return the answers to no row: of which dtype they are, and how many columns."""
    nameless = copy(local)
    vars(nameless).pop("feature_names_in_", None)
    row = np.zeros((1, local.n_features_in_), local.thetas_[0].dtype)
    return getattr(nameless, method)(row)[:0]
