"""Weights of rows and of classes, and the penalty that follows from them."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification
from sklearn.ensemble import BaggingClassifier
from sklearn.preprocessing import scale
from sklearn.utils.class_weight import compute_sample_weight

from skbackprop import BackpropClassifier

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
CANCER, MALIGNANT = load_breast_cancer(return_X_y=True)
CANCER = scale(CANCER)
COUNTS, LABELS = make_multilabel_classification(120, n_features=6, random_state=0)
DATA = {
    "binary": (CANCER, MALIGNANT),
    "multiclass": (IRIS, SPECIES),
    "multilabel": (scale(COUNTS), LABELS),
}


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


def test_weights_of_classes_are_weights_of_their_rows():
    class_weight = {0: 3.0, 1: 0.25}
    w = np.random.default_rng(0).integers(1, 4, len(MALIGNANT))
    by_class = compute_sample_weight(class_weight, MALIGNANT)
    classifier = small(class_weight=class_weight)
    assert same_bits(
        classifier.fit(CANCER, MALIGNANT), small().fit(CANCER, MALIGNANT, sample_weight=by_class)
    )
    assert same_bits(
        classifier.fit(CANCER, MALIGNANT, sample_weight=w),
        small().fit(CANCER, MALIGNANT, sample_weight=w * by_class),
    )
    assert not same_bits(classifier, small().fit(CANCER, MALIGNANT, sample_weight=w))


def test_classes_without_a_weight_have_weight_one():
    w = np.where(SPECIES == 1, 2.5, 1.0)
    assert same_bits(
        small(class_weight={1: 2.5}).fit(IRIS, SPECIES), small().fit(IRIS, SPECIES, sample_weight=w)
    )
    names = np.array(["a", "b", "c"])[SPECIES]
    assert same_bits(
        small(class_weight={"b": 2.5}).fit(IRIS, names), small().fit(IRIS, SPECIES, sample_weight=w)
    )


def test_balanced_classes():
    rows = np.r_[:50, 50:60, 100:125]
    X, y = IRIS[rows], SPECIES[rows]
    w = compute_sample_weight("balanced", y)
    balanced = small(class_weight="balanced").fit(X, y)
    expected = small().fit(X, y, sample_weight=w)
    np.testing.assert_allclose(balanced.loss_, expected.loss_, rtol=1e-5)
    np.testing.assert_allclose(balanced.predict_proba(X), expected.predict_proba(X), atol=1e-2)
    assert balanced.reg_lambda_ == expected.reg_lambda_ == 1e-3


def test_balanced_counts_weighted_rows():
    w = np.random.default_rng(0).random(150) + 0.1
    W_c = np.bincount(SPECIES, w)
    by_class = w.sum() / (3 * W_c)
    fitted = [
        small(class_weight="balanced", hidden_layer_sizes=(), tol=1e-7),
        small(hidden_layer_sizes=(), tol=1e-7),
    ]
    fitted[0].fit(IRIS, SPECIES, sample_weight=w)
    fitted[1].fit(IRIS, SPECIES, sample_weight=w * by_class[SPECIES])
    np.testing.assert_allclose(fitted[0].thetas_[0], fitted[1].thetas_[0], atol=1e-4)


def test_balanced_data_need_no_balance():
    assert same_bits(small(class_weight="balanced").fit(IRIS, SPECIES), small().fit(IRIS, SPECIES))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", DATA)
def test_scale_of_the_weights_has_no_effect(kind, dtype):
    X, y = DATA[kind]
    X = X.astype(dtype)
    w = np.random.default_rng(0).random(len(X))
    expected = small(reg_lambda=1e-3).fit(X, y, sample_weight=w)
    assert expected.loss_ > 1e-3
    # Powers of two, so that not a bit need change; float32 cannot hold 2 ** 200.
    for factor in (2.0**-30, 2.0**-200, 2.0**200):
        scaled = small(reg_lambda=1e-3).fit(X, y, sample_weight=w * factor)
        assert same_bits(scaled, expected)


@pytest.mark.parametrize("weight", [1, 1.0, np.float32(1), np.ones(150), [1] * 150, None])
def test_plain_weights(weight):
    assert same_bits(small().fit(IRIS, SPECIES, sample_weight=weight), small().fit(IRIS, SPECIES))


def test_rows_of_weight_zero_take_no_part():
    w = (np.arange(150) % 3 > 0).astype(float)
    classifier = small().fit(IRIS, SPECIES, sample_weight=w)
    assert same_bits(classifier, small().fit(IRIS[w > 0], SPECIES[w > 0]))


@pytest.mark.parametrize("out_activation", ["logistic", "softmax"])
def test_a_class_whose_rows_have_no_weight_stays_a_class(out_activation):
    w = (SPECIES != 1).astype(float)
    classifier = small(out_activation=out_activation).fit(IRIS, SPECIES, sample_weight=w)
    assert classifier.classes_.tolist() == [0, 1, 2]
    assert classifier.converged_
    P = classifier.predict_proba(IRIS[w > 0])
    assert P.shape == (100, 3)
    assert P[:, 1].max() < 0.01
    np.testing.assert_array_equal(classifier.predict(IRIS[w > 0]), SPECIES[w > 0])
    other = small(out_activation=out_activation, class_weight={1: 0}).fit(IRIS, SPECIES)
    assert same_bits(other, classifier)


def test_the_decision_function_of_bagging_over_a_small_class():
    rows = np.r_[:50, 50:100, 100:102]
    X, y = IRIS[rows], SPECIES[rows]
    # Some bootstrap samples give the two rows of the third class no weight.
    bagging = BaggingClassifier(small(), n_estimators=6, random_state=0).fit(X, y)
    assert bagging.decision_function(X).shape == (102, 3)
    assert bagging.score(X, y) > 0.9


def test_balanced_classes_of_enormous_weights():
    w = np.full(150, 1e306)
    huge = small(class_weight="balanced").fit(IRIS, SPECIES, sample_weight=w)
    one = small(class_weight="balanced", reg_lambda=huge.reg_lambda_).fit(IRIS, SPECIES)
    np.testing.assert_allclose(huge.loss_curve_[:5], one.loss_curve_[:5], rtol=1e-9)


def test_auto_reg_lambda():
    m = 2000
    X = np.random.default_rng(0).normal(size=(m, 2))
    y = X[:, 0] > 0

    def penalty(n_rows=m, weight=None, **parameters):
        w = None if weight is None else np.full(n_rows, weight)
        return small(tol=0.05, **parameters).fit(X[:n_rows], y[:n_rows], w).reg_lambda_

    assert penalty() == 1 / m
    assert penalty(activation="identity") == 1 / m
    assert penalty(hidden_layer_sizes=()) == 1 / m
    assert penalty(activation="tanh") == 4 / m
    assert penalty(hidden_layer_sizes=(4, 4), activation=("tanh", "relu")) == 4 / m
    assert penalty(hidden_layer_sizes=(4, 4), activation=("tanh", "logistic")) == 1 / m
    assert penalty(n_rows=500) == 1e-3
    assert penalty(n_rows=500, activation="relu") == 4e-3
    # W where it is more than the number of rows; that number where the weights sum to 1.
    assert penalty(weight=4.0) == 1 / (4 * m)
    assert penalty(weight=1 / m) == 1 / m
    assert penalty(n_rows=500, weight=16.0) == 1 / (16 * 500)
    assert penalty(reg_lambda=0.02) == 0.02
    assert penalty(reg_lambda=0) == 0


@pytest.mark.parametrize(
    ("w", "message"),
    [(np.full(150, 1e308), "finite sum"), (np.ones(150) + 1j, "complex")],
    ids=["overflow", "complex"],
)
def test_weights_that_no_fit_can_use(w, message):
    with pytest.raises(ValueError, match=f"sample_weight.*{message}"):
        small().fit(IRIS, SPECIES, sample_weight=w)


def test_labels_that_cannot_be_sorted():
    labels = np.array(["a", None, "b"], dtype=object)[SPECIES]
    with pytest.raises(ValueError, match="y must hold labels that can be sorted"):
        small().fit(IRIS, labels)


def test_labels_without_anything_to_learn_warn_of_nothing():
    Y = np.column_stack([np.ones(150, dtype=int), np.zeros(150, dtype=int)])
    assert small().fit(IRIS, Y).predict(IRIS).tolist() == Y.tolist()
