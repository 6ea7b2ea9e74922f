"""Lambda chosen by cross-validation along a path, then one refit: of classes or numbers."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from skbackprop._estimator import NetworkEstimator, metadata_of
from skbackprop._inputs import of_one_type, refuse_collections, validated
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._model import Model, model_of_fit, network_for, seen_attributes
from skbackprop._network.network import Network
from skbackprop._network.thetas import Thetas
from skbackprop._parameters import Settings, check_parameters, check_parameters_of_search
from skbackprop._rows.rows import rows_of_fit
from skbackprop._rows.summed import SummedRows
from skbackprop._rows.targets import check_sample_weight
from skbackprop._search.fold import FoldFits, Search
from skbackprop._search.folds import fit_folds, interrupted
from skbackprop._search.refit import Refit
from skbackprop._search.reports import SearchReports
from skbackprop._search.results import choose, has_score, make_cv_results
from skbackprop._search.rows import LocalRows, SearchedRows
from skbackprop._search.scoring import as_number
from skbackprop._search.splits import splits_of
from skbackprop._training.callbacks import (
    STACK_LEVEL,
    CallbackSupportMixin,
    Task,
    root_task,
    with_callbacks,
)
from skbackprop._training.fit import Outcome
from skbackprop._training.penalty import reg_lambda_grid
from skbackprop._training.reports import Blame
from skbackprop._training.training import Training


class PenaltySearch(CallbackSupportMixin, NetworkEstimator):
    """An estimator that searches the penalty and refits at the best."""

    # Parameters that it reads.
    reg_lambdas: Any
    cv: Any
    scoring: Any
    refit: Any
    coarse_folds: bool
    n_jobs: int | None
    random_state: int | np.random.RandomState | None
    verbose: bool | int

    # Set by a fit.
    reg_lambdas_: np.ndarray
    scores_: np.ndarray
    cv_results_: dict[str, Any]
    best_index_: int
    best_params_: dict[str, Any]
    best_score_: float
    n_splits_: int

    def get_metadata_routing(self) -> MetadataRouter:
        """Return where metadata go: to this estimator, the splitter and the scorer.

        Returns
        -------
        MetadataRouter
        """
        # By name: scikit-learn before 1.8 copies the owner, cv and all, and a generator cannot be.
        router = MetadataRouter(owner=type(self).__name__).add_self_request(self)
        if hasattr(self.cv, "split"):
            to_splitter = MethodMapping().add(caller="fit", callee="split")
            router.add(splitter=self.cv, method_mapping=to_splitter)
        if self.scoring is not None:
            to_scorer = MethodMapping().add(caller="fit", callee="score")
            router.add(scorer=check_scoring(self, self.scoring), method_mapping=to_scorer)
        return router

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Search the penalty and refit at the best.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in float32 if that is its dtype, else in float64.
        y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_outputs)
            For a classifier class labels of any type, or an indicator matrix of labels; for a
            regressor numbers, a column for each output.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in fits and scores, finite and not negative.
        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), default=None
            A validation set of your own, computed in the dtype of X. With ``early_stopping``
            it says when each fit of the folds and the refit stop and what they keep, and no row
            of X is held out; without, that of the refit is recorded in `validation_scores_`, and
            nothing else changes.
        y_val : {array-like, sparse matrix} of shape (n_val,) or (n_val, n_outputs), default=None
            Its targets, of the kind of y; classes that y lacks are an error.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of its rows, as ``sample_weight``; those of the classes are those of y.
        **params : dict
            Metadata for the splitter (``groups``) and the scorer, where scikit-learn's
            metadata routing is enabled.

        Returns
        -------
        estimator
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If a parameter, X, y, ``sample_weight`` or the validation set is not valid, a cost
            becomes non-finite, or no penalty has a score. The estimator is then as it was.
        KeyboardInterrupt
            If the search is interrupted: it says how many fits were done, and the estimator is
            as it was, unless the refit has begun: see Notes of the class.

        Warns
        -----
        ConvergenceWarning
            If a limit ended the refit before ``max |D| <= tol``, or it ends no better than
            predicting the class frequencies, or the mean of y.
        """
        settings = check_parameters(self)
        check_parameters_of_search(self)
        draft, data = self._draft(), {"X": X, "y": y, "metadata": metadata_of(sample_weight)}
        validation = X_val, y_val, sample_weight_val
        divided = self._divided(draft, settings, (X, y, sample_weight), validation, params)
        with (
            single_threaded_blas(),
            rounding_in_silence(),
            divided as (all_rows, splits, rows, val),
        ):
            network = network_for(settings, rows)
            draft.reg_lambdas_ = self._reg_lambdas(rows, network)
            owner = self._for_workers()
            search = Search(
                owner=owner,
                model_of_fit=partial(model_of_fit, network),
                estimator_of=partial(owner._estimator_for_scorers, settings.tol),
                seen=partial(
                    seen_attributes, draft._named() if all_rows.shows_names else {}, settings.tol
                ),
                rows=all_rows,
                validation=val,
                network=network,
                settings=settings,
                reg_lambdas=draft.reg_lambdas_,
                coarse_folds=bool(self.coarse_folds),
                may_end_early=isinstance(self.reg_lambdas, Integral) and self.scoring is None,
                scoring=self.scoring,
                scorer=self._scorer(),
                n_folds=len(splits),
                is_verbose=bool(self.verbose),
            )
            seen = draft._seen(model_of_fit(network, rows), settings)
            task = root_task(
                self, data, seen, max_subtasks=len(splits) + 1, sequential_subtasks=False
            )
            with task:
                random_state = check_random_state(self.random_state)
                folds = fit_folds(search, splits, task, self.n_jobs, random_state)
                draft._store_search(folds)
                outcome = self._refit(draft, search, rows, folds, task)
            self._warn_of_search(outcome, search, rows, folds)
        return self

    @contextmanager
    def _divided(
        self,
        draft: Self,
        settings: Settings,
        data: tuple[Any, Any, Any],
        validation: tuple[Any, Any, Any],
        params: dict[str, Any],
    ) -> Iterator[tuple[SearchedRows, Sequence[Any], SummedRows, SummedRows | None]]:
        """Yield the rows, training and test rows of each fold, rows to refit, and to validate."""
        X, y, sample_weight = data
        refuse_collections(self, sample_weight=sample_weight)
        X, y = validated(draft, X, y, **self._y_options)
        splitter_params, scorer_params = self._routed(sample_weight, params, y.shape[0])
        targets, w = self._encode(y, sample_weight)
        splits = splits_of(self.cv, X, targets, w, splitter_params)
        rows = rows_of_fit(X, targets, w)
        searched = LocalRows(X, y, targets.on_scale_of(rows.targets), w, scorer_params)
        yield searched, splits, rows, draft._validation_rows(rows, *validation)

    def _reg_lambdas(self, rows: SummedRows, network: Network) -> np.ndarray:
        if isinstance(self.reg_lambdas, Integral):
            return reg_lambda_grid(rows, network, int(self.reg_lambdas))
        return np.array(self.reg_lambdas, dtype=float)

    def _for_workers(self) -> Self:
        """Return itself, or where cv is an iterator, which no process can send, a copy without."""
        if not isinstance(self.cv, Iterator):
            return self
        copy = self._draft()
        copy.cv = None
        return copy

    def _estimator_for_scorers(
        self, tol: float, model_of: Callable[[Thetas], Model], outcome: Outcome
    ) -> Self:
        """Return an estimator to score; its own score must not ask the scorer again."""
        estimator = type(self)(**{**self.get_params(deep=False), "scoring": None, "cv": None})
        estimator._store(model_of, tol, outcome)
        return estimator

    def _scorer(self) -> Callable[..., float] | None:
        return None if self.scoring is None else check_scoring(self, self.scoring)

    def _routed(
        self, sample_weight: ArrayLike | None, params: dict[str, Any], n_rows: int
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what goes to the splitter and to the scorer."""
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", sample_weight=sample_weight, **params)
            splitter_params = routed.splitter.split if "splitter" in routed else {}
            scorer_params = {} if self.scoring is None else routed.scorer.score
            return splitter_params, scorer_params
        if params:
            raise ValueError(
                f"fit got {', '.join(params)}, which only "
                "sklearn.set_config(enable_metadata_routing=True) passes on"
            )
        w = check_sample_weight(sample_weight, n_rows)
        return {}, {} if w is None else {"sample_weight": w}

    def _refit(
        self, draft: Self, search: Search, rows: SummedRows, folds: list[FoldFits], task: Task
    ) -> Outcome:
        """Fit all rows at the penalty chosen, and make that the model."""
        chosen = draft.best_index_
        starts = [thetas for fold in folds if (thetas := fold.thetas[chosen]) is not None]
        random_state = check_random_state(self.random_state)
        reports = SearchReports(bool(self.verbose))
        data, model_of = search.rows.for_callbacks(None), search.model_of_fit(rows)
        seen = partial(search.seen, model_of)
        task = task.subtask("refit", 2, number=len(folds), data=data, attributes=seen)
        with (
            task,
            Training(
                rows,
                search.network,
                search.settings,
                random_state,
                task,
                reports,
                validation=search.validation,
            ) as training,
        ):
            refit = Refit(training, starts, reports)
            keep = partial(self._keep, draft, model_of, search.settings.tol)
            try:
                refit.run(float(draft.reg_lambdas_[chosen]))
                keep(refit.outcome())
            except BaseException as error:
                if refit.keeps(error):
                    keep(refit.outcome())
                elif isinstance(error, KeyboardInterrupt):
                    raise interrupted(draft.scores_.size, draft.scores_.size) from error
                raise
            return refit.outcome()

    def _warn_of_search(
        self, outcome: Outcome, search: Search, rows: SummedRows, folds: list[FoldFits]
    ) -> None:
        n_without = int((~has_score(self.scores_)).sum())
        if n_without:
            warnings.warn(
                f"scoring={self.scoring!r} gives no number in {n_without} of {len(folds)} folds: "
                "the penalties are ranked by the others",
                UserWarning,
                stacklevel=STACK_LEVEL + 1,
            )
        # Where a callback has ended fits, these say nothing of the penalties.
        is_stopped = any(fold.is_stopped for fold in folds)
        blame = Blame.NOBODY if is_stopped else Blame.SEARCHED
        self._warn(outcome, search.settings, rows, blame)

    def _store_search(self, folds: list[FoldFits]) -> None:
        """Store what the folds gave, and which penalty they speak for."""
        self.n_splits_ = len(folds)
        self.scores_, fit_seconds, score_seconds = (
            np.array([getattr(fold, name) for fold in folds])
            for name in ("scores", "fit_seconds", "score_seconds")
        )
        self.cv_results_ = make_cv_results(
            self.reg_lambdas_, self.scores_, fit_seconds, score_seconds
        )
        self.best_index_ = choose(self.refit, self.reg_lambdas_, self.cv_results_)
        self.best_params_ = self.cv_results_["params"][self.best_index_]
        self.best_score_ = float(self.cv_results_["mean_test_score"][self.best_index_])

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the score of ``scoring``, or where that is None the mean accuracy, R^2 or D^2.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            True classes, labels or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
        """
        scorer = self._scorer()
        if scorer is None:
            mixin: Any = super()
            return mixin.score(X, y, sample_weight)
        check_is_fitted(self)
        refuse_collections(self, X=X, sample_weight=sample_weight)
        self._check_y(y)
        with of_one_type(f"X or y, or scoring={self.scoring!r},"), rounding_in_silence():
            weights = {}
            if sample_weight is not None:
                n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
                weights = {"sample_weight": check_sample_weight(sample_weight, n_rows)}
            return as_number(scorer(self, X, y, **weights))
