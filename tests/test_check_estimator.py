"""The estimator keeps scikit-learn's contract, with no expected failure and no check left out."""

import functools
import os
import subprocess
import sys
import warnings
from unittest import SkipTest

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    estimator_checks_generator,
    parametrize_with_checks,
)

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)

# The checks fit pure noise too, and on some data max_iter is reached first.
CONVERGENCE_MESSAGE = "The fit "
pytestmark = pytest.mark.filterwarnings(
    f"ignore:{CONVERGENCE_MESSAGE}:sklearn.exceptions.ConvergenceWarning"
)

ESTIMATORS = [
    BackpropClassifier(),
    BackpropClassifier(5, solver="cg", max_iter=30),
    BackpropClassifier(5, out_activation="softmax", max_iter=30),
    BackpropClassifier((5, 4), activation="tanh", max_iter=30),
    BackpropClassifier(5, activation="relu", max_iter=30),
    BackpropClassifier(hidden_layer_sizes=()),
    BackpropClassifierCV(3, reg_lambdas=3, cv=3, max_iter=15),
    BackpropClassifier(5, early_stopping=True, max_iter=30),
    BackpropRegressor(max_iter=100),
    BackpropRegressor(5, loss="poisson", max_iter=30),
    BackpropRegressorCV(3, reg_lambdas=3, cv=3, max_iter=15),
    BackpropRegressorCV(3, loss="poisson", reg_lambdas=3, cv=3, max_iter=15),
    BackpropRegressor(5, early_stopping=True, max_iter=30),
]
IDS = [
    "default",
    "cg",
    "softmax",
    "tanh-two-layers",
    "relu",
    "no-hidden-layer",
    "search",
    "early-stopping",
    "regressor",
    "poisson",
    "regressor-search",
    "poisson-search",
    "regressor-early-stopping",
]


def name_of(check):
    while isinstance(check, functools.partial):
        check = check.func
    return check.__name__


def needs_array_api(check):
    return name_of(check).startswith("check_array_api")


def with_a_list(parametrize):
    """scikit-learn before 1.8 hands over a generator, which pytest deprecates."""
    names, cases = parametrize.mark.args
    return pytest.mark.parametrize(names, list(cases), **parametrize.mark.kwargs)


@with_a_list(parametrize_with_checks(ESTIMATORS))
def test_check(estimator, check):
    try:
        check(estimator)
    except (SkipTest, pytest.skip.Exception) as skip:
        # scipy reads SCIPY_ARRAY_API when it is imported: see test_array_api_checks.
        if not needs_array_api(check):
            pytest.fail(f"{name_of(check)} was skipped: {skip}")


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=IDS)
def test_column_names_consistency(estimator):
    check_dataframe_column_names_consistency(type(estimator).__name__, estimator)


def array_api_checks():
    """Return those of this scikit-learn for all estimators; version 1.6 has none."""
    return [
        functools.partial(check, estimator)
        for estimator in ESTIMATORS
        for estimator, check in estimator_checks_generator(estimator)
        if needs_array_api(check)
    ]


def run_array_api_checks():
    """Run them where nothing may be skipped, and print how many there were."""
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", CONVERGENCE_MESSAGE, ConvergenceWarning)
    checks = array_api_checks()
    for check in checks:
        check()
    print(len(checks))


def test_array_api_checks():
    result = subprocess.run(
        [sys.executable, "-c", "import test_check_estimator as t; t.run_array_api_checks()"],
        cwd=os.path.dirname(__file__),
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) == len(array_api_checks())
