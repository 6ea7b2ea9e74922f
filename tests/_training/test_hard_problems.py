"""Problems at whose saddle a fit can be caught, with the defaults; and starts that collapse."""

import io
import sys
import warnings
from itertools import count

import numpy as np
import pytest
from quiet import QuietCallback
from sklearn.datasets import load_iris, make_circles
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier
from skbackprop._network.activations import ACTIVATIONS
from skbackprop._network.objective import Objective
from skbackprop._network.thetas import count_parameters
from skbackprop._training.training import N_STARTS, Training

SEEDS = pytest.mark.parametrize("seed", range(30))
IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)


def xor():
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 10)
    return scale(X), (X[:, 0] != X[:, 1]).astype(int)


def two_rings(seed):
    X, y = make_circles(400, noise=0.05, factor=0.5, random_state=seed)
    return scale(X), y


def two_spirals(seed):
    """Two arms of one and a half turns, 200 points each."""
    rng = np.random.default_rng(seed)
    angle = 3 * np.pi * np.sqrt(rng.random(400))
    sign = np.repeat([1, -1], 200)
    X = (sign * angle * [np.cos(angle), np.sin(angle)]).T + rng.normal(0, 0.3, (400, 2))
    return scale(X), (sign < 0).astype(int)


@SEEDS
def test_xor(seed):
    X, y = xor()
    assert BackpropClassifier(random_state=seed).fit(X, y).score(X, y) == 1


@SEEDS
def test_two_rings(seed):
    X, y = two_rings(seed)
    assert BackpropClassifier(random_state=seed).fit(X, y).score(X, y) >= 0.99


@SEEDS
def test_two_spirals(seed):
    X, y = two_spirals(seed)
    assert BackpropClassifier(random_state=seed).fit(X, y).score(X, y) >= 0.97


@pytest.fixture
def starts(monkeypatch):
    """Make so many random starts the saddle where all weights are zero; count all starts."""

    class Starts:
        n_saddles = 1
        n_starts = 0

    random_start = Training.random_start

    def start(training):
        Starts.n_starts += 1
        if Starts.n_starts > Starts.n_saddles:
            return random_start(training)
        return np.zeros(count_parameters(training.network.shapes))

    monkeypatch.setattr(Training, "random_start", start)
    return Starts


def warned(classifier, X, y):
    with pytest.warns(ConvergenceWarning, match="reg_lambda is too strong"):
        classifier.fit(X, y)
    return classifier


def test_a_start_that_collapses_is_followed_by_another(starts):
    X, y = xor()
    again = BackpropClassifier(random_state=0).fit(X, y)
    assert starts.n_starts == 2
    starts.n_saddles = 0
    plain = BackpropClassifier(random_state=0).fit(X, y)
    assert again.score(X, y) == 1
    # All speaks of the fit kept; only the evaluations are those of both.
    assert again.loss_curve_ == plain.loss_curve_
    assert again.n_iter_ == plain.n_iter_ == len(again.loss_curve_) - 1
    assert again.n_evaluations_ == plain.n_evaluations_ + 1
    for Theta, other in zip(again.thetas_, plain.thetas_, strict=True):
        np.testing.assert_array_equal(Theta, other)


def test_poor_starts_of_two_rings_are_followed_by_better_ones(monkeypatch):
    # Within Glorot's bounds logistic units are nearly alike, and some starts collapse.
    poor = ACTIVATIONS["logistic"]._replace(initial_gain=1.0)
    monkeypatch.setitem(ACTIVATIONS, "logistic", poor)
    n_collapsed = 0
    for seed in range(20):
        X, y = two_rings(seed)
        classifier = BackpropClassifier(
            activation="logistic", reg_lambda="prior", random_state=seed
        )
        assert classifier.fit(X, y).score(X, y) >= 0.99
        with monkeypatch.context() as patch:
            patch.setattr("skbackprop._training.training.N_STARTS", 1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                n_collapsed += classifier.fit(X, y).score(X, y) < 0.9
    assert n_collapsed > 0


def test_where_every_start_collapses_a_warning_says_so(starts):
    starts.n_saddles = 100
    classifier = warned(BackpropClassifier(random_state=0), *xor())
    assert starts.n_starts == classifier.n_evaluations_ == N_STARTS
    assert classifier.n_iter_ == 0


def test_given_thetas_are_not_replaced(starts):
    X, y = xor()
    saddle = [np.zeros((50, 3)), np.zeros((1, 51))]
    classifier = warned(BackpropClassifier(50, thetas_init=saddle), X, y)
    warned(classifier.set_params(thetas_init=None, warm_start=True), X, y)
    assert starts.n_starts == 0
    assert not any(Theta.any() for Theta in classifier.thetas_)


def test_a_convex_fit_is_not_started_again(starts):
    warned(BackpropClassifier(()), *xor())
    assert starts.n_starts == 1


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [({"max_iter": 3}, "max_iter"), ({"solver_options": {"maxfun": 3}}, "maxfun")],
)
def test_a_fit_that_a_limit_ends_has_not_collapsed(starts, parameters, reason):
    starts.n_saddles = 0
    classifier = BackpropClassifier(5, reg_lambda=10, random_state=0, **parameters)
    with pytest.warns(ConvergenceWarning, match="iterations are too few.*too strong"):
        classifier.fit(IRIS, SPECIES)
    assert classifier.stop_reason_ == reason
    assert classifier.n_iter_ < 10  # which would let another start have as many
    assert starts.n_starts == 1


@pytest.mark.parametrize("max_iter", [30, 500])
def test_all_starts_have_the_iterations_of_one_fit(starts, max_iter, capsys):
    starts.n_saddles = 0
    classifier = BackpropClassifier(
        5, reg_lambda=10, max_iter=max_iter, random_state=0, verbose=1, tol=1e-6
    )
    warned(classifier, IRIS, SPECIES)
    lines = capsys.readouterr().out.splitlines()
    headings = [i for i, line in enumerate(lines) if "iteration" in line]
    assert len(headings) == starts.n_starts > 1
    assert len(lines) - len(headings) <= max_iter
    lengths = np.diff([*headings, len(lines)]) - 1
    costs = [float(lines[end].split()[1]) for end in np.cumsum(lengths + 1) - 1]
    # The fit of least cost is the one that is stored.
    assert classifier.n_iter_ in lengths
    assert classifier.loss_ == pytest.approx(min(costs), rel=1e-6)


@pytest.mark.parametrize("max_iter", range(8, 30))
def test_no_start_is_cut_short_by_those_before(max_iter):
    # 10 iterations take this fit to the cost of the class frequencies, which is its minimum.
    classifier = BackpropClassifier(
        5, activation="logistic", reg_lambda=10, max_iter=max_iter, random_state=0, tol=1e-6
    )
    warned(classifier, IRIS, SPECIES)
    assert classifier.loss_ < 1.1
    assert classifier.converged_ == (max_iter >= 10)


class Raises(io.StringIO):
    """A standard output that takes no line of an iteration that has converged."""

    def __init__(self, tol, error):
        super().__init__()
        self.tol, self.error = tol, error

    def write(self, text):
        number, *_ = fields = text.split() or [""]
        if number.isdigit() and float(fields[2]) <= self.tol:
            raise self.error
        return super().write(text)


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError])
def test_what_a_watcher_raises_at_the_end_is_not_lost(starts, monkeypatch, error):
    classifier = BackpropClassifier(5, reg_lambda=10, random_state=0, verbose=1)
    starts.n_saddles = 0
    monkeypatch.setattr(sys, "stdout", Raises(classifier.tol, error))
    with pytest.raises(error):
        classifier.fit(IRIS, SPECIES)
    # It has collapsed, but whoever ends a fit wants no other.
    assert starts.n_starts == 1
    assert classifier.gradient_norm_ <= classifier.tol
    assert classifier.stop_reason_ == "interrupted"


@pytest.mark.parametrize("at", [1, 6])
def test_a_start_that_overflows_leaves_the_one_before(starts, monkeypatch, at):
    evaluate, numbers = Objective.__call__, count(1)

    def overflows(objective, x, reg_lambda):
        J, *others = evaluate(objective, x, reg_lambda)
        n = next(numbers) if starts.n_starts == 2 else 0
        return np.inf if n == at else J, *others

    monkeypatch.setattr(Objective, "__call__", overflows)
    classifier = warned(BackpropClassifier(random_state=0), *xor())
    assert starts.n_starts == 2
    assert next(numbers) == at + 1
    assert (classifier.n_iter_, classifier.stop_reason_) == (0, "converged")
    assert not any(Theta.any() for Theta in classifier.thetas_)


@pytest.mark.parametrize("n_iter_no_change", [2, 5])
def test_early_stopping_tells_of_a_collapse_too(monkeypatch, n_iter_no_change):
    monkeypatch.setattr("skbackprop._training.training.N_STARTS", 1)
    classifier = BackpropClassifier(
        5, reg_lambda=10, early_stopping=True, n_iter_no_change=n_iter_no_change, random_state=1
    )
    with pytest.warns(ConvergenceWarning, match="class frequencies") as caught:
        classifier.fit(IRIS, SPECIES)
    cost = f"validation cost = {-classifier.best_validation_score_:.6g}"
    assert cost in str(caught[0].message)


def test_callbacks_see_the_iterations_of_every_start(starts):
    if not hasattr(BackpropClassifier, "set_callbacks"):
        return  # scikit-learn below 1.9

    class Count(QuietCallback):
        n_ended = 0
        last_loss = None

        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            self.n_ended += context.task_name == "iteration"
            if fitted_estimator is not None and context.task_name == "iteration":
                self.last_loss = fitted_estimator.loss_
            return self.n_ended == self.limit

    starts.n_saddles = 0
    count = Count()
    count.limit = -1
    classifier = BackpropClassifier(5, activation="logistic", reg_lambda=10, random_state=0)
    classifier.set_callbacks(count)
    warned(classifier, IRIS, SPECIES)
    assert starts.n_starts == N_STARTS
    assert count.n_ended > classifier.n_iter_ + 1
    assert count.last_loss == classifier.loss_
    # Whoever stops a fit wants no other.
    starts.n_starts, count.n_ended, count.limit = 0, 0, 2
    classifier.fit(IRIS, SPECIES)
    assert (starts.n_starts, classifier.n_iter_) == (1, 2)


def test_an_interrupt_before_the_next_start_leaves_the_one_before(starts, monkeypatch):
    start = Training.random_start

    def interrupted(training):
        if starts.n_starts == 1:
            raise KeyboardInterrupt
        return start(training)

    monkeypatch.setattr(Training, "random_start", interrupted)
    classifier = BackpropClassifier(random_state=0)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(*xor())
    assert classifier.n_iter_ == 0
    assert not any(Theta.any() for Theta in classifier.thetas_)
