"""What is no input, as tables: each value with the type of its error, and words of the message.

`test_bad_inputs.py` gives each of them to every estimator, and in every place, where it is wrong.
"""

import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import cycle, repeat
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import sklearn
from scipy import sparse
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GroupKFold, KFold

from skbackprop._inputs import InvalidInputError

N_ROWS = 12
# Numbers that every type holds exactly.
X = np.random.default_rng(0).integers(-4, 5, (N_ROWS, 3)) / 2
CLASSES = np.arange(N_ROWS) % 2
COLOURS = np.array(["red", "blue"])[CLASSES]
LABELS = np.column_stack([CLASSES, np.arange(N_ROWS) % 3 == 0]).astype(int)
NUMBERS = X[:, 0] + CLASSES
COUNTS = np.arange(N_ROWS) % 5
WEIGHTS = np.arange(1.0, N_ROWS + 1)
NAMES = ["a", "b", "c"]

BEYOND_FLOAT = 10**400
BEYOND_DOUBLE = np.longdouble("1e400") if np.finfo(np.longdouble).max > 1e308 else np.inf
# To numpy, a timedelta64 is an integer.
A_DAY = np.timedelta64(1, "D")
DATE = datetime.date(2020, 2, 29)
DURATION = datetime.timedelta(days=1)
HAS_1D_SPARSE = hasattr(sparse.coo_array, "coords")
SKLEARN = tuple(int(part) for part in sklearn.__version__.split(".")[:2])


class Bad(NamedTuple):
    """A value that is refused.

    Attributes
    ----------
    value : object
    words : tuple of str
        The message holds each.
    error : type
    places : str
        Where it is wrong: in "fit", as "validation" set, to "score" or, of X, to "answer".
    """

    value: Any
    words: tuple[str, ...]
    error: type[Exception] = ValueError
    places: str = "fit validation score answer"


def bad(value, *words, **others):
    return Bad(value, words, **others)


def bad_type(value, *words, **others):
    return Bad(value, words, error=InvalidInputError, **others)


# Parameters


class Shown(NamedTuple):
    """A value, and what a message shows of it where that is not its repr."""

    value: Any
    shown: str


NOT_INTEGERS = [
    2.5,
    "10",
    b"10",
    None,
    True,
    np.True_,
    1j,
    {"a": 1},
    Shown({5}, "{5}"),
    Shown(object(), "<object"),
    Shown(int, "<class 'int'>"),
    Shown((i for i in (1, 2)), "<generator"),
    Decimal(10),
    Fraction(21, 2),
    Shown(np.array(10), "array(10)"),
    Shown(np.eye(2), "array("),
    Shown(pd.NA, "<NA>"),
    Shown(A_DAY, "timedelta64"),
    DURATION,
    Shown(BEYOND_FLOAT, "1000"),
    Shown(np.float64(10), "got 10.0"),
    np.nan,
    np.inf,
]
NOT_NUMBERS = [
    "0.1",
    b"0.1",
    None,
    True,
    np.True_,
    1j,
    [0.1],
    {"a": 1},
    Shown({0.1}, "{0.1}"),
    Shown(object(), "<object"),
    Shown(float, "<class 'float'>"),
    Decimal("0.1"),
    Shown(np.array(0.1), "array(0.1)"),
    Shown(pd.NA, "<NA>"),
    Shown(np.ma.masked, "masked"),
    Shown(A_DAY, "timedelta64"),
    Shown(BEYOND_FLOAT, "1000"),
    Shown(-Fraction(BEYOND_FLOAT), "Fraction(-1000"),
    Shown(BEYOND_DOUBLE, "1e+400" if np.inf != BEYOND_DOUBLE else "inf"),
    Shown(np.float64(-5), "got -5.0"),
    Shown(np.int64(-5), "got -5"),
    -1e-300,
    np.nan,
    np.inf,
    -np.inf,
]
NOT_BOOLS = [None, 1, 0.0, "yes", b"yes", [True], Shown(np.array(True), "array(True)")]

BAD_PARAMETERS = {
    "hidden_layer_sizes": [
        *NOT_INTEGERS,
        0,
        -3,
        2**31,
        [5, 0],
        [5.0],
        [[3]],
        [None],
        ["5"],
        [True],
        [np.nan],
        Shown([np.int64(0), 5], "got [0, 5]"),
        Shown([A_DAY], "timedelta64"),
        Shown([BEYOND_FLOAT], "[1000"),
        Shown(pd.Series([5]), "dtype: int64"),
    ],
    "activation": [
        "sigmoid",
        "ReLU",
        "",
        b"tanh",
        None,
        5,
        [],
        ["logistic", "tanh"],
        ["sigmoid"],
        [None],
        [["tanh"]],
        [b"tanh"],
        {"tanh"},
        {"tanh": 1},
        Shown(np.array("tanh"), "array('tanh'"),
        Shown(np.array([["tanh"]]), "array([['tanh']]"),
        Shown(np.tanh, "<ufunc 'tanh'>"),
        Shown((name for name in ["tanh"]), "<generator"),
    ],
    "out_activation": ["sigmoid", "", b"softmax", None, 1, ["softmax"], {"softmax"}],
    "loss": ["huber", "squared", "Poisson", b"poisson", "", None, 1, ["poisson"], np.nan],
    "reg_lambda": [*NOT_NUMBERS, "AUTO", "", "auto ", ["auto"]],
    "reg_lambdas": [
        0,
        -1,
        10_001,
        2.0,
        "10",
        "auto",
        b"10",
        None,
        True,
        np.nan,
        1j,
        [],
        Shown(np.array([]), "array([]"),
        [1e-3, -1.0],
        [1e-3, np.nan],
        [1e-3, np.inf],
        [1e-3, "1"],
        [1e-3, None],
        [True],
        [1j],
        [[1e-3]],
        {1e-3},
        {1e-3: 1},
        Shown([1e-3, BEYOND_FLOAT], "1000"),
        Shown([np.float64(-1)], "got [-1.0]"),
        Shown(np.array([1], "m8[D]"), "timedelta64"),
        Shown(np.array([[1e-3]]), "array([[0.001]])"),
        Shown(np.array(1e-3), "array(0.001)"),
        Shown(A_DAY, "timedelta64"),
        Shown(BEYOND_FLOAT, "1000"),
        Shown(np.int64(0), "got 0"),
        Shown((r for r in [1e-3]), "<generator"),
        Shown(pd.Series([1e-3]), "dtype: float64"),
    ],
    "solver": ["adam", "LBFGS", "L-BFGS-B", b"cg", "", None, 0, ["lbfgs"], {"cg"}],
    "max_iter": [*NOT_INTEGERS, 0, -1, 2**31, [100], Shown(np.int64(0), "got 0")],
    "tol": NOT_NUMBERS,
    "class_weight": [
        "Balanced",
        "auto",
        b"balanced",
        5,
        0.5,
        True,
        np.nan,
        [1, 2],
        (1, 2),
        {1, 2},
        Shown(np.array([1.0, 2.0]), "array([1., 2.])"),
        Shown(pd.Series([1.0, 2.0]), "dtype: float64"),
        {0: -1},
        {0: np.nan},
        {0: np.inf},
        {0: "1"},
        {0: None},
        {0: True},
        {0: [1]},
        {0: 1j},
        Shown({0: BEYOND_FLOAT}, "{0: 1000"),
        Shown({0: A_DAY}, "timedelta64"),
        Shown({np.int64(0): np.float64(-1)}, "{0: -1.0}"),
    ],
    "thetas_init": [
        5,
        "random",
        b"ab",
        np.nan,
        True,
        {"a": 1},
        Shown({1}, "{1}"),
        Shown((Theta for Theta in [1]), "<generator"),
        Shown(np.zeros((2, 4)), "array([["),
        Shown(np.zeros((2, 2, 4)), "array([[["),
        Shown(pd.DataFrame({"a": [1.0]}), "1.0"),
        Shown(sparse.csr_array(np.eye(2)), "ompressed"),
    ],
    "warm_start": NOT_BOOLS,
    "coarse_start": [*NOT_BOOLS, "AUTO", ""],
    "coarse_folds": [*NOT_BOOLS, "auto"],
    "early_stopping": [*NOT_BOOLS, "auto"],
    "validation_fraction": [*NOT_NUMBERS, 0, 1, 1.5, -0.1, 10],
    "n_iter_no_change": [*NOT_INTEGERS, 0, -1, 2**31, [10]],
    "solver_options": [
        [],
        "ftol",
        b"ftol",
        5,
        True,
        np.nan,
        {"ftol"},
        [("ftol", 0.1)],
        Shown(pd.Series({"ftol": 0.1}), "ftol"),
    ],
    "random_state": [
        -1,
        2**32,
        2.5,
        "seed",
        b"seed",
        np.nan,
        [1, 2],
        {1},
        Shown(np.random.default_rng(0), "Generator"),
        Shown(np.random.PCG64(0), "PCG64"),
        Shown(np.random.SeedSequence(0), "SeedSequence"),
        Shown(np.random.RandomState, "RandomState"),
        Shown(A_DAY, "timedelta64"),
        Shown(BEYOND_FLOAT, "1000"),
        Shown(np.array([1]), "array([1])"),
        Shown(np.int64(-5), "got -5"),
        Shown(np.float64(-5), "got -5.0"),
    ],
    "verbose": [
        -1,
        1.5,
        None,
        "yes",
        b"1",
        [1],
        1j,
        np.nan,
        Shown(A_DAY, "timedelta64"),
        Shown(BEYOND_FLOAT, "1000"),
        Shown(np.int64(-5), "got -5"),
    ],
    "refit": [False, True, None, 0, "2se", "Best", "", b"best", ["best"], np.nan],
    "scoring": [5, True, b"accuracy", ["accuracy", "neg_log_loss"], {"accuracy"}, {"a": "r2"}],
    "n_jobs": [
        0,
        1.5,
        2**31,
        -(2**31) - 1,
        "all",
        b"1",
        True,
        [1],
        np.nan,
        np.inf,
        Shown(np.int64(0), "got 0"),
        Shown(A_DAY, "timedelta64"),
        Shown(BEYOND_FLOAT, "1000"),
    ],
}  # fmt: skip
BAD_OPTIONS = [
    ("lbfgs", {"maxiter": 50}, ["solver_options['maxiter']", "50", "max_iter"]),
    ("cg", {"maxiter": 50}, ["solver_options['maxiter']", "50", "max_iter"]),
    ("lbfgs", {"gtol": 1e-3}, ["solver_options['gtol']", "0.001", "parameter tol"]),
    ("cg", {"gtol": 1e-3}, ["solver_options['gtol']", "0.001", "parameter tol"]),
    ("lbfgs", {"maxcor": 5, "iprint": 1}, ["solver_options", "'iprint'", "1", "maxcor"]),
    ("lbfgs", {"c1": 1e-4}, ["solver_options", "'c1'", "0.0001", "maxcor"]),
    ("cg", {"maxfun": 9}, ["solver_options", "'maxfun'", "9", "c1, c2"]),
    ("lbfgs", {1: 2}, ["solver_options", "unknown key 1", "maxcor"]),
    ("lbfgs", {None: 2}, ["solver_options", "unknown key None", "maxcor"]),
    ("lbfgs", {b"ftol": 2}, ["solver_options", "unknown key b'ftol'", "maxcor"]),
    ("lbfgs", {"maxcor": 0}, ["solver_options['maxcor']", "0"]),
    ("lbfgs", {"maxcor": 10_001}, ["solver_options['maxcor']", "10001"]),
    ("lbfgs", {"maxcor": 2.5}, ["solver_options['maxcor']", "2.5"]),
    ("lbfgs", {"maxcor": None}, ["solver_options['maxcor']", "None"]),
    ("lbfgs", {"maxcor": True}, ["solver_options['maxcor']", "True"]),
    ("lbfgs", {"maxfun": 0}, ["solver_options['maxfun']", "0"]),
    ("lbfgs", {"maxls": "3"}, ["solver_options['maxls']", "'3'"]),
    ("lbfgs", {"maxls": [3]}, ["solver_options['maxls']", "[3]"]),
    ("lbfgs", {"ftol": -1e-9}, ["solver_options['ftol']", "-1e-09"]),
    ("lbfgs", {"ftol": np.nan}, ["solver_options['ftol']", "nan"]),
    ("lbfgs", {"ftol": np.inf}, ["solver_options['ftol']", "inf"]),
    ("lbfgs", {"ftol": np.array(0.1)}, ["solver_options['ftol']", "array(0.1)"]),
    ("cg", {"c1": 0}, ["solver_options['c1']", "0"]),
    ("cg", {"c1": None}, ["solver_options['c1']", "None"]),
    ("cg", {"c2": 1.0}, ["solver_options['c2']", "1.0"]),
    ("cg", {"c2": "0.4"}, ["solver_options['c2']", "'0.4'"]),
    ("cg", {"c1": 0.3, "c2": 0.2}, ["solver_options", "c1", "0.3", "c2", "0.2"]),
    ("cg", {"c1": 0.5}, ["solver_options", "c1", "0.5", "c2"]),
    ("lbfgs", {"maxfun": BEYOND_FLOAT}, ["solver_options['maxfun']", "1000"]),
    ("lbfgs", {"ftol": BEYOND_FLOAT}, ["solver_options['ftol']", "1000"]),
    ("lbfgs", {"maxcor": A_DAY}, ["solver_options['maxcor']", "timedelta64"]),
    ("cg", {"c1": A_DAY}, ["solver_options['c1']", "timedelta64"]),
    ("lbfgs", {"maxls": np.int64(0)}, ["solver_options['maxls']", "got 0"]),
    ("cg", {"maxiter": np.int64(5)}, ["solver_options['maxiter'] = 5 "]),
    ("cg", {"maxls": np.int64(5)}, ["solver_options", "(value 5)"]),
]


# For three features and two units; the last matrix is for the classes, or a column of numbers.
HIDDEN, LAST = np.zeros((2, 4)), np.zeros((1, 3))


def hidden_of(value):
    return np.array([[value, *[1.0] * 3], [1.0] * 4], dtype=object)


BAD_THETAS = {
    "too few": ([HIDDEN], ["2 arrays", "got 1"]),
    "too many": ([HIDDEN, HIDDEN, LAST], ["2 arrays", "got 3"]),
    "empty": ([], ["2 arrays", "got 0"]),
    "numbers": (np.zeros(5), ["2 arrays", "got 5"]),
    "units": ([np.zeros((7, 4)), LAST], ["thetas_init[0]", "(2, 4)", "(7, 4)"]),
    "no bias": ([HIDDEN, np.zeros((1, 2))], ["thetas_init[1]", "(1, 3)", "(1, 2)"]),
    "coefs": ([HIDDEN.T, LAST.T], ["thetas_init[0]", "(2, 4)", "(4, 2)"]),
    "without elements": ([np.zeros((0, 4)), LAST], ["thetas_init[0]", "(0, 4)"]),
    "3D": ([HIDDEN[np.newaxis], LAST], ["thetas_init[0]", "(1, 2, 4)"]),
    "NaN": ([HIDDEN * np.nan, LAST], ["thetas_init[0]", "NaN"]),
    "infinity": ([HIDDEN, LAST + np.inf], ["thetas_init[1]", "infinity"]),
    "flat": ([HIDDEN.ravel(), LAST], ["thetas_init[0]"]),
    "scalar": ([0.5, LAST], ["thetas_init[0]", "0.5"]),
    "text": ([HIDDEN, [["a"] * 3]], ["thetas_init[1]", "'a'"]),
    "numbers as text": ([HIDDEN.astype(str), LAST], ["thetas_init[0]", "numbers"]),
    "bytes": ([HIDDEN.astype("S3"), LAST], ["thetas_init[0]", "numbers"]),
    "None": ([None, None], ["thetas_init[0]", "None"]),
    "dicts": ([{}, {}], ["thetas_init[0]", "{}"]),
    "complex": ([HIDDEN + 1j, LAST], ["thetas_init[0]", "numbers"]),
    "objects": ([hidden_of(b"1"), LAST], ["thetas_init[0]", "numbers"]),
    "beyond float": ([hidden_of(BEYOND_FLOAT), LAST], ["thetas_init[0]", "numbers", "1000"]),
    "durations": ([HIDDEN, LAST.astype("m8[D]")], ["thetas_init[1]", "numbers"]),
    "dates": ([HIDDEN, LAST.astype("M8[D]")], ["thetas_init[1]", "numbers"]),
    "durations as objects": ([hidden_of(A_DAY), LAST], ["thetas_init[0]", "numbers"]),
    "ragged": ([[[1.0], [1.0, 2.0]], LAST], ["thetas_init[0]", "[1.0, 2.0]"]),
    "masked": ([np.ma.masked_equal(HIDDEN, 0), LAST], ["thetas_init[0]", "numbers"]),
    "sparse": ([sparse.csr_array(HIDDEN), LAST], ["thetas_init[0]", "numbers"]),
    "records": ([np.zeros((2, 4), [("a", float)]), LAST], ["thetas_init[0]", "numbers"]),
    "frame of words": ([pd.DataFrame([["a"] * 4] * 2), LAST], ["thetas_init[0]", "numbers"]),
}


# X


def x_with(value, dtype=object):
    changed = np.array(X, dtype=dtype)
    changed[1, 1] = value
    return changed


def frame(column):
    """Return a pandas frame of three of these."""
    return pd.DataFrame(dict.fromkeys(NAMES, column))


def polars_frame(values, dtype=None):
    return pl.DataFrame({name: pl.Series(values, dtype=dtype) for name in NAMES})


def damaged(hold, **changes):
    """Return a sparse matrix whose arrays have been written to."""
    matrix = hold(X)
    for name, (where, value) in changes.items():
        array = getattr(matrix, name).copy()
        array[where] = value
        setattr(matrix, name, array)
    return matrix


TO_A_Y = "fit validation score"
DAYS = np.arange(36).reshape(12, 3)
FRAME = pd.DataFrame(X, columns=NAMES)
BAD_X = {
    "a number": bad(5, "2D"),
    "None": bad(None, "2D", places="fit score answer"),
    "0-d": bad(np.array(1.0), "2D"),
    "text": bad("text", "float"),
    "bytes": bad(b"text", "float"),
    "bytearray": bad(bytearray(b"text"), "2D"),
    "a flat view of memory": bad(memoryview(X[:, 0].copy()), "2D"),
    "a range": bad(range(N_ROWS), "2D"),
    "dict": bad_type({}, "X", "dict"),
    "dict of columns": bad_type({"a": [1.0, 2.0]}, "X", "dict"),
    "set": bad_type({1, 2}, "X", "set"),
    "generator": bad_type((row for row in X), "X", "generator"),
    "iterator": bad_type(iter(X.tolist()), "X", "iterator"),
    "zip": bad_type(zip([1], [2], strict=True), "X", "zip"),
    "object": bad_type(object(), "X", "object"),
    "a class": bad_type(int, "X", "type"),
    "a function": bad_type(len, "X", "function"),
    "ellipsis": bad_type(..., "X", "ellipsis"),
    "a date": bad_type(DATE, "X", "date"),
    "a splitter": bad_type(KFold(), "X", "KFold"),
    "empty list": bad([], "2D"),
    "rows without columns": bad([[]] * N_ROWS, "0 feature"),
    "np.matrix": bad_type(np.asmatrix(X), "X", "matrix"),
    "no rows": bad(X[:0], "0 sample"),
    "no columns": bad(X[:, :0], "0 feature"),
    "flat": bad(X[:, 0], "2D"),
    "3-d": bad(X[:, :, np.newaxis], "dim 3"),
    "4-d": bad(X[:, :, np.newaxis, np.newaxis], "dim 4"),
    "ragged": bad([[1.0, 2.0, 3.0]] * 11 + [[1.0, 2.0]], "sequence"),
    "ragged within": bad([[1.0, 2.0, [3.0]]] * N_ROWS, "sequence"),
    "rows of dicts": bad_type([{"a": 1}] * N_ROWS, "X", "dict"),
    "rows of sets": bad_type([[{1}, {2}, {3}]] * N_ROWS, "X", "set"),
    "rows of generators": bad_type([(i for i in range(3))] * N_ROWS, "X", "generator"),
    "rows of None": bad([[None] * 3] * N_ROWS, "NaN"),
    "Nones": bad([None] * N_ROWS, "2D"),
    "rows of words": bad([["a", "b", "c"]] * N_ROWS, "float"),
    "words": bad(["ab"] * N_ROWS, "float"),
    "a list of durations": bad_type([[A_DAY] * 3] * N_ROWS, "X", "timedelta64"),
    "more rows than y": bad(np.r_[X, X], "inconsistent", "24", places=TO_A_Y),
    "fewer rows than y": bad(X[:7], "inconsistent", "7", places=TO_A_Y),
    "a word among objects": bad(x_with("a"), "float"),
    "bytes among objects": bad(x_with(b"a"), "float"),
    "None among objects": bad(x_with(None), "NaN"),
    "NaN among objects": bad(x_with(np.nan), "NaN"),
    "Decimal NaN among objects": bad(x_with(Decimal("NaN")), "NaN"),
    "infinity among objects": bad(x_with(-np.inf), "infinity"),
    "dict among objects": bad_type(x_with({}), "X", "dict"),
    "complex among objects": bad_type(x_with(1j), "X", "complex"),
    "date among objects": bad_type(x_with(DATE), "X", "date"),
    "timedelta64 among objects": bad_type(x_with(A_DAY), "X", "timedelta64"),
    "timedelta among objects": bad_type(x_with(DURATION), "X", "timedelta"),
    "NA among objects": bad_type(x_with(pd.NA), "X", "NA"),
    "NaT among objects": bad_type(x_with(pd.NaT), "X", "NaT"),
    "beyond float among objects": bad_type(x_with(BEYOND_FLOAT), "X", "too large"),
    "beyond float in lists": bad_type([[BEYOND_FLOAT] * 3] * N_ROWS, "X", "too large"),
    "strings": bad(np.full(X.shape, "word"), "float"),
    "bytes strings": bad(np.full(X.shape, b"word"), "float"),
    "complex": bad(X + 1j, "Complex"),
    "complex, all real": bad(X + 0j, "Complex"),
    "complex64": bad((X + 1j).astype(np.complex64), "Complex"),
    "datetime64": bad_type(DAYS.astype("M8[D]"), "X", "datetime64"),
    "timedelta64": bad_type(DAYS.astype("m8[D]"), "X", "timedelta64"),
    "NaT": bad_type(np.full(X.shape, np.datetime64("NaT", "s")), "X", "datetime64"),
    "void": bad_type(np.zeros(X.shape, "V8"), "X", "records"),
    "records": bad_type(np.zeros(N_ROWS, [("a", float), ("b", float)]), "X", "records"),
    "records of one field": bad_type(np.zeros(X.shape, [("a", float)]), "X", "records"),
    "recarray": bad_type(np.rec.fromarrays([X[:, 0], X[:, 1]]), "X", "records"),
    "masked": bad(np.ma.masked_greater(X, 1), "X", "masked"),
    "all masked": bad(np.ma.masked_all(X.shape), "X", "masked"),
    "masked integers": bad(np.ma.masked_equal(X.astype(int), 0), "X", "masked"),
    "NaN": bad(x_with(np.nan, float), "NaN"),
    "infinity": bad(x_with(np.inf, float), "infinity"),
    "-infinity": bad(x_with(-np.inf, float), "infinity"),
    "float32 NaN": bad(x_with(np.nan, np.float32), "NaN"),
    "float32 infinity": bad(x_with(np.inf, np.float32), "infinity"),
    "float16 NaN": bad(x_with(np.nan, np.float16), "NaN"),
    "float16 infinity": bad(x_with(np.inf, np.float16), "infinity"),
    "longdouble NaN": bad(x_with(np.nan, np.longdouble), "NaN"),
    "longdouble beyond double": bad(x_with(BEYOND_DOUBLE, np.longdouble), "infinity"),
    "big-endian NaN": bad(x_with(np.nan, ">f8"), "NaN"),
    "big-endian float32 NaN": bad(x_with(np.nan, ">f4"), "NaN"),
    "Fortran NaN": bad(np.asfortranarray(x_with(np.nan, float)), "NaN"),
    "NaN, strided": bad(np.repeat(x_with(np.nan, float), 2, axis=1)[:, ::2], "NaN"),
    # scipy
    **{
        f"{kind.__name__} {named}": bad(kind(x_with(value, float)), word)
        for kind, value, named, word in (
            (sparse.csr_array, np.nan, "NaN", "NaN"),
            (sparse.csr_matrix, np.inf, "infinity", "infinity"),
            (sparse.csc_array, np.nan, "NaN", "NaN"),
            (sparse.coo_array, np.nan, "NaN", "NaN"),
            (sparse.coo_matrix, -np.inf, "-infinity", "infinity"),
            (sparse.dia_array, np.nan, "NaN", "NaN"),
            (sparse.bsr_array, np.nan, "NaN", "NaN"),
            (sparse.lil_array, np.nan, "NaN", "NaN"),
            (sparse.dok_array, np.inf, "infinity", "infinity"),
        )
    },
    "sparse complex": bad(sparse.csr_array(X + 1j), "Complex"),
    "sparse longdouble beyond double": bad(
        sparse.csr_array(x_with(BEYOND_DOUBLE, np.longdouble)), "infinity"
    ),
    "sparse without rows": bad(sparse.csr_array((0, 3)), "0 sample"),
    "sparse without columns": bad(sparse.csr_array((N_ROWS, 0)), "0 feature"),
    "sparse of fewer rows": bad(sparse.csr_array(X[:5]), "inconsistent", places=TO_A_Y),
    "csr, a column beyond": bad(damaged(sparse.csr_array, indices=(0, 99)), "X", "damaged"),
    "csr, a column below": bad(damaged(sparse.csr_array, indices=(0, -1)), "X", "damaged"),
    "csr, a row too long": bad(damaged(sparse.csr_array, indptr=(-1, 10_000)), "X", "damaged"),
    "csr, rows backwards": bad(damaged(sparse.csr_matrix, indptr=(3, 30)), "X", "damaged"),
    "csc, a row beyond": bad(damaged(sparse.csc_array, indices=(0, 99)), "X", "damaged"),
    "csc, a column too long": bad(damaged(sparse.csc_array, indptr=(1, 10_000)), "X", "damaged"),
    "bsr, a block beyond": bad(damaged(sparse.bsr_array, indices=(0, 99)), "X", "damaged"),
    "coo, a row beyond": bad(damaged(sparse.coo_matrix, row=(0, 99)), "X", "damaged"),
    "coo, a column below": bad(damaged(sparse.coo_matrix, col=(0, -1)), "X", "damaged"),
    # pandas
    "pandas NA": bad(FRAME.astype("Float64").where(FRAME > 0), "NaN"),
    "pandas Int64 NA": bad(FRAME.astype(int).astype("Int64").where(FRAME > 0), "NaN"),
    "pandas boolean NA": bad(frame(pd.array([True, None] * 6, dtype="boolean")), "NaN"),
    "pandas NaN": bad(FRAME.where(FRAME > 0), "NaN"),
    "pandas, one NaN in mixed columns": bad(
        FRAME.astype({"a": "float32", "b": "Int64"}, errors="ignore").assign(
            c=[np.nan] + [1.0] * 11
        ),
        "NaN",
    ),
    "pandas words": bad(frame(["x"] * N_ROWS), "float"),
    "pandas, one column of words": bad(FRAME.assign(c="x"), "float"),
    "pandas strings": bad(frame(pd.array(["x"] * N_ROWS, dtype="string")), "float"),
    "pandas bytes": bad(frame([b"x"] * N_ROWS), "float"),
    "pandas categories": bad(frame(pd.Categorical(["x"] * N_ROWS)), "float"),
    "pandas categories of numbers, one missing": bad(
        frame(pd.Categorical([1.0, np.nan] * 6)), "NaN"
    ),
    "pandas dates": bad_type(frame(pd.date_range("2020", periods=12)), "X", "datetime64"),
    "pandas, one column of dates": bad_type(
        FRAME.assign(c=pd.date_range("2020", periods=12)), "X", "datetime64"
    ),
    "pandas dates with a zone": bad_type(
        frame(pd.date_range("2020", periods=12, tz="UTC")), "X", "datetime64"
    ),
    "pandas durations": bad_type(frame(pd.to_timedelta(np.arange(12), "D")), "X", "timedelta64"),
    "pandas, one column of durations": bad_type(
        FRAME.assign(c=pd.to_timedelta(np.arange(12), "D")), "X", "timedelta64"
    ),
    "pandas periods": bad_type(frame(pd.period_range("2020", periods=12, freq="D")), "period"),
    "pandas intervals": bad_type(frame(pd.interval_range(0, 12)), "X", "Interval"),
    "pandas complex": bad(FRAME.astype(complex), "Complex"),
    "pandas dicts": bad_type(frame([{}] * N_ROWS), "X", "dict"),
    "pandas lists": bad(frame([[1, 2]] * N_ROWS), "sequence"),
    "pandas names of several types": bad_type(
        pd.DataFrame(X, columns=["a", 1, "c"]), "X", "string"
    ),
    "pandas without rows": bad(FRAME[:0], "0 sample"),
    "pandas without columns": bad(FRAME[[]], "0 feature|at least one"),
    "pandas sparse NaN": bad(frame(pd.arrays.SparseArray([0.0, np.nan] * 6, fill_value=0)), "NaN"),
    "pandas sparse, filled with NaN": bad(
        frame(pd.arrays.SparseArray([1.0, np.nan] * 6)), "fill value"
    ),
    "pandas Series": bad(FRAME["a"], "2"),
    "pandas Index": bad(pd.Index(X[:, 0]), "2D"),
    "pandas groups": bad(FRAME.groupby("a"), "sequence"),
    # polars
    "polars null": bad(polars_frame([None] + [1.0] * 11), "NaN"),
    "polars integer null": bad(polars_frame([None] + [1] * 11), "NaN"),
    "polars Decimal null": bad(polars_frame([None] + [Decimal("1.5")] * 11), "NaN"),
    "polars nothing but null": bad(polars_frame([None] * N_ROWS), "NaN"),
    "polars NaN": bad(pl.DataFrame(x_with(np.nan, float), schema=NAMES), "NaN"),
    "polars words": bad(polars_frame(["x"] * N_ROWS), "float"),
    "polars, one column of words": bad(
        pl.DataFrame(X, schema=NAMES).with_columns(c=pl.lit("x")), "float"
    ),
    "polars categories": bad(polars_frame(["x"] * N_ROWS, pl.Categorical), "float"),
    "polars Enum": bad(polars_frame(["x"] * N_ROWS, pl.Enum(["x"])), "float"),
    "polars bytes": bad(polars_frame([b"x"] * N_ROWS), "float"),
    "polars dates": bad_type(polars_frame([DATE] * N_ROWS), "X", "Date"),
    "polars, one column of dates": bad_type(
        pl.DataFrame(X, schema=NAMES).with_columns(c=pl.lit(DATE)), "X", "Date"
    ),
    "polars times": bad_type(polars_frame([datetime.time(1)] * N_ROWS), "X", "Time"),
    "polars datetimes": bad_type(
        polars_frame([datetime.datetime(2020, 1, 1)] * N_ROWS), "X", "Datetime"
    ),
    "polars durations": bad_type(polars_frame([DURATION] * N_ROWS), "X", "Duration"),
    "polars lists": bad_type(polars_frame([[1, 2]] * N_ROWS), "X", "lists"),
    "polars structs": bad_type(polars_frame([{"u": 1.0}] * N_ROWS), "X", "records"),
    "polars lazy": bad_type(pl.DataFrame(X, schema=NAMES).lazy(), "X", "collect"),
    "polars Series": bad(pl.Series(X[:, 0]), "2"),
    "polars expression": bad_type(pl.col("a"), "X", "Expr"),
    "polars without rows": bad(pl.DataFrame(X, schema=NAMES)[:0], "0 sample"),
    "polars without columns": bad(pl.DataFrame(), "0"),
}
if HAS_1D_SPARSE:
    BAD_X["sparse, flat"] = bad(sparse.coo_array(X[:, 0]), "X", "2D")
if SKLEARN >= (1, 9):  # before, names may be repeated
    BAD_X["pandas names twice"] = bad(pd.DataFrame(X, columns=["a", "a", "b"]), "unique")

# To models of three features.
OTHER_FEATURES = {
    "one less": bad(X[:, :2], "X has 2 features"),
    "one more": bad(np.c_[X, X[:, 0]], "X has 4 features"),
    "sparse, one less": bad(sparse.csr_array(X[:, :2]), "X has 2 features"),
    "lists, one less": bad(X[:, :2].tolist(), "X has 2 features"),
    "a pandas frame, one more": bad(FRAME.assign(d=0.0), "X has 4 features"),
    "a polars frame, one less": bad(pl.DataFrame(X[:, :2], schema=NAMES[:2]), "X has 2 features"),
}
# To models of features with NAMES.
OTHER_NAMES = {
    "other names": bad(FRAME.rename(columns={"a": "d"}), "feature names", "unseen"),
    "another order": bad(FRAME[["b", "a", "c"]], "feature names", "order"),
    "one less": bad(FRAME[["a", "b"]], "feature names", "missing"),
    "one more": bad(FRAME.assign(d=0.0), "feature names", "unseen"),
}
if SKLEARN >= (1, 8):  # before, it may see no names of polars' columns
    OTHER_NAMES["other names in polars"] = bad(
        pl.DataFrame(X, schema=["a", "b", "d"]), "feature names", "unseen"
    )


# y


def y_with(value, y=CLASSES, dtype=object):
    changed = np.array(y, dtype=dtype)
    changed[1] = value
    return changed


DATES = np.arange("2020-01-01", "2020-01-13", dtype="M8[D]")
SECOND = np.arange(N_ROWS) == 1
IN_FIT = "fit validation"
# What classifiers, regressors and scikit-learn's scores say of a type that they do not take.
WRONG_TYPE = "label|float|handle|cannot be used"
# What neither classes nor numbers can be.
BAD_Y = {
    "a number": bad_type(1, "y", places="fit validation"),
    "a number, to score": bad(1, "y", places="score"),
    "text": bad_type("ab", "y", places="fit"),
    "bytes": bad_type(b"ab", "y", places="fit"),
    "dict": bad(dict.fromkeys(range(N_ROWS), 1), "y"),
    "set": bad(set(range(N_ROWS)), "y"),
    "generator": bad((i % 2 for i in range(N_ROWS)), "y"),
    "object": bad(object(), "y"),
    "a class": bad(int, "y"),
    "a function": bad(len, "y"),
    "0-d": bad(np.array(1), "y"),
    "None": bad(None, "y", places="fit score"),
    "no rows": bad(CLASSES[:0], "0"),
    "too few": bad(CLASSES[:5], "inconsistent", "5"),
    "too many": bad(np.r_[CLASSES, CLASSES], "inconsistent", "24"),
    "a row": bad(CLASSES[np.newaxis], "inconsistent"),
    "3-d": bad(np.zeros((N_ROWS, 2, 2), int), "dim 3|handle|outputs"),
    "no columns": bad(np.zeros((N_ROWS, 0)), "0 feature|handle"),
    "ragged": bad([[0]] * 11 + [[0, 1]], "sequence"),
    "Nones": bad([None] * N_ROWS, "label|NaN", places=IN_FIT),
    "dicts": bad([{}] * N_ROWS, WRONG_TYPE),
    "sets": bad([{1}, {2}] * 6, WRONG_TYPE),
    "NaN": bad(y_with(np.nan, dtype=float), "NaN"),
    "infinity": bad(y_with(np.inf, dtype=float), "infinity"),
    "float32 NaN": bad(y_with(np.nan, dtype=np.float32), "NaN"),
    "NaN among objects": bad(y_with(np.nan), "NaN|handle"),
    "NaN in two columns": bad(np.c_[CLASSES, y_with(np.nan, dtype=float)], "NaN"),
    "None among objects": bad(y_with(None), "label|NaN|cannot be used"),
    "None among words": bad(y_with(None, COLOURS), WRONG_TYPE),
    "NaN among words": bad(y_with(np.nan, COLOURS), "NaN|float|cannot be used"),
    "NA among objects": bad_type(y_with(pd.NA), "y", "NA"),
    "NA among words": bad_type(y_with(pd.NA, COLOURS), "y", "NA"),
    "NaT among objects": bad(y_with(pd.NaT), "NaN|NaT"),
    "timedelta64 among objects": bad_type(y_with(A_DAY), "y", "timedelta64"),
    "complex among objects": bad(y_with(1j), WRONG_TYPE),
    "dict among objects": bad(y_with({}), WRONG_TYPE),
    "date among objects": bad(y_with(DATE), WRONG_TYPE),
    "bytes among words": bad(y_with(b"red", COLOURS), WRONG_TYPE),
    "complex": bad(CLASSES + 0j, "omplex"),
    "complex64": bad((CLASSES + 1j).astype(np.complex64), "omplex"),
    "NaT": bad(np.where(SECOND, np.datetime64("NaT", "D"), DATES), "y"),
    "NaT durations": bad(np.where(SECOND, np.timedelta64("NaT", "D"), DATES - DATES[0]), "y"),
    "void": bad_type(np.zeros(N_ROWS, "V4"), "y", "records"),
    "records": bad_type(np.zeros(N_ROWS, [("a", float), ("b", int)]), "y", "records"),
    "records of one field": bad_type(np.zeros(N_ROWS, [("a", float)]), "y", "records"),
    "masked": bad(np.ma.masked_array(CLASSES, SECOND), "y", "masked"),
    "masked numbers": bad(np.ma.masked_array(NUMBERS, SECOND), "y", "masked"),
    "masked words": bad(np.ma.masked_array(COLOURS, SECOND), "y", "masked"),
    "masked labels": bad(np.ma.masked_equal(LABELS, 0), "y", "masked"),
    "sparse labels with NaN": bad(
        sparse.csr_array(np.c_[CLASSES, y_with(np.nan, dtype=float)]), "NaN", places=IN_FIT
    ),
    "sparse complex": bad(sparse.csr_array(LABELS + 1j), "omplex", places=IN_FIT),
    "sparse without columns": bad(sparse.csr_array((N_ROWS, 0)), "0 feature", places=IN_FIT),
    "pandas NA": bad(pd.Series(CLASSES, dtype="Int64").where(CLASSES > 0), "NaN|missing|NA"),
    "pandas NaN": bad(pd.Series(NUMBERS).where(CLASSES > 0), "NaN"),
    "pandas strings, one missing": bad(pd.Series(["a", None] * 6, dtype="string"), "NA|NaN|float"),
    "pandas truth values, one missing": bad(
        pd.Series([True, None] * 6, dtype="boolean"), "NaN|missing|NA"
    ),
    "pandas categories, one missing": bad(
        pd.Series(pd.Categorical(["a", None] * 6)), "NaN|float|cannot be used"
    ),
    "pandas categories of numbers, one missing": bad(
        pd.Series(pd.Categorical([1, None] * 6)), "NaN"
    ),
    "pandas NaT": bad(pd.Series(pd.to_datetime(["2020-01-01", None] * 6)), "y"),
    "pandas dates with a zone": bad(
        pd.Series(pd.date_range("2020", periods=12, tz="UTC")), "label|numbers|classes|handle"
    ),
    "pandas periods": bad(
        pd.Series(pd.period_range("2020", periods=12, freq="D")), "label|numbers|classes|handle"
    ),
    "pandas intervals": bad(pd.Series(pd.interval_range(0, 12)), "label|float|classes|handle"),
    "pandas sparse NaN": bad(pd.Series(pd.arrays.SparseArray([1.0, np.nan] * 6)), "NaN"),
    "polars null": bad(pl.Series([None, 1] * 6), "NaN"),
    "polars words, one missing": bad(pl.Series([None, "a"] * 6), WRONG_TYPE),
    "polars categories, one missing": bad(
        pl.Series(["a", None] * 6, dtype=pl.Categorical), WRONG_TYPE
    ),
    "polars lists": bad_type(pl.Series([[1, 2], [2, 3]] * 6), "y", "lists"),
    "polars structs": bad_type(pl.Series([{"a": 1}, {"a": 2}] * 6), "y", "records"),
    "polars lazy": bad_type(pl.DataFrame({"y": CLASSES}).lazy(), "y", "collect"),
    "polars expression": bad(pl.col("y"), "y"),
}
if SKLEARN >= (1, 8):  # before, bytes are labels
    BAD_Y["bytes strings"] = bad(COLOURS.astype("S4"), "label|numbers|classes|cannot be used")
    BAD_Y["polars bytes"] = bad(pl.Series([b"a", b"b"] * 6), "label|float|classes|cannot be used")
if HAS_1D_SPARSE:
    BAD_Y["sparse, flat"] = bad(sparse.coo_array(CLASSES), "y", "2D")
BAD_CLASSES = {
    "one class": bad(np.zeros(N_ROWS, int), "y", "one class only, 0", places="fit"),
    "one word": bad(np.full(N_ROWS, "red"), "y", "one class only, 'red'", places="fit"),
    "one truth value": bad(np.zeros(N_ROWS, bool), "one class only, False", places="fit"),
    "one pandas category": bad(
        pd.Series(pd.Categorical(["a"] * N_ROWS, ["a", "b"])), "one class only, 'a'", places="fit"
    ),
    "one date": bad(np.full(N_ROWS, np.datetime64("2020-01-01")), "one class only", places="fit"),
    "continuous": bad(CLASSES + 0.25, "continuous|classes of the fit"),
    "continuous float16": bad((CLASSES + 0.25).astype(np.float16), "continuous|classes of the fit"),
    "continuous, two columns": bad(np.c_[CLASSES, CLASSES] / 3, "continuous|one column"),
    "classes, two columns": bad(np.c_[CLASSES, CLASSES + 1], "multioutput|one column"),
    "words, two columns": bad(np.c_[COLOURS, COLOURS], "multioutput|one column"),
    "a frame of words": bad(pd.DataFrame({"a": COLOURS, "b": COLOURS}), "multioutput|one column"),
    "a polars frame of words": bad(
        pl.DataFrame({"a": COLOURS, "b": COLOURS}), "multioutput|one column"
    ),
    "words among numbers": bad(y_with("a"), "label|cannot be used"),
    "whole numbers as objects": bad(CLASSES.astype(object), "label", places="fit"),
    "Decimals": bad([Decimal(0), Decimal(1)] * 6, "label|classes|handle", places="fit score"),
    "dates as objects": bad(pd.Series([DATE] * N_ROWS), "label|classes|handle"),
    "beyond float": bad(y_with(BEYOND_FLOAT), "label|classes|handle", places=IN_FIT),
    "tuples": bad(pd.Series([(1, 2), (3, 4)] * 6), "label|classes|handle"),
    "labels of -1 and 1": bad(2 * LABELS - 1, "y", "-1|one column", places=IN_FIT),
    "labels of 0 and 2": bad(2 * LABELS, "y", "2|one column", places=IN_FIT),
    "sparse labels of 0 and 2": bad(
        sparse.csr_array(2 * LABELS), "y", "2|one column", places=IN_FIT
    ),
    "a sparse column": bad(
        sparse.csr_array(CLASSES[:, np.newaxis]), "dense|one column", places=IN_FIT
    ),
    "labels where y has classes": bad(LABELS, "y", "one column|handle", places="validation score"),
    "other classes": bad(CLASSES + 1, "y_val", "classes of the fit", places="validation"),
    "other words": bad(COLOURS, "y_val", "classes of the fit", places="validation"),
}
BAD_NUMBERS = {
    "words": bad(COLOURS, "float"),
    "words as objects": bad(COLOURS.astype(object), "float"),
    "dates": bad_type(DATES, "y", "datetime64"),
    "durations": bad_type(DATES - DATES[0], "y", "timedelta64"),
    "a list of durations": bad_type([A_DAY] * N_ROWS, "y", "timedelta64"),
    "pandas dates": bad_type(pd.Series(DATES), "y", "datetime64"),
    "pandas durations": bad_type(pd.Series(DATES - DATES[0]), "y", "timedelta64"),
    "polars dates": bad_type(pl.Series([DATE] * N_ROWS), "y", "Date"),
    "polars durations": bad_type(pl.Series([DURATION] * N_ROWS), "y", "Duration"),
    "pandas words": bad(pd.Series(COLOURS), "float"),
    "polars words": bad(pl.Series(COLOURS), "float"),
    "polars categories": bad(pl.Series(COLOURS.tolist(), dtype=pl.Categorical), "float"),
    "a frame with words": bad(pd.DataFrame({"a": NUMBERS, "b": COLOURS}), "float"),
    "longdouble beyond double": bad(y_with(BEYOND_DOUBLE, NUMBERS, np.longdouble), "infinity"),
    "beyond float": bad(y_with(BEYOND_FLOAT), "too large"),
    "two columns, where y has one": bad(
        np.c_[NUMBERS, NUMBERS], "output", places="validation score"
    ),
}
BAD_COUNTS = {
    "negative": bad(COUNTS - 1, "y", "negative|>= 0"),
    "negative, tiny": bad(np.where(SECOND, -5e-324, COUNTS), "y", "negative|>= 0"),
    "negative infinity": bad(np.where(SECOND, -np.inf, COUNTS), "y", "infinity"),
    "all zero": bad(COUNTS * 0, "y", "positive sum", places="fit"),
    "one column zero": bad(np.c_[COUNTS, COUNTS * 0], "y", "positive sum", "column", places="fit"),
    "beyond whole numbers": bad(COUNTS + 1e16, "y", "2\\*\\*53", places=IN_FIT),
}


# Weights


def weights_with(value, dtype=object):
    return y_with(value, WEIGHTS, dtype)


BAD_WEIGHTS = {
    "a word": bad("balanced", "must hold real numbers"),
    "bytes": bad(b"1", "must hold real numbers"),
    "dict": bad({}, "must hold real numbers"),
    "dict of rows": bad({0: 1.0}, "must hold real numbers"),
    "set": bad({1.0}, "must hold real numbers"),
    "object": bad(object(), "must hold real numbers"),
    "a class": bad(float, "must hold real numbers"),
    "a function": bad(len, "must hold real numbers"),
    "ellipsis": bad(..., "must hold real numbers"),
    "complex for all": bad(1j, "must hold real numbers"),
    "timedelta64 for all": bad(A_DAY, "must hold real numbers"),
    "a date": bad(DATE, "must hold real numbers"),
    "a duration": bad(DURATION, "must hold real numbers"),
    "a list of durations": bad([A_DAY] * N_ROWS, "must hold real numbers"),
    "a list of words": bad(["1"] * N_ROWS, "must hold real numbers"),
    "a list of dicts": bad([{}] * N_ROWS, "must hold real numbers"),
    "ragged": bad([[1.0]] * 11 + [[1.0, 2.0]], "must hold real numbers"),
    "generator": bad((w for w in WEIGHTS), "must hold real numbers"),
    "negative for all": bad(-2, "not be negative", "-2"),
    "zero for all": bad(0, "zero"),
    "False for all": bad(False, "zero"),
    "NaN for all": bad(np.nan, "NaN"),
    "infinity for all": bad(np.inf, "infinity"),
    "beyond float for all": bad(BEYOND_FLOAT, "too large"),
    "Decimal for all": bad(Decimal(2), "shape"),
    "0-d": bad(np.array(2.0), "shape"),
    "empty": bad([], "shape", "0"),
    "too few": bad(WEIGHTS[:5], "shape", "12", "5"),
    "too many": bad(np.r_[WEIGHTS, WEIGHTS], "shape", "12", "24"),
    "a column": bad(WEIGHTS[:, np.newaxis], "shape", "12, 1"),
    "a row": bad(WEIGHTS[np.newaxis], "shape", "1, 12"),
    "3-d": bad(WEIGHTS.reshape(2, 2, 3), "shape"),
    "Nones": bad([None] * N_ROWS, "NaN"),
    "strings": bad(WEIGHTS.astype(str), "must hold real numbers"),
    "bytes strings": bad(WEIGHTS.astype("S4"), "must hold real numbers"),
    "a word among objects": bad(weights_with("1"), "must hold real numbers"),
    "bytes among objects": bad(weights_with(b"1"), "must hold real numbers"),
    "None among objects": bad(weights_with(None), "NaN"),
    "NaN among objects": bad(weights_with(np.nan), "NaN"),
    "NA among objects": bad(weights_with(pd.NA), "must hold real numbers"),
    "NaT among objects": bad(weights_with(pd.NaT), "must hold real numbers"),
    "complex among objects": bad(weights_with(1j), "must hold real numbers"),
    "dict among objects": bad(weights_with({}), "must hold real numbers"),
    "timedelta64 among objects": bad(weights_with(A_DAY), "must hold real numbers"),
    "beyond float among objects": bad(weights_with(BEYOND_FLOAT), "too large"),
    "beyond float in a list": bad([BEYOND_FLOAT] * N_ROWS, "too large"),
    "NaN": bad(weights_with(np.nan, float), "NaN"),
    "infinity": bad(weights_with(np.inf, float), "infinity"),
    "float16 infinity": bad(weights_with(np.inf, np.float16), "infinity"),
    "longdouble beyond double": bad(weights_with(BEYOND_DOUBLE, np.longdouble), "infinity"),
    "negative": bad(weights_with(-0.5, float), "not be negative", "-0.5"),
    "negative, tiny": bad(weights_with(-5e-324, float), "not be negative", "-5e-324"),
    "negative integer": bad(weights_with(-1, int), "not be negative", "-1"),
    "all zero": bad(WEIGHTS * 0, "zero"),
    "all -0": bad(WEIGHTS * -0.0, "zero"),
    "no row chosen": bad(np.zeros(N_ROWS, bool), "zero"),
    "an infinite sum": bad(np.full(N_ROWS, 1e308), "finite sum"),
    "complex": bad(WEIGHTS + 0j, "must hold real numbers"),
    "dates": bad(DATES, "must hold real numbers"),
    "durations": bad(DATES - DATES[0], "must hold real numbers"),
    "records": bad(np.zeros(N_ROWS, [("a", float)]), "must hold real numbers"),
    "masked": bad(np.ma.masked_greater(WEIGHTS, 3), "masked"),
    "sparse": bad(sparse.csr_array(WEIGHTS[np.newaxis]), "must hold real numbers"),
    "pandas NA": bad(pd.Series(WEIGHTS, dtype="Float64").where(WEIGHTS > 3), "NaN|NA"),
    "pandas Int64 NA": bad(pd.Series([1, None] * 6, dtype="Int64"), "NaN|NA"),
    "pandas NaN": bad(pd.Series(WEIGHTS).where(WEIGHTS > 3), "NaN"),
    "pandas words": bad(pd.Series(COLOURS), "must hold real numbers"),
    "pandas categories": bad(pd.Series(pd.Categorical(COLOURS)), "must hold real numbers"),
    "pandas dates": bad(pd.Series(DATES), "must hold real numbers"),
    "pandas durations": bad(pd.Series(DATES - DATES[0]), "must hold real numbers"),
    "pandas frame": bad(pd.DataFrame({"w": WEIGHTS}), "shape"),
    "polars null": bad(pl.Series([None, 1.0] * 6), "NaN"),
    "polars words": bad(pl.Series(COLOURS), "must hold real numbers"),
    "polars dates": bad(pl.Series([DATE] * N_ROWS), "must hold real numbers"),
    "polars durations": bad(pl.Series([DURATION] * N_ROWS), "must hold real numbers"),
    "polars frame": bad(pl.DataFrame({"w": WEIGHTS}), "shape"),
    "polars lazy": bad(pl.DataFrame({"w": WEIGHTS}).lazy(), "must hold real numbers"),
    "polars expression": bad(pl.col("w"), "must hold real numbers"),
}  # fmt: skip


# What only searches take


class Splitter:
    def __init__(self, *splits):
        self.splits = splits

    def split(self, X, y=None, groups=None):
        yield from self.splits


class Endless:
    def __iter__(self):
        return repeat((ALL, SOME))


class NoSplitter:
    split = "here"


ALL, SOME = np.arange(N_ROWS), np.arange(0, N_ROWS, 3)
BAD_CV = {
    "float": (2.5, "got 2.5"),
    "a whole float": (2.0, "got 2.0"),
    "NaN": (np.nan, "got nan"),
    "infinity": (np.inf, "got inf"),
    "complex": (2j, "got 2j"),
    "string": ("folds", "got 'folds'"),
    "number as string": ("5", "got '5'"),
    "bytes": (b"5", "got b'5'"),
    "object": (object(), "got <object object"),
    "class": (KFold, "got <class .*KFold"),
    "function": (len, "got <built-in function len>"),
    "attribute": (NoSplitter(), "got <.*NoSplitter"),
    "zero": (0, "got 0: .*n_splits=0"),
    "one": (1, "got 1: .*n_splits=1"),
    "True": (True, "got True"),
    "negative": (-5, "got -5: .*n_splits=-5"),
    "numpy's one": (np.int64(1), "got 1: .*n_splits=1"),
    "too many": (13, "got 13: .*n_splits=13"),
    "beyond float": (BEYOND_FLOAT, "got 1000"),
    "timedelta": (A_DAY, "got numpy.timedelta64|got np.timedelta64"),
    "date": (DATE, "got datetime.date"),
    "too many of a splitter": (KFold(13), "got KFold.*n_splits=13"),
    "groups that are missing": (GroupKFold(2), "got GroupKFold.*groups"),
    "nothing": ([], r"got \[\]"),
    "an empty dict": ({}, r"got {}"),
    "an empty array": (np.array([]), r"got array\(\[\]"),
    "numbers": ([0, 1], r"got \[0, 1\]"),
    "a set": ({0, 1}, r"got {0, 1}"),
    "a dict": ({0: (ALL, SOME)}, "got {0: "),
    "an array of numbers": (np.arange(12), r"got array\("),
    "None within": ([None], r"got \[None\]"),
    "triples": ([(ALL, SOME, SOME)], "too many values"),
    "singles": ([(ALL,)], "not enough values"),
    "a splitter of nothing": (Splitter(), "at least one split"),
    "a splitter of numbers": (Splitter(0), "got <.*Splitter"),
    "a splitter of triples": (Splitter((ALL, SOME, SOME)), "too many values"),
    "a generator of numbers": ((i for i in range(2)), "got <generator"),
    "an exhausted iterator": (iter([]), "got <list_iterator"),
    "an endless iterator": (cycle([(ALL, SOME)]), "got <itertools.cycle.*more than 100000 splits"),
    "an endless iterable": (Endless(), "got <.*Endless.*more than 100000 splits"),
    "an endless splitter": (Splitter(*[(ALL, SOME)] * 100_001), "got <.*Splitter.*more than 1000"),
    "numbers for rows": ([(0, 1)], r"cv's training rows of fold 0 must be positions.*array\(0\)"),
    "None for rows": ([(ALL, None)], "cv's test rows of fold 0 must be positions"),
    "words for rows": ([(ALL, ["a"])], "cv's test rows of fold 0 must be positions"),
    "floats for rows": ([(ALL, SOME), (ALL, SOME / 2)], "cv's test rows of fold 1 must be pos"),
    "NaN for rows": ([(ALL, [np.nan])], "cv's test rows of fold 0 must be positions"),
    "objects for rows": ([(ALL, SOME.astype(object))], "cv's test rows of fold 0 must be pos"),
    "durations for rows": ([(ALL, SOME.astype("m8[D]"))], "cv's test rows of fold 0 must be pos"),
    "a set for rows": ([(ALL, {0, 1})], "cv's test rows of fold 0 must be positions"),
    "ragged rows": ([(ALL, [0, [1]])], "cv's test rows of fold 0 must be positions"),
    "rows of two columns": ([(ALL, np.eye(2, dtype=int))], "cv's test rows of fold 0 must be pos"),
    "no training rows": ([([], SOME)], "cv's training rows of fold 0 .*at least one row"),
    "no test rows": ([(ALL, SOME), (ALL, [])], "cv's test rows of fold 1 .*at least one row"),
    "a mask of none": ([(ALL, ALL < 0)], "cv's test rows of fold 0 .*at least one row"),
    "a short mask": ([(ALL[1:] > 5, SOME)], r"cv's training rows of fold 0 .*12 rows.*\(11,\)"),
    "a long mask": ([(ALL, np.ones(13, bool))], r"cv's test rows of fold 0 .*12 rows.*\(13,\)"),
    "negative rows": ([(ALL - 1, SOME)], "cv's training rows of fold 0 .*0 to 11, got -1 to 10"),
    "rows out of range": ([(ALL, SOME + 3)], "cv's test rows of fold 0 .*0 to 11, got 3 to 12"),
    "great unsigned rows": (
        [(ALL, np.array([0, 2**64 - 1], np.uint64))], "cv's test rows of fold 0 .*0 to 11, got 0 to"
    ),
}  # fmt: skip


def raising(*args, **kwargs):
    raise RuntimeError("in the scorer")


# Found out by the first fit that is scored.
BAD_SCORING = {
    "an unknown name": ("logloss", "scoring", "logloss"),
    "an empty name": ("", "scoring"),
    "a metric": (accuracy_score, "scoring"),
    "a function of other arguments": (len, "scoring=.*failed in fold 0"),
    "a class": (dict, "scoring=.*failed in fold 0"),
    "a scorer that raises": (raising, "scoring=.*failed in fold 0", "in the scorer"),
    "a word": (lambda *args: "good", "scoring", "'good'"),
    "None": (lambda *args: None, "scoring", "None"),
    "several": (lambda *args: {"accuracy": 1.0}, "scoring must return a number, got {'accuracy'"),
    "a list": (lambda *args: [1.0], "scoring must return a number"),
    "two numbers": (lambda *args: np.zeros(2), "scoring must return a number"),
    "complex": (lambda *args: 1j, "scoring must return a number, got 1j"),
    "a Decimal": (lambda *args: Decimal(1), "scoring must return a number"),
    "beyond float": (lambda *args: BEYOND_FLOAT, "scoring=.*too large"),
    "NaN": (lambda *args: np.nan, "scoring gives no number"),
    "infinity": (lambda *args: -np.inf, "scoring gives no number"),
}
# What a callable refit returns, and what is shown of it.
BAD_INDICES = {
    "True": (True, "True"),
    "numpy's True": (np.True_, "True"),
    "float": (1.5, "1.5"),
    "whole float": (1.0, "1.0"),
    "NaN": (np.nan, "nan"),
    "None": (None, "None"),
    "string": ("0", "'0'"),
    "list": ([0], r"\[0\]"),
    "dict": ({"reg_lambda": 1.0}, "{'reg_lambda'"),
    "array": (np.array([1]), r"array\(\[1\]\)"),
    "0-d": (np.array(1), r"array\(1\)"),
    "negative": (-1, "-1"),
    "too great": (2, "2"),
    "numpy's": (np.int64(2), "2"),
    "beyond float": (BEYOND_FLOAT, "1000"),
    "timedelta": (A_DAY, ".*timedelta64"),
}


# What only together is wrong


class Together(NamedTuple):
    """Parameters and arguments of fit, of the estimators that take them.

    Attributes
    ----------
    words : tuple of str
        The message holds each.
    parameters, fit : dict
    of_classes : bool
        Whether regressors would take it.
    """

    words: tuple[str, ...]
    parameters: dict[str, Any]
    fit: dict[str, Any]
    of_classes: bool = False


ONE_OF_FIVE = (np.arange(N_ROWS) % 5 == 0).astype(float)
TOGETHER = {
    "one class of weight": Together(
        ("y", "one class only, 1"), {}, {"y": CLASSES, "sample_weight": CLASSES}, True
    ),
    "one class by class_weight": Together(("y", "one class"), {"class_weight": {1: 0}}, {}),
    "no class by class_weight": Together(
        ("class_weight", "0: 0"), {"class_weight": {0: 0, 1: 0}}, {}
    ),
    "no class by class_weight with numpy's keys": Together(
        ("class_weight", "{0: 0"), {"class_weight": dict.fromkeys(np.unique(CLASSES), 0.0)}, {}
    ),
    "class_weight that overflows": Together(
        ("class_weight", "finite sum", "0: 1e\\+308"), {"class_weight": {0: 1e308}}, {}
    ),
    "class_weight of other classes": Together(
        ("class_weight",), {"class_weight": {"red": 2.0}}, {}
    ),
    "class_weight for labels": Together(
        ("class_weight", "multilabel", "balanced"), {"class_weight": "balanced"}, {"y": LABELS}
    ),
    "class_weight dict for labels": Together(
        ("class_weight", "multilabel", "{0: 2}"), {"class_weight": {0: 2}}, {"y": LABELS}
    ),
    "no row of y_val by class_weight": Together(
        ("class_weight", "y_val"),
        {"class_weight": {2: 0.0}},
        {"y": np.arange(N_ROWS) % 3, "X_val": X, "y_val": np.full(N_ROWS, 2)},
    ),
    "X_val alone": Together(("X_val needs y_val",), {}, {"X_val": X}),
    "y_val alone": Together(("y_val needs X_val",), {}, {"y_val": CLASSES}),
    "sample_weight_val alone": Together(("X_val and y_val",), {}, {"sample_weight_val": WEIGHTS}),
    "X_val of other features": Together(
        ("X_val", "2 features"), {}, {"X_val": X[:, :2], "y_val": CLASSES}
    ),
    "a network beyond any memory": Together(
        ("hidden_layer_sizes", "parameters"), {"hidden_layer_sizes": [2**31 - 1] * 2}, {}
    ),
    "no class of two rows to hold one out": Together(
        ("validation_fraction|cv",), {"early_stopping": True}, {"y": ALL}, True
    ),
    "folds without a training row of weight": Together(
        ("in fold 0: sample_weight", "training"),
        {"cv": [(np.flatnonzero(ONE_OF_FIVE == 0), ALL)]},
        {"sample_weight": ONE_OF_FIVE, "y": ALL // 6},
    ),
    "folds without a test row of weight": Together(
        ("in fold 0: sample_weight", "test"),
        {"cv": [(ALL, np.flatnonzero(ONE_OF_FIVE == 0))]},
        {"sample_weight": ONE_OF_FIVE, "y": ALL // 6},
    ),
    "counts of weight zero alone": Together(
        ("positive sum",),
        {"loss": "poisson"},
        {"y": ALL < 5, "sample_weight": (ALL >= 5).astype(float)},
    ),
}
# A fit that goes out of bounds, at whichever evaluation.
NON_FINITE = {
    f"{activation} {solver} {size:.0e}": Together(
        ("non-finite", "scale X"),
        {"activation": activation, "solver": solver},
        {"X": np.sign(X) * size},
    )
    for activation in ("identity", "relu")
    for solver in ("lbfgs", "cg")
    for size in (1e200, 1e300)
} | {
    "start of great Thetas": Together(
        ("non-finite", "smaller Thetas"),
        {"thetas_init": [np.full((2, 4), 1e200), np.full((1, 3), 1e200)], "activation": "relu"},
        {},
    )
}
