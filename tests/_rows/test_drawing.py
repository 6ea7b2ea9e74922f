"""A share of rows is a share of their weight, drawn as from the rows unmerged."""

import numpy as np
import pytest
from scipy.stats import hypergeom
from sklearn.metrics import log_loss

from skbackprop import BackpropClassifier
from skbackprop._rows.drawing import HEAVY, draw_share
from skbackprop._rows.rows import rows_of_fit


def draw(w, strata, share=0.1, least=1, seed=0):
    return draw_share(w, np.asarray(strata), share, least, np.random.RandomState(seed))


@pytest.mark.parametrize("share", [0.001, 0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_units_of_whole_weights(share, seed):
    rng = np.random.default_rng(seed)
    w = rng.integers(1, 50, 200).astype(float)
    strata = rng.integers(0, 4, 200)
    drawn = draw(w, strata, share, 4, seed)
    assert np.array_equal(drawn, np.rint(drawn))
    assert ((drawn >= 0) & (drawn <= w)).all()
    assert drawn.sum() == max(np.ceil(share * w.sum()), 4)
    of_strata = np.bincount(strata, drawn) - share * np.bincount(strata, w)
    assert abs(of_strata).max() <= 1.01 + 1 / share * 0.01


def test_rows_of_weight_one_are_drawn_whole():
    strata = np.repeat([0, 1, 2], [50, 30, 20])
    drawn = draw(None, strata, 0.25)
    assert set(drawn) == {0.0, 1.0}
    assert np.bincount(strata, drawn).tolist() in ([13, 7, 5], [12, 8, 5])
    assert (draw(None, strata, 0.25) == drawn).all()
    assert (draw(None, strata, 0.25, seed=1) != drawn).any()


def test_a_merged_row_gives_as_many_as_chance_would():
    w = np.array([30.0, 70.0])
    drawn = [draw(w, [0, 0], 0.2, seed=seed)[0] for seed in range(2000)]
    expected = hypergeom(100, 30, 20)
    np.testing.assert_allclose(np.mean(drawn), expected.mean(), atol=0.15)
    np.testing.assert_allclose(np.std(drawn), expected.std(), rtol=0.1)


def test_every_stratum_gives_a_unit_and_keeps_one():
    w = np.array([1.0, 1.0, 5000.0, 1.0])
    drawn = draw(w, [0, 0, 1, 2], 0.001, 3)
    assert drawn[:2].sum() == 1
    assert 1 <= drawn[2] < 5000
    assert drawn[3] == 0  # all there is of its class


@pytest.mark.parametrize("unit", [0.37, 1 / 150, 1e-300])
def test_multiples_of_any_unit_are_units(unit):
    units = np.random.default_rng(0).integers(1, 30, 60)
    units[0] = 1
    drawn = draw(units * unit, np.arange(60) % 2)
    expected = draw(units.astype(float), np.arange(60) % 2)
    np.testing.assert_allclose(drawn, expected * unit, rtol=1e-12)
    assert (drawn[expected == units] == (units * unit)[expected == units]).all()


@pytest.mark.parametrize("seed", range(5))
def test_rows_of_other_weights_are_drawn_whole_but_for_heavy_ones(seed):
    w = np.random.default_rng(seed).uniform(0.5, 1.5, 400)
    w[:3] = 40.0, 33.3, 55.5
    strata = np.arange(400) % 2
    drawn = draw(w, strata, 0.1, seed=seed)
    W = np.bincount(strata, w)
    is_heavy = w >= HEAVY * W[strata]
    assert is_heavy.sum() == 3
    np.testing.assert_allclose(drawn[is_heavy], 0.1 * w[is_heavy])
    assert np.isin(drawn[~is_heavy] / w[~is_heavy], (0, 1)).all()
    assert (abs(np.bincount(strata, drawn) - 0.1 * W) <= 1.5).all()


def test_more_units_than_can_be_drawn_one_by_one():
    w = np.array([3e9, 1e9, 5e8, 7e8])
    drawn = draw(w, [0, 0, 1, 1], 0.1)
    np.testing.assert_allclose(drawn, 0.1 * w)


# What early stopping makes of it


def cells(n_rows, noise=0.0):
    """Rows in sixteen cells, each with a probability of its own."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, size=(n_rows, 4)).astype(float)
    cell = X @ [1, 2, 4, 8]
    p = np.random.default_rng(1).uniform(0.05, 0.95, 16)[cell.astype(int)]
    y = (rng.random(n_rows) < p).astype(int)
    return X + noise * rng.normal(size=X.shape), y, np.column_stack([1 - p, p])


@pytest.mark.parametrize("weight", [None, 0.37, 2.0])
def test_early_stopping_on_few_distinct_rows(weight):
    X, y, P = cells(20_000)
    w = None if weight is None else np.full(len(y), weight)
    truth = log_loss(y, P)
    for seed in range(3):
        classifier = BackpropClassifier(10, early_stopping=True, random_state=seed)
        classifier.fit(X, y, sample_weight=w)
        assert log_loss(y, classifier.predict_proba(X)) < truth + 0.003


def test_early_stopping_on_few_distinct_rows_of_any_weights():
    X, y, P = cells(20_000)
    w = np.random.default_rng(2).uniform(0.5, 1.5, len(y))
    classifier = BackpropClassifier(10, early_stopping=True, random_state=0)
    classifier.fit(X, y, sample_weight=w)
    truth = log_loss(y, P, sample_weight=w)
    assert log_loss(y, classifier.predict_proba(X), sample_weight=w) < truth + 0.003


def test_rows_of_two_distinct_kinds():
    X = np.repeat([[0.0], [1.0]], 2500, axis=0)
    classifier = BackpropClassifier(3, early_stopping=True, random_state=0)
    classifier.fit(X, X[:, 0].astype(int))
    assert classifier.score(X, X[:, 0]) == 1


def test_a_class_of_equal_rows_is_stratified():
    X = np.vstack([np.full((2000, 2), 3.0), np.random.default_rng(0).normal(size=(500, 2))])
    rows = rows_of_fit(X, np.repeat([1, 0], [2000, 500]), None, None)
    assert rows.n_rows == 501
    part, rest = rows.divide(0.1, 2, np.random.RandomState(0))
    np.testing.assert_array_equal(part.targets.weight_of_classes(part.counts), [50, 200])
    np.testing.assert_array_equal(rest.targets.weight_of_classes(rest.counts), [450, 1800])


@pytest.mark.parametrize("parameters", [{}, {"class_weight": "balanced"}, {"coarse_start": True}])
@pytest.mark.parametrize("kind", ["binary", "multilabel"])
def test_a_row_of_weight_2_is_the_row_twice_wherever_rows_are_drawn(parameters, kind):
    if kind == "multilabel" and "class_weight" in parameters:
        return
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3)).round(1)
    y = (X[:, 0] + rng.normal(size=300) > 0).astype(int)
    if kind == "multilabel":
        y = np.column_stack([y, X[:, 1] > 0]).astype(int)
    w = rng.integers(1, 4, 300)
    order = rng.permutation(np.repeat(np.arange(300), w))
    fits = [
        BackpropClassifier(5, early_stopping=True, random_state=0, **parameters).fit(*data)
        for data in ((X, y, w), (X[order], y[order]))
    ]
    assert fits[0].validation_scores_ == fits[1].validation_scores_
    for one, other in zip(fits[0].thetas_, fits[1].thetas_, strict=True):
        assert one.tobytes() == other.tobytes()
