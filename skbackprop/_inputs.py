"""X and y as they are given: scikit-learn's validation, and what it would take for numbers."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from skbackprop._machine.threads import rounding_in_silence

# How the types of pandas and polars are called that hold neither numbers nor labels.
_TIMES = re.compile("date|time|duration|period")
_RECORDS = re.compile(r"struct|list|array\b")


# Numbers in X up to which only what surrounds their computation takes time.
FEW_NUMBERS = 4096
_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
_SWAPPED_FLOAT32 = np.dtype(np.float32).newbyteorder()


class InvalidInputError(ValueError, TypeError):
    """X or y is of a type that cannot be used."""


def validated(estimator: Any, X: Any, *y: Any, **options: Any) -> Any:
    """Return X, and y where it is given, as `validate_data` does: float32 X stays float32.

    Raises
    ------
    ValueError
        If `validate_data` refuses them, or would take for numbers what is none: masked values,
        dates and durations, records, sparse matrices whose positions lie outside of them.
    """
    refuse_collections(estimator, X=X)
    check_given("X", X)
    for target in y:
        refuse_collections(estimator, y=target)
        check_given("y", target, options.get("y_numeric", False))
    options = {"accept_sparse": "csr", "dtype": _dtypes(X), **options}
    # The sum of numbers that are finite need not be.
    with rounding_in_silence(), of_one_type("X or y" if y else "X"):
        data = validate_data(estimator, X, *y, **options)
    if not y:
        return _in_order(data)
    X, y_checked = data
    return _in_order(X), y_checked


def _in_order(X: Any) -> Any:
    """Return X, a sparse one with each entry once and in its order: a sum then has one rounding."""
    if issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def validated_to_predict(estimator: Any, X: Any) -> Any:
    """Return X, as `validated` does; of a few rows, which take no time themselves, in less."""
    if type(X) is np.ndarray and X.size <= FEW_NUMBERS and X.dtype in _FLOATS:
        X = validate_data(estimator, X, reset=False, dtype=None, ensure_all_finite=False)
        if math.isfinite(np.vdot(X, X)):  # a sum would have to be silenced, and is slower
            return X
    return validated(estimator, X, reset=False)


def refuse_collections(estimator: Any, **given: Any) -> None:
    """Raise an error where one is a dask collection, which numpy would gather without a word."""
    for name, item in given.items():
        graph = getattr(item, "__dask_graph__", None)
        if graph is not None and not isinstance(item, type) and graph() is not None:
            kind = type(estimator).__name__.removeprefix("Dask")
            raise TypeError(
                f"{kind} works on one machine and does not gather {name}, a dask "
                f"{type(item).__name__}: use skbackprop.dask.Dask{kind}, or compute() what fits "
                "this machine"
            )


def float_dtype_of(X: Any) -> Any:
    """Return the type in which X, an array or a dataframe of any library, is computed."""
    dtypes = _dtypes(X)
    is_single = dtypes is np.float32 or getattr(X, "dtype", None) == np.float32
    return np.float32 if is_single else np.float64


@contextmanager
def of_one_type(name: str) -> Iterator[None]:
    """Let an error of a type, or of a number that is too large, be a ValueError that says where."""
    try:
        yield
    except ValueError:
        raise
    except (TypeError, OverflowError) as error:
        raise InvalidInputError(f"{name} cannot be used: {error}") from error


@contextmanager
def said_of(where: str) -> Iterator[None]:
    """Let an error say where it is."""
    try:
        yield
    except ValueError as error:
        kind = InvalidInputError if isinstance(error, TypeError) else ValueError
        raise kind(f"{where}: {error}") from error


def check_given(name: str, given: Any, is_numeric: bool = True) -> None:
    """Refuse what scikit-learn and numpy would silently take for something else.

    Parameters
    ----------
    name : str
        What the errors call it.
    given : object
        X or y.
    is_numeric : bool
        Whether it is to hold numbers; classes may be dates.
    """
    if type(given).__name__ == "LazyFrame":
        raise InvalidInputError(f"{name} is a LazyFrame, without rows: give {name}.collect()")
    if isinstance(given, np.ma.MaskedArray) and np.ma.is_masked(given):
        raise ValueError(f"{name} has masked values: fill them, or leave the rows out")
    if issparse(given):
        _check_sparse(name, given)
        return
    if is_numeric and isinstance(given, list | tuple):
        with of_one_type(name):
            given = np.asarray(given)
    for dtype in set(_types(given)):
        kind, called = getattr(dtype, "kind", ""), str(dtype).lower()
        if kind == "V" or _RECORDS.match(called):
            raise InvalidInputError(f"{name} must not hold records or lists, got {dtype}")
        if kind in ("m", "M") or _TIMES.match(called):
            _check_times(name, given, dtype, is_numeric)
    if isinstance(given, np.ndarray) and given.dtype.kind == "O":
        _check_objects(name, given)


def _check_times(name: str, given: Any, dtype: Any, is_numeric: bool) -> None:
    if is_numeric:
        raise InvalidInputError(
            f"{name} must hold numbers, got {dtype}: choose a unit, and divide by it"
        )
    times = np.asarray(given)
    if times.dtype.kind in "mM" and np.isnat(times).any():
        raise ValueError(f"{name} contains NaT")


def _check_objects(name: str, given: Any) -> None:
    types = set(map(type, given.flat))
    # numpy makes a number of the first, and pandas' NA is neither equal to itself nor not.
    if np.timedelta64 in types:
        raise InvalidInputError(f"{name} must not hold durations, got timedelta64")
    if any(kind.__name__ == "NAType" for kind in types):
        raise InvalidInputError(f"{name} contains NA")


def _check_sparse(name: str, given: Any) -> None:
    """Refuse positions outside of a matrix: scipy's code would write to them."""
    if given.ndim != 2:
        raise ValueError(f"{name} must be 2D where it is sparse, got shape {given.shape}")
    rebuild = type(given)
    try:
        if given.format == "coo":
            rebuild((given.data, (given.row, given.col)), shape=given.shape)
        elif given.format in ("csr", "csc", "bsr"):
            parts = given.data, given.indices, given.indptr
            rebuild(parts, shape=given.shape).check_format(full_check=True)
    except ValueError as error:
        raise ValueError(f"{name} is a damaged sparse matrix: {error}") from error


def _types(given: Any) -> list[Any]:
    """Return the types of the columns of a frame, or the one of an array; none of other objects."""
    of_columns = getattr(given, "dtypes", None)
    if of_columns is None:
        return [given.dtype] if hasattr(given, "dtype") else []
    return list(of_columns) if hasattr(of_columns, "__iter__") else [of_columns]


def _dtypes(X: Any) -> Any:
    """Return what types X may have; float32 in any form is computed in float32."""
    types = _types(X)
    names = {str(dtype).lower() for dtype in types} if hasattr(X, "dtypes") else set()
    is_swapped = [isinstance(t, np.dtype) and t == _SWAPPED_FLOAT32 for t in types] == [True]
    return np.float32 if is_swapped or names == {"float32"} else [np.float64, np.float32]
