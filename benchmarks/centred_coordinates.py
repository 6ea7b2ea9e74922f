"""Evaluations that centred coordinates save: `python benchmarks/centred_coordinates.py`.

Each data set is fitted twice from the same random weights, in centred coordinates and
without (all centres zero), and the evaluations are counted until the cost is 1.2 times the
best that either reached. Both solve the same problem, so both final costs are shown.
"""

import warnings
from unittest import mock

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from watching import watched

import skbackprop._training.training as training_module
from skbackprop import BackpropClassifier
from skbackprop._network.coordinates import CentredCoordinates

SEEDS = range(3)
CASES = [("logistic", "lbfgs"), ("logistic", "cg"), ("tanh", "lbfgs"), ("relu", "lbfgs")]
MAX_ITER = 1000


def not_centred(network, mean):
    return CentredCoordinates(network.shapes, [np.zeros(size) for size in network.layer_sizes[:-1]])


def evaluations_and_costs(X, y, **parameters):
    """Return the evaluations so far and the cost after each iteration."""
    trace = []

    def look(training, fit, stage, iteration):
        trace.append((fit.n_evaluations, iteration.cost))

    with watched(look), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        BackpropClassifier(max_iter=MAX_ITER, **parameters).fit(X, y)
    return np.array(trace).T


def compare(X, y, **parameters):
    rows = []
    for seed in SEEDS:
        runs = [evaluations_and_costs(X, y, random_state=seed, **parameters)]
        with mock.patch.object(training_module, "centred_coordinates", not_centred):
            runs.append(evaluations_and_costs(X, y, random_state=seed, **parameters))
        target = 1.2 * min(costs[-1] for _, costs in runs)
        counts = [
            evaluations[np.argmax(costs <= target)] if costs[-1] <= target else np.inf
            for evaluations, costs in runs
        ]
        rows.append([*counts, *(costs[-1] for _, costs in runs)])
    return np.median(rows, axis=0)


def main():
    print(
        f"{'data':>14} {'features':>13} {'activation':>10} {'solver':>6} "
        f"{'evaluations: centred':>20} {'not':>6} {'final J: centred':>17} {'not':>9}"
    )
    for load in (load_digits, load_breast_cancer, load_wine):
        X, y = load(return_X_y=True)
        for features, data in (("raw", X), ("standardised", StandardScaler().fit_transform(X))):
            for activation, solver in CASES:
                centred, plain, J_centred, J_plain = compare(
                    data, y, hidden_layer_sizes=25, activation=activation, solver=solver
                )
                print(
                    f"{load.__name__[5:]:>14} {features:>13} {activation:>10} {solver:>6} "
                    f"{centred:20.0f} {plain:6.0f} {J_centred:17.5f} {J_plain:9.5f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
