"""What a worker holds of a group: what it has opened is for one function, and nobody else's."""

import pickle
import threading

import numpy as np
import pytest

pytest.importorskip("distributed")

from dask.sizeof import sizeof

from skbackprop._cluster.held import Held, Part
from skbackprop._rows.classes import encode_classes
from skbackprop._rows.rows import rows_as_given

Y = np.tile([0, 1, 2], 10)
X = np.arange(60.0).reshape(30, 2)


def held(class_weights=None):
    targets, _ = encode_classes(Y, None, None)
    return Held(rows_as_given(X, targets, None, class_weights), np.repeat([0, 1], 15))


class Opener:
    """Opens functions, and counts how often."""

    def __init__(self, factor):
        self.factor, self.n_opened = factor, 0

    def __call__(self):
        self.n_opened += 1
        return lambda x: self.factor * x


def test_the_same_key_opens_once_and_another_anew():
    group, twice, thrice = held(), Opener(2), Opener(3)
    assert [group.call("2", twice, x) for x in (1, 2, 3)] == [2, 4, 6]
    assert group.call("3", thrice, 5) == 15
    assert group.call("2", twice, 5) == 10
    assert (twice.n_opened, thrice.n_opened) == (2, 1)


def test_what_failed_is_not_kept():
    group, twice = held(), Opener(2)
    with pytest.raises(TypeError):
        group.call("2", twice, None)
    assert group.call("2", twice, 1) == 2
    assert twice.n_opened == 2


def test_two_calls_at_a_time_have_one_each():
    group, opened = held(), []
    inside, go_on = threading.Event(), threading.Event()

    def opener():
        opened.append(threading.current_thread())
        is_first = len(opened) == 1

        def call(x):
            if is_first:
                inside.set()
                assert go_on.wait(60)
            return x

        return call

    first = threading.Thread(target=group.call, args=("key", opener, 1))
    first.start()
    assert inside.wait(60)
    assert group.call("key", opener, 2) == 2  # the first is still in use
    go_on.set()
    first.join()
    assert len(opened) == 2
    assert group.call("key", opener, 3) == 3
    assert len(opened) == 2


def test_a_pickle_holds_nothing_opened():
    group = held()
    group.call("2", Opener(2), 1)
    loaded = pickle.loads(pickle.dumps(group))
    np.testing.assert_array_equal(loaded.rows.X, X)
    np.testing.assert_array_equal(loaded.folds, group.folds)
    other = Opener(3)
    assert loaded.call("2", other, 1) == 3
    assert sizeof(loaded) >= X.nbytes + Y.size


def test_parts():
    group = held()
    np.testing.assert_array_equal(group.part(Part(1, True)).compact().X, X[15:])
    np.testing.assert_array_equal(group.part(Part(1, False)).compact().X, X[:15])
    assert group.part(Part()) is group.rows
    weighted = held(np.ones(3)).part(Part(0, True, np.array([2.0, 0.0, 1.0])))
    np.testing.assert_array_equal(weighted.compact().X, X[:15][Y[:15] != 1])
    np.testing.assert_array_equal(weighted.w, np.where(Y[:15] == 0, 2.0, 1.0)[Y[:15] != 1])
    assert held(np.ones(3)).part(Part(0, True, np.zeros(3))).n_rows == 0
