"""Every option with every other: what a fit promises holds whatever it is asked for."""

import warnings
from itertools import combinations, product

import numpy as np
import pytest
from fit_rules import assert_follows_the_rules, assert_loss_is_that_of_its_thetas, rows_trained_on
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier, BackpropClassifierCV

IRIS, SPECIES = load_iris(return_X_y=True)
# Some zeros for the sparse, some noise for early stopping.
IRIS = scale(IRIS) * (np.random.RandomState(0).random_sample((150, 4)) > 0.1)
NOISY = np.where(np.random.RandomState(1).random_sample(150) < 0.15, 0, SPECIES)
LABELS = np.column_stack([NOISY > 0, IRIS[:, 1] > 0, NOISY == 1]).astype(int)
TARGETS = {"two": NOISY > 0, "many": np.array(["a", "b", "c"])[NOISY], "labels": LABELS}
WEIGHTS = {
    "none": None,
    "whole": np.random.RandomState(2).randint(0, 4, size=150).astype(float),
    "fractional": np.random.RandomState(3).uniform(0.2, 3, size=150),
}
THETAS = {"two": 1, "many": 3, "labels": 3}
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
    "targets": list(TARGETS),
}
OF_A_SEARCH = {name: options for name, options in OPTIONS.items() if name != "start"}
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


class Count:
    """A callback that counts the iterations."""

    n_iterations = 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "iteration" and fitted_estimator is not None:
            self.n_iterations += 1


def parameters_of(case):
    defaults = {
        "reg_lambda": "prior",
        "n_iter_no_change": 3,
        "max_iter": 15,
        "tol": 1e-3,
        "random_state": 0,
    }
    options = {n: case[n] for n in ("early_stopping", "coarse_start", "solver", "out_activation")}
    is_weighted = case["targets"] != "labels"
    return {
        **defaults,
        **options,
        "class_weight": case["class_weight"] if is_weighted else None,
    }


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


def fit(case, X, y, w, callback=None):
    """Fit as a case says; of a warm start, once before."""
    parameters = {**parameters_of(case), "reg_lambda": 1e-3}
    if case["start"] == "thetas_init":
        rng, K = np.random.RandomState(5), THETAS[case["targets"]]
        parameters["thetas_init"] = [rng.normal(size=(4, 5)), rng.normal(size=(K, 5))]
    classifier = BackpropClassifier(4, **parameters)
    if case["start"] == "warm_start":
        fit_quietly(classifier.set_params(warm_start=True, max_iter=2), X, y, w)
        classifier.set_params(max_iter=parameters["max_iter"])
    if callback is not None:
        classifier.set_callbacks(callback)
    return fit_quietly(classifier, X, y, w, **set_of(case))


def assert_same_bits(one, other):
    for name in ("loss_curve_", "loss_", "gradient_norm_", "n_iter_", "n_evaluations_"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.stop_reason_ == other.stop_reason_
    assert getattr(one, "validation_scores_", []) == getattr(other, "validation_scores_", [])
    for Theta, Theta_ in zip(one.thetas_, other.thetas_, strict=True):
        assert Theta.tobytes() == Theta_.tobytes()


def assert_predicts(classifier, case, X, y):
    P, predicted = classifier.predict_proba(X), classifier.predict(X)
    assert P.dtype == case["dtype"]
    assert np.isfinite(P).all()
    assert ((P >= 0) & (P <= 1)).all()
    assert predicted.shape == y.shape
    if case["targets"] == "labels":
        np.testing.assert_array_equal(predicted, P > 0.5)
    else:
        np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(predicted, classifier.classes_[P.argmax(axis=1)])
        assert classifier.score(X, y) > 0.3


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
    classifier, has_set = fit(case, X, y, w), case["has_set"]
    assert_follows_the_rules(classifier, has_set)
    assert_loss_is_that_of_its_thetas(classifier, rows_trained_on(classifier, X, y, w, has_set))
    assert_predicts(classifier, case, X, y)
    assert_same_bits(classifier, fit(case, *same_rows_otherwise(X, y, w)))
    if HAS_CALLBACKS:
        count = Count()
        assert_same_bits(classifier, fit(case, X, y, w, count))
        is_coarse = case["coarse_start"] and case["start"] == "random"
        assert (count.n_iterations > classifier.n_iter_) == is_coarse
        if classifier.early_stopping or has_set:
            assert len(classifier.validation_scores_) == count.n_iterations
    else:
        assert_same_bits(classifier, fit(case, X, y, w))


SEARCHES = covering(OF_A_SEARCH, 2)


@pytest.mark.parametrize("case", SEARCHES, ids=map(name_of, SEARCHES))
def test_options_of_a_search(case):
    X, y, w = data_of(case)

    def search():
        parameters = parameters_of(case)
        del parameters["reg_lambda"]
        return BackpropClassifierCV(4, reg_lambdas=[1e-1, 1e-3], cv=2, **parameters)

    own_set, has_set = set_of(case), case["has_set"]
    classifier = fit_quietly(search(), X, y, w, **own_set)
    assert_follows_the_rules(classifier, has_set)
    assert_loss_is_that_of_its_thetas(classifier, rows_trained_on(classifier, X, y, w, has_set))
    assert_predicts(classifier, case, X, y)
    assert np.isfinite(classifier.scores_).all()
    assert classifier.reg_lambda_ == classifier.reg_lambdas_[classifier.best_index_]
    watched, count = search(), Count()
    if HAS_CALLBACKS:
        watched.set_callbacks(count)
    fit_quietly(watched, X, y, w, **own_set)
    assert_same_bits(classifier, watched)
    assert classifier.scores_.tobytes() == watched.scores_.tobytes()
    # At least an iteration of every fit of every path, and those of the refit.
    assert count.n_iterations >= HAS_CALLBACKS * (4 + classifier.n_iter_)
