"""Ctrl-C at random times and at every point, and what memory 200 fits leave.

Real signals come at random times while an estimator is fitted again and again, or predicts; after
each, the estimator holds its old model or a whole new one, BLAS has its threads, no other thread is
left, and the next fit comes to the same bits. `--points` raises KeyboardInterrupt, by a trace
function, at each of the points where the interpreter can run a signal's handler; the tests go to
some of them (`tests/test_any_point.py`). `--memory` fits 200 times, and prints how much more memory
the process then has than after the first 20.
"""

import argparse
import gc
import importlib
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from skbackprop import BackpropClassifier

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "_training")]

points = importlib.import_module("test_any_point")  # now that it is found


class Work:
    """Work, and whether it is under way: a signal that another thread has got may come late."""

    is_under_way = False

    def signalled(self, work, seconds):
        """Do it, and press Ctrl-C after so many seconds; return whether it was interrupted."""
        try:
            self.is_under_way = True
            signal.setitimer(signal.ITIMER_REAL, seconds)
            work()
            self.is_under_way = False
            signal.setitimer(signal.ITIMER_REAL, 0)  # where it was done before
        except KeyboardInterrupt:
            self.is_under_way = False
            return True
        return False

    def interrupt(self, signum, frame):
        """Raise KeyboardInterrupt, as Python's own handler does."""
        if self.is_under_way:
            raise KeyboardInterrupt


def random_signals(n, rng):
    """Send signals to fits and predictions of each kind; return what they met."""
    met, kinds, work = Counter(), list(points.ESTIMATORS.items()), Work()
    signal.signal(signal.SIGALRM, work.interrupt)
    for name, make in kinds:
        complete = points.fit_quietly(make(), points.FEW)
        fitted = points.fit_quietly(make(), points.OTHERS)
        before = vars(fitted).copy()
        began = time.perf_counter()
        points.fit_quietly(make(), points.FEW)
        longest = 1.2 * (time.perf_counter() - began)
        for number in range(n // len(kinds)):
            is_interrupted = work.signalled(
                lambda fitted=fitted: points.fit_quietly(fitted, points.FEW),
                rng.uniform(1e-5, longest),
            )
            points.assert_nothing_is_left(name)
            if vars(fitted) == before:
                assert is_interrupted
                met["as it was"] += 1
            else:
                points.assert_follows_the_rules(fitted)
                assert fitted.predict(points.FEW).shape == points.TWO_KINDS.shape
                met["kept" if is_interrupted else "in time"] += 1
            fitted.__dict__ = before.copy()
            if number % 10 == 0:
                again = points.fit_quietly(make(), points.FEW)
                assert points.bits(again) == points.bits(complete)
            met["interrupted"] += is_interrupted
            if work.signalled(lambda c=complete: c.predict(points.MANY), rng.uniform(1e-5, 1e-3)):
                met["predictions interrupted"] += 1
            points.assert_nothing_is_left(name)
        print(f"{name}: {dict(met)}", flush=True)
    return met


def every_point():
    """Interrupt each kind of fit and of answer at every point."""
    for name, make in points.ESTIMATORS.items():
        n, n_kept = points.sweep_fit(make)
        print(f"{name}: {n} points, the fit was kept at {n_kept}", flush=True)
    for method in points.METHODS:
        print(f"{method}: {points.sweep_answer(method)} points", flush=True)


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def memory_after_fits(n=200, n_before=20):
    """Print the growth of the process while it fits again and again."""
    X = np.random.default_rng(0).normal(size=(20_000, 30))
    y = X[:, 0] * X[:, 1] > 0
    sizes = []
    for _ in range(n):
        BackpropClassifier(20, reg_lambda=1e-3, max_iter=3, tol=1e9).fit(X, y)
        gc.collect()
        sizes.append(resident_bytes())
    growth = (sizes[-1] - sizes[n_before - 1]) / 1e6
    print(f"{n} fits: {growth:+.1f} MB since the {n_before}th, X has {X.nbytes / 1e6:.1f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signals", type=int, default=10_000, help="how many real ones")
    parser.add_argument("--points", action="store_true", help="go to every point, too")
    parser.add_argument("--memory", action="store_true", help="measure what 200 fits leave")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    points.set_blas_threads(2)
    if args.signals:
        print(dict(random_signals(args.signals, random.Random(args.seed))))
    if args.points:
        every_point()
    if args.memory:
        memory_after_fits()


if __name__ == "__main__":
    main()
