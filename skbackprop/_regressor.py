"""BackpropRegressor: its parameters."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from skbackprop._network.activations import ActivationName
from skbackprop._network_regressor import NetworkRegressor
from skbackprop._one_fit import OneFit


class BackpropRegressor(OneFit, NetworkRegressor):
    r"""Fully connected neural network for numbers, trained by full-batch back-propagation.

    `BackpropClassifier` with other output units, whose delta is a(L) - y too: linear ones with
    the squared error, or exponential ones with the Poisson deviance of counts and rates [6]_.
    The parameter matrices (Thetas) are unrolled into one vector and given, with the
    cost J and its gradient D from back-propagation [1]_, to `scipy.optimize.minimize`,
    by L-BFGS [2]_ or nonlinear conjugate gradients [3]_. With w_i the sample weight
    of row i and W their sum, the biases not among the squared weights:

    .. math::

        J = \frac{1}{W} \sum_i \, w_i \, \mathrm{cost}_i
        + \frac{\lambda}{2} \, \sum_l \; \sum_i \; \sum_{j>0} \left( \Theta^{(l)}_{ij} \right)^2

    where lambda is ``reg_lambda``. A row costs, by the squared error and by the Poisson deviance,

    .. math::

        \mathrm{cost} = \frac{1}{2} \sum_k \; (z_k - y_k)^2

    .. math::

        \mathrm{cost} = \sum_k \; \left[ e^{z_k} - y_k \, z_k - y_k + y_k \log \, y_k \right]

    With the squared error, y is the target less its weighted mean, in weighted standard deviations,
    each output its own: the penalty, ``tol`` and the cost then mean the same whatever the unit of
    y. Predictions come back in that unit.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=50
        Number of units of each hidden layer. ``()`` is ridge or Poisson regression.
    activation : str or sequence of str, default="logistic"
        Activation of the hidden units: "logistic", "tanh", "relu" or "identity"; a
        sequence names one for each hidden layer.
    loss : {"squared_error", "poisson"}, default="squared_error"
        What is minimized, and with it the output units: linear, or exponential. Poisson is for
        counts and rates: y is not negative, and taken as it is, and predictions are positive.
    reg_lambda : float, "auto" or "prior", default="auto"
        Penalty on the squared weights, on the scale of the mean cost: it keeps its
        meaning when the number of rows changes. ``MLPRegressor`` is ``alpha / m``, ``Ridge`` with
        standardised targets ``alpha / m``, ``PoissonRegressor`` ``alpha``. "auto" walks a short
        path of penalties on four fifths of the rows, scores it by the cost of the rest, and fits
        all rows at the best, from where the path had come. With early stopping, the rows that
        it holds out score the path. "prior", and "auto" where there are fewer than 100 rows, is
        ``1 / max(W, m)`` as in `BackpropClassifier`, but not capped: few rows of numbers would be
        overfitted.
    solver : {"lbfgs", "cg"}, default="lbfgs"
        L-BFGS-B or conjugate gradients.
    max_iter : int, default=500
        Limit on the iterations on all rows, in float32 and in X's precision, of all random
        starts together; and, by itself, on the epochs of a coarse start.
    tol : float, default=3e-4
        The fit has converged where ``max |D| <= tol``. With relu units J has edges, and its
        gradient may stay large: there it ends, too, where ten iterations have cut J by less than
        ten times ``tol`` of itself (unless it is still that of the mean of y).
    thetas_init : sequence of ndarray or None, default=None
        Thetas to start from, of the shapes and on the scale of `thetas_`, instead
        of random ones.
    warm_start : bool, default=False
        Start from the Thetas of the previous fit, converted to the scale of the new y. Outputs,
        features, layers and loss must be the same. The penalty that "auto" has found stays.
    coarse_start : bool or "auto", default="auto"
        Whether a fit begins with cheap stages: mini-batches by Adam [7]_ in float32, until an
        epoch lowers the cost of other rows (a tenth of all; with early stopping, those held
        out) by no more than its standard error; then, where X is float64, all rows in float32.
        The cost, the tolerance and the convergence claim are those of the last stage, on all
        rows in X's precision. "auto" does so from 10,000 distinct rows, but not with early
        stopping where ``n_iter_no_change`` is 1. Given Thetas (``thetas_init``, a warm start)
        are never replaced.
    early_stopping : bool, default=False
        Whether to hold rows out, and stop when their mean cost, without the penalty, no longer
        falls [5]_. Every stage of the fit is watched, and the Thetas with the least validation
        cost of all are kept. Where ``fit`` is given ``X_val`` and ``y_val``, these are watched,
        and nothing is held out.
    validation_fraction : float, default=0.1
        Share of the rows held out, rounded up, drawn by weight: a row of weight 2 is two rows, one
        of which may be held out. Not used where ``fit`` is given a validation set.
    n_iter_no_change : int, default=10
        Iterations without a strictly better validation score after which to stop, of whichever
        stages.
    solver_options : dict or None, default=None
        Options passed on to scipy: maxcor, ftol, maxfun, maxls for "lbfgs"; c1, c2 for
        "cg". By default nothing but ``max_iter`` and ``tol`` limits a fit; a maxfun holds for
        each stage of a coarse start, and each random start, too.
    random_state : int, RandomState instance or None, default=None
        Seeds the random starts, uniform within a multiple of Glorot's bounds [4]_.
    verbose : bool or int, default=0
        Whether to print a line per iteration of every stage: iteration, cost, ``max |D|``,
        evaluations on all rows and seconds; the validation cost, too, where there is one.

    Attributes
    ----------
    y_mean_ : ndarray of shape (n_outputs,)
        The weighted mean of each output, which the fit has taken off; 0 for Poisson.
    y_scale_ : ndarray of shape (n_outputs,)
        Its weighted standard deviation, by which the fit has divided; 1 for Poisson, and where
        an output is constant. `thetas_`, `loss_` and all costs are on this scale: with
        the squared error, a prediction is ``y_mean_ + y_scale_ * z``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.
    thetas_ : list of ndarray of shape (units, inputs + 1)
        The parameter matrices, the bias in column 0, in the dtype of X; read-only.
    coefs_ : list of ndarray of shape (inputs, units)
        The weights as views of `thetas_`, in the shapes of ``MLPRegressor``.
    intercepts_ : list of ndarray of shape (units,)
        The biases as views of `thetas_`.
    n_layers_ : int
        Number of layers, input and output included.
    n_outputs_ : int
        Number of output units.
    activations_ : tuple of str
        Activation of each hidden layer.
    out_activation_ : {"identity", "exp"}
        Kind of the output units.
    reg_lambda_ : float
        The penalty used.
    reg_lambdas_ : ndarray of shape (n_lambdas,)
        The penalties that "auto" has walked, from strong to weak, where it has.
    reg_lambda_scores_ : ndarray of shape (n_lambdas,)
        Minus the mean cost of the rows held out at each.
    n_iter_ : int
        Iterations on all rows, in either precision, from the start that is kept.
    n_evaluations_ : int
        Evaluations of cost and gradient on all rows, in either precision, from all starts.
    loss_ : float
        J at `thetas_`, on all rows trained on.
    loss_curve_ : list of float
        J at the start and after each iteration on all rows, ``n_iter_ + 1`` values.
    gradient_norm_ : float
        ``max |D|`` at `thetas_`.
    converged_ : bool
        Whether ``gradient_norm_ <= tol``.
    stop_reason_ : str
        Why the fit ended: "converged"; where J is "flat" (see ``tol``); at a limit, "max_iter",
        "maxfun", "maxls" or "ftol"; at the "precision" of the dtype; by a wish,
        "early_stopping" or "callback"; "interrupted" by what was raised.
    validation_scores_ : list of float
        With early stopping or a validation set (``X_val``), minus the mean validation cost after
        each iteration of every stage.
    best_validation_score_ : float or None
        With early stopping the greatest of them, that of `thetas_`; None where there was no
        iteration.
    best_iteration_ : int or None
        With early stopping, where it is among them, from 0.

    See Also
    --------
    sklearn.neural_network.MLPRegressor : Trains by mini-batches too; takes y as it is.
    sklearn.linear_model.Ridge, sklearn.linear_model.PoissonRegressor : The same models without
        hidden layers.

    Notes
    -----
    A row counts by its weight, and rows of weight zero take no part in anything. Up to 2**20
    elements of X, equal rows are merged and all are sorted before the fit: the order of the rows,
    repeats in place of integer weights, and the number of threads then cannot change a bit of the
    result.

    A fit that ends by itself no better than predicting the mean of y has collapsed: it is started
    again from other random weights, twice at most, and what is stored speaks of the fit of least
    cost. Thetas that were given are never replaced.

    Callbacks of scikit-learn see every iteration of every stage, and a stage is a task; where
    one ends the fit, the last Thetas are kept.

    A fit that fails leaves the estimator as it was. One interrupted from the keyboard, or by an
    exception in a callback, stores the Thetas of the last iteration of whichever stage (with
    early stopping, the best so far), if there was one, with all attributes, and raises it
    again; in the path of "auto" there is none yet.

    References
    ----------
    .. [1] D. E. Rumelhart, G. E. Hinton and R. J. Williams, "Learning representations by
       back-propagating errors", Nature 323, 1986.
    .. [2] C. Zhu, R. H. Byrd, P. Lu and J. Nocedal, "Algorithm 778: L-BFGS-B", ACM
       Transactions on Mathematical Software 23(4), 1997.
    .. [3] Jorge Nocedal and Stephen J. Wright, "Numerical Optimization", 2nd edition, 2006, ch. 5.
    .. [4] X. Glorot and Y. Bengio, "Understanding the difficulty of training deep
       feedforward neural networks", AISTATS 2010.
    .. [5] L. Prechelt, "Early stopping - but when?", in "Neural Networks: Tricks of the
       Trade", 1998.
    .. [6] P. McCullagh and J. A. Nelder, "Generalized Linear Models", 2nd edition, 1989, ch. 2.
    .. [7] D. P. Kingma and J. Ba, "Adam: A method for stochastic optimization", ICLR 2015; an
       epoch comes to the mean of its points, as in B. T. Polyak and A. B. Juditsky,
       "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 30, 1992.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skbackprop import BackpropRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = BackpropRegressor(10, random_state=0).fit(X, y)
    >>> regressor.converged_
    True
    >>> regressor.predict(X[:2]).shape
    (2,)
    """

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
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.reg_lambda = reg_lambda
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.thetas_init = thetas_init
        self.warm_start = warm_start
        self.coarse_start = coarse_start
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.solver_options = solver_options
        self.random_state = random_state
        self.verbose = verbose
