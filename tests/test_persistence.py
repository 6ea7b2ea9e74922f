"""A file of a fitted estimator holds the model and what the fit tells, and nothing else."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_array_equal
from quiet import QuietCallback
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from skops.io.exceptions import UntrustedTypesFoundException

import skbackprop
from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
COUNTS, LABELS = make_multilabel_classification(
    150, n_features=4, n_classes=3, allow_unlabeled=True, random_state=0
)
TWO = np.column_stack([SPECIES, IRIS[:, 1] ** 2])
SEARCH = {"reg_lambdas": [1e-2, 1e-3], "cv": 3}


def quietly(fit, *data, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit(*data, **options)


# skops

CASES = {
    "ints": (BackpropClassifier(4), IRIS, SPECIES),
    "strings": (BackpropClassifier((4, 3), activation=["relu", "tanh"]), IRIS, NAMES),
    "objects": (BackpropClassifier(()), IRIS, NAMES.astype(object)),
    "bools": (BackpropClassifier(4), IRIS.astype(np.float32), SPECIES > 0),
    "labels": (BackpropClassifier(4), COUNTS, LABELS),
    "all kinds of parameters": (
        BackpropClassifier(
            4,
            thetas_init=[np.eye(4, 5), np.eye(3, 5)],
            class_weight={"setosa": 2.0},
            early_stopping=True,
            solver_options={"maxcor": 5},
        ),
        IRIS,
        NAMES,
    ),
    "search": (BackpropClassifierCV(4, **SEARCH), IRIS, NAMES),
    "search of labels": (BackpropClassifierCV(4, refit="1se", **SEARCH), COUNTS, LABELS),
    "numbers": (BackpropRegressor(4), IRIS, TWO),
    "counts": (BackpropRegressor(4, loss="poisson"), IRIS, SPECIES),
    "search of numbers": (BackpropRegressorCV(4, scoring="r2", **SEARCH), IRIS, TWO),
}


@pytest.mark.parametrize("random_state", [int, np.random.RandomState])
@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize(("estimator", "X", "y"), CASES.values(), ids=CASES)
def test_skops_asks_for_nothing_but_a_public_estimator(random_state, in_pipeline, estimator, X, y):
    cls = type(estimator)
    estimator = clone(estimator).set_params(max_iter=8, random_state=random_state(0))
    model = make_pipeline(StandardScaler(), estimator) if in_pipeline else estimator
    file = skops.io.dumps(quietly(model.fit, X, y))
    types = skops.io.get_untrusted_types(data=file)
    assert types == [f"{cls.__module__}.{cls.__name__}"]
    assert getattr(skbackprop, cls.__name__) is cls
    again = skops.io.loads(file, trusted=types)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if hasattr(model, method):
            assert_array_equal(getattr(again, method)(X), getattr(model, method)(X))
    last, last_again = (m[-1] if in_pipeline else m for m in (model, again))
    assert vars(last_again).keys() == vars(last).keys()
    assert not last_again.thetas_[0].flags.writeable


def test_skops_loads_nothing_that_is_not_named():
    file = skops.io.dumps(quietly(BackpropClassifier((), max_iter=3).fit, IRIS, SPECIES))
    with pytest.raises(UntrustedTypesFoundException, match=r"_classifier\.BackpropClassifier"):
        skops.io.loads(file)


# Size: at most a tenth and 10 kB more than the Thetas


def refitted(estimator, X, y):
    quietly(estimator.fit, X, y)
    if "warm_start" in estimator.get_params():
        estimator.set_params(warm_start=True)
    return quietly(estimator.fit, X, y)


def with_weights(estimator, X, y):
    return quietly(estimator.fit, X, y, sample_weight=np.linspace(0, 3, len(X)))


def with_a_callback(estimator, X, y):
    if not hasattr(estimator, "set_callbacks"):
        pytest.skip("scikit-learn has no callbacks yet")
    return quietly(estimator.set_callbacks(Counter()).fit, X, y)


class Counter(QuietCallback):
    """A callback that looks at everything and keeps a number."""

    n_seen = 0

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.n_seen += 1


def in_float32(estimator, X, y):
    return quietly(estimator.fit, X.astype(np.float32), y)


def of_a_table(estimator, X, y):
    return quietly(estimator.fit, pd.DataFrame(X).add_prefix("x"), y)


def of_sparse(estimator, X, y):
    return quietly(estimator.fit, csr_array(X), y)


FITS = {
    "plain": lambda estimator, X, y: quietly(estimator.fit, X, y),
    "early stopping": lambda estimator, X, y: quietly(
        estimator.set_params(early_stopping=True).fit, X, y
    ),
    "verbose": lambda estimator, X, y: quietly(estimator.set_params(verbose=True).fit, X, y),
    "one stage": lambda estimator, X, y: quietly(
        estimator.set_params(coarse_start=False).fit, X, y
    ),
    "cg": lambda estimator, X, y: quietly(estimator.set_params(solver="cg").fit, X, y),
    "refitted": refitted,
    "weights": with_weights,
    "a callback": with_a_callback,
    "float32": in_float32,
    "a table": of_a_table,
    "sparse": of_sparse,
}
SMALL = {"hidden_layer_sizes": 6, "max_iter": 3, "random_state": 0}
ESTIMATORS = {
    "classifier": BackpropClassifier(**SMALL),
    "classifier search": BackpropClassifierCV(**SMALL, **SEARCH),
    "regressor": BackpropRegressor(**SMALL),
    "regressor search": BackpropRegressorCV(**SMALL, **SEARCH),
}


@pytest.fixture(scope="module")
def many_rows():
    """A byte a row is then more than a pickle may hold."""
    return make_classification(11_000, n_features=6, n_informative=4, n_classes=3, random_state=0)


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_a_pickle_is_as_large_as_the_thetas(estimator, fit, many_rows):
    fitted = fit(clone(estimator), *many_rows)
    thetas = sum(Theta.nbytes for Theta in fitted.thetas_)
    assert len(pickle.dumps(fitted)) <= 1.1 * thetas + 10_000


def test_of_a_large_network_too():
    fitted = quietly(BackpropClassifier(3000, max_iter=2, reg_lambda=1e-3).fit, COUNTS, LABELS)
    thetas = sum(Theta.nbytes for Theta in fitted.thetas_)
    assert len(pickle.dumps(fitted)) <= 1.1 * thetas + 10_000
