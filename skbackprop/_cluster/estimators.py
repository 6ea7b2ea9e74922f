"""What estimators on a cluster share: the rows of a fit, in groups, of classes or numbers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any

import numpy as np
from dask import is_dask_collection

from skbackprop._cluster.data import Source, encode_groups, gather_groups, n_groups_of
from skbackprop._cluster.engine import Cluster
from skbackprop._cluster.predictions import (
    PredictsCollections,
    PredictsProbabilities,
    refuse_mixed,
)
from skbackprop._cluster.rows import ClusterRows
from skbackprop._cluster.targets import ClassesOfGroups, Encoding, NumbersOfGroups, TargetsOfGroups
from skbackprop._inputs import float_dtype_of, validated
from skbackprop._parameters import InvalidParameterError, Settings, shown
from skbackprop._rows.summed import SummedRows


class OnCluster(PredictsCollections):
    """An estimator that is fitted to rows in groups of chunks, held by the workers."""

    # A parameter that it reads.
    n_groups: int | None

    _kind: Callable[[], TargetsOfGroups]

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
        names = ("X_val", "y_val", "sample_weight_val")
        if not is_dask_collection(validation[0]) or validation[1] is None:
            if validation[0] is not None:
                refuse_mixed(**dict(zip(names, validation, strict=True)))
            return draft._validation_rows(rows, *validation)
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


class ClassesOnCluster(PredictsProbabilities, OnCluster):
    """One whose answers are classes."""

    class_weight: Any

    def _kind(self) -> TargetsOfGroups:
        return ClassesOfGroups(self.class_weight)


class NumbersOnCluster(OnCluster):
    """One whose answers are numbers."""

    loss: Any

    def _kind(self) -> TargetsOfGroups:
        return NumbersOfGroups(self.loss)


# What the tasks do.


def _validated(
    blank: Any, options: dict[str, Any], X: Any, y: Any
) -> tuple[Any, Any, np.ndarray | None]:
    """Return X and y of a group, checked, and the names of the features."""
    blank = copy(blank)  # a worker in this process has the same one
    X, y = validated(blank, X, y, **options)
    return X, y, vars(blank).get("feature_names_in_")
