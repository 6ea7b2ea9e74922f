"""What one estimator takes, its twin takes: one table of X, y and weights for all.

What none of them takes is in `bad_inputs.py`.
"""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import (
    bsr_array,
    coo_array,
    coo_matrix,
    csc_array,
    csc_matrix,
    csr_array,
    csr_matrix,
    dia_array,
    dok_array,
    lil_array,
)
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import scale

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)

pytestmark = [
    # The fits end after a few iterations.
    pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning"),
    # How scikit-learn before 1.8 asks for the names of a polars frame.
    pytest.mark.filterwarnings("ignore:Support for the dataframe interchange:DeprecationWarning"),
]

IRIS, SPECIES = load_iris(return_X_y=True)
# Numbers that every type holds exactly; a quarter of them zeros.
IRIS = np.round(2 * scale(IRIS)[::2]).clip(-4, 4) / 2
SPECIES = SPECIES[::2]
COLOURS = np.array(["red", "green", "blue"])[SPECIES]
IS_SETOSA = SPECIES == 0
LABELS = make_multilabel_classification(
    len(SPECIES), n_classes=3, allow_unlabeled=True, random_state=0
)[1]
WEIGHTS = np.arange(len(SPECIES)) % 3 + 1.0
NAMES = list("abcd")

ESTIMATORS = {
    "classifier": BackpropClassifier(3, max_iter=8, random_state=0),
    "search": BackpropClassifierCV(3, reg_lambdas=[1e-2, 1e-3], cv=2, max_iter=4, random_state=0),
}
REGRESSORS = {
    "regressor": BackpropRegressor(3, max_iter=4, random_state=0),
    "regressor search": BackpropRegressorCV(
        3, reg_lambdas=[1e-2, 1e-3], cv=2, max_iter=3, random_state=0
    ),
}


@pytest.fixture(params=ESTIMATORS)
def estimator(request):
    return ESTIMATORS[request.param]


@pytest.fixture(params=REGRESSORS)
def regressor(request):
    return REGRESSORS[request.param]


@pytest.fixture(params=[*ESTIMATORS, *REGRESSORS])
def any_estimator(request):
    return {**ESTIMATORS, **REGRESSORS}[request.param]


def fitted(estimator, X, y, sample_weight=None, **others):
    own = type(estimator)(**estimator.get_params())
    return own.fit(X, y, sample_weight=sample_weight, **others)


PLAIN = {}


def plain_fit(estimator, y=SPECIES, w=None):
    """Return the fit on plain arrays; it is the same for many tests."""
    key = type(estimator), id(y), id(w)
    if key not in PLAIN:
        PLAIN[key] = fitted(estimator, IRIS, y, w)
    return PLAIN[key]


def assert_same_fit(one, other):
    for Theta, expected in zip(one.thetas_, other.thetas_, strict=True):
        np.testing.assert_array_equal(Theta, expected)
    if hasattr(one, "scores_"):
        np.testing.assert_array_equal(one.scores_, other.scores_)


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def as_pandas(X, dtype=None):
    return pd.DataFrame(X, columns=NAMES, dtype=dtype)


def as_polars(X, dtype=pl.Float64):
    return pl.DataFrame(X, schema=dict.fromkeys(NAMES, dtype))


def every_other(X):
    wide = np.full((2 * X.shape[0], 2 * X.shape[1]), np.nan)
    wide[::2, ::2] = X
    return wide[::2, ::2]


def unaligned(X):
    memory = np.empty(X.nbytes + 1, np.uint8)
    view = memory[1:].view(X.dtype).reshape(X.shape)
    view[...] = X
    return view


class Subclass(np.ndarray):
    """An array by another name."""


def of_dask(X):
    return pytest.importorskip("dask.array").from_array(X, chunks=20)


def of_array_api(X):
    return pytest.importorskip("array_api_strict").asarray(X)


DENSE = {
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "strided": every_other,
    "backwards": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "read-only": read_only,
    "list": lambda X: X.tolist(),
    "pandas": as_pandas,
    "pandas Float64": lambda X: as_pandas(X, "Float64"),
    "polars": as_polars,
    "big-endian": lambda X: X.astype(">f8"),
    "float16": lambda X: X.astype(np.float16),
    "longdouble": lambda X: X.astype(np.longdouble),
    "unaligned": unaligned,
    "subclass": lambda X: X.view(Subclass),
    "masked, nothing masked": lambda X: np.ma.masked_array(X, mask=False),
    "a view of memory": memoryview,
    "tuples": lambda X: tuple(map(tuple, X.tolist())),
    "list of arrays": list,
    "list of lists of numpy's numbers": lambda X: [list(row) for row in X.astype(np.float32)],
    "array API": of_array_api,
    "objects": lambda X: X.astype(object),
    "objects of many types": lambda X: [
        [int(2 * a) / 2, b, Decimal(c), Fraction(d)] for a, b, c, d in X
    ],
    "pandas objects": lambda X: as_pandas(X, "object"),
    "pandas categories of numbers": lambda X: as_pandas(X, "category"),
    "pandas, numbers for names": lambda X: pd.DataFrame(X),
    "pandas, two levels of names": lambda X: pd.DataFrame(X, columns=[list("aabb"), list("abab")]),
    "pandas, another index": lambda X: as_pandas(X).set_index(np.arange(len(X))[::-1] // 2),
    "polars Decimal": lambda X: as_polars(X).cast(pl.Decimal(10, 2)),
    "polars in pieces": lambda X: pl.concat([as_polars(X[:9]), as_polars(X[9:])], rechunk=False),
    "mixed pandas": lambda X: as_pandas(X).astype({"a": "float32", "b": "object"}),
    "mixed polars": lambda X: as_polars(X).cast({"a": pl.Float32}),
}
SINGLE = {
    "float32": lambda X: X.astype(np.float32),
    "float32, Fortran order": lambda X: np.asfortranarray(X, dtype=np.float32),
    "float32, big-endian": lambda X: X.astype(">f4"),
    "pandas float32": lambda X: as_pandas(X, "float32"),
    "pandas Float32": lambda X: as_pandas(X, "Float32"),
    "polars Float32": lambda X: as_polars(X, pl.Float32),
    "csr float32": lambda X: csr_array(X.astype(np.float32)),
}
INTEGERS = {
    **{np.dtype(kind).name: kind for kind in np.typecodes["AllInteger"]},
    "big-endian int32": ">i4",
    "big-endian uint64": ">u8",
}
SPARSE = [
    csr_array, csr_matrix, csc_array, csc_matrix, coo_array, coo_matrix, lil_array
]  # fmt: skip
METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function", "transform"]


def methods_of(estimator):
    return [method for method in METHODS if hasattr(estimator, method)]


@pytest.mark.parametrize("hold", DENSE.values(), ids=DENSE)
def test_dense_X(any_estimator, hold):
    one, expected = fitted(any_estimator, hold(IRIS), SPECIES), plain_fit(any_estimator)
    assert {Theta.dtype for Theta in one.thetas_} == {np.dtype(np.float64)}
    assert_same_fit(one, expected)
    for method in methods_of(one):
        answer = getattr(one, method)(hold(IRIS))
        np.testing.assert_array_equal(answer, getattr(expected, method)(IRIS))
    assert one.score(hold(IRIS), SPECIES) == expected.score(IRIS, SPECIES)


@pytest.mark.parametrize("hold", DENSE.values(), ids=DENSE)
def test_dense_X_val(any_estimator, hold):
    X = hold(IRIS) if hasattr(hold(IRIS), "columns") else IRIS  # of the same names
    one = fitted(any_estimator, X, SPECIES, X_val=hold(IRIS[5:]), y_val=SPECIES[5:])
    expected = fitted(any_estimator, IRIS, SPECIES, X_val=IRIS[5:], y_val=SPECIES[5:])
    assert one.validation_scores_ == expected.validation_scores_


def test_X_mapped_from_a_file(estimator, tmp_path):
    np.save(tmp_path / "X.npy", IRIS)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    one, expected = fitted(estimator, mapped, SPECIES), plain_fit(estimator)
    assert_same_fit(one, expected)
    np.testing.assert_array_equal(one.predict_proba(mapped), expected.predict_proba(IRIS))


@pytest.mark.parametrize("hold", SINGLE.values(), ids=SINGLE)
def test_what_is_float32_is_computed_in_float32(estimator, hold):
    one = fitted(estimator, hold(IRIS), SPECIES)
    assert {Theta.dtype for Theta in one.thetas_} == {np.dtype(np.float32)}
    assert one.predict_proba(hold(IRIS)).dtype == np.float32
    plain = csr_array(IRIS) if hasattr(hold(IRIS), "toarray") else IRIS
    assert_same_fit(one, fitted(estimator, plain.astype(np.float32), SPECIES))


@pytest.mark.parametrize("dtype", INTEGERS.values(), ids=INTEGERS)
def test_integers_are_computed_in_float64(estimator, dtype):
    X = (2 * IRIS + 8).astype(dtype)
    one = fitted(estimator, X, SPECIES)
    assert one.thetas_[0].dtype == np.float64
    assert_same_fit(one, fitted(estimator, X.astype(np.float64), SPECIES))


def test_truth_values_are_zeros_and_ones(estimator):
    expected = fitted(estimator, (IRIS > 0).astype(float), SPECIES)
    assert_same_fit(fitted(estimator, IRIS > 0, SPECIES), expected)
    assert_same_fit(fitted(estimator, as_pandas(IRIS > 0), SPECIES), expected)


@pytest.mark.parametrize(
    ("hold", "dtype"),
    [*((hold, np.float64) for hold in SPARSE), (csr_array, np.float32), (csr_array, np.int64)],
)
def test_sparse_X(estimator, hold, dtype):
    X = np.round(IRIS).astype(dtype)
    one, dense = fitted(estimator, hold(X), SPECIES), fitted(estimator, X, SPECIES)
    assert {Theta.dtype for Theta in one.thetas_} == {Theta.dtype for Theta in dense.thetas_}
    # Zeros left out of a sum leave another rounding.
    np.testing.assert_allclose(one.loss_, dense.loss_, rtol=1e-2)
    assert_same_fit(one, fitted(estimator, csr_array(X), SPECIES))
    for method in methods_of(dense):
        answer = getattr(dense, method)
        np.testing.assert_allclose(answer(hold(X)), answer(X), rtol=1e-4, atol=1e-5)


def with_long_positions(X):
    X = csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def with_zeros(X):
    """Return a sparse matrix that has each of its elements, zeros included."""
    positions = np.tile(np.arange(X.shape[1]), len(X))
    return csr_array((X.ravel(), positions, np.arange(len(X) + 1) * X.shape[1]), shape=X.shape)


def backwards(X):
    """Return a sparse matrix with the positions within each row from right to left."""
    X = with_zeros(X[:, ::-1])
    return csr_array((X.data, 3 - X.indices, X.indptr), shape=X.shape)


def in_halves(X):
    """Return a sparse matrix with two halves of each element."""
    X = coo_array(X)
    halves = np.r_[X.data, X.data] / 2
    return coo_array((halves, (np.r_[X.row, X.row], np.r_[X.col, X.col])), shape=X.shape)


def read_only_sparse(X):
    X = csr_array(X)
    for array in (X.data, X.indices, X.indptr):
        array.flags.writeable = False
    return X


SPARSE_AS_CSR = {
    "bsr": bsr_array,
    "dia": dia_array,
    "dok": dok_array,
    "positions in int64": with_long_positions,
    "with zeros": with_zeros,
    "elements in halves": in_halves,
    "read-only": read_only_sparse,
    "longdouble": lambda X: csr_array(X.astype(np.longdouble)),
    "pandas": lambda X: as_pandas(X).astype(pd.SparseDtype(float, 0)),
}


@pytest.mark.parametrize("hold", SPARSE_AS_CSR.values(), ids=SPARSE_AS_CSR)
def test_other_sparse_X(any_estimator, hold):
    one, expected = (fitted(any_estimator, make(IRIS), SPECIES) for make in (hold, csr_array))
    assert_same_fit(one, expected)
    for method in methods_of(one):
        answer = getattr(one, method)(hold(IRIS))
        np.testing.assert_array_equal(answer, getattr(expected, method)(csr_array(IRIS)))


def test_sparse_rows_from_right_to_left(any_estimator):
    one, expected = (fitted(any_estimator, make(IRIS), SPECIES) for make in (backwards, csr_array))
    for Theta, other in zip(one.thetas_, expected.thetas_, strict=True):
        np.testing.assert_array_equal(Theta, other)
    # What is not sorted for a fit, as it is for the Thetas, has another rounding.
    for method in methods_of(one):
        answer = getattr(one, method)(backwards(IRIS))
        other = getattr(expected, method)(csr_array(IRIS))
        np.testing.assert_allclose(answer, other, rtol=1e-12, atol=1e-15)
    if hasattr(one, "scores_"):
        np.testing.assert_allclose(one.scores_, expected.scores_, rtol=1e-12)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64])
def test_sparse_integers_are_computed_in_float64(any_estimator, dtype):
    X = (IRIS > 0).astype(dtype)
    one = fitted(any_estimator, csr_array(X), SPECIES)
    assert one.thetas_[0].dtype == np.float64
    assert_same_fit(one, fitted(any_estimator, csr_array(X.astype(float)), SPECIES))


Y = {
    "int": (SPECIES, SPECIES),
    "int8": (SPECIES.astype(np.int8), SPECIES),
    "big-endian": (SPECIES.astype(">i4"), SPECIES),
    "float": (SPECIES.astype(float), SPECIES),
    "float16": (SPECIES.astype(np.float16), SPECIES),
    "longdouble": (SPECIES.astype(np.longdouble), SPECIES),
    "uint64": (SPECIES.astype(np.uint64), SPECIES),
    "strided": (np.repeat(SPECIES, 2)[::2], SPECIES),
    "read-only": (read_only(SPECIES), SPECIES),
    "subclass": (SPECIES.view(Subclass), SPECIES),
    "masked, nothing masked": (np.ma.masked_array(SPECIES, mask=False), SPECIES),
    "list": (SPECIES.tolist(), SPECIES),
    "tuple": (tuple(SPECIES.tolist()), SPECIES),
    "greatest integers": (SPECIES + (2**63 - 3), SPECIES + (2**63 - 3)),
    "dates": (SPECIES.astype("M8[D]"), SPECIES.astype("M8[D]")),
    "durations": (SPECIES.astype("m8[s]"), SPECIES.astype("m8[s]")),
    "pandas": (pd.Series(SPECIES, index=np.arange(len(SPECIES))[::-1]), SPECIES),
    "pandas Int64": (pd.Series(SPECIES, dtype="Int64"), SPECIES),
    "polars": (pl.Series(SPECIES), SPECIES),
    "strings": (COLOURS, COLOURS),
    "list of strings": (COLOURS.tolist(), COLOURS),
    "objects": (COLOURS.astype(object), COLOURS),
    "pandas strings": (pd.Series(COLOURS), COLOURS),
    "pandas categories": (pd.Series(COLOURS, dtype="category"), COLOURS),
    "polars strings": (pl.Series(COLOURS), COLOURS),
    "polars categories": (pl.Series(COLOURS.tolist(), dtype=pl.Categorical), COLOURS),
    "polars Enum": (pl.Series(COLOURS.tolist(), dtype=pl.Enum(["red", "green", "blue"])), COLOURS),
    "pandas sparse": (pd.Series(pd.arrays.SparseArray(SPECIES)), SPECIES),
    "truth values": (IS_SETOSA, IS_SETOSA),
    "list of truth values": (IS_SETOSA.tolist(), IS_SETOSA),
    "pandas truth values": (pd.Series(IS_SETOSA), IS_SETOSA),
    "two strings": (np.where(IS_SETOSA, "yes", "no"), np.where(IS_SETOSA, "yes", "no")),
    "minus one and one": (2 * IS_SETOSA - 1, 2 * IS_SETOSA - 1),
    "labels": (LABELS, LABELS),
    "labels, truth values": (LABELS.astype(bool), LABELS),
    "labels, float": (LABELS.astype(float), LABELS),
    "labels, Fortran order": (np.asfortranarray(LABELS), LABELS),
    "labels, lists": (LABELS.tolist(), LABELS),
    "labels, pandas": (pd.DataFrame(LABELS), LABELS),
    **{f"labels, {hold.__name__}": (hold(LABELS), LABELS) for hold in SPARSE},
}


@pytest.mark.parametrize(("y", "plain"), Y.values(), ids=Y)
@pytest.mark.parametrize("w", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_y(estimator, y, plain, w):
    one, expected = fitted(estimator, IRIS, y, w), plain_fit(estimator, plain, w)
    assert_same_fit(one, expected)
    assert one.classes_.tolist() == expected.classes_.tolist()
    assert one.multilabel_ == (plain.ndim == 2)
    predicted = one.predict(IRIS)
    np.testing.assert_array_equal(predicted, expected.predict(IRIS))
    assert isinstance(predicted, np.ndarray)
    assert one.score(IRIS, y, sample_weight=w) == expected.score(IRIS, plain, sample_weight=w)


def test_y_of_one_column_is_flattened_with_a_warning(estimator):
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        one = fitted(estimator, IRIS, SPECIES[:, np.newaxis])
    assert_same_fit(one, plain_fit(estimator))


def test_y_of_other_arrays(any_estimator):
    of_others = fitted(any_estimator, IRIS, of_array_api(SPECIES))
    assert_same_fit(of_others, plain_fit(any_estimator))


# Quarters, which every type holds exactly.
NUMBERS = (IRIS[:, 0] + SPECIES) / 2
PAIRS = np.column_stack([NUMBERS, IRIS[:, 1]])
Y_OF_NUMBERS = {
    "list": (NUMBERS.tolist(), NUMBERS),
    "float32": (NUMBERS.astype(np.float32), NUMBERS),
    "float16": (NUMBERS.astype(np.float16), NUMBERS),
    "longdouble": (NUMBERS.astype(np.longdouble), NUMBERS),
    "big-endian": (NUMBERS.astype(">f8"), NUMBERS),
    "strided": (np.repeat(NUMBERS, 2)[::2], NUMBERS),
    "read-only": (read_only(NUMBERS), NUMBERS),
    "subclass": (NUMBERS.view(Subclass), NUMBERS),
    "masked, nothing masked": (np.ma.masked_array(NUMBERS, mask=False), NUMBERS),
    "objects": (NUMBERS.astype(object), NUMBERS),
    "Decimals": ([Decimal(number) for number in NUMBERS], NUMBERS),
    "int8": (SPECIES.astype(np.int8), SPECIES.astype(float)),
    "uint64": (SPECIES.astype(np.uint64), SPECIES.astype(float)),
    "truth values": (IS_SETOSA, IS_SETOSA.astype(float)),
    "pandas": (pd.Series(NUMBERS, index=np.arange(len(NUMBERS))[::-1]), NUMBERS),
    "pandas Float64": (pd.Series(NUMBERS, dtype="Float64"), NUMBERS),
    "pandas sparse": (pd.Series(pd.arrays.SparseArray(NUMBERS)), NUMBERS),
    "polars": (pl.Series(NUMBERS), NUMBERS),
    "polars Float32": (pl.Series(NUMBERS, dtype=pl.Float32), NUMBERS),
    "two columns, Fortran order": (np.asfortranarray(PAIRS), PAIRS),
    "two columns, lists": (PAIRS.tolist(), PAIRS),
    "two columns, pandas": (pd.DataFrame(PAIRS), PAIRS),
    "two columns, polars": (pl.DataFrame(PAIRS), PAIRS),
    **{f"two columns, {hold.__name__}": (hold(PAIRS), PAIRS) for hold in SPARSE},
}


@pytest.mark.parametrize(("y", "plain"), Y_OF_NUMBERS.values(), ids=Y_OF_NUMBERS)
def test_y_of_numbers(regressor, y, plain):
    one, expected = fitted(regressor, IRIS, y), fitted(regressor, IRIS, plain)
    assert_same_fit(one, expected)
    np.testing.assert_array_equal(one.predict(IRIS), expected.predict(IRIS))
    assert one.score(IRIS, y) == expected.score(IRIS, plain)


@pytest.mark.parametrize("scoring", ["accuracy", "f1_macro"])
@pytest.mark.parametrize("kind", ["strings", "truth values", "labels, csr_array", "labels"])
def test_a_scorer_of_the_search_takes_every_y(kind, scoring):
    y, plain = Y[kind]
    search = ESTIMATORS["search"]
    scored = type(search)(**{**search.get_params(), "scoring": scoring})
    assert_same_fit(fitted(scored, IRIS, y), fitted(scored, IRIS, plain))


W = {
    "list": WEIGHTS.tolist(),
    "int": WEIGHTS.astype(int),
    "tuple": tuple(WEIGHTS.tolist()),
    "uint8": WEIGHTS.astype(np.uint8),
    "float16": WEIGHTS.astype(np.float16),
    "float32": WEIGHTS.astype(np.float32),
    "longdouble": WEIGHTS.astype(np.longdouble),
    "objects": WEIGHTS.astype(object),
    "Decimals": [Decimal(w) for w in WEIGHTS],
    "subclass": WEIGHTS.view(Subclass),
    "masked, nothing masked": np.ma.masked_array(WEIGHTS, mask=False),
    "pandas sparse": pd.Series(pd.arrays.SparseArray(WEIGHTS)),
    "big-endian": WEIGHTS.astype(">f8"),
    "strided": np.repeat(WEIGHTS, 2)[::2],
    "read-only": read_only(WEIGHTS),
    "pandas": pd.Series(WEIGHTS, index=np.arange(len(WEIGHTS))[::-1]),
    "pandas Int64": pd.Series(WEIGHTS, dtype="Int64"),
    "polars": pl.Series(WEIGHTS),
}


@pytest.mark.parametrize("w", W.values(), ids=W)
@pytest.mark.parametrize("y", [SPECIES, LABELS], ids=["classes", "labels"])
def test_weights(estimator, y, w):
    assert_same_fit(fitted(estimator, IRIS, y, w), plain_fit(estimator, y, WEIGHTS))


def test_weights_of_other_arrays(estimator):
    one = fitted(estimator, IRIS, SPECIES, of_array_api(WEIGHTS))
    assert_same_fit(one, plain_fit(estimator, SPECIES, WEIGHTS))


def test_nothing_is_gathered_from_a_cluster(any_estimator):
    def refused(name):
        dask_class = f"skbackprop.dask.Dask{type(any_estimator).__name__}"
        return pytest.raises(TypeError, match=f"does not gather {name}, a dask .*{dask_class}")

    val = {"X_val": IRIS, "y_val": SPECIES, "sample_weight_val": WEIGHTS}
    for name, given in {"X": IRIS, "y": SPECIES, "sample_weight": WEIGHTS, **val}.items():
        data = {"X": IRIS, "y": SPECIES, **val, name: of_dask(given)}
        with refused(name):
            any_estimator.fit(**data)
    one = plain_fit(any_estimator)
    for name, given in {"X": IRIS, "y": SPECIES, "sample_weight": WEIGHTS}.items():
        with refused(name):
            one.score(**{"X": IRIS, "y": SPECIES, name: of_dask(given)})


@pytest.mark.parametrize("w", W.values(), ids=W)
def test_weights_of_a_score(any_estimator, w):
    one = plain_fit(any_estimator)
    expected = one.score(IRIS, SPECIES, sample_weight=WEIGHTS)
    assert one.score(IRIS, SPECIES, sample_weight=w) == expected


@pytest.mark.parametrize("w", [2, 2.0, np.float32(2), Fraction(2)], ids=repr)
def test_one_weight_for_all(estimator, w):
    expected = fitted(estimator, IRIS, SPECIES, np.full(len(SPECIES), 2.0))
    assert_same_fit(fitted(estimator, IRIS, SPECIES, w), expected)


def test_truth_values_as_weights_choose_rows(estimator):
    chosen = np.arange(len(SPECIES)) % 5 > 0
    assert_same_fit(
        fitted(estimator, IRIS, SPECIES, chosen),
        fitted(estimator, IRIS, SPECIES, chosen.astype(float)),
    )
