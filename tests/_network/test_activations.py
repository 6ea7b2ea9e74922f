"""Hidden units: g against references in both precisions, g' against differences of g."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from skbackprop._network.activations import ACTIVATIONS

REFERENCES = {
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0),
    "identity": lambda z: z,
}
SATURATED = [-1000.0, -500.0, -100.0, -40.0, 40.0, 100.0, 500.0, 1000.0]
names = pytest.mark.parametrize("name", REFERENCES)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def _g(name, z):
    """Return g(z), and see that g works in place."""
    a = z.copy()
    with np.errstate(over="ignore"):
        assert ACTIVATIONS[name].apply(a) is None
    return a


def _g_prime(name, z):
    delta = np.ones_like(z)
    assert ACTIVATIONS[name].multiply_by_derivative(delta, _g(name, z)) is None
    return delta


def test_every_activation_is_tested():
    assert set(REFERENCES) == set(ACTIVATIONS)


@names
@dtypes
def test_activation_agrees_with_its_reference(name, dtype):
    z = np.concatenate([np.linspace(-30, 30, 601), SATURATED]).astype(dtype)
    a = _g(name, z)
    assert a.dtype == dtype
    eps, tiny = np.finfo(dtype).eps, np.finfo(dtype).tiny
    assert_allclose(a, REFERENCES[name](z.astype(np.float64)), rtol=8 * eps, atol=tiny)


@names
@dtypes
def test_activation_takes_a_matrix(name, dtype):
    z = np.linspace(-3, 3, 12, dtype=dtype).reshape(4, 3)
    assert_array_equal(_g(name, z), _g(name, z.ravel()).reshape(4, 3))


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("logistic", [0, 0.5, 1]),
        ("tanh", [-1, 0, 1]),
        ("relu", [0, 0, 1000]),
        ("identity", [-1000, 0, 1000]),
    ],
)
@dtypes
def test_saturated_activation_is_exact(name, limits, dtype):
    assert_array_equal(_g(name, np.array([-1000, 0, 1000], dtype)), np.array(limits, dtype))


@names
@dtypes
def test_saturated_derivative_is_exact(name, dtype):
    ends = {"relu": [0, 1], "identity": [1, 1]}.get(name, [0, 0])
    assert_array_equal(_g_prime(name, np.array([-1000, 1000], dtype)), np.array(ends, dtype))


@names
def test_derivative_agrees_with_numerical_differentiation(name):
    # None of them at relu's kink.
    z = np.linspace(-8.01, 8, 200)
    h = 1e-3
    near, far = _g(name, z + h) - _g(name, z - h), _g(name, z + 2 * h) - _g(name, z - 2 * h)
    numerical = (8 * near - far) / (12 * h)
    assert np.abs(z).min() > 2 * h
    assert_allclose(_g_prime(name, z), numerical, rtol=1e-8, atol=1e-11)


@names
@dtypes
def test_derivative_multiplies_delta(name, dtype):
    z = np.linspace(-3.1, 3, 12, dtype=dtype).reshape(4, 3)
    delta = np.random.default_rng(0).normal(size=(4, 3)).astype(dtype)
    expected = delta * _g_prime(name, z)
    ACTIVATIONS[name].multiply_by_derivative(delta, _g(name, z))
    assert delta.dtype == dtype
    assert_allclose(delta, expected, rtol=4 * np.finfo(dtype).eps)


def test_relu_has_no_slope_at_its_kink():
    assert_array_equal(_g_prime("relu", np.zeros(3)), np.zeros(3))


@names
def test_centre_is_the_activation_of_a_unit_without_input(name):
    assert ACTIVATIONS[name].centre == _g(name, np.zeros(1))[0]
