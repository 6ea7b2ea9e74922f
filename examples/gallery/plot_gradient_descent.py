"""
Gradient descent by hand
========================

Back-propagation gives the cost J and, for each matrix Theta, the matrix D of its derivatives. What
to do with them is another matter. Here they are taken from ``cost_and_gradient``, first to go
downhill in small steps, as in the lecture, and then for the two methods that
``BackpropClassifier`` leaves it to.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_wine
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifier, check_gradient, cost_and_gradient

X, y = load_wine(return_X_y=True)
X = scale(X)
network = BackpropClassifier(5, activation="tanh", reg_lambda=1e-2)
rng = np.random.default_rng(0)
start = [rng.uniform(-0.5, 0.5, size=shape) for shape in [(5, 14), (3, 6)]]


def descend(rate, n_steps):
    """Return J on the way, one evaluation a step."""
    thetas, costs = start, []
    for _ in range(n_steps):
        J, D = cost_and_gradient(network, X, y, thetas=thetas)
        thetas = [Theta - rate * D_l for Theta, D_l in zip(thetas, D, strict=True)]
        costs.append(J)
    return costs


def minimize_by(method):
    """Return the same of a method of scipy, which wants the matrices as one vector."""
    costs = []

    def J_and_D(vector):
        thetas = [vector[:70].reshape(5, 14), vector[70:].reshape(3, 6)]
        J, D = cost_and_gradient(network, X, y, thetas=thetas)
        costs.append(J)
        return J, np.concatenate([D_l.ravel() for D_l in D])

    vector = np.concatenate([Theta.ravel() for Theta in start])
    minimize(J_and_D, vector, jac=True, method=method, options={"gtol": 1e-6})
    return costs


curves = {
    "gradient descent, rate 0.1": descend(0.1, 600),
    "gradient descent, rate 1": descend(1.0, 600),
    "conjugate gradients": minimize_by("CG"),
    "L-BFGS": minimize_by("L-BFGS-B"),
}
least = min(map(min, curves.values()))

_, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
for (name, costs), style in zip(curves.items(), [":", "-.", "--", "-"], strict=True):
    # The best so far: a line search also looks where it does not stay.
    above = np.minimum.accumulate(costs) - least
    ax.loglog(np.arange(1, len(above) + 1), np.maximum(above, 1e-9), style, label=name)
    needed = np.flatnonzero(above < 1e-4)
    said = f"after {needed[0] + 1} evaluations" if len(needed) else "not in 600 evaluations"
    print(f"{name:27} within 0.0001 of the least J: {said}")
ax.set(xlabel="evaluations of J and D", ylabel="J less the least J", ylim=(1e-8, None))
ax.set_title("One network, one start, four ways down")
ax.legend(loc="lower left")
plt.show()

# %%
# All four start from the same Thetas and use the same D. A greater rate is quicker, until it is too
# great and leads nowhere; the other two find the length of their steps themselves, and learn from
# one step for the next. An evaluation is what costs time, so the axis counts these.
#
# Is D right? The slope of J, from J a little to either side, tells. This is done for each
# component, and summed up for each Theta:
print(check_gradient(network.set_params(thetas_init=start), X, y))
