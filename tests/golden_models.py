"""Small fits of each estimator, and with each option: what `data/golden_models.npz` keeps.

Where a change is meant to lead to other Thetas: ``python tests/golden_models.py`` writes the file
anew, and the change says why.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, load_linnerud
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)

KEPT = Path(__file__).parent / "data" / "golden_models.npz"
IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
LABELS = np.column_stack([SPECIES > 0, IRIS[:, 1] > 0]).astype(int)
DIABETES, PROGRESS = (a[:150] for a in load_diabetes(return_X_y=True))
DIABETES = scale(DIABETES)
EXERCISE, BODY = load_linnerud(return_X_y=True)
COUNTS = np.random.RandomState(0).poisson(np.exp(0.5 * IRIS[:, :2]))
WEIGHTS = np.random.RandomState(1).randint(0, 4, size=150).astype(float)
# Only the first of these iterations are the same, rounding aside, on every processor.
SHORT = {"max_iter": 12, "random_state": 0}


def classifier(*arguments, **parameters):
    return BackpropClassifier(*arguments or (3,), **{"reg_lambda": 0.01, **SHORT, **parameters})


def regressor(*arguments, **parameters):
    return BackpropRegressor(*arguments or (3,), **{"reg_lambda": 0.01, **SHORT, **parameters})


def classifier_cv(**parameters):
    given = {"reg_lambdas": [0.1, 0.01], "cv": 3, **SHORT, **parameters}
    return BackpropClassifierCV(3, **given)


def regressor_cv(**parameters):
    given = {"reg_lambdas": [0.1, 0.01], "cv": 3, **SHORT, **parameters}
    return BackpropRegressorCV(3, **given)


# The estimator, X, y, and the weights.
CASES = {
    "classifier": (BackpropClassifier(**{**SHORT, "max_iter": 6}), IRIS, NAMES, None),
    **{
        activation: (classifier(activation=activation), IRIS, SPECIES, None)
        for activation in ("logistic", "tanh", "relu", "identity")
    },
    "two hidden layers": (classifier((4, 3), activation=("tanh", "relu")), IRIS, SPECIES, None),
    "no hidden layer": (classifier(()), IRIS, SPECIES, None),
    "K sigmoids": (classifier(out_activation="logistic"), IRIS, SPECIES, None),
    "two classes": (classifier(), IRIS, SPECIES > 0, None),
    "labels": (classifier(), IRIS, LABELS, None),
    "sample weights": (classifier(), IRIS, SPECIES, WEIGHTS),
    "balanced": (classifier(class_weight="balanced"), IRIS[:120], SPECIES[:120], None),
    "class weights": (classifier(class_weight={0: 2.0}), IRIS, SPECIES, WEIGHTS),
    "cg": (classifier(solver="cg"), IRIS, SPECIES, None),
    "few corrections": (classifier(solver_options={"maxcor": 2}), IRIS, SPECIES, None),
    "no penalty": (classifier(reg_lambda=0), IRIS, SPECIES, None),
    "prior": (classifier(reg_lambda="prior"), IRIS, SPECIES, None),
    "auto": (classifier(reg_lambda="auto", max_iter=8), IRIS, SPECIES, None),
    "early stopping": (classifier(early_stopping=True), IRIS, SPECIES, None),
    "patience": (
        classifier(early_stopping=True, validation_fraction=0.3, n_iter_no_change=1),
        IRIS,
        SPECIES,
        WEIGHTS,
    ),
    "given Thetas": (
        classifier(thetas_init=[np.full((3, 5), 0.1) * [[1], [-1], [2]], np.eye(3, 4)]),
        IRIS,
        SPECIES,
        None,
    ),
    "warm start": (classifier(warm_start=True, max_iter=5), IRIS, SPECIES, None),
    "sparse": (classifier(), csr_array(np.maximum(IRIS, 0)), SPECIES, None),
    "float32": (classifier(max_iter=4), IRIS.astype(np.float32), SPECIES, None),
    "coarse start": (classifier(coarse_start=True, max_iter=2), IRIS, SPECIES, None),
    "classifier, search": (classifier_cv(), IRIS, NAMES, None),
    "1se": (classifier_cv(refit="1se"), IRIS, SPECIES, WEIGHTS),
    "accuracy": (classifier_cv(scoring="accuracy"), IRIS, SPECIES, None),
    "folds to tol": (classifier_cv(coarse_folds=False, early_stopping=True), IRIS, SPECIES, None),
    "grid": (classifier_cv(reg_lambdas=3), IRIS, LABELS, None),
    "regressor": (BackpropRegressor(**{**SHORT, "max_iter": 4}), DIABETES, PROGRESS, None),
    "numbers": (regressor(), DIABETES, PROGRESS, WEIGHTS),
    "several numbers": (regressor(), EXERCISE, BODY, None),
    "numbers, no hidden layer": (regressor(()), DIABETES, PROGRESS, None),
    "numbers, relu": (regressor(activation="relu"), DIABETES, PROGRESS, None),
    "numbers, cg": (regressor(solver="cg"), DIABETES, PROGRESS, None),
    "numbers, early stopping": (regressor(early_stopping=True), DIABETES, PROGRESS, None),
    "counts": (regressor(loss="poisson"), IRIS, COUNTS[:, 0], WEIGHTS),
    "several counts": (regressor(loss="poisson"), IRIS, COUNTS, None),
    "regressor, search": (regressor_cv(), DIABETES, PROGRESS, None),
    "counts, search": (regressor_cv(loss="poisson", refit="1se"), IRIS, COUNTS[:, 0], None),
}
# Computed in float32, wholly or at first: the last digits are the processor's.
IN_FLOAT32 = {"float32", "coarse start", "regressor, search", "counts, search"}


def fitted(name: str) -> NDArray:
    """Return the Thetas of a case, unrolled, after its lambda and J."""
    estimator, X, y, weights = CASES[name]
    estimator = clone(estimator)  # that of a warm start would go on from the last call
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for _ in range(1 + getattr(estimator, "warm_start", False)):
            estimator.fit(X, y, sample_weight=weights)
    assert estimator.n_iter_ <= 20
    thetas = [Theta.ravel() for Theta in estimator.thetas_]
    return np.concatenate([[estimator.reg_lambda_, estimator.loss_], *thetas]).astype(float)


def all_fitted() -> Iterator[tuple[str, NDArray]]:
    for name in CASES:
        yield name, fitted(name)


if __name__ == "__main__":
    KEPT.parent.mkdir(exist_ok=True)
    np.savez_compressed(KEPT, **dict(all_fitted()))
