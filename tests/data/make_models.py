"""Saves a model of each estimator, for every later version to load: ``python make_models.py``.

To be run where this package is of the version that is about to be released. It writes
``models/VERSION``, which then stays: of each estimator a pickle, a file of skops, and as JSON some
rows, what the model answers to them, and its attributes. `tests/test_saved_models.py` reads them.
"""

import json
import pickle
from pathlib import Path
from zipfile import ZIP_DEFLATED

import numpy as np
import pandas as pd
import skops.io
from sklearn.datasets import load_iris, make_multilabel_classification

import skbackprop
from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)

MODELS = Path(__file__).parent / "models"

# The promise: a later version's estimator, loaded from a file, gives the same answers by these
# methods, and has these attributes with these values.
CLASSIFIER_METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]
METHODS = {
    "BackpropClassifier": CLASSIFIER_METHODS,
    "BackpropClassifierCV": CLASSIFIER_METHODS,
    "BackpropRegressor": ["predict"],
    "BackpropRegressorCV": ["predict"],
}
OF_NETWORKS = [
    *["n_features_in_", "feature_names_in_", "thetas_", "coefs_", "intercepts_", "n_layers_"],
    *["n_outputs_", "activations_", "out_activation_", "reg_lambda_", "n_iter_"],
    *["n_evaluations_", "loss_", "loss_curve_", "gradient_norm_", "converged_", "stop_reason_"],
]
OF_EARLY_STOPPING = ["validation_scores_", "best_validation_score_", "best_iteration_"]
OF_AUTO = ["reg_lambdas_", "reg_lambda_scores_"]
OF_SEARCHES = [
    *["reg_lambdas_", "scores_", "cv_results_", "best_index_", "best_params_", "best_score_"],
    "n_splits_",
]
OF_CLASSIFIERS = ["classes_", "multilabel_"]
OF_REGRESSORS = ["y_mean_", "y_scale_"]
ATTRIBUTES = {
    "BackpropClassifier": [*OF_NETWORKS, *OF_CLASSIFIERS, *OF_EARLY_STOPPING, *OF_AUTO],
    "BackpropClassifierCV": [*OF_NETWORKS, *OF_CLASSIFIERS, *OF_SEARCHES],
    "BackpropRegressor": [*OF_NETWORKS, *OF_REGRESSORS, *OF_AUTO],
    "BackpropRegressorCV": [*OF_NETWORKS, *OF_REGRESSORS, *OF_SEARCHES],
}


def fitted_models():
    """Yield a fitted model of each estimator, and the rows that it has seen."""
    iris = load_iris(as_frame=True)
    X, species = (iris.data - iris.data.mean()) / iris.data.std(), iris.target.to_numpy()
    classifier = BackpropClassifier(
        (6, 4), activation=("tanh", "relu"), early_stopping=True, random_state=0
    )
    yield classifier.fit(X, iris.target_names[species]), X
    counts, labels = make_multilabel_classification(
        150, n_features=4, n_classes=3, allow_unlabeled=True, random_state=0
    )
    counts = pd.DataFrame(counts / 10, columns=list("abcd"), dtype=np.float32)
    search = {"reg_lambdas": [1e-2, 1e-3], "cv": 3, "random_state": 0}
    yield BackpropClassifierCV(5, activation="logistic", **search).fit(counts, labels), counts
    two = np.column_stack([X.iloc[:, 3] * 40 + 1000, X.iloc[:, 1] ** 2])
    yield BackpropRegressor(5, random_state=0).fit(X, two), X
    yield BackpropRegressorCV(5, loss="poisson", **search).fit(X, species), X


def plain(value):
    """Return a value as JSON would have it."""
    if isinstance(value, dict):
        return {name: plain(of_name) for name, of_name in value.items()}
    if isinstance(value, list | tuple):
        return [plain(element) for element in value]
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def answers(model, X):
    """Return what the methods of a model answer."""
    return {name: plain(getattr(model, name)(X)) for name in METHODS[type(model).__name__]}


def attributes(model):
    """Return the attributes of a model."""
    return {name: plain(getattr(model, name)) for name in ATTRIBUTES[type(model).__name__]}


def main():
    """Write all files of this version."""
    folder = MODELS / skbackprop.__version__
    folder.mkdir(parents=True, exist_ok=True)
    for model, X in fitted_models():
        file = folder / type(model).__name__
        # numpy 1.26 loads an array of numpy 2 where the protocol is 4, not where it is 5.
        file.with_suffix(".pickle").write_bytes(pickle.dumps(model, protocol=4))
        skops.io.dump(model, file.with_suffix(".skops"), compression=ZIP_DEFLATED)
        rows = X.iloc[::30]
        told = {
            "X": rows.to_dict("list"),
            "dtype": str(X.dtypes.iloc[0]),
            "answers": answers(model, rows),
            "attributes": attributes(model),
            "parameters": plain(model.get_params()),
        }
        file.with_suffix(".json").write_text(json.dumps(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
