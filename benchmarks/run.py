"""All benchmarks, one command: `python benchmarks/run.py [--fast] [--data mnist.npz]`.

Runs evaluation.py, fits.py, scale.py and, where there is data, mnist.py, one after another in
the current folder. Each prints its table and leaves its figures as JSON; `benchmarks.png`
shows them in one picture, which `--draw` makes again from the JSON files that are there.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import evaluation
import fits
import mnist
import numpy as np
import pyperf
import scale
from matplotlib.figure import Figure

HERE = Path(__file__).parent
PICTURE = Path("benchmarks.png")


def draw_evaluation(ax):
    if not evaluation.OUTPUT.exists():
        return ax.set_axis_off()
    suite = pyperf.BenchmarkSuite.load(str(evaluation.OUTPUT))
    peers = ["mlpclassifier", "jax", "pytorch"]
    table = [
        (case, {peer: evaluation.ratios(suite, case, peer) for peer in peers})
        for case in evaluation.CASES
    ]
    table = [(case, ratios) for case, ratios in table if any(ratios.values())]
    for number, peer in enumerate(peers):
        shown = [(row, ratios[peer]) for row, (_, ratios) in enumerate(table) if ratios[peer]]
        if shown:
            rows, values = zip(*shown, strict=True)
            middle, low, high = np.array(values).T
            ax.barh(
                np.array(rows) + 0.27 * (number - 1),
                middle,
                0.25,
                xerr=[middle - low, high - middle],
                label=peer,
                error_kw={"lw": 0.8},
            )
    ax.set_yticks(range(len(table)), [case.title for case, _ in table])
    ax.invert_yaxis()
    ax.axvline(1, color="black", lw=0.8)
    ax.set(xlabel="peer / skbackprop", title="Time of one cost and gradient")
    ax.legend()


def draw_fits(ax):
    if not fits.OUTPUT.exists():
        return ax.set_axis_off()
    rows = list(fits.ratios(pyperf.BenchmarkSuite.load(str(fits.OUTPUT))))
    low, middle, high = np.array([quartiles for _, quartiles in rows]).T
    ax.barh(range(len(rows)), middle, xerr=[middle - low, high - middle], error_kw={"lw": 0.8})
    ax.set_yticks(range(len(rows)), [title for title, _ in rows])
    ax.invert_yaxis()
    ax.axvline(1, color="black", lw=0.8)
    ax.set(xlabel="peer / skbackprop", title="Whole fits, to the peer's final cost", xscale="log")


def draw_mnist(ax):
    if not mnist.OUTPUT.exists():
        return ax.set_axis_off()
    for name, points in json.loads(mnist.OUTPUT.read_text()).items():
        ax.plot(points["seconds"], 100 * np.array(points["errors"]), label=name)
    ax.set(xlabel="seconds", ylabel="test error, %", ylim=(1.5, 4), title="MNIST, 300 units")
    ax.legend()


def draw_scale(ax):
    if not scale.OUTPUT.exists():
        return ax.set_axis_off()
    results = json.loads(scale.OUTPUT.read_text())
    for peer in dict.fromkeys(result["peer"] for result in results):
        mine = [result for result in results if result["peer"] == peer]
        ax.plot([r["rows"] for r in mine], [r["mebibytes"] for r in mine], "o-", label=peer)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="rows",
        ylabel="MiB beyond X",
        title="Peak memory of a fit, 50 features, 100 units",
    )
    ax.legend()


def draw():
    figure = Figure(figsize=(14, 10), layout="constrained")
    axes = figure.subplots(2, 2)
    for ax, draw_part in zip(
        axes.flat, (draw_evaluation, draw_fits, draw_mnist, draw_scale), strict=True
    ):
        draw_part(ax)
    figure.savefig(PICTURE, dpi=90)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="fewer values, fewer rows")
    parser.add_argument("--data", help="npz file of MNIST")
    parser.add_argument("--draw", action="store_true", help="only draw what is there")
    args = parser.parse_args()
    data = ["--data", args.data] if args.data else []
    commands = {
        "evaluation": ["--processes", "2", "--values", "3"] if args.fast else [],
        "fits": data,
        "scale": ["--most-rows", "1000000"] if args.fast else [],
        "mnist": data,
    }
    for name, options in commands.items():
        if args.draw or (name == "mnist" and not data):
            continue
        print(f"\n== {name}.py ==", flush=True)
        subprocess.run([sys.executable, HERE / f"{name}.py", *options], check=True)
    draw()
    print(f"The picture is in {PICTURE}")


if __name__ == "__main__":
    main()
