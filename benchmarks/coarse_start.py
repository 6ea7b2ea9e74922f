"""When a coarse start pays: `python benchmarks/coarse_start.py [--data mnist.npz]`.

Fits of growing numbers of rows with a coarse start and without, in both precisions: the seconds,
those of the stages included, until J is what both reach in 100 iterations, within 2 %, in ratios of
medians over three seeds. A ratio above 1 speaks for the coarse start.
"""

import argparse
import warnings

import numpy as np
from pyperf import perf_counter
from sklearn.datasets import make_classification
from sklearn.preprocessing import scale
from watching import watched

from skbackprop import BackpropClassifier

ROWS = (2_500, 5_000, 10_000, 20_000)
SEEDS = range(3)
NEAR = 1.02


def tables(data):
    """Yield name, X, y and hidden layers of each table, its rows in random order."""
    X, y = make_classification(
        max(ROWS), 16, n_informative=12, n_classes=26, class_sep=1.5, random_state=0
    )
    yield "16-64-64-26", scale(X), y, (64, 64)
    X, y = make_classification(max(ROWS), 50, n_informative=10, flip_y=0.1, random_state=0)
    yield "50-100-1", scale(X), y, (100,)
    if data:
        with np.load(data) as arrays:
            X, y = arrays["X_train"], arrays["y_train"]
        yield "MNIST, 784-100-10", X.reshape(len(X), -1) / 255.0, y, (100,)


def trace_of_fit(X, y, hidden, coarse_start, seed):
    """Return the seconds and J after each iteration on all rows, in float32 or X's precision."""
    trace = []

    def look(training, fit, stage, iteration):
        if stage.is_full_batch:
            trace.append((perf_counter() - started, iteration.cost))

    classifier = BackpropClassifier(
        hidden,
        activation="logistic",
        reg_lambda="prior",
        coarse_start=coarse_start,
        max_iter=100,
        random_state=seed,
    )
    started = perf_counter()
    with watched(look):
        classifier.fit(X, y)
    return np.array(trace).T


def seconds_to(trace, cost):
    seconds, costs = trace
    return seconds[np.argmax(costs <= cost)]


def main():
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="npz file of MNIST")
    args = parser.parse_args()
    print(f"{'network':>18} {'dtype':>8}" + "".join(f"{m:>9}" for m in ROWS))
    for name, X, y, hidden in tables(args.data):
        for dtype in (np.float64, np.float32):
            cells = []
            for m in ROWS:
                part = X[:m].astype(dtype), y[:m]
                seconds = []
                for seed in SEEDS:
                    coarse, plain = (
                        trace_of_fit(*part, hidden, start, seed) for start in (True, False)
                    )
                    cost = NEAR * max(coarse[1].min(), plain[1].min())
                    seconds.append([seconds_to(plain, cost), seconds_to(coarse, cost)])
                plain, coarse = np.median(seconds, axis=0)
                cells.append(f"{plain / coarse:9.2f}")
            print(f"{name:>18} {np.dtype(dtype).name:>8}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
