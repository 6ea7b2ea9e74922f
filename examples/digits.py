"""The main job: handwritten digits, with lambda chosen by cross-validation.

Loads scikit-learn's digits, searches ``reg_lambda`` of a scaled BackpropClassifier, prints
the search, the held-out accuracy, log-loss and confusion matrix, and draws the
cross-validated log-loss against lambda in ``digits_lambda.png``.
"""

from pathlib import Path
from time import perf_counter

import matplotlib

matplotlib.use("Agg")  # a picture in a file needs no screen

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier

LAMBDAS = np.logspace(-6, -1, 11)
PICTURE = Path("digits_lambda.png")


def search_lambda(X, y):
    pipeline = make_pipeline(StandardScaler(), BackpropClassifier(25, random_state=0))
    search = GridSearchCV(
        pipeline,
        {"backpropclassifier__reg_lambda": LAMBDAS},
        scoring={"log_loss": "neg_log_loss", "accuracy": "accuracy"},
        refit="log_loss",
        cv=5,
        n_jobs=2,
    )
    return search.fit(X, y)


def print_search(results):
    print(f"{'lambda':>10}  {'CV log-loss':>11}  {'CV accuracy':>11}  {'seconds':>7}")
    columns = ("mean_test_log_loss", "mean_test_accuracy", "mean_fit_time")
    for reg_lambda, *values in zip(LAMBDAS, *(results[c] for c in columns), strict=True):
        log_loss_, accuracy, seconds = values
        print(f"{reg_lambda:10.2e}  {-log_loss_:11.4f}  {accuracy:11.4f}  {seconds:7.2f}")


def draw_search(results, best_lambda):
    _, ax = plt.subplots(figsize=(6, 4), layout="constrained")
    mean, std = -results["mean_test_log_loss"], results["std_test_log_loss"]
    ax.errorbar(LAMBDAS, mean, yerr=std / np.sqrt(5), marker="o", capsize=3)
    ax.axvline(best_lambda, color="gray", linestyle="--", label=f"chosen: {best_lambda:.1e}")
    ax.set(
        xscale="log",
        xlabel="reg_lambda",
        ylabel="log-loss, mean of 5 folds ± standard error",
        title="Handwritten digits, 25 hidden units",
    )
    ax.legend()
    plt.savefig(PICTURE, dpi=120)


def main():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    start = perf_counter()
    search = search_lambda(X_train, y_train)
    print_search(search.cv_results_)
    best_lambda = search.best_params_["backpropclassifier__reg_lambda"]
    print(f"\nchosen lambda {best_lambda:.2e}, in {perf_counter() - start:.1f} s")

    y_pred = search.predict(X_test)
    print(f"held-out accuracy {accuracy_score(y_test, y_pred):.4f}")
    print(f"held-out log-loss {log_loss(y_test, search.predict_proba(X_test)):.4f}")
    print("confusion matrix (rows: true digit, columns: predicted)")
    print(confusion_matrix(y_test, y_pred))

    draw_search(search.cv_results_, best_lambda)
    print(f"picture written to {PICTURE}")


if __name__ == "__main__":
    main()
