"""Time to test error on MNIST: `python benchmarks/mnist.py --data FILE`.

300 logistic units, float32, one run after another: this package with coarse start and
without, and MLPClassifier(solver="adam") with the same layer, epoch by epoch. The time that
the test error itself takes is not counted. FILE is an npz with X_train, y_train, X_test and
y_test. Prints a table, and writes every measured point to `mnist.json`.
"""

import argparse
import json
import os
import warnings
from pathlib import Path

import numpy as np
from pyperf import perf_counter
from sklearn.neural_network import MLPClassifier
from watching import watched

from skbackprop import BackpropClassifier

UNITS = 300
REG_LAMBDA = 3e-5
ERRORS = (0.022, 0.020, 0.018)
EPOCHS = 25
OUTPUT = Path("mnist.json")


def load(file):
    with np.load(file) as arrays:
        X, X_test = (
            arrays[name].reshape(len(arrays[name]), -1).astype(np.float32) / 255
            for name in ("X_train", "X_test")
        )
        return X, arrays["y_train"], X_test, arrays["y_test"]


class Trace:
    """Test errors, and the seconds of the fit until then."""

    def __init__(self, X_test, y_test):
        self.X_test, self.y_test = X_test, y_test
        self.seconds, self.errors = [], []
        self.aside = 0.0
        self.started = perf_counter()

    def take(self, weights_and_biases):
        began = perf_counter()
        (W1, b1), (W2, b2) = weights_and_biases
        with np.errstate(over="ignore"):
            a = 1 / (1 + np.exp(-(self.X_test @ W1 + b1)))
        self.errors.append(float(np.mean((a @ W2 + b2).argmax(axis=1) != self.y_test)))
        self.seconds.append(began - self.started - self.aside)
        self.aside += perf_counter() - began


def skbackprop(X, y, trace, coarse_start):
    def look(training, fit, stage, iteration):
        # Only the fit on all rows counts: the stages before it end in no model.
        if stage.is_full_batch:
            thetas = training._thetas(iteration.x)
            trace.take([(layer.weights.T, layer.bias) for layer in thetas.layers])

    classifier = BackpropClassifier(
        UNITS,
        activation="logistic",
        reg_lambda=REG_LAMBDA,
        coarse_start=coarse_start,
        max_iter=100,
        random_state=0,
    )
    with watched(look):
        classifier.fit(X, y)


def adam(X, y, trace):
    classifier = MLPClassifier((UNITS,), activation="logistic", random_state=0)
    for _ in range(EPOCHS):
        classifier.partial_fit(X, y, classes=np.arange(10))
        trace.take(zip(classifier.coefs_, classifier.intercepts_, strict=True))


CANDIDATES = {
    "skbackprop": lambda *data: skbackprop(*data, coarse_start="auto"),
    "skbackprop, coarse_start=False": lambda *data: skbackprop(*data, coarse_start=False),
    "MLPClassifier(adam)": adam,
}


def seconds_to(trace, error):
    reached = np.flatnonzero(np.array(trace.errors) <= error)
    return trace.seconds[reached[0]] if len(reached) else np.inf


def main():
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    X, y, X_test, y_test = load(args.data)
    points = {}
    print(f"{'seconds to test error':>32}" + "".join(f"{e:9.1%}" for e in ERRORS) + f"{'best':>18}")
    for name, fit in CANDIDATES.items():
        trace = Trace(X_test, y_test)
        fit(X, y, trace)
        best = int(np.argmin(trace.errors))
        cells = "".join(f"{seconds_to(trace, error):9.1f}" for error in ERRORS)
        at = trace.seconds[best]
        print(f"{name:>32}{cells}{trace.errors[best]:9.2%} at {at:5.1f}", flush=True)
        points[name] = {"seconds": trace.seconds, "errors": trace.errors}
    args.output.write_text(json.dumps(points))


if __name__ == "__main__":
    main()
