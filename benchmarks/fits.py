"""Whole fits, to the cost at which a peer ends: `python benchmarks/fits.py`.

Every peer is called as a user calls it, with its default limits and the threads as they
are; this package then minimises the same function, with the same seed, until its cost is no
greater. Peers are MLPClassifier(solver="lbfgs") and, where R is installed with its package
nnet, that. `--data FILE` adds MNIST (an npz with X_train, y_train). Prints ratios of
medians over seeds with their quartiles, and writes `fits.json`.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyperf
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from watching import watched

from skbackprop import BackpropClassifier

ALPHA = 1e-4  # MLPClassifier's default
OUTPUT = Path("fits.json")
BUSY_LOOP = [sys.executable, "-c", "while True: pass"]


class Case(NamedTuple):
    """A data set, the hidden layers, and how many seeds to take."""

    name: str
    hidden: tuple[int, ...]
    n_seeds: int

    def data(self, file):
        if self.name == "mnist":
            with np.load(file) as arrays:
                X, y = arrays["X_train"], arrays["y_train"]
            return X.reshape(len(X), -1) / 255.0, y
        if self.name == "letter-sized":
            X, y = make_classification(
                20_000, 16, n_informative=12, n_classes=26, class_sep=1.5, random_state=0
            )
        else:
            load = {"wine": load_wine, "breast cancer": load_breast_cancer, "digits": load_digits}
            X, y = load[self.name](return_X_y=True)
        return StandardScaler().fit_transform(X), y


CASES = [
    Case("wine", (25,), 15),
    Case("breast cancer", (25,), 15),
    Case("digits", (25,), 15),
    Case("letter-sized", (64, 64), 2),
    Case("mnist", (100,), 1),
]


# Named for what has happened, as StopIteration is: it ends a call early, and nothing is wrong.
class Reached(Exception):  # noqa: N818
    """The cost is low enough."""


def skbackprop(case, X, y, seed, cost):
    """Return the seconds until the cost on all rows is reached, in whatever precision."""

    def look(training, fit, stage, iteration):
        if stage.is_full_batch and iteration.cost <= cost:
            raise Reached

    classifier = BackpropClassifier(
        case.hidden,
        activation="logistic",
        out_activation="softmax",
        reg_lambda=ALPHA / len(y),
        max_iter=20_000,
        tol=0,
        random_state=seed,
    )
    start = pyperf.perf_counter()
    with contextlib.suppress(Reached), watched(look):
        classifier.fit(X, y)
        raise SystemExit(f"{case.name}, seed {seed}: cost {cost} is not reached")
    return pyperf.perf_counter() - start


def mlpclassifier(case, X, y, seed):
    """Return the seconds of a fit, and the cost at its end."""
    classifier = MLPClassifier(
        case.hidden, activation="logistic", solver="lbfgs", alpha=ALPHA, random_state=seed
    )
    start = pyperf.perf_counter()
    classifier.fit(X, y)
    return pyperf.perf_counter() - start, float(classifier.loss_)


NNET = """
suppressMessages(library(nnet))
arguments <- commandArgs(trailingOnly = TRUE)
data <- as.matrix(read.csv(arguments[1], header = FALSE))
X <- data[, -1]; Y <- class.ind(data[, 1])
if (ncol(Y) == 2) Y <- Y[, 2, drop = FALSE]
set.seed(as.integer(arguments[2]))
seconds <- system.time(fit <- nnet(
  X, Y, size = as.integer(arguments[3]), softmax = ncol(Y) > 1, entropy = ncol(Y) == 1,
  decay = as.numeric(arguments[4]), maxit = 200, MaxNWts = 1e6, trace = FALSE))
cat(seconds["elapsed"], fit$value / nrow(X))
"""


def nnet(case, X, y, seed):
    """Return the seconds of a fit in R, and the cost at its end."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "data.csv")
        np.savetxt(table, np.column_stack([y, X]), delimiter=",")
        # nnet's penalty is on the sum of the costs, without the 1/2.
        arguments = [table, seed, case.hidden[0], ALPHA / 2]
        command = ["Rscript", "-e", NNET, *map(str, arguments)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, cost = map(float, printed.split()[-2:])
    return seconds, cost


PEERS = {"mlpclassifier": mlpclassifier, "nnet": nnet}


def nnet_is_installed():
    command = ["Rscript", "-e", "library(nnet)"]
    return shutil.which("Rscript") and subprocess.run(command, capture_output=True).returncode == 0


def time_fit(loops, case, peer, whose, busy, args):
    """Time a fit of the peer, or of this package to the cost where that one ended."""
    warnings.simplefilter("ignore")
    if not hasattr(time_fit, "seeds"):
        time_fit.seeds = iter(range(case.n_seeds))
        time_fit.data = case.data(args.data)
    seed = next(time_fit.seeds)
    costs = Path(args.costs, f"{case.name}-{peer}-{busy}-{seed}")
    other = subprocess.Popen(BUSY_LOOP) if busy else None
    try:
        if whose == "peer":
            seconds, cost = PEERS[peer](case, *time_fit.data, seed)
            costs.write_text(repr(cost))
            return seconds
        return skbackprop(case, *time_fit.data, seed, float(costs.read_text()))
    finally:
        if other is not None:
            other.kill()
            other.wait()


def name_of(case, peer, whose, busy):
    return f"{case.name}, {peer}{', one core busy' if busy else ''}: {whose}"


def plan(args):
    """Return what to compare: case, peer, whether another process keeps a core busy."""
    cases = [case for case in CASES if args.data or case.name != "mnist"]
    if args.cases:
        cases = [case for case in cases if case.name in args.cases.split(",")]
    runs = [(case, "mlpclassifier", busy) for case in cases for busy in (False, True)]
    runs = [run for run in runs if not (run[2] and run[0].name == "mnist")]
    if nnet_is_installed():
        small = [case for case in cases if case.name not in ("letter-sized", "mnist")]
        runs += [(case, "nnet", False) for case in small]  # it has one hidden layer
    return runs


def compare(runner, args):
    for case, peer, busy in plan(args):
        args.values = case.n_seeds
        for whose in ("peer", "skbackprop"):
            name = name_of(case, peer, whose, busy)
            runner.bench_time_func(name, time_fit, case, peer, whose, busy, args)


def ratios(suite):
    """Yield what was compared, and the quartiles over seeds of peer / skbackprop."""
    times = {b.get_name(): np.array(b.get_values()) for b in suite.get_benchmarks()}
    for name, theirs in times.items():
        title, whose = name.split(": ")
        if whose == "peer" and f"{title}: skbackprop" in times:
            yield title, np.percentile(theirs / times[f"{title}: skbackprop"], [25, 50, 75])


def print_table(suite):
    medians = {b.get_name(): b.median() for b in suite.get_benchmarks()}
    print("\nseconds to the peer's final cost; peer / skbackprop: median over seeds, quartiles")
    for title, (low, middle, high) in ratios(suite):
        theirs, ours = (medians[f"{title}: {whose}"] for whose in ("peer", "skbackprop"))
        print(f"{title:>42} {theirs:9.3f} {ours:9.3f} {middle:8.1f} ({low:5.1f} - {high:5.1f})")


def main():
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)

    def pass_on(command, args):
        command.extend(["--costs", args.costs])
        if args.cases:
            command.extend(["--cases", args.cases])
        if args.data:
            command.extend(["--data", args.data])

    runner = pyperf.Runner(processes=1, loops=1, warmups=0, add_cmdline_args=pass_on)
    runner.argparser.add_argument("--data", help="npz file of MNIST")
    runner.argparser.add_argument("--cases", help="names of some")
    runner.argparser.add_argument("--costs", help="folder for the peers' final costs")
    args = runner.parse_args()
    if args.worker:
        compare(runner, args)
        return
    with tempfile.TemporaryDirectory() as args.costs:
        OUTPUT.unlink(missing_ok=True)
        args.output = args.output or str(OUTPUT)
        compare(runner, args)
    print_table(pyperf.BenchmarkSuite.load(args.output))
    if not nnet_is_installed():
        print("R with its package nnet is not installed: left out")
    if not args.data:
        print("MNIST is left out: --data FILE adds it")


if __name__ == "__main__":
    main()
