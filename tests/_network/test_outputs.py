"""Output units: cost, delta and probabilities from the logits, saturated ones included.

The exact values come from decimal arithmetic with a hundred digits.
"""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.special import expit, softmax

from skbackprop import BackpropClassifier
from skbackprop._network.outputs import NUMBER_UNITS, ExpUnits, class_units

# Kind: the arguments of class_units, and the number of logits in a row.
KINDS = {
    "binary": ("logistic", 1, False),
    "logistic": ("logistic", 3, False),
    "softmax": ("softmax", 3, False),
    "multilabel": ("logistic", 3, True),
}
kinds = pytest.mark.parametrize("kind", KINDS)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])
one_class_kinds = pytest.mark.parametrize("kind", ["binary", "logistic", "softmax"])
multiclass_kinds = pytest.mark.parametrize("kind", ["logistic", "softmax"])

# Rows of three logits: saturated on one side, on the other, on both, and not at all.
LOGITS = [
    [1000.0, -1000.0, 0.0],
    [-1000.0, -1000.0, -1000.0],
    [-1000.0, -999.0, -998.0],
    [1000.0, 1000.0, 1000.0],
    [1000.0, 999.0, -1000.0],
    [-500.0, -30.0, -1000.0],
    [30.0, -30.0, 5.0],
    [0.0, 0.0, 0.0],
    [0.25, -1.5, 2.0],
]


def _units(kind):
    return class_units(*KINDS[kind])


def _logits(kind, dtype):
    z = np.array(LOGITS, dtype)
    return z.reshape(-1, 1) if kind == "binary" else z


def _targets(kind, n_rows):
    """Return targets of every kind of row, as zeros and ones."""
    if kind in ("logistic", "softmax"):
        return np.eye(3, dtype=int)[np.arange(n_rows) % 3]
    return np.random.default_rng(3).integers(0, 2, size=(n_rows, KINDS[kind][1]))


def _cost_and_delta(kind, z, Y, w=None):
    """Return the summed cost of the rows and their delta."""
    logits = z.T.copy()
    # In the order of the rows, as softmax units need them.
    row, unit = np.nonzero(Y)
    cost, delta = _units(kind).cost_and_delta(logits, unit * len(Y) + row, w)
    assert isinstance(cost, float)
    assert delta.dtype == z.dtype
    assert delta.shape == logits.shape
    assert np.shares_memory(delta, logits)
    return cost, delta.T


def _row_costs(kind, z, Y):
    return [_cost_and_delta(kind, z[[i]], Y[[i]])[0] for i in range(len(z))]


def _costs(kind, z, Y):
    row, unit = np.nonzero(Y)
    return _units(kind).costs(z.T.copy(), unit * len(Y) + row)


def _exactly(function, *rows):
    """Return a function of rows of numbers, computed with a hundred digits."""
    with localcontext(prec=100):
        rows = [[Decimal(float(number)) for number in row] for row in rows]
        result = function(*rows)
        return [float(x) for x in result] if isinstance(result, list) else float(result)


def _log_expit(z):
    return -(1 + (-z).exp()).ln()


def _logsumexp(z):
    return sum(z_k.exp() for z_k in z).ln()


def _exact_cost(kind, z, y):
    """Return the cost of one row by the formula of its kind."""
    if kind == "softmax":
        return _exactly(lambda z, y: _logsumexp(z) - sum(map(Decimal.__mul__, z, y)), z, y)
    return _exactly(
        lambda z, y: sum((1 + z_k.exp()).ln() - y_k * z_k for z_k, y_k in zip(z, y, strict=True)),
        z,
        y,
    )


def _exact_log_proba(kind, z):
    """Return the log-probabilities of one row of logits."""
    if kind == "binary":
        return _exactly(lambda z: [_log_expit(-z[0]), _log_expit(z[0])], z)
    if kind == "softmax":
        return _exactly(lambda z: [z_k - _logsumexp(z) for z_k in z], z)
    if kind == "multilabel":
        return _exactly(lambda z: [_log_expit(z_k) for z_k in z], z)

    def normalised(z):
        log_sigmoids = [_log_expit(z_k) for z_k in z]
        return [l_k - _logsumexp(log_sigmoids) for l_k in log_sigmoids]

    return _exactly(normalised, z)


# Whoever runs a fit lets exponentials overflow in silence (`rounding_in_silence`).
overflow_is_silent = pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")


@overflow_is_silent
@kinds
@dtypes
def test_cost_is_exact_where_units_are_saturated(kind, dtype):
    z = _logits(kind, dtype)
    for shift in range(3):
        Y = np.roll(_targets(kind, len(z)), shift, axis=0)
        exact = [_exact_cost(kind, z_i, y_i) for z_i, y_i in zip(z, Y, strict=True)]
        eps = np.finfo(dtype).eps
        assert_allclose(_row_costs(kind, z, Y), exact, rtol=4 * eps, atol=2 * eps)
        assert_allclose(_costs(kind, z, Y), exact, rtol=4 * eps, atol=2 * eps)


@overflow_is_silent
@dtypes
@pytest.mark.parametrize(
    ("kind", "z", "y", "expected"),
    [
        ("binary", [1000], [0], 1000),
        ("binary", [1000], [1], 0),
        ("binary", [-1000], [1], 1000),
        ("binary", [-1000], [0], 0),
        ("logistic", [1000, -1000, 1000], [0, 1, 0], 3000),
        ("logistic", [1000, -1000, -1000], [1, 0, 0], 0),
        ("multilabel", [1000, -1000, 1000], [1, 1, 0], 2000),
        ("softmax", [1000, -1000, 0], [1, 0, 0], 0),
        ("softmax", [1000, -1000, 0], [0, 1, 0], 2000),
        ("softmax", [1000, -1000, 0], [0, 0, 1], 1000),
    ],
)
def test_cost_and_delta_at_1000(kind, z, y, expected, dtype):
    z, Y = np.array([z], dtype), np.array([y])
    cost, delta = _cost_and_delta(kind, z, Y)
    assert cost == expected
    assert _costs(kind, z, Y).tolist() == [expected]
    H = (z == 1000).astype(dtype)
    assert_array_equal(delta, H - Y)


@pytest.mark.parametrize("kind", ["binary", "logistic", "multilabel"])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize("margin", [1.0, 10.0, 30.0, 60.0])
def test_small_costs_and_deltas_of_logistic_units_are_exact(kind, margin, dtype, rtol):
    Y = _targets(kind, 3)
    z = np.where(Y == 1, margin, -margin).astype(dtype)
    cost, delta = _cost_and_delta(kind, z, Y)
    assert_allclose(cost, Y.size * np.log1p(np.exp(-margin)), rtol=rtol)
    assert_allclose(_costs(kind, z, Y).sum(), cost, rtol=rtol)
    assert_allclose(delta, np.where(Y == 1, -1, 1) * expit(-margin), rtol=rtol)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize("margin", [1.0, 10.0, 30.0, 60.0])
def test_small_costs_and_deltas_of_softmax_units_are_exact(margin, dtype, rtol):
    Y = _targets("softmax", 3)
    z = np.where(Y == 1, margin, 0).astype(dtype)
    cost, delta = _cost_and_delta("softmax", z, Y)
    other = np.exp(-margin)
    assert_allclose(cost, 3 * np.log1p(2 * other), rtol=rtol)
    assert_allclose(_costs("softmax", z, Y), np.full(3, np.log1p(2 * other)), rtol=rtol)
    assert_allclose(delta, np.where(Y == 1, -2, 1) * other / (1 + 2 * other), rtol=rtol)


@kinds
@dtypes
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_delta_is_output_less_target_times_weight(kind, dtype, weighted):
    rng = np.random.default_rng(0)
    z = rng.normal(scale=3, size=(20, KINDS[kind][1])).astype(dtype)
    Y = _targets(kind, 20)
    w = rng.uniform(0.1, 5, size=20).astype(dtype) if weighted else None
    _, delta = _cost_and_delta(kind, z, Y, w)
    H = softmax(z.astype(float), axis=1) if kind == "softmax" else expit(z.astype(float))
    factor = 1 if w is None else w[:, np.newaxis]
    eps = np.finfo(dtype).eps
    assert_allclose(delta, factor * (H - Y), rtol=8 * eps, atol=16 * eps)


@overflow_is_silent
@kinds
@dtypes
def test_weights_multiply_the_costs_of_the_rows(kind, dtype):
    z = _logits(kind, dtype)
    Y = _targets(kind, len(z))
    w = np.random.default_rng(1).uniform(0.1, 5, size=len(z)).astype(dtype)
    cost, _ = _cost_and_delta(kind, z, Y, w)
    eps = np.finfo(dtype).eps
    assert_allclose(cost, np.dot(w.astype(float), _row_costs(kind, z, Y)), rtol=2 * eps)


@kinds
def test_many_small_costs_are_summed_in_float64(kind):
    z = np.full((200_000, KINDS[kind][1]), 0.1, np.float32)
    Y = np.zeros(z.shape, int)
    Y[:, 0] = 1
    cost, _ = _cost_and_delta(kind, z, Y)
    assert_allclose(cost, len(z) * _exact_cost(kind, z[0], Y[0]), rtol=1e-6)


@overflow_is_silent
@kinds
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_great_costs_of_float32_are_summed_in_float64(kind, weighted):
    # Of saturated units, each cost is a number of float32, and all that rounds is their sum.
    rng = np.random.default_rng(0)
    z = rng.uniform(200, 3000, size=(4000, KINDS[kind][1])).astype(np.float32)
    Y = np.zeros(z.shape, int)
    if kind == "softmax":
        z[:, 1:], Y[:, 1] = 0, 1
    cost_of = z.astype(float).sum(axis=1)
    w = rng.uniform(0.1, 5, size=4000).astype(np.float32) if weighted else None
    cost, _ = _cost_and_delta(kind, z, Y, w)
    assert_allclose(cost, cost_of.sum() if w is None else w.astype(float) @ cost_of, rtol=1e-12)


def test_the_cost_of_softmax_units_is_the_sum_in_float64_of_that_of_the_rows():
    z = np.random.default_rng(0).normal(scale=9, size=(4000, 3)).astype(np.float32)
    Y = _targets("softmax", len(z))
    cost, _ = _cost_and_delta("softmax", z, Y)
    assert_allclose(cost, _costs("softmax", z, Y).sum(dtype=np.float64), rtol=1e-13)


@pytest.mark.parametrize("kind", ["binary", "logistic", "multilabel"])
@dtypes
def test_costs_of_many_rows_do_not_overflow_on_the_way(kind, dtype):
    # At z = 0 each unit costs log 2, and 1 + exp(-|z|) is as great as it gets.
    n_rows, K = 2**14, KINDS[kind][1]
    z = np.zeros((n_rows, K), dtype)
    eps = np.finfo(dtype).eps
    for Y in (np.zeros(z.shape, int), np.ones(z.shape, int)):
        cost, _ = _cost_and_delta(kind, z, Y)
        assert_allclose(cost, n_rows * K * np.log(2), rtol=eps)


@pytest.mark.parametrize("kind", ["binary", "logistic", "multilabel"])
@pytest.mark.parametrize("n_rows", [1, 2, 3, 32, 33, 1000, 4096])
@dtypes
def test_costs_of_any_number_of_rows_are_those_of_single_rows(kind, n_rows, dtype):
    rng = np.random.default_rng(n_rows)
    z = rng.normal(scale=4, size=(n_rows, KINDS[kind][1])).astype(dtype)
    Y = _targets(kind, n_rows)
    u = np.where(Y == 1, -z, z).astype(float)
    cost, _ = _cost_and_delta(kind, z, Y)
    assert_allclose(cost, np.logaddexp(0, u).sum(), rtol=4 * np.finfo(dtype).eps)


@kinds
@dtypes
def test_log_proba_is_exact(kind, dtype):
    z = _logits(kind, dtype)
    kept = z.copy()
    log_proba = _units(kind).log_proba(z)
    assert log_proba.dtype == dtype
    assert_array_equal(z, kept)
    exact = [_exact_log_proba(kind, z_i) for z_i in z]
    eps = np.finfo(dtype).eps
    assert_allclose(log_proba, exact, rtol=4 * eps, atol=4 * eps)


@kinds
@dtypes
def test_the_log_likelihood_is_that_of_each_row(kind, dtype):
    z = _logits(kind, dtype)
    exact = np.array([_exact_log_proba(kind, z_i) for z_i in z])
    rows = np.arange(len(z))
    if kind == "multilabel":
        y = _targets(kind, len(z))
        absent = np.array([_exact_log_proba(kind, -z_i) for z_i in z])
        expected = np.where(y == 1, exact, absent).mean(axis=1)
    else:
        y = (rows % exact.shape[1]).astype(np.uint8)
        expected = exact[rows, y]
    eps = np.finfo(dtype).eps
    likelihood = _units(kind).log_likelihood(z, y)
    assert likelihood.shape == (len(z),)
    assert_allclose(likelihood, expected, rtol=4 * eps, atol=4 * eps)


@pytest.mark.parametrize("kind", ["binary", "multilabel"])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_small_log_probabilities_of_single_units_are_exact(kind, dtype, rtol):
    z = np.array([[10.0], [30.0], [60.0]], dtype)
    log_proba = _units(kind).log_proba(z)[:, -1:]
    assert_allclose(log_proba, -np.log1p(np.exp(-z.astype(float))), rtol=rtol)


@one_class_kinds
@dtypes
def test_saturated_probabilities_are_finite_and_sum_to_one(kind, dtype):
    rng = np.random.default_rng(0)
    scale = 10.0 ** np.arange(-3, 4).repeat(50)[:, np.newaxis]
    z = rng.normal(size=(350, KINDS[kind][1])) * scale
    z = np.vstack([z.astype(dtype), _logits(kind, dtype)])
    P = np.exp(_units(kind).log_proba(z))
    assert P.shape == (len(z), 2 if kind == "binary" else 3)
    assert np.isfinite(P).all()
    assert (P >= 0).all()
    eps = np.finfo(dtype).eps
    assert_allclose(P.sum(axis=1, dtype=np.float64), 1, rtol=4 * eps)


def _assert_greatest_at_prediction(kind, z):
    P = np.exp(_units(kind).log_proba(z))
    predicted = (z[:, 0] > 0).astype(int) if kind == "binary" else z.argmax(axis=1)
    assert_array_equal(P[np.arange(len(z)), predicted], P.max(axis=1))


@one_class_kinds
@dtypes
def test_the_prediction_has_the_greatest_probability(kind, dtype):
    rng = np.random.default_rng(0)
    scale = 10.0 ** np.arange(-3, 4).repeat(1000)[:, np.newaxis]
    z = rng.normal(size=(7000, KINDS[kind][1])) * scale
    _assert_greatest_at_prediction(kind, np.vstack([z.astype(dtype), _logits(kind, dtype)]))


@multiclass_kinds
@dtypes
def test_the_prediction_has_the_greatest_probability_among_neighbouring_numbers(kind, dtype):
    rng = np.random.default_rng(0)
    z = (rng.normal(size=(7000, 3)) * 10.0 ** rng.integers(-3, 4, size=(7000, 1))).astype(dtype)
    z[:, 1] = np.nextafter(z[:, 0], dtype(np.inf))
    _assert_greatest_at_prediction(kind, z)


@dtypes
def test_saturated_classes_keep_their_odds(dtype):
    # All sigmoids are 0 here, and their plain quotient is 0 / 0.
    z = np.array([[-1000, -1001, -1002]], dtype)
    P = np.exp(_units("logistic").log_proba(z))
    assert_allclose(P, softmax(z.astype(float), axis=1), rtol=8 * np.finfo(dtype).eps)


@dtypes
def test_binary_probabilities_are_the_two_sigmoids(dtype):
    z = np.linspace(-80, 80, 321, dtype=dtype)
    P = np.exp(_units("binary").log_proba(z[:, np.newaxis]))
    exact = np.column_stack([expit(-z.astype(float)), expit(z.astype(float))])
    # The relative error of exp(l) is that of l, times |l|.
    assert_allclose(P, exact, rtol=100 * np.finfo(dtype).eps)


def test_normalised_sigmoids():
    z = np.array([[0.5, -1.0, 2.0], [-3.0, -2.0, -1.0]])
    P = np.exp(_units("logistic").log_proba(z))
    assert_allclose(P, expit(z) / expit(z).sum(axis=1, keepdims=True), rtol=1e-14)


@one_class_kinds
@dtypes
def test_log_probabilities_of_the_greatest_logits_are_finite(kind, dtype):
    greatest = np.finfo(dtype).max
    z = np.array([[greatest, -greatest, 0], [-greatest, greatest, greatest]], dtype)
    log_P = _units(kind).log_proba(z[:, : KINDS[kind][1]])
    assert np.isfinite(log_P).all()
    assert_allclose(np.exp(log_P.astype(float)).sum(axis=1), 1, rtol=4 * np.finfo(dtype).eps)


def test_softmax_is_for_more_than_two_classes():
    z = np.array([[0.5], [-2.0]])
    for arguments in [("softmax", 1, False), ("logistic", 1, False)]:
        P = np.exp(class_units(*arguments).log_proba(z))
        assert_allclose(P, np.hstack([expit(-z), expit(z)]), rtol=1e-14)
    z = np.array([[0.5, 1.0, -2.0]])
    labels = np.exp(class_units("softmax", 3, True).log_proba(z))
    assert_allclose(labels, expit(z), rtol=1e-14)


@kinds
def test_null_cost_is_the_least_cost_of_constant_logits(kind):
    Y = _targets(kind, 40)
    Y = np.vstack([Y, Y[:7]])
    n_rows, K = Y.shape

    def mean_cost(z):
        cost, delta = _cost_and_delta(kind, np.tile(z, (n_rows, 1)), Y)
        return cost / n_rows, delta.mean(axis=0)

    least = minimize(mean_cost, np.zeros(K), jac=True, method="BFGS", options={"gtol": 1e-8})
    assert least.success
    assert_allclose(
        _units(kind).constant_cost(Y.mean(axis=0), Y.mean(axis=0)), least.fun, rtol=1e-10
    )


@kinds
def test_null_cost_of_constant_targets_is_zero(kind):
    K = KINDS[kind][1]
    assert _units(kind).constant_cost(np.eye(K)[0], np.eye(K)[0]) == 0
    if kind != "softmax":
        assert _units(kind).constant_cost(np.zeros(K), np.zeros(K)) == 0


@pytest.mark.parametrize("kind", ["binary", "logistic", "multilabel"])
def test_null_cost_where_a_frequency_is_rounded_to_more_than_one(kind):
    frequencies = np.zeros(KINDS[kind][1])
    frequencies[0] = 1 + 4 * np.finfo(float).eps
    assert _units(kind).constant_cost(frequencies, frequencies) == 0


def test_a_label_that_every_row_has_is_no_reason_for_a_warning():
    # Weights make its frequency 1 but for rounding, to either side.
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(200, 2))
        Y = np.column_stack([np.ones(200, int), X[:, 0] > 0])
        classifier = BackpropClassifier(3, random_state=0)
        classifier.fit(X, Y, sample_weight=rng.uniform(0.1, 3, size=200))
        assert classifier.converged_


# Units of numbers

COUNTS = np.array([0.0, 0.5, 1.0, 3.0, 1e6])
Z_OF_COUNTS = np.array([-700.0, -30.0, -1.0, 0.0, 1e-10, 0.7, 1.0986, 13.8155, 20.0, 49.0])


def _pairs(dtype):
    """Return every logit with every count, a row of each."""
    z, y = np.meshgrid(Z_OF_COUNTS.astype(dtype), COUNTS)
    return z.reshape(1, -1), y.reshape(1, -1)


def _exact_poisson(z, y):
    def cost(pair):
        z, y = pair
        return z.exp() - y * z - (y - y * y.ln() if y else 0)

    return _exactly(cost, [z, y]), _exactly(lambda pair: pair[0].exp() - pair[1], [z, y])


@dtypes
def test_cost_and_delta_of_exp_units_are_exact(dtype):
    z, y = _pairs(dtype)
    costs, deltas = np.transpose([_exact_poisson(*pair) for pair in zip(z[0], y[0], strict=True)])
    # Of the terms, whose rounding is that of their sum.
    log_y = np.log(np.where(y > 0, y, 1))[0]
    scale = y[0] * (1 + abs(z[0]) + abs(log_y)) + np.exp(z[0].astype(float))
    units = NUMBER_UNITS["exp"]
    computed = units.costs(z.copy(), y)
    assert computed.dtype == np.float64
    assert (abs(computed - costs) <= 1e-15 * scale).all()
    w = np.random.default_rng(0).uniform(0.1, 5, size=z.shape[1])
    for weights in (None, w):
        logits = z.copy()
        cost, delta = units.cost_and_delta(logits, y, weights)
        factor = 1 if weights is None else weights
        assert_allclose(cost, (factor * costs).sum(), rtol=1e-14)
        assert delta is logits
        limits = np.finfo(dtype)
        most = factor * (limits.eps * abs(deltas) + 4e-16 * scale) + limits.tiny
        assert (abs(delta[0] - factor * deltas) <= most).all()


def test_small_deltas_of_exp_units_are_exact():
    z = np.array([[1e-10, -1e-10, 1e-15]])
    _, delta = NUMBER_UNITS["exp"].cost_and_delta(z.copy(), np.ones((1, 3)), None)
    assert_allclose(delta, np.expm1(z), rtol=1e-15)


@dtypes
def test_from_the_knee_on_exp_units_follow_the_tangent(dtype):
    units, knee, y = NUMBER_UNITS["exp"], ExpUnits.KNEE, np.full((1, 4), 2.0)
    z = np.array([[knee, knee + 1, 2 * knee, 1e30]], dtype)
    at_knee, slope = np.exp(knee) - 2 * knee - 2 + 2 * np.log(2), np.exp(knee) - 2
    expected = at_knee + slope * (z[0].astype(float) - knee)
    assert_allclose(units.costs(z.copy(), y), expected, rtol=1e-14)
    _, delta = units.cost_and_delta(z.copy(), y, None)
    assert_allclose(delta, np.full((1, 4), slope), rtol=np.finfo(dtype).eps)


@dtypes
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_cost_and_delta_of_identity_units(dtype, weighted):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(2, 3, 500)).astype(dtype)
    w = rng.uniform(0.1, 5, size=500).astype(dtype) if weighted else None
    difference = (z - y).astype(float)  # rounded as in the place of z
    units, logits = NUMBER_UNITS["identity"], z.copy()
    of_rows = 0.5 * (difference**2).sum(axis=0)
    costs = units.costs(z.copy(), y)
    assert costs.dtype == np.float64
    assert_allclose(costs, of_rows, rtol=1e-14)
    cost, delta = units.cost_and_delta(logits, y, w)
    assert delta is logits
    factor = 1.0 if w is None else w.astype(float)
    eps = np.finfo(dtype).eps
    assert_allclose(delta, factor * difference, rtol=eps)
    assert_allclose(cost, (factor * of_rows).sum(), rtol=1e-14 if w is None else eps)


@pytest.mark.parametrize("name", NUMBER_UNITS)
def test_the_log_likelihood_of_numbers_is_less_the_cost_of_each_row(name):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(6, 2)), rng.poisson(2.0, size=(6, 2)).astype(float)
    kept = z.copy()
    units = NUMBER_UNITS[name]
    likelihood = units.log_likelihood(z, y)
    assert_array_equal(z, kept)
    assert likelihood.shape == (6,)
    assert_allclose(likelihood, -units.costs(z.T.copy(), y.T.copy()), rtol=1e-14)


@pytest.mark.parametrize("name", NUMBER_UNITS)
def test_a_balanced_start_predicts_the_mean(name):
    units, mean = NUMBER_UNITS[name], np.array([0.25, 3.0])
    assert_allclose(units.predict(units.start(mean)), mean, rtol=1e-15)
    assert np.isfinite(units.start(np.zeros(2))).all()


@dtypes
def test_predicted_counts_are_positive_and_finite(dtype):
    z = np.array([[-1e4, -700.0, 0.0, 2.5, 700.0, 1e4]], dtype)
    with np.errstate(all="raise"):
        counts = NUMBER_UNITS["exp"].predict(z)
    limits = np.finfo(np.float64)
    exact = [limits.tiny, np.exp(-700), 1, np.exp(2.5), np.exp(700), limits.max]
    assert counts.dtype == np.float64
    assert_allclose(counts, [exact], rtol=1e-15)
