"""Kinds of data on which a default may be worse than its peers: `python benchmarks/kinds.py`.

Few noisy rows, rare positives, twenty classes, a checkerboard: made, not chosen on. Error and
log-loss in three shuffled folds, means of three seeds, of the defaults of this package, of two
other penalties, and of MLPClassifier.
"""

import warnings

import numpy as np
from quality import GROUPS, one_fit
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEEDS = range(3)


def checkerboard(seed):
    """Four by four fields."""
    X = np.random.default_rng(seed).uniform(-2, 2, size=(600, 2))
    return X, np.floor(X).sum(axis=1).astype(int) % 2


KINDS = {
    "60 noisy rows": lambda seed: make_classification(
        60, 10, n_informative=5, flip_y=0.1, random_state=seed
    ),
    "3 % positive": lambda seed: make_classification(
        2000, 20, n_informative=6, weights=[0.97], flip_y=0.02, random_state=seed
    ),
    "20 classes": lambda seed: make_classification(
        2000,
        20,
        n_informative=10,
        n_classes=20,
        n_clusters_per_class=1,
        class_sep=1.5,
        random_state=seed,
    ),
    "checkerboard": checkerboard,
}


def measure(candidate, make_data, seed):
    X, y = make_data(seed)
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    model = make_pipeline(StandardScaler(), candidate.make(seed))
    P = cross_val_predict(model, X, y, cv=folds, method="predict_proba")
    return 100 * np.mean(P.argmax(axis=1) != y), log_loss(y, P)


def main():
    warnings.simplefilter("ignore")
    settings = {f"reg_lambda={value:g}": one_fit(reg_lambda=value) for value in (1e-2, 1e-4)}
    candidates = {**GROUPS["defaults"], **settings, **GROUPS["peers"]}
    for kind, make_data in KINDS.items():
        for name, candidate in candidates.items():
            results = [measure(candidate, make_data, seed) for seed in SEEDS]
            error, loss = np.mean(results, axis=0)
            print(f"{kind:>15} {name:>40} {error:8.2f} % {loss:8.3f}", flush=True)


if __name__ == "__main__":
    main()
