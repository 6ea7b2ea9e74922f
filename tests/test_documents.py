"""README, CI and examples say and do the same, and the code in the documents runs."""

import re
import subprocess
import sys
from pathlib import Path

import joblib
import pages
import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier
from skbackprop._training.endings import Ending

ROOT = Path(__file__).parents[1]


def code_blocks(document, language=""):
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.M | re.S)
    return [code for name, code in blocks if name == language]


# Warnings are errors, but matplotlib 3.7 speaks to pyparsing as it was then: "'…' deprecated".
WARNINGS = ["-W", "error", "-W", "ignore:':DeprecationWarning"]


def run(script, cwd):
    done = subprocess.run(
        [sys.executable, *WARNINGS, *script], cwd=cwd, capture_output=True, text=True
    )
    assert not done.returncode, done.stderr
    return done.stdout


def test_ci_calls_exactly_the_test_command_of_the_readme():
    (command,) = (block for block in code_blocks("README.md") if "pytest" in block)
    assert command.count("\n") == 1
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert command in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_readme_begins_with_ten_lines():
    first = pages.blocks(ROOT / "README.md")[0]
    assert len([line for line in first.code.splitlines() if line]) <= 10
    assert first.shown


def test_main_job_finds_a_good_model_and_draws(tmp_path):
    printed = run([str(ROOT / "examples/digits.py")], tmp_path)
    accuracy = float(re.search(r"held-out accuracy ([\d.]+)", printed).group(1))
    assert accuracy >= 0.97
    table = [line.split() for line in printed.splitlines() if re.match(r" *\d\.\d\de-", line)]
    assert len(table) == 11
    assert all(len(row) == 4 for row in table)
    refit, together = (
        float(re.search(rf"{name} +([\d.]+)$", printed, flags=re.M).group(1))
        for name in ("refit", "together")
    )
    assert sum(float(row[-1]) for row in table) + refit == pytest.approx(together, abs=0.011)
    assert refit > 0
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


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
)
def test_links_lead_to_files(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, _ = target.partition("#")
        assert "://" in target or not file or (ROOT / file).is_file(), target


def test_ci_builds_the_site_as_the_documents_say():
    (commands,) = (block for block in code_blocks("CONTRIBUTING.md") if "-b html" in block)
    assert commands in (ROOT / ".ci/run").read_text(encoding="utf-8")
    build = commands.splitlines()[-1].removeprefix(".venv-test/bin/")
    assert build in (ROOT / "docs/conf.py").read_text(encoding="utf-8")


PAGES = [page for page in [ROOT / "README.md", *RST] if pages.blocks(page)]


def test_all_code_blocks_are_seen():
    for page in [ROOT / "README.md", *RST]:
        text = page.read_text(encoding="utf-8")
        marks = len(re.findall(r"```python$|code-block:: python$|^>>> ", text, flags=re.M))
        assert len(pages.blocks(page)) == marks, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_runs_from_top_to_bottom_and_prints_what_it_shows(page, tmp_path, monkeypatch):
    if page.name == "user_guide.rst" and sklearn.__version__.startswith("1.6."):
        pytest.skip("its ColumnTransformers hold a type of their own, which skops names, too")
    monkeypatch.setenv("MPLBACKEND", "agg")
    run([str(ROOT / "tests/pages.py"), str(page)], tmp_path)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("", "", True),
        ("", "0.5", False),
        ("0.50", "", False),
        ("loss 0.123", "loss 0.124\n", True),
        ("loss 0.123", "loss 0.127", False),
        ("loss 0.123", "cost 0.123", False),
        ("[0 1]", "[0 2]", False),
        ("100 rows", "101 rows", True),
        ("2 rows", "3 rows", False),
        ("-1e-3", "-1.01e-03", True),
        ("1e-3", "-1e-3", False),
        ("fit in ... s, 3 lines", "fit in 1.5 s, 3 lines", True),
        ("fit in ... s, 3 lines", "fit in 1.5 s, 4 lines", False),
        ("[[0.1, 1. ]]", "[[0.1, 1.0]]", True),
    ],
)
def test_what_a_page_shows_is_compared_with_what_is_printed(shown, printed, same):
    assert pages.agrees(shown, printed) is same


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.md", "```python\nprint(1)\n```\n\n```text\n2\n```\n"),
        ("page.md", "```python\nprint(1)\n```\n"),
        ("page.rst", ".. code-block:: python\n\n    print(1)\n\n.. code-block:: text\n\n    2\n"),
        ("page.rst", ">>> 1\n2\n"),
    ],
)
def test_a_page_that_shows_something_else_fails(tmp_path, name, text):
    page = tmp_path / name
    page.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="page"):
        pages.run(page)
    page.write_text(text.replace("2", "1"), encoding="utf-8")
    if "text\n" in text or ">>>" in text:
        pages.run(page)


def test_the_guide_tells_of_every_ending():
    guide = (ROOT / "docs/user_guide.rst").read_text(encoding="utf-8")
    told = re.findall(r'^   \* - ``"(\w+)"``', guide, flags=re.M)
    assert sorted(told) == sorted(e.value for e in Ending if e is not Ending.STAGE)


def test_a_killed_fit_goes_on_from_its_file(tmp_path):
    if not hasattr(BackpropClassifier, "set_callbacks"):
        return
    guide = pages.blocks(ROOT / "docs/user_guide.rst")
    (block,) = (block.code for block in guide if "class Checkpoint" in block.code)
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
