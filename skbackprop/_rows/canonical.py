"""The canonical form of the training rows: no zero weights, no repeats, one order.

A non-convex fit amplifies rounding, so "a weighted fit equals the fit on repeated rows"
does not come from convergence at any tolerance. It comes from giving the solver the very
same numbers: rows of weight zero are dropped, equal (x, y) rows are merged and their
weights added, and the rows are sorted.
"""

from typing import Any

import numpy as np
from scipy.sparse import issparse

# Elements of X up to which the rows take the canonical form: at this size it costs some
# hundredths of a second for 16 columns or more, and up to 0.8 for a single one.
CANONICAL_SIZE = 2**20


def _bytes_of_rows(*arrays: np.ndarray) -> np.ndarray:
    """Return a matrix of bytes, a row for each row of the arrays."""
    n_rows = len(arrays[0])
    parts = [np.ascontiguousarray(a).view(np.uint8).reshape(n_rows, -1) for a in arrays]
    return np.hstack(parts)


def canonical_rows(
    X: Any, y: np.ndarray, w: np.ndarray
) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct (x, y) rows in one order, with their weights added.

    Parameters
    ----------
    X : {ndarray, CSR array} of shape (m, n_features)
        At most `CANONICAL_SIZE` elements, zeros counted.
    y : ndarray of shape (m,) or (m, n_outputs)
        Encoded targets.
    w : ndarray of shape (m,)
        Positive weights.

    Returns
    -------
    X, y, w : the same, with as many rows as there are distinct ones
        The order is that of the rows' bytes: of no meaning, but always the same.
    is_merged : ndarray of bool of shape (distinct rows,)
        Which of them were several.
    """
    dense = X.toarray() if issparse(X) else X
    dense = dense + 0.0  # -0.0, which equals 0.0 in other bytes, becomes 0.0
    rows = _bytes_of_rows(dense, y)
    # The weights are part of the key, so that they too are added in one order.
    key = np.hstack([rows, _bytes_of_rows(w)])
    order = np.argsort(key.view(np.dtype((np.void, key.shape[1]))).ravel())
    rows = rows[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    starts = np.flatnonzero(is_first)
    kept = order[starts]
    if issparse(X):
        X = X[kept]
        X.sum_duplicates()  # one order within a row, too
        X.eliminate_zeros()
    else:
        X = dense[kept]
    is_merged = np.diff(starts, append=len(order)) > 1
    return X, y[kept], np.add.reduceat(w[order], starts), is_merged
