"""What codes of classes and labels stand for, from logits to a user's labels and back."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.utils.class_weight import compute_sample_weight

from skbackprop._rows.classes import Classes, encode_classes, no_targets

TWO = Classes(np.array(["a", "b"]), False)
THREE = Classes(np.array([-1, 4, 7]), False)
LABELS = Classes(np.arange(2), True)


def test_a_positive_logit_is_the_second_class_or_the_label():
    z = np.array([[-1e-9], [0.0], [1e-9], [2.0]])
    assert_array_equal(TWO.decide(z), [False, False, True, True])
    assert_array_equal(TWO.decode(TWO.decide(z).astype(int)), ["a", "a", "b", "b"])
    both = np.hstack([z, -z])
    assert_array_equal(LABELS.decide(both), both > 0)
    assert_array_equal(LABELS.decode(np.array([[0, 1], [1, 1]])), [[0, 1], [1, 1]])


def test_the_greatest_logit_is_the_class_and_among_equals_the_first():
    z = np.array([[1.0, 3.0, 2.0], [0.5, 0.5, -1.0], [-3.0, -2.0, -2.0]])
    assert_array_equal(THREE.decide(z), [1, 0, 1])
    assert_array_equal(THREE.decode(THREE.decide(z)), [4, -1, 4])


@pytest.mark.parametrize(
    ("classes", "n_outputs", "names"),
    [
        (TWO, 1, ["logistic", "logistic"]),
        (THREE, 3, ["logistic", "softmax"]),
        (LABELS, 2, ["logistic", "logistic"]),
    ],
    ids=["binary", "multiclass", "multilabel"],
)
def test_units_are_those_wanted_where_there_is_a_choice(classes, n_outputs, names):
    assert classes.n_outputs == n_outputs
    wanted = [classes.output_units(name).name for name in ("logistic", "softmax")]
    assert wanted == names


@pytest.mark.parametrize("y", [np.array([7, -1, 4, 7]), np.array(["c", "a", "b", "c"])])
def test_classes_are_encoded_in_their_order(y):
    targets, w = encode_classes(y, None, None)
    assert w is None
    assert_array_equal(targets.codes, [2, 0, 1, 2])
    assert_array_equal(targets.as_given, y)
    others = no_targets(targets.classes).encoded(y[1:3], None, "y_val")
    assert_array_equal(others.codes, [0, 1])
    assert_array_equal(others.as_given, y[1:3])


def test_rows_of_weight_zero_may_hold_anything_in_place_of_labels():
    Y = np.array([[0, 1], [1, 0], [7, 7]])
    w = np.array([1.0, 2.0, 0.0])
    targets, _ = encode_classes(np.array([[0, 1], [1, 0]]), None, None)
    assert_array_equal(targets.encoded(Y, w, "y_val").codes[:2], Y[:2])
    for weights in (None, np.ones(3)):
        with pytest.raises(ValueError, match=r"^y_val must hold only 0 and 1 .*\[0, 1, 7\]"):
            targets.encoded(Y, weights, "y_val")


@pytest.mark.parametrize("w", [None, np.array([1.0, 2.0, 0.5, 4.0, 1.0])])
def test_balanced_weights_are_those_of_scikit_learn_for_weights_of_classes(w):
    y = np.array([0, 0, 0, 1, 2])
    targets, _ = encode_classes(y, w, "balanced")
    of_classes = np.bincount(y, w)
    assert_array_equal(targets.weight_of_classes(w), of_classes)
    expected = of_classes.sum() / (3 * of_classes)
    np.testing.assert_allclose(targets.class_weights(w), expected, rtol=1e-15)
    if w is None:
        by_row = compute_sample_weight("balanced", y)
        np.testing.assert_allclose(targets.class_weights(w)[y], by_row, rtol=1e-15)


def test_class_weights_are_given_by_the_label():
    targets, _ = encode_classes(np.array(["b", "a", "c"]), None, {"b": 3.0, "c": 0.5})
    assert_array_equal(targets.class_weights(None), [1.0, 3.0, 0.5])


def test_means_and_least_share_are_of_weight():
    y, w = np.array([4, -1, 4, 7]), np.array([1.0, 2.0, 4.0, 1.0])
    targets, _ = encode_classes(y, w, None)
    assert_array_equal(targets.means(w), [0.25, 0.625, 0.125])
    assert_array_equal(targets.means(None), [0.25, 0.5, 0.25])
    assert targets.least_share(w) == 0.125
    assert targets.least_share(np.array([0.0, 2.0, 4.0, 2.0])) == 0.25
    two, _ = encode_classes(np.array([1, 0, 1]), None, None)
    assert_array_equal(two.means(np.array([1.0, 2.0, 5.0])), [0.75])
    labels, _ = encode_classes(np.array([[0, 1], [1, 1]]), None, None)
    assert_array_equal(labels.means(np.array([3.0, 1.0])), [0.25, 1.0])
    assert labels.least_share(None) == 1


def test_a_matrix_of_targets_has_a_row_per_unit_and_the_positions_of_its_ones():
    three, _ = encode_classes(np.array([4, -1, 7, 4]), None, None)
    two, _ = encode_classes(np.array(["b", "a", "b"]), None, None)
    labels, _ = encode_classes(np.array([[0, 1], [1, 1], [0, 0]]), None, None)
    for targets, expected in [
        (three, [[0, 1, 0, 0], [1, 0, 0, 1], [0, 0, 1, 0]]),
        (two, [[1, 0, 1]]),
        (labels, [[0, 1, 0], [1, 1, 0]]),
    ]:
        matrix = targets.matrix(slice(None))
        assert_array_equal(matrix, expected)
        assert_array_equal(np.sort(targets.for_units(float)), np.flatnonzero(matrix))
        assert_array_equal(targets.matrix(slice(1, 3)), np.array(expected)[:, 1:3])


def test_a_class_without_rows_is_lacking_and_a_label_of_all_rows_or_none():
    three, _ = encode_classes(np.array([4, -1, 7, 4]), None, None)
    assert not three.lacks_a_class
    assert three.take(np.array([0, 1])).lacks_a_class
    labels, _ = encode_classes(np.array([[0, 1], [1, 1], [0, 0]]), None, None)
    assert not labels.lacks_a_class
    assert labels.take(np.array([0, 1])).lacks_a_class
    assert labels.take(np.array([0, 2])).lacks_a_class


def test_to_a_splitter_a_class_without_weight_is_the_heaviest():
    y, w = np.array([4, -1, 7, 4]), np.array([1.0, 2.0, 0.0, 4.0])
    targets, _ = encode_classes(y, w, None)
    assert_array_equal(targets.to_stratify(w), [4, -1, 4, 4])
    assert_array_equal(targets.to_stratify(None), y)
