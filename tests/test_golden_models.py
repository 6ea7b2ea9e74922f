"""Golden models: a change that leads to other Thetas is seen."""

import numpy as np
import pytest
from golden_models import CASES, IN_FLOAT32, KEPT, fitted
from numpy.testing import assert_allclose


@pytest.fixture(scope="module")
def kept():
    with np.load(KEPT) as of_all:
        return dict(of_all)


@pytest.mark.parametrize("name", CASES)
def test_the_thetas_are_those_that_were_kept(name, kept):
    tolerance = 1e-3 if name in IN_FLOAT32 else 1e-6
    assert_allclose(fitted(name), kept[name], rtol=tolerance, atol=tolerance)


def test_what_is_kept_is_of_these_cases(kept):
    assert set(kept) == set(CASES)
