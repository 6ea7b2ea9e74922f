"""Mini-batches: their rows, the steps of Adam, and what an epoch comes to."""

import warnings

import numpy as np
import pytest
import textbook
from numpy.testing import assert_allclose, assert_array_equal
from objectives import cost_and_gradient, make_batch_objective, make_problem, x_of
from scipy.sparse import csr_array
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier
from skbackprop._machine.threads import rounding_in_silence
from skbackprop._training.endings import Ending
from skbackprop._training.mini_batches import RATE, Adam, MiniBatchDescent
from skbackprop._training.solver import NonFiniteError

containers = pytest.mark.parametrize("container", [np.asarray, csr_array], ids=["dense", "sparse"])
outputs = pytest.mark.parametrize("output", ["logistic", "softmax", "binary", "multilabel"])


# Batches


@containers
@outputs
def test_the_batches_of_an_epoch_are_all_rows(output, container):
    problem = make_problem(output=output, weighted=False, n_rows=24, container=container)
    objective = make_batch_objective(problem, 6, np.random.RandomState(0))
    x = x_of(objective, problem)
    J, D = cost_and_gradient(problem)
    for _ in range(2):
        costs, gradients, _ = zip(
            *(objective(x, problem.reg_lambda) for _ in range(4)), strict=True
        )
        assert len(set(costs)) == 4
        assert_allclose(np.mean(costs), J, rtol=1e-12)
        expected = np.concatenate([D_l.ravel() for D_l in D])
        assert_allclose(np.mean(gradients, axis=0), expected, rtol=1e-10, atol=1e-14)


def test_a_batch_is_the_textbook_on_its_rows():
    problem = make_problem((4,), output="softmax", weighted=False, n_rows=24)
    objective = make_batch_objective(problem, 24, np.random.RandomState(0))
    J, D, _ = objective(x_of(objective, problem), problem.reg_lambda)
    expected = textbook.cost_and_gradient(
        problem.thetas, problem.X, problem.Y, problem.activations, "softmax", problem.reg_lambda
    )
    assert_allclose(J, expected[0], rtol=1e-12)
    assert_allclose(D, np.concatenate([np.ravel(D_l) for D_l in expected[1]]), rtol=1e-9)


def test_rows_of_weights_come_up_by_them():
    problem = make_problem(output="softmax", n_rows=6)
    whole = problem._replace(w=np.array([1.0, 20.0, 30.0, 1.0, 400.0, 1.0]), reg_lambda=0.0)
    objective = make_batch_objective(whole, 6, np.random.RandomState(0))
    x, lam = x_of(objective, whole), whole.reg_lambda
    mean = np.mean([objective(x, lam)[0] for _ in range(2000)])
    assert mean == pytest.approx(cost_and_gradient(whole)[0], rel=0.01)
    assert mean != pytest.approx(cost_and_gradient(whole._replace(w=None))[0], rel=0.05)


def test_batches_follow_the_random_state():
    problem = make_problem(n_rows=24)
    costs = []
    for seed in (0, 0, 1):
        objective = make_batch_objective(problem, 6, np.random.RandomState(seed))
        costs.append([objective(x_of(objective, problem), 0.1)[0] for _ in range(8)])
    assert costs[0] == costs[1] != costs[2]


# Steps


def test_adam_is_the_algorithm_of_its_authors():
    """D. P. Kingma and J. Ba, "Adam: A method for stochastic optimization", ICLR 2015."""
    gradients = np.random.default_rng(0).normal(size=(20, 3)) * [1e-3, 1.0, 1e3]
    adam, m, v = Adam(3), [0.0] * 3, [0.0] * 3
    for t, gradient in enumerate(gradients, start=1):
        step = adam.step(gradient)
        for i, g in enumerate(gradient):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g * g
            m_hat, v_hat = m[i] / (1 - 0.9**t), v[i] / (1 - 0.999**t)
            assert step[i] == pytest.approx(-RATE * m_hat / (v_hat**0.5 + 1e-8), rel=1e-9)


class Bowls:
    """Half the squared distance from one centre after the other."""

    def __init__(self, *centres):
        self.centres, self.seen = centres, []

    def __call__(self, x, reg_lambda):
        centre = self.centres[len(self.seen) % len(self.centres)]
        self.seen.append(x.copy())
        return 0.5 * ((x - centre) ** 2).sum(), x - centre, abs(x - centre).max()


def descend(objective, n_batches=4, max_iter=5, wish=lambda iteration: None):
    iterations = []

    def hook(iteration):
        iterations.append(iteration)
        return wish(iteration)

    descent = MiniBatchDescent(objective, n_batches, 0.1, hook)
    return descent.run(np.zeros(2), max_iter), iterations


def test_an_epoch_comes_to_the_means_on_its_way():
    bowls = Bowls(np.array([1.0, -1.0]), np.array([3.0, -3.0]))
    ending, iterations = descend(bowls)
    assert ending is Ending.MAX_ITER
    assert [iteration.number for iteration in iterations] == [0, 1, 2, 3, 4, 5]
    start, *epochs = iterations
    assert_array_equal(start.x, 0)
    assert (start.cost, start.gradient_norm) == (1.0, 1.0)
    # The first batch is looked at once more at the start; what is seen next is where a step led.
    points = np.array(bowls.seen[1:])
    assert_array_equal(points[0], 0)
    for n, epoch in enumerate(epochs[:-1]):
        assert_allclose(epoch.x, points[4 * n + 1 : 4 * n + 5].mean(axis=0), rtol=1e-12)
    one, other = bowls.centres
    centres = np.array([other, one, other, one])
    costs = 0.5 * ((points[:4] - centres) ** 2).sum(axis=1)
    assert epochs[0].cost == pytest.approx(costs.mean(), rel=1e-12)
    norms = abs(points[:4] - centres).max(axis=1)
    assert epochs[0].gradient_norm == pytest.approx(norms.mean(), rel=1e-12)


def test_means_do_not_stray_as_points_do():
    centres = np.random.default_rng(0).normal(size=(40, 2))
    _, iterations = descend(Bowls(*centres), 40, 60)
    assert_allclose(iterations[-1].x, centres.mean(axis=0), atol=0.02)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_wish_ends_it(number):
    ending, iterations = descend(
        Bowls(np.ones(2)), wish=lambda it: Ending.STAGE if it.number == number else None
    )
    assert ending is Ending.STAGE
    assert iterations[-1].number == number


def test_a_point_that_is_kept_is_not_moved():
    _, iterations = descend(Bowls(np.ones(2)))
    assert len({iteration.x.tobytes() for iteration in iterations}) == 6


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize(("of_cost", "of_gradient"), [(True, False), (False, True)])
# At the first batch of an epoch of four, and at its last, whose cost knows nothing of the step.
@pytest.mark.parametrize("at", [2, 5])
def test_a_number_that_is_none_is_an_error(number, of_cost, of_gradient, at):
    class Breaks(Bowls):
        def __call__(self, x, reg_lambda):
            cost, gradient, norm = super().__call__(x, reg_lambda)
            factor = number if len(self.seen) == at else 1
            return (
                cost * (factor if of_cost else 1),
                gradient * (factor if of_gradient else 1),
                norm,
            )

    with rounding_in_silence(), pytest.raises(NonFiniteError, match="mini-batches"):
        descend(Breaks(np.ones(2)), max_iter=1)


# Fits


@pytest.fixture(scope="module")
def noisy():
    """Of which little can be learned, and that only from many rows."""
    X, y = make_classification(
        20_000, 20, n_informative=10, flip_y=0.5, class_sep=0.5, random_state=0
    )
    return scale(X[:12_000]), y[:12_000], scale(X[12_000:]), y[12_000:]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("activation", ["logistic", "relu"])
def test_a_noisy_table_is_learned_before_the_first_iteration_on_all_rows(
    noisy, activation, early_stopping
):
    X, y, X_test, y_test = noisy
    parameters = {"activation": activation, "reg_lambda": 1e-3, "random_state": 0}
    after = BackpropClassifier(
        30, max_iter=12, early_stopping=early_stopping, tol=1.0, **parameters
    ).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        plain = BackpropClassifier(30, max_iter=20, coarse_start=False, **parameters).fit(X, y)
    assert after.n_iter_ == 0
    losses = [log_loss(y_test, fitted.predict_proba(X_test)) for fitted in (after, plain)]
    assert losses[0] < losses[1] < np.log(2)


def test_a_start_is_not_made_worse(noisy):
    X, y, *_ = noisy
    # A fit of numbers that no step of Adam suits.
    huge = BackpropClassifier(5, reg_lambda=1e-3, random_state=0, max_iter=1, tol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        first = huge.fit(1e5 * X, y).loss_curve_[0]
        plain = huge.set_params(coarse_start=False).fit(1e5 * X, y).loss_curve_[0]
    assert first <= 1.1 * plain
