"""Targets that are numbers: their scale, in any unit, and the way back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.exceptions import DataConversionWarning

from skbackprop._network.outputs import NUMBER_UNITS
from skbackprop._network.thetas import Thetas
from skbackprop._rows.numbers import (
    Numbers,
    encode_numbers,
    finite_numbers,
    moments_of,
    no_numbers,
    scale_from,
)

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


@pytest.mark.parametrize("exponent", [-1000, -600, 0, 600, 1015, [-1000, 1015]])
def test_codes_do_not_depend_on_a_unit_that_is_a_power_of_two(exponent):
    y = np.rint(Y)
    codes, other = standardised(y).codes, standardised(np.ldexp(y, exponent)).codes
    assert_array_equal(codes, other)


def test_the_scale_of_the_greatest_numbers_is_a_number():
    greatest = np.finfo(float).max
    for n in range(2, 100, 2):  # the deviation of some is rounded to more than the greatest
        targets = standardised(np.tile([greatest, -greatest], n // 2))
        assert_allclose(targets.kind.scale, greatest, rtol=1e-15)
        assert_allclose(np.abs(targets.codes), 1, rtol=1e-15)


def test_the_scale_of_the_least_numbers_is_none_below():
    targets = standardised(np.array([0.0, 5e-324]))  # their deviation is rounded to 0
    assert_array_equal(targets.kind.scale, 1)
    assert_array_equal(targets.codes, 0)


def test_a_number_of_next_to_no_weight_is_not_the_mean():
    targets = standardised(np.array([5.0, 3.0]), np.array([1e-323, 1.0]))
    assert (targets.kind.mean, targets.kind.scale) == ([3], [1])
    assert_array_equal(targets.codes, [[2], [0]])


@pytest.mark.parametrize("exponents", [0, 1000, [-600, 600]])
@pytest.mark.parametrize("offset", [0, 7])
def test_moments_of_groups_are_those_of_all_rows(exponents, offset):
    y = (Y - Y.mean(axis=0) + offset) * [1, 0.01]
    w = np.arange(1.0, 51)
    groups = [slice(0, 5), slice(5, 35), slice(35, 50)]
    W = np.array([w[group].sum() for group in groups])
    moments = [moments_of(np.ldexp(y[g], exponents), None, w[g] / w[g].sum()) for g in groups]
    mean, deviation = (np.array(each) for each in zip(*moments, strict=True))
    all_mean, all_deviation = moments_of(mean, deviation, W / W.sum())
    expected = np.average(y, axis=0, weights=w)
    spread = np.sqrt(np.average((y - expected) ** 2, axis=0, weights=w))
    assert_allclose(np.ldexp(all_mean, np.negative(exponents)), expected, rtol=1e-13, atol=1e-15)
    assert_allclose(np.ldexp(all_deviation, np.negative(exponents)), spread, rtol=1e-13)


def test_groups_around_one_mean_are_spread_as_each():
    mean, deviation = moments_of(np.zeros((3, 2)), np.tile([1e300, 1e-300], (3, 1)), np.ones(3) / 3)
    assert_array_equal(mean, 0)
    assert_allclose(deviation, [1e300, 1e-300], rtol=1e-15)


def test_a_scale_is_read_only_and_written_as_plain_values():
    numbers = scale_from(np.array([3.0, -1.0]), np.array([2.0, 0.0]), False)
    assert_array_equal(numbers.scale, [2, 1])
    for array in (numbers.mean, numbers.scale):
        assert not array.flags.writeable
    state = numbers.to_state()
    assert Numbers(**state) == numbers


def test_numbers_as_given_come_on_the_scale_of_others():
    targets, _ = encode_numbers(Y, None, "squared_error")
    some = targets.take(slice(20)).standardised(None)
    on_scale = targets.on_scale_of(some)
    assert_array_equal(on_scale.codes[:20], some.codes)
    assert_allclose(on_scale.as_given, Y, rtol=1e-13, atol=1e-14)
    counts, _ = encode_numbers(np.abs(Y), None, "poisson")
    assert counts.on_scale_of(counts.take(slice(20))) is counts


@pytest.mark.parametrize("w", [None, np.tile([0.5, 0.0, 2.0], 20)])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_others_are_encoded_on_the_scale_of_a_fit(w, n_outputs):
    rng = np.random.default_rng(0)
    shape = (60,) if n_outputs == 1 else (60, 2)
    y = rng.normal(3, 20, size=shape)
    fit = standardised(y)
    none = no_numbers(fit.kind, True)
    assert len(none.codes) == 0
    assert len(none.encoded(y[:0], None, "y_val").as_given) == 0
    taken = slice(None) if w is None else w > 0
    for targets in [fit, none] * 10:
        others = rng.normal(size=shape)
        if w is not None:
            others[[1, 4]] = [[-1e6], [1e6]] if n_outputs == 2 else [-1e6, 1e6]
        on_scale = targets.encoded(others, w, "y_val")
        codes = (others - y.mean(axis=0)) / y.std(axis=0)
        assert_allclose(on_scale.codes, codes.reshape(60, n_outputs), rtol=1e-12, atol=1e-14)
        given = on_scale.as_given[taken]
        assert_allclose(given, others[taken], rtol=1e-12, atol=1e-14)
        # However they are rounded: none is below the least that was given, or above the greatest.
        assert (given >= others[taken].min(axis=0)).all()
        assert (given <= others[taken].max(axis=0)).all()


def test_a_number_beyond_the_scale_of_a_fit_is_infinity_on_it():
    fit = standardised(1e-300 * Y[:, 0])
    assert_array_equal(fit.encoded(np.array([1e300]), None, "y_val").codes, [[np.inf]])


def test_counts_are_taken_as_they_are():
    counts, w = encode_numbers(np.array([3.0, 0.0, 2.0**53]), None, "poisson")
    assert w is None
    assert counts.standardised(None) is counts
    for targets in (counts, no_numbers(counts.kind, False)):
        others = targets.encoded(np.array([[5.0], [1.5]])[:, 0], None, "y_val")
        assert_array_equal(others.codes, [[5], [1.5]])
        assert_array_equal(others.as_given, [5, 1.5])


def test_a_column_of_counts_is_a_vector_with_a_warning():
    column = np.array([[3.0], [1.0]])
    with pytest.warns(DataConversionWarning, match="column-vector"):
        targets, _ = encode_numbers(column, None, "poisson")
    assert_array_equal(targets.as_given, [3, 1])
    with pytest.warns(DataConversionWarning, match="column-vector"):
        targets.encoded(column, None, "y_val")
    # Of squared error, it is a matrix of one output.
    targets, _ = encode_numbers(column, None, "squared_error")
    assert_array_equal(targets.as_given, column)
    assert_array_equal(targets.encoded(column, None, "y_val").codes, column)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([1.0, -1.0], "must hold numbers >= 0 .* got -1.0$"),
        ([1.0, 2.0**53 + 2], r"must hold numbers up to 2\*\*53 .* got 9007199254740994.0"),
    ],
    ids=["negative", "too many"],
)
def test_what_are_no_counts_is_refused_in_rows_of_weight(y, words):
    counts = no_numbers(encode_numbers([1.0, 2.0], None, "poisson")[0].kind, False)
    for w in (None, np.array([1.0, 0.5])):
        with pytest.raises(ValueError, match=f"^y {words}"):
            encode_numbers(y, w, "poisson")
        with pytest.raises(ValueError, match=f"^y_val {words}"):
            counts.encoded(y, w, "y_val")
    w = np.array([1.0, 0.0])
    assert_array_equal(encode_numbers(y, w, "poisson")[0].as_given, y)
    assert_array_equal(counts.encoded(y, w, "y_val").as_given, y)


def test_each_column_of_counts_has_a_sum():
    y = np.array([[3.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    assert_array_equal(encode_numbers(y, None, "poisson")[0].as_given, y)
    with pytest.raises(ValueError, match=r"^y must have a positive sum .* only 0 in a column"):
        encode_numbers(y, np.array([1.0, 1.0, 0.0]), "poisson")


def test_others_have_as_many_outputs_as_the_fit():
    with pytest.raises(ValueError, match=r"^y_val must have as many outputs .* had, 2; got 1$"):
        standardised(Y).encoded(Y[:, 0], None, "y_val")


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([1j, 2.0], "{} must hold numbers: got complex ones"),
        (["a", "b"], "{} must hold numbers: could not convert"),
        ([1.0, np.nan], "Input {} contains NaN"),
        ([1.0, np.longdouble("1e4000")], "Input {} contains infinity"),
        (np.ones((2, 1, 1)), "Found array with dim 3"),
        (np.ones((2, 0)), "Found array with 0 feature"),
    ],
    ids=["complex", "words", "NaN", "beyond float64", "3-d", "no columns"],
)
def test_what_are_no_finite_numbers(y, words):
    with pytest.raises(ValueError, match="^" + words.format("y")):
        encode_numbers(y, None, "squared_error")
    with pytest.raises(ValueError, match="^" + words.format("y_val")):
        standardised(Y[:, 0]).encoded(y, None, "y_val")


@pytest.mark.parametrize("hold", [np.asfortranarray, csr_array, np.float32, np.ndarray.tolist])
def test_finite_numbers_are_float64_in_one_order(hold):
    y = finite_numbers(hold(np.rint(Y)), "y")
    assert y.dtype == np.float64
    assert y.flags.c_contiguous
    assert_array_equal(y, np.rint(Y))
    assert len(finite_numbers(hold(Y[:0]), "y")) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_units_take_a_row_of_numbers_each(dtype):
    targets, _ = encode_numbers(Y, None, "squared_error")
    rows = targets.for_units(dtype)
    assert rows.dtype == dtype
    assert rows.flags.c_contiguous
    assert_array_equal(rows, Y.T.astype(dtype))
    assert_array_equal(targets.matrix(slice(3, 7)), Y[3:7].T)


def test_the_mean_of_a_constant_is_itself_however_rounded():
    for n in range(1, 60):
        targets, w = encode_numbers(np.tile([0.1, 0.7], (n, 1)), np.arange(1.0, n + 1), "poisson")
        for weights in (None, w):
            assert_array_equal(targets.means(weights), [0.1, 0.7])


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
@pytest.mark.parametrize("w", [None, np.arange(1.0, 21)])
def test_a_constant_costs_what_the_units_say(out_activation, w):
    y = np.random.default_rng(0).poisson(3, size=(20, 2)).astype(float)
    targets, w = encode_numbers(y, w, "poisson")
    units, predicted = NUMBER_UNITS[out_activation], np.array([2.0, 5.0])
    z = np.tile(units.start(predicted)[:, np.newaxis], 20)
    cost, _ = units.cost_and_delta(z, targets.for_units(np.float64), w)
    W = 20 if w is None else w.sum()
    assert targets.constant_cost(units, predicted, w) == pytest.approx(cost / W, rel=1e-12)
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
    shapes = [(4, 5), (3, 5), (2, 4)]
    thetas = Thetas(rng.normal(size=43), shapes)
    kept = thetas.vector.copy()
    converted = new.converted(thetas, old)
    assert_array_equal(thetas.vector, kept)
    for hidden in range(2):
        assert_array_equal(converted.matrices[hidden], thetas.matrices[hidden])
    a = np.vstack([np.ones(6), rng.normal(size=(3, 6))])
    z, other = thetas.matrices[2] @ a, converted.matrices[2] @ a
    assert_allclose(new.decode(other.T), old.decode(z.T), rtol=1e-13)
    assert_array_equal(old.converted(thetas, old).vector, thetas.vector)


def test_thetas_on_a_scale_too_far_away_are_not_finite():
    old = Numbers(np.array([1e300]), np.array([1e300]), True)
    new = Numbers(np.array([0.0]), np.array([1e-300]), True)
    converted = new.converted(Thetas(np.array([1.0, 0.0, -2.0]), [(1, 3)]), old)
    assert_array_equal(converted.vector, [np.inf, np.nan, -np.inf])


def test_predictions_are_clipped_to_the_finite_numbers():
    greatest = np.finfo(float).max
    numbers = Numbers(np.array([1e308]), np.array([1e308]), True)
    assert_array_equal(
        numbers.decode(np.array([[5.0], [-5.0], [np.inf]])), [greatest, -greatest, greatest]
    )
