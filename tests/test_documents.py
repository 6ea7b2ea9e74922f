"""README, CI and examples say and do the same, and the code in the documents runs."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import joblib
import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier

mpl.use("Agg")

ROOT = Path(__file__).parents[1]


def code_blocks(document, language=""):
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.M | re.S)
    return [code for name, code in blocks if name == language]


# Warnings are errors, but matplotlib 3.7 speaks to pyparsing as it was then: "'…' deprecated".
WARNINGS = ["-W", "error", "-W", "ignore:':DeprecationWarning"]


def run(script, cwd):
    return subprocess.run(
        [sys.executable, *WARNINGS, *script],
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


RST = sorted(ROOT.glob("docs/*.rst"))


@pytest.mark.parametrize("document", RST, ids=lambda p: p.name)
def test_paths_named_in_the_documents_exist(document):
    text = document.read_text(encoding="utf-8")
    folders = "skbackprop|tests|benchmarks|examples|docs"
    for path in re.findall(rf"\b(?:{folders})/[\w/]+\.\w+", text):
        assert (ROOT / path).is_file(), path


def test_the_map_names_every_file_in_its_room_and_no_other():
    (tree,) = code_blocks("CONTRIBUTING.md", "text")
    named, room = set(), ""
    for indent, name in re.findall(r"^( +)(\w+(?:\.py|/)) ", tree, flags=re.M):
        if name.endswith("/"):
            room = name
        else:
            named.add((room if len(indent) > 2 else "") + name)
    package = ROOT / "skbackprop"
    files = {path.relative_to(package).as_posix() for path in package.rglob("*.py")}
    assert named == {file for file in files if not file.endswith("/__init__.py")}


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_to_files(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert "://" in target or (ROOT / target.partition("#")[0]).is_file(), target


def test_ci_builds_the_site_as_the_documents_say():
    (commands,) = (block for block in code_blocks("CONTRIBUTING.md") if "-b html" in block)
    assert commands in (ROOT / ".ci/run").read_text(encoding="utf-8")
    build = commands.splitlines()[-1].removeprefix(".venv-test/bin/")
    assert build in (ROOT / "docs/conf.py").read_text(encoding="utf-8")


def guide_code_blocks():
    for document in RST:
        text = document.read_text(encoding="utf-8")
        for block in re.findall(
            r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text, flags=re.M
        ):
            yield pytest.param(textwrap.dedent(block), id=f"{document.stem}: {block.strip()[:20]}")


def test_all_code_blocks_are_seen():
    in_text = sum(text.read_text(encoding="utf-8").count("code-block:: python") for text in RST)
    assert len(list(guide_code_blocks())) == in_text


@pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("block", list(guide_code_blocks()))
def test_guide_code_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "callbacks" in block and not hasattr(BackpropClassifier, "set_callbacks"):
        return  # scikit-learn below 1.9: there is nothing to run
    X, y = load_iris(return_X_y=True)
    exec(block, {"BackpropClassifier": BackpropClassifier, "X": scale(X), "y": y})
    plt.close("all")


def test_a_killed_fit_goes_on_from_its_file(tmp_path):
    if not hasattr(BackpropClassifier, "set_callbacks"):
        return
    (block,) = (p.values[0] for p in guide_code_blocks() if "class Checkpoint" in p.values[0])
    checkpoint = block[: block.index("classifier =")]
    X, y = load_iris(return_X_y=True)
    namespace = {}
    exec(checkpoint, namespace)
    path = str(tmp_path / "thetas.joblib")

    class Killed(BaseException):
        pass

    class Killer(namespace["Checkpoint"]):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            super().on_fit_task_end(estimator, context, fitted_estimator=fitted_estimator)
            if context.task_id == 12:
                raise Killed

    with pytest.raises(Killed):
        BackpropClassifier(5, reg_lambda=1e-3, random_state=0).set_callbacks(Killer(path, 10)).fit(
            X, y
        )
    saved = joblib.load(path)
    resumed = BackpropClassifier(5, reg_lambda=1e-3, thetas_init=saved, verbose=0).fit(X, y)
    with pytest.warns(ConvergenceWarning):
        ten = BackpropClassifier(5, reg_lambda=1e-3, random_state=0, max_iter=11).fit(X, y)
    assert resumed.loss_curve_[0] == pytest.approx(ten.loss_)
    assert resumed.stop_reason_ in ("converged", "flat")
