"""Folds: those that lack a class, those that cannot be scored, and what a splitter may give."""

import tracemalloc
import warnings

import numpy as np
import pytest
import sklearn
from class_rows import rows_of_fit
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.metrics import (
    get_scorer_names,
    log_loss,
    make_scorer,
    roc_auc_score,
    top_k_accuracy_score,
)
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifierCV
from skbackprop._network.network import Network
from skbackprop._search.results import choose, make_cv_results, mean_and_standard_error
from skbackprop._search.scoring import as_number, mean_log_likelihood
from skbackprop._training.penalty import reg_lambda_grid

# The fits end after a few iterations.
pytestmark = pytest.mark.filterwarnings("ignore:The fit :sklearn.exceptions.ConvergenceWarning")

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
sklearn_version = tuple(map(int, sklearn.__version__.split(".")[:2]))
NAMES = np.array(["setosa", "versicolor", "virginica"])
PATH = [1e-1, 1e-3]
FOLD = np.arange(150) % 4


def folds_without(y, *classes, fold=0):
    """Return four folds; the test rows of one lack these classes."""
    fold_of = np.where(np.isin(y, classes) & (fold == FOLD), fold + 1, FOLD)
    return [(np.flatnonzero(fold_of != k), np.flatnonzero(fold_of == k)) for k in range(4)]


def search(**parameters):
    defaults = {"reg_lambdas": PATH, "cv": 3, "max_iter": 15, "random_state": 0}
    return BackpropClassifierCV(4, **{**defaults, **parameters})


def brier(model, X, y, sample_weight=None):
    labels = model.classes_
    distance = ((model.predict_proba(X) - (y[:, np.newaxis] == labels)) ** 2).sum(axis=1)
    return -np.average(distance / (2 if len(labels) == 2 else 1), weights=sample_weight)


def of_all_classes(metric, sign=1, **options):
    def score(model, X, y, sample_weight=None):
        P = model.predict_proba(X)
        labels = model.classes_
        return sign * metric(y, P, sample_weight=sample_weight, labels=labels, **options)

    return score


BY_LABELS = {
    "neg_log_loss": of_all_classes(log_loss, -1),
    "neg_brier_score": brier,
    "top_k_accuracy": of_all_classes(top_k_accuracy_score),
    "roc_auc_ovo": of_all_classes(roc_auc_score, multi_class="ovo"),
}
NEEDS_BINARY = sklearn_version < (1, 7)  # its brier_score_loss


CASES = [
    (scoring, lacking, weighted)
    for scoring in ("neg_log_loss", "neg_brier_score", "top_k_accuracy")
    for lacking in ([2], [0, 2])
    for weighted in (False, True)
]


@pytest.mark.parametrize(
    ("scoring", "lacking", "weighted"), [*CASES, ("roc_auc_ovo", [2], False)], ids=str
)
def test_a_fold_without_a_class_has_the_score_that_the_metric_gives_with_all(
    scoring, lacking, weighted
):
    if scoring == "neg_brier_score" and NEEDS_BINARY:
        pytest.skip("scikit-learn before 1.7 scores two classes")
    y = NAMES[SPECIES]
    w = np.arange(150) % 3 + 1.0 if weighted else None
    own = search(cv=folds_without(y, *NAMES[lacking]), scoring=scoring)
    own.fit(IRIS, y, sample_weight=w)
    by_hand = search(cv=own.cv, scoring=BY_LABELS[scoring])
    np.testing.assert_allclose(
        own.scores_, by_hand.fit(IRIS, y, sample_weight=w).scores_, rtol=1e-12
    )
    assert np.isfinite(own.scores_).all()


@pytest.mark.parametrize("scoring", ["neg_log_loss", "neg_brier_score"])
@pytest.mark.parametrize("lacking", [0, 1])
def test_a_fold_with_one_of_two_classes(scoring, lacking):
    y = (SPECIES > 0).astype(int)
    own = search(cv=folds_without(y, lacking), scoring=scoring).fit(IRIS, y)
    by_hand = search(cv=own.cv, scoring=BY_LABELS[scoring]).fit(IRIS, y)
    np.testing.assert_allclose(own.scores_, by_hand.scores_, rtol=1e-9)


def test_the_default_score_needs_no_class():
    own = search(cv=folds_without(SPECIES, 0, 2)).fit(IRIS, SPECIES)
    other = search(cv=own.cv, scoring="neg_log_loss").fit(IRIS, SPECIES)
    np.testing.assert_allclose(own.scores_, other.scores_, rtol=1e-9)


def fitted_and_said(own, X, y):
    """Return the fitted search, and what it has warned of but for its convergence."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        own.fit(X, y)
    return own, [str(w.message) for w in caught if w.category is not ConvergenceWarning]


@pytest.mark.parametrize(
    ("scoring", "y", "lacking"),
    [("roc_auc", (SPECIES > 0).astype(int), 0), ("roc_auc_ovr", SPECIES, 2)],
)
def test_folds_that_have_a_score_rank(scoring, y, lacking):
    cv = folds_without(y, lacking)
    own, said = fitted_and_said(search(cv=cv, scoring=scoring), IRIS, y)
    assert said == [
        f"scoring='{scoring}' gives no number in 1 of 4 folds: the penalties are ranked by the "
        "others"
    ]
    assert np.isnan(own.scores_[0]).all()
    assert np.isfinite(own.scores_[1:]).all()
    others = search(cv=cv[1:], scoring=scoring)
    results = others.fit(IRIS, y).cv_results_
    for name in ("rank_test_score", "params"):
        np.testing.assert_array_equal(own.cv_results_[name], results[name])
    assert own.best_index_ == others.best_index_
    np.testing.assert_array_equal(own.cv_results_["mean_test_score"], own.scores_[1:].mean(axis=0))
    assert own.best_score_ == own.scores_[1:, own.best_index_].mean()


def test_no_fold_has_a_score():
    y = (SPECIES > 0).astype(int)
    cv = [(np.arange(150), np.flatnonzero(y == k)) for k in (0, 1)]
    with pytest.raises(ValueError, match="scoring gives no number for any reg_lambda"):
        search(cv=cv, scoring="roc_auc").fit(IRIS, y)


def test_what_else_a_scorer_warns_of_is_heard():
    def score(model, X, y):
        warnings.warn("of another kind", UndefinedMetricWarning, stacklevel=2)
        return 0.5

    with pytest.warns(UndefinedMetricWarning, match="of another kind"):
        search(cv=folds_without(SPECIES, 2), scoring=score).fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match=r"failed in fold 0.*of another kind"):  # an error here
        search(cv=folds_without(SPECIES, 2), scoring=score).fit(IRIS, SPECIES)


def test_labels_that_all_rows_of_a_fold_have():
    Y = np.column_stack([IRIS[:, 0] > 0, (FOLD == 0) | (IRIS[:, 1] > 0), IRIS[:, 2] > -1]).astype(
        int
    )
    own, said = fitted_and_said(search(cv=folds_without(SPECIES), scoring="roc_auc"), IRIS, Y)
    assert [message[:45] for message in said] == ["scoring='roc_auc' gives no number in 1 of 4 f"]
    assert np.isnan(own.scores_).all(axis=1).tolist() == [True, False, False, False]


# Errors in a fold


def failing_scorer(model, X, y):
    if model.reg_lambda_ == PATH[1] and len(X) == 37:
        raise RuntimeError("no such thing")
    return 0.5


@pytest.mark.parametrize("fold", [0, 2])
def test_an_error_of_a_scorer_names_fold_penalty_and_scorer(fold):
    cv = [(np.arange(150), np.arange(37 if k == fold else 50)) for k in range(3)]
    own = search(cv=cv, scoring=failing_scorer)
    message = rf"scoring=<function failing_scorer .*fold {fold}, reg_lambda=0.001: no such thing"
    with pytest.raises(ValueError, match=message) as caught:
        own.fit(IRIS, SPECIES)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert not hasattr(own, "thetas_")


@pytest.mark.parametrize("scoring", ["roc_auc", "average_precision"])
def test_a_scorer_that_needs_something_else_says_what(scoring):
    own = search(cv=folds_without(SPECIES, 2), scoring=scoring)
    with pytest.raises(
        ValueError, match=rf"scoring='{scoring}' failed in fold 0, reg_lambda=0.1: "
    ):
        own.fit(IRIS, SPECIES)
    with pytest.raises(ValueError, match=r"fold 0, reg_lambda=0\.1: mine alone"):
        search(cv=own.cv, scoring=make_scorer(refuses_everything)).fit(IRIS, SPECIES)


def refuses_everything(y, predicted):
    raise ValueError("mine alone")


@pytest.mark.parametrize(
    "score", [None, {"a": 1}, "0.5", 1j, np.zeros(2), np.timedelta64(1, "D"), [0.5]], ids=repr
)
def test_a_score_that_is_no_number(score):
    message = r"scoring=<.*failed in fold 0, reg_lambda=0.1: scoring must return a number, got "
    with pytest.raises(ValueError, match=message) as caught:
        search(scoring=lambda *args: score).fit(IRIS, SPECIES)
    assert repr(score) in str(caught.value)


@pytest.mark.parametrize("score", [0.5, np.float32(0.5), np.array(0.5), np.array([0.5])], ids=repr)
def test_a_score_that_is_one_number(score):
    assert as_number(score) == 0.5
    assert isinstance(as_number(score), float)


def test_a_number_beyond_float_is_no_score():
    with pytest.raises(ValueError, match=r"scoring=.*fold 0, reg_lambda=0\.1: int too large"):
        search(scoring=lambda *args: 10**400).fit(IRIS, SPECIES)


def test_a_fit_that_fails_names_the_fold():
    huge = np.sign(IRIS) * 1e300
    with pytest.raises(ValueError, match=r"in fold 0, reg_lambda=0\.1: the cost .*non-finite"):
        search(activation="identity").fit(huge, SPECIES)


def test_rows_that_do_not_suit_a_fit_name_the_fold():
    first_of_each = np.array([0, 50, 100])
    cv = [(np.arange(150), np.arange(150)), (first_of_each, np.arange(150))]
    with pytest.raises(ValueError, match="in fold 1: validation_fraction must leave"):
        search(cv=cv, early_stopping=True).fit(IRIS, SPECIES)


# What cv may be


def test_masks_lists_and_positions_are_the_same_folds():
    splits = list(StratifiedKFold(3).split(IRIS, SPECIES))
    expected = search(cv=splits).fit(IRIS, SPECIES).scores_
    masks = [tuple(np.isin(np.arange(150), part) for part in split) for split in splits]
    lists = [[part.tolist() for part in split] for split in splits]
    small = [tuple(part.astype(np.uint8) for part in split) for split in splits]
    for cv in (masks, lists, small, iter(splits), tuple(masks), 3, np.int64(3), None):
        if cv is None:
            splits = StratifiedKFold(5).split(IRIS, SPECIES)
            expected = search(cv=splits).fit(IRIS, SPECIES).scores_
        np.testing.assert_array_equal(search(cv=cv).fit(IRIS, SPECIES).scores_, expected)


@pytest.mark.parametrize("scoring", [None, "accuracy"])
@pytest.mark.parametrize("w", [None, np.arange(150) % 3 + 1.0], ids=["unweighted", "weighted"])
def test_integers_and_iterables_as_cv_under_metadata_routing(scoring, w):
    def generated():
        yield from StratifiedKFold(3).split(IRIS, SPECIES)

    if scoring is not None:
        w = None  # under routing, a scorer by its name asks for none
    expected = search(scoring=scoring).fit(IRIS, SPECIES, sample_weight=w).scores_
    with config_context(enable_metadata_routing=True):
        for cv in (3, generated(), list(generated()), StratifiedKFold(3)):
            own = search(cv=cv, scoring=scoring).fit(IRIS, SPECIES, sample_weight=w)
            np.testing.assert_array_equal(own.scores_, expected)
        by_default = search(cv=None, scoring=scoring).fit(IRIS, SPECIES, sample_weight=w)
        assert by_default.n_splits_ == 5


# What the scores come to


def test_infinite_scores_rank_but_where_a_fold_has_nothing_else():
    scores = np.array([[-np.inf, -1.0, -2.0], [-np.inf] * 3, [-3.0, -1.5, -1.0]])
    seconds = np.zeros((3, 3))
    results = make_cv_results(np.array([1.0, 0.1, 0.01]), scores, seconds, seconds)
    assert results["mean_test_score"].tolist() == [-np.inf, -1.25, -1.5]
    assert results["rank_test_score"].tolist() == [3, 1, 2]
    mean, error = mean_and_standard_error(results)
    assert mean.tolist() == [-np.inf, -1.25, -1.5]
    np.testing.assert_allclose(error, [np.nan, 0.25, 0.5])
    assert choose("best", np.array([1.0, 0.1, 0.01]), results) == 1
    nothing = make_cv_results(np.array([1.0]), np.full((2, 1), -np.inf), seconds, seconds)
    with pytest.raises(ValueError, match="no number for any reg_lambda"):
        choose("best", np.array([1.0]), nothing)


def test_scores_of_many_classes_take_little_memory():
    n_classes, n_rows = 1000, 20_000
    y = np.arange(n_rows) % n_classes
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    rows = rows_of_fit(X, y, None, None)
    units = rows.targets.classes.output_units("softmax")
    network = Network([2, 3, n_classes], ["logistic"], units)
    thetas = network.random_thetas(np.random.RandomState(0))
    tracemalloc.start()
    score = mean_log_likelihood(network, thetas, rows)
    reg_lambda_grid(rows, network, 3)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert -10 < score < -5
    assert most < n_rows * n_classes * 8 / 3  # that of one number for each row and class


def test_every_scorer_of_scikit_learn_gives_a_score_or_says_why():
    # What a metric cannot do, it says itself; what it warns of is its own, too.
    own = search(cv=folds_without(SPECIES, 2)[:1], reg_lambdas=[1e-2], max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in get_scorer_names():
            try:
                own.set_params(scoring=name).fit(IRIS, SPECIES)
            except ValueError as error:
                # Not pytest.raises: most scorers give a score, and none is made to fail.
                assert name in str(error) or "no number" in str(error)  # noqa: PT017
