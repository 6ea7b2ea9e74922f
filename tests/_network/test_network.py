"""J and every D, against the textbook's loop and against numerical differentiation."""

from itertools import product

import numpy as np
import pytest
import textbook
from numpy.testing import assert_allclose
from objectives import (
    KINK_MARGIN,
    OUTPUTS,
    cost_and_gradient,
    logits,
    make_objective,
    make_problem,
    numerical_gradient,
    x_of,
)
from scipy.sparse import csr_array, csr_matrix

from skbackprop._network.network import Network
from skbackprop._network.outputs import class_units

ACTIVATIONS = ["logistic", "tanh", "relu", "identity"]
LAYERS = [(), (4,), (4, 2), (2, 3, 4)]


def _grid():
    hidden_layers = [((), "none"), *product(LAYERS[1:], ACTIVATIONS)]
    for output, (hidden, activation) in product(
        ["logistic", "softmax", "identity", "exp"], hidden_layers
    ):
        for reg_lambda, weighted, container in product(
            [0.0, 0.7], [False, True], [np.asarray, csr_array]
        ):
            problem = (hidden, activation, output)
            options = {"reg_lambda": reg_lambda, "weighted": weighted, "container": container}
            name = (
                f"{output}-{activation}-{len(hidden)}hidden-lambda{reg_lambda}"
                f"-{'weighted' if weighted else 'plain'}"
                f"-{'sparse' if container is csr_array else 'dense'}"
            )
            yield pytest.param(problem, options, id=name)


def _further_cases():
    mixed = ((4, 2, 3), ("tanh", "relu", "logistic"), "logistic")
    cases = {
        "mixed": (mixed, {}),
        "mixed-other-order": (((4, 2, 3), ("relu", "identity", "tanh"), "softmax"), {}),
        "csr_matrix": (mixed, {"container": csr_matrix}),
        "fortran-order": (mixed, {"container": np.asfortranarray}),
        "one-row": (mixed, {"n_rows": 1}),
    }
    # As many layers as one likes: what reaches the first of them has come through all.
    for hidden, activation in product([(2, 3, 4, 2), (3, 2, 4, 2, 3)], ACTIVATIONS):
        cases[f"{activation}-{len(hidden)}hidden"] = (hidden, activation, "softmax"), {}
    for output, hidden, weighted in product(["binary", "multilabel"], LAYERS, [False, True]):
        name = f"{output}-{len(hidden)}hidden-{'weighted' if weighted else 'plain'}"
        cases[name] = (hidden, "logistic", output), {"weighted": weighted}
    return [pytest.param(*case, id=name) for name, case in cases.items()]


problems = pytest.mark.parametrize(("problem", "options"), [*_grid(), *_further_cases()])


def _textbook(problem):
    p = problem
    return textbook.cost_and_gradient(
        p.thetas, p.dense_X, p.Y, p.activations, p.out_activation, p.reg_lambda, p.w
    )


@problems
def test_agrees_with_the_textbook(problem, options):
    problem = make_problem(*problem, **options)
    J, D = cost_and_gradient(problem)
    J_textbook, D_textbook = _textbook(problem)
    assert_allclose(J, J_textbook, rtol=1e-10)
    assert len(D) == len(D_textbook)
    for D_l, D_l_textbook in zip(D, D_textbook, strict=True):
        assert_allclose(D_l, D_l_textbook, rtol=1e-10, atol=1e-13)


@problems
def test_agrees_with_numerical_differentiation(problem, options):
    problem = make_problem(*problem, **options)
    objective = make_objective(problem)
    x, reg_lambda = x_of(objective, problem), problem.reg_lambda
    numerical = numerical_gradient(lambda x: objective(x, reg_lambda)[0], x)
    assert_allclose(objective(x, reg_lambda)[1], numerical, rtol=1e-7, atol=1e-9)


@problems
def test_logits_agree_with_the_textbook(problem, options):
    problem = make_problem(*problem, **options)
    L = len(problem.thetas) + 1
    z_textbook = [
        textbook.forward_propagation(problem.thetas, x, problem.activations)[0][L]
        for x in problem.dense_X
    ]
    assert_allclose(logits(problem), z_textbook, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("container", [np.asarray, csr_array], ids=["dense", "sparse"])
def test_float32_is_near_the_textbook(output, activation, container):
    problem = make_problem((4, 2), activation, output, dtype=np.float32, container=container)
    assert problem.X.dtype == np.float32
    objective = make_objective(problem)
    J, D, _ = objective(x_of(objective, problem), problem.reg_lambda)
    J_textbook, D_textbook = _textbook(problem)
    assert isinstance(J, float)
    assert D.dtype == np.float64
    assert_allclose(J, J_textbook, rtol=1e-6)
    assert_allclose(D, np.concatenate([np.ravel(D_l) for D_l in D_textbook]), rtol=1e-5, atol=1e-6)
    assert logits(problem).dtype == np.float32


def test_weights_count_as_repeats():
    problem = make_problem(weighted=False)
    repeats = np.arange(1, len(problem.y) + 1)
    weighted = problem._replace(w=repeats.astype(float))
    repeated = problem._replace(
        X=np.repeat(problem.X, repeats, axis=0), y=np.repeat(problem.y, repeats)
    )
    J, D = cost_and_gradient(weighted)
    J_repeated, D_repeated = cost_and_gradient(repeated)
    assert_allclose(J, J_repeated, rtol=1e-12)
    for D_l, D_l_repeated in zip(D, D_repeated, strict=True):
        assert_allclose(D_l, D_l_repeated, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("n_hidden", range(1, 9))
def test_the_gradient_reaches_the_first_layer_of_deep_networks(n_hidden):
    problem = make_problem((2,) * n_hidden, "tanh", "binary", reg_lambda=0.0)
    _, (D_first, *_) = cost_and_gradient(problem)
    _, (D_textbook, *_) = _textbook(problem)
    assert np.abs(D_textbook).min() > 1e-8
    assert_allclose(D_first, D_textbook, rtol=1e-9)


# As a multiple of Glorot's bounds (docs/defaults.rst).
GAINS = {"logistic": 4, "tanh": 1, "relu": 1, "identity": 1}


def _bounds(thetas):
    """Return the greatest weight of every Theta, as a multiple of Glorot's bound."""
    return [
        np.abs(Theta[:, 1:]).max() / np.sqrt(6 / (len(Theta) + Theta.shape[1] - 1))
        for Theta in thetas.matrices
    ]


@pytest.mark.parametrize("activation", GAINS)
def test_random_weights_have_the_bounds_of_their_activation(activation):
    output = class_units("softmax", 50, False)
    network = Network([60, 50, 40, 50], [activation] * 2, output)
    thetas = network.random_thetas(np.random.RandomState(0))
    assert [Theta.shape for Theta in thetas.matrices] == network.shapes
    assert_allclose(_bounds(thetas), GAINS[activation], rtol=0.01)
    assert all((Theta[:, 0] == 0).all() for Theta in thetas.matrices)


def test_the_weights_of_the_output_units_start_as_those_below_them():
    network = Network([60, 50, 40, 50], ["logistic", "tanh"], class_units("softmax", 50, False))
    assert_allclose(_bounds(network.random_thetas(np.random.RandomState(0))), [4, 1, 1], rtol=0.01)
    network = Network([60, 50], [], class_units("softmax", 50, False))
    assert_allclose(_bounds(network.random_thetas(np.random.RandomState(0))), [1], rtol=0.01)


@pytest.mark.parametrize("hidden", LAYERS[1:], ids=["1hidden", "2hidden", "3hidden"])
def test_relu_problems_have_units_on_both_sides_and_none_at_the_kink(hidden):
    problem = make_problem(hidden, "relu")
    L = len(problem.thetas) + 1
    for l in range(2, L):
        z = [
            textbook.forward_propagation(problem.thetas, x, problem.activations)[0][l]
            for x in problem.dense_X
        ]
        assert np.abs(z).min() >= KINK_MARGIN
        assert np.min(z) < 0 < np.max(z)


@pytest.mark.parametrize("activations", [["relu"], ["tanh", "relu"], ["relu", "logistic"]])
def test_a_network_with_any_relu_units_has_edges(activations):
    sizes = [3, *(2 for _ in activations), 1]
    output = class_units("logistic", 1, False)
    assert Network(sizes, activations, output).has_edges is True
    smooth = ["identity" if name == "relu" else name for name in activations]
    assert Network(sizes, smooth, output).has_edges is False
