"""One fit at one penalty, of classes or numbers: what BackpropClassifier and -Regressor share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skbackprop._estimator import NetworkEstimator, metadata_of
from skbackprop._inputs import refuse_collections, validated
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._model import model_of_fit, network_for
from skbackprop._network.network import Network
from skbackprop._network.thetas import Thetas, check_thetas
from skbackprop._parameters import Settings, check_parameters, check_parameters_of_one_fit
from skbackprop._rows.rows import rows_of_fit
from skbackprop._rows.summed import SummedRows
from skbackprop._search.auto import find_reg_lambda
from skbackprop._training.callbacks import CallbackSupportMixin, Task, root_task, with_callbacks
from skbackprop._training.penalty import prior_reg_lambda
from skbackprop._training.reports import Blame, Reports
from skbackprop._training.training import Training


class OneFit(CallbackSupportMixin, NetworkEstimator):
    """An estimator that fits its network once, at a penalty that is given or found."""

    # Parameters that it reads.
    reg_lambda: Any
    thetas_init: Sequence[np.ndarray] | None
    warm_start: bool
    random_state: int | np.random.RandomState | None
    verbose: bool | int

    # Set by a fit.
    reg_lambdas_: np.ndarray
    reg_lambda_scores_: np.ndarray

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
    ) -> Self:
        """Fit the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in float32 if that is its dtype, else in float64.
        y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_outputs)
            For a classifier class labels of any type, or an indicator matrix of labels; for a
            regressor numbers, a column for each output.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, finite and not negative: as how many rows each counts. Rows of
            weight zero take no part.
        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), default=None
            A validation set of your own, computed in the dtype of X. With ``early_stopping``
            it says when to stop and what is kept, and no row of X is held out; without, it is
            recorded in `validation_scores_`, and nothing else changes.
        y_val : {array-like, sparse matrix} of shape (n_val,) or (n_val, n_outputs), default=None
            Its targets, of the kind of y; classes that y lacks are an error.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of its rows, as ``sample_weight``; those of the classes are those of y.

        Returns
        -------
        estimator
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If a parameter, X, y, ``sample_weight`` or the validation set is not valid, or the
            cost becomes non-finite. The estimator is then as it was.
        KeyboardInterrupt
            If the fit is interrupted: see Notes of the class.

        Warns
        -----
        ConvergenceWarning
            If a limit ended the fit before ``max |D| <= tol``, or the fit ends no better
            than predicting the class frequencies, or the mean of y.
        """
        settings = check_parameters(self)
        check_parameters_of_one_fit(self)
        draft, data = self._draft(), {"X": X, "y": y, "metadata": metadata_of(sample_weight)}
        validation = X_val, y_val, sample_weight_val
        encoded = self._encoded(draft, settings, (X, y, sample_weight), validation)
        with single_threaded_blas(), rounding_in_silence(), encoded as (rows, val):
            network = network_for(settings, rows)
            model_of = model_of_fit(network, rows)
            given = self._given_thetas(rows, network)
            keep = partial(self._keep, draft, model_of, settings.tol)
            task = root_task(self, data, draft._seen(model_of, settings))
            with task, self._training(rows, network, settings, task, val) as training:
                try:
                    self._train(training, draft, given)
                    keep(training.outcome())
                except BaseException as error:
                    if training.keeps(error):
                        keep(training.outcome())
                    raise
            blame = Blame.FOUND if "reg_lambdas_" in vars(draft) else Blame.GIVEN
            self._warn(training.outcome(), settings, rows, blame)
        return self

    @contextmanager
    def _encoded(
        self,
        draft: Self,
        settings: Settings,
        data: tuple[Any, Any, Any],
        validation: tuple[Any, Any, Any],
    ) -> Iterator[tuple[SummedRows, SummedRows | None]]:
        """Yield the rows of the fit, and those that validate it or None: X, y, weights, checked."""
        X, y, sample_weight = data
        refuse_collections(self, sample_weight=sample_weight)
        X, y = validated(draft, X, y, **self._y_options)
        rows = rows_of_fit(X, *self._encode(y, sample_weight))
        yield rows, draft._validation_rows(rows, *validation)

    def _training(
        self,
        rows: SummedRows,
        network: Network,
        settings: Settings,
        task: Task,
        validation: SummedRows | None,
    ) -> Training:
        random_state, reports = check_random_state(self.random_state), Reports(bool(self.verbose))
        return Training(rows, network, settings, random_state, task, reports, validation=validation)

    def _train(self, training: Training, draft: Self, given: Thetas | None) -> None:
        """Find the penalty, if it is to be found, and minimize J from there or from a start."""
        reg_lambda, start = self._penalty_and_start(draft, training, given)
        # From random weights mini-batches are as soon there as from a path over a sample, and end
        # better: on MNIST at a test log-loss of 0.066, not 0.072.
        if start is None or (given is None and training.has_cheap_stages):
            training.fit_afresh(reg_lambda)
        else:
            training.fit(training.x_of(start), reg_lambda)

    def _penalty_and_start(
        self, draft: Self, training: Training, given: Thetas | None
    ) -> tuple[float, Thetas | None]:
        """Return the penalty, and where the fit starts; None is at random."""
        if not isinstance(self.reg_lambda, str):
            return float(self.reg_lambda), given
        if self.reg_lambda == "auto":
            if self._is_warm:
                return self.reg_lambda_, given
            found = find_reg_lambda(training, given)
            if found is not None:
                draft.reg_lambdas_, draft.reg_lambda_scores_ = found.reg_lambdas, found.scores
                return found.reg_lambda, given if found.thetas is None else found.thetas
        return prior_reg_lambda(training.all_rows, training.network), given

    @property
    def _is_warm(self) -> bool:
        return self.warm_start and self.__sklearn_is_fitted__()

    def _given_thetas(self, rows: SummedRows, network: Network) -> Thetas | None:
        """Return the Thetas of the last fit or of the user, checked, or None."""
        name, given = "thetas_init", self.thetas_init
        if self._is_warm:
            name, given = "warm_start=True: thetas_", self._thetas_for(network, rows.targets.kind)
        if given is None:
            return None
        return check_thetas(name, given, network.shapes)
