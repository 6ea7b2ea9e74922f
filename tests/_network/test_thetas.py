"""Shapes, the unrolled vector and its inverse, and the random start."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop._network.thetas import (
    Thetas,
    check_thetas,
    random_thetas,
    real_numbers,
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


@layer_sizes
def test_thetas_of_another_type_are_a_copy_that_nobody_writes_to(sizes):
    thetas = Thetas(unroll(_random(sizes)), theta_shapes(sizes))
    assert thetas.astype(np.float64) is thetas
    single = thetas.astype(np.float32)
    assert single.dtype == np.float32
    assert single.shapes == thetas.shapes
    assert_array_equal(single.vector, thetas.vector.astype(np.float32))
    assert not single.vector.flags.writeable
    assert not any(Theta.flags.writeable for Theta in single.matrices)
    assert thetas.vector.flags.writeable


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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[[0.0, 1.0]]], r"^start must hold 2 arrays, got 1$"),
        ([[["a", 1.0]], [[0.0, 1.0]]], r"^start\[0\] must be an array of numbers, got \[\['a', 1"),
        ([[[0.0, 1.0]], [[0.0, 1.0, 7.0]]], r"^start\[1\] must have shape \(1, 2\), .*3\): .*7\.0"),
        ([[[0.0, 1.0]], [[0.0, np.nan]]], r"(?s)^Input start\[1\] contains NaN"),
    ],
)
def test_errors_say_which_theta_is_wrong_and_show_it(given, message):
    with pytest.raises(ValueError, match=message):
        check_thetas("start", given, [(1, 2), (1, 2)])


def test_checked_thetas_are_float64_of_their_own():
    given = [np.array([[1, 2]], np.int8), np.array([[0.5, -1.0]], np.float32)]
    thetas = check_thetas("start", given, [(1, 2), (1, 2)])
    assert thetas.dtype == np.float64
    assert_array_equal(thetas.vector, [1, 2, 0.5, -1])


MASKED = np.ma.masked_array([1.0, 2.0], mask=[False, True])


@pytest.mark.parametrize(
    "value",
    [
        MASKED,
        ["1", 2],
        np.array(["1"], object),
        [1j],
        np.array([1, b"2"], object),
        [np.timedelta64(1, "s")],
        np.array([np.timedelta64(1, "s"), 2], object),
        [None, {}],
    ],
    ids=repr,
)
def test_what_is_no_real_number_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        real_numbers(value)


@pytest.mark.parametrize(
    "value",
    [
        [1, 2],
        np.array([1, 2], object),
        np.ma.masked_array([1, 2]),
        np.array([1, 2], np.float16),
        np.array([1, 2], np.uint8),
    ],
    ids=repr,
)
def test_real_numbers_of_any_kind_become_float64(value):
    array = real_numbers(value)
    assert array.dtype == np.float64
    assert_array_equal(array, [1, 2])


def test_truth_values_are_numbers_and_too_great_ones_are_infinite():
    assert_array_equal(real_numbers([True, False]), [1, 0])
    greatest = np.finfo(np.longdouble).max  # on some systems that of float64
    expected = np.inf if greatest > np.finfo(float).max else greatest
    assert_array_equal(real_numbers(np.array([greatest, 0])), [expected, 0])
