"""One training: where its fits start, what each comes to by itself, and what there is to keep."""

import warnings
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
from skbackprop._training.callbacks import Task
from skbackprop._training.endings import Ending
from skbackprop._training.fit import Fit
from skbackprop._training.reports import Reports
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


def of_classes(hidden=4, options=None, **parameters):
    rows = rows_of_fit(IRIS, SPECIES, None, None)
    parameters = {"activation": "logistic", **parameters}
    return trainings(rows, BackpropClassifier(hidden, **parameters), **(options or {}))


class Seen(Reports):
    """Sees the stages, and the iterations as (start, number); may raise at one of these."""

    def __init__(self, at=None):
        super().__init__(False)
        self.at, self.stages, self.iterations = at, [], []

    def stage(self, stage):
        self.stages.append(stage.name)

    def iteration(self, iteration, fit, stage):
        self.iterations.append((len(self.stages), iteration.number))
        if self.iterations[-1] == self.at:
            raise KeyboardInterrupt


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


@pytest.mark.parametrize(
    ("given", "stages"),
    [
        ({}, ["all rows"]),
        ({"is_coarse": False}, ["all rows"]),
        ({"is_coarse": True}, ["mini-batches", "all rows", "all rows"]),
    ],
    ids=str,
)
def test_a_fit_from_a_given_start_has_cheap_stages_only_where_it_is_to_be_coarse(given, stages):
    seen = Seen()
    with of_classes(options={"reports": seen}, coarse_start=True) as training:
        training.fit(training.random_start(), 1e-2, **given)
    assert seen.stages == stages


# Where they end


def test_a_fit_is_left_by_the_rule_that_is_given():
    with of_classes() as training:
        outcome = training.fit(
            training.random_start(), 1e-2, is_left=lambda iteration: iteration.number == 3
        )
    assert (outcome.ending, outcome.n_iter) == (Ending.FLAT, 3)


def starts_of(max_iter):
    """Return how many iterations each start of a fit has that collapses at every start."""
    seen = Seen()
    with of_classes(options={"reports": seen}, max_iter=max_iter, tol=1e-2) as training:
        training.fit_afresh(10.0)
    return [
        max(n for of, n in seen.iterations if of == start)
        for start in range(1, len(seen.stages) + 1)
    ]


def test_another_start_is_given_as_many_iterations_as_the_one_before_or_is_not_made():
    first, *others = starts_of(1000)
    assert len(others) == 2
    assert len(starts_of(2 * first)) > 1
    assert len(starts_of(2 * first - 1)) == 1
    # All together have those of one fit.
    assert all(sum(starts_of(max_iter)) <= max_iter for max_iter in range(1, 4 * first))


def test_mini_batches_of_a_later_start_have_the_limit_of_the_first():
    limits = []

    class Limits(Task):
        def of_stage(self, name, max_iter):
            limits.append((name, max_iter))
            return super().of_stage(name, max_iter)

    options = {"task": Limits(None, None, {}, dict)}
    with of_classes(options=options, coarse_start=True, max_iter=300, tol=1e-2) as training:
        training.fit_afresh(10.0)
    assert [limit for name, limit in limits if name == "mini-batches"] == [300, 300, 300]
    of_all_rows = [limit for name, limit in limits if name == "all rows"]
    assert of_all_rows[0] == 300
    assert of_all_rows == sorted(of_all_rows, reverse=True) != [300] * 6


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


def test_a_start_that_breaks_leaves_the_one_before(monkeypatch):
    with of_classes(tol=1e-2) as training:
        starts = iter([training.random_start(), np.full_like(training.random_start(), np.nan)])
        monkeypatch.setattr(Training, "random_start", lambda self: next(starts))
        outcome = training.fit_afresh(10.0)
        assert training.outcome() is outcome
    assert np.isfinite(outcome.loss)


@pytest.mark.parametrize("at", [(1, 1), (2, 1), (2, 2)])
def test_an_interrupt_keeps_the_start_under_way(at):
    with of_classes(options={"reports": Seen(at)}, tol=1e-2) as training:
        with pytest.raises(KeyboardInterrupt) as caught:
            training.fit_afresh(10.0)
        assert training.keeps(caught.value)
        outcome = training.outcome()
    assert (outcome.ending, outcome.n_iter) == (Ending.INTERRUPTED, at[1])


def test_an_interrupt_before_its_first_iteration_keeps_the_start_before(monkeypatch):
    with of_classes(tol=1e-2) as training:
        starts = iter([training.random_start()])
        monkeypatch.setattr(Training, "random_start", lambda self: next(starts))
        with pytest.raises(StopIteration):
            training.fit_afresh(10.0)
        before = training.outcome()
        assert before.ending is Ending.CONVERGED
        # A second start has begun, and come to nothing.
        training._fit = Fit(before.x, 10.0, None)
        assert training.outcome() is before


def test_the_thetas_of_an_outcome_can_not_be_changed():
    with of_classes(tol=1e-2) as training:
        thetas = training.fit_afresh(1e-2).thetas
    for array in (thetas.vector, *thetas.matrices):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_the_precision_does_not_hold_is_blamed_on_it_where_a_greater_might(dtype):
    X = (np.finfo(dtype).max / 2 * np.sign(IRIS)).astype(dtype)
    classifier = BackpropClassifier(4, activation="identity", reg_lambda=1e-3, random_state=0)
    with (
        warnings.catch_warnings(action="ignore", category=RuntimeWarning),  # of scikit-learn
        pytest.raises(ValueError, match="became non-finite") as caught,
    ):
        classifier.fit(X, SPECIES)
    limit = "(the fit is computed in float32, which holds no number above 3.4e+38)"
    assert (limit in str(caught.value)) == (dtype == np.float32)
    assert ("float" in str(caught.value)) == (dtype == np.float32)
