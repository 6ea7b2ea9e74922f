"""Targets as a network takes them: where they are 1."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skbackprop._rows.classes import Classes, ClassTargets


@pytest.mark.parametrize(
    ("y", "n_labels", "expected"),
    [
        pytest.param([0, 1, 1, 0], 2, [1, 2], id="binary"),
        pytest.param([2, 0, 1], 3, [6, 1, 5], id="multiclass"),
        pytest.param([[0, 1], [0, 0], [1, 1]], 2, [2, 3, 5], id="multilabel"),
        pytest.param([[0], [1], [1]], 1, [1, 2], id="one-label"),
        pytest.param([0, 0], 2, [], id="none"),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_positions_of_ones(y, n_labels, expected, dtype):
    y = np.array(y, dtype)
    targets = ClassTargets(y, Classes(np.arange(n_labels), y.ndim == 2))
    assert_array_equal(targets.for_units(float), expected)


def test_positions_in_many_rows_are_not_counted_in_few_bytes():
    y = np.full(300, 200, np.uint8)
    ones = ClassTargets(y, Classes(np.arange(201), False)).for_units(float)
    assert_array_equal(ones, 200 * 300 + np.arange(300))
