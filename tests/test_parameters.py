"""Bad input: a clear error before any work is done, and the fitted state is kept."""

import copy
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier, BackpropClassifierCV
from skbackprop._training.solver import Descent

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
NAMES = ["a", "b", "c", "d"]
BEYOND_FLOAT = 10**400
# To numpy, a timedelta64 is an integer.
A_DAY = np.timedelta64(1, "D")
RANGE_OF_BAD_VALUES = {
    "hidden_layer_sizes": [0, -3, 2.5, "10", None, True, [5, 0], [5.0], [[3]], {5}, np.eye(2)],
    "activation": [
        "sigmoid",
        None,
        5,
        [],
        ["logistic", "tanh"],
        ["sigmoid"],
        [None],
        [["tanh"]],
        {"tanh"},
    ],
    "out_activation": ["sigmoid", None, 1, ["softmax"]],
    "reg_lambda": [-1e-9, -1, np.nan, np.inf, "AUTO", None, True, [0.1], 1j],
    "solver": ["adam", "LBFGS", None, ["lbfgs"]],
    "max_iter": [0, -1, 2.5, "100", None, True, np.inf],
    "tol": [-1e-4, np.nan, np.inf, "1e-4", None, True],
    "class_weight": ["Balanced", 5, [1, 2, 3], {0: -1}, {0: np.nan}, {0: np.inf}, {0: "1"}],
    "thetas_init": [5, "random", {"a": 1}],
    "warm_start": [None, 1, "yes"],
    "solver_options": [[], "ftol", 5],
    "random_state": [-1, 2**33, 2.5, "seed", np.random.default_rng(0)],
    "verbose": [-1, 1.5, None, "yes"],
    "coarse_start": [None, 1, "yes", [True]],
    "early_stopping": [None, 1, "auto"],
    "validation_fraction": [0, 1, 1.5, -0.1, np.nan, "0.1", None, True],
    "n_iter_no_change": [0, -1, 2.5, "10", None, True],
}
NUMERIC = [
    "hidden_layer_sizes",
    "reg_lambda",
    "max_iter",
    "tol",
    "validation_fraction",
    "n_iter_no_change",
    "random_state",
    "verbose",
]
BAD_OPTIONS = [
    ("lbfgs", {"maxiter": 50}, ["solver_options['maxiter']", "50", "max_iter"]),
    ("cg", {"maxiter": 50}, ["solver_options['maxiter']", "50", "max_iter"]),
    ("lbfgs", {"gtol": 1e-3}, ["solver_options['gtol']", "0.001", "parameter tol"]),
    ("cg", {"gtol": 1e-3}, ["solver_options['gtol']", "0.001", "parameter tol"]),
    ("lbfgs", {"maxcor": 5, "iprint": 1}, ["solver_options", "'iprint'", "1", "maxcor"]),
    ("lbfgs", {"c1": 1e-4}, ["solver_options", "'c1'", "0.0001", "maxcor"]),
    ("cg", {"maxfun": 9}, ["solver_options", "'maxfun'", "9", "c1, c2"]),
    ("lbfgs", {"maxcor": 0}, ["solver_options['maxcor']", "0"]),
    ("lbfgs", {"maxcor": 2.5}, ["solver_options['maxcor']", "2.5"]),
    ("lbfgs", {"maxfun": 0}, ["solver_options['maxfun']", "0"]),
    ("lbfgs", {"maxls": "3"}, ["solver_options['maxls']", "'3'"]),
    ("lbfgs", {"ftol": -1e-9}, ["solver_options['ftol']", "-1e-09"]),
    ("lbfgs", {"ftol": np.nan}, ["solver_options['ftol']", "nan"]),
    ("cg", {"c1": 0}, ["solver_options['c1']", "0"]),
    ("cg", {"c2": 1.0}, ["solver_options['c2']", "1.0"]),
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
BAD_THETAS = {
    "too few": ([np.zeros((6, 5))], ["2 arrays", "got 1"]),
    "too many": ([np.zeros((6, 5)), np.zeros((6, 7)), np.zeros((3, 7))], ["2 arrays", "got 3"]),
    "empty": ([], ["2 arrays", "got 0"]),
    "units": ([np.zeros((7, 5)), np.zeros((3, 7))], ["thetas_init[0]", "(6, 5)", "(7, 5)"]),
    "no bias": ([np.zeros((6, 5)), np.zeros((3, 6))], ["thetas_init[1]", "(3, 7)", "(3, 6)"]),
    "coefs": ([np.zeros((5, 6)), np.zeros((7, 3))], ["thetas_init[0]", "(6, 5)", "(5, 6)"]),
    "NaN": ([np.full((6, 5), np.nan), np.zeros((3, 7))], ["thetas_init[0]", "NaN"]),
    "infinity": ([np.zeros((6, 5)), np.full((3, 7), np.inf)], ["thetas_init[1]", "infinity"]),
    "flat": ([np.zeros(30), np.zeros((3, 7))], ["thetas_init[0]"]),
    "scalar": ([0.5, np.zeros((3, 7))], ["thetas_init[0]", "0.5"]),
    "text": ([np.zeros((6, 5)), [["a"] * 7] * 3], ["thetas_init[1]", "'a'"]),
    "None": ([None, None], ["thetas_init[0]", "None"]),
    "beyond float": (
        [np.full((6, 5), BEYOND_FLOAT, dtype=object), np.zeros((3, 7))],
        ["thetas_init[0]", "numbers", "1000"],
    ),
    "timedelta": ([np.zeros((6, 5)), np.full((3, 7), A_DAY)], ["thetas_init[1]", "numbers"]),
    "timedelta objects": (
        [np.zeros((6, 5)), [[A_DAY] * 7] * 2 + [[A_DAY] * 6 + [1.0]]],
        ["thetas_init[1]", "numbers"],
    ),
    "ragged": ([[[1.0], [1.0, 2.0]], np.zeros((3, 7))], ["thetas_init[0]", "[1.0, 2.0]"]),
}


def with_value(value, at=(3, 1)):
    def change(X):
        X = np.array(X)
        X[at] = value
        return X

    return change


def weights(**changes):
    w = np.ones(len(SPECIES))
    for i, value in changes.items():
        w[int(i[1:])] = value
    return w


LABELS = make_multilabel_classification(len(SPECIES), random_state=0)[1]
ONE_CLASS = np.full(len(SPECIES), "setosa")


class Bad(NamedTuple):
    """What to fit with, and what the message must hold."""

    message: list[str]
    parameters: Mapping[str, Any] = MappingProxyType({})
    X: Callable[[Any], Any] = np.asarray
    y: Any = SPECIES
    w: Any = None


BAD_DATA = {
    "X with NaN": Bad(["X", "NaN"], X=with_value(np.nan)),
    "X with infinity": Bad(["X", "infinity"], X=with_value(np.inf)),
    "X with -infinity": Bad(["X", "infinity"], X=with_value(-np.inf)),
    "sparse X with NaN": Bad(["X", "NaN"], X=lambda X: csr_array(with_value(np.nan)(X))),
    "X of words": Bad(["convert"], X=lambda X: np.full(X.shape, "word")),
    "X of complex numbers": Bad(["Complex"], X=lambda X: np.asarray(X) + 1j),
    "X flat": Bad(["2D"], X=lambda X: np.asarray(X)[:, 0]),
    "X without rows": Bad(["0 sample"], X=lambda X: np.asarray(X)[:0], y=[]),
    "X without columns": Bad(["0 feature"], X=lambda X: np.asarray(X)[:, :0]),
    "X shorter than y": Bad(["150", "140"], X=lambda X: np.asarray(X)[:140]),
    "y shorter than X": Bad(["150", "149"], y=SPECIES[1:]),
    "no y": Bad(["y"], y=None),
    "one class": Bad(["y", "one class only, 'setosa'"], y=ONE_CLASS),
    "one class of weight": Bad(["y", "one class only, 2"], w=(SPECIES == 2).astype(float)),
    "one class by class_weight": Bad(["y", "one class"], {"class_weight": {1: 0, 2: 0}}),
    "no class by class_weight": Bad(["class_weight", "0: 0"], {"class_weight": {0: 0, 1: 0, 2: 0}}),
    "y continuous": Bad(["continuous"], y=SPECIES + 0.5),
    "y with NaN": Bad(["NaN"], y=np.where(SPECIES == 1, np.nan, SPECIES)),
    "y of many outputs": Bad(["y", "multioutput"], y=np.column_stack([SPECIES, SPECIES])),
    "y continuous, many outputs": Bad(["continuous"], y=np.column_stack([SPECIES, SPECIES]) / 3),
    "labels of -1 and 1": Bad(["y", "-1"], y=2 * LABELS - 1),
    "labels of 0 and 2": Bad(["y", "2"], y=2 * LABELS),
    "weight negative": Bad(["sample_weight", "-0.5"], w=weights(_7=-0.5)),
    "weight NaN": Bad(["sample_weight", "NaN"], w=weights(_7=np.nan)),
    "weight infinite": Bad(["sample_weight", "infinity"], w=weights(_7=np.inf)),
    "weights all zero": Bad(["sample_weight", "zero"], w=np.zeros(150)),
    "weights too few": Bad(["sample_weight", "150", "149"], w=np.ones(149)),
    "weights of two columns": Bad(["sample_weight", "(150, 2)"], w=np.ones((150, 2))),
    "weights of words": Bad(["sample_weight"], w=["heavy"] * 150),
    "weights None within": Bad(["sample_weight"], w=[None] * 150),
    "weights of words as objects": Bad(
        ["sample_weight", "numbers"], w=np.array(["1"] * 150, dtype=object)
    ),
    "weights beyond float": Bad(["sample_weight", "too large"], w=[BEYOND_FLOAT] * 150),
    "weight of one number, beyond float": Bad(["sample_weight", "too large"], w=BEYOND_FLOAT),
    "weights of days": Bad(["sample_weight", "timedelta64"], w=[A_DAY] * 150),
    "weights of days as objects": Bad(["sample_weight", "numbers"], w=[A_DAY] * 149 + [1.0]),
    "weight of one day": Bad(["sample_weight", "timedelta64"], w=A_DAY),
    "class_weight beyond float": Bad(["class_weight", "1000"], {"class_weight": {0: BEYOND_FLOAT}}),
    "class_weight of a day": Bad(["class_weight", "timedelta64"], {"class_weight": {0: A_DAY}}),
    "class_weight that overflows": Bad(
        ["class_weight", "finite sum", "0: 1e+308"], {"class_weight": {0: 1e308}}
    ),
    "class_weight with numpy's keys": Bad(
        ["class_weight", "{0: -1.0}"], {"class_weight": {np.int64(0): np.float64(-1)}}
    ),
    "no class by class_weight with numpy's keys": Bad(
        ["class_weight", "0: 0"],
        {"class_weight": dict.fromkeys(np.unique(SPECIES), np.float64(0))},
    ),
    "no class by class_weight with numpy's keys, at last": Bad(
        ["class_weight", "finite sum", "0: 1e+308"],
        {"class_weight": dict.fromkeys(np.unique(SPECIES), np.float64(1e308))},
    ),
    "weight of one number, negative": Bad(["sample_weight", "-2"], w=-2),
    "class_weight of other classes": Bad(["class_weight"], {"class_weight": {"setosa": 2.0}}),
    "class_weight for labels": Bad(
        ["class_weight", "multilabel", "balanced"], {"class_weight": "balanced"}, y=LABELS
    ),
    "class_weight dict for labels": Bad(
        ["class_weight", "multilabel", "{0: 2}"], {"class_weight": {0: 2}}, y=LABELS
    ),
}
BAD_INPUT = {
    **{
        f"{name}={value!r}": Bad([name, repr(value)], {name: value})
        for name, values in RANGE_OF_BAD_VALUES.items()
        for value in values
        if not isinstance(value, np.ndarray | np.random.Generator)
    },
    **{
        f"{name}={kind}": Bad([name, shown], {name: value})
        for kind, value, shown in (
            ("timedelta", A_DAY, "timedelta64"),
            ("beyond float", BEYOND_FLOAT, "1000"),
            ("int64", np.int64(-5), "got -5"),
            ("float64", np.float64(-5), "got -5.0"),
        )
        for name in NUMERIC
    },
    "hidden_layer_sizes of int64": Bad(
        ["hidden_layer_sizes", "got [0, 5]"], {"hidden_layer_sizes": [np.int64(0), 5]}
    ),
    "hidden_layer_sizes=matrix": Bad(["hidden_layer_sizes"], {"hidden_layer_sizes": np.eye(2)}),
    "random_state=Generator": Bad(["random_state"], {"random_state": np.random.default_rng(0)}),
    **{
        f"{solver} {options}": Bad(message, {"solver": solver, "solver_options": options})
        for solver, options, message in BAD_OPTIONS
    },
    **BAD_DATA,
}
BAD_START = {
    f"thetas_init {name}": Bad(["thetas_init", *message], {"thetas_init": thetas})
    for name, (thetas, message) in BAD_THETAS.items()
}
NON_FINITE = {
    f"{activation} {solver} {size:.0e}": Bad(
        ["non-finite", "scale X"],
        {"activation": activation, "solver": solver},
        X=lambda X, size=size: np.sign(X) * size,
    )
    for activation in ("identity", "relu")
    for solver in ("lbfgs", "cg")
    for size in (1e200, 1e300)
} | {
    "start of great Thetas": Bad(
        ["non-finite", "smaller Thetas"],
        {"thetas_init": [np.full((6, 5), 1e200), np.full((3, 7), 1e200)], "activation": "relu"},
    )
}


def by_id(cases):
    return pytest.mark.parametrize("bad", cases.values(), ids=cases)


def small(**parameters):
    defaults = {"activation": "logistic", "reg_lambda": "prior", "tol": 1e-2, "random_state": 0}
    return BackpropClassifier(6, **defaults).set_params(**parameters)


def assert_refused(classifier, bad, X=IRIS):
    with pytest.raises(ValueError, match=re.escape(bad.message[0])) as caught:
        classifier.fit(bad.X(X), bad.y, sample_weight=bad.w)
    for part in bad.message:
        assert part in str(caught.value)


@pytest.fixture
def no_solver(monkeypatch):
    def run(*args, **kwargs):
        raise AssertionError("the solver was started")

    monkeypatch.setattr(Descent, "run", run)


@by_id(BAD_INPUT | BAD_START)
def test_clear_error_before_any_work(bad, no_solver):
    classifier = small(**bad.parameters)
    before = vars(classifier).copy()
    assert_refused(classifier, bad)
    assert vars(classifier) == before


ONLY_OF_ONE_FIT = set(BackpropClassifier().get_params()) - set(BackpropClassifierCV().get_params())


@by_id(
    {name: bad for name, bad in BAD_INPUT.items() if not ONLY_OF_ONE_FIT & bad.parameters.keys()}
)
def test_a_search_refuses_the_same(bad, no_solver):
    search = BackpropClassifierCV(6, reg_lambdas=2, cv=2).set_params(**bad.parameters)
    before = vars(search).copy()
    assert_refused(search, bad)
    assert vars(search) == before


@by_id(NON_FINITE)
def test_cost_that_becomes_non_finite(bad):
    classifier = small(**bad.parameters)
    assert_refused(classifier, bad)
    assert not hasattr(classifier, "thetas_")


def fitted_state(classifier):
    return {name: value for name, value in vars(classifier).items() if name[-1] == "_"} | {
        "_model": vars(classifier)["_model"]
    }


def other_columns(X):
    return X[:, :2]


def other_names(X):
    return pd.DataFrame(X, columns=["e", "f", "g", "h"])


@pytest.fixture(scope="module")
def fitted_once():
    return small().fit(pd.DataFrame(IRIS, columns=NAMES), SPECIES)


@pytest.mark.parametrize("columns", [np.asarray, other_columns, other_names])
@by_id(BAD_INPUT | NON_FINITE | BAD_START)
def test_bad_refit_keeps_the_old_model(bad, columns, fitted_once):
    frame = pd.DataFrame(IRIS, columns=NAMES)
    classifier = copy.deepcopy(fitted_once)
    fitted = fitted_state(classifier)
    before = classifier.predict_proba(frame)
    thetas = [Theta.tobytes() for Theta in classifier.thetas_]

    classifier.set_params(**bad.parameters)
    # With other columns, thetas_init of the wrong shape is found first: any refusal will do here,
    # and the test above holds each message.
    with pytest.raises(ValueError):  # noqa: PT011
        classifier.fit(bad.X(columns(IRIS)), bad.y, sample_weight=bad.w)

    after = fitted_state(classifier)
    assert after.keys() == fitted.keys()
    assert all(after[name] is fitted[name] for name in fitted)
    assert classifier.n_features_in_ == 4
    assert classifier.feature_names_in_.tolist() == NAMES
    assert [Theta.tobytes() for Theta in classifier.thetas_] == thetas
    assert classifier.predict_proba(frame).tobytes() == before.tobytes()
    assert classifier.score(frame, SPECIES) > 0.9


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_predict_refuses_other_features(method):
    classifier = small().fit(IRIS, SPECIES)
    predict = getattr(classifier, method)
    with pytest.raises(ValueError, match="X has 3 features"):
        predict(IRIS[:, :3])
    for value, name in [(np.nan, "NaN"), (np.inf, "infinity")]:
        with pytest.raises(ValueError, match=f"X contains {name}"):
            predict(with_value(value)(IRIS))
    with pytest.raises(ValueError, match="2D"):
        predict(IRIS[0])


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_float32_model_refuses_what_float32_cannot_hold():
    classifier = small().fit(IRIS.astype(np.float32), SPECIES)
    with pytest.raises(ValueError, match="X contains infinity or a value too large"):
        classifier.predict(with_value(1e39)(IRIS))


GOOD_VALUES = {
    "hidden_layer_sizes": [np.int64(6), [6], (6,), np.array([6])],
    "activation": ["logistic", ["logistic"], ("logistic",), np.array(["logistic"])],
    "max_iter": [np.int32(500)],
    "tol": [np.float64(1e-2)],
    "warm_start": [np.False_],
    "solver_options": [{}, {"maxcor": 10}, {"maxcor": np.int64(10)}],
    "random_state": [np.int64(0), np.random.RandomState(0)],
    "class_weight": [{}, {0: 1, 1: 1.0, 2: np.float32(1)}],
    "verbose": [False],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in GOOD_VALUES.items() for value in values],
    ids=lambda value: repr(value).split(" at 0x")[0],
)
def test_other_ways_to_write_a_value(name, value):
    expected = small().fit(IRIS, SPECIES)
    classifier = small(**{name: value}).fit(IRIS, SPECIES)
    assert classifier.get_params()[name] is value
    assert [Theta.tobytes() for Theta in classifier.thetas_] == [
        Theta.tobytes() for Theta in expected.thetas_
    ]
