"""Displays: what is stored is what is drawn, and matplotlib is needed only to draw."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropClassifierCV, LambdaPathDisplay

mpl.use("Agg")

IRIS, SPECIES = load_iris(return_X_y=True)
PATH = [1e-2, 1e-3, 1e-1]


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture(scope="module")
def search():
    return BackpropClassifierCV(4, reg_lambdas=PATH, tol=1e-2, random_state=0).fit(IRIS, SPECIES)


def vertical_lines(ax):
    return {
        line.get_linestyle(): line.get_xdata()[0]
        for line in ax.lines
        if line.get_marker() == "None"
    }


def test_scores_against_lambda(search, ax):
    display = LambdaPathDisplay.from_estimator(search, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    x, mean = display.line_.get_data()
    order = np.argsort(PATH)
    np.testing.assert_array_equal(x, np.sort(PATH))
    np.testing.assert_array_equal(mean, search.scores_.mean(axis=0)[order])
    error = search.scores_.std(axis=0, ddof=1) / np.sqrt(5)
    np.testing.assert_allclose(display.standard_errors, error)
    low, high = (search.scores_.mean(axis=0) + sign * error for sign in (-1, 1))
    band = display.band_.get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose([band.min(), band.max()], [low.min(), high.max()])
    assert ax.get_xscale() == "log"
    assert "log-probability" in ax.get_ylabel()
    assert vertical_lines(ax) == {
        "--": search.reg_lambda_,
        ":": display.one_standard_error,
    }
    assert display.one_standard_error >= display.chosen


def test_one_standard_error_is_the_rule_of_the_search(search):
    strongest = BackpropClassifierCV(4, reg_lambdas=PATH, refit="1se", tol=1e-2, random_state=0)
    strongest.fit(IRIS, SPECIES)
    display = LambdaPathDisplay.from_estimator(strongest, ax=Figure().subplots())
    assert display.chosen == display.one_standard_error == strongest.reg_lambda_


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("refit", [False, True])
def test_grid_search(ax, in_pipeline, refit):
    estimator, name = BackpropClassifier(4, tol=1e-2, random_state=0), "reg_lambda"
    if in_pipeline:
        estimator, name = make_pipeline(estimator), "backpropclassifier__reg_lambda"
    grid = GridSearchCV(estimator, {name: PATH}, scoring="neg_log_loss", refit=refit)
    display = LambdaPathDisplay.from_estimator(grid.fit(IRIS, SPECIES), ax=ax)
    np.testing.assert_array_equal(display.reg_lambdas, PATH)
    np.testing.assert_array_equal(display.mean_scores, grid.cv_results_["mean_test_score"])
    assert display.chosen == PATH[int(np.argmax(grid.cv_results_["mean_test_score"]))]
    assert ax.get_ylabel() == "neg_log_loss"


def test_a_search_at_the_end_of_a_pipeline(search, ax):
    pipeline = make_pipeline(StandardScaler(), BackpropClassifierCV(4, reg_lambdas=2, tol=1e-2))
    pipeline.fit(IRIS, SPECIES)
    display = LambdaPathDisplay.from_estimator(pipeline, ax=ax)
    assert display.chosen == pipeline[-1].reg_lambda_


def test_it_can_be_drawn_again(search, ax):
    display = LambdaPathDisplay.from_estimator(search, ax=ax)
    other = Figure().subplots()
    assert display.plot(ax=other, color="red", label="again") is display
    assert display.line_.get_color() == "red"
    assert "again" in [text.get_text() for text in other.get_legend().get_texts()]
    made = display.plot()
    assert made.ax_ is not other
    mpl.pyplot.close(made.figure_)


def test_a_penalty_of_zero_has_its_place(ax):
    display = LambdaPathDisplay(
        reg_lambdas=[0, 1e-3, 1e-2],
        mean_scores=[-1, -0.5, -0.7],
        standard_errors=[0.1, 0.1, 0.1],
        chosen=1e-3,
        one_standard_error=1e-3,
    ).plot(ax=ax)
    assert display.ax_.get_xscale() == "symlog"


def test_clear_errors(search):
    with pytest.raises(NotFittedError):
        LambdaPathDisplay.from_estimator(BackpropClassifierCV())
    with pytest.raises(ValueError, match="BackpropClassifier searched nothing"):
        LambdaPathDisplay.from_estimator(BackpropClassifier(2, tol=1e-2).fit(IRIS, SPECIES))
    estimator = BackpropClassifier(2, tol=1e-2)
    two = GridSearchCV(estimator, {"reg_lambda": PATH, "tol": [1e-2, 2e-2]}).fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match=r"searched \['reg_lambda', 'tol'\]"):
        LambdaPathDisplay.from_estimator(two)
    scores = GridSearchCV(
        estimator, {"reg_lambda": PATH}, scoring=["accuracy", "neg_log_loss"], refit=False
    ).fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match="one score"):
        LambdaPathDisplay.from_estimator(scores)


def test_matplotlib_is_imported_only_to_draw():
    code = "import skbackprop, sys; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
