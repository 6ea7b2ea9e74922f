"""The canonical form of the rows: what is the same data gives the same fit, bit for bit."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array
from sklearn.base import clone

import skbackprop._rows.rows
from skbackprop import BackpropClassifier
from skbackprop._rows.canonical import CANONICAL_SIZE, canonical_rows

# Few iterations: a difference in the last bit of the rows shows in the first of them.
pytestmark = pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning")

SEEDS = range(30)
TARGETS = ["binary", "multiclass", "multilabel"]
CONTAINERS = [
    np.asarray,
    csr_array,
    lambda X: X.astype(np.float32),
    lambda X: csr_array(X.astype(np.float32)),
    csc_array,
]


def distinct_values(rng, n_rows):
    """X of few values, so that rows repeat, and some of them with another y."""
    X = rng.choice([-1.5, 0.0, 0.1, 2.0], size=(n_rows, 2))
    return np.hstack([X, X[:, :1] + 0.3])


def targets(rng, kind, n_rows):
    if kind == "multilabel":
        return rng.integers(0, 2, size=(n_rows, 3))
    n_classes = 2 if kind == "binary" else 4
    return np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, n_rows - n_classes)])


def rows_with_integer_weights(seed, kind, n_rows=25):
    """Return X, y and weights 0 to 3; every class has weight."""
    rng = np.random.default_rng(seed)
    w = rng.integers(0, 4, n_rows)
    w[:4] = 1
    return distinct_values(rng, n_rows), targets(rng, kind, n_rows), w, rng


def weighted(X, y, w, rng):
    return X, y, w


def repeated(X, y, w, rng):
    return np.repeat(X, w, axis=0), np.repeat(y, w, axis=0), None


def permuted(X, y, w, rng):
    order = rng.permutation(len(w))
    return X[order], y[order], w[order]


def repeated_and_permuted(X, y, w, rng):
    X, y, _ = repeated(X, y, w, rng)
    order = rng.permutation(len(X))
    return X[order], y[order], None


def split(X, y, w, rng):
    """Every row twice, with parts of its weight, the two far from each other."""
    part = rng.integers(0, w + 1)
    w = np.concatenate([part, w - part])
    return permuted(np.vstack([X, X]), np.concatenate([y, y]), w, rng)


def with_rows_of_no_weight(X, y, w, rng):
    """Further rows, of the same classes."""
    n = 7
    X = np.vstack([rng.normal(size=(n, X.shape[1])), X])
    return permuted(X, np.concatenate([y[:n], y]), np.concatenate([np.zeros(n, int), w]), rng)


def with_negative_zeros(X, y, w, rng):
    return np.where((X == 0) & (rng.random(X.shape) < 0.5), -0.0, X), y, w


SAME_DATA = [
    repeated,
    permuted,
    repeated_and_permuted,
    split,
    with_rows_of_no_weight,
    with_negative_zeros,
]


def fit(X, y, w, **parameters):
    parameters = {"reg_lambda": "prior", "max_iter": 6, "random_state": 0, **parameters}
    return BackpropClassifier(3, **parameters).fit(X, y, sample_weight=w)


def assert_same_bits(first, second):
    assert first.classes_.tolist() == second.classes_.tolist()
    assert first.reg_lambda_ == second.reg_lambda_
    assert first.loss_curve_ == second.loss_curve_
    assert first.n_evaluations_ == second.n_evaluations_
    for one, other in zip(first.thetas_, second.thetas_, strict=True):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


def two_of_the_same_data(seed):
    """All six in three seeds."""
    return SAME_DATA[seed % 3 :: 3]


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("seed", SEEDS)
def test_same_data_gives_the_same_fit(seed, kind):
    # In fifteen seeds, every container meets every form of the same data.
    hold = CONTAINERS[seed % 5]
    X, y, w, rng = rows_with_integer_weights(seed, kind)
    expected = fit(hold(X), y, w)
    for same_data in two_of_the_same_data(seed):
        X_same, y_same, w_same = same_data(X, y, w, rng)
        assert_same_bits(fit(hold(X_same), y_same, w_same), expected)


@pytest.mark.parametrize("parameters", [{"solver": "cg"}, {"out_activation": "softmax"}], ids=str)
@pytest.mark.parametrize("same_data", SAME_DATA)
def test_same_data_gives_the_same_fit_to_convergence(same_data, parameters):
    X, y, w, rng = rows_with_integer_weights(0, "multiclass")
    parameters = {**parameters, "max_iter": 1000, "tol": 1e-6}
    assert_same_bits(
        fit(*same_data(X, y, w, rng), **parameters),
        fit(X, y, w, **parameters),
    )


CLASS_WEIGHTS = {
    "balanced": "balanced",
    # These round: the sum of six 0.1 is not 6 * 0.1. Class 9 has rows of no weight only.
    "dict": {0: 0.1, 1: 1.7, 2: 0.3, 3: 1.0, 9: 2.0},
    "dict-with-zero": {0: 0.1, 1: 1.7, 2: 0.3, 3: 0.0, 9: 2.0},
}


@pytest.mark.parametrize("class_weight", CLASS_WEIGHTS.values(), ids=CLASS_WEIGHTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_class_weight_keeps_same_data_the_same(seed, class_weight):
    X, y, w, rng = rows_with_integer_weights(seed, "binary" if seed % 2 else "multiclass")
    expected = fit(X, y, w, class_weight=class_weight)
    for same_data in two_of_the_same_data(seed):
        X_same, y_same, w_same = same_data(X, y, w, rng)
        again = fit(X_same, y_same, w_same, class_weight=class_weight)
        assert_same_bits(again, expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_rows_with_any_weights(seed):
    class_weight = [None, *CLASS_WEIGHTS.values()][seed % 4]
    X, y, _, rng = rows_with_integer_weights(seed, "multiclass")
    w = rng.random(len(y))
    assert_same_bits(
        fit(*permuted(X, y, w, rng), class_weight=class_weight),
        fit(X, y, w, class_weight=class_weight),
    )


def test_weighted_fit_ends_where_the_fit_on_repeated_rows_ends():
    X, y, w, rng = rows_with_integer_weights(1, "multiclass", n_rows=200)
    X = X + rng.normal(size=X.shape)
    parameters = {"max_iter": 300, "tol": 1e-5}
    one = fit(X, y, w, **parameters)
    other = fit(*repeated_and_permuted(X, y, w, rng), **parameters)
    assert one.n_iter_ > 50
    assert_same_bits(other, one)


def with_shuffled_columns(X, rng):
    """The same matrix; each row's entries are stored in another order."""
    X = csr_array(X)
    for start, stop in zip(X.indptr, X.indptr[1:], strict=False):
        order = start + rng.permutation(stop - start)
        X.indices[start:stop], X.data[start:stop] = X.indices[order], X.data[order]
    return csr_array((X.data, X.indices, X.indptr), shape=X.shape)


def with_explicit_zeros(X, rng):
    """The same matrix; the zeros are stored like any other value."""
    m, n = X.shape
    X, _, _ = with_negative_zeros(X, None, None, rng)
    return csr_array((X.ravel(), np.tile(np.arange(n), m), np.arange(m + 1) * n), shape=X.shape)


@pytest.mark.parametrize("rewrite", [with_shuffled_columns, with_explicit_zeros])
@pytest.mark.parametrize("seed", range(5))
def test_the_way_that_a_sparse_matrix_is_stored(seed, rewrite):
    X, y, w, rng = rows_with_integer_weights(seed, "binary")
    X = np.hstack([X, rng.normal(size=(len(X), 1))[rng.integers(0, 9, len(X))]])
    rewritten = rewrite(X, rng)
    np.testing.assert_array_equal(rewritten.toarray(), X)
    assert_same_bits(fit(rewritten, y, w), fit(csr_array(X), y, w))


def test_inputs_are_not_changed():
    X, y, w, rng = rows_with_integer_weights(0, "multiclass")
    X[X == 0] = -0.0
    w = w.astype(float)
    given = X, y, w, with_shuffled_columns(X, rng)
    before = [X.tobytes(), y.tobytes(), w.tobytes(), given[3].indices.tobytes()]
    fit(X, y, w)
    fit(given[3], y, w, class_weight="balanced")
    assert [X.tobytes(), y.tobytes(), w.tobytes(), given[3].indices.tobytes()] == before


def test_large_data_are_left_as_they_are(monkeypatch):
    monkeypatch.setattr(skbackprop._rows.rows, "CANONICAL_SIZE", 0)
    X, y, w, rng = rows_with_integer_weights(0, "multiclass")
    one = fit(X, y, w)
    other = fit(*repeated_and_permuted(X, y, w, rng))
    # J and D are then the same but for rounding.
    np.testing.assert_allclose(other.loss_curve_, one.loss_curve_, rtol=1e-10)
    np.testing.assert_allclose(other.thetas_[0], one.thetas_[0], rtol=1e-7)


def test_canonical_rows_of_a_small_example():
    X = np.array([[1.0, 0.0], [2.0, 3.0], [1.0, -0.0], [1.0, 0.0]])
    y = np.array([0, 1, 0, 1])
    X, y, w, is_merged = canonical_rows(X, y, np.array([1.0, 0.5, 2.0, 4.0]))
    assert sorted(w[is_merged]) == [3.0]
    rows = {(*x, label): weight for x, label, weight in zip(X.tolist(), y, w, strict=True)}
    assert rows == {(1.0, 0.0, 0): 3.0, (1.0, 0.0, 1): 4.0, (2.0, 3.0, 1): 0.5}
    assert not np.signbit(X).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("coarse_start", [False, True])
def test_rows_mapped_from_a_file_are_trained_on_where_they_are(tmp_path, dtype, coarse_start):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12_000, 400)).astype(dtype)
    y = (X[:, 0] > X[:, 1]).astype(int)
    assert X.size > CANONICAL_SIZE
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    classifier = BackpropClassifier(
        4, reg_lambda="prior", coarse_start=coarse_start, max_iter=2, random_state=0
    )
    tracemalloc.start()
    classifier.fit(mapped, y)
    probabilities = classifier.predict_proba(mapped)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A copy of X, or one in float32, would be more.
    assert most < X.nbytes / 2
    in_memory = clone(classifier).fit(X, y)
    assert_same_bits(classifier, in_memory)
    np.testing.assert_array_equal(probabilities, in_memory.predict_proba(X))
