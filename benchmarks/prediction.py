"""Time of a prediction, of one row and of many, beside MLPClassifier and MLPRegressor.

Each pair has the same layers and the same dense float64 rows. The two take turns in one process,
with all threads that BLAS has; a figure is the median of the turns, with the quartiles.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor

N_FEATURES, N_UNITS = 20, 50


def pairs(rng):
    """Yield a name, and the two estimators fitted to the same rows for a few iterations."""
    X = rng.normal(size=(2000, N_FEATURES))
    targets = {
        "binary": (BackpropClassifier, MLPClassifier, X[:, 0] > 0),
        "10 classes": (BackpropClassifier, MLPClassifier, rng.integers(10, size=2000)),
        "numbers": (BackpropRegressor, MLPRegressor, X[:, 0] + rng.normal(size=2000)),
    }
    for name, (own, peer, y) in targets.items():
        yield (
            name,
            own(N_UNITS, activation="relu", reg_lambda=1e-3, max_iter=5, random_state=0).fit(X, y),
            peer(hidden_layer_sizes=N_UNITS, max_iter=5, random_state=0).fit(X, y),
        )


def turns(functions, X, n_calls, n_turns, clock):
    """Return the seconds of a call, a row for each turn and a column for each function."""
    seconds = np.empty((n_turns, len(functions)))
    for function in functions:
        function(X)
    for turn in seconds:
        for number, function in enumerate(functions):
            start = clock()
            for _ in range(n_calls):
                function(X)
            turn[number] = (clock() - start) / n_calls
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument(
        "--process-time", action="store_true", help="of all threads together: on a busy machine"
    )
    args = parser.parse_args()
    clock = time.process_time if args.process_time else time.perf_counter
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    quartiles = "median (quartiles), ms"
    print(f"{'':>10} {'':>13} {'rows':>7}  {'skbackprop: ' + quartiles:>36}  {'peer':>24}  ratio")
    for name, own, peer in pairs(rng):
        for method in ("predict", "predict_proba"):
            if not hasattr(own, method):
                continue
            functions = [getattr(own, method), getattr(peer, method)]
            for n_rows, n_calls in ((1, 500), (100, 200), (100_000, 2)):
                X = rng.normal(size=(n_rows, N_FEATURES))
                ms = 1e3 * turns(functions, X, n_calls, args.turns, clock)
                q = np.percentile(ms, [25, 50, 75], axis=0)
                shown = [f"{q[1, i]:8.3f} ({q[0, i]:.3f} - {q[2, i]:.3f})" for i in (0, 1)]
                ratio = q[1, 1] / q[1, 0]
                print(
                    f"{name:>10} {method:>13} {n_rows:7d}  {shown[0]:>36}  {shown[1]:>24}"
                    f"  {ratio:5.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
