"""BackpropClassifier: its parameters."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from skbackprop._network.activations import ActivationName
from skbackprop._network_classifier import NetworkClassifier
from skbackprop._one_fit import OneFit


class BackpropClassifier(OneFit, NetworkClassifier):
    r"""Fully connected neural network trained by full-batch back-propagation.

    The parameter matrices (Thetas) are unrolled into one vector and given, with the
    cost J and its gradient D from back-propagation [1]_, to `scipy.optimize.minimize`,
    by L-BFGS [2]_ or nonlinear conjugate gradients [3]_. With w_i the sample weight times
    the class weight of row i and W their sum, the biases not among the squared weights:

    .. math::

        J = \frac{1}{W} \sum_i \, w_i \, \mathrm{cost}_i
        + \frac{\lambda}{2} \, \sum_l \; \sum_i \; \sum_{j>0} \left( \Theta^{(l)}_{ij} \right)^2

    where lambda is ``reg_lambda``. A row costs, with logistic and with softmax output units,

    .. math::

        \mathrm{cost} = \sum_k \; \left[ \log(1 + e^{z_k}) - y_k \, z_k \right]

    .. math::

        \mathrm{cost} = \log \sum_k \, e^{z_k} - \sum_k \; y_k \, z_k

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=50
        Number of units of each hidden layer. ``()`` is penalised logistic regression.
    activation : str or sequence of str, default="relu"
        Activation of the hidden units: "logistic", "tanh", "relu" or "identity"; a
        sequence names one for each hidden layer.
    out_activation : {"logistic", "softmax"}, default="softmax"
        Output units for more than two classes: softmax, or one sigmoid per class, their
        probabilities normalised. Two classes always have one sigmoid, and
        multilabel targets one per label.
    reg_lambda : float, "auto" or "prior", default="auto"
        Penalty on the squared weights, on the scale of the mean cost: it keeps its
        meaning when the number of rows changes. ``MLPClassifier`` is ``alpha / m``,
        ``LogisticRegression`` is ``1 / (C m)``. "auto" walks a short path of penalties on four
        fifths of the rows (of 3,000 of them, if they are more), scores it by the
        log-probability of the rest, stratified, and fits all rows at the best, from where the
        path had come, or with a coarse start. With early stopping, the rows that it holds out
        score the path. "prior", and "auto" where rows are too few (100 in all, 10 of a class),
        is ``min(1 / max(W, m), 1e-3)``, with m the number of rows of positive
        weight as given, or the sum of ``sample_weight`` where that is more: the
        maximum-a-posteriori fit under a unit normal prior on the weights, capped; four times
        that where all hidden units are tanh or relu.
    solver : {"lbfgs", "cg"}, default="lbfgs"
        L-BFGS-B or conjugate gradients.
    max_iter : int, default=500
        Limit on the iterations on all rows, in float32 and in X's precision, of all random
        starts together; and, by itself, on the epochs of a coarse start.
    tol : float, default=1e-4
        The fit has converged where ``max |D| <= tol``. With relu units J has edges, and its
        gradient may stay large: there it ends, too, where ten iterations have cut J by less than
        ten times ``tol`` of itself (unless it is still that of the class frequencies).
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes; they multiply ``sample_weight``. "balanced" gives class c
        the weight W / (K W_c), from weighted rows. Not for multilabel targets.
    thetas_init : sequence of ndarray or None, default=None
        Thetas to start from, of the shapes of `thetas_`, instead of random ones.
    warm_start : bool, default=False
        Start from the Thetas of the previous fit. Classes, features and layers must be
        the same. The penalty that "auto" has found stays.
    coarse_start : bool or "auto", default="auto"
        Whether a fit begins with cheap stages: mini-batches by Adam [6]_ in float32, until an
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
        Share of the rows held out, rounded up; at least as many as there are classes. It is
        stratified, and drawn by weight: a row of weight 2 is two rows, one of which may be held
        out. A class of one row keeps it to be trained on. Not used where ``fit`` is given a
        validation set.
    n_iter_no_change : int, default=10
        Iterations without a strictly better validation score after which to stop, of whichever
        stages; an epoch of mini-batches is one.
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
        The parameter matrices, the bias in column 0, in the dtype of X; read-only.
    coefs_ : list of ndarray of shape (inputs, units)
        The weights as views of `thetas_`, in the shapes of ``MLPClassifier``.
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
    reg_lambda_ : float
        The penalty used.
    reg_lambdas_ : ndarray of shape (n_lambdas,)
        The penalties that "auto" has walked, from strong to weak, where it has.
    reg_lambda_scores_ : ndarray of shape (n_lambdas,)
        The mean log-probability that each gave to the rows held out.
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
    sklearn.neural_network.MLPClassifier : Trains by mini-batches too; without class
        weights.
    sklearn.linear_model.LogisticRegression : The same model without hidden layers.

    Notes
    -----
    A row counts by its weight, and rows of weight zero take no part in anything, but that
    their class stays a class. Up to 2**20 elements of X, equal rows are merged and all are
    sorted before the fit: the order of the rows, repeats in place of integer weights, and the
    number of threads then cannot change a bit of the result.

    A fit that ends by itself no better than predicting the class frequencies has collapsed: it
    is started again from other random weights, twice at most, and what is stored speaks of the
    fit of least cost. Thetas that were given are never replaced.

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
    .. [6] D. P. Kingma and J. Ba, "Adam: A method for stochastic optimization", ICLR 2015; an
       epoch comes to the mean of its points, as in B. T. Polyak and A. B. Juditsky,
       "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 30, 1992.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skbackprop import BackpropClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = BackpropClassifier(10, random_state=0).fit(X, y)
    >>> classifier.stop_reason_
    'flat'
    >>> classifier.predict(X[:2])
    array([0, 0])
    """

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
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.solver_options = solver_options
        self.random_state = random_state
        self.verbose = verbose
