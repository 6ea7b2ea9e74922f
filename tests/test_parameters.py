"""Parameters: more than one way to write a value."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)


def small(**parameters):
    defaults = {"activation": "logistic", "reg_lambda": "prior", "tol": 1e-2, "random_state": 0}
    return BackpropClassifier(6, **defaults).set_params(**parameters)


GOOD_VALUES = {
    "hidden_layer_sizes": [np.int64(6), [6], (6,), np.array([6])],
    "activation": ["logistic", ["logistic"], ("logistic",), np.array(["logistic"])],
    "max_iter": [np.int32(500)],
    "tol": [np.float64(1e-2)],
    "warm_start": [np.False_],
    "solver_options": [{}, {"maxcor": 10}, {"maxcor": np.int64(10)}],
    "random_state": [np.int64(0), np.random.RandomState(0)],
    "class_weight": [{}, {0: 1, 1: 1.0, 2: np.float32(1)}],
    "verbose": [False],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in GOOD_VALUES.items() for value in values],
    ids=lambda value: repr(value).split(" at 0x")[0],
)
def test_other_ways_to_write_a_value(name, value):
    expected = small().fit(IRIS, SPECIES)
    classifier = small(**{name: value}).fit(IRIS, SPECIES)
    assert classifier.get_params()[name] is value
    assert [Theta.tobytes() for Theta in classifier.thetas_] == [
        Theta.tobytes() for Theta in expected.thetas_
    ]
