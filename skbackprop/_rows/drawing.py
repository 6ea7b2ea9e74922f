"""A share of the weight of rows, drawn at random: as it would be from the rows unmerged.

Where all weights are whole numbers, or whole multiples of the least, units of weight are drawn
without replacement, so that a merged row may be on both sides. Where they are not, rows are drawn
whole, but for those heavy enough to tip the balance, which are divided.
"""

import numpy as np
from numpy.typing import NDArray

# A sum of weights above which units are not drawn one by one (numpy's own limit).
MOST_UNITS = 10**9
# The share of its stratum's weight from which a row is divided.
HEAVY = 0.03


def draw_share(
    w: NDArray | None,
    strata: NDArray,
    share: float,
    least: int,
    random_state: np.random.RandomState,
) -> NDArray:
    """Return how much of each row's weight is drawn.

    Parameters
    ----------
    w : ndarray of shape (m,) or None
        Weights of the rows; None where all are 1.
    strata : ndarray of int of shape (m,)
        Each gives about the same share of its weight.
    share : float
        Of the whole weight, rounded up to a unit of it.
    least : int
        How many units are drawn at least in all.
    random_state : RandomState
        Seeds the draw.

    Returns
    -------
    ndarray of shape (m,)
        A stratum of more than one unit gives at least one, and keeps one.
    """
    rng = np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))
    members = _members(strata)
    unit = _unit(w)
    drawn = np.zeros(len(strata))
    if w is None:
        sizes = np.array([len(rows) for rows in members])
        for rows, n in zip(members, _sizes_of_draws(sizes, share, least), strict=True):
            drawn[rng.choice(rows, n, replace=False, shuffle=False)] = 1
    elif unit is None:
        for rows in members:
            drawn[rows] = _draw_rows(w[rows], share, rng)
    else:
        units = np.rint(w / unit).astype(np.int64)
        sizes = np.array([units[rows].sum() for rows in members])
        for rows, n in zip(members, _sizes_of_draws(sizes, share, least), strict=True):
            taken = rng.multivariate_hypergeometric(units[rows], n)
            drawn[rows] = np.where(taken == units[rows], w[rows], taken * unit)
    return drawn


def _members(strata: NDArray) -> list[NDArray]:
    """Return the positions of the rows of each stratum that has any."""
    in_order = np.argsort(strata, kind="stable")
    ends = np.cumsum(np.bincount(strata))
    return [rows for rows in np.split(in_order, ends[:-1]) if len(rows)]


def _unit(w: NDArray | None) -> float | None:
    """Return the unit that all weights are multiples of, or None where there is none."""
    if w is None:
        return 1.0
    # 1 comes first: in whole numbers, a weight of 2 is two rows, whatever the others are.
    for unit, tolerance in ((1.0, 0.0), (float(w.min()), 1e-9)):
        with np.errstate(over="ignore"):
            multiples = w / unit
        if (
            multiples.sum() < MOST_UNITS
            and (abs(multiples - np.rint(multiples)) <= tolerance).all()
        ):
            return unit
    return None


def _sizes_of_draws(sizes: NDArray, share: float, least: int) -> NDArray:
    """Return how many units each stratum gives, in proportion to its size."""
    n = max(int(np.ceil(share * sizes.sum())), least)
    exact = sizes * (n / sizes.sum())
    draws = np.floor(exact).astype(np.int64)
    # The greatest remainders are rounded up; among equals, those of the first strata.
    rounded_up = np.argsort(draws - exact, kind="stable")[: n - draws.sum()]
    draws[rounded_up] += 1
    return np.clip(draws, np.minimum(sizes - 1, 1), sizes - 1)


def _draw_rows(w: NDArray, share: float, rng: np.random.Generator) -> NDArray:
    """Return how much is drawn of the weight of the rows of one stratum."""
    is_heavy = w >= HEAVY * w.sum()
    drawn = np.where(is_heavy, share * w, 0.0)
    light = rng.permutation(np.flatnonzero(~is_heavy))
    # Whole rows until their weight is nearest to the share.
    middles = np.cumsum(w[light]) - w[light] / 2
    taken = light[middles < share * w[light].sum()]
    drawn[taken] = w[taken]
    return drawn
