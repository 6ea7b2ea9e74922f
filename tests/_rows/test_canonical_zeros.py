"""Zeros that a sparse matrix stores: the canonical form has none."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array, csr_matrix

from skbackprop import BackpropClassifier
from skbackprop._rows.canonical import canonical_rows

DENSE = np.array([[0, 2, 0, 1], [3, 0, 0, 0], [0, 0, 0, 0], [0, 2, 0, 1], [0, 5, 6, 0]], float)


def _with_zeros(X, container):
    """Return a sparse matrix that stores every element, the zeros of either sign too."""
    m, n = X.shape
    values = X.copy()
    values[(X == 0) & (np.arange(X.size).reshape(X.shape) % 2 == 0)] = -0.0
    indices, indptr = np.tile(np.arange(n), m), np.arange(m + 1) * n
    return container((values.ravel(), indices, indptr), shape=X.shape)


@pytest.mark.parametrize("container", [csr_array, csr_matrix])
def test_stored_zeros_are_eliminated(container):
    y, w = np.array([0, 1, 1, 0, 1]), np.ones(5)
    X = _with_zeros(DENSE, container)
    assert X.nnz == DENSE.size
    kept = X.copy()
    stored, y_stored, w_stored, _ = canonical_rows(X, y, w)
    plain, y_plain, w_plain, _ = canonical_rows(container(DENSE), y, w)
    # The rows 0 and 3 are merged.
    assert stored.nnz == plain.nnz == np.count_nonzero(DENSE[[0, 1, 2, 4]])
    assert (stored.data != 0).all()
    for one, other in [
        (stored.data, plain.data),
        (stored.indices, plain.indices),
        (stored.indptr, plain.indptr),
        (y_stored, y_plain),
        (w_stored, w_plain),
    ]:
        assert_array_equal(one, other)
    assert_array_equal(X.data, kept.data)
    assert_array_equal(X.indptr, kept.indptr)


def test_stored_zeros_change_no_bit_of_a_fit_in_several_shards(monkeypatch):
    # How rows are divided into shards depends on how many elements are stored.
    monkeypatch.setattr("skbackprop._machine.shards.SHARD_WORK", 200)
    monkeypatch.setattr("skbackprop._machine.shards.SPARSE_SHARD_WORK_PER_SUM", 1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 20)) * (rng.uniform(size=(300, 20)) < 0.1)
    y = (X.sum(axis=1) + 0.3 * rng.normal(size=300) > 0).astype(int)
    fits = [
        BackpropClassifier(3, coarse_start=False, random_state=0).fit(given, y)
        for given in (csr_array(X), _with_zeros(X, csr_array))
    ]
    one, other = fits
    assert one.loss_curve_ == other.loss_curve_
    assert [t.tobytes() for t in one.thetas_] == [t.tobytes() for t in other.thetas_]
