"""Output units: their cost from the logits z, delta = H - y, and what they answer.

A fit gives the logits as a matrix z of shape (K, n), a column per row of X. Targets that are
numbers come as a matrix y of the same shape. Those that are classes come as `ones`: the
positions, in z flattened, of the units whose target is 1. One class per row, one binary unit and
many labels per row are then the same thing, and no matrix of zeros and ones is kept. Answers to a
user have a row per row of X, and so do the logits they are made of.

The cost comes from the logits, never from clipped probabilities, so that it is exact
where a unit is saturated and stays the function whose gradient delta is. Each unit's function is
the canonical link of its cost, which is why delta is H - y for all of them: P. McCullagh and
J. A. Nelder, "Generalized Linear Models", 2nd edition, 1989, ch. 2.
"""

import math
from typing import Protocol

import numpy as np
from scipy.special import log_expit, xlogy


class OutputUnits(Protocol):
    """What a network asks of its output units.

    ``name`` is that of the kind. ``cost_and_delta`` returns the cost summed over the rows of
    the block, times the rows' weights, and delta = w (H - y) in the place of z, of shape (K, n);
    ``costs`` that of each row, unweighted, and z is scratch space.
    ``log_likelihood`` returns, from logits of shape (n, K), that of the targets y of each row, but
    for a constant of these, and ``start`` the logits at which a random start is balanced.
    """

    name: str

    def cost_and_delta(
        self, z: np.ndarray, y: np.ndarray, w: np.ndarray | None
    ) -> tuple[float, np.ndarray]:
        """Return the weighted sum of costs, and delta in the place of z."""
        ...

    def costs(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the cost of each row, shape (n,)."""
        ...

    def log_likelihood(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each row's target, shape (n,); of labels, their mean."""
        ...

    def start(self, mean: np.ndarray) -> np.ndarray:
        """Return the logits of a balanced start, from the mean of each unit's target."""
        ...


class ClassUnits(OutputUnits, Protocol):
    """Output units whose answers are probabilities.

    ``log_proba`` returns log-probabilities of the classes (labels) from logits of shape (n, K), and
    ``constant_cost`` the mean cost of always predicting the same frequencies of the classes
    (labels).
    """

    def log_proba(self, z: np.ndarray) -> np.ndarray:
        """Return the log-probabilities of each row of logits."""
        ...

    def constant_cost(self, predicted: np.ndarray, frequencies: np.ndarray) -> float:
        """Return the cost per row of always predicting these where the targets have those."""
        ...


class NumberUnits(OutputUnits, Protocol):
    """Output units whose answers are numbers."""

    def predict(self, z: np.ndarray) -> np.ndarray:
        """Return the answers to each row of logits."""
        ...


class BalancedAtZero:
    """Units of which all answer alike where all logits are 0."""

    def start(self, mean: np.ndarray) -> np.ndarray:
        """Return zeros."""
        return np.zeros_like(mean)


class LogisticUnits(BalancedAtZero):
    """K sigmoids; cost_i = sum over k of log(1 + exp(z_k)) - y_k z_k."""

    name = "logistic"

    def cost_and_delta(
        self, z: np.ndarray, ones: np.ndarray, w: np.ndarray | None
    ) -> tuple[float, np.ndarray]:
        """Return the weighted sum of costs, and delta in the place of z."""
        # With u = -z where y = 1 and u = z elsewhere, every unit costs
        # log(1 + exp(u)) = max(u, 0) + log(1 + exp(-|u|)), without a difference of large
        # numbers, and |delta| is the sigmoid of u.
        u = _negate_in_place(z, ones)
        e = np.abs(u)
        np.negative(e, out=e)
        np.exp(e, out=e)
        positive = np.maximum(u, 0)
        delta = u
        np.copyto(delta, e)
        np.copyto(delta, 1, where=positive > 0)
        delta /= 1 + e
        _negate_in_place(delta, ones)
        if w is None:
            return float(positive.sum(dtype=np.float64)) + _sum_log1p(e.reshape(-1)), delta
        delta *= w
        positive += np.log1p(e)
        return float(w @ positive.sum(axis=0, dtype=np.float64)), delta

    def costs(self, z: np.ndarray, ones: np.ndarray) -> np.ndarray:
        """Return the cost of each row, shape (n,)."""
        return np.logaddexp(0, _negate_in_place(z, ones)).sum(axis=0)

    def constant_cost(self, predicted: np.ndarray, frequencies: np.ndarray) -> float:
        """Return the cost per row of always predicting these where the targets have those."""
        # A weighted mean of ones may round to more.
        p, y = np.minimum(predicted, 1), np.minimum(frequencies, 1)
        return float(-(xlogy(y, p) + xlogy(1 - y, 1 - p)).sum())


def _negate_in_place(z: np.ndarray, ones: np.ndarray) -> np.ndarray:
    """Return z, with the sign changed of the elements at these positions."""
    flat = z.reshape(-1)
    flat[ones] = -flat.take(ones)
    return z


def _sum_log1p(p: np.ndarray) -> float:
    """Return the sum of log(1 + p), p in [0, 1]; p is used as scratch space.

    Logarithms are what it costs, and log(1 + p) + log(1 + q) = log(1 + (p + q + p q)) halves
    their number without a loss of accuracy, five times over: 2**32 overflows no type.
    """
    for _ in range(5):
        half, odd = divmod(len(p), 2)
        if odd:
            break
        q, p = p[half:], p[:half]
        product = p * q
        p += q
        p += product
    return float(np.log1p(p, out=p).sum(dtype=np.float64))


def _of_own_class(log_proba: np.ndarray, y: np.ndarray) -> np.ndarray:
    own = np.take_along_axis(log_proba, y.astype(np.intp)[:, np.newaxis], axis=1)
    return own[:, 0]


class BinaryUnit(LogisticUnits):
    """One sigmoid for two classes."""

    def log_proba(self, z: np.ndarray) -> np.ndarray:
        """Return the log-probabilities of the two classes, shape (m, 2)."""
        return log_expit(z * np.array([-1, 1], z.dtype))

    def log_likelihood(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the log-probability of each row's class, shape (m,)."""
        return _of_own_class(self.log_proba(z), y)


class LabelUnits(LogisticUnits):
    """One sigmoid per label, each a question of its own."""

    def log_proba(self, z: np.ndarray) -> np.ndarray:
        """Return the log-probability that a row has the label, shape (m, K)."""
        return log_expit(z)

    def log_likelihood(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the mean log-probability of each row's labels, present or not, shape (m,)."""
        return log_expit(np.where(y, z, -z)).mean(axis=1)


class OneVsRestUnits(LogisticUnits):
    """One sigmoid per class; their values are normalised to sum to 1."""

    def log_proba(self, z: np.ndarray) -> np.ndarray:
        """Return the log-probabilities of the classes, shape (m, K)."""
        # On logarithms: the plain quotient is 0 / 0 where all sigmoids are saturated.
        log_sigmoids = log_expit(z)
        greatest = np.expand_dims(z.argmax(axis=1), 1)
        log_sigmoids -= np.take_along_axis(log_sigmoids, greatest, axis=1)
        # log_expit of a smaller z can be greater in the last bit: the prediction stays ahead.
        return _log_softmax(np.minimum(log_sigmoids, 0))

    def log_likelihood(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the log-probability of each row's class, shape (m,)."""
        return _of_own_class(self.log_proba(z), y)


def _log_softmax(z: np.ndarray, axis: int = 1) -> np.ndarray:
    """Return what scipy's `log_softmax` does of finite numbers: for few rows, in half the time."""
    z = z - np.maximum.reduce(z, axis, keepdims=True)
    z -= np.log(np.add.reduce(np.exp(z), axis, keepdims=True))
    return z


class SoftmaxUnits(BalancedAtZero):
    """Softmax over K classes; cost_i = logsumexp(z) - z_y."""

    name = "softmax"

    def cost_and_delta(
        self, z: np.ndarray, ones: np.ndarray, w: np.ndarray | None
    ) -> tuple[float, np.ndarray]:
        """Return the weighted sum of costs, and delta in the place of z."""
        e, others = _relative_to_own(z, ones)
        cost = np.log1p(others)
        cost_sum = (
            float(cost.sum(dtype=np.float64))
            if w is None
            else float(w.dot(cost.astype(np.float64)))
        )
        if not math.isfinite(cost_sum):
            return self._cost_and_delta_of_large(z, ones, w)
        total = 1 + others
        delta = np.divide(e, total, out=z)
        delta.reshape(-1)[ones] = -others / total
        if w is not None:
            delta *= w
        return cost_sum, delta

    def _cost_and_delta_of_large(
        self, z: np.ndarray, ones: np.ndarray, w: np.ndarray | None
    ) -> tuple[float, np.ndarray]:
        """Do the same where z_k - z_y is so large that its exponential overflows."""
        z -= z.max(axis=0)
        z_y = z.reshape(-1)[ones]
        delta = np.exp(z, out=z)
        total = delta.sum(axis=0)
        delta /= total
        delta.reshape(-1)[ones] -= 1
        cost = np.log(total, dtype=np.float64) - z_y
        if w is None:
            return float(cost.sum()), delta
        delta *= w
        return float(w @ cost), delta

    def costs(self, z: np.ndarray, ones: np.ndarray) -> np.ndarray:
        """Return the cost of each row, shape (n,)."""
        costs = np.log1p(_relative_to_own(z, ones)[1])
        if np.isfinite(costs).all():
            return costs
        return -_log_softmax(z, axis=0).reshape(-1)[ones]

    def log_proba(self, z: np.ndarray) -> np.ndarray:
        """Return the log-probabilities of the classes, shape (m, K)."""
        # The difference of two of the greatest numbers is infinite.
        with np.errstate(over="ignore"):
            return np.maximum(_log_softmax(z), np.finfo(z.dtype).min)

    def log_likelihood(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the log-probability of each row's class, shape (m,)."""
        return _of_own_class(self.log_proba(z), y)

    def constant_cost(self, predicted: np.ndarray, frequencies: np.ndarray) -> float:
        """Return the cost per row of always predicting these where the targets have those."""
        return float(-xlogy(frequencies, predicted).sum())


def _relative_to_own(z: np.ndarray, ones: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return exp(z_k - z_y), 0 for the row's own class y, and its sum over the others.

    With it, the cost is log(1 + others), H_y - 1 is -others / (1 + others), and neither is a
    difference of like numbers.
    """
    e = z - z.reshape(-1).take(ones)
    np.exp(e, out=e)
    e.reshape(-1)[ones] = 0
    return e, np.ones(len(e), e.dtype).dot(e)


class IdentityUnits:
    """K linear units; cost_i = 1/2 sum over k of (z_k - y_k)^2."""

    name = "identity"

    def cost_and_delta(
        self, z: np.ndarray, y: np.ndarray, w: np.ndarray | None
    ) -> tuple[float, np.ndarray]:
        """Return the weighted sum of costs, and delta in the place of z."""
        z -= y
        difference = z.astype(np.float64)
        if w is not None:
            z *= w
        cost = 0.5 * float(np.vdot(difference, z.astype(np.float64, copy=False)))
        return cost, z

    def costs(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the cost of each row."""
        z -= y
        return 0.5 * np.einsum("kn,kn->n", z, z, dtype=np.float64)

    def log_likelihood(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the log-density of each row's targets under unit normals, but for a constant."""
        return -0.5 * ((z - y) ** 2).sum(axis=1)

    def start(self, mean: np.ndarray) -> np.ndarray:
        """Return the mean."""
        return mean

    def predict(self, z: np.ndarray) -> np.ndarray:
        """Return the logits themselves."""
        return z


class ExpUnits:
    """K exponential units; cost_i = sum over k of exp(z_k) - y_k z_k, less that where exp(z) = y.

    Twice the cost is the Poisson deviance. From z = `KNEE` on, the exponential is continued as its
    tangent: where a trial step of a line search leads far beyond any target, the cost is great, and
    still finite, smooth and convex, also in float32, and the search goes back by itself.
    """

    name = "exp"

    # exp(50) is 5e21, a million times the greatest target (`MOST_COUNT`), and leaves float32 room
    # for weights and sums.
    KNEE = 50.0

    def cost_and_delta(
        self, z: np.ndarray, y: np.ndarray, w: np.ndarray | None
    ) -> tuple[float, np.ndarray]:
        """Return the weighted sum of costs, and delta in the place of z."""
        cost, delta = self._costs_and_differences(z, y)
        if w is not None:
            cost *= w
            delta *= w
        z[...] = delta
        return float(cost.sum()), z

    def _costs_and_differences(self, z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return, unit by unit and in float64, the cost and H - y."""
        z, y = z.astype(np.float64), y.astype(np.float64, copy=False)
        exp = np.exp(np.minimum(z, self.KNEE))
        u = z - np.log(np.where(y > 0, y, 1))
        # exp(z) is y exp(u): near u = 0 there is no difference of like numbers.
        is_near = (np.abs(u) < 1) & (y > 0)
        near = y * np.expm1(np.where(is_near, u, 0))
        delta = np.where(is_near, near, exp - y)
        tangent = exp * np.maximum(z - self.KNEE, 0)
        return delta + tangent - y * u, delta

    def costs(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the cost of each row."""
        return self._costs_and_differences(z, y)[0].sum(axis=0)

    def log_likelihood(self, z: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each row's counts, less that where each is expected."""
        return -self._costs_and_differences(z, y)[0].sum(axis=1)

    def start(self, mean: np.ndarray) -> np.ndarray:
        """Return the logarithm of the mean."""
        return np.log(np.maximum(mean, np.finfo(np.float64).tiny))

    def predict(self, z: np.ndarray) -> np.ndarray:
        """Return the exponentials: positive, and finite for any logits."""
        limits = np.finfo(np.float64)
        with np.errstate(over="ignore", under="ignore"):
            return np.clip(np.exp(z.astype(np.float64)), limits.tiny, limits.max)


NUMBER_UNITS: dict[str, NumberUnits] = {
    units.name: units for units in (IdentityUnits(), ExpUnits())
}


def class_units(out_activation: str, n_outputs: int, multilabel: bool) -> ClassUnits:
    """Return the output units of that kind for targets that are classes.

    Parameters
    ----------
    out_activation : {"logistic", "softmax"}
        "softmax" is for more than two classes; elsewhere the units are logistic.
    n_outputs : int
        Number of units: 1 for two classes.
    multilabel : bool
        Whether each unit is a label of its own.
    """
    if multilabel:
        return LabelUnits()
    if n_outputs == 1:
        return BinaryUnit()
    return SoftmaxUnits() if out_activation == "softmax" else OneVsRestUnits()
