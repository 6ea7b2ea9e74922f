"""What is summed over rows, and parts of them, against the rows written out."""

from dataclasses import replace

import numpy as np
import pytest
import textbook
from class_rows import rows_of_fit
from objectives import make_network, make_problem, split_rows
from scipy.sparse import csr_array, issparse
from scipy.special import xlog1py, xlogy

from skbackprop._network.network import Workspace
from skbackprop._network.thetas import Thetas, roll, unroll
from skbackprop._rows import rows as rows_module
from skbackprop._rows.classes import encode_classes
from skbackprop._rows.numbers import encode_numbers
from skbackprop._rows.rows import Rows, concatenated, rows_as_given, weighted_rows

CONTAINERS = [np.asarray, csr_array]
CLASS_WEIGHTS = np.array([0.5, 1.0, 3.0, 2.0])


def dense(X):
    return (X.toarray() if issparse(X) else X).astype(np.float64)


def some_rows(output="logistic", container=np.asarray, dtype=np.float64, *, weighted=True, **given):
    """Return rows picked from more, not in their order, and the problem that has just these."""
    problem = make_problem(
        output=output, container=container, dtype=dtype, weighted=weighted, n_rows=11
    )
    positions = np.array([13, 2, 7, 0, 5, 9, 10, 4, 12, 3, 1])
    X = np.random.default_rng(3).normal(size=(14, 3)).astype(dtype)
    X[positions] = dense(problem.X)
    counts = None if problem.w is None else 10 * problem.w
    fields = {"class_weights": None, "positions": positions, "n_given": 11, **given}
    return Rows(container(X), problem.targets, counts, **fields), problem


VARIANTS = {
    "unweighted": {"weighted": False},
    "weights": {"weighted": True},
    "class weights": {"weighted": False, "class_weights": CLASS_WEIGHTS},
    "both": {"weighted": True, "class_weights": CLASS_WEIGHTS},
}


def written_out(rows, problem):
    """Return the X, Y and w that the rows stand for."""
    w = np.ones(11) if rows.counts is None else rows.counts
    if rows.class_weights is not None:
        w = w * rows.class_weights[problem.y]
    return dense(problem.X), problem.Y, w


@pytest.mark.parametrize("piece_size", [1, 20, 10**6])
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_means_and_products(monkeypatch, container, variant, piece_size):
    monkeypatch.setattr(rows_module, "_PIECE_SIZE", piece_size)
    rows, problem = some_rows(container=container, **variant)
    X, Y, w = written_out(rows, problem)
    W = w.sum()
    assert rows.total_weight == pytest.approx(W)
    assert rows.total_count == pytest.approx(11 if rows.counts is None else rows.counts.sum())
    assert 0.5 <= w.max() / rows.weight_unit / 2 < 1
    np.testing.assert_allclose(rows.target_means(), w @ Y / W)
    np.testing.assert_allclose(rows.mean(), w @ X / W)
    products = (Y.T * w) @ X / W
    np.testing.assert_allclose(rows.mean_product_with_targets(), products)
    np.testing.assert_allclose(
        rows.covariance_with_targets(), products - np.outer(w @ Y, w @ X) / W**2, atol=1e-15
    )


@pytest.mark.parametrize("container", CONTAINERS)
def test_means_of_single_precision_are_summed_in_double(container):
    rows, problem = some_rows(container=container, dtype=np.float32)
    X, Y, w = written_out(rows, problem)
    np.testing.assert_allclose(rows.mean(), w @ X / w.sum(), rtol=1e-14)
    np.testing.assert_allclose(
        rows.mean_product_with_targets(), (Y.T * w) @ X / w.sum(), rtol=1e-14
    )


def test_weights_that_are_all_one_are_none():
    assert some_rows(weighted=False, class_weights=np.ones(4))[0].w is None
    rows, _ = some_rows(weighted=False)
    assert rows.w is None
    assert rows.weight_unit == 1
    assert replace(rows, counts=np.array([2.0] + [1.0] * 10)).w is not None


@pytest.mark.parametrize("are_many", [False, True])
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_and_costs_of_picked_rows(monkeypatch, container, variant, dtype, are_many):
    monkeypatch.setattr(rows_module, "MANY_ROWS", 10 if are_many else 11)
    rows, problem = some_rows(container=container, dtype=np.float64, **variant)
    X, Y, w = written_out(rows, problem)
    network = make_network(problem)
    thetas = Thetas(unroll(problem.thetas).astype(dtype), problem.shapes)
    rtol = 1e-5 if dtype is np.float32 else 1e-12
    for held in (rows, rows.compact()):
        with held.sums(network, dtype) as sums:
            cost, Delta = sums(thetas)
        # The textbook's J and D without a penalty, times W in the unit of the weights.
        J, D = textbook.cost_and_gradient(
            problem.thetas, X, Y, problem.activations, "logistic", 0, weights=w
        )
        W = w.sum() / rows.weight_unit
        assert cost == pytest.approx(J * W, rel=rtol)
        for ours, theirs in zip(roll(Delta.vector, problem.shapes), D, strict=True):
            np.testing.assert_allclose(ours, np.multiply(theirs, W), rtol=100 * rtol, atol=rtol)
            assert ours.dtype == dtype
        with held.costs(network, dtype) as costs:
            of_rows = costs(thetas)
        assert w @ of_rows / w.sum() == pytest.approx(J, rel=rtol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shards_are_those_that_are_summed(monkeypatch, dtype):
    rows, problem = some_rows()
    network = make_network(problem)
    assert len(rows.shards(network, dtype)) == 1
    split_rows(monkeypatch, block_rows=2, shard_rows=4, max_shards=9)
    thetas = Thetas(unroll(problem.thetas).astype(dtype), problem.shapes)
    shards = rows.shards(network, dtype)
    assert [sum(block().X.shape[0] for block in shard.blocks) for shard in shards] == [4, 4, 3]
    with rows.sums(network, dtype) as sums:
        cost, Delta = sums(thetas)
    of_shards = [shard.cost_and_gradient(thetas) for shard in shards]
    assert sum(cost for cost, _ in of_shards) == pytest.approx(cost, rel=1e-12)
    total = sum(Delta.vector for _, Delta in of_shards)
    assert total.dtype == dtype
    np.testing.assert_allclose(total, Delta.vector, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_block_is_made_anew_only_where_it_takes_memory_to_keep(monkeypatch, container):
    rows, _ = some_rows(container=container)
    whole = rows.compact()
    few, many = 11, 10
    for held, dtype, most_rows, is_kept in (
        (whole, np.float64, few, True),
        (whole, np.float64, many, False),  # the targets
        (whole, np.float32, few, False),  # X in another type
        (rows, np.float64, few, False),  # picked rows
    ):
        monkeypatch.setattr(rows_module, "MANY_ROWS", most_rows)
        block = held._block(np.dtype(dtype), slice(2, 5))
        assert (block() is block()) == is_kept
        assert (block().y is block().y) == (most_rows == few)
        assert block().X.dtype == block().w.dtype == dtype
        if held is whole and dtype is np.float64 and container is np.asarray:
            assert np.shares_memory(block().X, whole.X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("most_rows", [10, 11])
def test_numbers_come_in_the_type_of_the_network(monkeypatch, dtype, most_rows):
    monkeypatch.setattr(rows_module, "MANY_ROWS", most_rows)
    rows, _ = some_rows("identity")
    assert rows._block(np.dtype(dtype), slice(2, 5))().y.dtype == dtype
    assert next(rows._batches(3, dtype, np.random.default_rng(0))).y.dtype == dtype


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("are_picked", [True, False])
def test_batches_come_round_before_any_row_does_again(container, variant, dtype, are_picked):
    rows, problem = some_rows(container=container, **variant)
    rows = rows if are_picked else rows.compact()
    network = make_network(problem)
    thetas = Thetas(unroll(problem.thetas).astype(dtype), problem.shapes)
    sums = rows.sums_of_batches(network, 3, dtype, np.random.RandomState(0))
    again = rows.sums_of_batches(network, 3, dtype, np.random.RandomState(0))
    batches = rows._batches(3, dtype, np.random.default_rng(0))
    with replace(rows, counts=None, class_weights=None).costs(network, dtype) as costs:
        of_rows = costs(thetas)
    X = dense(problem.X).astype(dtype).tolist()
    for _ in range(4):  # three of three rows in every round; two rows are left over
        drawn = []
        for _ in range(3):
            cost, Delta = sums(thetas)
            assert cost == again(thetas)[0] > 0
            assert Delta.vector.dtype == dtype
            batch = next(batches)
            assert batch.w is None
            assert batch.X.dtype == dtype
            indices = [X.index(x) for x in dense(batch.X).astype(dtype).tolist()]
            workspace = Workspace(network.shapes, 3, dtype)
            cost = network.cost_and_gradient(thetas, batch, workspace, workspace.Delta)
            assert cost == pytest.approx(of_rows[indices].sum(), rel=1e-5)
            drawn += indices
        if rows.w is None:
            assert len(set(drawn)) == 9


def test_rows_come_up_in_batches_by_their_weight():
    rows, problem = some_rows(class_weights=CLASS_WEIGHTS)
    X = problem.X.tolist()
    batches = rows._batches(3, np.float64, np.random.default_rng(0))
    drawn = [X.index(x) for _ in range(1000) for x in next(batches).X.tolist()]
    shares = np.bincount(drawn, minlength=11) / len(drawn)
    np.testing.assert_allclose(shares, rows.w / rows.w.sum(), rtol=0.15)


# Of each target y where p is predicted.
COSTS = {
    "logistic": lambda y, p: -xlogy(y, p) - xlog1py(1 - y, -p),
    "identity": lambda y, p: (p - y) ** 2 / 2,
    "exp": lambda y, p: p - y - xlogy(y, p) + xlogy(y, y),
}


@pytest.mark.parametrize("output", COSTS)
@pytest.mark.parametrize("weighted", [True, False])
def test_the_cost_of_always_predicting_the_means(output, weighted):
    rows, problem = some_rows(output, weighted=weighted)
    of_others, other = (replace(rows.compact(), counts=w) for w in (np.arange(11) + 1.0, None))
    network = make_network(problem)
    w = np.ones(11) if rows.w is None else rows.w
    for learned_from in (None, of_others, other):
        p = (rows if learned_from is None else learned_from).target_means()
        of_rows = COSTS[output](problem.Y, p).sum(axis=1)
        expected = w @ of_rows / w.sum()
        assert rows.null_cost(network, learned_from) == pytest.approx(expected)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([0.0, 1, 0, 2, 1], True),
        ([5e3, 5e3, 5e3, 5e3, 5e3], True),  # a constant
        ([0.0, 0, 0, 0, 0.05], False),
        ([0.0, 0, 0, 0, -0.05], False),
        ([0.0, 0, 0, 0, 1], True),
        ([0.0, 0, 0, 0, -1], True),
        ([0.0, 30, 0, 30, 0], False),
        ([0.0, 15, 0, 15, 0], True),
        ([-4.0, -3, -3, -3, -3], True),
        ([-4.0, -3.95, -4, -4, -4], False),
        ([4.0, 3.95, 4, 4, 4], False),
    ],
)
def test_features_are_scaled_where_they_reach_far_enough_and_spread_little(
    monkeypatch, container, column, expected
):
    X = np.column_stack([[1.0, -1, 2, 0, 1], column])
    y = np.array([0, 1, 0, 1, 0])
    for piece_size in (2, 10**6):
        monkeypatch.setattr(rows_module, "_PIECE_SIZE", piece_size)
        assert rows_of_fit(container(X), y, None, None).is_scaled() is expected


def test_spread_is_that_of_weight():
    X = np.array([[0.0], [30.0], [0.0], [30.0]])
    y = np.array([0, 1, 1, 0])
    for w, expected in (([1, 1, 1, 1], False), ([100, 1, 100, 1], True)):
        assert rows_of_fit(X, y, np.array(w, float), None).is_scaled() is expected


def test_the_spread_of_large_single_precision_numbers_is_exact():
    X = np.float32([[2e30], [-2e30], [1e30], [-1e30]])
    assert rows_of_fit(X, np.array([0, 1, 0, 1]), None, None).is_scaled() is False


def sizes_of_pieces(rows):
    return [len(w) for _, _, w in rows._pieces()]


def test_a_piece_is_of_so_many_elements_of_x_or_targets(monkeypatch):
    # A row of X has 3 elements, and 4 targets.
    monkeypatch.setattr(rows_module, "_PIECE_SIZE", 16)
    assert sizes_of_pieces(some_rows()[0]) == [4, 4, 3]
    assert sizes_of_pieces(some_rows("multilabel")[0]) == [5, 5, 1]
    mostly_zero = np.zeros((14, 3))
    mostly_zero[0] = 1
    rows, _ = some_rows("multilabel", container=csr_array)
    assert sizes_of_pieces(replace(rows, X=csr_array(mostly_zero))) == [8, 3]
    monkeypatch.setattr(rows_module, "_PIECE_SIZE", 1)
    assert sizes_of_pieces(some_rows()[0]) == [1] * 11


# Parts


def weight_of_each(rows):
    """Return the sample weight of each row of X."""
    return np.bincount(rows.positions, rows.counts, minlength=14)


@pytest.mark.parametrize("is_stratified", [True, False])
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_what_is_divided_is_in_one_part_or_the_other(
    monkeypatch, container, variant, is_stratified
):
    monkeypatch.setattr(rows_module, "CANONICAL_SIZE", 0)  # parts refer to the same X
    is_merged = np.arange(11) < 3
    rows, problem = some_rows(container=container, **variant, is_merged=is_merged)
    random_state = np.random.RandomState(0)
    parts = rows.divide(0.4, 4, random_state, is_stratified=is_stratified)
    np.testing.assert_allclose(sum(map(weight_of_each, parts)), weight_of_each(rows))
    if rows.counts is not None:
        of_merged = weight_of_each(parts[0])[rows.positions[is_merged]]
        np.testing.assert_allclose(of_merged, 0.4 * rows.counts[is_merged])
        n_rows_off = (parts[0].total_count - 0.4 * rows.total_count) / rows.counts.max()
        assert abs(n_rows_off) < (4 if is_stratified else 1)
    for part in parts:
        assert part.X is rows.X
        assert part.class_weights is rows.class_weights
        assert part.n_rows == part.n_given == len(part.positions) > 0
        assert part.positions.dtype == rows.positions.dtype
        of_rows = [rows.positions.tolist().index(i) for i in part.positions]
        np.testing.assert_array_equal(part.targets.codes, problem.y[of_rows])
        np.testing.assert_array_equal(part.is_merged, is_merged[of_rows])
        assert part.counts is None or (part.counts > 0).all()
    if is_stratified:
        assert set(parts[0].targets.codes) == {0, 1, 2, 3}


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_part_of_few_elements_has_an_x_of_its_own(monkeypatch, container):
    rows, problem = some_rows(container=container)
    mask = np.arange(11) % 3 == 0
    for size, is_copied in ((14 * 3, True), (14 * 3 - 1, False)):
        monkeypatch.setattr(rows_module, "CANONICAL_SIZE", size)
        part = rows.where(mask)
        assert (part.positions is None) == is_copied
        np.testing.assert_array_equal(dense(part._own_X()), dense(problem.X)[mask])
        np.testing.assert_array_equal(part.counts, rows.counts[mask])
        assert part.n_given == 4
    whole = rows.compact()
    assert whole.compact() is whole
    monkeypatch.setattr(rows_module, "CANONICAL_SIZE", 0)
    assert whole.where(mask).positions.dtype == np.uint8  # eleven rows are counted in a byte


def test_a_mask_of_all_or_none():
    rows, _ = some_rows()
    assert rows.where(np.ones(11, bool)) is rows
    assert rows.where(np.zeros(11, bool)).n_rows == 0
    unweighted, _ = some_rows(weighted=False)
    assert unweighted.where(np.arange(11) > 3).counts is None


def test_a_sample_has_rows_of_every_class():
    rows, _ = some_rows()
    assert rows.least_of_classes == 4
    sample = rows.sample(0.01, np.random.RandomState(0))
    assert sorted(sample.targets.codes) == [0, 1, 2, 3]
    first = rows.divide(0.01, 4, np.random.RandomState(0))[0]
    np.testing.assert_array_equal(sample.X, first.X)
    np.testing.assert_array_equal(sample.counts, first.counts)
    assert rows.at_hand(np.random.RandomState(0)) is rows
    few, _ = some_rows("binary", weighted=False)
    assert few.sample(0.01, np.random.RandomState(0)).n_rows == few.least_of_classes == 2


def test_classes_are_ranked_in_double_precision():
    classes, numbers = some_rows()[0], some_rows("identity")[0]
    assert classes.to_rank_penalties() is classes
    assert numbers.to_rank_penalties().dtype == np.float32


@pytest.mark.parametrize("container", CONTAINERS)
def test_in_single_precision_where_that_holds_them(container):
    rows, problem = some_rows(container=container)
    single = rows.in_single_precision()
    assert single.dtype == np.float32
    assert single.positions is None
    np.testing.assert_array_equal(dense(single.X), dense(problem.X).astype(np.float32))
    assert single.counts is rows.counts
    X = dense(rows.X)
    X[rows.positions[2], 1] = 1e39
    with np.errstate(over="ignore"):
        large = replace(rows, X=container(X)).in_single_precision()
    assert large.dtype == np.float64
    assert dense(large.X)[2, 1] == 1e39
    assert rows.in_single_precision().in_single_precision().dtype == np.float32


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_classes_of_weight_zero_leave_with_their_rows(variant):
    rows, problem = some_rows(**variant)
    weights = np.array([1.0, 0.0, 2.0, 0.0])
    weighted = rows.with_class_weights(weights, "y_val")
    is_kept = np.isin(problem.y, [0, 2])
    assert weighted.n_rows == is_kept.sum()
    np.testing.assert_array_equal(weighted.targets.codes, problem.y[is_kept])
    counts = np.ones(11) if rows.counts is None else rows.counts
    np.testing.assert_array_equal(weighted.w, (counts * weights[problem.y])[is_kept])
    assert weighted.with_class_weights(weights, "y_val") is weighted
    assert weighted_all(rows, weights + 1).n_rows == 11
    assert rows.with_class_weights(None, "y_val").class_weights is None
    with pytest.raises(ValueError, match=r"class_weight leaves no row of y_val .*got \[0"):
        weighted_all(rows, np.zeros(4))


def weighted_all(rows, class_weights):
    return rows.weighted_as(replace(rows, class_weights=class_weights))


@pytest.mark.parametrize("container", CONTAINERS)
def test_parts_are_put_together(container):
    (one, first), (other, second) = (
        some_rows(container=container, weighted=weighted, class_weights=CLASS_WEIGHTS)
        for weighted in (True, False)
    )
    one, other = replace(one, n_given=20), replace(other, class_weights=None)
    together = concatenated([one.compact(), other.compact()])
    if issparse(one.X):
        assert together.X.format == "csr"
    np.testing.assert_array_equal(dense(together.X), np.vstack([first.dense_X, second.dense_X]))
    np.testing.assert_array_equal(together.targets.codes, np.concatenate([first.y, second.y]))
    np.testing.assert_array_equal(together.counts, np.concatenate([one.counts, np.ones(11)]))
    assert together.class_weights is CLASS_WEIGHTS
    assert together.positions is None
    assert together.n_given == 31
    assert concatenated([other.compact(), other.compact()]).counts is None
    alone = concatenated([one.compact()])
    np.testing.assert_array_equal(dense(alone.X), first.dense_X)
    assert alone.n_given == 20


# What rows are made from


@pytest.mark.parametrize("container", CONTAINERS)
def test_equal_rows_are_merged_and_classes_weighed_by_what_they_count(container):
    X = np.array([[1.0], [2], [1], [3], [3], [4]])
    targets, w = encode_classes(np.array([0, 0, 0, 1, 0, 1]), [1, 2, 3, 1, 1, 4.0], "balanced")
    rows = weighted_rows(container(X), targets, w)
    assert rows.n_given == 6
    assert sorted(rows.counts[rows.is_merged]) == [4]
    assert rows.class_weights.tolist() == pytest.approx([12 / 14, 12 / 10])
    np.testing.assert_allclose(np.bincount(rows.targets.codes, rows.w), [6, 6])
    for once in (None, np.ones(3)):
        assert weighted_rows(container(X[1:4]), targets.take(slice(1, 4)), once).counts is None
    assert weighted_rows(container(X[1:4]), targets.take(slice(1, 4)), w[[1, 1, 1]]).counts[0] == 2


def test_numbers_of_a_fit_are_on_the_scale_of_their_weight():
    y, w = np.array([0.0, 1, 5, 7]), np.array([1.0, 2, 3, 4])
    targets, w = encode_numbers(y, w, "squared_error")
    rows = rows_module.rows_of_fit(np.arange(4.0)[:, np.newaxis], targets, w)
    codes = rows.targets.codes.ravel()
    assert rows.counts @ codes == pytest.approx(0, abs=1e-14)
    assert rows.counts @ codes**2 == pytest.approx(10)


@pytest.mark.parametrize("is_small", [True, False])
@pytest.mark.parametrize("container", CONTAINERS)
def test_rows_are_those_chosen_that_have_weight(monkeypatch, container, is_small):
    monkeypatch.setattr(rows_module, "CANONICAL_SIZE", 4 * 3 if is_small else 4 * 3 - 1)
    X = container(np.random.default_rng(0).normal(size=(8, 3)))
    targets = replace(make_problem(n_rows=8).targets, codes=np.array([0, 1, 2, 3, 0, 1, 2, 3]))
    w = np.array([1.0, 2, 0, 4, 5, 6, 0, 8])
    chosen = np.array([7, 1, 6, 3, 0])
    rows = weighted_rows(X, targets, w, chosen)
    assert (rows.positions is None) == is_small
    assert rows.n_given == 4
    given = {
        tuple(x): (w_i, code)
        for x, w_i, code in zip(dense(X).tolist(), w, targets.codes, strict=True)
    }
    picked = dense(rows._own_X()).tolist()
    assert [given[tuple(x)] for x in picked] == [*zip(rows.counts, rows.targets.codes, strict=True)]
    assert sorted(rows.counts) == [1, 2, 4, 8]
    if not is_small:
        assert rows.X is X
        assert rows.is_merged is None
        assert rows.positions.tolist() == [7, 1, 3, 0]
        everything = weighted_rows(X, targets, None)
        assert everything.positions is None
        assert everything.counts is None
        assert weighted_rows(X, targets, None, chosen).positions is chosen
        assert weighted_rows(X, targets, w).positions.tolist() == [0, 1, 3, 4, 5, 7]
    with pytest.raises(ValueError, match="sample_weight must not be zero for all training rows"):
        weighted_rows(X, targets, w, np.array([2, 6]))


@pytest.mark.parametrize("container", CONTAINERS)
def test_rows_as_given_are_neither_sorted_nor_merged(container):
    X = np.array([[3.0, 1], [1, 0], [3, 1], [0, 0]])
    targets = replace(make_problem(n_rows=4).targets, codes=np.array([2, 0, 2, 1]))
    rows = rows_as_given(container(X), targets, np.array([1.0, 0, 2, 1]), CLASS_WEIGHTS)
    np.testing.assert_array_equal(dense(rows.X), X[[0, 2, 3]])
    assert rows.targets.codes.tolist() == [2, 2, 1]
    assert rows.counts.tolist() == [1, 2, 1]
    assert rows.class_weights is CLASS_WEIGHTS
    assert rows.n_given == 3
    assert rows.positions is None
    for w in (None, np.ones(4)):
        rows = rows_as_given(container(X), targets, w, None)
        assert rows.counts is None
        assert rows.n_rows == rows.n_given == 4
