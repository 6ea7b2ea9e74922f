"""Centred coordinates: three maps, and what they do to a gradient."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from objectives import make_network, make_problem, numerical_gradient

from skbackprop._network.coordinates import CentredCoordinates, centred_coordinates
from skbackprop._network.network import Network
from skbackprop._network.outputs import NUMBER_UNITS, class_units
from skbackprop._network.thetas import roll, theta_shapes, unroll

LAYER_SIZES = {"0hidden": [3, 1], "1hidden": [3, 4, 2], "3hidden": [5, 2, 4, 3, 6]}
layer_sizes = pytest.mark.parametrize("sizes", LAYER_SIZES.values(), ids=LAYER_SIZES)
MAPS = ["x_from_thetas", "thetas_from_x", "gradient_from_D"]
maps = pytest.mark.parametrize("name", MAPS)


def _coordinates(sizes):
    """Return coordinates with any centres, and a random vector of their size."""
    rng = np.random.default_rng(3)
    centres = [rng.uniform(-1.5, 1.5, size=s) for s in sizes[:-1]]
    shapes = theta_shapes(sizes)
    vector = rng.normal(size=sum(np.prod(shape) for shape in shapes))
    return CentredCoordinates(shapes, centres), shapes, centres, vector


@layer_sizes
def test_thetas_there_and_back(sizes):
    coordinates, _, _, vector = _coordinates(sizes)
    x = coordinates.x_from_thetas(vector)
    assert not np.allclose(x, vector)
    assert_allclose(coordinates.thetas_from_x(x), vector, rtol=1e-14, atol=1e-14)
    thetas = coordinates.thetas_from_x(vector).copy()
    assert_allclose(coordinates.x_from_thetas(thetas), vector, rtol=1e-14, atol=1e-14)


@layer_sizes
def test_centred_bias_is_z_at_the_centre(sizes):
    coordinates, shapes, centres, vector = _coordinates(sizes)
    x = roll(coordinates.x_from_thetas(vector), shapes)
    for of_x, Theta, c in zip(x, roll(vector, shapes), centres, strict=True):
        assert_allclose(of_x[:, 0], [Theta_k @ [1, *c] for Theta_k in Theta], rtol=1e-13)
        assert_array_equal(of_x[:, 1:], Theta[:, 1:])


@layer_sizes
def test_output_units_are_seen_from_the_logits_where_they_are_balanced(sizes):
    plain, shapes, centres, vector = _coordinates(sizes)
    logits = np.random.default_rng(5).uniform(1, 3, size=sizes[-1])
    balanced = CentredCoordinates(shapes, centres, logits)
    *hidden, output = roll(plain.x_from_thetas(vector), shapes)
    *hidden_balanced, output_balanced = roll(balanced.x_from_thetas(vector), shapes)
    for of_one, of_other in zip(hidden, hidden_balanced, strict=True):
        assert_array_equal(of_one, of_other)
    assert_allclose(output_balanced[:, 0], output[:, 0] - logits, rtol=1e-13)
    assert_array_equal(output_balanced[:, 1:], output[:, 1:])
    assert_allclose(
        balanced.thetas_from_x(balanced.x_from_thetas(vector)), vector, rtol=1e-14, atol=1e-14
    )
    assert_array_equal(balanced.gradient_from_D(vector), plain.gradient_from_D(vector))


@layer_sizes
def test_the_gradient_agrees_with_numerical_differentiation(sizes):
    # Of a function of the Thetas, seen as one of x.
    coordinates, _, _, vector = _coordinates(sizes)
    slope = np.random.default_rng(4).normal(size=vector.size)

    def f(v):
        return slope @ np.sin(v)

    df = slope * np.cos(vector)
    of_x = numerical_gradient(
        lambda x: f(coordinates.thetas_from_x(x)), coordinates.x_from_thetas(vector)
    )
    assert_allclose(coordinates.gradient_from_D(df), of_x, rtol=1e-7, atol=1e-8)


@maps
@layer_sizes
def test_a_map_leaves_what_it_is_given_and_takes_either_precision(sizes, name):
    coordinates, _, _, vector = _coordinates(sizes)
    for dtype in (np.float64, np.float32):
        given = vector.astype(dtype)
        kept = given.copy()
        given.flags.writeable = False
        mapped = getattr(coordinates, name)(given)
        assert mapped.dtype == np.float64
        assert mapped.shape == vector.shape
        assert not np.shares_memory(mapped, given)
        assert_array_equal(given, kept)


@pytest.mark.parametrize("name", ["x_from_thetas", "gradient_from_D"])
@layer_sizes
def test_what_the_solver_is_given_is_its_own(sizes, name):
    coordinates, _, _, vector = _coordinates(sizes)
    first = getattr(coordinates, name)(vector)
    kept = first.copy()
    for other in MAPS:
        mapped = getattr(coordinates, other)(2 * vector)
        assert not np.shares_memory(first, mapped)
    assert_array_equal(first, kept)


def test_inputs_are_centred_where_they_lie():
    mean = np.array([2.0, -1.0, 0.5])
    network = Network(
        [3, 4, 2, 5, 3, 2],
        ["logistic", "tanh", "relu", "identity"],
        class_units("logistic", 2, True),
    )
    coordinates = centred_coordinates(network, mean)
    thetas = [np.ones(shape) for shape in network.shapes]
    x = roll(coordinates.x_from_thetas(unroll(thetas)), network.shapes)
    # b' = b + the sum of the centres, of which those of tanh, relu and identity are 0.
    for of_x, expected in zip(x, [1 + mean.sum(), 1 + 4 * 0.5, 1, 1, 1], strict=True):
        assert_allclose(of_x[:, 0], expected, rtol=1e-15)


def test_a_random_start_is_balanced_at_the_mean_of_the_targets():
    # b' = 0: at the mean of X, and hidden units at their centres, z is the logit of the mean.
    network = Network([2, 3, 1], ["logistic"], NUMBER_UNITS["exp"])
    mean, logits = np.array([2.0, -1.0]), np.log([7.0])
    coordinates = centred_coordinates(network, mean, logits)
    x = network.random_thetas(np.random.RandomState(0)).vector
    hidden, output = roll(coordinates.thetas_from_x(x), network.shapes)
    assert_allclose(hidden @ [1, *mean], np.zeros(3), atol=1e-15)
    assert_allclose(np.exp(output @ [1, 0.5, 0.5, 0.5]), [7.0], rtol=1e-14)


def test_a_network_without_hidden_layers_is_centred_too():
    network = make_network(make_problem(()))
    coordinates = centred_coordinates(network, np.array([1.0, 2.0, 3.0]))
    x = coordinates.x_from_thetas(np.ones(network.shapes[0]).ravel())
    assert_array_equal(roll(x, network.shapes)[0][:, 0], 7)
