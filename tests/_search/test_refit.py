"""The refit: from a path and afresh, held against each other by one measure."""

from contextlib import contextmanager

import numpy as np
import pytest
from class_rows import rows_of_fit
from quiet import QuietCallback
from sklearn.base import clone
from sklearn.datasets import load_wine, make_classification
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier, BackpropClassifierCV
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._model import network_for
from skbackprop._network.thetas import Thetas, unroll
from skbackprop._parameters import check_parameters
from skbackprop._search.refit import Refit
from skbackprop._search.reports import SearchReports
from skbackprop._training.training import Training

WINE, CULTIVARS = load_wine(return_X_y=True)
WINE = scale(WINE)


class Heard(SearchReports):
    """Keeps what it is told."""

    def __init__(self):
        super().__init__(False)
        self.outcomes = {}

    def refit(self, how, outcome):
        self.outcomes[how] = outcome


@contextmanager
def training_on(X, y, **parameters):
    settings = check_parameters(BackpropClassifier(8, activation="logistic", **parameters))
    rows = rows_of_fit(X, y, None, None)
    random_state = np.random.RandomState(0)
    with (
        single_threaded_blas(),
        rounding_in_silence(),
        Training(rows, network_for(settings, rows), settings, random_state) as training,
    ):
        yield training


def refitted(training, starts, reg_lambda=1e-3):
    """Return the outcome of a refit from these matrices, and those of its two fits."""
    heard = Heard()
    starts = [Thetas(unroll(start), training.network.shapes) for start in starts]
    refit = Refit(training, starts, heard)
    refit.run(reg_lambda)
    return refit.outcome(), heard.outcomes


def test_the_refit_is_the_better_of_two():
    fresh = BackpropClassifier(8, activation="logistic", reg_lambda=1e-3, random_state=0).fit(
        WINE, CULTIVARS
    )
    better = clone(fresh).set_params(tol=1e-8).fit(WINE, CULTIVARS)
    null = [np.zeros_like(Theta) for Theta in fresh.thetas_]
    for starts, expected in (
        ([], fresh),
        ([null], fresh),
        ([null, better.thetas_], better),
        ([better.thetas_, null], better),
    ):
        with training_on(WINE, CULTIVARS) as training:
            outcome, of_both = refitted(training, starts)
        np.testing.assert_allclose(outcome.loss, expected.loss_, rtol=1e-12)
        assert list(of_both) == (["from a path", "afresh"] if starts else ["afresh"])
    assert better.loss_ < fresh.loss_


def test_with_early_stopping_it_is_the_plain_fit():
    # No path of a fold, which may have seen the rows held out, has a part in it.
    X, y = make_classification(200, 10, n_informative=5, flip_y=0.4, random_state=1)
    parameters = {"early_stopping": True, "validation_fraction": 0.3, "random_state": 0}
    search = BackpropClassifierCV(8, reg_lambdas=[1e-2, 1e-6], cv=2, **parameters).fit(X, y)
    plain = BackpropClassifier(8, reg_lambda=search.reg_lambda_, **parameters).fit(X, y)
    assert search.validation_scores_ == plain.validation_scores_
    assert search.best_validation_score_ == max(search.validation_scores_)
    for Theta, expected in zip(search.thetas_, plain.thetas_, strict=True):
        np.testing.assert_array_equal(Theta, expected)


def test_with_early_stopping_costs_of_held_out_rows_are_compared_with_nothing_else():
    # Fitted to all rows as closely as they can be: J is low, and so is what these rows cost here.
    closely = BackpropClassifier(8, reg_lambda=0, tol=1e-6, max_iter=2000, random_state=1)
    starts = [closely.fit(WINE, CULTIVARS).thetas_]
    with training_on(WINE, CULTIVARS, early_stopping=True) as training:
        outcome, of_both = refitted(training, starts)
    assert list(of_both) == ["afresh"]
    assert outcome.learned_cost == -max(outcome.scores)


def names_of(context):
    return [] if context is None else [context.task_name, *names_of(context.parent)]


@pytest.mark.skipif(
    not hasattr(BackpropClassifierCV, "set_callbacks"), reason="scikit-learn below 1.9"
)
@pytest.mark.parametrize("name", ["from a path", "all rows", "iteration"])
def test_a_wish_in_the_first_of_the_two_wants_no_second(name):
    began = []

    class Wisher(QuietCallback):
        def on_fit_task_begin(self, estimator, context):
            began.append(context.task_name)

        def on_fit_task_end(self, estimator, context):
            return context.task_name == name and "from a path" in names_of(context)

    search = BackpropClassifierCV(
        8, activation="logistic", reg_lambdas=[1e-1, 1e-2], cv=2, random_state=0
    )
    search.set_callbacks(Wisher()).fit(WINE, CULTIVARS)
    assert began.count("from a path") == 1
    assert "afresh" not in began
    assert search.stop_reason_ == ("converged" if name == "from a path" else "callback")
    assert search.score(WINE, CULTIVARS) > 0.9
