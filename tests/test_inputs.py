"""What one estimator takes, its twin takes: one table of X, y and weights for all."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import (
    coo_array,
    coo_matrix,
    csc_array,
    csc_matrix,
    csr_array,
    csr_matrix,
    lil_array,
)
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier, BackpropClassifierCV

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


@pytest.fixture(params=ESTIMATORS)
def estimator(request):
    return ESTIMATORS[request.param]


def fitted(estimator, X, y, sample_weight=None):
    return type(estimator)(**estimator.get_params()).fit(X, y, sample_weight=sample_weight)


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
    "objects": lambda X: X.astype(object),
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
    "int64": np.int64,
    "int8": np.int8,
    "uint16": np.uint16,
    "big-endian int32": ">i4",
}
SPARSE = [
    csr_array, csr_matrix, csc_array, csc_matrix, coo_array, coo_matrix, lil_array
]  # fmt: skip
METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]


@pytest.mark.parametrize("hold", DENSE.values(), ids=DENSE)
def test_dense_X(estimator, hold):
    one, expected = fitted(estimator, hold(IRIS), SPECIES), plain_fit(estimator)
    assert_same_fit(one, expected)
    for method in METHODS:
        answer = getattr(one, method)(hold(IRIS))
        np.testing.assert_array_equal(answer, getattr(expected, method)(IRIS))
    assert one.score(hold(IRIS), SPECIES) == expected.score(IRIS, SPECIES)


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
    for method in METHODS:
        answer = getattr(dense, method)
        np.testing.assert_allclose(answer(hold(X)), answer(X), rtol=1e-4, atol=1e-5)


Y = {
    "int": (SPECIES, SPECIES),
    "int8": (SPECIES.astype(np.int8), SPECIES),
    "big-endian": (SPECIES.astype(">i4"), SPECIES),
    "float": (SPECIES.astype(float), SPECIES),
    "list": (SPECIES.tolist(), SPECIES),
    "pandas": (pd.Series(SPECIES, index=np.arange(len(SPECIES))[::-1]), SPECIES),
    "pandas Int64": (pd.Series(SPECIES, dtype="Int64"), SPECIES),
    "polars": (pl.Series(SPECIES), SPECIES),
    "strings": (COLOURS, COLOURS),
    "list of strings": (COLOURS.tolist(), COLOURS),
    "objects": (COLOURS.astype(object), COLOURS),
    "pandas strings": (pd.Series(COLOURS), COLOURS),
    "pandas categories": (pd.Series(COLOURS, dtype="category"), COLOURS),
    "polars strings": (pl.Series(COLOURS), COLOURS),
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
    "float32": WEIGHTS.astype(np.float32),
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


@pytest.mark.parametrize("w", [2, 2.0, np.float32(2)], ids=repr)
def test_one_weight_for_all(estimator, w):
    expected = fitted(estimator, IRIS, SPECIES, np.full(len(SPECIES), 2.0))
    assert_same_fit(fitted(estimator, IRIS, SPECIES, w), expected)


def test_truth_values_as_weights_choose_rows(estimator):
    chosen = np.arange(len(SPECIES)) % 5 > 0
    assert_same_fit(
        fitted(estimator, IRIS, SPECIES, chosen),
        fitted(estimator, IRIS, SPECIES, chosen.astype(float)),
    )
