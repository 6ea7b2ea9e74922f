"""The rows of a search that live on a cluster: its folds, and their scores."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from distributed import KilledWorker

from skbackprop._cluster.engine import ClusterError
from skbackprop._cluster.folds import class_weights_of_training
from skbackprop._cluster.held import Part
from skbackprop._cluster.predictions import to_predict
from skbackprop._cluster.rows import ClusterRows
from skbackprop._network.network import Network
from skbackprop._network.thetas import Thetas
from skbackprop._rows.rows import Rows
from skbackprop._search.scoring import mean_log_likelihood, score_of

# Names of scores that are means over rows, or what is linear in them: that of all groups is the
# mean of theirs.
MEANS = (
    "accuracy",
    "neg_log_loss",
    "neg_mean_absolute_error",
    "neg_mean_poisson_deviance",
    "neg_mean_squared_error",
)


class ClusterSearchedRows:
    """Rows on a cluster in folds, which are given by their numbers; see `SearchedRows`.

    Parameters
    ----------
    rows : ClusterRows
        All, each with its fold.
    n_folds : int
    data : dict
        X, y and metadata as the user gave them, for callbacks.
    """

    def __init__(self, rows: ClusterRows, n_folds: int, data: dict[str, Any]) -> None:
        self.rows, self.data = rows, data
        self.class_weights: list[np.ndarray | None] = class_weights_of_training(rows, n_folds)

    @property
    def dtype(self) -> np.dtype:
        """That of X."""
        return self.rows.dtype

    @property
    def has_classes(self) -> bool:
        """Whether the targets are classes."""
        return self.rows.targets.has_classes

    @property
    def own_errors(self) -> tuple[type[Exception], ...]:
        """What is raised where the cluster is gone, or a task takes its workers with it."""
        return ClusterError, KilledWorker

    @property
    def shows_names(self) -> bool:
        """Whether callbacks see X with the names of its features."""
        return True

    def for_callbacks(self, rows: Any) -> dict[str, Any]:
        """Return X, y and metadata of all rows, as they were given: nothing is gathered."""
        return self.data

    def for_a_fold(self) -> AbstractContextManager[Any]:
        """Return a context at whose end the workers hold nothing that only one fold needs."""
        return self.rows.cluster.for_a_while()

    def training_rows(self, train: int, is_coarse: bool) -> ClusterRows:
        """Return the rows that are not of a fold."""
        weights = self.class_weights[train]
        rows = self.rows.of_part(Part(train, False, weights), weights)
        return rows.to_rank_penalties() if is_coarse else rows

    def _test_rows(self, test: int) -> ClusterRows:
        return self.rows.of_part(Part(test, True), self.rows.class_weights)

    def log_likelihood(self, network: Network, test: int) -> Callable[[Thetas], float]:
        """Return the mean log-likelihood of the rows of a fold."""
        rows = self._test_rows(test)
        return lambda thetas: rows.mean_by_count(_log_likelihood, (network, thetas))

    def score(self, scorer: Callable[..., Any], test: int) -> Callable[[Any], float]:
        """Return the score that a scorer gives the rows of a fold: the mean of the groups'."""
        rows = self._test_rows(test)
        return lambda model: rows.mean_by_count(_score, (scorer, to_predict(model)))


# What the tasks do.


def _log_likelihood(rows: Rows, point: tuple[Network, Thetas]) -> float:
    return mean_log_likelihood(*point, rows)


def _score(rows: Rows, point: tuple[Callable[..., Any], Any]) -> float:
    (scorer, model), rows = point, rows.compact()
    params = {} if rows.counts is None else {"sample_weight": rows.counts}
    return score_of(scorer, model, rows.X, rows.targets.as_given, params, rows.targets)
