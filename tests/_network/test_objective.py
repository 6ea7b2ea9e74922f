"""J and D as a function of the solver's vector and lambda, and what a solver relies on."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from objectives import (
    OUTPUTS,
    cost_and_gradient,
    make_objective,
    make_problem,
    make_row_costs,
    numerical_gradient,
    x_of,
)
from scipy.sparse import csr_array, issparse

from skbackprop._network.coordinates import CentredCoordinates
from skbackprop._network.objective import Objective, RowCosts
from skbackprop._network.thetas import Thetas

HIDDEN = {"0hidden": (), "1hidden": (4,), "3hidden": (2, 3, 4)}
hidden_layers = pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
outputs = pytest.mark.parametrize("output", OUTPUTS)
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
    x, x_plain = x_of(centred, problem), x_of(plain, problem)
    assert not np.allclose(x, x_plain)
    J, _, _ = plain(x_plain, problem.reg_lambda)
    assert_allclose(centred(x, problem.reg_lambda)[0], J, rtol=1e-12)


@containers
@outputs
@hidden_layers
def test_gradient_in_centred_coordinates_agrees_with_numerical_differentiation(
    hidden, output, container
):
    problem = make_problem(hidden, "tanh", output, container=container)
    objective, reg_lambda = make_objective(problem, centred=True), problem.reg_lambda
    x = x_of(objective, problem)
    numerical = numerical_gradient(lambda x: objective(x, reg_lambda)[0], x)
    assert_allclose(objective(x, reg_lambda)[1], numerical, rtol=1e-7, atol=1e-9)


@outputs
@hidden_layers
def test_gradient_norm_is_that_of_the_thetas_own_coordinates(hidden, output):
    problem = make_problem(hidden, "tanh", output)
    _, D = cost_and_gradient(problem)
    objective = make_objective(problem, centred=True)
    _, gradient, norm = objective(x_of(objective, problem), problem.reg_lambda)
    assert_allclose(norm, np.abs(_unrolled(D)).max(), rtol=1e-12)
    assert not np.isclose(norm, np.abs(gradient).max())
    assert isinstance(norm, float)


@pytest.mark.parametrize("value", [-50.0, 40.0, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("position", [0, 1, -1])
def test_gradient_norm_is_the_greatest_D_or_not_finite(position, value):
    shapes, Delta = [(2, 3), (1, 3)], np.linspace(-1, 1, 9)
    Delta[position] = value
    coordinates = CentredCoordinates(shapes, [np.full(2, 0.5), np.full(2, -3.0)])
    objective = Objective(lambda _: (3.0, Thetas(Delta, shapes)), 7.0, shapes, float, coordinates)
    with np.errstate(invalid="ignore"):
        _, _, norm = objective(np.zeros(9), 0.0)
    assert_array_equal(norm, abs(value) / 7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precisions(dtype):
    shapes, seen = [(2, 3), (1, 3)], []
    Delta = np.arange(9, dtype=dtype)

    def sums(thetas):
        seen.append((thetas.dtype, thetas.vector.copy()))
        return 3.0, Thetas(Delta, shapes)

    coordinates = CentredCoordinates(shapes, [np.zeros(2), np.zeros(2)])
    objective = Objective(sums, 7.0, shapes, dtype, coordinates)
    x = np.linspace(-1, 1, 9)
    J, gradient, norm = objective(x, 0.0)
    ((seen_dtype, seen_vector),) = seen
    assert seen_dtype == dtype
    assert_array_equal(seen_vector, x.astype(dtype))
    assert isinstance(J, float)
    assert J == 3 / 7
    assert gradient.dtype == np.float64
    assert_allclose(gradient, np.arange(9) / 7, rtol=np.finfo(dtype).eps)
    assert norm == gradient.max()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_costs_of_rows_are_of_thetas_of_their_type(dtype):
    shapes, seen = [(1, 3)], []

    def costs(thetas):
        seen.append((thetas.dtype, thetas.vector.copy()))
        return np.array([1.0, 5.0])

    coordinates = CentredCoordinates(shapes, [np.zeros(2)])
    row_costs = RowCosts(costs, np.array([3.0, 1.0]), shapes, dtype, coordinates)
    x = np.array([0.1, 0.2, 0.3])
    assert row_costs.mean(x) == 2
    ((seen_dtype, seen_vector),) = seen
    assert seen_dtype == dtype
    assert_array_equal(seen_vector, x.astype(dtype))


@coordinates
@containers
@outputs
def test_an_evaluation_changes_none_of_its_inputs(output, container, centred):
    problem = make_problem((4, 2), "logistic", output, container=container)
    data = [problem.X.data, problem.X.indices] if issparse(problem.X) else [problem.X]
    x = x_of(make_objective(problem, centred=centred), problem)
    inputs = [x, *data, problem.y, problem.w, *problem.thetas]
    kept = [array.copy() for array in inputs]
    for array in inputs:
        array.flags.writeable = False
    objective = make_objective(problem, centred=centred)
    objective(x, problem.reg_lambda)
    for array, before in zip(inputs, kept, strict=True):
        assert_array_equal(array, before)


@coordinates
def test_the_gradient_is_fresh_at_every_call(centred):
    problem = make_problem()
    objective = make_objective(problem, centred=centred)
    x = x_of(objective, problem)
    _, first, _ = objective(x, problem.reg_lambda)
    kept = first.copy()
    _, second, _ = objective(1.5 * x, problem.reg_lambda)
    assert not np.shares_memory(first, second)
    assert not np.shares_memory(second, x)
    assert_array_equal(first, kept)
    assert (first != second).any()


@pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")
@containers
@coordinates
def test_an_evaluation_leaves_no_trace_in_the_next(centred, container):
    problem = make_problem((4, 2), ("relu", "logistic"), container=container)
    objective = make_objective(problem, centred=centred)
    x = x_of(objective, problem)
    J, gradient, norm = objective(x, problem.reg_lambda)
    objective(1e3 * x, 2 * problem.reg_lambda)
    again = objective(x, problem.reg_lambda)
    assert (again[0], again[2]) == (J, norm)
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


@containers
@outputs
@hidden_layers
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_the_mean_of_the_costs_of_the_rows_is_the_cost_without_penalty(
    hidden, output, container, weighted
):
    problem = make_problem(hidden, "tanh", output, container=container, weighted=weighted)
    objective, costs = make_objective(problem, centred=True), make_row_costs(problem, centred=True)
    x = x_of(objective, problem)
    assert costs(x).shape == problem.X.shape[:1]
    assert_allclose(costs.mean(x), objective(x, 0.0)[0], rtol=1e-13)
