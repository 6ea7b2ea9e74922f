"""Shapes, the unrolled vector and its inverse, and the random start."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop._network.thetas import (
    Thetas,
    random_thetas,
    roll,
    theta_shapes,
    unroll,
)

LAYER_SIZES = {"0hidden": [3, 1], "1hidden": [3, 4, 2], "3hidden": [5, 2, 4, 3, 6]}
layer_sizes = pytest.mark.parametrize("sizes", LAYER_SIZES.values(), ids=LAYER_SIZES)


def _random(sizes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in theta_shapes(sizes)]


@pytest.mark.parametrize(
    ("sizes", "shapes"),
    [
        ([3, 1], [(1, 4)]),
        ([3, 4, 2], [(4, 4), (2, 5)]),
        ([5, 2, 4, 3, 6], [(2, 6), (4, 3), (3, 5), (6, 4)]),
    ],
    ids=LAYER_SIZES,
)
def test_shapes(sizes, shapes):
    assert theta_shapes(sizes) == shapes


@layer_sizes
def test_roll_is_the_inverse_of_unroll(sizes):
    thetas = _random(sizes)
    vector = unroll(thetas)
    assert vector.shape == (sum(Theta.size for Theta in thetas),)
    rolled = roll(vector, theta_shapes(sizes))
    assert len(rolled) == len(thetas)
    for Theta, expected in zip(rolled, thetas, strict=True):
        assert_array_equal(Theta, expected)
    assert_array_equal(unroll(rolled), vector)


def test_unroll_goes_layer_by_layer_and_unit_by_unit():
    thetas = [np.array([[1, 2, 3], [4, 5, 6]]), np.array([[7, 8, 9]])]
    assert_array_equal(unroll(thetas), np.arange(1, 10))


@layer_sizes
def test_roll_gives_views(sizes):
    vector = np.zeros(sum(s_out * columns for s_out, columns in theta_shapes(sizes)))
    rolled = roll(vector, theta_shapes(sizes))
    for Theta in rolled:
        assert np.shares_memory(Theta, vector)
        Theta[...] = 1
    assert_array_equal(vector, 1)


@layer_sizes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unroll_gives_a_float64_copy(sizes, dtype):
    thetas = [Theta.astype(dtype) for Theta in _random(sizes)]
    vector = unroll(thetas)
    assert vector.dtype == np.float64
    assert not any(np.shares_memory(Theta, vector) for Theta in thetas)
    assert_array_equal(vector, np.concatenate([Theta.ravel() for Theta in thetas]))


@layer_sizes
def test_layers_are_views_of_bias_and_weights(sizes):
    vector = unroll(_random(sizes))
    thetas = Thetas(vector, theta_shapes(sizes))
    assert thetas.vector is vector
    matrices = roll(vector, theta_shapes(sizes))
    for Theta, (matrix, bias, weights) in zip(matrices, thetas.layers, strict=True):
        assert_array_equal(matrix, Theta)
        assert_array_equal(bias, Theta[:, 0])
        assert_array_equal(weights, Theta[:, 1:])
        bias[...] = 1
        weights[...] = 2
        assert_array_equal(matrix, Theta)
        assert_array_equal(Theta[:, 0], 1)
        assert_array_equal(Theta[:, 1:], 2)
    for matrix, layer in zip(thetas.matrices, thetas.layers, strict=True):
        assert matrix is layer.matrix


@layer_sizes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_thetas_pickle_as_one_vector(sizes, dtype):
    thetas = Thetas(unroll(_random(sizes)).astype(dtype), theta_shapes(sizes))
    pickled = pickle.dumps(thetas)
    again = pickle.loads(pickled)
    assert again.dtype == dtype
    assert again.shapes == thetas.shapes
    assert_array_equal(again.vector, thetas.vector)
    # Still views: the vector is in the pickle once, and in memory once.
    again.vector[...] = 3
    assert all((Theta == 3).all() for Theta in again.matrices)
    assert pickled.count(thetas.vector.tobytes()) == 1
    assert len(pickled) < thetas.vector.nbytes + 600


@pytest.mark.parametrize("gains", [(1.0, 1.0), (4.0, 0.5)], ids=["glorot", "gains"])
def test_random_thetas_fill_their_bounds(gains):
    sizes = [60, 40, 20]
    thetas = random_thetas(theta_shapes(sizes), gains, np.random.RandomState(0))
    assert thetas.dtype == np.float64
    assert [Theta.shape for Theta in thetas.matrices] == theta_shapes(sizes)
    bounds = [gains[0] * np.sqrt(6 / (60 + 40)), gains[1] * np.sqrt(6 / (40 + 20))]
    for Theta, bound in zip(thetas.matrices, bounds, strict=True):
        assert_array_equal(Theta[:, 0], 0)
        weights = Theta[:, 1:] / bound
        assert np.abs(weights).max() <= 1
        assert weights.max() > 0.95
        assert weights.min() < -0.95
        # Mean and variance of the uniform distribution on (-1, 1).
        assert_allclose(weights.mean(), 0, atol=0.06)
        assert_allclose(weights.var(), 1 / 3, rtol=0.1)


def test_bounds_count_inputs_and_units_without_the_bias():
    random_state = np.random.RandomState(0)
    weights = [random_thetas([(1, 3)], [1.0], random_state).vector[1:] for _ in range(500)]
    assert_allclose(np.abs(weights).max(), np.sqrt(6 / (2 + 1)), rtol=0.01)


@layer_sizes
def test_random_thetas_follow_from_the_seed(sizes):
    shapes = theta_shapes(sizes)
    gains = [1.0] * len(shapes)
    first, again, other = (
        random_thetas(shapes, gains, np.random.RandomState(seed)).vector for seed in (0, 0, 1)
    )
    assert_array_equal(first, again)
    assert (first != other).any()
