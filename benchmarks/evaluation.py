"""Time of one cost and gradient, beside the peers: `python benchmarks/evaluation.py`.

Runs every case in processes of its own (pyperf), once with the threads as they are and,
for the peers whose products BLAS makes, once with BLAS on one thread: the better counts.
Prints a table of ratios of medians with their spread, and writes `evaluation.json`, which
`python -m pyperf stats evaluation.json` reads too. pyperf's `--processes` and `--values` set how
much is measured, `--only NAME[,NAME]` some peers, `--shapes I[,I]` some of the shapes below; peers
that are not installed are left out with a note.
"""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pyperf
from peers import PEERS, Case

SHAPES = [
    (150, (4, 5, 3)),
    (1797, (64, 25, 10)),
    (5000, (400, 25, 10)),
    (20000, (784, 100, 10)),
    (60000, (784, 300, 10)),
    (20000, (16, 64, 64, 26)),
]
CASES = [Case(m, sizes, dtype) for m, sizes in SHAPES for dtype in ("float64", "float32")]
MODULES = {"jax": "jax", "pytorch": "torch"}
ON_ONE_THREAD_TOO = ("mlpclassifier", "products")
OUTPUT = Path("evaluation.json")


def name_of(case, peer, threads):
    return f"{case.title} {peer} {threads}"


def time_peer(loops, case, peer, threads):
    from threadpoolctl import threadpool_limits

    if threads == "one":
        threadpool_limits(1)
    evaluate = PEERS[peer](case)
    with np.errstate(all="ignore"):
        evaluate()
        start = pyperf.perf_counter()
        for _ in range(loops):
            evaluate()
        return pyperf.perf_counter() - start


def main():
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)

    def pass_on(command, args):
        command.extend(["--only", args.only, "--shapes", args.shapes])

    runner = pyperf.Runner(processes=3, values=5, warmups=1, add_cmdline_args=pass_on)
    runner.argparser.add_argument("--only", default=",".join(PEERS))
    runner.argparser.add_argument("--shapes", default=",".join(map(str, range(len(SHAPES)))))
    args = runner.parse_args()
    if not args.worker:
        OUTPUT.unlink(missing_ok=True)
        args.output = args.output or str(OUTPUT)
    peers = [p for p in args.only.split(",") if importlib.util.find_spec(MODULES.get(p, "numpy"))]
    cases = [CASES[2 * int(shape) + i] for shape in args.shapes.split(",") for i in (0, 1)]
    for case in cases:
        for peer in peers:
            for threads in ("all", "one") if peer in ON_ONE_THREAD_TOO else ("all",):
                runner.bench_time_func(name_of(case, peer, threads), time_peer, case, peer, threads)
    if not args.worker:
        for peer in set(args.only.split(",")) - set(peers):
            print(f"{peer} is not installed: left out")
        print_table(pyperf.BenchmarkSuite.load(args.output), cases, peers)


def ratios(suite, case, peer):
    """Return peer / skbackprop: of medians, and of the quartiles that lie furthest apart."""
    times = {b.get_name(): np.array(b.get_values()) for b in suite.get_benchmarks()}
    runs = [times[n] for t in ("all", "one") if (n := name_of(case, peer, t)) in times]
    ours = times.get(name_of(case, "skbackprop", "all"))
    if ours is None or not runs:
        return None
    theirs = min(runs, key=np.median)
    low, high = (np.percentile(theirs, q) / np.percentile(ours, 100 - q) for q in (25, 75))
    return np.median(theirs) / np.median(ours), low, high


def print_table(suite, cases, peers):
    medians = {b.get_name(): b.median() for b in suite.get_benchmarks()}
    others = [peer for peer in peers if peer != "skbackprop"]
    print("\npeer / skbackprop: ratio of medians, and of the quartiles that lie furthest apart")
    print(f"{'m: layers':>30} {'skbackprop':>11}" + "".join(f"{peer:>24}" for peer in others))
    for case in cases:
        cells = [
            "{:8.2f} ({:5.2f} - {:5.2f})".format(*ratios(suite, case, peer)) for peer in others
        ]
        ours = medians[name_of(case, "skbackprop", "all")]
        print(f"{case.title:>30} {ours * 1e3:8.3f} ms" + "".join(f"{c:>24}" for c in cells))


if __name__ == "__main__":
    main()
