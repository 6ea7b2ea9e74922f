"""Estimators whose rows live on a Dask cluster: data that one machine does not hold, or too slowly.

An optional part, which nothing else imports: ``pip install "skbackprop[dask]"``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from distributed import Client

from skbackprop._classifier import BackpropClassifier
from skbackprop._classifier_cv import BackpropClassifierCV
from skbackprop._cluster.engine import ClusterError
from skbackprop._cluster.estimators import ClassesOnCluster, NumbersOnCluster
from skbackprop._cluster.penalty_search import SearchOnCluster
from skbackprop._network.activations import ActivationName
from skbackprop._regressor import BackpropRegressor
from skbackprop._regressor_cv import BackpropRegressorCV

__all__ = [
    "ClusterError",
    "DaskBackpropClassifier",
    "DaskBackpropClassifierCV",
    "DaskBackpropRegressor",
    "DaskBackpropRegressorCV",
]


class DaskBackpropClassifier(ClassesOnCluster, BackpropClassifier):
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
        thetas_init: Sequence[np.ndarray] | None = None,
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


class DaskBackpropClassifierCV(SearchOnCluster, ClassesOnCluster, BackpropClassifierCV):
    """BackpropClassifierCV on rows that live on a Dask cluster.

    The same search: on each fold's training rows a path of penalties, scored on the others, and a
    refit of all rows at the best. The folds are those of the local class, of the same rows in the
    same order, where none weighs zero; they are walked one after the other, each evaluation on all
    workers.

    Parameters
    ----------
    hidden_layer_sizes, activation, out_activation, reg_lambdas, refit, solver, max_iter, tol, \
            class_weight, coarse_folds, coarse_start, early_stopping, validation_fraction, \
            n_iter_no_change, solver_options, random_state, verbose
        As of BackpropClassifierCV.
    cv : int or None, default=None
        The number of folds; None is five. The rows of positive weight fall to them as
        ``StratifiedKFold(cv)`` has it, for labels ``KFold(cv)``: those of each class, in the order
        that they have in X, are divided into runs. It does not depend on chunks, groups or workers.
        Where the rows are sorted by something else than their class, by date or source, a fold is
        a part of that.
    scoring : str or None, default=None
        None is the mean log-probability that held-out rows give to their class. Or the name of a
        score that is a mean over rows, of which each group says its own: "accuracy",
        "neg_log_loss", "neg_mean_absolute_error", "neg_mean_poisson_deviance" or
        "neg_mean_squared_error". Others, as areas under curves, need all answers in one place.
    client : distributed.Client or None, default=None
        As of `DaskBackpropClassifier`.
    n_groups : int or None, default=None
        As of `DaskBackpropClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted. All other attributes are those of BackpropClassifierCV, too.

    See Also
    --------
    skbackprop.BackpropClassifierCV : On one machine.
    DaskBackpropClassifier : One fit at a given penalty; what it says of data holds here.

    Notes
    -----
    The folds share the rows that the workers hold. While a fold is walked, a worker has of each
    group of up to 2^20 numbers a copy of the rows that take part, of a larger one their positions;
    with early stopping, a copy of all that are trained on.

    ``fit`` takes collections alone, and no other metadata than ``sample_weight``, by which scores
    are weighted, too.

    The callbacks of scikit-learn see X and y as they were given, in each of the folds. An interrupt
    says how many fits are done and leaves the estimator as it was, until the refit has begun.
    """

    _local = BackpropClassifierCV

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = 50,
        *,
        activation: ActivationName | Sequence[ActivationName] = "relu",
        out_activation: Literal["logistic", "softmax"] = "softmax",
        reg_lambdas: int | Sequence[float] | np.ndarray = 10,
        cv: int | None = None,
        scoring: str | None = None,
        refit: Literal["best", "1se"] | Callable[[dict[str, Any]], int] = "best",
        solver: Literal["lbfgs", "cg"] = "lbfgs",
        max_iter: int = 500,
        tol: float = 1e-4,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        coarse_folds: bool = True,
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
            reg_lambdas=reg_lambdas,
            cv=cv,
            scoring=scoring,
            refit=refit,
            solver=solver,
            max_iter=max_iter,
            tol=tol,
            class_weight=class_weight,
            coarse_folds=coarse_folds,
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


class DaskBackpropRegressor(NumbersOnCluster, BackpropRegressor):
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
        thetas_init: Sequence[np.ndarray] | None = None,
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


class DaskBackpropRegressorCV(SearchOnCluster, NumbersOnCluster, BackpropRegressorCV):
    """BackpropRegressorCV on rows that live on a Dask cluster: see `DaskBackpropClassifierCV`.

    Parameters
    ----------
    hidden_layer_sizes, activation, loss, reg_lambdas, refit, solver, max_iter, tol, \
            coarse_folds, coarse_start, early_stopping, validation_fraction, n_iter_no_change, \
            solver_options, random_state, verbose
        As of BackpropRegressorCV.
    cv : int or None, default=None
        The number of folds, runs of the rows of positive weight as ``KFold(cv)`` has them; None is
        five.
    scoring : str or None, default=None
        None is minus the mean cost of held-out rows. Names are as of `DaskBackpropClassifierCV`.
    client : distributed.Client or None, default=None
        As of `DaskBackpropClassifier`.
    n_groups : int or None, default=None
        As of `DaskBackpropClassifier`.

    Attributes
    ----------
    y_mean_ : ndarray of shape (n_outputs,)
        The weighted mean of each output. All other attributes are those of BackpropRegressorCV,
        too.

    See Also
    --------
    skbackprop.BackpropRegressorCV : On one machine.
    """

    _local = BackpropRegressorCV

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = 50,
        *,
        activation: ActivationName | Sequence[ActivationName] = "logistic",
        loss: Literal["squared_error", "poisson"] = "squared_error",
        reg_lambdas: int | Sequence[float] | np.ndarray = 10,
        cv: int | None = None,
        scoring: str | None = None,
        refit: Literal["best", "1se"] | Callable[[dict[str, Any]], int] = "best",
        solver: Literal["lbfgs", "cg"] = "lbfgs",
        max_iter: int = 500,
        tol: float = 3e-4,
        coarse_folds: bool = True,
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
            reg_lambdas=reg_lambdas,
            cv=cv,
            scoring=scoring,
            refit=refit,
            solver=solver,
            max_iter=max_iter,
            tol=tol,
            coarse_folds=coarse_folds,
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
