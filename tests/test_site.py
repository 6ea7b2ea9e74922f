"""What the site shows runs, and what it quotes is there; the build itself is CI's last step."""

import ast
import doctest
import inspect
import io
import re
import runpy
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import skbackprop

mpl.use("Agg")

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted(ROOT.glob("docs/*.rst"))
EXAMPLES = sorted(ROOT.glob("examples/gallery/*.py"))
PUBLIC = [getattr(skbackprop, name) for name in skbackprop.__all__]


def run_doctest(test):
    report = io.StringIO()
    results = doctest.DocTestRunner().run(test, out=report.write)
    plt.close("all")
    assert not results.failed, report.getvalue()


def docstring_examples():
    for public in PUBLIC:
        for test in doctest.DocTestFinder(exclude_empty=True).find(public, module=False, globs={}):
            if test.examples:
                yield pytest.param(test, id=test.name)


@pytest.mark.parametrize("test", list(docstring_examples()))
def test_doctests_of_docstrings(test):
    run_doctest(test)


def test_every_class_has_an_example():
    assert {param.id for param in docstring_examples()} >= set(skbackprop.__all__)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_gallery_example_draws(example, monkeypatch):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.extend(map(plt.figure, plt.get_fignums())))
    runpy.run_path(str(example), run_name="__main__")
    assert shown
    for figure in shown:
        figure.savefig(io.BytesIO())  # warns, which is an error, where a layout does not fit
    plt.close("all")


def test_gallery_examples_are_enough_and_need_no_internet():
    assert len(EXAMPLES) >= 8
    for example in EXAMPLES:
        assert "fetch_" not in example.read_text(encoding="utf-8"), example.name


def test_api_page_lists_every_public_name():
    text = (ROOT / "docs/api.rst").read_text(encoding="utf-8")
    assert set(re.findall(r"^   ([A-Za-z]\w+)$", text, flags=re.M)) == set(skbackprop.__all__)


def test_every_class_page_leads_to_the_guide():
    template = (ROOT / "docs/_templates/autosummary/class.rst").read_text(encoding="utf-8")
    linked = set(re.findall(r"^    \"(\w+)\": \[", template, flags=re.M))
    assert linked == {public.__name__ for public in PUBLIC if inspect.isclass(public)}


def test_early_stopping_stops_early_in_the_gallery(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    shown = runpy.run_path(str(ROOT / "examples/gallery/plot_early_stopping.py"))
    stopped, to_the_end = shown["stopped"], shown["to_the_end"]
    assert stopped.stop_reason_ == "early_stopping"
    assert stopped.n_iter_ < to_the_end.n_iter_ / 2


def test_examples_that_the_documents_refer_to_exist():
    for document in DOCUMENTS:
        for name in re.findall(r"sphx_glr_gallery_(\w+\.py)", document.read_text(encoding="utf-8")):
            assert (ROOT / "examples/gallery" / name).is_file(), (document.name, name)


def quotes():
    """Yield the file and the options of each quotation from the source."""
    for document in DOCUMENTS:
        for path, lines in re.findall(
            r"^\.\. literalinclude:: (\S+)\n((?:   :.*\n)*)",
            document.read_text("utf-8"),
            flags=re.M,
        ):
            options = dict(re.findall(r"^   :([\w-]+): (.+)$", lines, flags=re.M))
            if "pyobject" not in options:  # else the build itself looks for the lines
                continue
            where = " ".join([Path(path).name, *options.values()])
            yield pytest.param((document.parent / path).resolve(), options, id=where)


def definition(source, qualified_name):
    """Return the lines that define a function or method."""
    node = ast.parse(source)
    for name in qualified_name.split("."):
        (node,) = (child for child in node.body if getattr(child, "name", None) == name)
    return source.splitlines()[node.lineno - 1 : node.end_lineno]


@pytest.mark.parametrize(("path", "options"), list(quotes()))
def test_quoted_lines_are_where_the_page_looks_for_them(path, options):
    lines = definition(path.read_text(encoding="utf-8"), options.pop("pyobject"))
    first = options.pop("start-at", None)
    last = options.pop("end-at", None) or options.pop("end-before", None)
    assert not options
    if first is None:
        return
    (start,) = (i for i, line in enumerate(lines) if first in line)
    assert any(last in line for line in lines[start:])


def test_formulas_are_beside_their_lines():
    assert len(list(quotes())) >= 12


def public_callables():
    for public in PUBLIC:
        yield pytest.param(public, id=public.__name__)
        for name in vars(public):
            if not name.startswith("_") and callable(getattr(public, name)):
                yield pytest.param(getattr(public, name), id=f"{public.__name__}.{name}")


@pytest.mark.parametrize("public", list(public_callables()))
def test_docstring_describes_every_parameter(public):
    for name, parameter in inspect.signature(public).parameters.items():
        stars = r"\*\*" if parameter.kind is parameter.VAR_KEYWORD else ""
        if name != "self":
            assert re.search(rf"^{stars}{name} : \S", inspect.getdoc(public), flags=re.M), name
