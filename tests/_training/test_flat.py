"""Where J has edges, a fit ends once J no longer falls; nowhere else."""

import numpy as np
import pytest
from fit_rules import assert_follows_the_rules, assert_loss_is_that_of_its_thetas, rows_trained_on
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier
from skbackprop._network.network import Network
from skbackprop._network.outputs import BinaryUnit
from skbackprop._training.flat import PATIENCE, Flat, flat_rule
from skbackprop._training.solver import Iteration

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
WINE, CULTIVARS = load_wine(return_X_y=True)
WINE = scale(WINE)


def relu(**parameters):
    defaults = {"activation": "relu", "reg_lambda": 1e-3, "random_state": 0}
    return BackpropClassifier(**{"hidden_layer_sizes": 20, **defaults, **parameters})


def cuts_of(classifier):
    """Return by which share of J so many iterations have cut it, one after the other."""
    curve = np.array(classifier.loss_curve_)[::PATIENCE]
    return 1 - curve[1:] / curve[:-1]


@pytest.mark.parametrize("tol", [1e-4, 1e-5])
def test_a_fit_ends_where_ten_iterations_cut_the_cost_by_less_than_ten_tol(tol):
    X, y = make_moons(300, noise=0.2, random_state=0)
    classifier = relu(tol=tol).fit(X, y)  # without a warning
    assert classifier.stop_reason_ == "flat"
    assert not classifier.converged_
    assert classifier.n_iter_ % PATIENCE == 0
    *before, last = cuts_of(classifier)
    assert last < PATIENCE * tol <= min(before)
    assert_follows_the_rules(classifier)
    # More of the same gains little, and is not lost: the next fit goes on.
    again = clone(classifier).set_params(thetas_init=classifier.thetas_, tol=tol / 10).fit(X, y)
    assert (1 - 0.05) * classifier.loss_ < again.loss_ < classifier.loss_


@pytest.mark.parametrize("activation", ["logistic", "tanh", "identity", ("tanh", "logistic")])
def test_where_j_is_smooth_only_the_gradient_counts(activation):
    hidden = 5 if isinstance(activation, str) else (5, 5)
    classifier = BackpropClassifier(
        hidden, activation=activation, reg_lambda=1e-2, max_iter=2000, tol=1e-7, random_state=0
    ).fit(IRIS, SPECIES)
    assert classifier.stop_reason_ == "converged"
    assert min(cuts_of(classifier)) < PATIENCE * classifier.tol


@pytest.mark.parametrize(
    ("activations", "has_edges"),
    [
        (["relu"], True),
        (["logistic", "relu"], True),
        (["relu", "tanh"], True),
        (["logistic", "tanh"], False),
        ([], False),
    ],
)
def test_one_layer_of_relu_units_is_enough(activations, has_edges):
    network = Network([3, *[4] * len(activations), 1], activations, BinaryUnit())
    assert network.has_edges == has_edges
    assert (flat_rule(1e-4, network, np.float64, 1.0) is not None) == has_edges


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_cut_that_the_precision_can_not_tell_ends_nothing(dtype):
    network, eps = Network([3, 4, 1], ["relu"], BinaryUnit()), np.finfo(dtype).eps
    assert flat_rule(eps, network, dtype, 1.0) is None
    assert flat_rule(2 * eps, network, dtype, 1.0).least_cut == PATIENCE * 2 * eps


@pytest.mark.parametrize("tol", [0.1, 3e-2, 1e-2, 3e-3])
def test_a_fit_that_has_converged_too_has_converged(tol):
    classifier = relu(tol=tol).fit(IRIS, SPECIES)
    assert (classifier.stop_reason_ == "converged") == classifier.converged_


@pytest.mark.parametrize("coarse_start", [True, False])
def test_the_precision_is_named_where_it_can_not_tell(coarse_start):
    classifier = relu(tol=1e-8, max_iter=20_000, coarse_start=coarse_start)
    with pytest.warns(ConvergenceWarning, match=r"float32 precision, or across an edge that J has"):
        classifier.fit(IRIS.astype(np.float32), SPECIES)
    assert classifier.stop_reason_ == "precision"


@pytest.mark.filterwarnings("ignore:.*across an edge:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "parameters",
    [{}, {"solver": "cg"}, {"class_weight": "balanced"}, {"hidden_layer_sizes": (8, 8)}],
    ids=["lbfgs", "cg", "balanced", "two layers"],
)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("coarse_start", [False, True])
def test_it_holds_with_stages_and_early_stopping(coarse_start, early_stopping, parameters, dtype):
    classifier = relu(
        coarse_start=coarse_start, early_stopping=early_stopping, n_iter_no_change=60, **parameters
    ).fit(WINE.astype(dtype), CULTIVARS)
    assert classifier.stop_reason_ in ("flat", "converged", "early_stopping", "precision")
    # Conjugate gradients may end at an edge.
    assert classifier.stop_reason_ != "precision" or classifier.solver == "cg"
    assert_follows_the_rules(classifier)
    rows = rows_trained_on(classifier, WINE.astype(dtype), CULTIVARS)
    assert_loss_is_that_of_its_thetas(classifier, rows)


def iterations(costs):
    return [Iteration(number, np.zeros(1), cost, 1.0) for number, cost in enumerate(costs)]


def first_true(rule, costs):
    return next((i.number for i in iterations(costs) if rule(i)), None)


def test_a_fit_that_has_learned_nothing_is_not_flat():
    null = [1.0 - 1e-9 * i for i in range(50)]
    assert first_true(Flat(1e-3, 1.0), null) is None
    falling = [0.9 * 0.99**i for i in range(30)]
    assert first_true(Flat(1e-3, 1.0), null + falling + falling[-1:] * 30) == 90
