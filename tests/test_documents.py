"""README, CI and examples say and do the same, and the code in the documents runs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def code_blocks(document, language=""):
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.M | re.S)
    return [code for name, code in blocks if name == language]


def run(script, cwd):
    return subprocess.run(
        [sys.executable, "-W", "error", *script],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_ci_calls_exactly_the_test_command_of_the_readme():
    (command,) = (block for block in code_blocks("README.md") if "pytest" in block)
    assert command.count("\n") == 1
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert command in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_readme_code_runs(tmp_path):
    first, general = code_blocks("README.md", "python")
    assert first.count("\n") - first.count("\n\n") <= 10
    reg_lambda, score = map(float, run(["-c", first], tmp_path).splitlines()[0].split())
    assert reg_lambda > 0 > score > -0.1
    assert "backpropclassifier__reg_lambda" in run(["-c", general], tmp_path)


def test_main_job_finds_a_good_model_and_draws(tmp_path):
    printed = run([str(ROOT / "examples/digits.py")], tmp_path)
    accuracy = float(re.search(r"held-out accuracy ([\d.]+)", printed).group(1))
    assert accuracy >= 0.97
    table = [line.split() for line in printed.splitlines() if re.match(r" *\d\.\d\de-", line)]
    assert len(table) == 11
    assert all(len(row) == 4 for row in table)
    assert (tmp_path / "digits_lambda.png").stat().st_size > 10_000


@pytest.mark.parametrize("document", sorted(ROOT.glob("docs/*.rst")), ids=lambda p: p.name)
def test_paths_named_in_the_documents_exist(document):
    text = document.read_text(encoding="utf-8")
    for path in re.findall(r"\b(?:skbackprop|benchmarks|examples|docs)/\w+\.\w+", text):
        assert (ROOT / path).is_file(), path
