"""What codes of classes and labels stand for, from logits to a user's labels and back."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_sample_weight

from skbackprop._network.outputs import LogisticUnits
from skbackprop._rows.classes import (
    Classes,
    encode_classes,
    no_targets,
    one_row_of_each_class,
)

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
    one_label = Classes(np.arange(1), True)
    assert_array_equal(one_label.decode(one_label.decide(z)), z > 0)


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


@pytest.mark.parametrize("y", [np.array([7, -1, 4, 7]), np.array([[0, 1], [1, 1], [0, 0]])])
def test_a_code_takes_a_byte_and_nobody_changes_the_labels(y):
    targets, _ = encode_classes(y, None, None)
    none = no_targets(targets.classes)
    assert len(none.codes) == 0
    for codes in (targets.codes, none.codes, none.encoded(y, None, "y").codes):
        assert codes.dtype == np.uint8
    assert targets.classes.is_multilabel is (y.ndim == 2)
    assert not targets.classes.labels.flags.writeable
    assert Classes(**targets.classes.to_state()) == targets.classes


@pytest.mark.parametrize("n", [255, 256])
def test_many_classes_have_codes_of_their_own(n):
    y = np.arange(n)[::-1]
    targets, _ = encode_classes(y, None, None)
    assert_array_equal(targets.codes, y)
    assert_array_equal(no_targets(targets.classes).encoded(y, None, "y_val").codes, y)


def test_rows_are_encoded_and_counted_in_pieces(monkeypatch):
    monkeypatch.setattr("skbackprop._rows.classes._ENCODED_ROWS", 8)
    y = np.random.default_rng(0).integers(3, size=100)
    targets, _ = encode_classes(10 * y, None, None)
    assert_array_equal(targets.codes, y)
    assert_array_equal(targets.weight_of_classes(None), np.bincount(y))
    w = np.arange(100)
    assert_array_equal(targets.weight_of_classes(w), np.bincount(y, w))


def test_a_column_of_classes_is_a_vector_with_a_warning():
    column = np.array([[7], [-1], [4]])
    with pytest.warns(DataConversionWarning, match="column-vector"):
        targets, _ = encode_classes(column, None, None)
    assert_array_equal(targets.codes, [2, 0, 1])
    with pytest.warns(DataConversionWarning, match="column-vector"):
        others = targets.encoded(column, None, "y_val")
    assert_array_equal(others.codes, [2, 0, 1])


def test_labels_may_be_sparse():
    Y = np.array([[0, 1], [1, 0], [1, 1]])
    targets, _ = encode_classes(csr_array(Y), None, None)
    assert_array_equal(targets.codes, Y)
    assert_array_equal(targets.encoded(csr_array(Y), None, "y_val").codes, Y)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([0.5, 1.5, 0.25], "continuous"),
        ([["a", "b"], ["a", "c"]], r"^y must be one column .*multioutput.*\(2, 2\)"),
        (csr_array([[0], [1], [2]]), r"^y must be dense .*sparse .*\(3, 1\)"),
        ([1, 1, 1], "^y must have at least two classes .*got one class only, 1$"),
    ],
    ids=["continuous", "two columns", "sparse", "one class"],
)
def test_what_are_no_classes(y, words):
    with pytest.raises(ValueError, match=words):
        encode_classes(np.array(y) if isinstance(y, list) else y, None, None)


def test_two_classes_must_have_weight():
    with pytest.raises(ValueError, match=r"^y must have at least two classes .*only, 'b'$"):
        encode_classes(np.array(["a", "b", "b"]), np.array([0.0, 1.0, 2.0]), None)


def test_what_are_no_labels():
    Y = np.array([[0, 1], [1, 0]])
    with pytest.raises(ValueError, match=r"^y must hold only 0 and 1 .*, got \[0, 2\]$"):
        encode_classes(2 * Y, None, None)
    with pytest.raises(ValueError, match=r"^class_weight must be None where y is multilabel"):
        encode_classes(Y, None, {0: 2.0})


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.array([4, 5, 7]), r"must hold only classes of the fit, \[-1, 4, 7\]; got \[5\]$"),
        (np.array([[4, 7], [7, 4]]), r"must be one column .* shape \(2, 2\)$"),
        (csr_array([[4], [7]]), r"must be one column .* shape \(2, 1\)$"),
    ],
    ids=["unknown", "two columns", "sparse"],
)
def test_what_are_no_classes_of_the_fit(y, words):
    targets, _ = encode_classes(np.array([7, -1, 4, 7]), None, None)
    with pytest.raises(ValueError, match=f"^y_val {words}"):
        targets.encoded(y, None, "y_val")


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
    # Whole numbers that numpy has no integer for are numbers all the same.
    targets, _ = encode_classes(np.array(["b", "a"]), None, {"a": 1, "b": 2**70})
    weights = targets.class_weights(None)
    assert_array_equal(weights, [1.0, 2.0**70])
    assert weights.dtype == np.float64


def test_balanced_weights_leave_out_a_class_without_rows():
    targets, _ = encode_classes(np.array([0, 0, 0, 1, 2]), None, "balanced")
    some = np.array([0, 1, 3])
    by_row = compute_sample_weight("balanced", some > 1)
    np.testing.assert_allclose(targets.take(some).class_weights(None), [*by_row[1:], 0])


def test_class_weights_leave_a_finite_sum():
    targets, _ = encode_classes(np.array(["b", "a", "b"]), None, {"b": 1e308})
    with pytest.raises(
        ValueError, match=r"^class_weight must leave a finite sum .* got {'a': 1.0, 'b': 1e\+308}$"
    ):
        targets.class_weights(None)


@pytest.mark.parametrize("w", [None, np.array([1.0, 2.0, 3.0, 4.0])])
def test_rows_of_a_class_of_weight_zero_have_none(w):
    y = np.array(["b", "a", "c", "b"])
    _, weights = encode_classes(y, w, {"b": 0, "c": 5.0})
    assert_array_equal(weights, [0, 1, 1, 0] if w is None else [0, 2, 3, 0])
    assert_array_equal(encode_classes(y, w, {"b": 0.5})[1], w)
    with pytest.raises(
        ValueError, match=r"^class_weight leaves no row .* got {'a': 0.0, 'b': 1.0, 'c': 0.0}$"
    ):
        encode_classes(y, np.array([0.0, 1.0, 1.0, 0.0]), {"a": 0, "c": 0})
    with pytest.raises(ValueError, match=r"^y must have at least two classes .*only, 'a'$"):
        encode_classes(y, w, {"b": 0, "c": 0})


def test_distinct_labels_stand_for_all_rows_of_them():
    labels, w = np.array(["a", "b", "c"]), np.array([2.0, 3.0, 0.5])
    targets, weights = one_row_of_each_class(labels, w, {"a": 0, "c": 7.0})
    assert_array_equal(targets.codes, [0, 1, 2])
    assert_array_equal(targets.classes.labels, labels)
    assert targets.classes.is_multilabel is False
    assert_array_equal(targets.class_weights(weights), [0, 1, 7])
    assert_array_equal(weights, [0, 3, 0.5])
    with pytest.raises(ValueError, match=r"^sample_weight must not be zero"):
        one_row_of_each_class(labels, np.zeros(3), None)


def test_means_and_least_share_are_of_weight():
    y, w = np.array([4, -1, 4, 7]), np.array([1.0, 2.0, 4.0, 1.0])
    targets, _ = encode_classes(y, w, None)
    assert_array_equal(targets.means(w), [0.25, 0.625, 0.125])
    assert_array_equal(targets.means(None), [0.25, 0.5, 0.25])
    assert targets.least_share(w) == 0.125
    assert targets.least_share(np.array([0.0, 2.0, 4.0, 2.0])) == 0.25
    assert targets.least_share(np.array([1.0, 0.0, 2.0, 1.0])) == 0.25  # none of one class
    two, _ = encode_classes(np.array([1, 0, 1]), None, None)
    assert_array_equal(two.means(np.array([1.0, 2.0, 5.0])), [0.75])
    labels, _ = encode_classes(np.array([[0, 1], [1, 1], [0, 0]]), None, None)
    assert_array_equal(labels.means(np.array([3.0, 1.0, 4.0])), [0.125, 0.5])
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
    for weights in (w, w / 8):
        assert_array_equal(targets.to_stratify(weights), [4, -1, 4, 4])
    assert_array_equal(targets.to_stratify(None), y)
    Y = np.array([[0, 1], [1, 1], [0, 0]])
    labels, _ = encode_classes(Y, w[:3], None)
    assert_array_equal(labels.to_stratify(w[:3]), Y)


def test_constant_frequencies_cost_what_the_units_say():
    y, w = np.array([4, -1, 7, 4]), np.array([1.0, 2.0, 3.0, 4.0])
    targets, _ = encode_classes(y, w, None)
    units, predicted = LogisticUnits(), np.array([0.2, 0.5, 0.4])
    z = np.tile(np.log(predicted / (1 - predicted))[:, np.newaxis], 4)
    cost, _ = units.cost_and_delta(z, targets.for_units(float), w)
    assert targets.constant_cost(units, predicted, w) == pytest.approx(cost / w.sum(), rel=1e-12)
