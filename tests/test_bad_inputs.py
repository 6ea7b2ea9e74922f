"""Every bad input of the tables, everywhere: a clear error, early, and the model is kept."""

import re
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from bad_inputs import (
    BAD_CLASSES,
    BAD_COUNTS,
    BAD_CV,
    BAD_INDICES,
    BAD_NUMBERS,
    BAD_OPTIONS,
    BAD_PARAMETERS,
    BAD_SCORING,
    BAD_THETAS,
    BAD_WEIGHTS,
    BAD_X,
    BAD_Y,
    CLASSES,
    COUNTS,
    N_ROWS,
    NAMES,
    NON_FINITE,
    NUMBERS,
    OTHER_FEATURES,
    OTHER_NAMES,
    TOGETHER,
    Shown,
    X,
)
from scipy.sparse import csr_array

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)
from skbackprop._parameters import InvalidParameterError, shown
from skbackprop._training.solver import Descent

pytestmark = [
    # The fits end after two iterations.
    pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning"),
    # How scikit-learn before 1.8 asks for the names of a polars frame.
    pytest.mark.filterwarnings("ignore:Support for the dataframe interchange:DeprecationWarning"),
    # The models know no names: what is in the frames is worse.
    pytest.mark.filterwarnings("ignore:X has feature names:UserWarning"),
]

CLASSIFIERS = {
    "classifier": BackpropClassifier(2, reg_lambda=0.1, max_iter=2, random_state=0),
    "classifier search": BackpropClassifierCV(
        2, reg_lambdas=[0.1, 0.01], cv=2, max_iter=2, random_state=0
    ),
}
REGRESSORS = {
    "regressor": BackpropRegressor(2, reg_lambda=0.1, max_iter=2, random_state=0),
    "regressor search": BackpropRegressorCV(
        2, reg_lambdas=[0.1, 0.01], cv=2, max_iter=2, random_state=0
    ),
}
POISSON = {
    "of counts": BackpropRegressor(2, loss="poisson", reg_lambda=0.1, max_iter=2, random_state=0),
    "search of counts": BackpropRegressorCV(
        2, loss="poisson", reg_lambdas=[0.1, 0.01], cv=2, max_iter=2, random_state=0
    ),
}
ESTIMATORS = {**CLASSIFIERS, **REGRESSORS}
ALL_ESTIMATORS = {**ESTIMATORS, **POISSON}
TARGETS = {
    **dict.fromkeys(CLASSIFIERS, CLASSES),
    **dict.fromkeys(REGRESSORS, NUMBERS),
    **dict.fromkeys(POISSON, COUNTS),
}
METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function", "transform"]
# The models that a refused fit must keep are of other features, which have names.
OTHER_X = pd.DataFrame(np.column_stack([X, X[:, 0] - 1]), columns=list("efgh"))


class Fitted(NamedTuple):
    """A model, and how it was."""

    estimator: object
    state: dict

    @classmethod
    def of(cls, estimator, X, y):
        own = type(estimator)(**estimator.get_params()).fit(X, y)
        return cls(own, vars(own).copy())

    def assert_kept(self):
        after = vars(self.estimator)
        assert after.keys() == self.state.keys()
        assert all(after[name] is value for name, value in self.state.items())


def fit_all(X):
    """Yield models, and see that after all that was done to them they predict as they did."""
    models = {name: Fitted.of(own, X, TARGETS[name]) for name, own in ALL_ESTIMATORS.items()}
    before = {name: model.estimator.predict(X).tobytes() for name, model in models.items()}
    yield models
    for name, model in models.items():
        assert model.estimator.predict(X).tobytes() == before[name]


@pytest.fixture(scope="module")
def others():
    """Models of other features, that are fitted anew."""
    yield from fit_all(OTHER_X)


@pytest.fixture(scope="module")
def models():
    """Models of the same features, that are asked."""
    yield from fit_all(X)


@pytest.fixture
def no_solver(others, models, monkeypatch):
    """What is bad is found before any work is done."""

    def run(*args, **kwargs):
        raise AssertionError("the solver was started")

    monkeypatch.setattr(Descent, "run", run)


def assert_refused(error, words, call, *args, **kwargs):
    """Assert that a call raises this, by code of the package's or of scikit-learn's."""
    with pytest.raises(error) as caught:
        call(*args, **kwargs)
    for word in words:
        assert re.search(word, str(caught.value)), str(caught.value)
    frame = caught.tb
    while frame.tb_next:
        frame = frame.tb_next
    module = frame.tb_frame.f_globals.get("__name__", "")
    assert module.split(".")[0] not in ("numpy", "scipy"), module


def assert_fit_is_refused(model, error, words, parameters=MappingProxyType({}), **fit):
    """Assert that a fit raises this, and leaves the model and the parameters as they were."""
    before = model.estimator.get_params(deep=False)
    try:
        model.estimator.set_params(**parameters)
        assert_refused(error, words, model.estimator.fit, **fit)
    finally:
        model.estimator.set_params(**before)
    model.assert_kept()


def by_case(argument, *tables):
    cases = {name: case for table in tables for name, case in table.items()}
    assert len(cases) == sum(map(len, tables))
    return pytest.mark.parametrize(argument, cases.values(), ids=cases)


def takers(parameters, estimators=ESTIMATORS):
    """Return the names of the estimators that have all these parameters."""
    return [
        name
        for name, estimator in estimators.items()
        if set(parameters) <= estimator.get_params().keys()
    ]


# Parameters

PARAMETERS = {
    f"{parameter}-{number}": (parameter, value)
    for parameter, values in BAD_PARAMETERS.items()
    for number, value in enumerate(values)
}


@by_case(("parameter", "value"), PARAMETERS)
def test_parameters(parameter, value, others, no_solver):
    value, said = value if isinstance(value, Shown) else (value, shown(value))
    words = f"^{parameter} must be ", re.escape(said)
    for name in takers([parameter]):
        own, fit = others[name], {"X": X, "y": TARGETS[name]}
        assert_fit_is_refused(own, InvalidParameterError, words, {parameter: value}, **fit)


@pytest.mark.parametrize(("solver", "options", "words"), BAD_OPTIONS, ids=repr)
def test_solver_options(solver, options, words, others, no_solver):
    changed, words = {"solver": solver, "solver_options": options}, [*map(re.escape, words)]
    for name in ESTIMATORS:
        own, fit = others[name], {"X": X, "y": TARGETS[name]}
        assert_fit_is_refused(own, InvalidParameterError, words, changed, **fit)


@by_case(("thetas", "words"), BAD_THETAS)
def test_thetas(thetas, words, others, no_solver):
    words = ["thetas_init", *map(re.escape, words)]
    for name in takers(["thetas_init"]):
        own, fit = others[name], {"X": X, "y": TARGETS[name]}
        assert_fit_is_refused(own, ValueError, words, {"thetas_init": thetas}, **fit)


@by_case(("cv", "words"), BAD_CV)
def test_cv(cv, words, others, no_solver):
    for name in takers(["cv"]):
        own, fit = others[name], {"X": X, "y": TARGETS[name]}
        assert_fit_is_refused(own, ValueError, ["^cv", words], {"cv": cv}, **fit)


@by_case("case", BAD_SCORING)
def test_scoring(case, others):
    scoring, *words = case
    for name in takers(["scoring"]):
        own, fit = others[name], {"X": X, "y": TARGETS[name]}
        assert_fit_is_refused(own, ValueError, words, {"scoring": scoring}, **fit)


@by_case(("index", "said"), BAD_INDICES)
def test_refit(index, said, others):
    changed = {"refit": lambda results: index}
    words = [f"refit must return an index from 0 to 1, got {said}"]
    for name in takers(["refit"]):
        own, fit = others[name], {"X": X, "y": TARGETS[name]}
        assert_fit_is_refused(own, ValueError, words, changed, **fit)


def assert_refused_together(case, others):
    names = takers(case.parameters, CLASSIFIERS if case.of_classes else ESTIMATORS)
    assert names
    for name in names:
        own, fit = others[name], {"X": X, "y": TARGETS[name], **case.fit}
        assert_fit_is_refused(own, ValueError, case.words, case.parameters, **fit)


@by_case("case", TOGETHER)
def test_what_only_together_is_wrong(case, others, no_solver):
    assert_refused_together(case, others)


@by_case("case", NON_FINITE)
def test_a_cost_that_becomes_non_finite(case, others):
    assert_refused_together(case, others)


# Data


@by_case("bad", BAD_X)
def test_X(bad, others, models, no_solver):
    for name in ESTIMATORS:
        own, y, fitted = others[name], TARGETS[name], models[name].estimator
        if "fit" in bad.places:
            assert_fit_is_refused(own, bad.error, bad.words, X=bad.value, y=y)
        if "validation" in bad.places:
            fit = {"X": X, "y": y, "X_val": bad.value, "y_val": y}
            assert_fit_is_refused(own, bad.error, [*bad.words, "X_val"], **fit)
        if "score" in bad.places:
            assert_refused(bad.error, bad.words, fitted.score, bad.value, y)
        for method in METHODS:
            if "answer" in bad.places and hasattr(fitted, method):
                assert_refused(bad.error, bad.words, getattr(fitted, method), bad.value)
        models[name].assert_kept()


@by_case("bad", OTHER_FEATURES)
def test_other_features(bad, others, models, no_solver):
    for name, model in models.items():
        fitted, y = model.estimator, TARGETS[name]
        for method in METHODS:
            if hasattr(fitted, method):
                assert_refused(bad.error, bad.words, getattr(fitted, method), bad.value)
        assert_refused(bad.error, bad.words, fitted.score, bad.value, y)
        fit = {"X": X, "y": y, "X_val": bad.value, "y_val": y}
        assert_fit_is_refused(others[name], bad.error, bad.words, **fit)
        model.assert_kept()


@pytest.fixture(scope="module")
def with_names():
    frame = pd.DataFrame(X, columns=NAMES)
    return {name: Fitted.of(own, frame, TARGETS[name]) for name, own in ESTIMATORS.items()}


@by_case("bad", OTHER_NAMES)
def test_other_names(bad, with_names):
    frame = pd.DataFrame(X, columns=NAMES)
    for name, model in with_names.items():
        fitted, y = model.estimator, TARGETS[name]
        for method in METHODS:
            if hasattr(fitted, method):
                assert_refused(bad.error, bad.words, getattr(fitted, method), bad.value)
        assert_refused(bad.error, bad.words, fitted.score, bad.value, y)
        fit = {"X": frame, "y": y, "X_val": bad.value, "y_val": y}
        assert_fit_is_refused(model, bad.error, [*bad.words, "X_val"], **fit)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@pytest.mark.parametrize("hold", [np.asarray, csr_array, pd.DataFrame])
def test_what_float32_does_not_hold(hold):
    far = X.copy()
    far[1, 1] = 1e39
    for name, estimator in ESTIMATORS.items():
        fitted = Fitted.of(estimator, X.astype(np.float32), TARGETS[name])
        for method in METHODS:
            if hasattr(estimator, method):
                answer = getattr(fitted.estimator, method)
                words = ["X contains infinity or a value too large"]
                assert_refused(ValueError, words, answer, hold(far))
        fitted.assert_kept()


def assert_y_is_refused(names, bad, others, models):
    for name in names:
        own, y = others[name], TARGETS[name]
        if "fit" in bad.places:
            assert_fit_is_refused(own, bad.error, bad.words, X=X, y=bad.value)
        if "validation" in bad.places:
            fit = {"X": X, "y": y, "X_val": X, "y_val": bad.value}
            assert_fit_is_refused(own, bad.error, [*bad.words, "y_val"], **fit)
        if "score" in bad.places:
            score = models[name].estimator.score
            assert_refused(bad.error, bad.words, score, X, bad.value)
        models[name].assert_kept()


@by_case("bad", BAD_Y)
def test_y(bad, others, models, no_solver):
    assert_y_is_refused(TARGETS, bad, others, models)


@by_case("bad", BAD_CLASSES)
def test_y_of_classes(bad, others, models, no_solver):
    assert_y_is_refused(CLASSIFIERS, bad, others, models)


@by_case("bad", BAD_NUMBERS)
def test_y_of_numbers(bad, others, models, no_solver):
    assert_y_is_refused([*REGRESSORS, *POISSON], bad, others, models)


@by_case("bad", BAD_COUNTS)
def test_y_of_counts(bad, others, models, no_solver):
    assert_y_is_refused(POISSON, bad, others, models)


@by_case("bad", BAD_WEIGHTS)
def test_weights(bad, others, models, no_solver):
    for name in ALL_ESTIMATORS:
        own, y, weights = others[name], TARGETS[name], bad.value
        words = ["^(Input )?sample_weight ", *bad.words]
        assert_fit_is_refused(own, bad.error, words, X=X, y=y, sample_weight=weights)
        score = models[name].estimator.score
        assert_refused(bad.error, words, score, X, y, sample_weight=weights)
        words = ["^(Input )?sample_weight_val ", *bad.words]
        fit = {"X": X, "y": y, "X_val": X, "y_val": y, "sample_weight_val": weights}
        assert_fit_is_refused(own, bad.error, words, **fit)


@by_case("bad", {name: BAD_X[name] for name in ("NaN", "words", "flat", "masked")})
def test_a_search_with_a_scorer_refuses_the_same_to_score(bad, models):
    for name, scoring in (("classifier search", "accuracy"), ("regressor search", "r2")):
        fitted = models[name].estimator
        fitted.scoring = scoring
        try:
            assert_refused(bad.error, bad.words, fitted.score, bad.value, TARGETS[name])
        finally:
            fitted.scoring = None


@by_case("bad", {name: BAD_Y[name] for name in ("NaN", "NA among words", "masked", "dicts")})
def test_a_search_with_a_scorer_refuses_such_targets_to_score(bad, models):
    for name, scoring in (("classifier search", "accuracy"), ("regressor search", "r2")):
        fitted = models[name].estimator
        fitted.scoring = scoring
        try:
            assert_refused(ValueError, bad.words, fitted.score, X, bad.value)
            assert_refused(ValueError, ["sample_weight"], fitted.score, X, TARGETS[name], "heavy")
        finally:
            fitted.scoring = None


def test_the_tables_are_long():
    data = BAD_X, OTHER_FEATURES, OTHER_NAMES, BAD_Y, BAD_CLASSES, BAD_NUMBERS, BAD_COUNTS
    searches = BAD_CV, BAD_SCORING, BAD_INDICES
    parameters = *BAD_PARAMETERS.values(), BAD_OPTIONS, BAD_THETAS, TOGETHER, NON_FINITE
    assert sum(map(len, (*data, BAD_WEIGHTS, *searches, *parameters))) >= 300
    assert len(X) == N_ROWS
