"""The function of the unrolled vector: centred coordinates, and what a solver relies on."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from objectives import cost_and_gradient, make_objective, make_problem, numerical_gradient
from scipy.sparse import csr_array, issparse

HIDDEN = {"0hidden": (), "1hidden": (4,), "3hidden": (2, 3, 4)}
hidden_layers = pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
outputs = pytest.mark.parametrize("output", ["logistic", "softmax", "binary", "multilabel"])
containers = pytest.mark.parametrize("container", [np.asarray, csr_array], ids=["dense", "sparse"])
coordinates = pytest.mark.parametrize("centred", [False, True], ids=["plain", "centred"])


def _unrolled(thetas):
    return np.concatenate([np.ravel(Theta) for Theta in thetas])


@containers
@outputs
@hidden_layers
def test_cost_is_the_same_function_in_centred_coordinates(hidden, output, container):
    problem = make_problem(hidden, "tanh", output, container=container)
    plain, centred = make_objective(problem), make_objective(problem, centred=True)
    vector = centred.vector(problem.thetas)
    assert not np.allclose(vector, plain.vector(problem.thetas))
    J, _ = plain(plain.vector(problem.thetas))
    assert_allclose(centred(vector)[0], J, rtol=1e-12)


@containers
@outputs
@hidden_layers
def test_gradient_in_centred_coordinates_agrees_with_numerical_differentiation(
    hidden, output, container
):
    problem = make_problem(hidden, "tanh", output, container=container)
    objective = make_objective(problem, centred=True)
    vector = objective.vector(problem.thetas)
    numerical = numerical_gradient(lambda v: objective(v)[0], vector)
    assert_allclose(objective(vector)[1], numerical, rtol=1e-7, atol=1e-9)


@outputs
@hidden_layers
def test_gradient_norm_is_that_of_the_thetas_own_coordinates(hidden, output):
    problem = make_problem(hidden, "tanh", output)
    _, D = cost_and_gradient(problem)
    objective = make_objective(problem, centred=True)
    _, gradient = objective(objective.vector(problem.thetas))
    kept = gradient.copy()
    assert_allclose(objective.gradient_norm(gradient), np.abs(_unrolled(D)).max(), rtol=1e-12)
    assert_array_equal(gradient, kept)


@hidden_layers
def test_thetas_and_vector_are_inverse(hidden):
    problem = make_problem(hidden)
    objective = make_objective(problem, centred=True)
    thetas = objective.thetas(objective.vector(problem.thetas))
    for Theta, expected in zip(thetas, problem.thetas, strict=True):
        assert_allclose(Theta, expected, rtol=1e-14, atol=1e-14)
    vector = np.random.default_rng(1).normal(size=_unrolled(thetas).size)
    assert_allclose(objective.vector(objective.thetas(vector)), vector, rtol=1e-14, atol=1e-14)


@hidden_layers
def test_centred_bias_is_z_at_the_centre(hidden):
    problem = make_problem(hidden)
    objective = make_objective(problem, centred=True)
    vector, start = objective.vector(problem.thetas), 0
    for Theta, c in zip(problem.thetas, problem.centres, strict=True):
        rows = vector[start : start + Theta.size].reshape(Theta.shape)
        assert_allclose(rows[:, 0], [Theta_k @ [1, *c] for Theta_k in Theta], rtol=1e-13)
        assert_array_equal(rows[:, 1:], Theta[:, 1:])
        start += Theta.size


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precisions(dtype):
    objective = make_objective(make_problem(dtype=dtype), centred=True)
    thetas = make_problem().thetas
    vector = objective.vector([Theta.astype(dtype) for Theta in thetas])
    assert vector.dtype == np.float64
    assert {Theta.dtype for Theta in objective.thetas(vector)} == {np.dtype(dtype)}
    J, gradient = objective(vector)
    assert isinstance(J, float)
    assert gradient.dtype == np.float64


@coordinates
@containers
@outputs
def test_an_evaluation_changes_none_of_its_inputs(output, container, centred):
    problem = make_problem((4, 2), "logistic", output, container=container)
    data = [problem.X.data, problem.X.indices] if issparse(problem.X) else [problem.X]
    vector = make_objective(problem, centred=centred).vector(problem.thetas)
    inputs = [vector, *data, problem.y, problem.w, *problem.thetas]
    kept = [array.copy() for array in inputs]
    for array in inputs:
        array.flags.writeable = False
    objective = make_objective(problem, centred=centred)
    objective(vector)
    objective.vector(problem.thetas)
    objective.thetas(vector)
    for array, before in zip(inputs, kept, strict=True):
        assert_array_equal(array, before)


@coordinates
def test_the_gradient_is_fresh_at_every_call(centred):
    problem = make_problem()
    objective = make_objective(problem, centred=centred)
    vector = objective.vector(problem.thetas)
    _, first = objective(vector)
    kept = first.copy()
    _, second = objective(1.5 * vector)
    assert not np.shares_memory(first, second)
    assert not np.shares_memory(second, vector)
    assert_array_equal(first, kept)
    assert (first != second).any()


@coordinates
def test_the_thetas_are_fresh_at_every_call(centred):
    problem = make_problem()
    objective = make_objective(problem, centred=centred)
    vector = objective.vector(problem.thetas)
    thetas = objective.thetas(vector)
    kept = [Theta.copy() for Theta in thetas]
    objective(2 * vector)
    objective.thetas(2 * vector)
    for Theta, before in zip(thetas, kept, strict=True):
        assert not np.shares_memory(Theta, vector)
        assert_array_equal(Theta, before)


@pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")
@containers
@coordinates
def test_an_evaluation_leaves_no_trace_in_the_next(centred, container):
    problem = make_problem((4, 2), ("relu", "logistic"), container=container)
    objective = make_objective(problem, centred=centred)
    vector = objective.vector(problem.thetas)
    J, gradient = objective(vector)
    objective(1e3 * vector)
    again = objective(vector)
    assert again[0] == J
    assert_array_equal(again[1], gradient)


@hidden_layers
def test_biases_are_not_penalised(hidden):
    problem = make_problem(hidden, reg_lambda=0.0)
    penalised = problem._replace(reg_lambda=0.25)
    J, D = cost_and_gradient(problem)
    J_penalised, D_penalised = cost_and_gradient(penalised)
    squares = sum((Theta[:, 1:] ** 2).sum() for Theta in problem.thetas)
    assert_allclose(J_penalised - J, 0.125 * squares, rtol=1e-12)
    for D_l, D_l_penalised, Theta in zip(D, D_penalised, problem.thetas, strict=True):
        assert_array_equal(D_l_penalised[:, 0], D_l[:, 0])
        assert_allclose((D_l_penalised - D_l)[:, 1:], 0.25 * Theta[:, 1:], rtol=1e-12, atol=1e-15)


def test_the_penalty_does_not_depend_on_the_number_of_rows():
    problem = make_problem(weighted=False)
    twice = problem._replace(X=np.tile(problem.X, (3, 1)), y=np.tile(problem.y, 3))
    assert_allclose(cost_and_gradient(twice)[0], cost_and_gradient(problem)[0], rtol=1e-13)
