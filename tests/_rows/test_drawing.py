"""A share of rows is a share of their weight, drawn as from the rows unmerged."""

import numpy as np
import pytest
from class_rows import rows_of_fit
from scipy.stats import hypergeom
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight

from skbackprop import BackpropClassifier
from skbackprop._rows.drawing import HEAVY, draw_by_weight, draw_share
from skbackprop._training.early_stopping import hold_out


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


def early_stopping(hidden, **parameters):
    return BackpropClassifier(hidden, reg_lambda="prior", early_stopping=True, **parameters)


def cells(n_rows, noise=0.0, n_features=4):
    """Rows in sixteen cells or more, each with a probability of its own."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, size=(n_rows, n_features)).astype(float)
    cell = X @ 2 ** np.arange(n_features)
    p = np.random.default_rng(1).uniform(0.05, 0.95, 2**n_features)[cell.astype(int)]
    y = (rng.random(n_rows) < p).astype(int)
    return X + noise * rng.normal(size=X.shape), y, np.column_stack([1 - p, p])


@pytest.mark.parametrize("weight", [None, 0.37, 2.0])
def test_early_stopping_on_few_distinct_rows(weight):
    X, y, P = cells(20_000)
    w = None if weight is None else np.full(len(y), weight)
    truth = log_loss(y, P)
    for seed in range(3):
        classifier = early_stopping(10, random_state=seed).fit(X, y, sample_weight=w)
        assert log_loss(y, classifier.predict_proba(X)) < truth + 0.003


@pytest.mark.parametrize("n_features", [4, 6])
@pytest.mark.parametrize("seed", range(3))
def test_early_stopping_on_few_distinct_rows_of_any_weights(seed, n_features):
    # Where cells are held out whole, those that are left tell of one class only.
    X, y, P = cells(20_000, n_features=n_features)
    w = np.random.default_rng(2).uniform(0.5, 1.5, len(y))
    classifier = early_stopping(20, random_state=seed).fit(X, y, sample_weight=w)
    truth = log_loss(y, P, sample_weight=w)
    assert log_loss(y, classifier.predict_proba(X), sample_weight=w) < truth + 0.003


def test_rows_of_two_distinct_kinds():
    X = np.repeat([[0.0], [1.0]], 2500, axis=0)
    classifier = early_stopping(3, random_state=0).fit(X, X[:, 0].astype(int))
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


# Which rows of fractional weights are divided


def held_out(rows, seed=0):
    """Return the rows to train on and those held out, as tuples."""
    return [
        {tuple(row) for row in part.X.tolist()}
        for part in hold_out(rows, 0.1, np.random.RandomState(seed))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_small_class_is_not_validated_on_the_rows_it_is_trained_on(seed):
    X, y = make_classification(2090, 10, n_informative=4, flip_y=0.2, random_state=0)
    chosen = np.concatenate([np.flatnonzero(y == 0)[:47], np.flatnonzero(y == 1)[:28]])
    X, y = X[chosen], y[chosen]
    rows = rows_of_fit(X, y, compute_sample_weight("balanced", y), None)
    training, validation = held_out(rows, seed)
    assert not training & validation
    assert len(training | validation) == 75
    n_validated = [sum(tuple(row) in validation for row in X[y == c].tolist()) for c in (0, 1)]
    assert n_validated == [5, 3]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_strata", [1, 2])
def test_few_rows_of_about_equal_weight_are_drawn_whole(n_strata, seed):
    w = np.random.RandomState(seed).uniform(0.9, 1.1, size=40)
    strata = np.arange(40) % n_strata
    drawn = draw(w, strata, 0.1, seed=seed)
    assert np.isin(drawn, [0, *w]).all()
    assert (abs(np.bincount(strata, drawn) - 0.1 * np.bincount(strata, w)) <= 0.55).all()


def test_no_stratum_of_several_rows_is_left_out_or_drawn_wholly():
    strata = [0, 0, 1, 1, 1]
    for w in (None, np.random.RandomState(0).uniform(0.9, 1.1, size=5)):
        for share, expected in ((0.01, [1, 1]), (0.99, [1, 2])):
            assert np.bincount(strata, draw(w, strata, share) > 0).tolist() == expected


def test_of_classes_of_a_size_the_first_give_what_is_left():
    sizes = np.tile([10, 12], 100)  # an eighth is 1.25 and 1.5
    strata = np.repeat(np.arange(200), sizes)
    of_strata = np.bincount(strata, draw(None, strata, 0.125))
    assert of_strata[sizes == 10].tolist() == [1] * 100
    assert of_strata[sizes == 12].tolist() == [2] * 75 + [1] * 25


@pytest.mark.parametrize(("share", "n_drawn"), [(0.11, 4), (0.115, 5)])
def test_whole_rows_are_drawn_until_their_weight_is_nearest_to_the_share(share, n_drawn):
    w = np.random.RandomState(0).uniform(0.999, 1.001, size=40)
    assert np.count_nonzero(draw(w, np.zeros(40, int), share)) == n_drawn


@pytest.mark.parametrize("unit", [0.1, 1.0, 10.0])
@pytest.mark.parametrize(("times", "n_rows"), [(2.5, 20), (4.0, 20), (4.0, 400)])
def test_one_row_as_heavy_as_several_is_divided(times, n_rows, unit):
    w = np.random.RandomState(0).uniform(0.9, 1.1, size=n_rows) * unit
    w[7] = times * unit
    drawn = draw(w, np.zeros(n_rows, dtype=int), 0.1)
    if times > 3 and n_rows == 20:
        assert drawn[7] == pytest.approx(0.1 * times * unit)
    else:
        assert drawn[7] in (0, w[7])
    others = np.arange(n_rows) != 7
    assert np.isin(drawn[others], [0, *w[others]]).all()


def test_units_are_those_of_a_class():
    # In all, no weight is the multiple of another.
    rng = np.random.default_rng(0)
    strata = np.arange(60) % 2
    units = rng.integers(1, 9, 60)
    units[:2] = 1
    unit = np.array([0.37, 1 / 7])[strata]
    drawn = draw(units * unit, strata, 0.2) / unit
    np.testing.assert_allclose(drawn, np.rint(drawn), atol=1e-9)
    assert np.isin(np.rint(drawn), units).sum() < 60  # some in part
    np.testing.assert_array_equal(
        np.rint(np.bincount(strata, drawn)), np.ceil(0.2 * np.bincount(strata, units))
    )


@pytest.mark.parametrize("n_cells", [1, 2, 16, 200])
def test_merged_rows_are_divided(n_cells):
    # Each is about one in so many of its class.
    rng = np.random.default_rng(0)
    X = rng.integers(0, n_cells, size=(4000, 1)).astype(float)
    y = rng.integers(0, 2, size=4000)
    rows = rows_of_fit(X, y, rng.uniform(0.5, 1.5, 4000), None)
    assert rows.n_rows == 2 * n_cells
    validation, training = rows.divide(0.1, 2, np.random.RandomState(0))
    np.testing.assert_allclose(validation.counts, 0.1 * rows.counts)
    np.testing.assert_allclose(training.counts, 0.9 * rows.counts)


def test_a_merged_row_is_no_unit():
    # Three rows of 0.25 each, twice, and one class that is all one row.
    X = np.repeat([[0.0], [1.0], [2.0]], [3, 3, 6], axis=0)
    rows = rows_of_fit(X, np.repeat([0, 0, 1], [3, 3, 6]), np.full(12, 0.25), None)
    validation, _ = rows.divide(0.1, 2, np.random.RandomState(0))
    np.testing.assert_allclose(validation.counts, 0.1 * rows.counts)


def test_whole_weights_that_are_too_many_units():
    w = np.array([3e9, 1.0, 2.0, 5.0, 5.0, 5.0])
    drawn = draw(w, [0, 0, 0, 1, 1, 1], 0.1)
    np.testing.assert_allclose(drawn[:3], [3e8, 0, 0.2])
    assert drawn[3:].sum() == 2  # one by one after all


def test_a_unit_is_the_weight_of_any_row_that_was_one():
    units = np.array([1, 1, 2, 3])
    is_merged = units > 1
    drawn = draw_share(0.25 * units, np.zeros(4, int), 0.4, 1, np.random.RandomState(0), is_merged)
    assert drawn.sum() == 0.75
    np.testing.assert_array_equal(drawn / 0.25 % 1, 0)


def test_one_unit_of_a_class_can_be_all_that_is_drawn():
    assert draw(np.full(5, 0.37), np.zeros(5, int)).tolist().count(0.37) == 1


@pytest.mark.parametrize("seed", range(5))
def test_no_remainder_is_left_of_a_row_that_is_drawn_whole(seed):
    w = np.array([0.1, 0.3, 0.6, 0.7])  # 0.1 * 3 is not 0.3
    left = w - draw(w, np.zeros(4, int), 0.8, seed=seed)
    assert ((left == 0) | (left > 0.09)).all()


def test_where_the_rows_of_other_classes_are_changes_no_draw():
    apart, between = np.repeat([0, 1], 500), np.tile([0, 1], 500)
    assert np.array_equal(draw(None, apart)[apart == 0], draw(None, between)[between == 0])


# One by one


def times_drawn(w, n_rows, seed=0):
    drawn = draw_by_weight(w, n_rows, np.random.default_rng(seed))
    assert drawn.shape == (n_rows,)
    return np.bincount(drawn, minlength=n_rows)


@pytest.mark.parametrize("w", [None, np.ones(1000), np.full(1000, 0.1)])
def test_rows_of_equal_weight_all_come_up_once_in_random_order(w):
    assert (times_drawn(w, 1000) == 1).all()
    orders = [draw_by_weight(w, 1000, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    assert abs(np.corrcoef(orders[0], np.arange(1000))[0, 1]) < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_rows_come_up_by_their_weight(seed):
    w = np.random.default_rng(seed).exponential(size=500)
    w[0] = 1000
    exact = w * (500 / w.sum())
    times = times_drawn(w, 500, seed)
    assert (abs(times - exact) < 1 + 1e-9).all()
    # A row as heavy as many is not in the same batch all along.
    drawn = draw_by_weight(w, 500, np.random.default_rng(seed))
    of_halves = [np.count_nonzero(half == 0) for half in np.split(drawn, 2)]
    assert min(of_halves) > 0.3 * times[0]


def test_a_mark_rounded_to_the_end_of_all_weights_is_the_last_row():
    class Greatest:
        permutation = staticmethod(np.array)

        def random(self):
            return np.nextafter(1, 0)

    w = np.array([1.0, 2.0, 3.0, 4.0])
    assert draw_by_weight(w, 4, Greatest()).tolist() == [1, 2, 3, 3]
