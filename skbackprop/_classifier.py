"""BackpropClassifier: validate, encode, compose, store."""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skbackprop._activations import ACTIVATIONS
from skbackprop._blas import single_threaded_blas
from skbackprop._coarse_start import ENOUGH_ROWS, Stage, Start, coarse_start
from skbackprop._network import Network
from skbackprop._objective import Objective
from skbackprop._outputs import OutputUnits, output_units
from skbackprop._parameters import Settings, check_parameters
from skbackprop._problem import Problem, auto_reg_lambda, layer_centres
from skbackprop._shards import answer_rows, work_of_row
from skbackprop._solver import Solution, solution_at, solve
from skbackprop._thetas import check_thetas, random_thetas, theta_shapes, unroll
from skbackprop._threads import rounding_in_silence, worker_map
from skbackprop._training_rows import TrainingRows, training_rows
from skbackprop._verdict import convergence_message, null_message, print_iteration, print_stage


class BackpropClassifier(ClassifierMixin, BaseEstimator):
    """Fully connected neural network trained by full-batch back-propagation.

    The parameter matrices (Thetas) are unrolled into one vector and given, with the
    cost J and its gradient D from back-propagation [1]_, to `scipy.optimize.minimize`,
    by L-BFGS [2]_ or nonlinear conjugate gradients [3]_. With w_i the sample weight times
    the class weight of row i and W their sum::

        J = (1/W) sum_i w_i cost_i + (reg_lambda/2) sum of all squared weights, biases excepted

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=100
        Number of units of each hidden layer. ``()`` is penalised logistic regression.
    activation : str or sequence of str, default="logistic"
        Activation of the hidden units: "logistic", "tanh", "relu" or "identity"; a
        sequence names one for each hidden layer.
    out_activation : {"logistic", "softmax"}, default="logistic"
        Output units for more than two classes: one sigmoid per class, their
        probabilities normalised, or softmax. Two classes always have one sigmoid, and
        multilabel targets one per label.
    reg_lambda : float or "auto", default="auto"
        Penalty on the squared weights, on the scale of the mean cost: it keeps its
        meaning when the number of rows changes. ``MLPClassifier`` is ``alpha / m``,
        ``LogisticRegression`` is ``1 / (C m)``. "auto" is
        ``min(1 / max(W, m), 1e-3)``, with m the number of rows of positive weight after
        equal ones are merged (see Notes): the maximum-a-posteriori fit under a unit normal
        prior on the weights, capped; four times that where hidden units are tanh or relu,
        and none logistic.
    solver : {"lbfgs", "cg"}, default="lbfgs"
        L-BFGS-B or conjugate gradients.
    max_iter : int, default=500
        Limit on iterations, and on those of each stage of a coarse start.
    tol : float, default=1e-4
        The fit has converged where ``max |D| <= tol``.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes; they multiply ``sample_weight``. "balanced" gives class c
        the weight W / (K W_c), from weighted rows. Not for multilabel targets.
    thetas_init : sequence of ndarray or None, default=None
        Thetas to start from, of the shapes of `thetas_`, instead of random ones.
    warm_start : bool, default=False
        Start from the Thetas of the previous fit. Classes, features and layers must be
        the same.
    coarse_start : bool or "auto", default="auto"
        Whether cheap stages choose the starting point: on growing subsets of the rows, then
        on all of them in float32 where X is float64. The fit that follows, its cost, its
        tolerance and its convergence claim stay as they are. "auto" does so from 10,000
        rows. Given Thetas (``thetas_init``, a warm start) are never replaced.
    solver_options : dict or None, default=None
        Options passed on to scipy: maxcor, ftol, maxfun, maxls for "lbfgs"; c1, c2 for
        "cg". By default nothing but `max_iter` and `tol` limits a fit; a maxfun holds for
        each stage of a coarse start, too.
    random_state : int, RandomState instance or None, default=None
        Seeds the random start.
    verbose : bool or int, default=0
        Whether to print a line per iteration: iteration, cost, ``max |D|``, evaluations
        and seconds.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted; the numbers of the labels if multilabel.
    multilabel_ : bool
        Whether the targets were an indicator matrix.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had names that are all strings.
    thetas_ : list of ndarray of shape (units, inputs + 1)
        The parameter matrices, the bias in column 0, in the dtype of X.
    coefs_, intercepts_ : list of ndarray
        Views of `thetas_` in the shapes of `MLPClassifier`: (inputs, units) and (units,).
    n_layers_ : int
        Number of layers, input and output included.
    n_outputs_ : int
        Number of output units.
    activations_ : tuple of str
        Activation of each hidden layer.
    out_activation_ : {"logistic", "softmax"}
        Kind of the output units.
    reg_lambda_ : float
        The penalty used.
    n_iter_ : int
        Iterations of the fit on all rows in X's precision.
    n_evaluations_ : int
        Evaluations of cost and gradient on all rows.
    loss_ : float
        J at `thetas_`.
    loss_curve_ : list of float
        J at the start and after each iteration, n_iter_ + 1 values.
    gradient_norm_ : float
        ``max |D|`` at `thetas_`.
    converged_ : bool
        Whether ``gradient_norm_ <= tol``.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : Trains by mini-batches too; without class
        weights.
    sklearn.linear_model.LogisticRegression : The same model without hidden layers.

    Notes
    -----
    Rows of weight zero take no part in anything. Up to 2**20 elements of X, equal rows
    are merged and all are sorted before the fit: the order of the rows, repeats in place
    of integer weights, and the number of threads then cannot change a bit of the result.

    A fit that fails leaves the estimator as it was. A fit interrupted from the keyboard
    stores the Thetas of the last iteration, if there was one, and raises KeyboardInterrupt
    again.

    References
    ----------
    .. [1] D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning representations by
       back-propagating errors", Nature 323, 1986.
    .. [2] C. Zhu, R. H. Byrd, P. Lu and J. Nocedal, "Algorithm 778: L-BFGS-B", ACM
       Transactions on Mathematical Software 23(4), 1997.
    .. [3] J. Nocedal and S. J. Wright, "Numerical Optimization", 2nd edition, 2006, ch. 5.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = BackpropClassifier(10, random_state=0).fit(X, y)
    >>> classifier.converged_
    True
    >>> classifier.predict(X[:2])
    array([0, 0])
    """

    thetas_: list[NDArray]
    classes_: NDArray

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = 100,
        *,
        activation: str | Sequence[str] = "logistic",
        out_activation: Literal["logistic", "softmax"] = "logistic",
        reg_lambda: float | Literal["auto"] = "auto",
        solver: Literal["lbfgs", "cg"] = "lbfgs",
        max_iter: int = 500,
        tol: float = 1e-4,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        thetas_init: Sequence[NDArray] | None = None,
        warm_start: bool = False,
        coarse_start: bool | Literal["auto"] = "auto",
        solver_options: Mapping[str, float] | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.out_activation = out_activation
        self.reg_lambda = reg_lambda
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.class_weight = class_weight
        self.thetas_init = thetas_init
        self.warm_start = warm_start
        self.coarse_start = coarse_start
        self.solver_options = solver_options
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Tags:
        """Return the tags: sparse X and multilabel y are taken."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the network.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in float32 if that is its dtype, else in float64.
        y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_labels)
            Class labels of any type, or an indicator matrix of labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, finite and not negative. Rows of weight zero take no
            part.

        Returns
        -------
        BackpropClassifier
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If a parameter, X, y or ``sample_weight`` is not valid, or the cost becomes
            non-finite. The estimator is then as it was.

        Warns
        -----
        ConvergenceWarning
            If a limit ended the fit before ``max |D| <= tol``, or the fit ends no better
            than predicting the class frequencies.
        """
        settings = check_parameters(self)
        draft = copy.copy(self)
        X, y = validate_data(
            draft, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], multi_output=True
        )
        with single_threaded_blas, rounding_in_silence():
            rows = training_rows(X, y, sample_weight, self.class_weight)
            thetas_init = self._given_thetas(rows, settings)
            solution, null_cost = draft._fit_rows(rows, settings, thetas_init)
        self._commit(draft)
        if solution.interrupt is not None:
            raise solution.interrupt
        self._warn(solution, null_cost, settings)
        return self

    def _commit(self, draft: Self) -> None:
        """Take over what was fitted, all at once: what goes wrong before leaves the old model."""
        fitted = {name: value for name, value in vars(draft).items() if name.endswith("_")}
        kept = {name: value for name, value in vars(self).items() if name != "feature_names_in_"}
        self.__dict__ = {**kept, **fitted}

    def _given_thetas(self, rows: TrainingRows, settings: Settings) -> list[NDArray] | None:
        """Return the Thetas of the last fit or of the user, checked, or None."""
        name, given = "thetas_init", self.thetas_init
        if self.warm_start and hasattr(self, "thetas_"):
            name, given = "warm_start=True: thetas_", self.thetas_
            same_kind = self.multilabel_ == rows.is_multilabel
            if not (same_kind and np.array_equal(self.classes_, rows.classes)):
                raise ValueError(
                    "warm_start=True needs the classes of the previous fit, "
                    f"{self.classes_!r}; got {rows.classes!r}"
                )
        if given is None:
            return None
        shapes = theta_shapes(rows.layer_sizes(settings.hidden_layer_sizes))
        return check_thetas(name, given, shapes)

    def _fit_rows(
        self, rows: TrainingRows, settings: Settings, thetas_init: list[NDArray] | None
    ) -> tuple[Solution, float]:
        """Fit to validated rows, store the result, and return it with the null cost."""
        self.classes_, self.multilabel_ = rows.classes, rows.is_multilabel
        self.n_outputs_ = rows.n_outputs
        self.activations_ = settings.activations
        is_multiclass = rows.n_outputs > 1 and not rows.is_multilabel
        self.out_activation_ = self.out_activation if is_multiclass else "logistic"
        self.reg_lambda_ = (
            auto_reg_lambda(rows, settings.activations)
            if isinstance(self.reg_lambda, str)
            else float(self.reg_lambda)
        )
        problem = Problem(
            self._network(),
            theta_shapes(rows.layer_sizes(settings.hidden_layer_sizes)),
            layer_centres(rows, settings.hidden_layer_sizes, settings.activations),
            self.reg_lambda_,
        )
        self.n_layers_ = len(problem.shapes) + 1
        solution = self._minimize(rows, problem, settings, thetas_init)
        return solution, problem.network.output.null_cost(rows.frequencies)

    def _minimize(
        self,
        rows: TrainingRows,
        problem: Problem,
        settings: Settings,
        thetas_init: list[NDArray] | None,
    ) -> Solution:
        """Minimize J from given Thetas or a start of our own, and store where it ended."""
        minimize = partial(
            solve,
            solver=self.solver,
            max_iter=self.max_iter,
            tol=self.tol,
            options=settings.solver_options,
        )
        with problem.objective(rows, rows.X.dtype) as objective:
            if thetas_init is None:
                start = self._start(rows, problem, minimize)
            else:
                start = Start(objective.vector(thetas_init))
            try:
                if start.interrupt is not None:
                    raise start.interrupt
                hook = print_iteration if self.verbose else None
                solution = minimize(objective, start.x, on_iteration=hook)
            except KeyboardInterrupt as interrupt:
                if start.n_iter == 0:
                    raise
                solution = solution_at(objective, start.x, interrupt)
        if solution.interrupt is not None and start.n_iter + solution.last.number == 0:
            raise solution.interrupt
        self._store(solution, objective, start.n_evaluations)
        return solution

    def _start(
        self, rows: TrainingRows, problem: Problem, minimize: Callable[..., Solution]
    ) -> Start:
        """Return a random start, or where the coarse stages lead from there."""
        random_state = check_random_state(self.random_state)
        gains = [ACTIVATIONS[name].initial_gain for name in self.activations_]
        gains.append(gains[-1] if gains else 1.0)
        # In centred coordinates: without a bias, a unit is balanced at the centre of its inputs.
        x = unroll(random_thetas(problem.shapes, gains, random_state))
        if not (rows.n_rows >= ENOUGH_ROWS if self.coarse_start == "auto" else self.coarse_start):
            return Start(x)

        def report(stage: Stage, solution: Solution) -> None:
            if self.verbose:
                print_stage(stage.rows.n_rows, str(stage.dtype), solution.last)

        return coarse_start(x, rows, random_state, problem.objective, minimize, report)

    def _network(self) -> Network:
        """Return the network that the fitted attributes describe."""
        output = output_units(self.out_activation_, self.n_outputs_, self.multilabel_)
        return Network([ACTIVATIONS[name] for name in self.activations_], output)

    def _store(self, solution: Solution, objective: Objective, n_evaluations: int) -> None:
        """Store where and how the fit ended."""
        last = solution.last
        self.thetas_ = objective.thetas(last.x)
        self.n_iter_ = last.number
        self.n_evaluations_ = n_evaluations + solution.n_evaluations
        self.loss_ = last.cost
        self.loss_curve_ = solution.loss_curve
        self.gradient_norm_ = last.gradient_norm
        self.converged_ = bool(last.gradient_norm <= self.tol)

    def _warn(self, solution: Solution, null_cost: float, settings: Settings) -> None:
        limits = {"max_iter": self.max_iter, **settings.solver_options}
        messages = [
            convergence_message(
                solution.verdict, self.gradient_norm_, self.tol, limits, str(self.thetas_[0].dtype)
            ),
            null_message(self.loss_, null_cost, solution.verdict),
        ]
        if any(messages):
            warnings.warn(
                " ".join(message for message in messages if message),
                ConvergenceWarning,
                stacklevel=3,
            )

    @property
    def coefs_(self) -> list[NDArray]:
        """Weights of each layer, views of `thetas_` of shape (inputs, units)."""
        return [Theta[:, 1:].T for Theta in self.thetas_]

    @property
    def intercepts_(self) -> list[NDArray]:
        """Biases of each layer, views of `thetas_` of shape (units,)."""
        return [Theta[:, 0] for Theta in self.thetas_]

    def _answer(
        self,
        X: Any,
        answer: Callable[[OutputUnits, NDArray], NDArray],
        columns: tuple[int, ...],
        dtype: DTypeLike,
    ) -> NDArray:
        """Return what `answer` makes of the logits of X, block by block."""
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        network = self._network()
        work = X.shape[0] * work_of_row(X, [Theta.shape for Theta in self.thetas_])
        with worker_map(X.shape[0], work) as run:
            return answer_rows(
                network,
                self.thetas_,
                X,
                partial(answer, network.output),
                np.empty((X.shape[0], *columns), dtype),
                run,
            )

    def _probabilities(self, X: Any, answer: Callable[[OutputUnits, NDArray], NDArray]) -> NDArray:
        check_is_fitted(self)
        return self._answer(X, answer, (len(self.classes_),), self.thetas_[0].dtype)

    def decision_function(self, X: Any) -> NDArray:
        """Return the logits z(L).

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs_)
            One column is returned flat: positive speaks for ``classes_[1]``.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        check_is_fitted(self)
        z = self._answer(X, lambda output, z: z, (self.n_outputs_,), self.thetas_[0].dtype)
        return z[:, 0] if self.n_outputs_ == 1 else z

    def predict(self, X: Any) -> NDArray:
        """Predict classes: the greatest logit, or for two classes and labels a positive one.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Labels from `classes_`; zeros and ones if multilabel.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        check_is_fitted(self)
        if self.multilabel_:
            return self._answer(X, lambda output, z: z > 0, (self.n_outputs_,), np.intp)
        if self.n_outputs_ == 1:
            return self.classes_[self._answer(X, lambda output, z: z[:, 0] > 0, (), np.intp)]
        return self.classes_[self._answer(X, lambda output, z: z.argmax(axis=1), (), np.intp)]

    def predict_proba(self, X: Any) -> NDArray:
        """Return the probabilities of the classes, or of each label.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the dtype of `thetas_`. Rows sum to 1, but for labels.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        return self._probabilities(X, lambda output, z: np.exp(output.log_proba(z)))

    def predict_log_proba(self, X: Any) -> NDArray:
        """Return the logarithms of the probabilities, finite where these round to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the dtype of `thetas_`.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        return self._probabilities(X, lambda output, z: output.log_proba(z))
