"""BackpropClassifierCV: its parameters."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from skbackprop._network.activations import ActivationName
from skbackprop._network_classifier import NetworkClassifier
from skbackprop._penalty_search import PenaltySearch


class BackpropClassifierCV(PenaltySearch, NetworkClassifier):
    """BackpropClassifier with the penalty lambda chosen by cross-validation.

    On each fold's training rows it walks a path of penalties, from strong to weak, each
    fit started from the last [1]_: cheaper than separate fits, and often lower in cost. A
    fit that has collapsed to the class frequencies starts nothing, and each start gets a dose
    of fresh random weights, so that no fit is the prisoner of the one before. The best penalty
    is then refitted on all rows.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=50
        As in `BackpropClassifier`, and so are the next ones.
    activation : str or sequence of str, default="relu"
        Activation of the hidden units.
    out_activation : {"logistic", "softmax"}, default="softmax"
        Output units for more than two classes.
    reg_lambdas : int or sequence of float, default=10
        The penalties, on the scale of the mean cost. A number stands for as many on a
        logarithmic grid from 1e-2 (4e-2 for tanh and relu units), or half of the penalty
        at which one hidden layer collapses where that is more, to a hundredth of the "prior" of
        `BackpropClassifier`. A path over such a grid, scored by the log-probability, ends where
        two penalties in a row have scored worse than the best by more than 5 % of its
        log-loss; what follows has no score (NaN), and is not chosen.
    cv : int, cross-validation generator or iterable, default=None
        As everywhere in scikit-learn; None is five folds in the order of the rows, stratified but
        for labels. Where the rows are sorted, give ``StratifiedKFold(5, shuffle=True)``.
    scoring : str, callable or None, default=None
        A scorer of one score; it is given X as an array, and ``sample_weight`` where there are
        weights. None is the mean log-probability that held-out rows give to their class (minus
        the log-loss; for labels, minus the mean binary log-loss), weighted by
        ``sample_weight``. A class that no training row of a fold has is no error, nor one that
        no test row has; where these have no score at all (an area under a curve, of one class),
        the other folds rank the penalties, with a warning.
    refit : {"best", "1se"} or callable, default="best"
        Which penalty to refit at: that of the best mean score, the strongest within one
        standard error of it [2]_, or the index that a callable gives for `cv_results_`.
    solver : {"lbfgs", "cg"}, default="lbfgs"
        L-BFGS-B or conjugate gradients.
    max_iter : int, default=500
        Limit on the iterations of each fit, as in `BackpropClassifier`.
    tol : float, default=1e-4
        The refit has converged where ``max |D| <= tol``. With relu units J has edges, and its
        gradient may stay large: there it ends, too, where ten iterations have cut J by less than
        ten times ``tol`` of itself (unless it is still that of the class frequencies).
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes; "balanced" refers to the rows of each fit. Scores do not see
        them, but that rows of a class of weight zero take no part.
    coarse_folds : bool, default=True
        Whether the fits on the folds, which only rank the penalties, are left when ten
        iterations cut J by less than 1 %; False takes them to ``tol``. The refit always goes to
        ``tol``. With early stopping, that ends them.
    coarse_start : bool or "auto", default="auto"
        Whether what begins at random, a path and one of the two refits, begins with cheap
        stages, as in `BackpropClassifier`.
    early_stopping : bool, default=False
        Whether each path, and the refit, hold rows out and stop their fits when the cost of
        these no longer falls. Where ``fit`` is given ``X_val`` and ``y_val``, these stop them.
    validation_fraction : float, default=0.1
        Share of the rows held out, by weight; not used where ``fit`` is given a validation set.
    n_iter_no_change : int, default=10
        Iterations without a strictly better validation score after which to stop.
    solver_options : dict or None, default=None
        Options passed on to scipy.
    n_jobs : int or None, default=None
        Folds walked side by side, through joblib; None is one, but in a
        `joblib.parallel_config`.
    random_state : int, RandomState instance or None, default=None
        Seeds the random starts.
    verbose : bool or int, default=0
        Whether to print a line per fit: fold, penalty, score, iterations and seconds.

    Attributes
    ----------
    reg_lambda_ : float
        The penalty chosen.
    reg_lambdas_ : ndarray of shape (n_lambdas,)
        The penalties searched, in the order given; a grid from strong to weak.
    scores_ : ndarray of shape (n_folds, n_lambdas)
        Score of each penalty on each held-out fold; larger is better.
    cv_results_ : dict of str to array
        The search in the form of ``GridSearchCV.cv_results_``.
    best_index_ : int
        Position of the penalty chosen.
    best_params_ : dict
        ``{"reg_lambda": reg_lambda_}``.
    best_score_ : float
        Mean score of the penalty chosen.
    n_splits_ : int
        Number of folds.
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted, those of rows of weight zero included; the numbers of the
        labels if multilabel.
    multilabel_ : bool
        Whether the targets were an indicator matrix.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.
    thetas_ : list of ndarray of shape (units, inputs + 1)
        Of the refit, as are the next ones: the parameter matrices, the bias in column 0;
        read-only.
    coefs_ : list of ndarray of shape (inputs, units)
        The weights as views of `thetas_`.
    intercepts_ : list of ndarray of shape (units,)
        The biases as views of `thetas_`.
    n_layers_ : int
        Number of layers, input and output included.
    n_outputs_ : int
        Number of output units.
    activations_ : tuple of str
        Activation of each hidden layer.
    out_activation_ : {"logistic", "softmax"}
        Kind of the output units.
    n_iter_ : int
        Iterations on all rows, in either precision.
    n_evaluations_ : int
        Evaluations of cost and gradient on all rows, in either precision.
    loss_ : float
        J at `thetas_`, on all rows trained on.
    loss_curve_ : list of float
        J at the start and after each iteration on all rows, ``n_iter_ + 1`` values.
    gradient_norm_ : float
        ``max |D|`` at `thetas_`.
    converged_ : bool
        Whether ``gradient_norm_ <= tol``.
    stop_reason_ : str
        Why the refit ended: "converged"; where J is "flat" (see ``tol``); at a limit, "max_iter",
        "maxfun", "maxls" or "ftol"; at the "precision" of the dtype; by a wish,
        "early_stopping" or "callback"; "interrupted" by what was raised.
    validation_scores_ : list of float
        With early stopping or a validation set (``X_val``), minus the mean validation cost after
        each iteration of every stage of the refit.
    best_validation_score_ : float or None
        With early stopping the greatest of them, that of `thetas_`; None where there was no
        iteration.
    best_iteration_ : int or None
        With early stopping, where it is among them, from 0.

    See Also
    --------
    BackpropClassifier : One fit at a given penalty; for a search over several parameters,
        with `sklearn.model_selection.GridSearchCV`.
    LambdaPathDisplay : Draws the scores against lambda.

    Notes
    -----
    The refit starts twice: where the path of a fold ended at this penalty, and afresh. The lower
    cost is kept. With early stopping it starts afresh alone, since the fits on the folds have seen
    rows that it holds out, or were stopped by the same validation set.

    An interrupt from the keyboard raises KeyboardInterrupt with the number of fits done and
    missing, and leaves the estimator as it was. Of folds in other processes, only those
    completed are counted. Once the refit has an iteration, it is stored as it stands, and so it
    is where a callback raises an exception then.

    Callbacks of scikit-learn see every iteration: of a stage of a fit at a penalty on a fold, or
    of a stage of one of the two refits. All of these are tasks.

    References
    ----------
    .. [1] J. Friedman, T. Hastie and R. Tibshirani, "Regularization paths for generalized
       linear models via coordinate descent", Journal of Statistical Software 33(1), 2010.
    .. [2] L. Breiman, J. H. Friedman, R. A. Olshen and C. J. Stone, "Classification and
       Regression Trees", 1984, ch. 3.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifierCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = BackpropClassifierCV(10, random_state=0).fit(X, y)
    >>> search.scores_.shape
    (5, 10)
    >>> search.predict(X[:2])
    array([0, 0])
    """

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = 50,
        *,
        activation: ActivationName | Sequence[ActivationName] = "relu",
        out_activation: Literal["logistic", "softmax"] = "softmax",
        reg_lambdas: int | Sequence[float] | np.ndarray = 10,
        cv: Any = None,
        scoring: str | Callable[..., float] | None = None,
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
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.out_activation = out_activation
        self.reg_lambdas = reg_lambdas
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.class_weight = class_weight
        self.coarse_folds = coarse_folds
        self.coarse_start = coarse_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.solver_options = solver_options
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
