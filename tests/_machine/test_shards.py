"""Rows in several shards and blocks: the sums are those of one block."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from objectives import (
    OUTPUTS,
    logits,
    make_objective,
    make_problem,
    make_row_costs,
    rows_of_blocks,
    shards_of,
    split_rows,
    x_of,
)
from scipy.sparse import csr_array

from skbackprop._machine.shards import ShardSums, rows_of_block, rows_of_shard, work_of_row
from skbackprop._network.thetas import Thetas
from skbackprop._rows import rows

# Name: the constants, and the rows of every block of every shard that 23 rows make.
SPLITS = {
    "blocks": ({"block_rows": 4, "shard_rows": 100, "max_shards": 16}, [[4, 4, 4, 4, 4, 3]]),
    "shards": ({"block_rows": 100, "shard_rows": 5, "max_shards": 16}, [[5], [5], [5], [5], [3]]),
    "shards-and-blocks": (
        {"block_rows": 3, "shard_rows": 7, "max_shards": 16},
        [[3, 3, 3], [3, 3, 3], [3, 2]],
    ),
    "limited-shards": (
        {"block_rows": 5, "shard_rows": 7, "max_shards": 2},
        [[4, 4, 4], [4, 4, 3]],
    ),
    "single-rows": ({"block_rows": 1, "shard_rows": 1, "max_shards": 100}, [[1]] * 23),
}
splits = pytest.mark.parametrize(("split", "expected"), SPLITS.values(), ids=SPLITS)
outputs = pytest.mark.parametrize("output", OUTPUTS)
containers = pytest.mark.parametrize("container", [np.asarray, csr_array], ids=["dense", "sparse"])
weights = pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])


@splits
@outputs
@containers
@weights
def test_split_rows_give_the_same_cost_and_gradient(
    monkeypatch, split, expected, output, container, weighted
):
    problem = make_problem(
        (4, 2), ("tanh", "relu"), output, n_rows=23, weighted=weighted, container=container
    )
    whole = make_objective(problem)
    assert rows_of_blocks(whole) == [[23]]
    x, reg_lambda = x_of(whole, problem), problem.reg_lambda
    J, D, _ = whole(x, reg_lambda)
    split_rows(monkeypatch, **split)
    objective = make_objective(problem)
    assert rows_of_blocks(objective) == expected
    J_split, D_split, _ = objective(x, reg_lambda)
    assert_allclose(J_split, J, rtol=1e-12)
    assert_allclose(D_split, D, rtol=1e-12, atol=1e-14)


@splits
@containers
def test_split_rows_give_the_same_logits(monkeypatch, split, expected, container):
    problem = make_problem((4, 2), ("tanh", "relu"), n_rows=23, container=container)
    z = logits(problem)
    assert z.shape == (23, 4)
    split_rows(monkeypatch, **split)
    assert_allclose(logits(problem), z, rtol=1e-12, atol=1e-14)


@splits
@containers
@outputs
def test_split_rows_give_the_same_costs(monkeypatch, split, expected, output, container):
    problem = make_problem(
        (4, 2), ("tanh", "relu"), output, n_rows=23, weighted=False, container=container
    )
    costs = make_row_costs(problem)
    x = x_of(costs, problem)
    whole = costs(x)
    assert whole.shape == (23,)
    split_rows(monkeypatch, **split)
    assert_allclose(make_row_costs(problem)(x), whole, rtol=1e-12)
    with ThreadPoolExecutor(3) as pool:
        for other_map in [_backwards, pool.map]:
            other = make_row_costs(problem, map=other_map)
            assert_array_equal(other(x), make_row_costs(problem)(x))


@outputs
@weights
def test_targets_of_many_rows_are_made_anew_each_time(monkeypatch, output, weighted):
    problem = make_problem(output=output, n_rows=23, weighted=weighted)
    objective = make_objective(problem)
    x, reg_lambda = x_of(objective, problem), problem.reg_lambda
    J, D, _ = objective(x, reg_lambda)
    ((block,),) = (shard.blocks for shard in shards_of(objective))
    assert block().y is block().y
    monkeypatch.setattr(rows, "MANY_ROWS", 22)
    objective = make_objective(problem)
    ((block,),) = (shard.blocks for shard in shards_of(objective))
    assert block().y is not block().y
    for _ in range(2):
        J_again, D_again, _ = objective(x, reg_lambda)
        assert J_again == J
        assert_array_equal(D_again, D)


def _backwards(function, shards):
    """Apply a function to the shards, the last one first."""
    return [function(shard) for shard in reversed(list(shards))][::-1]


@pytest.mark.parametrize("centred", [False, True], ids=["plain", "centred"])
def test_whoever_runs_the_shards_gets_the_same_bits(monkeypatch, centred):
    split_rows(monkeypatch, block_rows=3, shard_rows=7, max_shards=16)
    problem = make_problem((4, 2), n_rows=23)
    objective = make_objective(problem, centred=centred)
    x, reg_lambda = x_of(objective, problem), problem.reg_lambda
    J, D, _ = objective(x, reg_lambda)
    with ThreadPoolExecutor(3) as pool:
        for other_map in [_backwards, pool.map]:
            other = make_objective(problem, centred=centred, map=other_map)
            J_other, D_other, _ = other(x, reg_lambda)
            assert J_other == J
            assert_array_equal(D_other, D)


class _ShardOf(NamedTuple):
    """A shard that knows its sums."""

    cost: float
    Delta: Thetas

    def cost_and_gradient(self, thetas):
        return self.cost, self.Delta


def test_sums_over_shards_are_taken_in_float64():
    # In float32, each of the many leaves the first as it is.
    parts = [np.array([1, -1, 0, 3], np.float32)]
    parts += [np.array([2**-25, 2**-25, 2**-25, 2**-24], np.float32)] * 15
    shards = [_ShardOf(2.0**-60 if i else 1.0, Thetas(p, [(2, 2)])) for i, p in enumerate(parts)]
    cost, Delta = ShardSums(shards)(Thetas(np.zeros(4, np.float32), [(2, 2)]))
    assert cost == 1.0
    assert Delta.dtype == np.float64
    few = 15 * 2**-25
    assert_array_equal(Delta.vector, [1 + few, -1 + few, few, 3 + 2 * few])


def test_sums_over_shards_begin_at_zero_at_every_call():
    shards = [_ShardOf(1.0, Thetas(np.arange(4.0), [(2, 2)]))] * 3
    sums, thetas = ShardSums(shards), Thetas(np.zeros(4), [(2, 2)])
    for _ in range(2):
        cost, Delta = sums(thetas)
        assert cost == 3
        assert_array_equal(Delta.vector, 3 * np.arange(4.0))
    assert_array_equal(shards[0].Delta.vector, np.arange(4.0))


def test_rows_of_a_wide_sparse_matrix_share_gradient_sums():
    # What a block or shard writes must be worth it: few stored values, many parameters.
    X = csr_array((np.ones(20_000), (np.arange(20_000), np.arange(20_000) % 500)))
    shapes = [(25, 501), (4, 26)]
    n_parameters = 25 * 501 + 4 * 26
    for n_rows in (rows_of_block(X, shapes, float), rows_of_shard(X, shapes, 20_000)):
        assert n_rows * work_of_row(X, shapes) >= n_parameters
    assert rows_of_block(X, shapes, float) > rows_of_block(X.toarray(), shapes, float)
