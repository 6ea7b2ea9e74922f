"""What holds for any data: J and D, whole fits to the bit, and probabilities, by hypothesis."""

import mmap
import tempfile
import warnings

import numpy as np
import pytest
import textbook
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_allclose
from objectives import (
    KINK_MARGIN,
    NUMBERS,
    Problem,
    make_objective,
    numerical_gradient,
    rows_of_blocks,
    split_rows,
    x_of,
)
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

import skbackprop._machine.threads
from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)
from skbackprop._machine.blas import BlasLimiter
from skbackprop._network.thetas import roll, theta_shapes

settings.register_profile(
    "the same at every run",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def examples(n):
    return settings(settings.get_profile("the same at every run"), max_examples=n)


# Data

ACTIVATIONS = ["logistic", "tanh", "relu", "identity"]
DTYPES = [np.float64, np.float32]
seeds = st.integers(0, 2**32 - 1)


def matrices(n_rows, n_columns, low=-3, high=3):
    """Numbers of which many are round, so that rows are equal, or zero."""
    elements = st.one_of(st.integers(low, high).map(float), st.floats(low, high, width=32))
    return arrays.arrays(np.float64, (n_rows, n_columns), elements=elements)


def strided(X):
    wider = np.full((2 * X.shape[0], 3 * X.shape[1]), np.nan, X.dtype)
    wider[::2, 1::3] = X
    return wider[::2, 1::3]


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def mapped(X):
    copy = np.frombuffer(mmap.mmap(-1, max(X.nbytes, 1)), X.dtype, X.size).reshape(X.shape)
    copy[...] = X
    return copy


def of_a_file(X):
    with tempfile.TemporaryFile() as file:
        copy = np.memmap(file, X.dtype, "w+", shape=X.shape)
        copy[...] = X
        return copy


def unsorted(X):
    """Return a CSR array whose rows are in no order, with zeros stored and elements in parts."""
    m, n = X.shape
    columns = np.tile(np.r_[n - 1 : -1 : -1, n - 1 : -1 : -1], (m, 1))
    halves = np.tile(X[:, ::-1] / 2, 2)
    starts = np.arange(m + 1) * 2 * n
    return sparse.csr_array((halves.ravel(), columns.ravel(), starts), shape=X.shape)


LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "strided": strided,
    "backwards": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": read_only,
    "mapped": mapped,
    "memmap": of_a_file,
}
FORMATS = {
    **{name: getattr(sparse, name) for name in ("csr_array", "csc_array", "coo_array")},
    **{name: getattr(sparse, name) for name in ("csr_matrix", "bsr_array", "lil_array")},
    **{name: getattr(sparse, name) for name in ("dok_array", "dia_array")},
    "unsorted csr": unsorted,
}
INSIDE = {**LAYOUTS, "csr": sparse.csr_array, "unsorted csr": unsorted}
OUTPUTS = ["logistic", "softmax", "binary", "multilabel", "identity", "exp"]


@st.composite
def problems(draw, outputs=OUTPUTS, dtypes=DTYPES, least_rows=1):
    """Rows and Thetas of any kind, as the objective takes them."""
    m, n = draw(st.integers(least_rows, 9)), draw(st.integers(1, 4))
    hidden = draw(st.lists(st.integers(1, 4), max_size=3))
    names = draw(st.tuples(*[st.sampled_from(ACTIVATIONS)] * len(hidden)))
    output = draw(st.sampled_from(outputs))
    low = {"logistic": 3, "softmax": 3}.get(output, 1)
    K = 1 if output == "binary" else draw(st.integers(low, 4))
    rng = np.random.default_rng(draw(seeds))
    dtype = draw(st.sampled_from(dtypes))
    X = draw(matrices(m, n)).astype(dtype)
    if output == "multilabel":
        y = rng.integers(2, size=(m, K))
    elif output in NUMBERS:
        y = draw(matrices(m, K, low=0, high=9)) - (4 if output == "identity" else 0)
    else:
        y = rng.integers(max(K, 2), size=m)
    weights = st.none() | arrays.arrays(np.float64, m, elements=st.floats(1e-3, 1e3))
    thetas = [rng.normal(size=shape) for shape in theta_shapes([n, *hidden, K])]
    X = INSIDE[draw(st.sampled_from(sorted(INSIDE)))](X)
    reg_lambda = draw(st.sampled_from([0.0, 1e-3, 0.7]))
    return Problem(X, y, draw(weights), thetas, names, output, reg_lambda)


def keeps_off_the_kinks(problem):
    """Tell whether no relu unit is where it turns on or off; there D is one of two."""
    if "relu" not in problem.activations:
        return True
    for x in problem.dense_X:
        z, _ = textbook.forward_propagation(problem.thetas, x, problem.activations)
        if min(abs(z_k) for z_l in z.values() for z_k in z_l) < KINK_MARGIN:
            return False
    return True


def evaluated(problem):
    """Return J and D, as one vector."""
    objective = make_objective(problem)
    J, D, norm = objective(x_of(objective, problem), problem.reg_lambda)
    assert norm == abs(D).max()
    return J, D


def of_textbook(problem):
    J, D = textbook.cost_and_gradient(
        problem.thetas,
        problem.dense_X,
        problem.Y,
        problem.activations,
        problem.out_activation,
        problem.reg_lambda,
        problem.w,
    )
    return J, np.concatenate([np.ravel(D_l) for D_l in D])


# J and D


@examples(60)
@given(problems())
def test_cost_and_gradient_are_those_of_the_textbook(problem):
    assume(keeps_off_the_kinks(problem))
    J, D = evaluated(problem)
    J_textbook, D_textbook = of_textbook(problem)
    # Of float32 the products are rounded, of numbers up to some hundreds.
    rtol = 1e-9 if problem.X.dtype == np.float64 else 2e-4
    assert_allclose(J, J_textbook, rtol=rtol, atol=rtol)
    assert_allclose(D, D_textbook, rtol=rtol, atol=rtol * max(1, abs(D_textbook).max()))


@examples(60)
@given(problems(dtypes=[np.float64]))
def test_the_gradient_is_that_of_the_cost(problem):
    assume(keeps_off_the_kinks(problem))
    objective = make_objective(problem, centred=True)

    def J(x):
        return objective(x, problem.reg_lambda)[0]

    x = x_of(objective, problem)
    cost, gradient, _ = objective(x, problem.reg_lambda)
    # Differences of J lose what is left of it, and see its third derivatives.
    atol = 1e-4 * max(1, cost, abs(gradient).max())
    assert_allclose(numerical_gradient(J, x), gradient, rtol=1e-4, atol=atol)


@examples(60)
@given(problems(least_rows=4), st.integers(1, 3), st.integers(1, 5))
def test_other_blocks_change_no_more_than_rounding(problem, block_rows, shard_rows):
    J, D = evaluated(problem)
    with pytest.MonkeyPatch.context() as patch:
        split_rows(patch, block_rows=block_rows, shard_rows=shard_rows, max_shards=9)
        objective = make_objective(problem)
        assert sum(map(len, rows_of_blocks(objective))) > 1
        J_split, D_split, _ = objective(x_of(objective, problem), problem.reg_lambda)
    rtol = 1e-12 if problem.X.dtype == np.float64 else 1e-5
    assert_allclose(J_split, J, rtol=rtol)
    assert_allclose(D_split, D, rtol=rtol, atol=rtol * abs(D).max())


@examples(80)
@given(problems(), st.integers(-290, 290), st.floats(1, 10), st.integers(-900, 900))
def test_all_weights_times_a_constant(problem, exponent, factor, power_of_2):
    # Where all weights are 1 nothing is multiplied, and other sums come out to the bit.
    w = np.full(len(problem.y), 3.0) if problem.w is None else problem.w
    assume(not (w == 2.0**-power_of_2).all() and not (w == 1).all())
    J, D = evaluated(problem._replace(w=w))
    # Exactly by a power of two, to rounding by another number.
    J_exact, D_exact = evaluated(problem._replace(w=np.ldexp(w, power_of_2)))
    assert J_exact == J
    assert D_exact.tobytes() == D.tobytes()
    J_near, D_near = evaluated(problem._replace(w=w * (factor * 10.0**exponent)))
    rtol = 1e-12 if problem.X.dtype == np.float64 else 1e-5
    assert_allclose(J_near, J, rtol=rtol)
    assert_allclose(D_near, D, rtol=rtol, atol=rtol * abs(D).max())


@examples(60)
@given(problems(outputs=["logistic", "softmax", "binary", "multilabel"]), seeds)
def test_relabelling_permutes_the_output_units(problem, seed):
    K, rng = problem.n_outputs, np.random.default_rng(seed)
    new = rng.permutation(max(K, 2))  # new[c] is what class c is called now
    *below, last = problem.thetas
    J, D = evaluated(problem)
    *D_below, D_last = roll(D, problem.shapes)
    if problem.output == "multilabel":
        new = new[:K].argsort().argsort()
        y = np.empty_like(problem.y)
        y[:, new] = problem.y
    else:
        y = new[problem.y]
    if problem.output == "binary":
        # The unit is of the second class: the other's is its negative.
        sign = 1 if new[1] == 1 else -1
        last_new, D_last = sign * last, sign * D_last
    else:
        old = new.argsort()
        last_new, D_last = last[old], D_last[old]
    J_new, D_new = evaluated(problem._replace(y=y, thetas=[*below, last_new]))
    rtol = 1e-12 if problem.X.dtype == np.float64 else 1e-5
    assert_allclose(J_new, J, rtol=rtol)
    expected = np.concatenate([D_l.ravel() for D_l in (*D_below, D_last)])
    assert_allclose(D_new, expected, rtol=rtol, atol=rtol * abs(D).max())


# Whole fits

KINDS = {
    "classes": BackpropClassifier,
    "classes, search": BackpropClassifierCV,
    "numbers": BackpropRegressor,
    "numbers, search": BackpropRegressorCV,
}


class Data:
    """Rows, with whatever else there is of each: a permutation or repetition takes all along."""

    def __init__(self, X, y, w, fold):
        self.X, self.y, self.w, self.fold = X, y, w, fold

    def take(self, index, w=None):
        return Data(self.X[index], self.y[index], w, self.fold[index])


@st.composite
def data_sets(draw, targets, whole=True):
    """At least two rows of each class in each of two folds, some of them equal, and weights."""
    n, extra = draw(st.integers(1, 3)), draw(st.integers(0, 8))
    m = 12 + extra
    X = draw(matrices(m, n)).astype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(seeds))
    if targets == "classes":
        y = np.r_[np.arange(12) % 3, rng.integers(3, size=extra)]
    elif targets == "two":
        y = np.r_[np.arange(12) // 2 % 2, rng.integers(2, size=extra)]
    elif targets == "labels":
        labels = np.eye(2, dtype=int)[np.arange(12) // 2 % 2]
        y = np.vstack([labels, rng.integers(2, size=(extra, 2))])
    else:
        y = np.abs(draw(matrices(m, 2 if targets == "many numbers" else 1)))
        y[:4] = [[1], [0], [2], [0]]
        y = y if targets == "many numbers" else y[:, 0]
    fold = np.r_[np.arange(12) // 6, rng.integers(2, size=extra)]
    w = rng.integers(0, 4, size=m).astype(float) if whole else rng.uniform(0.1, 3, size=m)
    w[:12] = np.maximum(w[:12], 1)  # a class of weight zero has properties of its own
    return Data(X, y, w, fold)


@st.composite
def fits(draw, kinds=tuple(KINDS), whole=True):
    """Return what to call for an estimator, and data for it."""
    kind = draw(st.sampled_from(kinds))
    is_of_classes, is_search = kind.startswith("classes"), kind.endswith("search")
    targets = ["classes", "two", "labels"] if is_of_classes else ["numbers", "many numbers"]
    data = draw(data_sets(draw(st.sampled_from(targets)), whole=whole))
    hidden = draw(st.lists(st.integers(1, 3), max_size=2))
    parameters = {
        "activation": [draw(st.sampled_from(ACTIVATIONS)) for _ in hidden],
        "solver": draw(st.sampled_from(["lbfgs", "cg"])),
        "coarse_start": draw(st.booleans()),
        "early_stopping": draw(st.booleans()),
        "validation_fraction": 0.3,
        "max_iter": draw(st.integers(1, 12)),
        "random_state": draw(st.integers(0, 9)),
        "tol": 1e-3,
    }
    if is_of_classes:
        parameters["out_activation"] = draw(st.sampled_from(["logistic", "softmax"]))
        if data.y.ndim == 1:
            parameters["class_weight"] = draw(st.sampled_from([None, "balanced"]))
    else:
        parameters["loss"] = draw(st.sampled_from(["squared_error", "poisson"]))
    if is_search:
        parameters["reg_lambdas"] = draw(st.sampled_from([2, [0.1, 1e-3]]))
    else:
        parameters["reg_lambda"] = draw(st.sampled_from(["auto", "prior", 1e-3]))

    def fit(data, **others):
        estimator = KINDS[kind](hidden, **{**parameters, **others})
        if is_search:
            estimator.cv = [(data.fold != k, data.fold == k) for k in (0, 1)]
        return fit_quietly(estimator, data)

    return fit, data


def fit_quietly(estimator, data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(data.X, data.y, sample_weight=data.w)


def assert_same_fit(one, other):
    assert [t.tobytes() for t in one.thetas_] == [t.tobytes() for t in other.thetas_]
    for name in ("loss_curve_", "loss_", "n_iter_", "n_evaluations_", "reg_lambda_"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.stop_reason_ == other.stop_reason_
    assert getattr(one, "validation_scores_", None) == getattr(other, "validation_scores_", None)
    if hasattr(one, "scores_"):
        # Sums over the rows of a fold, as these are given.
        assert_allclose(one.scores_, other.scores_, rtol=1e-5)


@examples(60)
@given(fits(), seeds)
def test_the_order_of_rows_changes_no_bit_of_a_fit(case, seed):
    fit, data = case
    order = np.random.default_rng(seed).permutation(len(data.X))
    assert_same_fit(fit(data), fit(data.take(order, data.w[order])))


@examples(60)
@given(fits(), seeds)
def test_a_row_of_a_whole_weight_is_as_many_rows(case, seed):
    fit, data = case
    repeated = np.repeat(np.arange(len(data.X)), data.w.astype(int))
    assert_same_fit(fit(data), fit(data.take(repeated)))
    # And as some rows with a part of the weight each.
    rng = np.random.default_rng(seed)
    w = np.append(data.w, rng.integers(0, data.w + 1))
    w[: len(data.w)] -= w[len(data.w) :]
    twice = np.tile(np.arange(len(data.X)), 2)
    assert_same_fit(fit(data), fit(data.take(twice, w)))


@examples(60)
@given(fits(), seeds)
def test_rows_of_weight_zero_take_no_part(case, seed):
    fit, data = case
    rng = np.random.default_rng(seed)
    more = rng.integers(len(data.X), size=5)
    w = np.append(data.w, np.zeros(5))
    padded = data.take(np.append(np.arange(len(data.X)), more), w)
    padded.X[-5:] = rng.normal(size=(5, data.X.shape[1])) * 1e6
    order = rng.permutation(len(w))
    assert_same_fit(fit(data), fit(padded.take(order, w[order])))


def bits_with_threads(fit, data, n_threads):
    """Fit as if BLAS had so many threads, with work for each."""
    begin = BlasLimiter._begin

    def begin_with(limiter):
        begin(limiter)
        limiter._budget = n_threads

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BlasLimiter, "_begin", begin_with)
        patch.setattr(skbackprop._machine.threads, "SMALL_WORK", 0)
        split_rows(patch, block_rows=2, shard_rows=3, max_shards=5)
        return fit(data)


@examples(25)
@given(fits(whole=False))
def test_the_number_of_threads_changes_no_bit(case):
    fit, data = case
    one, *others = (bits_with_threads(fit, data, n) for n in (1, 2, 4))
    for other in others:
        assert_same_fit(one, other)


@examples(60)
@given(fits(whole=False), st.sampled_from(sorted(LAYOUTS)), st.sampled_from(sorted(FORMATS)))
def test_layouts_and_formats_change_no_bit(case, layout, sparse_format):
    fit, data = case
    X = data.X + 0.0
    dense = fit(data)
    data.X = LAYOUTS[layout](X)
    before = np.array(data.X)
    assert_same_fit(dense, fit(data))
    np.testing.assert_array_equal(data.X, before)
    data.X = sparse.csr_array(X)
    as_csr = fit(data)
    data.X = FORMATS[sparse_format](X)
    in_format = fit(data)
    assert_same_fit(as_csr, in_format)
    # A prediction, too, has no more than one answer.
    predicted = in_format.predict(FORMATS[sparse_format](X))
    np.testing.assert_array_equal(predicted, as_csr.predict(sparse.csr_array(X)))


@examples(40)
@given(fits(kinds=["classes", "numbers"], whole=False), st.integers(-900, 900))
def test_weights_in_another_unit_of_a_power_of_two_change_no_bit(case, power):
    fit, data = case
    # What counts rows counts weight: "prior" and a share that is held out.
    same = {"reg_lambda": 1e-3, "early_stopping": False, "coarse_start": False}
    one = fit(data, **same)
    data.w = np.ldexp(data.w, power)
    assert_same_fit(one, fit(data, **same))


@examples(40)
@given(fits(kinds=["classes", "classes, search"]))
def test_names_of_classes_change_nothing_but_names(case):
    fit, data = case
    assume(data.y.ndim == 1)
    one = fit(data)
    names = np.array(["a", "b", "c"], dtype=object)
    codes, data.y = data.y, names[data.y]
    named = fit(data)
    assert_same_fit(one, named)
    np.testing.assert_array_equal(named.predict(data.X), names[one.predict(data.X)])
    assert named.score(data.X, data.y) == one.score(data.X, codes)


# Answers

GREATEST = {np.float64: 1e300, np.float32: 3e38}


@st.composite
def far_out(draw, n_features, dtype):
    """Finite rows of any size."""
    most = GREATEST[dtype]
    elements = st.one_of(
        st.sampled_from([0.0, 1.0, -1.0, float(dtype(most / 3)), -float(dtype(most / 3))]),
        st.floats(-most / 3, most / 3, width=64).map(lambda v: float(dtype(v))),
    )
    m = draw(st.integers(1, 5))
    return draw(arrays.arrays(dtype, (m, n_features), elements=elements))


@st.composite
def models(draw):
    """Fitted estimators at Thetas of any size up to a thousand, and rows for them."""
    case, data = draw(fits(kinds=["classes", "numbers"], whole=False))
    estimator = case(data, reg_lambda=1e-3)
    factor = draw(st.sampled_from([0, 1, 1e3]))
    thetas = [factor * Theta.astype(float) for Theta in estimator.thetas_]
    at_them = {"thetas_init": thetas, "reg_lambda": 0, "tol": 1e300, "early_stopping": False}
    estimator = case(data, **at_them)
    X = draw(far_out(data.X.shape[1], data.X.dtype.type))
    return estimator, X


@examples(60)
@given(models())
def test_answers_are_finite_wherever_a_row_is(case):
    estimator, X = case
    predicted = estimator.predict(X)
    if isinstance(estimator, BackpropRegressor):
        assert np.isfinite(predicted).all()
        return
    P, log_P = estimator.predict_proba(X), estimator.predict_log_proba(X)
    assert np.isfinite(estimator.decision_function(X)).all()
    assert ((P >= 0) & (P <= 1)).all()
    assert np.isfinite(log_P).all()
    assert_allclose(np.exp(log_P), P, rtol=1e-5, atol=1e-30)
    if predicted.ndim == 1:
        assert_allclose(P.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(predicted, estimator.classes_[P.argmax(axis=1)])
