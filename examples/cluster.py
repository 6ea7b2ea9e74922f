"""A fit on a cluster of two worker processes on this machine: data that only they hold.

    python examples/cluster.py

On a real cluster only the first lines of ``main`` differ: ``Client("scheduler-address:8786")``, or
a cluster of dask-jobqueue or dask-kubernetes; and X and y come from files that the workers can
read, with ``dask.dataframe.read_parquet`` or ``dask.array.from_zarr``.
"""

import dask.array as da
from distributed import Client, LocalCluster

from skbackprop.dask import DaskBackpropClassifier


def made_there(n_rows, seed):
    """Return rows that the workers make, chunk by chunk, and the classes they belong to."""
    X = da.random.default_rng(seed).normal(size=(n_rows, 10), chunks=(25_000, 10))
    X = X.astype("float32")
    return X, ((X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 1)).astype("int8")


def main():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        X, y = made_there(100_000, seed=0)
        X_test, y_test = made_there(25_000, seed=1)
        classifier = DaskBackpropClassifier(25, random_state=0, max_iter=50, verbose=1)
        classifier.fit(X, y)
        print(f"stopped: {classifier.stop_reason_}, lambda {classifier.reg_lambda_:.2g}")
        print(f"held-out accuracy {classifier.score(X_test, y_test):.4f}")
        print("lazy:", classifier.predict_proba(X_test))
    plain = classifier.to_local()  # predicts without Dask
    print(type(plain).__name__, plain.predict([[1.0] * 10]))


if __name__ == "__main__":
    main()
