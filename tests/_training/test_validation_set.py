"""A validation set of the user's own: what it stops, what it records, what it leaves alone."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from class_rows import rows_of_fit
from fit_rules import assert_loss_is_that_of_its_thetas
from quiet import QuietCallback
from scipy.sparse import csr_array
from sklearn import clone, config_context
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss, mean_poisson_deviance
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from test_together import assert_same_bits

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)
from skbackprop._network.objective import RowCosts
from skbackprop._search import auto
from skbackprop._training.early_stopping import Validation
from skbackprop._training.training import Training

# Fits to noise end at limits, or have learned nothing.
pytestmark = pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning")

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
# Some noise for early stopping.
SPECIES = np.where(np.random.RandomState(1).random_sample(150) < 0.15, 0, SPECIES)
LABELS = np.column_stack([SPECIES > 0, IRIS[:, 1] > 0, SPECIES == 1]).astype(int)
DIABETES, PROGRESSION = load_diabetes(return_X_y=True)
DIABETES, PROGRESSION = scale(DIABETES)[:200], PROGRESSION[:200]
IS_VALIDATED = np.arange(200) % 3 == 0


def parts(X, y):
    """Return rows to train on, and those of a validation set."""
    there = IS_VALIDATED[: len(y)]
    return X[~there], y[~there], X[there], y[there]


X, y, X_VAL, Y_VAL = parts(IRIS, SPECIES)
SET = {"X_val": X_VAL, "y_val": Y_VAL}


def classifier(**parameters):
    defaults = {"reg_lambda": 1e-4, "random_state": 0, "max_iter": 60}
    return BackpropClassifier(**{"hidden_layer_sizes": 5, **defaults, **parameters})


def search(estimator_class=BackpropClassifierCV, **parameters):
    defaults = {"reg_lambdas": [1e-1, 1e-3], "cv": 2, "random_state": 0, "max_iter": 40}
    return estimator_class(4, **{**defaults, **parameters})


def regressor(**parameters):
    defaults = {"reg_lambda": 1e-3, "random_state": 0, "max_iter": 60}
    return BackpropRegressor(5, **{**defaults, **parameters})


TARGETS = {
    "two": (IRIS, SPECIES > 0),
    "many": (IRIS, np.array(["a", "b", "c"])[SPECIES]),
    "labels": (IRIS, LABELS),
    "numbers": (DIABETES, PROGRESSION),
    "outputs": (DIABETES, np.column_stack([PROGRESSION, DIABETES[:, 0]])),
}


def of_kind(kind, **parameters):
    make = regressor if kind in ("numbers", "outputs") else classifier
    return make(**parameters)


# What it stops and keeps


@pytest.mark.parametrize("coarse_start", [False, True])
def test_with_early_stopping_it_says_what_is_kept_and_no_row_is_held_out(coarse_start):
    own = classifier(early_stopping=True, coarse_start=coarse_start).fit(X, y, **SET)
    scores, best = own.validation_scores_, own.best_iteration_
    assert own.stop_reason_ == "early_stopping"
    assert len(scores) == best + 1 + own.n_iter_no_change
    assert (len(scores) > own.n_iter_) == coarse_start
    assert own.best_validation_score_ == scores[best] == max(scores)
    assert scores[best] == pytest.approx(-log_loss(Y_VAL, own.predict_proba(X_VAL)), rel=1e-10)
    assert_loss_is_that_of_its_thetas(own, rows_of_fit(X, y, None, None))
    other = clone(own).set_params(validation_fraction=0.5).fit(X, y, **SET)
    assert_same_bits(own, other)


def test_the_score_of_numbers_is_on_the_scale_of_those_trained_on():
    X, y, X_val, y_val = parts(DIABETES, PROGRESSION)
    own = regressor(early_stopping=True).fit(X, y, X_val=X_val, y_val=10 * y_val)
    np.testing.assert_allclose([own.y_mean_, own.y_scale_], [[y.mean()], [y.std()]])
    cost = np.mean(((own.predict(X_val) - 10 * y_val) / own.y_scale_) ** 2) / 2
    assert own.best_validation_score_ == pytest.approx(-cost, rel=1e-10)


@pytest.mark.parametrize("loss", ["poisson", "squared_error"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_numbers_may_all_be_zero(loss, early_stopping):
    X, y, X_val, y_val = parts(DIABETES, PROGRESSION)
    own = regressor(loss=loss, early_stopping=early_stopping)
    own.fit(X, y, X_val=X_val, y_val=0 * y_val)
    assert np.isfinite(own.validation_scores_).all()
    if loss == "poisson":
        own.fit(X, y, X_val=X_val, y_val=y_val)
        cost = mean_poisson_deviance(y_val, own.predict(X_val)) / 2
        kept = own.best_iteration_ if early_stopping else -1
        assert own.validation_scores_[kept] == pytest.approx(-cost, rel=1e-9)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_weights_of_classes_are_those_of_the_rows_trained_on(early_stopping):
    of_y = len(y) / (3 * np.bincount(y))
    few = np.flatnonzero((Y_VAL < 2) | (np.arange(len(Y_VAL)) < 20))
    w_val = np.arange(len(few)) % 3 + 0.5
    own = classifier(class_weight="balanced", early_stopping=early_stopping)
    own.fit(X, y, X_val=X_VAL[few], y_val=Y_VAL[few], sample_weight_val=w_val)
    w = of_y[Y_VAL[few]] * w_val
    loss = log_loss(Y_VAL[few], own.predict_proba(X_VAL[few]), sample_weight=w, labels=[0, 1, 2])
    kept = own.best_iteration_ if early_stopping else -1
    assert own.validation_scores_[kept] == pytest.approx(-loss, rel=1e-10)


def test_classes_without_weight_take_no_part():
    weights = {0: 1.0, 1: 2.0, 2: 0.0}
    own = classifier(class_weight=weights).fit(X, y, **SET)
    has_weight = Y_VAL < 2
    other = classifier(class_weight=weights)
    other.fit(X, y, X_val=X_VAL[has_weight], y_val=Y_VAL[has_weight])
    assert_same_bits(own, other)
    with pytest.raises(ValueError, match="class_weight leaves no row of y_val of positive weight"):
        own.fit(X, y, X_val=X_VAL[~has_weight], y_val=Y_VAL[~has_weight])
    assert_same_bits(own, other)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_class_whose_rows_weigh_nothing_is_one_of_y(class_weight, early_stopping):
    own = classifier(class_weight=class_weight, early_stopping=early_stopping)
    own.fit(X, y, (y != 2).astype(float), **SET)
    assert np.isfinite(own.validation_scores_).all()


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_so_is_one_that_a_fold_lacks(class_weight):
    order = np.argsort(y, kind="stable")
    own = search(cv=KFold(3), early_stopping=True, class_weight=class_weight)
    own.fit(X[order], y[order], **SET)
    assert np.isfinite(own.scores_).all()


def test_it_may_lack_classes():
    lacks = Y_VAL == 1
    own = classifier(early_stopping=True).fit(X, y, X_val=X_VAL[lacks], y_val=Y_VAL[lacks])
    assert own.best_validation_score_ == max(own.validation_scores_)


# What it leaves alone


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("reg_lambda", ["auto", 1e-3])
@pytest.mark.parametrize("coarse_start", [False, True])
def test_without_early_stopping_it_is_only_recorded(kind, reg_lambda, coarse_start):
    X, y, X_val, y_val = parts(*TARGETS[kind])
    own = of_kind(kind, reg_lambda=reg_lambda, coarse_start=coarse_start, max_iter=12)
    plain = clone(own).fit(X, y)
    watched = clone(own).fit(X, y, X_val=X_val, y_val=y_val)
    scores = watched.validation_scores_
    assert (len(scores) > watched.n_iter_) == coarse_start
    del watched.validation_scores_
    assert_same_bits(plain, watched)
    assert watched.reg_lambda_ == plain.reg_lambda_
    assert not hasattr(watched, "best_iteration_")
    assert not hasattr(watched, "best_validation_score_")


def test_a_collapsed_fit_is_started_again_as_without_it():
    noise = np.random.RandomState(52).permutation(y)
    own = classifier(activation="logistic", reg_lambda=0.05, max_iter=200)
    plain, watched = clone(own).fit(X, noise), clone(own).fit(X, noise, **SET)
    assert plain.n_evaluations_ > 2 * plain.n_iter_  # of more starts than the one kept
    assert len(watched.validation_scores_) == watched.n_iter_
    del watched.validation_scores_
    assert_same_bits(plain, watched)


def test_its_cost_in_a_later_start_is_no_reason_to_keep_the_first(monkeypatch):
    noise = np.random.RandomState(52).permutation(y)
    own = classifier(activation="logistic", reg_lambda=0.05, max_iter=200)
    random_start, mean, starts = Training.random_start, RowCosts.mean, []

    def counted(self):
        starts.append(None)
        return random_start(self)

    def and_nan_in_the_second(costs, x):
        return np.nan if len(starts) == 2 else mean(costs, x)

    monkeypatch.setattr(Training, "random_start", counted)
    monkeypatch.setattr(RowCosts, "mean", and_nan_in_the_second)
    with pytest.raises(ValueError, match="validation cost became non-finite"):
        own.fit(X, noise, **SET)
    assert not hasattr(own, "thetas_")


def test_nothing_of_it_is_left_by_the_next_fit():
    own = classifier().fit(X, y, **SET)
    own.fit(X, y)
    assert not hasattr(own, "validation_scores_")


@pytest.mark.parametrize("early_stopping", [False, True])
def test_it_goes_with_a_warm_start_and_given_thetas(early_stopping):
    own = classifier(warm_start=True, max_iter=3, early_stopping=early_stopping).fit(X, y, **SET)
    thetas = own.thetas_
    own.fit(X, y, **SET)
    given = classifier(thetas_init=thetas, max_iter=3, early_stopping=early_stopping)
    assert_same_bits(own, given.fit(X, y, **SET))
    assert len(own.validation_scores_) == 3


# The rows of the set


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_order_and_repeats_do_not_matter(kind, early_stopping):
    X, y, X_val, y_val = parts(*TARGETS[kind])
    w = np.random.RandomState(0).randint(0, 3, size=len(y_val))
    order = np.random.RandomState(1).permutation(np.repeat(np.arange(len(y_val)), w))
    own = of_kind(kind, early_stopping=early_stopping)
    weighted = clone(own).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=w)
    repeated = clone(own).fit(X, y, X_val=X_val[order], y_val=y_val[order])
    assert_same_bits(weighted, repeated)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_computed_in_the_type_of_x(dtype):
    # Numbers that both hold exactly.
    X_, X_val_ = np.round(X, 1), np.round(4 * X_VAL) / 4
    own = classifier(early_stopping=True)
    one, other = (
        clone(own).fit(X_.astype(dtype), y, X_val=X_val_.astype(of_set), y_val=Y_VAL)
        for of_set in (np.float32, np.float64)
    )
    assert one.thetas_[0].dtype == dtype
    assert_same_bits(one, other)


def test_containers_may_be_mixed():
    X_, X_val_ = X * (X > 0), X_VAL * (X_VAL > 0)
    fits = {}
    for train in (np.asarray, csr_array):
        for val in (np.asarray, csr_array):
            own = classifier(early_stopping=True).fit(train(X_), y, X_val=val(X_val_), y_val=Y_VAL)
            fits[train, val] = own.best_validation_score_
    np.testing.assert_allclose(list(fits.values()), fits[np.asarray, np.asarray], rtol=1e-3)
    names = list("abcd")
    frames = classifier(early_stopping=True).fit(
        pd.DataFrame(X_, columns=names),
        pd.Series(y),
        X_val=pd.DataFrame(X_val_, columns=names),
        y_val=pd.Series(Y_VAL).astype("category"),
    )
    assert frames.best_validation_score_ == fits[np.asarray, np.asarray]


@pytest.mark.parametrize(
    ("of_y", "of_set"),
    [
        (np.array(["a", "b", "c"]), np.array(["a", "b", "c"], dtype=object)),
        (np.array(["a", "b", "c"], dtype=object), np.array(["a", "b", "c"], dtype="U7")),
        (np.array([0, 1, 5]), np.array([0.0, 1.0, 5.0])),
        (np.array([3.0, 1.0, 5.0]), np.array([3, 1, 5], dtype=np.int8)),
    ],
)
def test_labels_of_any_type(of_y, of_set):
    own = classifier(early_stopping=True).fit(X, of_y[y], X_val=X_VAL, y_val=of_set[Y_VAL])
    same = classifier(early_stopping=True).fit(X, of_y[y], X_val=X_VAL, y_val=of_y[Y_VAL])
    assert_same_bits(own, same)


# Errors


INDICATORS = np.eye(3, dtype=int)
ERRORS = [
    ({"X_val": X_VAL}, "X_val needs y_val, got y_val=None"),
    ({"y_val": Y_VAL}, "y_val needs X_val, got X_val=None"),
    ({"sample_weight_val": [1.0]}, "sample_weight_val needs X_val and y_val"),
    ({**SET, "X_val": X_VAL[:, :3]}, "in X_val, y_val: X has 3 features"),
    ({**SET, "X_val": np.full_like(X_VAL, np.nan)}, "in X_val, y_val: Input X contains NaN"),
    ({**SET, "y_val": Y_VAL[1:]}, "in X_val, y_val: Found input variables with inconsistent"),
    ({**SET, "y_val": [np.nan, *Y_VAL[1:]]}, "in X_val, y_val: Input y contains NaN"),
    ({**SET, "y_val": Y_VAL + 1}, "y_val must hold only classes of the fit, [0, 1, 2]; got [3]"),
    ({**SET, "y_val": Y_VAL.astype(str)}, "got ['0', '1', '2']"),
    ({**SET, "y_val": Y_VAL + 0.5}, "got [0.5, 1.5, 2.5]"),
    ({**SET, "y_val": np.array(["a", *Y_VAL[1:]], dtype=object)}, "y_val must hold labels that"),
    (
        {**SET, "y_val": INDICATORS[Y_VAL]},
        "y_val must be one column of classes, as in the fit; got one",
    ),
    ({**SET, "sample_weight_val": [1.0]}, "sample_weight_val must have shape (50,)"),
    ({**SET, "sample_weight_val": np.zeros(50)}, "sample_weight_val must not be zero for all"),
    ({**SET, "sample_weight_val": -np.ones(50)}, "sample_weight_val must not be negative"),
    (
        {**SET, "X_val": 1e308 * np.sign(X_VAL)},
        "the validation cost became non-finite",
    ),
]


@pytest.mark.parametrize("make", [classifier, search])
@pytest.mark.parametrize(("given", "message"), ERRORS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_clear_errors_that_leave_the_estimator_as_it_was(make, given, message, early_stopping):
    own = make(max_iter=4, early_stopping=early_stopping)
    with pytest.raises(ValueError, match=re.escape(message)):
        own.fit(X, y, **given)
    assert not hasattr(own, "thetas_")


def test_other_names_of_features_are_an_error():
    frame = pd.DataFrame(X, columns=list("abcd"))
    with pytest.raises(ValueError, match="in X_val, y_val: The feature names should match"):
        classifier().fit(frame, y, X_val=pd.DataFrame(X_VAL, columns=list("abce")), y_val=Y_VAL)


@pytest.mark.parametrize(
    ("y_val", "message"),
    [
        (
            Y_VAL,
            "y_val must be an indicator matrix of 3 labels, as in the fit; got one of shape (50,)",
        ),
        (INDICATORS[Y_VAL][:, :2], "y_val must be an indicator matrix of 3 labels"),
        (2 * INDICATORS[Y_VAL], "y_val must hold only 0 and 1 where it is multilabel, got [0, 2]"),
    ],
)
def test_clear_errors_of_labels(y_val, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        classifier().fit(X, INDICATORS[y], X_val=X_VAL, y_val=y_val)


@pytest.mark.parametrize(
    ("loss", "change", "message"),
    [
        (
            "squared_error",
            lambda y: np.c_[y, y],
            "y_val must have as many outputs as the fit had, 1; got 2",
        ),
        ("squared_error", lambda y: np.array(["a"] * len(y)), "y_val must hold numbers: could not"),
        ("poisson", lambda y: -y, "y_val must hold numbers >= 0 where loss='poisson': got -"),
        ("poisson", lambda y: 1e20 * y, "y_val must hold numbers up to 2**53"),
    ],
)
@pytest.mark.parametrize("make", [BackpropRegressor, BackpropRegressorCV])
def test_clear_errors_of_numbers(make, loss, change, message):
    X, y, X_val, y_val = parts(DIABETES, PROGRESSION)
    with pytest.raises(ValueError, match=re.escape(message)):
        make(4, loss=loss).fit(X, y, X_val=X_val, y_val=change(y_val))


# A search


@pytest.mark.parametrize(("kind", "n_jobs"), [("many", None), ("numbers", None), ("many", 2)])
def test_without_early_stopping_a_search_records_its_refit(kind, n_jobs):
    X, y, X_val, y_val = parts(*TARGETS[kind])
    own = search(BackpropRegressorCV if kind == "numbers" else BackpropClassifierCV)
    plain = clone(own).fit(X, y)
    watched = clone(own).set_params(n_jobs=n_jobs).fit(X, y, X_val=X_val, y_val=y_val)
    assert len(watched.validation_scores_) == watched.n_iter_
    assert watched.scores_.tobytes() == plain.scores_.tobytes()
    del watched.validation_scores_
    assert_same_bits(plain, watched)
    assert not hasattr(watched, "best_iteration_")


@pytest.mark.parametrize(("kind", "n_jobs"), [("many", None), ("numbers", None), ("numbers", 2)])
def test_with_early_stopping_it_stops_the_folds_and_the_refit(kind, n_jobs):
    X, y, X_val, y_val = parts(*TARGETS[kind])
    estimator_class = BackpropRegressorCV if kind == "numbers" else BackpropClassifierCV
    own = search(
        estimator_class, early_stopping=True, n_jobs=n_jobs, refit="1se", reg_lambdas=[1e-4]
    )
    own.fit(X, y, X_val=X_val, y_val=y_val)
    alone = of_kind(kind, reg_lambda=own.reg_lambda_, early_stopping=True, max_iter=40)
    alone.set_params(
        hidden_layer_sizes=4, **{n: own.get_params()[n] for n in ("tol", "activation")}
    )
    assert_same_bits(own, alone.fit(X, y, X_val=X_val, y_val=y_val))
    # Another set stops the folds elsewhere.
    other = clone(own).fit(X, y, X_val=X_val[:9], y_val=y_val[:9])
    assert (other.scores_ != own.scores_).all()
    # Nothing is held out of the training rows of a fold.
    same = clone(own).set_params(validation_fraction=0.5).fit(X, y, X_val=X_val, y_val=y_val)
    assert same.scores_.tobytes() == own.scores_.tobytes()


def test_a_search_with_a_scorer_and_an_iterator_of_folds():
    folds = list(KFold(3).split(X))
    own = search(scoring="accuracy", cv=iter(folds), early_stopping=True).fit(X, y, **SET)
    assert own.best_validation_score_ == max(own.validation_scores_)
    assert own.scores_.shape == (3, 2)


# "auto"


def test_a_small_set_scores_the_path_of_auto_whole(monkeypatch):
    scored = []
    score = auto.mean_log_likelihood

    def seen(network, thetas, rows):
        scored.append(rows.total_count)
        return score(network, thetas, rows)

    monkeypatch.setattr(auto, "mean_log_likelihood", seen)
    monkeypatch.setattr(auto, "MOST_ROWS", 50)
    own = classifier(reg_lambda="auto", early_stopping=True)
    own.fit(X, y, X_val=X_VAL[:4], y_val=Y_VAL[:4])
    assert set(scored) == {4}
    scored.clear()
    own.fit(X, y, **SET)
    assert set(scored) == {25}
    scored.clear()
    monkeypatch.setattr(auto, "MOST_ROWS", 100)
    own.fit(X, y, **SET)
    assert set(scored) == {50}
    scored.clear()
    own.set_params(early_stopping=False).fit(X, y, **SET)
    assert set(scored) == {20}  # a fifth of the rows trained on, as without the set


# scikit-learn's tools


def test_a_pipeline_transforms_it():
    raw, raw_val = 100 * X + 7, 100 * X_VAL + 7
    w_val = np.arange(len(Y_VAL)) % 3
    with config_context(enable_metadata_routing=True):
        last = classifier(early_stopping=True)
        last.set_fit_request(X_val=True, y_val=True, sample_weight_val=True)
        pipeline = make_pipeline(StandardScaler(), last, transform_input=["X_val"])
        pipeline.fit(raw, y, X_val=raw_val, y_val=Y_VAL, sample_weight_val=w_val)
        grid = GridSearchCV(pipeline, {"backpropclassifier__reg_lambda": [1e-2, 1e-3]}, cv=2)
        grid.fit(raw, y, X_val=raw_val, y_val=Y_VAL)
    scaler = StandardScaler().fit(raw)
    X_val = scaler.transform(raw_val)
    alone = classifier(early_stopping=True)
    alone.fit(scaler.transform(raw), y, X_val=X_val, y_val=Y_VAL, sample_weight_val=w_val)
    assert_same_bits(pipeline[-1], alone)
    assert hasattr(grid.best_estimator_[-1], "best_iteration_")


@pytest.mark.parametrize("routing", [False, True])
def test_searches_take_it_with_and_without_routing(routing):
    with config_context(enable_metadata_routing=routing):
        own = search(early_stopping=True, scoring="accuracy").fit(X, y, **SET)
        last = classifier(early_stopping=True)
        if routing:
            last.set_fit_request(X_val=True, y_val=True)
            search(early_stopping=True).set_fit_request(X_val=True, sample_weight_val=True)
        grid = GridSearchCV(last, {"reg_lambda": [1e-2, 1e-3]}, cv=2).fit(X, y, **SET)
    assert hasattr(own, "best_iteration_")
    best = grid.best_estimator_
    loss = log_loss(Y_VAL, best.predict_proba(X_VAL))
    assert best.best_validation_score_ == pytest.approx(-loss, rel=1e-10)


class Stop(QuietCallback):
    """A callback that ends the fit after some iterations."""

    def __init__(self, after):
        self.n_left = after

    def on_fit_task_end(self, estimator, context):
        if context.task_name != "iteration":
            return False
        self.n_left -= 1
        return self.n_left == 0


@pytest.mark.skipif(not hasattr(BackpropClassifier, "set_callbacks"), reason="no callbacks")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_callback_may_stop_it(early_stopping):
    own = classifier(early_stopping=early_stopping, n_iter_no_change=100)
    own.set_callbacks(Stop(after=30)).fit(X, y, **SET)
    assert own.stop_reason_ == "callback"
    scores = own.validation_scores_
    assert len(scores) == 30
    kept = np.argmax(scores) if early_stopping else -1
    loss = log_loss(Y_VAL, own.predict_proba(X_VAL))
    assert scores[kept] == pytest.approx(-loss, rel=1e-10)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_keeps_the_last_or_the_best(monkeypatch, early_stopping):
    score, n_scores = Validation.score, []

    def interrupted(self, point):
        score(self, point)
        n_scores.append(None)
        if len(n_scores) == 30:
            raise KeyboardInterrupt

    monkeypatch.setattr(Validation, "score", interrupted)
    own = classifier(early_stopping=early_stopping, n_iter_no_change=100)
    with pytest.raises(KeyboardInterrupt):
        own.fit(X, y, **SET)
    scores = own.validation_scores_
    assert own.stop_reason_ == "interrupted"
    assert len(scores) == own.n_iter_ == 30
    assert hasattr(own, "best_iteration_") == early_stopping
    kept = np.argmax(scores) if early_stopping else -1
    loss = log_loss(Y_VAL, own.predict_proba(X_VAL))
    assert scores[kept] == pytest.approx(-loss, rel=1e-10)


# What a fit says


@pytest.mark.parametrize("early_stopping", [False, True])
def test_verbose_prints_the_validation_cost(capsys, early_stopping):
    own = classifier(verbose=1, early_stopping=early_stopping).fit(X, y, **SET)
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split()[:3] == ["iteration", "cost", "validation"]
    costs = [float(line.split()[2]) for line in lines]
    np.testing.assert_allclose(costs, -np.array(own.validation_scores_), rtol=1e-7)
    own.set_params(early_stopping=False).fit(X, y)
    assert "validation" not in capsys.readouterr().out


def test_a_fit_that_has_learned_nothing_is_held_against_what_judges_it():
    for early_stopping, cost in [(False, "J"), (True, "validation cost")]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            classifier(reg_lambda=100.0, early_stopping=early_stopping).fit(X, y, **SET)
        (message,) = {str(warning.message) for warning in caught}
        assert f"({cost} = " in message
