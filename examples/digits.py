"""The main job: handwritten digits, with lambda chosen by cross-validation.

Loads scikit-learn's digits, walks a path of penalties with BackpropClassifierCV behind a
scaler, prints the search, the held-out accuracy, log-loss and confusion matrix, and draws
the cross-validated score against lambda in ``digits_lambda.png``.
"""

from pathlib import Path
from time import perf_counter

import matplotlib

matplotlib.use("Agg")  # a picture in a file needs no screen

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifierCV, LambdaPathDisplay

LAMBDAS = np.logspace(-1, -6, 11)
PICTURE = Path("digits_lambda.png")


def print_search(search, seconds):
    results = search.cv_results_
    of_a_fold = results["mean_fit_time"] + results["mean_score_time"]
    of_folds = np.round(search.n_splits_ * of_a_fold, 2)
    print(f"{'lambda':>10}  {'CV log-loss':>11}  {'std. dev.':>9}  {'seconds':>7}")
    columns = results["mean_test_score"], results["std_test_score"], of_folds
    for reg_lambda, score, deviation, of_lambda in zip(LAMBDAS, *columns, strict=True):
        print(f"{reg_lambda:10.2e}  {-score:11.4f}  {deviation:9.4f}  {of_lambda:7.2f}")
    print(f"{'refit':>10}  {seconds - of_folds.sum():31.2f}")
    print(f"{'together':>10}  {seconds:31.2f}")


def draw_search(search):
    _, ax = plt.subplots(figsize=(6, 3), layout="constrained")
    LambdaPathDisplay.from_estimator(search, ax=ax)
    ax.set_title("Handwritten digits, 25 hidden units")
    plt.savefig(PICTURE, dpi=120)


def main():
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    search = BackpropClassifierCV(25, reg_lambdas=LAMBDAS, random_state=0)
    model = make_pipeline(StandardScaler(), search)
    start = perf_counter()
    model.fit(X_train, y_train)
    seconds = perf_counter() - start
    print_search(search, seconds)
    print(f"\nchosen lambda {search.reg_lambda_:.2e}")

    y_pred = model.predict(X_test)
    print(f"held-out accuracy {accuracy_score(y_test, y_pred):.4f}")
    print(f"held-out log-loss {log_loss(y_test, model.predict_proba(X_test)):.4f}")
    print("confusion matrix (rows: true digit, columns: predicted)")
    print(confusion_matrix(y_test, y_pred))

    draw_search(search)
    print(f"picture written to {PICTURE}")


if __name__ == "__main__":
    main()
