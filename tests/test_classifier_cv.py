"""BackpropClassifierCV: the search, its results, and how it stands in scikit-learn."""

import io
import re
import tracemalloc
from contextlib import redirect_stdout

import distributed
import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.metrics import get_scorer, log_loss, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    PredefinedSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.class_weight import compute_class_weight

import skbackprop._machine.blas
from skbackprop import BackpropClassifier, BackpropClassifierCV, cost_and_gradient
from skbackprop._rows.canonical import CANONICAL_SIZE
from skbackprop._training.endings import Ending
from skbackprop._training.training import Training

# Some fits of a search end at a limit, and so may the refit.
pytestmark = pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning")

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
WINE, CULTIVARS = load_wine(return_X_y=True)
LABELS = np.column_stack([IRIS[:, 0] > 0, IRIS[:, 1] > 0.5, IRIS[:, 2] > -1]).astype(int)
PATH = [1e-1, 1e-2, 1e-3]


def search(**parameters):
    defaults = {"reg_lambdas": PATH, "cv": 3, "max_iter": 60, "random_state": 0}
    return BackpropClassifierCV(4, **{**defaults, **parameters})


def assert_same_search(first, second):
    np.testing.assert_array_equal(first.scores_, second.scores_)
    for one, other in zip(first.thetas_, second.thetas_, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("out_activation", ["logistic", "softmax"])
@pytest.mark.parametrize("classes", [2, 3])
def test_the_default_score_is_minus_the_log_loss(out_activation, classes):
    X, y = IRIS[classes > SPECIES], SPECIES[classes > SPECIES]
    X = X + np.random.default_rng(0).normal(size=X.shape)
    own = search(out_activation=out_activation).fit(X, y)
    other = clone(own).set_params(scoring="neg_log_loss").fit(X, y)
    np.testing.assert_allclose(own.scores_, other.scores_, rtol=1e-8)
    assert own.reg_lambda_ == other.reg_lambda_


def test_the_default_score_of_labels_is_minus_the_mean_binary_log_loss():
    def score(model, X, Y):
        P = model.predict_proba(X)
        return -np.mean([log_loss(Y[:, k], P[:, k], labels=[0, 1]) for k in range(3)])

    own = search().fit(IRIS, LABELS)
    other = search(scoring=score).fit(IRIS, LABELS)
    np.testing.assert_allclose(own.scores_, other.scores_, rtol=1e-8)
    assert own.multilabel_
    assert own.predict(IRIS).shape == LABELS.shape


def test_scores_are_weighted():
    w = np.random.default_rng(0).integers(1, 4, size=150).astype(float)
    own = search().fit(IRIS, SPECIES, sample_weight=w)
    other = search(scoring="neg_log_loss").fit(IRIS, SPECIES, sample_weight=w)
    np.testing.assert_allclose(own.scores_, other.scores_, rtol=1e-8)
    assert (own.scores_ != search().fit(IRIS, SPECIES).scores_).all()


def test_the_results_have_the_form_of_a_grid_search():
    grid = GridSearchCV(
        BackpropClassifier(4, max_iter=60, random_state=0), {"reg_lambda": PATH}, cv=3
    ).fit(IRIS, SPECIES)
    own = search(scoring="accuracy").fit(IRIS, SPECIES)
    ours, theirs = pd.DataFrame(own.cv_results_), pd.DataFrame(grid.cv_results_)
    assert list(ours.columns) == list(theirs.columns)
    assert ours.dtypes.to_dict() == theirs.dtypes.to_dict()
    assert own.cv_results_["params"] == grid.cv_results_["params"]
    np.testing.assert_allclose(ours["mean_test_score"], theirs["mean_test_score"], atol=0.05)
    for name in ("mean", "std"):
        rows = own.scores_
        np.testing.assert_allclose(ours[f"{name}_test_score"], getattr(rows, name)(axis=0))
    assert own.n_splits_ == grid.n_splits_ == 3


def test_attributes():
    own = search().fit(IRIS, SPECIES)
    assert own.scores_.shape == (3, 3)
    np.testing.assert_array_equal(own.reg_lambdas_, PATH)
    assert own.reg_lambda_ == PATH[own.best_index_]
    assert own.best_params_ == {"reg_lambda": own.reg_lambda_}
    assert own.best_score_ == own.scores_.mean(axis=0).max()
    assert own.n_layers_ == 3
    assert len(own.loss_curve_) == own.n_iter_ + 1
    assert own.loss_ == own.loss_curve_[-1]
    assert own.converged_ == (own.gradient_norm_ <= own.tol)
    fitted = BackpropClassifier(4, reg_lambda="prior").fit(IRIS, SPECIES)
    public = {name for name in dir(fitted) if name[0] != "_" and name[-1] == "_"}
    assert public <= set(dir(own))
    assert own.stop_reason_ in ("converged", "flat", "max_iter")


def test_penalties_keep_their_order():
    down, up = search().fit(IRIS, SPECIES), search(reg_lambdas=PATH[::-1]).fit(IRIS, SPECIES)
    np.testing.assert_array_equal(up.scores_, down.scores_[:, ::-1])
    np.testing.assert_array_equal(up.reg_lambdas_, PATH[::-1])
    assert up.reg_lambda_ == down.reg_lambda_


def test_the_refit_is_no_worse_than_a_plain_fit():
    own = search(max_iter=500).fit(IRIS, SPECIES)
    plain = BackpropClassifier(4, reg_lambda=own.reg_lambda_, random_state=0).fit(IRIS, SPECIES)
    assert own.loss_ <= plain.loss_


@pytest.mark.parametrize(
    ("refit", "index"),
    [("best", 1), ("1se", 0), (lambda results: 2, 2), (lambda results: np.int64(1), 1)],
)
def test_refit(refit, index):
    def score(model, X, y):
        # Means -0.3, -0.25 and -0.4; the best has a standard error of 0.1.
        scores = {0.1: [-0.3] * 3, 0.01: [-0.25, -0.25 - 0.1 * 3**0.5, -0.25 + 0.1 * 3**0.5]}
        folds = scores.get(model.reg_lambda_, [-0.4] * 3)
        return folds[[0, 1, 2][int(y[0])]]

    folds = [(np.arange(150), np.flatnonzero(fold == SPECIES)) for fold in range(3)]
    own = search(cv=folds, scoring=score, refit=refit).fit(IRIS, SPECIES)
    assert own.best_index_ == index
    assert own.reg_lambda_ == PATH[index]
    assert own.best_score_ == pytest.approx([-0.3, -0.25, -0.4][index])


def test_a_class_that_is_missing_in_a_fold_is_no_error():
    folds = PredefinedSplit(np.where(SPECIES == 2, 0, np.arange(150) % 3))
    own = search(cv=folds, class_weight="balanced").fit(IRIS, SPECIES)
    assert own.classes_.tolist() == [0, 1, 2]
    assert np.isfinite(own.scores_).all()


@pytest.mark.parametrize("parameters", [{"class_weight": "balanced"}, {"class_weight": {0: 5}}])
def test_class_weights(parameters):
    own, plain = search(**parameters), search()
    X, y = IRIS[:120], SPECIES[:120]
    assert (own.fit(X, y).scores_ != plain.fit(X, y).scores_).all()


def test_rows_of_weight_zero_take_no_part():
    takes_part = np.arange(150) % 5 > 0
    folds = StratifiedKFold(3)
    splits = list(folds.split(IRIS, SPECIES))
    kept = np.flatnonzero(takes_part)
    of_kept = [
        tuple(np.flatnonzero(np.isin(kept, part)) for part in split)  # positions among the kept
        for split in splits
    ]
    weighted = search(cv=splits).fit(IRIS, SPECIES, sample_weight=takes_part.astype(float))
    without = search(cv=of_kept).fit(IRIS[kept], SPECIES[kept])
    np.testing.assert_allclose(weighted.scores_, without.scores_, rtol=1e-12)
    for one, other in zip(weighted.thetas_, without.thetas_, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_folds_side_by_side_give_the_same_search(backend):
    alone = search().fit(IRIS, SPECIES)
    with joblib.parallel_config(backend):
        together = search(n_jobs=2).fit(IRIS, SPECIES)
        # A generator cannot be sent to another process.
        folds = (split for split in StratifiedKFold(3).split(IRIS, SPECIES))
        generated = search(n_jobs=2, cv=folds, scoring="neg_log_loss").fit(IRIS, SPECIES)
    assert_same_search(alone, together)
    np.testing.assert_allclose(generated.scores_, alone.scores_, rtol=1e-9)
    assert generated.cv is folds


def test_folds_on_a_dask_cluster_give_the_same_search():
    alone = search().fit(IRIS, SPECIES)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        together = search().fit(IRIS, SPECIES)
    assert_same_search(alone, together)


def test_folds_side_by_side_share_the_threads(monkeypatch):
    blas = skbackprop._machine.blas
    real = blas.BlasLimiter._begin

    def begin(self):
        real(self)
        self._budget = 4

    monkeypatch.setattr(blas.BlasLimiter, "_begin", begin)
    seen = []

    def score(model, X, y):
        with blas.single_threaded_blas() as budget:
            seen.append(budget)
        return 0.0

    with joblib.parallel_config("threading"):
        search(n_jobs=2, scoring=score).fit(IRIS, SPECIES)
    assert set(seen) == {2}
    search(scoring=score).fit(IRIS, SPECIES)
    assert set(seen) == {2, 4}


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_verbose(n_jobs):
    printed = io.StringIO()
    with redirect_stdout(printed), joblib.parallel_config("threading"):
        own = search(verbose=1, n_jobs=n_jobs).fit(IRIS, SPECIES)
    *lines, from_path, afresh = printed.getvalue().splitlines()
    assert len(lines) == 9
    found = [re.match(r"fold (\d)/3, lambda (\d)/3 = (\S+): score (\S+), ", line) for line in lines]
    found = sorted(found, key=lambda m: (m[1], m[2]))
    assert [(int(m[1]), int(m[2]), float(m[3])) for m in found] == [
        (fold, i + 1, PATH[i]) for fold in (1, 2, 3) for i in range(3)
    ]
    scores = np.array([float(m[4]) for m in found]).reshape(3, 3)
    np.testing.assert_allclose(scores, own.scores_, rtol=1e-5)
    costs = [float(re.search(r"cost (\S+),", line)[1]) for line in (from_path, afresh)]
    np.testing.assert_allclose(own.loss_, min(costs), rtol=1e-5)


@pytest.mark.parametrize("scoring", [None, "accuracy", "neg_log_loss"])
@pytest.mark.parametrize("by", ["sample_weight", "class_weight"])
def test_rows_of_weight_zero_take_no_part_in_scores_either(scoring, by):
    y, w = SPECIES.copy(), None
    y[0] = 7  # a class of its own
    parameters = {"class_weight": {7: 0}}
    if by == "sample_weight":
        w, parameters = np.r_[0.0, np.ones(149)], {}
    X, far_away = IRIS, IRIS.copy()
    far_away[0] = 1000
    folds = [np.flatnonzero(np.arange(150) % 3 == i) for i in range(3)]
    splits = [(np.setdiff1d(np.arange(150), fold), fold) for fold in folds]
    without = [tuple(part[part > 0] for part in split) for split in splits]
    own = search(cv=splits, scoring=scoring, **parameters).fit(X, y, sample_weight=w)
    assert own.classes_.tolist() == [0, 1, 2, 7]  # but their class stays
    assert own.predict_proba(X).shape == (150, 4)
    for other, cv in ((far_away, splits), (X, without)):
        same = search(cv=cv, scoring=scoring, **parameters).fit(other, y, sample_weight=w)
        assert_same_search(own, same)
    # To a splitter, too, it is no class: one of a single row would be warned of.
    search(scoring=scoring, **parameters).fit(X, y, sample_weight=w)


def test_a_class_without_weight_has_no_area_under_its_curve():
    y = np.r_[7, SPECIES[1:]]
    own = search(scoring="roc_auc_ovr", class_weight={7: 0})
    with pytest.raises(ValueError, match="scoring gives no number for any reg_lambda"):
        own.fit(IRIS, y)


def test_a_scorer_sees_a_fitted_estimator():
    def score(model, X, y):
        assert model.n_features_in_ == X.shape[1] == 4
        assert model.n_iter_ == len(model.loss_curve_) - 1
        return model.score(X, y)

    by_itself = search(scoring=score).fit(IRIS, SPECIES)
    np.testing.assert_array_equal(
        by_itself.scores_, search(scoring="accuracy").fit(IRIS, SPECIES).scores_
    )


@pytest.mark.parametrize("class_weight", ["balanced", {0: 5.0, 1: 1.5}])
def test_a_scorer_sees_the_class_weights_of_its_fold(class_weight):
    train, test = np.r_[30:95, 105:140], np.r_[:30, 95:105, 140:150]
    weights = compute_class_weight(class_weight, classes=np.arange(3), y=SPECIES[train])
    of_fold = BackpropClassifier(4, reg_lambda=1e-2, class_weight=dict(enumerate(weights)))
    costs = []

    def minus_J(model, X, y):
        costs.append(cost_and_gradient(model, X, y)[0])
        expected, _ = cost_and_gradient(of_fold, X, y, thetas=model.thetas_)
        assert costs[-1] == pytest.approx(expected, rel=1e-12)
        return -costs[-1]

    own = search(
        class_weight=class_weight, cv=[(train, test)], reg_lambdas=[1e-2], scoring=minus_J
    ).fit(IRIS, SPECIES)
    assert own.scores_.tolist() == [[-costs[0]]]


def test_a_scalar_weight_is_that_of_every_row():
    own = search(scoring="neg_log_loss").fit(IRIS, SPECIES, sample_weight=2.0)
    other = search(scoring="neg_log_loss").fit(IRIS, SPECIES, sample_weight=np.full(150, 2.0))
    np.testing.assert_array_equal(own.scores_, other.scores_)


def test_a_large_X_is_not_copied_by_the_folds():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12_000, 400)).astype(np.float32)
    y = (X[:, 0] > X[:, 1]).astype(int)
    assert X.size > 2 * CANONICAL_SIZE
    own = search(max_iter=30, reg_lambdas=[1e-2], cv=2)
    tracemalloc.start()
    own.fit(X, y)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < X.nbytes / 2
    for (train, test), score in zip(StratifiedKFold(2).split(X, y), own.scores_, strict=True):
        fold = BackpropClassifier(4, reg_lambda=1e-2, max_iter=30, random_state=1)
        loss = log_loss(y[test], fold.fit(X[train], y[train]).predict_proba(X[test]))
        np.testing.assert_allclose(score[0], -loss, atol=0.1)


@pytest.mark.parametrize("parameters", [{"solver": "cg"}, {"early_stopping": True}])
def test_parameters_of_the_fits_are_theirs(parameters):
    own = search(**parameters).fit(IRIS, SPECIES)
    assert (own.scores_ != search().fit(IRIS, SPECIES).scores_).any()
    assert hasattr(own, "validation_scores_") == ("early_stopping" in parameters)


def endings_of(monkeypatch, **parameters):
    """Return why each fit of a search has ended, the refits last, and how many stages it has."""
    descend, open_stage, found = Training._descend, Training._opened, []

    def noted(training, *args, **kwargs):
        found.append([None, 0])
        outcome = descend(training, *args, **kwargs)
        found[-1][0] = outcome.ending
        return outcome

    def opened(training, *args):
        found[-1][1] += 1
        return open_stage(training, *args)

    monkeypatch.setattr(Training, "_descend", noted)
    monkeypatch.setattr(Training, "_opened", opened)
    parameters = {"activation": "logistic", "max_iter": 1000, "tol": 1e-5, **parameters}
    search(reg_lambdas=[1e-3, 1e-4], **parameters).fit(IRIS, SPECIES)
    return found


@pytest.mark.parametrize("coarse_start", ["auto", False, True])
@pytest.mark.parametrize("coarse_folds", [True, np.False_])
def test_coarse_folds_leave_fits_and_a_coarse_start_begins_them(
    monkeypatch, coarse_folds, coarse_start
):
    fits = endings_of(monkeypatch, coarse_folds=coarse_folds, coarse_start=coarse_start)
    on_folds = Ending.FLAT if coarse_folds else Ending.CONVERGED
    assert [ending for ending, _ in fits] == [on_folds] * 6 + [Ending.CONVERGED] * 2
    if coarse_start is True:
        assert [n > 1 for _, n in fits] == [True, False] * 3 + [False, True]
    else:
        assert [n for _, n in fits] == [1] * 8


def test_early_stopping_ends_coarse_folds_itself(monkeypatch):
    *on_folds, _ = endings_of(monkeypatch, early_stopping=True)
    assert Ending.FLAT not in {ending for ending, _ in on_folds}


def test_groups_and_weights_are_routed():
    groups = np.arange(150) % 4
    with config_context(enable_metadata_routing=True):
        scorer = get_scorer("neg_log_loss").set_score_request(sample_weight=False)
        own = search(cv=GroupKFold(4), scoring=scorer).fit(IRIS, SPECIES, groups=groups)
        assert own.scores_.shape == (4, 3)
        by_hand = search(cv=list(GroupKFold(4).split(IRIS, groups=groups)))
        np.testing.assert_array_equal(
            own.scores_, by_hand.set_params(scoring="neg_log_loss").fit(IRIS, SPECIES).scores_
        )
        own.fit(IRIS, SPECIES, sample_weight=np.ones(150), groups=groups)
    with pytest.raises(ValueError, match=r"fit got groups, which only .*enable_metadata_routing"):
        search(cv=GroupKFold(4)).fit(IRIS, SPECIES, groups=groups)


def test_score_is_that_of_scoring():
    own = search().fit(IRIS, SPECIES)
    assert own.score(IRIS, SPECIES) == np.mean(own.predict(IRIS) == SPECIES)
    w = np.arange(150.0)
    own.set_params(scoring="neg_log_loss")
    assert own.score(IRIS, SPECIES, sample_weight=w) == pytest.approx(
        -log_loss(SPECIES, own.predict_proba(IRIS), sample_weight=w)
    )
    own.set_params(scoring=lambda model, X, y: {"accuracy": 1.0})
    with pytest.raises(ValueError, match=r"scoring must return a number, got {'accuracy': 1.0}"):
        own.score(IRIS, SPECIES)


def test_in_a_pipeline_of_frames():
    names = ["a", "b", "c", "d"]
    X = pd.DataFrame(IRIS, columns=names)
    own = make_pipeline(StandardScaler().set_output(transform="pandas"), search())
    own.fit(X, np.array(["setosa", "versicolor", "virginica"])[SPECIES])
    assert own[-1].feature_names_in_.tolist() == names
    assert set(own.predict(X)) == {"setosa", "versicolor", "virginica"}
    assert cross_val_score(own, X, SPECIES, cv=2).mean() > 0.9
    scorer = make_scorer(lambda y, p: np.mean(y == p))
    search(scoring=scorer).fit(X, SPECIES)


def test_float32_stays_float32():
    own = search().fit(IRIS.astype(np.float32), SPECIES)
    assert {Theta.dtype for Theta in own.thetas_} == {np.dtype(np.float32)}
    assert own.predict_proba(IRIS).dtype == np.float32


def test_defaults_search_a_grid():
    own = BackpropClassifierCV(3, max_iter=20, random_state=0).fit(IRIS, SPECIES)
    assert own.scores_.shape == (5, 10)
    assert (np.diff(own.reg_lambdas_) < 0).all()


def noisy(n_rows=120):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 5))
    return X, (X[:, 0] + rng.normal(size=n_rows) > 0).astype(int)


def test_paths_of_a_grid_end_where_their_scores_have_turned():
    X, y = noisy()
    own = search(reg_lambdas=10, verbose=1)
    printed = io.StringIO()
    with redirect_stdout(printed):
        own.fit(X, y)
    n_fits = np.isfinite(own.scores_).sum(axis=1)
    assert n_fits.max() < 10
    for scores, n in zip(own.scores_, n_fits, strict=True):
        assert np.isnan(scores[n:]).all()
        assert (scores[n - 2 : n] < 1.05 * scores[:n].max()).all()
    assert printed.getvalue().count("fold ") == n_fits.sum()
    n_scored, results = n_fits.min(), own.cv_results_
    is_scored = np.arange(10) < n_scored
    np.testing.assert_array_equal(np.isfinite(results["mean_test_score"]), is_scored)
    assert (results["rank_test_score"][~is_scored] == n_scored + 1).all()
    assert own.best_score_ == own.scores_[:, :n_scored].mean(axis=0).max()
    whole = search(reg_lambdas=own.reg_lambdas_).fit(X, y)
    assert np.isfinite(whole.scores_).all()
    for scores, of_whole, n in zip(own.scores_, whole.scores_, n_fits, strict=True):
        np.testing.assert_array_equal(scores[:n], of_whole[:n])


@pytest.mark.parametrize("scoring", ["neg_log_loss", "f1"])
def test_paths_scored_otherwise_go_to_their_end(scoring):
    # Other scores may stay the same for long: F1 is 0 where one class is always predicted.
    X, y = noisy()
    assert np.isfinite(search(reg_lambdas=8, scoring=scoring).fit(X, y).scores_).all()


def test_a_refit_where_a_path_did_not_come_starts_afresh():
    X, y = noisy()
    own = search(reg_lambdas=10, refit=lambda results: 9).fit(X, y)
    alone = BackpropClassifier(4, reg_lambda=own.reg_lambdas_[9], max_iter=60, random_state=0)
    alone.fit(X, y)
    assert own.loss_ == alone.loss_
    assert np.isnan(own.best_score_)
