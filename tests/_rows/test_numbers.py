"""Targets that are numbers: their scale, in any unit, and the way back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skbackprop._network.outputs import NUMBER_UNITS
from skbackprop._network.thetas import Thetas
from skbackprop._rows.numbers import Numbers, encode_numbers

Y = np.random.default_rng(0).normal(3, [1, 20], size=(50, 2))


def standardised(y, w=None):
    targets, w = encode_numbers(y, w, "squared_error")
    return targets.standardised(w)


@pytest.mark.parametrize("w", [None, np.arange(1.0, 51), np.full(50, 1e300)])
def test_codes_have_mean_0_and_deviation_1(w):
    targets = standardised(Y, w)
    shares = None if w is None else w / w.max()
    mean = np.average(targets.codes, axis=0, weights=shares)
    assert_allclose(mean, 0, atol=1e-15)
    assert_allclose(np.average((targets.codes - mean) ** 2, axis=0, weights=shares), 1, rtol=1e-14)
    assert_allclose(targets.means(w), mean, atol=1e-15)
    assert_allclose(targets.as_given, Y, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("offset", [0, 1e6, -1e12])
def test_an_offset_costs_no_more_than_its_own_digits(offset):
    y = Y + offset
    targets, exact = standardised(y), y - y[0]  # a difference of near floats is exact
    assert_allclose(targets.kind.scale, exact.std(axis=0), rtol=1e-12)
    off = np.spacing(np.abs(y).max(axis=0)) / targets.kind.scale
    assert (np.abs(targets.codes.mean(axis=0)) <= off).all()


@pytest.mark.parametrize("exponent", [-1000, -600, 0, 600, 1015])
def test_codes_do_not_depend_on_a_unit_that_is_a_power_of_two(exponent):
    y = np.rint(Y)
    codes, other = standardised(y).codes, standardised(np.ldexp(y, exponent)).codes
    assert_array_equal(codes, other)


def test_numbers_as_given_come_on_the_scale_of_others():
    targets, _ = encode_numbers(Y, None, "squared_error")
    some = targets.take(slice(20)).standardised(None)
    on_scale = targets.on_scale_of(some)
    assert_array_equal(on_scale.codes[:20], some.codes)
    assert_allclose(on_scale.as_given, Y, rtol=1e-13, atol=1e-14)
    counts, _ = encode_numbers(np.abs(Y), None, "poisson")
    assert counts.on_scale_of(counts.take(slice(20))) is counts


@pytest.mark.parametrize("y", [0.1, -1e300, 5e-324, 0.0])
def test_a_constant_has_scale_one(y):
    targets = standardised(np.full(7, y), np.arange(1.0, 8))
    assert (targets.kind.mean, targets.kind.scale) == ([y], [1])
    assert_array_equal(targets.codes, 0)
    assert targets.is_constant.all()
    assert_array_equal(targets.as_given, np.full(7, y))


def test_negative_zero_is_zero():
    targets, _ = encode_numbers([0.0, -0.0], None, "squared_error")
    assert targets.codes[0].tobytes() == targets.codes[1].tobytes()


@pytest.mark.parametrize("out_activation", NUMBER_UNITS)
def test_a_constant_costs_what_the_units_say(out_activation):
    y = np.random.default_rng(0).poisson(3, size=(20, 2)).astype(float)
    targets, w = encode_numbers(y, np.arange(1.0, 21), "poisson")
    units, predicted = NUMBER_UNITS[out_activation], np.array([2.0, 5.0])
    z = np.tile(units.start(predicted)[:, np.newaxis], 20)
    cost, _ = units.cost_and_delta(z, targets.for_units(np.float64), w)
    assert targets.constant_cost(units, predicted, w) == pytest.approx(cost / w.sum(), rel=1e-12)
    # The mean is the best of them.
    best = targets.constant_cost(units, targets.means(w), w)
    for k in range(2):
        for step in (-1e-3, 1e-3):
            other = targets.means(w) + step * np.eye(2)[k]
            assert targets.constant_cost(units, other, w) > best


def test_thetas_are_converted_to_another_scale():
    rng = np.random.default_rng(0)
    old = Numbers(np.array([1.0, -5.0]), np.array([2.0, 0.5]), False)
    new = Numbers(np.array([0.0, 3.0]), np.array([7.0, 0.1]), False)
    shapes = [(3, 5), (2, 4)]
    thetas = Thetas(rng.normal(size=23), shapes)
    kept = thetas.vector.copy()
    converted = new.converted(thetas, old)
    assert_array_equal(thetas.vector, kept)
    assert_array_equal(converted.matrices[0], thetas.matrices[0])
    a = np.vstack([np.ones(6), rng.normal(size=(3, 6))])
    z, other = thetas.matrices[1] @ a, converted.matrices[1] @ a
    assert_allclose(new.decode(other.T), old.decode(z.T), rtol=1e-13)
    assert_array_equal(old.converted(thetas, old).vector, thetas.vector)


def test_predictions_are_clipped_to_the_finite_numbers():
    greatest = np.finfo(float).max
    numbers = Numbers(np.array([1e308]), np.array([1e308]), True)
    assert_array_equal(
        numbers.decode(np.array([[5.0], [-5.0], [np.inf]])), [greatest, -greatest, greatest]
    )
