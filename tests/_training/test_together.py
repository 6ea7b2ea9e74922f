"""Every option with every other: what a fit promises holds whatever it is asked for."""

import warnings
from itertools import combinations, product

import numpy as np
import pytest
from fit_rules import assert_follows_the_rules, assert_loss_is_that_of_its_thetas, rows_trained_on
from quiet import QuietCallback
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)

IRIS, SPECIES = load_iris(return_X_y=True)
# Some zeros for the sparse, some noise for early stopping.
IRIS = scale(IRIS) * (np.random.RandomState(0).random_sample((150, 4)) > 0.1)
NOISY = np.where(np.random.RandomState(1).random_sample(150) < 0.15, 0, SPECIES)
LABELS = np.column_stack([NOISY > 0, IRIS[:, 1] > 0, NOISY == 1]).astype(int)
NUMBERS = np.column_stack([IRIS[:, 0] * 7 + NOISY, IRIS[:, 1] - IRIS[:, 2] ** 2 + 1e3])
COUNTS = np.random.RandomState(7).poisson(np.exp(1 + NUMBERS[:, :1] / [9, 20])).astype(float)
TARGETS = {
    **{"two": NOISY > 0, "many": np.array(["a", "b", "c"])[NOISY], "labels": LABELS},
    **{"number": NUMBERS[:, 0], "numbers": NUMBERS, "count": COUNTS[:, 0], "counts": COUNTS},
}
OF_CLASSES = ("two", "many", "labels")
WEIGHTS = {
    "none": None,
    "whole": np.random.RandomState(2).randint(0, 4, size=150).astype(float),
    "fractional": np.random.RandomState(3).uniform(0.2, 3, size=150),
}
# Hidden layers, and their activations.
NETWORKS = {
    "one": {"hidden_layer_sizes": 4, "activation": "relu"},
    "two": {"hidden_layer_sizes": (4, 3), "activation": ("tanh", "logistic")},
    "none": {"hidden_layer_sizes": ()},
}
OPTIONS = {
    "early_stopping": [False, True],
    "has_set": [False, True],
    "coarse_start": [False, True],
    "start": ["random", "thetas_init", "warm_start"],
    "weights": list(WEIGHTS),
    "class_weight": [None, "balanced"],
    "solver": ["lbfgs", "cg"],
    "out_activation": ["softmax", "logistic"],
    "dtype": [np.float64, np.float32],
    "container": [np.asarray, csr_array],
    "network": list(NETWORKS),
    "reg_lambda": [1e-3, "prior", "auto"],
    "ends": ["stop", "error", "interrupt"],
    "targets": list(TARGETS),
}
OF_A_SEARCH = {n: options for n, options in OPTIONS.items() if n not in ("start", "reg_lambda")}
HAS_CALLBACKS = hasattr(BackpropClassifier, "set_callbacks")


def covering(options, strength):
    """Return few cases in which any choices of so many options come up together."""
    rng = np.random.RandomState(0)
    values, chosen = list(options.values()), []
    parts = list(combinations(range(len(values)), strength))

    def choices(case):
        return {(part, tuple(case[i] for i in part)) for part in parts}

    # Options are counted here, not named.
    numbers = [range(len(of_one)) for of_one in values]
    wanted = {(part, n) for part in parts for n in product(*(numbers[i] for i in part))}
    while wanted:
        # At least one more with each case, and most of some that are tried.
        part, fixed = min(wanted)
        tried = [[rng.randint(len(of_one)) for of_one in values] for _ in range(30)]
        for case in tried:
            for i, n in zip(part, fixed, strict=True):
                case[i] = n
        best = max(tried, key=lambda case: len(choices(case) & wanted))
        wanted -= choices(best)
        chosen.append({name: options[name][n] for name, n in zip(options, best, strict=True)})
    return chosen


def name_of(case):
    return "-".join(str(getattr(value, "__name__", value)) for value in case.values())


class Count(QuietCallback):
    """A callback that counts the iterations, and may end the fit at one of them."""

    n_iterations = 0

    def __init__(self, at=None, ends=None):
        self.at, self.ends = at, ends

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name != "iteration" or fitted_estimator is None:
            return False
        self.n_iterations += 1
        if self.n_iterations == self.at and self.ends != "stop":
            raise {"error": RuntimeError, "interrupt": KeyboardInterrupt}[self.ends]
        return self.n_iterations == self.at


def parameters_of(case):
    defaults = {
        "n_iter_no_change": 3,
        "max_iter": 15,
        "tol": 1e-3,
        "random_state": 0,
    }
    options = {n: case[n] for n in ("early_stopping", "coarse_start", "solver")}
    targets = case["targets"]
    if targets not in OF_CLASSES:
        options["loss"] = "poisson" if targets.startswith("count") else "squared_error"
    else:
        options["out_activation"] = case["out_activation"]
        options["class_weight"] = None if targets == "labels" else case["class_weight"]
    return {**defaults, **options, **NETWORKS[case["network"]]}


def data_of(case):
    X = case["container"](IRIS.astype(case["dtype"]))
    return X, TARGETS[case["targets"]], WEIGHTS[case["weights"]]


def set_of(case):
    """Return a validation set, in another type and container than X, or none."""
    if not case["has_set"]:
        return {}
    others = np.random.RandomState(6).permutation(150)[:40]
    X_val = csr_array(IRIS[others]) if case["container"] is np.asarray else IRIS[others]
    w_val = np.arange(40) % 3
    y_val = TARGETS[case["targets"]][others]
    return {"X_val": X_val, "y_val": y_val, "sample_weight_val": w_val}


def fit_quietly(classifier, X, y, w, **own_set):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(X, y, sample_weight=w, **own_set)


def unfitted(case, X, y, w):
    """Return an estimator as a case wants it; of a warm start, fitted once before."""
    parameters = {**parameters_of(case), "reg_lambda": case["reg_lambda"]}
    kind = BackpropClassifier if case["targets"] in OF_CLASSES else BackpropRegressor
    estimator = kind(**parameters)
    if case["start"] == "thetas_init":
        rng, few = np.random.RandomState(5), kind(**{**parameters, "max_iter": 1})
        shapes = [Theta.shape for Theta in fit_quietly(few, X, y, w).thetas_]
        thetas = [rng.normal(size=shape) / np.sqrt(shape[1]) for shape in shapes]
        estimator.set_params(thetas_init=thetas)
    if case["start"] == "warm_start":
        fit_quietly(estimator.set_params(warm_start=True, max_iter=2), X, y, w)
        estimator.set_params(max_iter=parameters["max_iter"])
    return estimator


def fit(case, X, y, w, callback=None):
    """Fit as a case says."""
    estimator = unfitted(case, X, y, w)
    if callback is not None:
        estimator.set_callbacks(callback)
    return fit_quietly(estimator, X, y, w, **set_of(case))


def assert_same_bits(one, other):
    for name in ("loss_curve_", "loss_", "gradient_norm_", "n_iter_", "n_evaluations_"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.stop_reason_ == other.stop_reason_
    assert getattr(one, "validation_scores_", []) == getattr(other, "validation_scores_", [])
    for Theta, Theta_ in zip(one.thetas_, other.thetas_, strict=True):
        assert Theta.tobytes() == Theta_.tobytes()


def assert_predicts(estimator, case, X, y):
    predicted = estimator.predict(X)
    assert predicted.shape == y.shape
    if case["targets"] not in OF_CLASSES:
        assert np.isfinite(predicted).all()
        assert np.isfinite(estimator.score(X, y))
        return
    P = estimator.predict_proba(X)
    assert P.dtype == case["dtype"]
    assert np.isfinite(P).all()
    assert ((P >= 0) & (P <= 1)).all()
    if case["targets"] == "labels":
        np.testing.assert_array_equal(predicted, P > 0.5)
    else:
        np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(predicted, estimator.classes_[P.argmax(axis=1)])


def same_rows_otherwise(X, y, w):
    """Return the same rows in another order, and repeated in place of whole weights."""
    order = np.random.RandomState(4).permutation(150)
    if w is None:
        return X[order], y[order], np.ones(150)
    if (w % 1 == 0).all():
        order = np.repeat(order, w[order].astype(int))
        return X[order], y[order], None
    return X[order], y[order], w[order]


CASES = covering(OPTIONS, 3)


@pytest.mark.parametrize("case", CASES, ids=map(name_of, CASES))
def test_options_of_a_fit(case):
    X, y, w = data_of(case)
    estimator, has_set = fit(case, X, y, w), case["has_set"]
    assert_follows_the_rules(estimator, has_set)
    assert_loss_is_that_of_its_thetas(estimator, rows_trained_on(estimator, X, y, w, has_set))
    assert_predicts(estimator, case, X, y)
    assert_same_bits(estimator, fit(case, *same_rows_otherwise(X, y, w)))
    if not HAS_CALLBACKS:
        assert_same_bits(estimator, fit(case, X, y, w))
        return
    count = Count()
    assert_same_bits(estimator, fit(case, X, y, w, count))
    # Of cheap stages, and of the path of "auto".
    has_others = case["coarse_start"] and case["start"] == "random"
    is_searched = case["reg_lambda"] == "auto" and case["start"] != "warm_start"
    assert (count.n_iterations > estimator.n_iter_) == (has_others or is_searched)
    if (estimator.early_stopping or has_set) and not is_searched:
        assert len(estimator.validation_scores_) == count.n_iterations
    assert_can_be_ended(case, X, y, w, count.n_iterations // 2 + 1)


def assert_can_be_ended(case, X, y, w, at):
    """End the fit at an iteration, by a callback: what is there is whole, or the old model."""
    estimator, count = unfitted(case, X, y, w), Count(at, case["ends"])
    before = vars(estimator.set_callbacks(count)).copy()
    if case["ends"] == "stop":
        fit_quietly(estimator, X, y, w, **set_of(case))
    else:
        with pytest.raises((RuntimeError, KeyboardInterrupt)):
            fit_quietly(estimator, X, y, w, **set_of(case))
        assert count.n_iterations == at
        if vars(estimator) == before:
            assert case["reg_lambda"] == "auto"  # it was on the path, which keeps nothing
            return
    assert_follows_the_rules(estimator, case["has_set"])
    rows = rows_trained_on(estimator, X, y, w, case["has_set"])
    assert_loss_is_that_of_its_thetas(estimator, rows)
    assert_predicts(estimator, case, X, y)
    if case["reg_lambda"] != "auto":
        assert estimator.stop_reason_ in ("callback", "interrupted", "converged")


SEARCHES = covering(OF_A_SEARCH, 2)


@pytest.mark.parametrize("case", SEARCHES, ids=map(name_of, SEARCHES))
def test_options_of_a_search(case):
    X, y, w = data_of(case)
    kind = BackpropClassifierCV if case["targets"] in OF_CLASSES else BackpropRegressorCV

    def search():
        return kind(reg_lambdas=[1e-1, 1e-3], cv=2, **parameters_of(case))

    own_set, has_set = set_of(case), case["has_set"]
    estimator = fit_quietly(search(), X, y, w, **own_set)

    def assert_is_whole(estimator):
        assert_follows_the_rules(estimator, has_set)
        rows = rows_trained_on(estimator, X, y, w, has_set)
        assert_loss_is_that_of_its_thetas(estimator, rows)
        assert_predicts(estimator, case, X, y)
        assert estimator.reg_lambda_ == estimator.reg_lambdas_[estimator.best_index_]

    assert_is_whole(estimator)
    assert np.isfinite(estimator.scores_).all()
    watched, count = search(), Count()
    if HAS_CALLBACKS:
        watched.set_callbacks(count)
    fit_quietly(watched, X, y, w, **own_set)
    assert_same_bits(estimator, watched)
    assert estimator.scores_.tobytes() == watched.scores_.tobytes()
    # At least an iteration of every fit of every path, and those of the refit.
    assert count.n_iterations >= HAS_CALLBACKS * (4 + estimator.n_iter_)
    if not HAS_CALLBACKS or case["ends"] == "stop":
        return
    n_kept = 0
    for at in (1, count.n_iterations - estimator.n_iter_, count.n_iterations):
        ended = search().set_callbacks(Count(at, case["ends"]))
        before = vars(ended).copy()
        with pytest.raises((RuntimeError, KeyboardInterrupt)):
            fit_quietly(ended, X, y, w, **own_set)
        if vars(ended) != before:
            n_kept += 1
            assert_is_whole(ended)
    assert 1 <= n_kept <= 2
