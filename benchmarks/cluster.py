"""What a Dask cluster costs and gives: overhead, growth with the workers, memory, lost workers.

    python benchmarks/cluster.py [overhead] [speed] [memory] [spill] [kills]

All parts without arguments. Clusters are local ones, of processes with one thread each.
"""

import os
import random
import resource
import signal
import statistics
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from functools import partial

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

from skbackprop._cluster.data import encode_groups, gather_groups
from skbackprop._cluster.engine import Cluster
from skbackprop._cluster.targets import ClassesOfGroups
from skbackprop._machine.blas import single_threaded_blas
from skbackprop._network.network import Network
from skbackprop._network.outputs import class_units
from skbackprop._rows import rows as rows_module
from skbackprop._rows.classes import encode_classes
from skbackprop._rows.rows import rows_of_fit
from skbackprop.dask import DaskBackpropClassifier

# Two classes, hidden units: 10,000 and 500,000 parameters of 50 features.
SIZES = {"10k": 200, "500k": 9_800}


@contextmanager
def cluster_of(n_workers, **options):
    with (
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs=50,
            **options,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def made(n_rows, n_features, n_chunks):
    """Return rows made where they are, float32, of two classes."""
    X = da.random.RandomState(0).normal(
        size=(n_rows, n_features), chunks=(-(-n_rows // n_chunks), n_features)
    )
    X = X.astype(np.float32)
    return X, (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(np.int8)


def taken_as_it_is(X, y):
    return X, y, None


def rows_on(cluster, X, y, n_groups):
    source = gather_groups(
        cluster, (X, y, None), ("X", "y", "w"), lambda _: n_groups, taken_as_it_is,
        ClassesOfGroups(None),
    )  # fmt: skip
    encoding = ClassesOfGroups(None).encoding(source.of_targets)
    return encode_groups(cluster, source, encoding, np.dtype(np.float32))


def network_of(n_features, n_hidden):
    return Network([n_features, n_hidden, 1], ["relu"], class_units("softmax", 1, False))


def milliseconds(call, n_times, client=None):
    """Return the median time of a call, and that of the processors, of all processes."""
    call()
    times, began_cpu = [], _cpu_seconds(client)
    for _ in range(n_times):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    cpu = (_cpu_seconds(client) - began_cpu) / n_times
    return 1e3 * statistics.median(times), 1e3 * cpu


def _cpu_seconds(client):
    of_workers = [] if client is None else client.run(time.process_time).values()
    return time.process_time() + sum(of_workers)


def overhead():
    """Evaluate few rows on the cluster and here; the processors' time depends less on the load."""
    print("                              milliseconds            processor milliseconds")
    print("chunks groups parameters  cluster   local  more   cluster   local  more")
    with cluster_of(2) as client:
        for n_chunks in (2, 32, 128):
            X, y = made(2_048, 50, n_chunks)
            here = rows_of_fit(*_computed(X, y))
            for name, n_hidden in SIZES.items():
                network = network_of(50, n_hidden)
                thetas = network.random_thetas(np.random.RandomState(0)).astype(np.float32)
                with single_threaded_blas(), here.sums(network, np.float32) as sums:
                    local = milliseconds(partial(sums, thetas), 15)
                for n_groups in sorted({min(n_chunks, n) for n in (2, 8, 32)}):
                    with Cluster(client, [X, y]) as cluster:
                        there = rows_on(cluster, X, y, n_groups)
                        with there.sums(network, np.float32) as sums:
                            on_cluster = milliseconds(partial(sums, thetas), 15, client)
                    print(f"{n_chunks:6} {n_groups:6} {name:>10}", end="")
                    for ours, theirs in zip(on_cluster, local, strict=True):
                        print(f"{ours:9.1f}{theirs:8.1f}{ours - theirs:7.1f}", end="")
                    print(flush=True)


def _computed(X, y):
    return X.compute(), *encode_classes(y.compute(), None, None)


def speed():
    """Evaluate 4,000,000 x 50 with 100 hidden units on one worker and on two."""
    network = network_of(50, 100)
    thetas = network.random_thetas(np.random.RandomState(0)).astype(np.float32)
    X, y = made(4_000_000, 50, 64)
    medians = []
    for n_workers in (1, 2):
        with cluster_of(n_workers) as client, Cluster(client, [X, y]) as cluster:
            rows = rows_on(cluster, X, y, 16)
            with rows.sums(network, np.float32) as sums:
                median, cpu = milliseconds(partial(sums, thetas), 7, client)
        medians.append(median)
        print(f"{n_workers} workers: {median:.0f} ms an evaluation, {cpu:.0f} ms of processors")
    print(f"two are {medians[0] / medians[1]:.2f} times as fast as one")


def memory():
    """Watch the client's memory over 500 evaluations of 500,000 parameters."""
    network = network_of(50, SIZES["500k"])
    thetas = network.random_thetas(np.random.RandomState(0)).astype(np.float32)
    X, y = made(2_000, 50, 4)
    with (
        cluster_of(2) as client,
        Cluster(client, [X, y]) as cluster,
        rows_on(cluster, X, y, 4).sums(network, np.float32) as sums,
    ):
        for number in range(1, 501):
            sums(thetas)
            if number in (50, 100, 200, 300, 400, 500):
                print(f"{number} evaluations: {_resident_bytes() / 2**20:.0f} MiB", flush=True)


def _resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def spill():
    """Fit data four times as large as the memory limit of a worker."""
    limit, n_features = 2**29, 50
    n_rows = 4 * limit // (4 * n_features)
    X, y = made(n_rows, n_features, 128)
    parameters = {"reg_lambda": 1e-4, "coarse_start": False, "max_iter": 3, "random_state": 0}
    results = []
    for memory_limit in (limit, 0):
        with cluster_of(2, memory_limit=memory_limit) as client:
            began = time.perf_counter()
            fit = DaskBackpropClassifier(10, client=client, n_groups=64, **parameters).fit(X, y)
            results.append(fit)
            took = time.perf_counter() - began
        print(f"limit {memory_limit / 2**20:.0f} MiB: {took:.0f} s, J {fit.loss_:.6f}")
    print("the same to the bit:", _are_equal(*results))


def _are_equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.thetas_, other.thetas_, strict=True))


class Killer(threading.Thread):
    """Kills workers in the middle of an evaluation, so many, after a random while each."""

    def __init__(self, client, n_kills, seed, pause):
        super().__init__(daemon=True)
        self.client, self.n_kills, self.pause = client, n_kills, pause
        self.random, self.n_killed = random.Random(seed), 0
        self.is_over = threading.Event()

    def run(self):
        while self.n_killed < self.n_kills:
            if self.is_over.wait(self.random.uniform(0, self.pause)):
                return
            pids = self.client.run(os.getpid, on_error="ignore")
            at_work = [
                worker
                for worker, keys in self.client.processing().items()
                if worker in pids and any("_sums_at" in str(key) for key in keys)
            ]
            if at_work and len(pids) > 1:  # who kills all workers only waits for new ones
                os.kill(pids[self.random.choice(at_work)], signal.SIGKILL)
                self.n_killed += 1


def kills():
    """Kill a worker in each of twelve fits, five in one: all end as the clean one."""
    X, y = made(200_000, 20, 32)
    for n_fits, n_kills, max_iter in ((12, 1, 40), (1, 5, 250)):
        clean, _ = _fit_with_kills(X, y, 0, 0, max_iter)
        survived = 0
        for seed in range(n_fits):
            thetas, n_killed = _fit_with_kills(X, y, n_kills, seed, max_iter)
            is_same = all(np.array_equal(a, b) for a, b in zip(clean, thetas, strict=True))
            survived += is_same and n_killed == n_kills
            print(f"killed {n_killed}, the same to the bit: {is_same}", flush=True)
        print(f"{survived} of {n_fits} fits with {n_kills} kills survived")


def _fit_with_kills(X, y, n_kills, seed, max_iter):
    """Return the Thetas, and how many workers were killed meanwhile."""
    # A cluster for each fit: once in a while a nanny does not start its worker again.
    with cluster_of(2) as client:
        fit = DaskBackpropClassifier(
            50, activation="tanh", reg_lambda=1e-4, coarse_start=False, random_state=0, n_groups=6,
            client=client, max_iter=max_iter, tol=0,
        )  # fmt: skip
        killer = Killer(client, n_kills, seed, pause=0.5)
        killer.start()
        fit.fit(X, y)
        killer.is_over.set()
        killer.join()
    return fit.thetas_, killer.n_killed


PARTS = {part.__name__: part for part in (overhead, speed, memory, spill, kills)}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    rows_module.CANONICAL_SIZE = 0  # local rows as they are, too
    for name in sys.argv[1:] or PARTS:
        print(f"\n{name}: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
        PARTS[name]()
