"""An estimator that searches the penalty of rows on a cluster."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
from joblib import parallel_config
from sklearn.utils.validation import check_is_fitted

from skbackprop._cluster.estimators import OnCluster
from skbackprop._cluster.folds import in_folds
from skbackprop._cluster.search import MEANS, ClusterSearchedRows
from skbackprop._estimator import metadata_of
from skbackprop._parameters import InvalidParameterError, Settings, shown
from skbackprop._rows.summed import SummedRows
from skbackprop._search.rows import SearchedRows

# Of a search whose user has not said how many, as everywhere in scikit-learn.
N_FOLDS = 5


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

    def _score_there(self, X: Any, y: Any, sample_weight: Any) -> float:
        if self.scoring is None:
            return super()._score_there(X, y, sample_weight)
        check_is_fitted(self)
        client, local = self._client(), self.to_local()
        y, sample_weight = client.gather(client.compute([y, sample_weight]))
        for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
            if hasattr(local, method):
                setattr(local, method, self._answers(method, X))
        n_rows = y.shape[0] if hasattr(y, "shape") else len(y)
        return float(local.score(np.empty((n_rows, 0)), y, sample_weight))

    def _answers(self, method: str, X: Any) -> Callable[[Any], np.ndarray]:
        """Return a method that gives the answers of these rows, whichever it is asked for."""

        def answers(stand_in: Any) -> np.ndarray:
            return self._client().compute(getattr(self, method)(X)).result()

        answers.__name__ = method  # which scikit-learn's scorers look at
        return answers
