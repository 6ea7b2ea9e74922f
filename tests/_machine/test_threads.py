"""Calls shared between threads: the same results, errors, and bits on any number of them."""

import signal
import threading
import time

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_limits

import skbackprop._machine.blas
import skbackprop._machine.threads
from skbackprop import BackpropClassifier
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.threads import worker_map

X, y = load_digits(return_X_y=True)
X = scale(X)


@pytest.fixture
def budget(monkeypatch):
    """Make BLAS seem to have that number of threads."""

    def set_budget(n_threads):
        real = skbackprop._machine.blas.BlasLimiter._begin

        def begin(self):
            real(self)
            self._budget = n_threads

        monkeypatch.setattr(skbackprop._machine.blas.BlasLimiter, "_begin", begin)

    return set_budget


@pytest.mark.parametrize("n_threads", [1, 2, 4])
def test_results_come_in_order(budget, n_threads):
    budget(n_threads)
    with single_threaded_blas(), worker_map(10, work=1e9) as run:
        assert list(run(lambda i: i * i, range(10))) == [i * i for i in range(10)]


def test_calls_run_side_by_side(budget):
    budget(3)
    meeting = threading.Barrier(3, timeout=60)
    with single_threaded_blas(), worker_map(3, work=1e9) as run:
        list(run(lambda i: meeting.wait(), range(3)))


@pytest.mark.parametrize("bad", [0, 7])
@pytest.mark.parametrize("error", [IndexError, ValueError, KeyboardInterrupt])
def test_an_error_comes_back(budget, bad, error):
    budget(2)

    def fail_once(i):
        if i == bad:
            raise error("once")
        return i

    with single_threaded_blas(), worker_map(8, work=1e9) as run:
        with pytest.raises(error, match="once"):
            list(run(fail_once, range(8)))
        assert list(run(lambda i: i, range(8))) == list(range(8))


def test_little_work_takes_no_threads(budget):
    budget(4)
    with single_threaded_blas(), worker_map(8, work=10) as run:
        names = set(run(lambda i: threading.current_thread().name, range(8)))
    assert names == {threading.current_thread().name}


def test_every_thread_is_silent_about_overflow(budget):
    budget(2)
    with single_threaded_blas(), worker_map(4, work=1e9) as run:
        assert list(run(lambda i: float(np.exp(np.float64(1e4))), range(4))) == [np.inf] * 4


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("out_activation", ["logistic", "softmax"])
def test_the_same_bits_on_any_number_of_threads(budget, monkeypatch, dtype, out_activation):
    monkeypatch.setattr(skbackprop._machine.threads, "SMALL_WORK", 0)
    monkeypatch.setattr("skbackprop._machine.shards.SHARD_WORK", 1000)

    def bits(n_threads):
        budget(n_threads)
        classifier = BackpropClassifier(
            (9, 7), out_activation=out_activation, coarse_start=True, tol=1e-3, random_state=0
        ).fit(X.astype(dtype), y)
        arrays = [*classifier.thetas_, classifier.predict_proba(X.astype(dtype))]
        return [array.tobytes() for array in arrays], classifier.loss_curve_

    assert bits(1) == bits(2) == bits(4)


def test_a_users_limit_is_obeyed(monkeypatch):
    seen = []
    real = skbackprop._machine.threads.ThreadPoolExecutor

    def counted(n_threads, **options):
        seen.append(n_threads)
        return real(n_threads, **options)

    monkeypatch.setattr(skbackprop._machine.threads, "ThreadPoolExecutor", counted)
    with threadpool_limits(1), single_threaded_blas(), worker_map(8, work=1e9):
        pass
    with threadpool_limits(2), single_threaded_blas(), worker_map(8, work=1e9):
        pass
    assert seen == [1]  # beside the calling thread


def test_an_interrupt_while_waiting_leaves_nobody_at_work(budget):
    # A helper at work still writes to its shard's buffers: what comes next may not use them.
    budget(2)
    meeting, done = threading.Barrier(2, timeout=60), []

    def interrupt_from_the_helper(i):
        meeting.wait()
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.2)  # the calling thread has nothing left to do, and waits
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.3)
            done.append(i)

    with single_threaded_blas(), worker_map(2, work=1e9) as run:
        with pytest.raises(KeyboardInterrupt):
            run(interrupt_from_the_helper, range(2))
        assert len(done) == 1
