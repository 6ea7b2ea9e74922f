"""What the package says of itself, and the files of continuous integration, fit together."""

import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

import skbackprop

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HOME = "https://code.example/skbackprop"


def text_of(path):
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.fixture
def hook(monkeypatch):
    """The functions of the hook, whose base class is there only in a build."""
    interface = SimpleNamespace(MetadataHookInterface=object)
    monkeypatch.setitem(sys.modules, "hatchling.metadata.plugin.interface", interface)
    return SimpleNamespace(**runpy.run_path(str(ROOT / "hatch_build.py")))


def metadata_of(hook, repository, documentation):
    project = hook.ProjectMetadata()
    project.root = ROOT
    project.config = {"repository": repository, "documentation": documentation}
    metadata = {}
    project.update(metadata)
    return metadata


def test_without_a_home_there_are_no_addresses_and_no_links_that_break(hook):
    metadata = metadata_of(hook, "", "")
    assert metadata["urls"] == {}
    targets = re.findall(r"\]\(([^)]+)\)", metadata["readme"]["text"])
    assert all("://" in target or target.startswith("#") for target in targets)
    assert "](docs/" in text_of("README.md")


def test_one_place_says_where_the_project_lives(hook):
    assert set(PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["custom"]) == {
        "repository",
        "documentation",
    }
    metadata = metadata_of(hook, f"{HOME}/", "https://docs.example/")
    assert metadata["urls"] == {
        "Documentation": "https://docs.example",
        "Repository": HOME,
        "Changelog": f"{HOME}/blob/main/CHANGELOG.md",
        "Issues": f"{HOME}/issues",
    }
    text = metadata["readme"]["text"]
    assert f"]({HOME}/blob/main/CHANGELOG.md)" in text
    assert "](docs/" not in text


def test_links_of_every_kind(hook):
    text = "[a](docs/a.rst#b) ![p](p.png) [w](https://w.example) [h](#here)"
    assert hook.with_absolute_links(text, HOME) == (
        f"[a]({HOME}/blob/main/docs/a.rst#b) ![p]({HOME}/raw/main/p.png) "
        "[w](https://w.example) [h](#here)"
    )
    assert hook.with_absolute_links(text, "") == "a  [w](https://w.example) [h](#here)"


def minor(version):
    return ".".join(version.split(".")[:2])


def test_the_oldest_versions_are_those_that_the_package_asks_for():
    pins = dict(re.findall(r"^([\w-]+)==([\d.]+)$", text_of(".ci/oldest.txt"), flags=re.M))
    extras = PYPROJECT["project"]["optional-dependencies"]
    needed = [*PYPROJECT["project"]["dependencies"], *extras["plot"]]
    for name, oldest in (requirement.split(">=") for requirement in needed):
        assert minor(pins[name]) == oldest, name


def test_continuous_integration_runs_every_version_of_python_that_is_named():
    named = re.findall(r":: (3\.\d+)$", "\n".join(PYPROJECT["project"]["classifiers"]), flags=re.M)
    workflow = text_of(".github/workflows/tests.yml")
    assert set(re.findall(r'python: "(3\.\d+)"', workflow)) == set(named)
    assert PYPROJECT["project"]["requires-python"] == f">={named[0]}"
    for system in ("ubuntu", "macos", "windows"):
        assert f"os: {system}-latest" in workflow


def test_the_changelog_begins_with_this_version():
    newest = re.search(r"^## (\S+)", text_of("CHANGELOG.md"), flags=re.M).group(1)
    assert newest == skbackprop.__version__


@pytest.mark.parametrize("name", ["page.html", "notebook.ipynb", "all.zip"])
def test_a_local_path_in_the_site_is_found(tmp_path, name):
    def look():
        command = [sys.executable, str(ROOT / ".ci/no_local_paths.py"), str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def write(text):
        if name.endswith(".zip"):
            with zipfile.ZipFile(tmp_path / name, "w") as archive:
                archive.writestr("notebook.ipynb", text)
        else:
            (tmp_path / name).write_text(text, encoding="utf-8")

    write("an address, https://docs.example/home/file")
    assert look().returncode == 0
    write(f"out of {ROOT}/skbackprop/_estimator.py")
    assert look().returncode == 1
    assert name in look().stdout
    write('<a href="file:///somewhere">')
    assert look().returncode == 1
