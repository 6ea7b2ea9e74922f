"""The rows of a search: what its folds are trained and scored on, here or on a cluster."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, Protocol

import numpy as np

from skbackprop._network.network import Network
from skbackprop._network.thetas import Thetas
from skbackprop._rows.rows import Rows, weighted_rows
from skbackprop._rows.summed import SummedRows
from skbackprop._rows.targets import Targets
from skbackprop._search.scoring import mean_log_likelihood, score_of


class SearchedRows(Protocol):
    """All rows of a search, of which a fold has some to train on, and others to test.

    Which ones is said by positions here, elsewhere by whatever these rows take.
    """

    @property
    def dtype(self) -> np.dtype:
        """That of X."""
        ...

    @property
    def has_classes(self) -> bool:
        """Whether the targets are classes."""
        ...

    @property
    def own_errors(self) -> tuple[type[Exception], ...]:
        """What is raised where the rows are lost: nobody shall take it for a scorer's error."""
        ...

    @property
    def shows_names(self) -> bool:
        """Whether callbacks see X with the names of its features."""
        ...

    def for_callbacks(self, rows: Any) -> dict[str, Any]:
        """Return X, y and metadata of some rows, or of all for None, for callbacks."""
        ...

    def for_a_fold(self) -> AbstractContextManager[Any]:
        """Return a context at whose end nothing is kept that only one fold needs."""
        ...

    def training_rows(self, train: Any, is_coarse: bool) -> SummedRows:
        """Return rows to train on, where fits are coarse in the precision that is enough."""
        ...

    def log_likelihood(self, network: Network, test: Any) -> Callable[[Thetas], float]:
        """Return the mean log-likelihood of test rows, a function of the Thetas."""
        ...

    def score(self, scorer: Callable[..., Any], test: Any) -> Callable[[Any], float]:
        """Return the score that a scorer gives test rows, a function of a fitted estimator."""
        ...


class LocalRows(NamedTuple):
    """Those on this machine; rows of a fold are given by their positions.

    Attributes
    ----------
    X : {ndarray, CSR array} of shape (n_samples, n_features)
    y : ndarray
        As given, for scorers.
    targets : Targets
        The same, encoded once for all folds, on the scale of the refit.
    w : ndarray of shape (n_samples,) or None
        Sample weights.
    score_params : mapping
        For the scorer; values with an item for each row are divided as the rows are.
    """

    X: Any
    y: Any
    targets: Targets
    w: np.ndarray | None
    score_params: Mapping[str, Any]

    @property
    def dtype(self) -> np.dtype:
        """That of X."""
        return self.X.dtype

    @property
    def has_classes(self) -> bool:
        """Whether the targets are classes."""
        return self.targets.has_classes

    @property
    def own_errors(self) -> tuple[type[Exception], ...]:
        """Nothing: they are here."""
        return ()

    @property
    def shows_names(self) -> bool:
        """Whether callbacks see X with the names of its features: it is an array."""
        return False

    def for_callbacks(self, rows: Any) -> dict[str, Any]:
        """Return X, y and metadata of some rows, or of all for None, for callbacks."""
        # As functions: a large X is copied only where a callback wants to see it.
        w, rows = self.w, slice(None) if rows is None else rows
        return {
            "X": lambda: self.X[rows],
            "y": lambda: self.y[rows],
            "metadata": lambda: None if w is None else {"sample_weight": w[rows]},
        }

    def for_a_fold(self) -> AbstractContextManager[Any]:
        """Return a context that does nothing."""
        return nullcontext()

    def training_rows(self, train: np.ndarray, is_coarse: bool) -> Rows:
        """Return rows to train on, where fits are coarse in the precision that is enough.

        Raises
        ------
        ValueError
            If all have weight zero.
        """
        train = self._of_weight(train, "training")
        rows = weighted_rows(self.X, self.targets, self.w, train)
        return rows.to_rank_penalties() if is_coarse else rows

    def _of_weight(self, rows: np.ndarray, kind: str) -> np.ndarray:
        if self.w is not None:
            rows = rows[self.w[rows] > 0]
        if len(rows) == 0:
            raise ValueError(f"sample_weight must not be zero for all {kind} rows, got only 0")
        return rows

    def log_likelihood(self, network: Network, test: np.ndarray) -> Callable[[Thetas], float]:
        """Return the mean log-likelihood of test rows; they are taken once."""
        test = self._of_weight(test, "test")
        counts = None if self.w is None else self.w[test]
        rows = Rows(self.X, self.targets.take(test), counts, None, test, len(test))
        return lambda thetas: mean_log_likelihood(network, thetas, rows)

    def score(self, scorer: Callable[..., Any], test: np.ndarray) -> Callable[[Any], float]:
        """Return the score that a scorer gives test rows; they are taken once."""
        test = self._of_weight(test, "test")
        X, y, targets = self.X[test], self.y[test], self.targets.take(test)
        params = {
            name: np.asarray(value)[test] if np.shape(value)[:1] == self.y.shape[:1] else value
            for name, value in self.score_params.items()
        }
        return lambda estimator: score_of(scorer, estimator, X, y, params, targets)
