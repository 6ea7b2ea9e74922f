"""What a user writes, as type checkers see it: strict mypy and pyright find no fault in it.

`.ci/run` asks them; `test_types.py` runs it.
"""

from typing import Any, Literal, assert_type

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
    HiddenUnitsDisplay,
    LambdaPathDisplay,
    LossCurveDisplay,
    check_gradient,
    cost_and_gradient,
)


def iris() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the features, scaled, and the species."""
    data: Any = load_iris()
    return StandardScaler().fit_transform(data.data), data.target


def classify(X: NDArray[np.float64], y: NDArray[np.int64]) -> BackpropClassifier:
    """Fit, look at how it went, and predict."""
    classifier = BackpropClassifier(
        [6, 4],
        activation=["tanh", "relu"],
        out_activation="softmax",
        reg_lambda=1e-2,
        solver="lbfgs",
        class_weight="balanced",
        early_stopping=True,
        random_state=0,
    ).fit(X, y, sample_weight=np.ones(len(y)))
    assert_type(classifier, BackpropClassifier)
    assert_type(classifier.predict(X), NDArray[Any])
    assert_type(classifier.predict_proba(X), NDArray[Any])
    assert_type(classifier.predict_log_proba(X), NDArray[Any])
    assert_type(classifier.decision_function(X), NDArray[Any])
    assert_type(classifier.score(X, y), float)
    assert_type(classifier.classes_, NDArray[Any])
    assert_type(classifier.multilabel_, bool)
    assert_type(classifier.n_features_in_, int)
    assert_type(classifier.thetas_, list[NDArray[Any]])
    assert_type(classifier.coefs_, list[NDArray[Any]])
    assert_type(classifier.intercepts_, list[NDArray[Any]])
    assert_type(classifier.n_layers_, int)
    assert_type(classifier.n_outputs_, int)
    assert_type(classifier.activations_, tuple[str, ...])
    assert_type(classifier.out_activation_, str)
    assert_type(classifier.reg_lambda_, float)
    assert_type(classifier.n_iter_, int)
    assert_type(classifier.n_evaluations_, int)
    assert_type(classifier.loss_, float)
    assert_type(classifier.loss_curve_, list[float])
    assert_type(classifier.gradient_norm_, float)
    assert_type(classifier.converged_, bool)
    assert_type(classifier.validation_scores_, list[float])
    assert_type(classifier.best_validation_score_, float | None)
    assert_type(classifier.best_iteration_, int | None)
    if classifier.stop_reason_ == "early_stopping":
        assert_type(classifier.stop_reason_, Literal["early_stopping"])
    return classifier


def search(X: NDArray[np.float64], y: NDArray[np.int64]) -> BackpropClassifierCV:
    """Search the penalty."""
    found = BackpropClassifierCV(4, reg_lambdas=[1e-2, 1e-3], refit="1se", cv=2, random_state=0)
    assert_type(found.fit(X, y), BackpropClassifierCV)
    assert_type(found.reg_lambdas_, NDArray[Any])
    assert_type(found.scores_, NDArray[Any])
    assert_type(found.cv_results_, dict[str, Any])
    assert_type(found.best_index_, int)
    assert_type(found.best_params_, dict[str, Any])
    assert_type(found.best_score_, float)
    assert_type(found.n_splits_, int)
    assert_type(found.score(X, y), float)
    return found


def regress(X: NDArray[np.float64], y: NDArray[np.float64]) -> BackpropRegressor:
    """Fit numbers, at one penalty and searched."""
    regressor = BackpropRegressor(5, loss="squared_error", reg_lambda="auto", random_state=0)
    assert_type(regressor.fit(X, y), BackpropRegressor)
    assert_type(regressor.predict(X), NDArray[Any])
    assert_type(regressor.score(X, y), float)
    assert_type(regressor.y_mean_, NDArray[Any])
    assert_type(regressor.y_scale_, NDArray[Any])
    assert_type(regressor.reg_lambdas_, NDArray[Any])
    assert_type(regressor.reg_lambda_scores_, NDArray[Any])
    found = BackpropRegressorCV(5, reg_lambdas=2, cv=2, random_state=0).fit(X, y)
    assert_type(found, BackpropRegressorCV)
    assert_type(found.stop_reason_ == "converged", bool)
    return regressor


def draw(classifier: BackpropClassifier, found: BackpropClassifierCV) -> None:
    """Draw all that there is to draw."""
    assert_type(LossCurveDisplay.from_estimator(classifier), LossCurveDisplay)
    assert_type(HiddenUnitsDisplay.from_estimator(classifier), HiddenUnitsDisplay)
    display = LambdaPathDisplay.from_estimator(found)
    assert_type(display.plot(color="red"), LambdaPathDisplay)
    assert_type(display.chosen, float)


def look_inside(X: NDArray[np.float64], y: NDArray[np.int64]) -> None:
    """Watch a fit with a validation set, and take J, D and the hidden units from it."""
    classifier = BackpropClassifier(3, activation="tanh", reg_lambda=1e-2, random_state=0)
    watched = classifier.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert_type(watched, BackpropClassifier)
    assert_type(watched.validation_scores_, list[float])
    hidden: NDArray[Any] = watched.transform(X)
    assert hidden.shape == (len(X), 3)
    J, D = cost_and_gradient(watched, X, y)
    assert_type(J, float)
    assert len(D) == len(watched.thetas_)
    check = check_gradient(watched, X, y)
    assert_type(check.passed, bool)
    assert_type(check.worst, tuple[int, int, int])


def main() -> None:
    """Do all of it."""
    X, y = iris()
    classifier = classify(X, y)
    draw(classifier, search(X, y))
    regress(X[:, 1:], X[:, 0])
    look_inside(X, y)
    pipeline = make_pipeline(StandardScaler(), BackpropClassifier(2, activation="tanh", tol=1e-2))
    GridSearchCV(pipeline, {"backpropclassifier__reg_lambda": [1e-2, 1e-3]}, cv=2).fit(X, y)


if __name__ == "__main__":
    main()
