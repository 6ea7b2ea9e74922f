"""The penalty lambda that "prior" is, and the grid of penalties that a number is."""

from typing import NamedTuple

import numpy as np

from skbackprop._network.activations import ACTIVATIONS
from skbackprop._network.network import Network
from skbackprop._rows.summed import SummedRows

# The greatest lambda that "prior" gives where targets are classes: 1/m silences data of a few dozen
# rows. Numbers of as few rows are overfitted without it (docs/defaults.rst).
PRIOR_CAP = 1e-3
# Of a grid's strong end, at least this (for logistic units).
STRONGEST = 1e-2


class Ends(NamedTuple):
    """Where a grid begins and ends, found by measuring (docs/defaults.rst).

    Attributes
    ----------
    of_collapse : float
        The strong end, as a share of the penalty at which the network collapses.
    of_prior : float
        The weak end, as a share of "prior".
    """

    of_collapse: float
    of_prior: float


# Of a few hundred noisy rows the penalty is strong, of many clean ones of many classes weak: folds
# can tell. One share of the rows that is held out can not: where it happens to be easy, it would
# choose far out.
WIDE, NARROW = Ends(0.5, 0.01), Ends(0.1, 0.1)


def prior_reg_lambda(rows: SummedRows, network: Network) -> float:
    """Return the lambda that "prior" stands for.

    Parameters
    ----------
    rows : Rows
    network : Network

    Returns
    -------
    float
        See `BackpropClassifier`. The number of rows, as the user gave them, bounds W from below
        where weights are normalised to sum to 1, as by AdaBoostClassifier; and so does their
        count, lest with small class weights a row of weight 2 were less than the row twice.
    """
    prior = _uncapped_prior(rows)
    if rows.targets.has_classes:
        prior = min(prior, PRIOR_CAP)
    return _penalty_factor(network) * prior


def _uncapped_prior(rows: SummedRows) -> float:
    m = max(rows.n_given, rows.total_count)
    return 1 / max(rows.total_weight, m)


def _penalty_factor(network: Network) -> float:
    """Return how many times the penalty of logistic units the hidden units feel as strongly."""
    factors = (ACTIVATIONS[name].penalty_factor for name in network.activations)
    return min(factors, default=1.0)


def reg_lambda_grid(
    rows: SummedRows, network: Network, n_lambdas: int, ends: Ends = WIDE
) -> np.ndarray:
    """Return a logarithmic grid of penalties, from strong to weak.

    Parameters
    ----------
    rows : Rows
    network : Network
    n_lambdas : int
        Number of penalties.
    ends : Ends, default=WIDE

    Returns
    -------
    ndarray of shape (n_lambdas,)
    """
    strongest = STRONGEST * _penalty_factor(network)
    if len(network.activations) == 1:
        # Where the penalty outweighs this, the null fit is a minimum: with g'(0) the slope of
        # the hidden units, the cost falls along the first singular vectors by g'(0) sigma_1.
        # Where X and the targets are hardly correlated, this says nothing of the best penalty.
        slope = ACTIVATIONS[network.activations[0]].slope_at_zero
        sigma = float(np.linalg.norm(rows.covariance_with_targets(), 2))
        strongest = max(ends.of_collapse * slope * sigma, strongest)
    weakest = ends.of_prior * _penalty_factor(network) * min(_uncapped_prior(rows), PRIOR_CAP)
    return np.geomspace(strongest, weakest, n_lambdas)
