"""Ctrl-C wherever the interpreter can run a signal's handler: a fit, a search, an answer.

After each: nothing or all of a model, BLAS and the threads as they were, and a right next fit.
`benchmarks/signals.py` goes to every point; here it is some.
"""

import dis
import threading
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fit_rules import assert_follows_the_rules
from interrupting import AtPoint
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import ThreadpoolController, threadpool_limits

import skbackprop
from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)

IRIS, SPECIES = load_iris(return_X_y=True)
FEW, TWO_KINDS = IRIS[45:60], SPECIES[45:60]
OTHERS = FEW[:, :2]
MANY = np.tile(FEW, (50, 1))  # for a few rows BLAS is not limited
BLAS = ThreadpoolController().select(user_api="blas")
# A fit has some thousands of points, of which each takes some hundredths of a second.
N_POINTS = 50
# Those of other tests' clusters in this process, too.
OWN_THREADS = ("ThreadPoolExecutor",)


def blas_threads():
    return {library["num_threads"] for library in BLAS.info()}


def set_blas_threads(n):
    # In a thread that ends: the one that sets a limit may have a claim on it while it lives.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(threadpool_limits, n, user_api="blas").result()
    assert blas_threads() == {n}


@pytest.fixture(autouse=True)
def two_threads():
    (before,) = blas_threads()
    set_blas_threads(2)
    yield
    set_blas_threads(before)


COMMON = {"tol": 0.1, "random_state": 0}
ESTIMATORS = {
    "classifier": lambda: BackpropClassifier((), reg_lambda=1e-2, **COMMON),
    "regressor": lambda: BackpropRegressor((), reg_lambda=1e-2, **COMMON),
    "early stopping": lambda: BackpropClassifier(
        2, max_iter=3, early_stopping=True, coarse_start=True, **COMMON
    ),
    "search": lambda: BackpropClassifierCV((), reg_lambdas=[1e-2], cv=2, **COMMON),
    "search of numbers": lambda: BackpropRegressorCV((), reg_lambdas=[1e-2], cv=2, **COMMON),
}


def fit_quietly(estimator, X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, TWO_KINDS)


def bits(estimator):
    return [Theta.tobytes() for Theta in estimator.thetas_]


def assert_nothing_is_left(where):
    assert blas_threads() == {2}, where
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(OWN_THREADS)], where


def points_of(run, n_points):
    """Yield about so many points of a call, None is all, each after it was interrupted there."""
    run(AtPoint())  # what is imported and remembered at the first call
    whole = AtPoint()
    assert not run(whole)
    assert whole.n_points > 200
    every = 1 if n_points is None else whole.n_points // n_points
    for point in range(1 + every // 2, whole.n_points + 1, every):
        at = AtPoint(point)
        yield at, run(at)


def sweep_fit(make, n=None):
    """Interrupt a refit at some points; return how many, and how often the fit was kept."""
    complete, fitted = fit_quietly(make(), FEW), fit_quietly(make(), OTHERS)
    before, answers = vars(fitted).copy(), fitted.predict(OTHERS)
    n_points = n_kept = 0
    for at, is_interrupted in points_of(lambda at: at.run(fit_quietly, fitted, FEW), n):
        n_points += 1
        assert_nothing_is_left(at.where)
        if vars(fitted) == before:
            assert is_interrupted, at.where
            np.testing.assert_array_equal(fitted.predict(OTHERS), answers)
        else:
            n_kept += is_interrupted
            assert_follows_the_rules(fitted)
            assert vars(fitted).keys() == vars(complete).keys(), at.where
            assert fitted.predict(FEW).shape == TWO_KINDS.shape
        assert bits(fit_quietly(make(), FEW)) == bits(complete), at.where
        assert_nothing_is_left(at.where)
        fitted.__dict__ = before.copy()
    return n_points, n_kept


@pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS)
def test_a_fit_that_is_interrupted(make):
    n_points, n_kept = sweep_fit(make, N_POINTS)
    assert 0 < n_kept < n_points


METHODS = ["predict", "predict_proba", "decision_function", "transform", "score"]


def sweep_answer(method, n=None):
    """Interrupt an answer at some points; return how many."""
    model = fit_quietly(BackpropClassifier(2, tol=0.1, reg_lambda=1e-2, random_state=0), FEW)
    before = vars(model).copy()
    args = (MANY, np.tile(TWO_KINDS, 50)) if method == "score" else (MANY,)
    answer, n_points = getattr(model, method)(*args), 0
    for at, _ in points_of(lambda at: at.run(getattr(model, method), *args), n):
        n_points += 1
        assert_nothing_is_left(at.where)
        assert vars(model) == before
        np.testing.assert_array_equal(getattr(model, method)(*args), answer)
        assert_nothing_is_left(at.where)
    return n_points


@pytest.mark.parametrize("method", METHODS)
def test_an_answer_that_is_interrupted(method):
    assert sweep_answer(method, N_POINTS) >= N_POINTS


def functions_of(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from functions_of(constant)


def lines_that_leave_their_handler(code):
    """Return the lines whose jump back, where an interrupt may come, no handler covers.

    From Python 3.12 on the compiler leaves out of its table the jump back of a loop, or of a
    comprehension in its frame, that is on a condition: ``with`` is then left without its exit.
    """
    bytecode = dis.Bytecode(code)
    instructions = list(bytecode)

    def handlers(offset):
        entries = bytecode.exception_entries
        return {entry.target for entry in entries if entry.start <= offset < entry.end}

    def is_of_a_statement(target):
        first = next(i for i, one in enumerate(instructions) if one.offset == target)
        opnames = [one.opname for one in instructions[first : first + 3]]
        outer = any(is_of_a_statement(other) for other in handlers(target) - {target})
        # Others are of a comprehension alone, and only put its variables back.
        return "PUSH_EXC_INFO" in opnames or outer

    # Handlers come last; where these jump back, it is to no loop.
    raised = (i for i, one in enumerate(instructions) if one.opname == "PUSH_EXC_INFO")
    before = instructions[: next(raised, 0)]
    jumps = [one for one in before if one.opname == "JUMP_BACKWARD"]
    lost = [(jump, handlers(jump.argval) - handlers(jump.offset)) for jump in jumps]
    return [jump.positions.lineno for jump, targets in lost if any(map(is_of_a_statement, targets))]


def test_no_loop_within_a_statement_jumps_back_on_a_condition():
    package = Path(skbackprop.__file__).parent
    found = {
        f"{path.relative_to(package)}:{line}"
        for path in package.rglob("*.py")
        for code in functions_of(compile(path.read_text(encoding="utf-8"), path, "exec"))
        for line in lines_that_leave_their_handler(code)
    }
    assert not found
