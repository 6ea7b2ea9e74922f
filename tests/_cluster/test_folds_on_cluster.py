"""The folds of rows on a cluster are scikit-learn's, however the rows are in groups."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import KFold, StratifiedKFold

pytest.importorskip("distributed")

from skbackprop._cluster.folds import class_weights_of_training, in_folds
from skbackprop._cluster.held import Held, Part
from skbackprop._cluster.rows import ClusterRows
from skbackprop._rows.classes import encode_classes
from skbackprop._rows.numbers import encode_numbers
from skbackprop._rows.rows import rows_as_given


class Here:
    """A cluster of this thread, which knows no futures."""

    class Resident:
        home = "here"

        def __init__(self, value):
            self.value = value

        def let_go(self):
            pass

    def hold(self, function, *args, home=None):
        return self.Resident(function(*[getattr(arg, "value", arg) for arg in args]))

    def each(self, function, residents, *point):
        return [function(resident.value, *point) for resident in residents]


def on_cluster(targets, w=None, class_weights=None, n_groups=4, seed=0):
    """Return rows in groups of random sizes, some without any; X is the number of the row."""
    n = len(targets.codes)
    ends = np.sort(np.random.default_rng(seed).integers(0, n + 1, n_groups - 1))
    X, groups = np.arange(float(n))[:, np.newaxis], []
    for start, end in zip([0, *ends], [*ends, n], strict=True):
        part = slice(start, end)
        of_group = targets.take(part), None if w is None else w[part]
        groups.append(Here.Resident(Held(rows_as_given(X[part], *of_group, class_weights))))
    few = targets
    if targets.has_classes and not targets.classes.is_multilabel:
        few = targets.with_codes(np.arange(len(targets.classes.labels)))
    return ClusterRows(Here(), groups, few, class_weights, 1, X.dtype)


def rows_of(rows, fold, is_held_out):
    of_groups = rows.of_part(Part(fold, is_held_out), None)
    compact = of_groups.each(lambda rows: rows.compact().X[:, 0])
    return np.concatenate(compact).astype(int)


def assert_folds(rows, splits):
    dealt = in_folds(rows, len(splits))
    for fold, (train, test) in enumerate(splits):
        np.testing.assert_array_equal(rows_of(dealt, fold, False), train)
        np.testing.assert_array_equal(rows_of(dealt, fold, True), test)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_folds", [2, 3, 7])
def test_classes_are_dealt_as_scikit_learn_does(seed, n_folds):
    rng = np.random.default_rng(seed)
    y = rng.choice([f"class {i}" for i in range(7)], rng.integers(60, 200))
    y = np.sort(y)[::-1] if seed == 3 else y  # what comes first is not the first in the alphabet
    targets, _ = encode_classes(y, None, None)
    splits = list(StratifiedKFold(n_folds).split(y, y))
    assert_folds(on_cluster(targets, n_groups=1 + seed, seed=seed), splits)


@pytest.mark.parametrize("n_rows", [7, 20, 53])
def test_numbers_are_dealt_as_scikit_learn_does(n_rows):
    targets, _ = encode_numbers(np.arange(n_rows) ** 2.0, None, "squared_error")
    assert_folds(on_cluster(targets), list(KFold(5).split(np.zeros(n_rows))))


def test_labels_are_dealt_as_scikit_learn_does():
    targets, _ = encode_classes(np.eye(3, dtype=int).repeat(7, axis=0), None, None)
    assert_folds(on_cluster(targets), list(KFold(4).split(np.zeros(21))))


def test_rows_without_weight_are_in_no_fold():
    y, w = np.tile([0, 1, 1], 20), np.arange(60) % 4 * 1.0
    with_weight = np.flatnonzero(w)
    targets, _ = encode_classes(y, None, None)
    splits = StratifiedKFold(3).split(with_weight, y[with_weight])
    of_all = [(with_weight[train], with_weight[test]) for train, test in splits]
    assert_folds(on_cluster(targets, w), of_all)


def test_balanced_classes_are_those_of_the_training_rows():
    y, w = np.repeat([0, 1, 2], [30, 3, 40]), np.linspace(0.1, 3, 73)
    targets, _ = encode_classes(y, None, "balanced")
    rows = in_folds(on_cluster(targets, w, targets.class_weights(w)), 3)
    weights = class_weights_of_training(rows, 3)
    for fold, (train, _) in enumerate(StratifiedKFold(3).split(y, y)):
        expected = targets.take(train).class_weights(w[train])
        np.testing.assert_allclose(weights[fold], expected, rtol=1e-14)


def test_a_class_that_no_training_row_has_weighs_nothing():
    y, w = np.repeat([0, 1], [20, 1]), np.full(21, 0.1)
    targets, _ = encode_classes(y, None, "balanced")
    with pytest.warns(UserWarning, match="more folds than the smallest class has rows"):
        rows = in_folds(on_cluster(targets, w, targets.class_weights(w)), 2)
    assert sorted(of_fold[1] for of_fold in class_weights_of_training(rows, 2))[0] == 0


def test_folds_without_rows_are_an_error():
    targets, _ = encode_classes(np.repeat(["a", "b"], 3), None, None)
    with pytest.raises(ValueError, match=r"cv must not be more folds .* each class .* 3; got 4"):
        in_folds(on_cluster(targets), 4)
    targets, _ = encode_numbers(np.arange(4.0), None, "squared_error")
    with pytest.raises(ValueError, match=r"cv must not be more folds .* at most 4; got 5"):
        in_folds(on_cluster(targets), 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        in_folds(on_cluster(targets), 4)
