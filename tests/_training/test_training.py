"""One training: where its fits start, what each comes to by itself, and what there is to keep."""

from contextlib import contextmanager

import numpy as np
import pytest
from class_rows import rows_of_fit
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._model import network_for
from skbackprop._network.thetas import Thetas
from skbackprop._parameters import check_parameters
from skbackprop._rows import rows as rows_module
from skbackprop._rows.numbers import encode_numbers
from skbackprop._training.training import Training

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
COUNTS = np.random.default_rng(0).poisson(np.exp(IRIS[:, 0]), size=150).astype(float)
CONSTANT = np.full(150, 3.0)


@contextmanager
def trainings(rows, estimator, **options):
    settings = check_parameters(estimator)
    random_state = np.random.RandomState(0)
    with (
        single_threaded_blas(),
        rounding_in_silence(),
        Training(rows, network_for(settings, rows), settings, random_state, **options) as training,
    ):
        yield training


def of_classes(hidden=4, y=SPECIES, **parameters):
    parameters = {"activation": "logistic", **parameters}
    return trainings(rows_of_fit(IRIS, y, None, None), BackpropClassifier(hidden, **parameters))


def of_numbers(y, hidden=4, loss="squared_error", **parameters):
    rows = rows_module.rows_of_fit(IRIS, *encode_numbers(y, None, loss))
    return trainings(rows, BackpropRegressor(hidden, loss=loss, **parameters))


# Where fits start


@pytest.mark.parametrize("hidden", [(), 4, (4, 3)])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_without_weights_the_means_are_predicted(hidden, loss):
    with of_numbers(COUNTS, hidden, loss) as training:
        without = np.zeros_like(training.random_start())
        assert training.cost(without, 0.1) == pytest.approx(training.null_cost, rel=1e-12)


@pytest.mark.parametrize("hidden", [(), 4, (4, 3)])
@pytest.mark.parametrize(("loss", "bias"), [("squared_error", 0.0), ("poisson", np.log(3))])
def test_an_output_that_is_always_the_same_begins_where_it_ends(hidden, loss, bias):
    with of_numbers(np.column_stack([COUNTS, CONSTANT]), hidden, loss) as training:
        vector = training.coordinates.thetas_from_x(training.random_start())
        *others, last = Thetas(vector, training.network.shapes).matrices
    np.testing.assert_allclose(last[1], [bias, *[0] * (last.shape[1] - 1)], atol=1e-15)
    assert all(np.count_nonzero(Theta[:, 1:]) == Theta[:, 1:].size for Theta in others)
    assert last[0].all()


# What there is


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError()], ids=repr)
def test_before_any_fit_there_is_nothing_to_keep(error):
    with of_classes() as training:
        assert not training.has_something
        assert not training.keeps(error)


def test_each_fit_counts_its_own_evaluations():
    with of_classes(tol=1e-2) as training:
        # Collapsed, and started again.
        afresh = training.fit_afresh(10.0)
        again = training.fit(afresh.x, 10.0)
        assert afresh.n_evaluations > 2 * afresh.n_iter > 0
        assert (again.n_iter, again.n_evaluations) == (0, 1)
        assert training.outcome() is again
        assert training.fit(again.x, 10.0).n_evaluations == 1
