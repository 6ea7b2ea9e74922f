"""What goes into a fit and comes out of it: labels, containers, probabilities."""

import copy
import pickle
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csc_array, csr_array, csr_matrix
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.preprocessing import scale

import skbackprop._estimator
import skbackprop._network_classifier
from skbackprop import BackpropClassifier

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
CANCER, MALIGNANT = load_breast_cancer(return_X_y=True)
CANCER = scale(CANCER)
COUNTS, LABELS = make_multilabel_classification(
    120, n_features=6, n_classes=4, allow_unlabeled=True, random_state=0
)
COUNTS = scale(COUNTS)
DATA = {
    "binary": (CANCER, MALIGNANT),
    "multiclass": (IRIS, SPECIES),
    "multilabel": (COUNTS, LABELS),
}
EACH_KIND = pytest.mark.parametrize("kind", DATA)


def small(**parameters):
    return BackpropClassifier(
        **{
            "hidden_layer_sizes": 6,
            "activation": "logistic",
            "reg_lambda": "prior",
            "random_state": 0,
            **parameters,
        }
    )


def same_bits(one, other):
    return [t.tobytes() for t in one.thetas_] == [t.tobytes() for t in other.thetas_]


# Labels


THREE_LABELS = {
    "int": np.array([0, 1, 2]),
    "descending": np.array([2, 1, 0]),
    "negative": np.array([-7, 300, -1]),
    "int8": np.array([5, -5, 0], dtype=np.int8),
    "uint64": np.array([2**63, 1, 7], dtype=np.uint64),
    "whole floats": np.array([2.0, -1.0, 10.0]),
    "strings": np.array(["virginica", "setosa", "Ägypten"]),
    "bytes like strings": np.array(["2", "10", "1"]),
    "objects": np.array(["b", "a", "c"], dtype=object),
    "dates": np.array(["2021-01-01", "2019-05-05", "2020-01-01"], dtype="M8[D]"),
}


@pytest.mark.parametrize("names", THREE_LABELS.values(), ids=THREE_LABELS)
def test_labels_of_any_type_and_order(names):
    y = names[SPECIES]
    classifier = small().fit(IRIS, y)
    assert classifier.classes_.dtype == names.dtype
    assert classifier.classes_.tolist() == sorted(names.tolist())
    predicted = classifier.predict(IRIS)
    assert predicted.dtype == names.dtype
    assert np.mean(predicted == y) > 0.95
    P = classifier.predict_proba(IRIS)
    np.testing.assert_array_equal(classifier.classes_[P.argmax(axis=1)], predicted)


@pytest.mark.parametrize(
    "names",
    [[False, True], [True, False], [-1, 1], ["yes", "no"], [0.0, 2.0], [np.str_("é"), "z"]],
    ids=repr,
)
def test_two_labels(names):
    names = np.array(names)
    y = names[MALIGNANT]
    classifier = small().fit(CANCER, y)
    assert classifier.classes_.tolist() == sorted(names.tolist())
    assert classifier.predict(CANCER).dtype == names.dtype
    assert classifier.score(CANCER, y) > 0.97
    positive = classifier.decision_function(CANCER) > 0
    np.testing.assert_array_equal(classifier.predict(CANCER) == classifier.classes_[1], positive)


def test_names_of_the_labels_do_not_change_the_fit():
    expected = small().fit(IRIS, SPECIES)
    assert same_bits(small().fit(IRIS, np.array(["a", "b", "c"])[SPECIES]), expected)
    assert same_bits(small().fit(IRIS, SPECIES.tolist()), expected)
    assert same_bits(small().fit(IRIS, pd.Series(SPECIES).astype("category")), expected)


def test_column_of_labels_is_flattened_with_a_warning():
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        classifier = small().fit(IRIS, SPECIES[:, np.newaxis])
    assert same_bits(classifier, small().fit(IRIS, SPECIES))
    assert classifier.predict(IRIS).shape == (150,)


@pytest.mark.parametrize("dtype", [int, float, bool, np.uint8])
def test_multilabel(dtype):
    classifier = small().fit(COUNTS, LABELS.astype(dtype))
    assert same_bits(classifier, small().fit(COUNTS, LABELS))
    assert classifier.classes_.tolist() == [0, 1, 2, 3]
    predicted = classifier.predict(COUNTS)
    assert predicted.shape == LABELS.shape
    assert predicted.dtype == int
    assert np.mean(predicted == LABELS) > 0.85
    np.testing.assert_array_equal(predicted, classifier.decision_function(COUNTS) > 0)
    np.testing.assert_array_equal(predicted, classifier.predict_proba(COUNTS) > 0.5)


@pytest.mark.parametrize("as_sparse", [csr_array, csc_array, csr_matrix])
def test_sparse_multilabel_targets(as_sparse):
    classifier = small().fit(COUNTS, as_sparse(LABELS))
    assert same_bits(classifier, small().fit(COUNTS, LABELS))
    assert isinstance(classifier.predict(COUNTS), np.ndarray)
    w = np.linspace(0, 1, len(LABELS))
    assert same_bits(
        small().fit(COUNTS, as_sparse(LABELS), sample_weight=w),
        small().fit(COUNTS, LABELS, sample_weight=w),
    )


def test_a_label_that_none_or_all_have():
    Y = np.column_stack([LABELS, np.zeros(len(LABELS), int), np.ones(len(LABELS), int)])
    classifier = small().fit(COUNTS, Y)
    np.testing.assert_array_equal(classifier.predict(COUNTS)[:, 4:], Y[:, 4:])


# Containers and types


@EACH_KIND
def test_containers_agree(kind):
    X, y = DATA[kind]
    X = np.where(np.abs(X) < 0.5, 0, X)
    dense = small(tol=1e-6).fit(X, y)
    for hold in (csr_array, csc_array, coo_array, csr_matrix):
        sparse = small(tol=1e-6).fit(hold(X), y)
        np.testing.assert_allclose(sparse.loss_, dense.loss_, rtol=1e-6)
        np.testing.assert_allclose(sparse.predict_proba(X), dense.predict_proba(X), atol=1e-3)
        for method in ("predict_proba", "decision_function", "predict_log_proba"):
            answer = getattr(dense, method)
            np.testing.assert_allclose(answer(hold(X)), answer(X), rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(dense.predict(hold(X)), dense.predict(X))
    for hold in (np.asfortranarray, lambda X: X.tolist(), lambda X: np.repeat(X, 2, axis=0)[::2]):
        assert same_bits(small(tol=1e-6).fit(hold(X), y), dense)
        np.testing.assert_array_equal(dense.predict_proba(hold(X)), dense.predict_proba(X))


@EACH_KIND
def test_float32_in_float32_out(kind):
    X, y = DATA[kind]
    double = small().fit(X, y)
    single = small().fit(X.astype(np.float32), y)
    for classifier, dtype in ((double, np.float64), (single, np.float32)):
        assert all(Theta.dtype == dtype for Theta in classifier.thetas_)
        for method in ("predict_proba", "predict_log_proba", "decision_function"):
            assert getattr(classifier, method)(X).dtype == dtype
            assert getattr(classifier, method)(X.astype(np.float32)).dtype == dtype
        assert isinstance(classifier.loss_, float)
        assert classifier.converged_
    np.testing.assert_allclose(single.loss_, double.loss_, rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.float16, bool])
def test_other_numbers_are_computed_in_float64(dtype):
    X = (COUNTS * 3).clip(0, 9).astype(dtype)
    classifier = small().fit(X, LABELS)
    assert classifier.thetas_[0].dtype == np.float64
    assert same_bits(classifier, small().fit(X.astype(np.float64), LABELS))


# What comes out


@pytest.mark.parametrize("out_activation", ["logistic", "softmax"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@EACH_KIND
def test_answers_agree_with_each_other(kind, dtype, out_activation):
    X, y = DATA[kind]
    X = X.astype(dtype)
    classifier = small(out_activation=out_activation).fit(X, y)
    n_outputs = {"binary": 1, "multiclass": 3, "multilabel": 4}[kind]
    assert classifier.n_outputs_ == n_outputs
    softmax = out_activation == "softmax" and kind == "multiclass"
    assert classifier.out_activation_ == ("softmax" if softmax else "logistic")
    assert classifier.out_activation == out_activation

    z = classifier.decision_function(X)
    P = classifier.predict_proba(X)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    assert z.shape == ((len(X),) if n_outputs == 1 else (len(X), n_outputs))
    assert P.shape == (len(X), 2 if n_outputs == 1 else n_outputs)
    assert P.min() >= 0
    assert P.max() <= 1 + tolerance
    log_P = classifier.predict_log_proba(X)
    np.testing.assert_allclose(np.exp(log_P), P, rtol=tolerance)
    if kind == "multilabel":
        return
    np.testing.assert_allclose(P.sum(axis=1), 1, rtol=tolerance)
    predicted = classifier.predict(X)
    np.testing.assert_array_equal(predicted, classifier.classes_[P.argmax(axis=1)])
    codes = (z > 0).astype(int) if n_outputs == 1 else z.argmax(axis=1)
    np.testing.assert_array_equal(predicted, classifier.classes_[codes])


def test_thetas_in_the_shapes_of_mlpclassifier():
    classifier = small(hidden_layer_sizes=(7, 5), activation=("tanh", "relu")).fit(IRIS, SPECIES)
    assert [Theta.shape for Theta in classifier.thetas_] == [(7, 5), (5, 8), (3, 6)]
    assert [coef.shape for coef in classifier.coefs_] == [(4, 7), (7, 5), (5, 3)]
    assert [intercept.shape for intercept in classifier.intercepts_] == [(7,), (5,), (3,)]
    assert (classifier.n_layers_, classifier.n_outputs_) == (4, 3)
    assert classifier.activations_ == ("tanh", "relu")
    a = np.tanh(IRIS @ classifier.coefs_[0] + classifier.intercepts_[0])
    a = np.maximum(a @ classifier.coefs_[1] + classifier.intercepts_[1], 0)
    z = a @ classifier.coefs_[2] + classifier.intercepts_[2]
    np.testing.assert_allclose(classifier.decision_function(IRIS), z, rtol=1e-10, atol=1e-10)


def test_coefs_and_intercepts_are_views_of_thetas():
    classifier = small().fit(IRIS, SPECIES)
    for Theta, coef, intercept in zip(
        classifier.thetas_, classifier.coefs_, classifier.intercepts_, strict=True
    ):
        assert np.shares_memory(coef, Theta)
        assert np.shares_memory(intercept, Theta)
        np.testing.assert_array_equal(coef, Theta[:, 1:].T)
        np.testing.assert_array_equal(intercept, Theta[:, 0])


def test_what_predicts_cannot_be_written_to():
    classifier = small().fit(IRIS, SPECIES)
    before = classifier.predict_proba(IRIS)
    for arrays in (classifier.thetas_, classifier.coefs_, classifier.intercepts_):
        for array in arrays:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
    classifier.thetas_.clear()
    np.testing.assert_array_equal(classifier.predict_proba(IRIS), before)
    for name in ("thetas_", "classes_", "out_activation_"):
        with pytest.raises(AttributeError):
            setattr(classifier, name, None)


@pytest.mark.parametrize("name", ["coefs_", "intercepts_", "thetas_"])
def test_unfitted(name):
    classifier = small()
    assert not hasattr(classifier, name)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(classifier, method)(IRIS)


@EACH_KIND
def test_many_rows_are_answered_as_one_by_one(kind):
    X, y = DATA[kind]
    classifier = small().fit(X, y)
    many = np.tile(X, (-(-1300 // len(X)), 1))
    P = classifier.predict_proba(many)
    assert P.shape[0] == len(many) > 2 * 512
    one_by_one = np.vstack([classifier.predict_proba(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(P[: len(X)], one_by_one, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(P[-len(X) :], one_by_one, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
@EACH_KIND
def test_one_random_state_gives_one_fit(kind, solver):
    X, y = DATA[kind]
    one, two = (small(solver=solver, random_state=3).fit(X, y) for _ in range(2))
    assert same_bits(one, two)
    assert one.loss_curve_ == two.loss_curve_
    other = small(solver=solver, random_state=4).fit(X, y)
    assert other.loss_curve_[0] != one.loss_curve_[0]


def test_random_state_instances_and_none():
    seeded = small(random_state=np.random.RandomState(3)).fit(IRIS, SPECIES)
    assert same_bits(seeded, small(random_state=3).fit(IRIS, SPECIES))
    # The instance goes on, so that the next fit starts elsewhere.
    curve = seeded.loss_curve_
    assert seeded.fit(IRIS, SPECIES).loss_curve_ != curve
    # random_state=None is numpy's global state, and only the legacy function seeds that.
    np.random.seed(3)  # noqa: NPY002
    assert same_bits(
        small(random_state=None).fit(IRIS, SPECIES), small(random_state=3).fit(IRIS, SPECIES)
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("out_activation", ["softmax", "logistic"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("hidden", [(), 4, (4, 3)])
@pytest.mark.parametrize("n_rows", [60, 6000])
def test_answers_are_numbers_for_any_finite_X(hidden, n_classes, out_activation, dtype, n_rows):
    y = np.minimum(SPECIES, n_classes - 1)
    own = small(hidden_layer_sizes=hidden, activation="relu", out_activation=out_activation)
    own.set_params(tol=0.1).fit(IRIS.astype(dtype), y)
    greatest = np.finfo(dtype).max
    signs = np.random.default_rng(0).choice([-1, 1], size=(n_rows, 4))
    for far in (signs * greatest, signs[:, :1] * np.full((n_rows, 4), greatest)):
        far = far.astype(dtype)
        assert np.isfinite(own.decision_function(far)).all()
        P = own.predict_proba(far)
        np.testing.assert_allclose(P.sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(P[np.arange(n_rows), own.predict(far)], P.max(axis=1))
        assert not np.isnan(own.predict_log_proba(far)).any()


@pytest.mark.parametrize("n_rows", [1, 2000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rows_to_predict_must_be_finite(n_rows, bad, dtype):
    own = small().fit(IRIS, SPECIES)
    X = np.zeros((n_rows, 4), dtype)
    X[-1, 2] = bad
    with pytest.raises(ValueError, match="Input X contains"):
        own.predict(X)
    X[-1, 2] = np.finfo(dtype).max  # great, but a number: its square is not
    assert own.predict(X).shape == (n_rows,)


# A prediction is from one model

KINDS = {3: np.array(["a", "b", "c"]), 5: np.array(["v", "w", "x", "y", "z"])}
METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]
SHORT_FIT = {"hidden_layer_sizes": 2, "max_iter": 3}
RACE = pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning")


def kinds_of(K):
    return KINDS[K][IRIS[:, 0].argsort().argsort() * K // len(IRIS)]


@RACE
@pytest.mark.parametrize("step", ["validated_to_predict", "validate_data", "answers"])
@pytest.mark.parametrize("method", METHODS)
def test_a_refit_in_the_midst_of_a_prediction_has_no_part_in_it(monkeypatch, method, step):
    classifier = small(**SHORT_FIT).fit(IRIS, kinds_of(3))
    before = getattr(classifier, method)(IRIS)
    after = getattr(small(**SHORT_FIT).fit(IRIS[:, :2], kinds_of(5)), method)(IRIS[:, :2])
    rooms = {"validate_data": skbackprop._inputs, "answers": skbackprop._network_classifier}
    room = rooms.get(step, skbackprop._estimator)
    real = getattr(room, step)

    def and_refit(*args, **kwargs):
        monkeypatch.undo()
        result = real(*args, **kwargs)
        classifier.fit(IRIS[:, :2], kinds_of(5))
        return result

    monkeypatch.setattr(room, step, and_refit)
    np.testing.assert_array_equal(getattr(classifier, method)(IRIS), before)
    np.testing.assert_array_equal(getattr(classifier, method)(IRIS[:, :2]), after)


@RACE
def test_predictions_in_threads_while_the_same_object_is_refitted():
    classifier = small(**SHORT_FIT).fit(IRIS, kinds_of(3))
    is_over, seen = threading.Event(), {method: set() for method in METHODS}

    def predict():
        while not is_over.is_set():
            predicted = classifier.predict(IRIS)
            seen["predict"].add(min(K for K in KINDS if np.isin(predicted, KINDS[K]).all()))
            for method in METHODS[1:]:
                answer = getattr(classifier, method)(IRIS)
                assert np.isfinite(answer).all()
                seen[method].add(answer.shape[1])

    interval = sys.getswitchinterval()
    with ThreadPoolExecutor(2) as pool:
        sys.setswitchinterval(1e-5)
        try:
            predictions = [pool.submit(predict) for _ in range(2)]
            end = time.monotonic() + 1.2
            while time.monotonic() < end and not any(p.done() for p in predictions):
                for K in (5, 3):
                    classifier.fit(IRIS, kinds_of(K))
        finally:
            is_over.set()
            sys.setswitchinterval(interval)
        for prediction in predictions:
            prediction.result()
    # Both models were met, and nothing else.
    assert seen == {method: {3, 5} for method in METHODS}


# Attributes


COPIES = {
    "itself": lambda classifier: classifier,
    "pickled": lambda classifier: pickle.loads(pickle.dumps(classifier)),
    "copied": copy.copy,
    "copied deeply": copy.deepcopy,
}
EACH_COPY = pytest.mark.parametrize("made", COPIES.values(), ids=COPIES)
OF_A_MODEL = [
    *["thetas_", "coefs_", "intercepts_", "n_layers_", "n_outputs_", "activations_"],
    *["out_activation_", "classes_", "multilabel_"],
]


@EACH_COPY
@EACH_KIND
def test_classes_are_read_only(made, kind):
    X, y = DATA[kind]
    classifier = made(small(reg_lambda=1e-2).fit(X, y))
    before = classifier.predict(X)
    with pytest.raises(ValueError, match="read-only"):
        classifier.classes_[0] = 7
    np.testing.assert_array_equal(classifier.predict(X), before)


def test_labels_that_were_given_stay_writeable():
    y = SPECIES.copy()
    small(reg_lambda=1e-2).fit(IRIS, y)
    y[0] = 2
    assert y.flags.writeable


@EACH_COPY
@pytest.mark.parametrize("name", [*OF_A_MODEL, "loss_", "n_features_in_", "nonsense"])
def test_what_is_not_there_is_named(made, name):
    unfitted = made(small())
    assert not hasattr(unfitted, name)
    with pytest.raises(AttributeError, match=f"^'BackpropClassifier' .* attribute '{name}'") as e:
        getattr(unfitted, name)
    assert "_model" not in str(e.value)
    assert getattr(unfitted, name, None) is None


@EACH_COPY
def test_what_is_there_is_found(made):
    classifier = made(small(reg_lambda=1e-2).fit(IRIS, SPECIES))
    assert all(hasattr(classifier, name) for name in [*OF_A_MODEL, "loss_", "n_features_in_"])
    for name in ("validation_scores_", "feature_names_in_", "nonsense"):
        assert not hasattr(classifier, name)
        with pytest.raises(AttributeError, match=f"'{name}'$"):
            getattr(classifier, name)
    assert same_bits(classifier, small(reg_lambda=1e-2).fit(IRIS, SPECIES))
