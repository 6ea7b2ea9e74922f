"""Weights of rows as a user gives them; what targets say that are no classes."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop._rows.numbers import encode_numbers
from skbackprop._rows.targets import check_sample_weight


@pytest.mark.parametrize(
    "given", [[0.5, 0, 2], (0.5, 0.0, 2.0), np.array([0.5, 0, 2], np.float32)], ids=type
)
def test_weights_are_float64(given):
    w = check_sample_weight(given, 3)
    assert w.dtype == np.float64
    assert_array_equal(w, [0.5, 0, 2])


def test_no_weights_are_none_and_one_is_that_of_every_row():
    assert check_sample_weight(None, 3) is None
    assert_array_equal(check_sample_weight(0.5, 3), [0.5, 0.5, 0.5])


@pytest.mark.parametrize(
    ("w", "words"),
    [
        (["a", "b", "c"], "{} must hold real numbers: got"),
        ([1j, 2.0, 3.0], "{} must hold real numbers: got"),
        ([1.0, np.nan, 2.0], "Input {} contains NaN"),
        ([1.0, np.inf, 2.0], "Input {} contains infinity"),
        ([1.0, 2.0], r"{} must have shape \(3,\), .* got \(2,\)$"),
        (np.ones((3, 1, 1)), r"{} must have shape \(3,\), .* got \(3, 1, 1\)$"),
        ([], r"{} must have shape \(3,\), .* got \(0,\)$"),
        ([1.0, -2.0, 3.0], r"{} must not be negative, got -2.0$"),
        ([1.7e308, 1.7e308, -1.7e308], "{} must not be negative"),
        ([0.0, 0.0, 0.0], "{} must not be zero for all rows, got only 0$"),
        ([1e308, 1e308, 0.0], r"{} must have a finite sum, got weights up to 1e\+308$"),
    ],
)
def test_what_are_no_weights(w, words):
    with pytest.raises(ValueError, match="^" + words.format("sample_weight")):
        check_sample_weight(w, 3)
    with pytest.raises(ValueError, match="^" + words.format("sample_weight_val")):
        check_sample_weight(w, 3, "sample_weight_val")


def test_numbers_are_all_of_one_kind():
    targets, _ = encode_numbers(np.arange(4.0), None, "squared_error")
    some = targets.take(np.array([3, 1]))
    assert_array_equal(some.codes, [[3], [1]])
    assert some.kind is targets.kind
    assert targets.least_share(np.arange(1.0, 5)) == 1
    assert targets.n_strata == 1
    assert_array_equal(targets.strata, [0, 0, 0, 0])
    assert targets.class_weights(None) is None
    assert targets.class_labels is None
    assert not targets.has_classes
    assert not targets.lacks_a_class
