"""onnxruntime answers as the estimators do: labels, probabilities, logits and numbers."""

import importlib
import sys

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler, scale

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)
from skbackprop.onnx import HIDDEN_UNITS

pytestmark = pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning")

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
COUNTS, LABELS = make_multilabel_classification(
    150, n_features=4, n_classes=3, allow_unlabeled=True, random_state=0
)
COUNTS = scale(COUNTS)
CLASSES = {
    "ints": (IRIS, SPECIES * 10 - 7),
    "strings": (IRIS, np.array(["setosa", "versicolor", "virginica"])[SPECIES]),
    "objects": (IRIS, np.array(["sétosa", "versicolor", "virginica"], dtype=object)[SPECIES]),
    "two ints": (IRIS, SPECIES // 2 + 2**40),
    "two strings": (IRIS, np.array(["no", "yes"])[SPECIES // 2]),
    "bools": (IRIS, SPECIES == 1),
    "floats": (IRIS, SPECIES - 1.0),
    "labels": (COUNTS, LABELS),
}
NUMBERS = {
    "one": IRIS[:, 3] * 40 + 1000,
    "a column": IRIS[:, 3:] / 50,
    "two": np.column_stack([SPECIES, IRIS[:, 1] ** 2 * 300]),
}
HIDDEN = {
    "none": {"hidden_layer_sizes": ()},
    **{name: {"hidden_layer_sizes": 5, "activation": name} for name in HIDDEN_UNITS},
    "four": {
        "hidden_layer_sizes": (5, 4, 3, 4),
        "activation": ("tanh", "relu", "identity", "logistic"),
    },
}
SHORT = {"reg_lambda": 1e-4, "max_iter": 15, "random_state": 0}
EACH_TYPE = pytest.mark.parametrize("dtype", [np.float32, np.float64])
EACH_HIDDEN = pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)


def served(estimator, X, options=None, **how):
    """Return what onnxruntime answers."""
    graph = to_onnx(estimator, X[:1], options=options, **how)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"X": X})


def without_zipmap(classifier, **options):
    return {id(classifier): {"zipmap": False, **options}}


def check_classifier(classifier, X, **options):
    labels, proba = served(classifier, X, without_zipmap(classifier, **options))
    expected = classifier.predict(X)
    assert labels.shape == expected.shape
    assert_array_equal(labels, expected)
    assert proba.dtype == X.dtype
    expected = classifier.predict_proba(X)
    assert proba.shape == expected.shape
    assert_allclose(proba, expected, rtol=0, atol=1e-5)


@EACH_TYPE
@EACH_HIDDEN
@pytest.mark.parametrize("out_activation", ["softmax", "logistic"])
def test_classes(dtype, hidden, out_activation):
    classifier = BackpropClassifier(out_activation=out_activation, **hidden, **SHORT)
    check_classifier(classifier.fit(IRIS.astype(dtype), SPECIES), IRIS.astype(dtype))


@EACH_TYPE
@pytest.mark.parametrize("kind", CLASSES)
def test_kinds_of_labels(dtype, kind):
    X, y = CLASSES[kind]
    check_classifier(BackpropClassifier(5, **SHORT).fit(X, y), X.astype(dtype))


@EACH_TYPE
@pytest.mark.parametrize("out_activation", ["softmax", "logistic"])
@pytest.mark.parametrize("kind", ["ints", "two ints", "labels"])
def test_saturated_rows(dtype, out_activation, kind):
    """There, a quotient of K sigmoids would be 0 / 0."""
    X, y = CLASSES[kind]
    classifier = BackpropClassifier((), out_activation=out_activation, **SHORT).fit(X, y)
    far = (X * 1e4).astype(dtype)
    assert np.abs(classifier.decision_function(far)).min(axis=0).max() > 100
    check_classifier(classifier, far)


@EACH_TYPE
def test_rows_saturated_in_all_classes(dtype):
    thetas = [np.array([[-2000.0, 1.0], [-2001.0, 1.0], [-2003.0, 1.0]])]
    classifier = BackpropClassifier((), out_activation="logistic", thetas_init=thetas, tol=1e9)
    classifier.fit(np.arange(9.0)[:, np.newaxis], np.arange(9) % 3)
    assert_array_equal(classifier.thetas_, thetas)
    X = np.linspace(-5000, 5000, 101, dtype=dtype)[:, np.newaxis]
    z = classifier.decision_function(X)
    assert z.max(axis=1).min() < -6000
    assert z.min(axis=1).max() > 2000
    check_classifier(classifier, X)


@EACH_TYPE
@EACH_HIDDEN
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.filterwarnings("ignore:A column-vector:sklearn.exceptions.DataConversionWarning")
def test_numbers(dtype, hidden, loss, kind):
    y = np.abs(NUMBERS[kind]) if loss == "poisson" else NUMBERS[kind]
    X = IRIS.astype(dtype)
    regressor = BackpropRegressor(loss=loss, **hidden, **SHORT).fit(X, y)
    (answers,) = served(regressor, X)
    expected = regressor.predict(X).reshape(150, -1)
    assert answers.dtype == dtype
    assert answers.shape == expected.shape
    assert (np.abs(answers - expected).max(axis=0) <= 1e-5 * np.abs(y).max(axis=0)).all()


@EACH_TYPE
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_numbers_are_finite(dtype, loss):
    """They are positive, too, of counts."""
    regressor = BackpropRegressor((), loss=loss, **SHORT).fit(IRIS, SPECIES + 1e-3)
    far = np.abs(IRIS).astype(dtype) * dtype(np.sqrt(np.finfo(dtype).max))
    for X in (far, -far):
        (answers,) = served(regressor, X)
        assert np.isfinite(answers).all()
        assert loss == "squared_error" or answers.min() > 0


def test_integers_are_computed_in_float32():
    X = np.round(IRIS * 3).astype(np.int64)
    classifier = BackpropClassifier(5, **SHORT).fit(X, SPECIES)
    labels, proba = served(classifier, X, without_zipmap(classifier))
    assert_array_equal(labels, classifier.predict(X))
    assert proba.dtype == np.float32
    assert_allclose(proba, classifier.predict_proba(X), rtol=0, atol=1e-5)


def test_older_operators():
    check = BackpropClassifier(5, out_activation="logistic", **SHORT).fit(IRIS, SPECIES)
    _, proba = served(check, IRIS, without_zipmap(check), target_opset=12)
    assert_allclose(proba, check.predict_proba(IRIS), rtol=0, atol=1e-5)


# Options


@pytest.mark.parametrize("kind", CLASSES)
def test_raw_scores_are_logits(kind):
    X, y = CLASSES[kind]
    classifier = BackpropClassifier(5, **SHORT).fit(X, y)
    labels, scores = served(classifier, X, without_zipmap(classifier, raw_scores=True))
    z = classifier.decision_function(X)
    assert_array_equal(labels, classifier.predict(X))
    assert_allclose(scores, z if z.ndim == 2 else np.column_stack([-z, z]), rtol=1e-9)


@pytest.mark.parametrize("kind", CLASSES)
def test_probabilities_have_names_by_default(kind):
    X, y = CLASSES[kind]
    classifier = BackpropClassifier(5, **SHORT).fit(X, y)
    X = X.astype(np.float32)  # the operator ZipMap takes nothing else
    labels, proba = served(classifier, X)
    assert_array_equal(labels, classifier.predict(X))
    assert list(proba[0]) == classifier.classes_.tolist()
    columns = served(classifier, X, {id(classifier): {"zipmap": "columns"}})[1:]
    for named in ([list(of_row.values()) for of_row in proba], np.column_stack(columns)):
        assert_allclose(named, classifier.predict_proba(X), rtol=0, atol=1e-5)


def test_class_labels_as_an_output_and_none_in_the_graph():
    X, y = CLASSES["strings"]
    classifier = BackpropClassifier(5, **SHORT).fit(X, y)
    *_, classes = served(classifier, X, without_zipmap(classifier, output_class_labels=True))
    assert_array_equal(classes, classifier.classes_)
    codes, _ = served(classifier, X, without_zipmap(classifier, nocl=True))
    assert_array_equal(classifier.classes_[codes], classifier.predict(X))


# Around the networks


@pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropClassifierCV])
def test_classifiers_in_a_pipeline(estimator):
    X, y = IRIS * 50 + 7, CLASSES["strings"][1]
    search = {"reg_lambdas": [1e-2, 1e-3], "cv": 3} if estimator is BackpropClassifierCV else {}
    model = make_pipeline(StandardScaler(), estimator(5, max_iter=15, random_state=0, **search))
    check_classifier(model.fit(X, y), X.astype(np.float32))


def test_raw_scores_in_a_pipeline_are_an_option_of_the_network():
    model = make_pipeline(StandardScaler(), BackpropClassifier(5, **SHORT)).fit(IRIS, SPECIES)
    _, scores = served(model, IRIS, without_zipmap(model[-1], raw_scores=True))
    assert_allclose(scores, model.decision_function(IRIS), rtol=1e-9)


@pytest.mark.parametrize("estimator", [BackpropRegressor, BackpropRegressorCV])
def test_regressors_in_a_pipeline(estimator):
    X, y = IRIS * 50 + 7, NUMBERS["two"]
    search = {"reg_lambdas": [1e-2, 1e-3], "cv": 3} if estimator is BackpropRegressorCV else {}
    model = make_pipeline(StandardScaler(), estimator(5, max_iter=15, random_state=0, **search))
    (answers,) = served(model.fit(X, y), X)
    assert_allclose(answers, model.predict(X), rtol=1e-5)


def test_columns_of_several_types():
    table = pd.DataFrame(
        {
            "length": IRIS[:, 0].astype(np.float32),
            "width": IRIS[:, 1].astype(np.float32),
            "petals": np.arange(150) % 4,
            "colour": np.array(["blue", "white", "red"])[(SPECIES + np.arange(150) // 40) % 3],
        }
    )
    model = make_pipeline(
        make_column_transformer(
            (StandardScaler(), ["length", "width"]),
            (OneHotEncoder(handle_unknown="ignore"), ["colour"]),
            (StandardScaler(), ["petals"]),
        ),
        BackpropClassifier(5, **SHORT),
    ).fit(table, SPECIES)
    types = {"petals": Int64TensorType, "colour": StringTensorType}
    graph = to_onnx(
        model,
        initial_types=[(name, types.get(name, FloatTensorType)([None, 1])) for name in table],
        options=without_zipmap(model),
    )
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    labels, proba = session.run(None, {name: table[[name]].to_numpy() for name in table})
    assert_array_equal(labels, model.predict(table))
    assert_allclose(proba, model.predict_proba(table), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "around",
    [
        lambda network: GridSearchCV(network, {"reg_lambda": [1e-2, 1e-4]}, cv=3),
        lambda network: CalibratedClassifierCV(network, cv=3),
        lambda network: BaggingClassifier(network, 2, random_state=0),
    ],
)
def test_a_network_in_another_estimator(around):
    model = around(BackpropClassifier(5, **SHORT)).fit(IRIS, SPECIES)
    check_classifier(model, IRIS.astype(np.float32))


# What cannot be


@pytest.mark.parametrize("network", [BackpropClassifier, BackpropClassifierCV, BackpropRegressor])
@pytest.mark.parametrize("zipmap", [False, True, "columns"])
@pytest.mark.parametrize(
    "around",
    [
        lambda network: make_pipeline(network, LogisticRegression()),
        lambda network: make_pipeline(network, StandardScaler(), LogisticRegression()),
        lambda network: make_pipeline(make_union(StandardScaler(), network), LogisticRegression()),
        lambda network: make_pipeline(
            make_column_transformer((network, [0, 1]), (StandardScaler(), [2, 3])),
            LogisticRegression(),
        ),
        lambda network: make_pipeline(make_pipeline(StandardScaler(), network), PCA(2)),
    ],
)
def test_a_network_before_another_step_is_refused(around, zipmap, network):
    options = {"reg_lambdas": [1e-2], "cv": 2} if network is BackpropClassifierCV else {}
    network = network(5, max_iter=5, random_state=0, coarse_start=False, **options)
    model = around(network).fit(IRIS, SPECIES)
    name = type(network).__name__
    with pytest.raises(NotImplementedError, match=f"^{name} stands before another step"):
        to_onnx(model, IRIS[:1], options={id(model): {"zipmap": zipmap}})


def test_labels_that_onnx_does_not_have():
    classifier = BackpropClassifier((), **SHORT).fit(IRIS, SPECIES.astype(np.uint64) + 2**63)
    with pytest.raises(ValueError, match=r"64 bits with a sign; got the classes array\(\[9223"):
        to_onnx(classifier, IRIS[:1], options=without_zipmap(classifier))


def test_without_skl2onnx_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "skbackprop.onnx")
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r'pip install "skbackprop\[onnx\]"'):
        importlib.import_module("skbackprop.onnx")
