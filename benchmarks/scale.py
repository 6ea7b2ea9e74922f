"""Time and memory as the rows grow: `python benchmarks/scale.py`.

50 features in float32, 100 hidden units, 10 classes. The time of one cost and gradient, and
the peak memory of a fit of a few iterations beyond what the process held when X was there,
with X in memory and with X mapped from a file. MLPClassifier stands beside, up to the
rows that leave it room. `--most-rows M` is for smaller machines. Prints a table, and writes
`scale.json`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from peers import PEERS, Case
from pyperf import perf_counter

ROWS = (10_000, 100_000, 300_000, 1_000_000, 5_000_000)
MOST_ROWS_OF_MLPCLASSIFIER = 1_000_000
SIZES = (50, 100, 10)
OUTPUT = Path("scale.json")
MEBIBYTE = 2**20


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEBIBYTE  # Linux: KiB


def seconds_of_evaluation(m, peer):
    evaluate = PEERS[peer](Case(m, SIZES, "float32"))
    evaluate()
    seconds = []
    for _ in range(5 if m > 100_000 else 15):
        start = perf_counter()
        evaluate()
        seconds.append(perf_counter() - start)
    return seconds


def memory_of_fit(m, peer):
    from sklearn.base import clone
    from sklearn.neural_network import MLPClassifier

    from skbackprop import BackpropClassifier

    warnings.simplefilter("ignore")
    hidden = SIZES[1:-1]
    fits = {
        "skbackprop": BackpropClassifier(
            hidden, activation="logistic", reg_lambda="prior", max_iter=3, random_state=0
        ),
        "mlpclassifier": MLPClassifier(hidden, solver="lbfgs", max_iter=3, random_state=0),
    }
    fits["skbackprop, X mapped"] = fits["skbackprop"]
    with tempfile.TemporaryDirectory() as folder:
        X, y = Case(m, SIZES, "float32").data()
        if peer == "skbackprop, X mapped":
            np.save(Path(folder, "X.npy"), X)
            del X
            X = np.load(Path(folder, "X.npy"), mmap_mode="r")
        clone(fits[peer]).fit(X[:1000], y[:1000])  # everything is imported before the peak
        before = peak()
        fits[peer].fit(X, y)
        return peak() - before


MEASURES = {"evaluation": seconds_of_evaluation, "memory": memory_of_fit}


def in_a_process(measure, m, peer):
    """Return what the measure gives in a process of its own: peaks and threads do not mix."""
    command = [sys.executable, __file__, "--worker", measure, str(m), peer]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(printed)


def main():
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker", nargs=3, metavar=("MEASURE", "M", "PEER"))
    parser.add_argument("--most-rows", type=int, default=max(ROWS))
    parser.add_argument("--output", type=Path, default=OUTPUT)
    args = parser.parse_args()
    if args.worker:
        measure, m, peer = args.worker
        print(json.dumps(MEASURES[measure](int(m), peer)))
        return
    print(
        f"{'rows':>9} {'peer':>21} {'evaluation':>13} {'per 10^5 rows':>14} {'memory beyond X':>16}"
    )
    results = []
    for m in [m for m in ROWS if m <= args.most_rows]:
        for peer in ("skbackprop", "skbackprop, X mapped", "mlpclassifier"):
            if peer == "mlpclassifier" and m > MOST_ROWS_OF_MLPCLASSIFIER:
                continue
            result = {"rows": m, "peer": peer, "mebibytes": in_a_process("memory", m, peer)}
            cells = f"{'':28}"
            if peer in PEERS:
                result["seconds"] = in_a_process("evaluation", m, peer)
                seconds = np.median(result["seconds"])
                cells = f"{seconds * 1e3:10.1f} ms {seconds / m * 1e8:11.1f} ms"
            print(f"{m:9d} {peer:>21} {cells} {result['mebibytes']:12.0f} MiB", flush=True)
            results.append(result)
    args.output.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
