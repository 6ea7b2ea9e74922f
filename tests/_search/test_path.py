"""The lambda path: no fit is the prisoner of the one before."""

import warnings

import numpy as np
import pytest
from class_rows import rows_of_fit
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._model import network_for
from skbackprop._parameters import check_parameters
from skbackprop._search.path import LEAST_CUT, Turned, walk
from skbackprop._training.endings import Ending
from skbackprop._training.fit import Fit, is_null
from skbackprop._training.training import Training

IRIS, SPECIES = load_iris(return_X_y=True)
WINE, CULTIVARS = load_wine(return_X_y=True)
PATH = [10.0, 1.0, 0.1, 1e-2, 1e-3]


def problem_of(X, y, hidden=8, **parameters):
    parameters = {"activation": "logistic", **parameters}
    settings = check_parameters(BackpropClassifier(hidden, **parameters))
    rows = rows_of_fit(X, y, None, None)
    return rows, network_for(settings, rows), settings


def walked(X, y, reg_lambdas, *, least_cut=LEAST_CUT, **parameters):
    rows, network, settings = problem_of(X, y, **parameters)
    random_state = np.random.RandomState(0)
    with (
        single_threaded_blas(),
        rounding_in_silence(),
        Training(rows, network, settings, random_state) as training,
    ):
        return list(walk(training, reg_lambdas, least_cut=least_cut))


@pytest.mark.parametrize("hidden", [8, (8, 6)], ids=["one-hidden-layer", "two-hidden-layers"])
@pytest.mark.parametrize("data", ["iris", "wine", "digits"])
def test_a_path_from_a_collapsed_fit_leaves_the_null_cost_where_a_fresh_fit_does(hidden, data):
    load = {"iris": load_iris, "wine": load_wine, "digits": load_digits}[data]
    X, y = load(return_X_y=True)
    X, y = scale(X[::3]), y[::3]
    outcomes = walked(X, y, PATH, hidden=hidden, max_iter=100)
    assert outcomes[0].is_null
    for reg_lambda, outcome in zip(PATH, outcomes, strict=True):
        fresh = BackpropClassifier(
            hidden, activation="logistic", reg_lambda=reg_lambda, max_iter=100, random_state=1
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fresh.fit(X, y)
        if not is_null(fresh.loss_, outcome.null_cost):
            assert not outcome.is_null
    assert not outcomes[-1].is_null


@pytest.mark.parametrize("least_cut", [LEAST_CUT, None])
def test_outcomes_speak_of_their_penalty(least_cut):
    outcomes = walked(scale(WINE), CULTIVARS, [1e-2, 1e-3], least_cut=least_cut)
    for reg_lambda, outcome in zip([1e-2, 1e-3], outcomes, strict=True):
        assert outcome.reg_lambda == reg_lambda
        assert outcome.seconds > 0
        assert len(outcome.loss_curve) == outcome.n_iter + 1
        assert outcome.loss == outcome.loss_curve[-1]
        again = BackpropClassifier(
            8, activation="logistic", reg_lambda=reg_lambda,
            thetas_init=outcome.thetas.matrices, tol=1.0,
        ).fit(scale(WINE), CULTIVARS)  # fmt: skip
        np.testing.assert_allclose(again.loss_, outcome.loss, rtol=1e-12)
        np.testing.assert_allclose(again.gradient_norm_, outcome.gradient_norm, rtol=1e-6)


def test_a_path_goes_on_in_float64_where_float32_overflows():
    # Sums over the features reach 1e39: more than float32 holds, nothing to float64.
    huge = np.column_stack([IRIS, 1e37 * IRIS[:, 0]])
    outcomes = walked(huge, SPECIES, [1e-2, 1e-3], activation="identity", coarse_start=True)
    assert [outcome.reg_lambda for outcome in outcomes] == [1e-2, 1e-3]
    for outcome in outcomes:
        assert np.isfinite(outcome.loss)
        assert outcome.thetas.vector.dtype == np.float64


def test_units_do_not_become_copies_of_each_other():
    outcomes = walked(scale(IRIS), SPECIES, [1e-2, 1e-3, 1e-4, 1e-5])
    weights = outcomes[-1].thetas.matrices[0]
    distances = np.linalg.norm(weights[:, np.newaxis] - weights, axis=2)
    assert distances[np.triu_indices(8, 1)].min() > 0.1


def test_fits_that_only_rank_are_left_once_they_are_slow():
    X, y = scale(WINE), CULTIVARS
    coarse = walked(X, y, [1e-2, 1e-3], tol=1e-6)
    to_the_end = walked(X, y, [1e-2, 1e-3], least_cut=None, tol=1e-6)
    for one, other in zip(coarse, to_the_end, strict=True):
        assert one.ending is Ending.FLAT
        assert other.ending is Ending.CONVERGED
        assert one.n_evaluations < other.n_evaluations
        assert one.n_iter % 10 == 0
        # Of ten iterations, the last ones cut J by less than a hundredth; those before by more.
        curve = np.array(one.loss_curve)
        cuts = 1 - curve[10::10] / curve[:-10:10]
        assert cuts[-1] < 0.01
        assert (cuts[:-1] >= 0.01).all()


@pytest.mark.parametrize(
    ("scores", "n"),
    [
        ([-0.5, -0.4, -0.45, -0.5, -0.6], 4),  # two in a row are worse than the best
        ([-0.5, -0.6, -0.7], 3),
        ([-0.5, -0.4, -0.45, -0.41, -0.45, -0.43], 6),  # but here one of two is hardly worse
        ([-0.5, -0.4, -0.45, -0.3, -0.35, -0.35], 6),
        ([-0.69, -0.695, -0.7, -0.71, -0.2], None),  # a plateau: much is still to be learned
        ([-0.5, -0.4, -0.3], None),
        ([-1e-9, 0.0, 0.0, -1e-9, -1e-9], 5),
        ([-np.inf, -np.inf, -np.inf, -0.3], None),
        ([-0.3, -np.inf, -np.inf], 3),
        ([np.nan] * 5, None),
    ],
)
def test_a_path_has_turned_where_two_penalties_in_a_row_are_clearly_worse(scores, n):
    has_turned = Turned()
    turned = [has_turned(score) for score in scores]
    assert turned.index(True) + 1 == n if n else not any(turned)


@pytest.mark.parametrize("reg_lambda", [1e-2, 1e-3])
def test_a_fit_that_only_ranks_is_left_in_the_first_stage_of_all_rows_that_is_slow(
    monkeypatch, reg_lambda
):
    # float32 can tell costs apart long after that.
    accept, on_all_rows = Fit.accept, []

    def noted(fit, iteration, stage):
        accept(fit, iteration, stage)
        if stage.is_full_batch:
            on_all_rows.append(stage.dtype)

    monkeypatch.setattr(Fit, "accept", noted)
    X, y = scale(WINE), CULTIVARS
    (outcome,) = walked(X, y, [reg_lambda], coarse_start=True, tol=1e-6)
    assert outcome.ending is Ending.FLAT
    assert outcome.n_iter % 10 == 0
    curve = np.array(outcome.loss_curve)
    cuts = 1 - curve[10::10] / curve[:-10:10]
    assert cuts[-1] < 0.01
    assert (cuts[:-1] >= 0.01).all()
    assert on_all_rows == [np.float32] * len(curve)
    assert outcome.thetas.vector.dtype == np.float64
