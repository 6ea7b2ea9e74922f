"""
A curve through numbers
=======================

The width of an iris's sepal against the length of its petal: the flowers of the small species have
wide sepals, and within the other two the width grows again. Without a hidden layer the network is a
straight line; a unit more lets it bend once more. What keeps 30 units from following every point is
the penalty, which ``BackpropRegressorCV`` searches.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropRegressor, BackpropRegressorCV

iris = load_iris()
petal_length, sepal_width = iris.data[:, [2]], iris.data[:, 1]
grid = np.linspace(0.8, 7.1, 400)[:, np.newaxis]


def network(units, **parameters):
    regressor = BackpropRegressor(units, tol=1e-4, max_iter=5000, random_state=0, **parameters)
    return make_pipeline(StandardScaler(), regressor)


fits = {
    "no hidden unit": network((), reg_lambda=1e-5),
    "2 units": network(2, reg_lambda=1e-5),
    "30 units, λ = 1e-5": network(30, reg_lambda=1e-5),
    "30 units, λ searched": make_pipeline(
        StandardScaler(),
        BackpropRegressorCV(30, cv=KFold(5, shuffle=True, random_state=0), random_state=0),
    ),
}
_, axes = plt.subplots(2, 2, figsize=(9, 6), sharex=True, sharey=True, layout="constrained")
for ax, (name, fit) in zip(axes.flat, fits.items(), strict=True):
    fit.fit(petal_length, sepal_width)
    ax.scatter(petal_length, sepal_width, s=10, color="0.6")
    ax.plot(grid, fit.predict(grid), linewidth=2)
    ax.set(title=f"{name}: R² {fit.score(petal_length, sepal_width):.2f}", ylim=(1.8, 4.6))
for ax in axes[1]:
    ax.set_xlabel("petal length (cm)")
for ax in axes[:, 0]:
    ax.set_ylabel("sepal width (cm)")
plt.show()

# %%
# R² on the data of the fit rises with every unit, and says nothing of new flowers. The search looks
# at those that a fit has not seen: minus their mean cost, with y in standard deviations.
search = fits["30 units, λ searched"][-1]
for reg_lambda, score in zip(search.reg_lambdas_, search.scores_.mean(axis=0), strict=True):
    if np.isfinite(score):  # a path ends once its scores have turned
        print(f"λ = {reg_lambda:.1e}  score {score:.4f}")
print(f"chosen: {search.reg_lambda_:.1e}; y has mean {search.y_mean_}, scale {search.y_scale_}")
