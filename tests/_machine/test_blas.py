"""BLAS works on one thread during a fit, and on as many as before at all other times."""

import contextlib
import gc
import io
import json
import linecache
import os
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.preprocessing import scale
from threadpoolctl import ThreadpoolController, threadpool_limits

import skbackprop._machine.blas
from skbackprop import BackpropClassifier
from skbackprop._machine import prediction
from skbackprop._machine.blas import BlasLimiter, single_threaded_blas
from skbackprop._training.solver import Descent

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
BLAS = ThreadpoolController().select(user_api="blas")


def blas_threads():
    return {library["num_threads"] for library in BLAS.info()}


def in_a_thread(function, *args, **kwargs):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args, **kwargs).result()


def set_blas_threads(n):
    # In a thread that ends: the one that sets a limit may have a claim on it while it lives.
    in_a_thread(threadpool_limits, n, user_api="blas")
    assert blas_threads() == {n}


@pytest.fixture(autouse=True)
def two_threads():
    (before,) = blas_threads()
    set_blas_threads(2)
    yield
    assert blas_threads() == {2}
    set_blas_threads(before)


def small(**parameters):
    return BackpropClassifier(
        **{"hidden_layer_sizes": 5, "reg_lambda": "prior", "random_state": 0, **parameters}
    )


def test_fit_and_predict():
    classifier = small().fit(IRIS, SPECIES)
    assert blas_threads() == {2}
    classifier.predict_proba(IRIS)
    assert blas_threads() == {2}


class Console(io.StringIO):
    """A standard output that looks at BLAS when a line is written, and may then break."""

    def __init__(self, breaks_at=None, error=None):
        super().__init__()
        self.seen, self.breaks_at, self.error = [], breaks_at, error

    def write(self, text):
        self.seen.append(blas_threads())
        if len(self.seen) == self.breaks_at:
            raise self.error
        return super().write(text)


def test_one_thread_during_a_fit(monkeypatch):
    console = Console()
    monkeypatch.setattr(sys, "stdout", console)
    small(verbose=1).fit(IRIS, SPECIES)
    assert len(console.seen) > 10
    assert all(threads == {1} for threads in console.seen)


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError])
def test_after_an_interrupted_fit(monkeypatch, error):
    classifier = small(verbose=1)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Console(breaks_at=9, error=error))
        with pytest.raises(error):
            classifier.fit(IRIS, SPECIES)
    assert blas_threads() == {2}
    assert classifier.n_iter_ > 2
    classifier.predict(IRIS)
    assert blas_threads() == {2}


@pytest.mark.parametrize(
    "run", [in_a_thread, lambda fit, *args: fit(*args)], ids=["thread", "main"]
)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_users_limit_is_kept(limit, run):
    def within():
        with single_threaded_blas() as budget:
            return budget, blas_threads()

    with threadpool_limits(limit, user_api="blas"):
        run(small().fit, IRIS, SPECIES)
        assert blas_threads() == {limit}
        assert run(within) == (limit, {1})
        assert blas_threads() == {limit}


def test_a_fit_leaves_other_threads_their_say():
    def limited():
        with threadpool_limits(1, user_api="blas"):
            return blas_threads()

    small().fit(IRIS, SPECIES)
    assert in_a_thread(limited) == {1}
    with ThreadPoolExecutor(1) as pool:
        pool.submit(small().fit, IRIS, SPECIES).result()
        # The thread lives on, and has nothing to do.
        assert limited() == {1}


RAISES = {
    "bad parameter": ({"tol": -1}, IRIS, SPECIES, ValueError),
    "one class": ({}, IRIS, np.ones(150), ValueError),
    "thetas": ({"thetas_init": [np.eye(3)]}, IRIS, SPECIES, ValueError),
    "non-finite cost": ({"activation": "identity"}, np.sign(IRIS) * 1e200, SPECIES, ValueError),
}


@pytest.mark.parametrize(("parameters", "X", "y", "error"), RAISES.values(), ids=RAISES)
def test_after_a_fit_that_raised(parameters, X, y, error):
    with pytest.raises(error):
        small(**parameters).fit(X, y)
    assert blas_threads() == {2}
    small().fit(IRIS, SPECIES)
    assert blas_threads() == {2}


def test_after_a_fit_without_memory(monkeypatch):
    def no_memory(*args, **kwargs):
        assert blas_threads() == {1}
        raise MemoryError

    monkeypatch.setattr(Descent, "run", no_memory)
    with pytest.raises(MemoryError):
        small().fit(IRIS, SPECIES)
    assert blas_threads() == {2}


def test_after_a_prediction_that_raised():
    classifier = small().fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match="features"):
        classifier.predict(IRIS[:, :2])
    assert blas_threads() == {2}


@pytest.mark.parametrize("first_out", [0, 1], ids=["first-in-first-out", "first-in-last-out"])
def test_two_overlapping_users_in_two_threads(first_out):
    blas = BlasLimiter()

    def one_use(enter, leave):
        with blas() as budget:
            enter.put((budget, blas_threads()))
            leave.get(timeout=60)

    # Two pools of one thread: which thread does what is certain, and both live to the end.
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        users = []
        for pool in (one, other):
            enter, leave = SimpleQueue(), SimpleQueue()
            users.append((leave, pool.submit(one_use, enter, leave)))
            assert enter.get(timeout=60) == (2, {1})
        for leave, use in (users.pop(first_out), users.pop()):
            assert blas_threads() == {1}
            leave.put(None)
            use.result()
        assert blas_threads() == {2}
        enter, leave = SimpleQueue(), SimpleQueue()
        leave.put(None)
        one.submit(one_use, enter, leave).result()
        assert enter.get() == (2, {1})
        assert blas_threads() == {2}


def test_two_overlapping_fits(monkeypatch):
    run, meeting = Descent.run, threading.Barrier(2, timeout=60)
    seen = []

    def run_together(*args, **kwargs):
        meeting.wait()
        ending = run(*args, **kwargs)
        seen.append(blas_threads())
        return ending

    expected = [small(hidden_layer_sizes=size).fit(IRIS, SPECIES) for size in (4, 9)]
    monkeypatch.setattr(Descent, "run", run_together)
    with ThreadPoolExecutor(2) as pool:
        fits = [pool.submit(small(hidden_layer_sizes=s).fit, IRIS, SPECIES) for s in (4, 9)]
        fitted = [fit.result() for fit in fits]
    assert seen == [{1}, {1}]
    assert blas_threads() == {2}
    for one, other in zip(fitted, expected, strict=True):
        assert one.loss_curve_ == other.loss_curve_
        assert one.predict_proba(IRIS).tobytes() == other.predict_proba(IRIS).tobytes()


def test_many_fits_and_predictions_in_threads():
    classifier = small().fit(IRIS, SPECIES)
    P = classifier.predict_proba(IRIS).tobytes()

    def job(i):
        if i % 2:
            return small().fit(IRIS, SPECIES).predict_proba(IRIS).tobytes()
        return classifier.predict_proba(IRIS).tobytes()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(job, range(24))) == {P}
    assert blas_threads() == {2}


# Ctrl-C at any moment

BLAS_FILE = (skbackprop._machine.blas.__file__,)
# The room around it, and whoever runs its contexts.
MACHINE = (os.path.dirname(skbackprop._machine.blas.__file__), contextlib.__file__)
FEW, TWO_KINDS = IRIS[45:60], SPECIES[45:60]
FITTED = small().fit(FEW, TWO_KINDS)
MORE = np.tile(FEW, (50, 1))  # for a few rows BLAS need not be limited


def small_fit():
    BackpropClassifier((), tol=0.1).fit(FEW, TWO_KINDS)


def small_prediction():
    FITTED.predict(MORE)


def jobs_that_share():
    with single_threaded_blas(), single_threaded_blas.shared_among(2), single_threaded_blas():
        pass


class Interrupt:
    """A trace function that counts steps in some files, and raises KeyboardInterrupt at one.

    A step is a call, a line or a return; but not where a lock is about to be released: a trace
    function comes between the end of a block and the call of its exit, a signal does not.
    """

    def __init__(self, files, step=None):
        self.files, self.step, self.n_steps = files, step, 0

    def __call__(self, frame, event, arg):
        if not frame.f_code.co_filename.startswith(self.files):
            return None
        locks = set()  # that the frame has taken: their lines

        def trace(frame, event, arg):
            line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
            is_of_lock = event == "line" and line.strip() == "with self._lock:"
            if is_of_lock and frame.f_lineno in locks:
                locks.remove(frame.f_lineno)
            elif event != "exception":
                if is_of_lock:
                    locks.add(frame.f_lineno)
                self.n_steps += 1
                if self.n_steps == self.step:
                    raise KeyboardInterrupt
            return trace

        return trace(frame, event, arg)

    def run(self, function):
        """Run the function; return what was raised, its traceback and all."""
        trace = sys.gettrace()
        # A generator left over from before, if collected now, would swallow the interrupt.
        gc.disable()
        sys.settrace(self)
        try:
            function()
        except KeyboardInterrupt as interrupt:
            return interrupt
        finally:
            sys.settrace(trace)
            gc.enable()
        return None


def interrupts(function, files=BLAS_FILE, every=1):
    """Interrupt the function at one step after the other; yield what it raised."""
    counted = Interrupt(files)
    assert counted.run(function) is None
    assert counted.n_steps > 30
    for step in range(1, counted.n_steps + 1, every):
        yield Interrupt(files, step).run(function)


def budget_and_threads():
    with single_threaded_blas() as budget:
        return budget, blas_threads()


interrupted = pytest.mark.parametrize("function", [small_fit, small_prediction, jobs_that_share])


@pytest.mark.parametrize(
    ("function", "following"),
    [(small_fit, small_prediction), (small_prediction, small_fit)],
    ids=["fit", "prediction"],
)
def test_whoever_follows_an_interrupt_puts_blas_right(function, following):
    held = []
    for interrupt in interrupts(function):
        held.append(interrupt)
        following()
        assert blas_threads() == {2}
    assert all(isinstance(interrupt, KeyboardInterrupt) for interrupt in held)


@interrupted
def test_whoever_follows_an_interrupt_has_the_right_budget(function):
    held = []
    for interrupt in interrupts(function, MACHINE, every=3 if function is small_fit else 1):
        held.append(interrupt)
        assert budget_and_threads() == (2, {1})
        assert blas_threads() == {2}


@contextmanager
def another_user():
    """Somebody is within the limit, in another thread."""
    inside, leave = threading.Event(), threading.Event()

    def use():
        with single_threaded_blas() as budget:
            inside.set()
            assert leave.wait(60)
            return budget

    with ThreadPoolExecutor(1) as pool:
        budget = pool.submit(use)
        try:
            assert inside.wait(60)
            yield
        finally:
            leave.set()
        assert budget.result() == 2


@interrupted
def test_an_interrupt_does_not_disturb_others_who_came_before(function):
    held = []
    with another_user():
        for interrupt in interrupts(function):
            held.append(interrupt)
            assert blas_threads() == {1}
            assert budget_and_threads() == (2, {1})
            assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_an_interrupt_does_not_disturb_others_who_came_afterwards():
    held, others, n_met = [], ExitStack(), 0
    is_met = False

    def meet_another():
        nonlocal is_met
        is_met = False
        others.close()
        with single_threaded_blas():
            others.enter_context(another_user())
            is_met = True

    for interrupt in interrupts(meet_another):
        held.append(interrupt)
        if is_met:
            n_met += 1
            assert blas_threads() == {1}
            others.close()
            assert blas_threads() == {2}
        assert budget_and_threads() == (2, {1})
    assert 5 < n_met < len(held)


def in_a_forked_child(report):
    """Return what `report()` returns in a forked child, by way of JSON."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of a fork beside threads, which is what is tested here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.write(write, json.dumps(report()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return json.loads(answer)


def test_fork_while_a_fit_is_under_way(monkeypatch):
    run = Descent.run
    under_way, go_on = threading.Event(), threading.Event()

    def wait_and_run(*args, **kwargs):
        if threading.current_thread() is not threading.main_thread():
            under_way.set()
            assert go_on.wait(20)
        return run(*args, **kwargs)

    monkeypatch.setattr(Descent, "run", wait_and_run)

    def report():
        before = sorted(blas_threads())
        with single_threaded_blas() as budget:
            within = sorted(blas_threads())
        loss_curve = small().fit(IRIS, SPECIES).loss_curve_
        return before, budget, within, loss_curve, sorted(blas_threads())

    with ThreadPoolExecutor(1) as pool:
        fit = pool.submit(small().fit, IRIS, SPECIES)
        assert under_way.wait(20)
        assert blas_threads() == {1}
        try:
            before, budget, within, loss_curve, after = in_a_forked_child(report)
        finally:
            go_on.set()
        loss_curve_of_parent = fit.result().loss_curve_
    assert (before, budget, within, after) == ([2], 2, [1], [2])
    assert loss_curve == loss_curve_of_parent
    assert blas_threads() == {2}


def test_fork_with_no_fit_under_way():
    small().fit(IRIS, SPECIES)
    assert in_a_forked_child(lambda: sorted(blas_threads())) == [2]


@pytest.mark.parametrize("solver", ["lbfgs", "cg"])
def test_number_of_threads_changes_no_bit(solver):
    X, y = load_digits(return_X_y=True)
    X = scale(X)
    fits = []
    for limit in (1, 2):
        with threadpool_limits(limit):
            fits.append(BackpropClassifier(30, solver=solver, tol=1e-3, random_state=0).fit(X, y))
    one, two = fits
    assert one.loss_curve_ == two.loss_curve_
    assert [t.tobytes() for t in one.thetas_] == [t.tobytes() for t in two.thetas_]
    with threadpool_limits(1):
        P = one.predict_proba(X).tobytes()
    assert one.predict_proba(X).tobytes() == P


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("n_features", "units", "n_rows"), [(1000, 8, 1), (20, 370, 1), (30, 40, 6)]
)
def test_number_of_threads_changes_no_bit_where_blas_is_not_limited(
    monkeypatch, dtype, n_features, units, n_rows
):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, n_features)).astype(dtype)
    fitted = BackpropClassifier(units, reg_lambda=1e-4, tol=1e-2, random_state=0)
    fitted.fit(X, X[:, 0] > 0)
    monkeypatch.setattr(prediction, "single_threaded_blas", None)  # nobody asks for the limit
    answers = []
    for limit in (1, 2):
        with threadpool_limits(limit):
            answers.append(fitted.decision_function(X[:n_rows]).tobytes())
    assert answers[0] == answers[1]
