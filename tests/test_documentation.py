"""The HTML representation: the link to the documentation, and what the parameters mean."""

import html
import importlib.metadata
import re
from email.message import Message
from html.parser import HTMLParser
from pathlib import Path

import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

import skbackprop._documentation
from skbackprop import BackpropClassifier, BackpropClassifierCV

ESTIMATORS = [BackpropClassifier, BackpropClassifierCV]
SITE = "https://docs.example/skbackprop"
VERSION = tuple(map(int, sklearn.__version__.split(".")[:2]))
has_descriptions = VERSION >= (1, 8)
describes_attributes = VERSION >= (1, 9)


def descriptions(shown):
    """Return what the parameters and attributes shown say of themselves, by name."""
    found = re.findall(
        r'<span class="param-doc-description"[^>]*>\s*(\w+): (.*?)</span>', shown, re.S
    )
    return {name: html.unescape(text) for name, text in found}


def link(estimator):
    (url,) = re.findall(
        r'class="sk-estimator-doc-link[^>]*href="([^"]*)"', estimator_html_repr(estimator)
    )
    return url


class Links(HTMLParser):
    """Reads the links and the scripts of a page, as a browser does."""

    def __init__(self):
        super().__init__()
        self.links, self.scripts = [], []

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name == "href"]

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts.append(data)


@pytest.fixture(autouse=True)
def no_site(monkeypatch):
    """Nothing is published or configured."""
    monkeypatch.delenv("SKBACKPROP_DOCUMENTATION", raising=False)
    monkeypatch.setattr(skbackprop._documentation, "metadata", lambda name: Message())


@pytest.mark.parametrize("estimator_class", ESTIMATORS)
def test_without_a_site_nothing_leads_to_this_machine(estimator_class):
    X, y = load_iris(return_X_y=True)
    estimator = estimator_class(3, tol=1e-2, random_state=0).fit(X, y)
    assert link(estimator) == "#"
    shown = make_pipeline(StandardScaler(), estimator)._repr_html_()
    assert "file://" not in shown
    assert str(Path(skbackprop.__file__).parents[1]) not in shown


def test_the_link_leads_to_the_published_site(monkeypatch):
    published = Message()
    published["Project-URL"] = "Source, https://code.example/skbackprop"
    published["Project-URL"] = f"Documentation, {SITE}/"
    monkeypatch.setattr(skbackprop._documentation, "metadata", lambda name: published)
    assert link(BackpropClassifier()) == f"{SITE}/api/skbackprop.BackpropClassifier.html"


def test_a_package_that_is_not_installed_has_no_published_site(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(skbackprop._documentation, "metadata", missing)
    assert link(BackpropClassifier()) == "#"


def test_the_variable_says_where_the_site_is(monkeypatch):
    monkeypatch.setenv("SKBACKPROP_DOCUMENTATION", "http://localhost:8000")
    expected = "http://localhost:8000/api/skbackprop.BackpropClassifierCV.html"
    assert link(BackpropClassifierCV()) == expected


def test_the_address_is_escaped(monkeypatch):
    site = """http://localhost:8000/?a=1&copy=2"><script>alert('here')</script>"""
    monkeypatch.setenv("SKBACKPROP_DOCUMENTATION", site)
    expected = f"{site}/api/skbackprop.BackpropClassifier.html"
    parser = Links()
    parser.feed(estimator_html_repr(BackpropClassifier()))
    assert expected in parser.links
    assert "alert('here')" not in parser.scripts


def test_an_empty_variable_writes_no_link(monkeypatch):
    monkeypatch.setenv("SKBACKPROP_DOCUMENTATION", "")
    shown = estimator_html_repr(BackpropClassifier())
    assert "href" not in shown
    assert "file://" not in shown


def test_an_estimator_of_someone_else_does_not_link_here():
    class Theirs(BackpropClassifier):
        pass

    assert "href" not in estimator_html_repr(Theirs())


@pytest.mark.skipif(not has_descriptions, reason="scikit-learn describes parameters from 1.8 on")
@pytest.mark.parametrize("estimator_class", ESTIMATORS)
def test_every_parameter_says_what_it_means(estimator_class):
    shown = descriptions(estimator_class()._repr_html_())
    assert set(shown) == set(estimator_class().get_params())
    for name, text in shown.items():
        kind, _, meaning = text.partition("<br><br>")
        assert kind, name
        assert len(meaning) > 10, name


@pytest.mark.skipif(not describes_attributes, reason="scikit-learn shows attributes from 1.9 on")
@pytest.mark.parametrize("estimator_class", ESTIMATORS)
def test_every_attribute_says_what_it_means(estimator_class):
    X, y = load_iris(return_X_y=True, as_frame=True)
    estimator = estimator_class(3, early_stopping=True, tol=1e-2, random_state=0).fit(X, y)
    shown = set(descriptions(estimator._repr_html_())) - set(estimator.get_params())
    assert shown == {name for name in dir(estimator) if re.match(r"[a-z].*_$", name)}


@pytest.mark.skipif(not has_descriptions, reason="scikit-learn describes parameters from 1.8 on")
def test_a_pipeline_shows_them_too(monkeypatch):
    monkeypatch.setenv("SKBACKPROP_DOCUMENTATION", SITE)
    pipeline = make_pipeline(StandardScaler(), BackpropClassifier())
    shown = pipeline._repr_html_()
    assert f"{SITE}/api/skbackprop.BackpropClassifier.html" in shown
    assert "reg_lambda" in descriptions(shown)
