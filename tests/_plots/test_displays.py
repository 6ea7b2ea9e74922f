"""Displays: what is stored is what is drawn, and matplotlib is needed only to draw."""

import subprocess
import sys
import warnings
from itertools import pairwise

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_classification
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError

# Nobody uses the name, but only the import makes HalvingGridSearchCV importable.
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, scale

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
    HiddenUnitsDisplay,
    LambdaPathDisplay,
    LossCurveDisplay,
)
from skbackprop._plots.axes import plain_log_ticks

with warnings.catch_warnings():
    # matplotlib 3.7 speaks to pyparsing as it was then.
    warnings.simplefilter("ignore", DeprecationWarning)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.use("Agg")

IRIS, SPECIES = load_iris(return_X_y=True)
PATH = [1e-2, 1e-3, 1e-1]


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture(scope="module")
def search():
    return BackpropClassifierCV(4, reg_lambdas=PATH, tol=1e-2, random_state=0).fit(IRIS, SPECIES)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


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
    assert set(display.chosen_line_.get_xdata()) == {search.reg_lambda_}
    assert set(display.one_standard_error_line_.get_xdata()) == {display.one_standard_error}
    assert display.one_standard_error >= display.chosen


def test_penalties_that_a_path_did_not_come_to_have_no_point(ax):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 5))
    y = (X[:, 0] + rng.normal(size=120) > 0).astype(int)
    search = BackpropClassifierCV(3, max_iter=60, random_state=0).fit(X, y)
    display = LambdaPathDisplay.from_estimator(search, ax=ax)
    drawn = np.isfinite(display.line_.get_ydata()[::-1])
    np.testing.assert_array_equal(drawn, np.isfinite(search.scores_).all(axis=0))
    assert not drawn[-1]
    assert display.chosen == search.reg_lambda_


def test_one_standard_error_is_the_rule_of_the_search(search):
    strongest = BackpropClassifierCV(4, reg_lambdas=PATH, refit="1se", tol=1e-2, random_state=0)
    strongest.fit(IRIS, SPECIES)
    display = LambdaPathDisplay.from_estimator(strongest, ax=Figure().subplots())
    assert display.chosen == display.one_standard_error == strongest.reg_lambda_
    # Both marks are to be seen: the wide one lies below the other.
    wide, narrow = display.one_standard_error_line_, display.chosen_line_
    assert wide.get_linewidth() > 2 * narrow.get_linewidth()
    assert wide.get_zorder() < narrow.get_zorder()


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
    assert "again" in legend(other)
    made = display.plot()
    assert made.ax_ is not other
    mpl.pyplot.close(made.figure_)


def test_a_search_that_another_has_found_best(ax):
    inner = BackpropClassifierCV(4, reg_lambdas=PATH, cv=2, tol=1e-2, random_state=0)
    grid = GridSearchCV(
        make_pipeline(StandardScaler(), inner), {"backpropclassifiercv__max_iter": [5, 50]}, cv=2
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        grid.fit(IRIS, SPECIES)
    display = LambdaPathDisplay.from_estimator(grid, ax=ax)
    best = grid.best_estimator_[-1]
    np.testing.assert_array_equal(display.mean_scores, best.scores_.mean(axis=0))
    assert display.chosen == best.reg_lambda_


def test_one_score_for_each_penalty_of_a_grid_search_by_halving(ax):
    estimator = BackpropClassifier(2, tol=1e-2, random_state=0)
    halving = HalvingGridSearchCV(
        estimator, {"reg_lambda": PATH}, min_resources=50, random_state=0, cv=2
    ).fit(IRIS, SPECIES)
    assert halving.n_iterations_ == 2
    with pytest.raises(ValueError, match=r"one score for each reg_lambda, got 2 for 0\.0*1, as"):
        LambdaPathDisplay.from_estimator(halving)
    once = HalvingGridSearchCV(
        estimator, {"reg_lambda": PATH}, min_resources=150, random_state=0, cv=2
    ).fit(IRIS, SPECIES)
    display = LambdaPathDisplay.from_estimator(once, ax=ax)
    np.testing.assert_array_equal(display.reg_lambdas, PATH)
    repeated = BackpropClassifierCV(2, reg_lambdas=[1e-2, 1e-3, 1e-3], tol=1e-2, random_state=0)
    with pytest.raises(ValueError, match=r"got 2 for 0\.001"):
        LambdaPathDisplay.from_estimator(repeated.fit(IRIS, SPECIES))


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_penalties_of_any_type_of_number(ax, dtype):
    grid = GridSearchCV(
        BackpropClassifier(2, tol=1e-2, random_state=0),
        {"reg_lambda": np.array([0, 1]).astype(dtype) / dtype(1)},
        cv=2,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        grid.fit(IRIS, SPECIES)
    assert LambdaPathDisplay.from_estimator(grid, ax=ax).reg_lambdas.tolist() == [0, 1]


def test_scores_without_bounds(ax):
    search = BackpropClassifierCV(2, reg_lambdas=PATH, cv=2, tol=1e-2, random_state=0)
    search.set_params(scoring=minus_infinity_at_a_hundredth).fit(IRIS, SPECIES)
    display = LambdaPathDisplay.from_estimator(search, ax=ax)
    assert display.mean_scores[0] == -np.inf
    assert display.chosen == 1e-1
    assert np.isfinite(ax.get_ylim()).all()
    np.testing.assert_array_equal(ax.lines[-1].get_xdata(), [1e-2])  # the triangle for it


def minus_infinity_at_a_hundredth(model, X, y):
    return -np.inf if model.reg_lambda_ == 1e-2 else model.reg_lambda_


def test_a_penalty_of_zero_has_its_place(ax):
    display = LambdaPathDisplay(
        reg_lambdas=[0, 1e-3, 1e-2],
        mean_scores=[-1, -0.5, -0.7],
        standard_errors=[0.1, 0.1, 0.1],
        chosen=1e-3,
        one_standard_error=1e-3,
    ).plot(ax=ax)
    assert display.ax_.get_xscale() == "symlog"
    assert -1e-3 < ax.get_xlim()[0] < 0


def path_with(mean_scores, standard_error, ax):
    reg_lambdas = np.logspace(-6, 0, len(mean_scores))
    best = reg_lambdas[np.nanargmax(mean_scores)]
    return LambdaPathDisplay(
        reg_lambdas=reg_lambdas,
        mean_scores=mean_scores,
        standard_errors=np.full(len(mean_scores), standard_error),
        chosen=best,
        one_standard_error=best,
    ).plot(ax=ax)


def test_the_range_near_the_best_is_shown_though_others_are_far_off(ax):
    path_with([-0.5, -0.3, -0.2, -0.25, -0.4, -2, -9], 0.01, ax)
    low, high = ax.get_ylim()
    assert -0.9 < low < -0.5
    assert -0.2 < high < -0.15
    below = ax.lines[-1]
    assert below.get_marker() == "v"
    np.testing.assert_allclose(below.get_xdata(), [0.1, 1])
    # A second path in the same axes takes nothing away from the first.
    path_with([-0.1, -0.1, -0.1, -0.12, -0.11, -0.1, -0.1], 0.001, ax)
    assert ax.get_ylim()[0] == low
    assert ax.get_ylim()[1] > high


def test_scores_that_are_close_are_all_shown(ax):
    display = path_with([np.nan, -0.5, -0.3, -0.4, -0.6], 0.1, ax)
    low, high = ax.get_ylim()
    assert low < -0.7
    assert high > -0.2
    assert len(ax.lines[-1].get_xdata()) == 0
    assert np.isnan(display.line_.get_ydata()[0])


@pytest.mark.parametrize("size", [(6.4, 4.8), (3.3, 2.5)])
def test_the_legend_is_beside_the_lines(search, size):
    with mpl.rc_context({"figure.figsize": size, "font.size": 8 if size[0] < 4 else 10}):
        display = LambdaPathDisplay.from_estimator(search)
        figure, ax = display.figure_, display.ax_
        figure.draw_without_rendering()
        box, labels = ax.get_legend().get_window_extent(), ax.xaxis.label.get_window_extent()
        assert box.y1 < labels.y0 < labels.y1 < ax.get_window_extent().y0
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= figure.bbox.x1 + 1
        mpl.pyplot.close(figure)
    # A figure that does not make room for it would cut it off.
    inside = Figure().subplots()
    LambdaPathDisplay.from_estimator(search, ax=inside)
    inside.figure.draw_without_rendering()
    assert inside.get_legend().get_window_extent().y0 > inside.get_window_extent().y0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.019, 0.051, ["0.02", "0.03", "0.04", "0.05"]),
        (0.0011, 0.0099, ["0.002", "0.003", "0.005"]),
        (0.0021, 0.049, ["0.003", "0.01", "0.03"]),
    ],
)
def test_ticks_of_few_decades_are_plain_numbers(ax, low, high, expected):
    ax.set(xscale="log", xlim=(low, high))
    plain_log_ticks(ax.xaxis, low, high)
    ax.figure.draw_without_rendering()
    shown = [
        label.get_text()
        for minor in (False, True)
        for label, at in zip(
            ax.get_xticklabels(minor=minor), ax.get_xticks(minor=minor), strict=True
        )
        if low <= at <= high and label.get_text()
    ]
    assert shown == expected


def test_what_a_regressors_search_scores(ax):
    X, y = load_diabetes(return_X_y=True)
    search = BackpropRegressorCV(3, reg_lambdas=PATH, random_state=0)
    LambdaPathDisplay.from_estimator(make_pipeline(StandardScaler(), search).fit(X, y), ax=ax)
    assert ax.get_ylabel() == "minus the held-out cost"


def test_clear_errors(search):
    with pytest.raises(NotFittedError):
        LambdaPathDisplay.from_estimator(BackpropClassifierCV())
    with pytest.raises(ValueError, match="of one share of the rows"):
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


def test_searches_that_cannot_be_drawn():
    estimator = BackpropClassifier(2, tol=1e-2)
    names = GridSearchCV(estimator, {"reg_lambda": ["auto", 1e-3]}).fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match="searched numbers, got"):
        LambdaPathDisplay.from_estimator(names)
    names.cv_results_ = {"param_reg_lambda": np.ones(1), "split0_test_score": np.full(1, np.nan)}
    names.cv_results_["mean_test_score"] = np.full(1, np.nan)
    with pytest.raises(ValueError, match="only NaN"):
        LambdaPathDisplay.from_estimator(names)


def test_loss_curve(ax):
    fit = BackpropClassifier(4, random_state=0).fit(scale(IRIS), SPECIES)
    display = LossCurveDisplay.from_estimator(fit, ax=ax, color="green")
    np.testing.assert_array_equal(display.line_.get_ydata(), fit.loss_curve_)
    np.testing.assert_array_equal(display.line_.get_xdata(), np.arange(fit.n_iter_ + 1))
    assert display.line_.get_color() == "green"
    assert display.validation_line_ is None
    assert display.ax_ is ax
    assert legend(ax) == [f"J, ended: {fit.stop_reason_}"]
    assert display.plot(ax=ax) is display


def test_costs_of_less_than_a_decade_have_plain_ticks(ax):
    LossCurveDisplay(loss_curve=[0.6, 0.5, 0.45]).plot(ax=ax)
    assert ax.get_yscale() == "linear"
    LossCurveDisplay(loss_curve=[0.9, 0.5, 0.05]).plot(ax=ax)
    assert ax.get_yscale() == "log"
    ax.figure.draw_without_rendering()
    assert {"0.1", "0.3"} <= {label.get_text() for label in ax.get_yticklabels()}
    assert not any(label.get_text() for label in ax.get_yticklabels(minor=True))


def test_the_kept_iteration_is_marked(ax):
    fit = BackpropClassifier(4, reg_lambda=0, early_stopping=True, random_state=0)
    fit.fit(scale(IRIS), SPECIES)
    display = LossCurveDisplay.from_estimator(fit, ax=ax)
    kept = fit.best_iteration_ + 1
    at, cost = (values[0] for values in display.kept_mark_.get_data())
    assert (at, cost) == (kept, -fit.best_validation_score_)
    assert legend(ax) == [
        f"J, ended: {fit.stop_reason_}",
        "validation cost",
        f"kept at iteration {kept}",
    ]


def test_a_validation_cost_that_stops_nothing_has_no_mark(ax):
    display = LossCurveDisplay(loss_curve=[1.0, 0.5, 0.4], validation_scores=[-0.9, -1.0])
    display.plot(ax=ax)
    assert display.kept_mark_ is None
    np.testing.assert_array_equal(display.line_.get_xdata(), [0, 1, 2])
    assert legend(ax) == ["J", "validation cost"]
    # Ended among the iterations on a part of the rows, the last one is kept.
    display = LossCurveDisplay(loss_curve=[0.5], validation_scores=[-0.9, -0.8, -1.0]).plot(ax=ax)
    np.testing.assert_array_equal(display.line_.get_xdata(), [3])


def test_loss_curves_of_several_fits(ax):
    early = BackpropClassifier(4, early_stopping=True, random_state=0)
    pipeline = make_pipeline(StandardScaler(), early).fit(IRIS, SPECIES)
    plain = BackpropClassifier(4, random_state=0).fit(scale(IRIS), SPECIES)
    display = LossCurveDisplay.from_estimator(pipeline, ax=ax, name="early")
    LossCurveDisplay.from_estimator(plain, ax=ax, name="plain")
    x, costs = display.validation_line_.get_data()
    np.testing.assert_array_equal(x, np.arange(1, early.n_iter_ + 1))
    np.testing.assert_array_equal(costs, -np.array(early.validation_scores_))
    assert legend(ax) == [
        f"early: J, ended: {early.stop_reason_}",
        "early: validation cost",
        f"early: kept at iteration {early.best_iteration_ + 1}",
        f"plain: J, ended: {plain.stop_reason_}",
    ]
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(BackpropClassifier())


def fitted_in_a_search(in_pipeline):
    classifier, name = BackpropClassifier(3, tol=1e-2, random_state=0), "reg_lambda"
    if in_pipeline:
        classifier = make_pipeline(StandardScaler(), classifier)
        name = f"backpropclassifier__{name}"
    grid = GridSearchCV(classifier, {name: [1e-2, 1e-3]}, cv=2).fit(IRIS, SPECIES)
    best = grid.best_estimator_
    return grid, best[-1] if in_pipeline else best


@pytest.mark.parametrize("around", [lambda grid: grid, make_pipeline], ids=["", "in a pipeline"])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_the_best_estimator_of_a_search_is_shown(in_pipeline, around):
    grid, best = fitted_in_a_search(in_pipeline)
    curve = LossCurveDisplay.from_estimator(around(grid), ax=Figure().subplots())
    assert curve.loss_curve == best.loss_curve_
    units = HiddenUnitsDisplay.from_estimator(around(grid), ax=Figure().subplots())
    np.testing.assert_array_equal(units.weights, best.coefs_[0].T)


@pytest.mark.parametrize("display", [LossCurveDisplay, HiddenUnitsDisplay])
def test_what_has_no_network_inside(display):
    grid = GridSearchCV(BackpropClassifier(2, tol=1e-2), {"reg_lambda": [1e-2]}, cv=2)
    for unfitted in (grid, make_pipeline(StandardScaler(), grid), BackpropClassifierCV()):
        with pytest.raises(NotFittedError):
            display.from_estimator(unfitted)
    grid.set_params(refit=False).fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match="GridSearchCV without best_estimator_: give it refit"):
        display.from_estimator(grid)
    other = make_pipeline(StandardScaler().fit(IRIS))
    with pytest.raises(ValueError, match=r"must be a BackpropClassifier or .*got StandardScaler"):
        display.from_estimator(other)


def test_one_value_alone_is_a_point(ax):
    fit = BackpropClassifier(3, random_state=0).fit(scale(IRIS), SPECIES)
    fit.set_params(warm_start=True).fit(scale(IRIS), SPECIES)
    assert len(fit.loss_curve_) == 1
    display = LossCurveDisplay.from_estimator(fit, ax=ax)
    assert display.line_.get_marker() == "o"
    np.testing.assert_array_equal(display.line_.get_data(), ([0], fit.loss_curve_))
    own = LossCurveDisplay.from_estimator(fit, ax=ax, marker="x")
    assert own.line_.get_marker() == "x"
    longer = LossCurveDisplay(loss_curve=[1.0, 0.5], validation_scores=[-0.7]).plot(ax=ax)
    assert longer.line_.get_marker() == "None"
    assert longer.validation_line_.get_marker() == "o"
    nothing = LossCurveDisplay(loss_curve=[1.0], validation_scores=[]).plot(ax=ax)
    assert nothing.validation_line_ is None


def test_both_curves_count_the_iterations_of_all_stages(ax):
    X, y = make_classification(2000, 8, n_informative=5, flip_y=0.1, random_state=0)
    fit = BackpropClassifier(
        4, reg_lambda="prior", early_stopping=True, coarse_start=True, random_state=0
    ).fit(X, y)
    n_iter, n_all = fit.n_iter_, len(fit.validation_scores_)
    assert 0 < n_iter < n_all
    display = LossCurveDisplay.from_estimator(fit, ax=ax)
    x, costs = display.validation_line_.get_data()
    np.testing.assert_array_equal(x, np.arange(1, n_all + 1))
    np.testing.assert_array_equal(costs, -np.array(fit.validation_scores_))
    x, costs = display.line_.get_data()
    np.testing.assert_array_equal(x, np.arange(n_all - n_iter, n_all + 1))
    np.testing.assert_array_equal(costs, fit.loss_curve_)


def test_a_fit_that_ends_on_a_part_of_the_rows(ax):
    # J is that of the Thetas kept, those of the best iteration.
    display = LossCurveDisplay(
        loss_curve=[0.6], validation_scores=[-0.9, -0.7, -0.8], kept_iteration=1
    ).plot(ax=ax)
    np.testing.assert_array_equal(display.line_.get_data(), ([2], [0.6]))
    np.testing.assert_array_equal(display.validation_line_.get_xdata(), [1, 2, 3])


def test_hidden_units_as_images(ax):
    X, y = load_digits(return_X_y=True)
    fit = BackpropClassifier(5, tol=1e-2, random_state=0).fit(X / 16, y)
    display = HiddenUnitsDisplay.from_estimator(fit, image_shape=(8, 8), ax=ax)
    shown = np.ma.filled(display.image_.get_array().astype(float), np.nan)
    assert shown.shape == (17, 26)
    np.testing.assert_array_equal(shown[:8, 9:17], fit.coefs_[0][:, 1].reshape(8, 8))
    np.testing.assert_array_equal(shown[9:, :8], fit.coefs_[0][:, 3].reshape(8, 8))
    assert np.isnan(shown[8]).all()
    low, high = display.image_.get_clim()
    assert -low == high == np.abs(fit.coefs_[0]).max()
    with pytest.raises(ValueError, match=r"image_shape must have 64 pixels.*got \(8, 9\)"):
        HiddenUnitsDisplay.from_estimator(fit, image_shape=(8, 9), ax=ax)


def test_hidden_units_as_a_heat_map(ax):
    X = load_iris(as_frame=True).data
    pipeline = make_pipeline(StandardScaler(), BackpropClassifier(3, tol=1e-2, random_state=0))
    display = HiddenUnitsDisplay.from_estimator(pipeline.fit(X, SPECIES), ax=ax, cmap="PuOr")
    weights = pipeline[-1].coefs_[0]
    order = np.argsort(-np.linalg.norm(weights, axis=1))
    np.testing.assert_array_equal(display.features_, order)
    np.testing.assert_array_equal(display.units_, [0, 1, 2])
    np.testing.assert_array_equal(display.image_.get_array(), weights[order])
    assert [label.get_text() for label in ax.get_yticklabels()] == list(X.columns[order])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "1", "2"]
    assert ax.get_xlabel() == "hidden unit"
    assert display.image_.get_cmap().name == "PuOr"
    unnamed = BackpropClassifier(3, tol=1e-2).fit(IRIS, SPECIES)
    other = HiddenUnitsDisplay.from_estimator(unnamed, ax=Figure().subplots())
    assert other.feature_names == ["x0", "x1", "x2", "x3"]
    with pytest.raises(ValueError, match="feature_names must have 4 names, got 1"):
        HiddenUnitsDisplay.from_estimator(unnamed, feature_names=["a"], ax=ax)
    with pytest.raises(NotFittedError):
        HiddenUnitsDisplay.from_estimator(BackpropClassifier())


def test_blank_units_and_features_are_left_out_and_the_smallest(ax):
    weights = np.diag([0.3, 0, 3, 2, 0.001, 1])
    display = HiddenUnitsDisplay(weights=weights).plot(ax=ax)
    np.testing.assert_array_equal(display.units_, [0, 2, 3, 5])
    np.testing.assert_array_equal(display.features_, [2, 3, 5, 0])
    _, units, features = ax.get_xlabel().splitlines()
    assert units == "the 4 largest of 6 units"
    assert features == "the 4 largest of 6 features"
    display.plot(ax=Figure().subplots(), max_units=2, max_features=3)
    np.testing.assert_array_equal(display.units_, [2, 3])
    np.testing.assert_array_equal(display.features_, [2, 3, 5])
    images = HiddenUnitsDisplay(weights=weights, image_shape=(2, 3)).plot(ax=ax)
    np.testing.assert_array_equal(images.units_, [0, 2, 3, 5])
    assert ax.get_xlabel() == "the 4 largest of 6 units"
    nothing = HiddenUnitsDisplay(weights=np.zeros((2, 2))).plot(ax=Figure().subplots())
    np.testing.assert_array_equal(nothing.units_, [0, 1])


@pytest.mark.parametrize("size", [(6.4, 4.8), (3.3, 2.5)])
def test_a_heat_map_of_many_units_and_features_can_be_read(size):
    weights = np.random.default_rng(0).normal(size=(200, 300))
    names = [f"a long name of the feature {j}" for j in range(300)]
    with mpl.rc_context({"figure.figsize": size, "font.size": 8 if size[0] < 4 else 10}):
        display = HiddenUnitsDisplay(weights=weights, feature_names=names).plot()
        display.figure_.draw_without_rendering()
        for axis, start, end in [("x", "x0", "x1"), ("y", "y0", "y1")]:
            labels = getattr(display.ax_, f"get_{axis}ticklabels")()
            boxes = sorted(
                [label.get_window_extent() for label in labels], key=lambda b: b.x0 + b.y0
            )
            assert len(boxes) > 5
            for one, next_one in pairwise(boxes):
                assert getattr(one, end) < getattr(next_one, start) + 1
        assert display.ax_.get_window_extent().width > display.figure_.bbox.width / 3
        assert len(display.units_) == 50
        mpl.pyplot.close(display.figure_)


class Nameless(FunctionTransformer):
    """A step that cannot say what it gives."""

    def get_feature_names_out(self, input_features=None):
        raise NotImplementedError  # any error would do: a display has to go on without names


FRAME = load_iris(as_frame=True).data


@pytest.mark.parametrize(
    ("pipeline", "expected"),
    [
        (make_pipeline(StandardScaler()), list(FRAME.columns)),
        (make_pipeline("passthrough"), list(FRAME.columns)),
        (make_pipeline(PCA(2)), ["pca0", "pca1"]),
        (make_pipeline(StandardScaler(), make_pipeline(PCA(3))), ["pca0", "pca1", "pca2"]),
        (make_pipeline(make_column_transformer((OneHotEncoder(), [3]))), None),
        (make_pipeline(StandardScaler(), Nameless(np.asarray)), ["x0", "x1", "x2", "x3"]),
        (make_pipeline(Nameless(lambda X: X)), list(FRAME.columns)),
    ],
)
def test_names_come_from_the_steps_before(pipeline, expected, ax):
    classifier = BackpropClassifier(3, max_iter=5, tol=1e-1, random_state=0)
    whole = make_pipeline(*pipeline, classifier).fit(FRAME, SPECIES)
    display = HiddenUnitsDisplay.from_estimator(whole, ax=ax)
    if expected is None:
        expected = list(whole[:-1].get_feature_names_out())
        assert expected[0] == "onehotencoder__petal width (cm)_0.1"
    assert display.feature_names == expected


def test_names_come_through_searches(ax):
    inner = make_pipeline(StandardScaler(), BackpropRegressor(2, tol=1e-2, random_state=0))
    grid = GridSearchCV(inner, {"backpropregressor__reg_lambda": [1e-2, 1e-3]}, cv=2)
    numbers = make_pipeline(StandardScaler(), grid).fit(FRAME, SPECIES.astype(float))
    display = HiddenUnitsDisplay.from_estimator(numbers, ax=ax)
    assert display.feature_names == list(FRAME.columns)


@pytest.mark.parametrize(
    "estimator",
    [
        BackpropClassifier(2),
        BackpropRegressor(2),
        BackpropClassifierCV(2, reg_lambdas=2, cv=2),
        BackpropRegressorCV(2, reg_lambdas=2, cv=2),
    ],
    ids=lambda e: type(e).__name__,
)
def test_every_estimator_is_taken(estimator):
    estimator.set_params(random_state=0, tol=1e-2)
    fitted = make_pipeline(StandardScaler(), estimator).fit(IRIS, SPECIES)
    assert LossCurveDisplay.from_estimator(fitted, ax=Figure().subplots()).stop_reason
    assert HiddenUnitsDisplay.from_estimator(fitted, ax=Figure().subplots()).image_
    name = f"{type(estimator).__name__.lower()}__"
    if hasattr(estimator, "reg_lambdas"):
        search = fitted
    else:
        search = GridSearchCV(fitted, {f"{name}reg_lambda": [1e-2, 1e-3]}, cv=2)
        search.fit(IRIS, SPECIES)
    assert LambdaPathDisplay.from_estimator(search, ax=Figure().subplots()).line_


def test_without_matplotlib_the_error_names_the_extra():
    code = """
import sys
sys.modules["matplotlib"] = None
from skbackprop import LossCurveDisplay
try:
    LossCurveDisplay(loss_curve=[1.0, 0.5]).plot()
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert 'pip install "skbackprop[plot]"' in run.stdout


def test_matplotlib_is_imported_only_to_draw():
    code = "import skbackprop, sys; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_network_in_the_middle_of_a_pipeline_is_found():
    X, y = load_iris(return_X_y=True, as_frame=True)
    network = BackpropClassifier(3, reg_lambda=1e-2, random_state=0)
    pipeline = make_pipeline(StandardScaler(), network, LogisticRegression()).fit(X, y)
    assert LossCurveDisplay.from_estimator(pipeline).loss_curve == network.loss_curve_
    assert HiddenUnitsDisplay.from_estimator(pipeline).feature_names == list(X.columns)


@pytest.mark.parametrize("value", [0, -1, "a", 2.5, True])
@pytest.mark.parametrize("name", ["max_units", "max_features"])
def test_a_bound_that_is_none(name, value):
    display, plt = HiddenUnitsDisplay(weights=np.eye(3)), pytest.importorskip("matplotlib.pyplot")
    n_figures = len(plt.get_fignums())
    with pytest.raises(ValueError, match=f"{name} must be None or an int >= 1, got {value!r}"):
        display.plot(**{name: value})
    assert len(plt.get_fignums()) == n_figures


def test_the_path_of_auto_has_no_standard_error():
    X, y = load_iris(return_X_y=True)
    classifier = BackpropClassifier(3, max_iter=500, random_state=0).fit(scale(X), y)
    with pytest.raises(ValueError, match="with reg_lambda='auto': its reg_lambdas_"):
        LambdaPathDisplay.from_estimator(classifier)
