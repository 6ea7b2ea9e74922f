"""Rows drawn at random by their weight: a share of it, or rows one by one.

A share is drawn as it would be from the rows unmerged.

Where all weights are whole numbers, or those of a stratum whole multiples of that of one row, units
of weight are drawn without replacement, so that a merged row may be on both sides. Where they are
not, rows that were several are divided, and those heavy enough to tip the balance; others are drawn
whole.
"""

import numpy as np

# A sum of weights above which units are not drawn one by one (numpy's own limit).
MOST_UNITS = 10**9
# A sum of weights above which float64 does not hold every whole number.
MOST_EXACT = 2**53
# The share of its stratum's weight from which a row is divided, if it is so many times as heavy as
# the others, too: few rows of about equal weight are drawn whole.
HEAVY = 0.03
TIMES_THE_MEDIAN = 3.0


def draw_share(
    w: np.ndarray | None,
    strata: np.ndarray,
    share: float,
    least: int,
    random_state: np.random.RandomState,
    is_merged: np.ndarray | None = None,
) -> np.ndarray:
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
    is_merged : ndarray of bool of shape (m,) or None
        Which rows were several.

    Returns
    -------
    ndarray of shape (m,)
        A stratum of more than one unit gives at least one, and keeps one.
    """
    rng = np.random.default_rng(random_state.randint(np.iinfo(np.int32).max))
    members = _members(strata)
    drawn = np.zeros(len(strata))
    is_whole = w is None or _is_whole(w)
    if w is None or (is_whole and w.sum() < MOST_UNITS):
        sizes = np.array([len(rows) if w is None else w[rows].sum() for rows in members])
        draws = _sizes_of_draws(sizes.astype(np.int64), share, least)
        for rows, n in zip(members, draws, strict=True):
            if w is None:
                drawn[rng.choice(rows, n, replace=False, shuffle=False)] = 1
            else:
                drawn[rows] = _draw_units(w[rows], 1.0, n, rng)
        return drawn
    if is_whole:  # each row is as many as it weighs, though these are too many to draw one by one
        is_merged = w > 1
    elif is_merged is None:
        is_merged = np.zeros(len(w), dtype=bool)
    for rows in members:
        unit = 1.0 if is_whole else w[rows].min()
        units = w[rows] / unit
        is_of_a_row = is_whole or not is_merged[rows][units == 1].all()
        are_few = units.sum() < MOST_UNITS
        if is_of_a_row and are_few and (abs(units - np.rint(units)) <= 1e-9).all():
            (n,) = _sizes_of_draws(np.rint(units).sum(keepdims=True).astype(np.int64), share, 1)
            drawn[rows] = _draw_units(w[rows], unit, n, rng)
        else:
            drawn[rows] = _draw_rows(w[rows], is_merged[rows], share, rng)
    return drawn


def draw_by_weight(w: np.ndarray | None, n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Return the positions of as many rows as there are, in random order.

    Parameters
    ----------
    w : ndarray of shape (n_rows,) or None
        How often each comes up, up to a factor: to the whole number above or below. None, or equal
        weights, is once.
    n_rows : int
    rng : Generator

    Returns
    -------
    ndarray of int of shape (n_rows,)
    """
    if w is None:
        return rng.permutation(n_rows)
    # Systematic sampling: marks at equal distances along the sum of the weights.
    ends = np.cumsum(w)
    marks = (np.arange(n_rows) + rng.random()) * (ends[-1] / n_rows)
    drawn = np.searchsorted(ends, marks, side="right")
    return rng.permutation(np.minimum(drawn, n_rows - 1))


def _is_whole(w: np.ndarray) -> bool:
    """Tell whether all weights are whole numbers: then a weight of 2 is two rows."""
    # Any float is, from where floats are no longer exact.
    return bool(w.sum() < MOST_EXACT and (w == np.rint(w)).all())


def _members(strata: np.ndarray) -> list[np.ndarray]:
    """Return the positions of the rows of each stratum that has any."""
    in_order = np.argsort(strata, kind="stable")
    ends = np.cumsum(np.bincount(strata))
    return [rows for rows in np.split(in_order, ends[:-1]) if len(rows)]


def _draw_units(w: np.ndarray, unit: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return how much is drawn of rows' weights where n units are."""
    units = np.rint(w / unit).astype(np.int64)
    taken = rng.multivariate_hypergeometric(units, n)
    return np.where(taken == units, w, taken * unit)


def _sizes_of_draws(sizes: np.ndarray, share: float, least: int) -> np.ndarray:
    """Return how many units each stratum gives, in proportion to its size."""
    n = max(int(np.ceil(share * sizes.sum())), least)
    exact = sizes * (n / sizes.sum())
    draws = np.floor(exact).astype(np.int64)
    # The greatest remainders are rounded up; among equals, those of the first strata.
    rounded_up = np.argsort(draws - exact, kind="stable")[: n - draws.sum()]
    draws[rounded_up] += 1
    return np.clip(draws, np.minimum(sizes - 1, 1), sizes - 1)


def _draw_rows(
    w: np.ndarray, is_merged: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Return how much is drawn of the weight of the rows of one stratum."""
    is_heavy = (w >= HEAVY * w.sum()) & (w >= TIMES_THE_MEDIAN * np.median(w))
    is_divided = is_merged | is_heavy
    drawn = np.where(is_divided, share * w, 0.0)
    light = rng.permutation(np.flatnonzero(~is_divided))
    # Whole rows until their weight is nearest to the share.
    middles = np.cumsum(w[light]) - w[light] / 2
    taken = light[middles < share * w[light].sum()]
    if not is_divided.any():  # at least one, and not all
        taken = light[: min(max(len(taken), 1), len(light) - 1)]
    drawn[taken] = w[taken]
    return drawn
