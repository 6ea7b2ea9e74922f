"""
Counts: the Poisson loss beside the squared error
=================================================

How many pull-ups twenty men of a fitness club managed, against the size of their waist. The squared
error takes a count for a number like any other: its line runs below zero, and it looks as hard at
the difference of 15 and 17 as at that of 1 and 3. With ``loss="poisson"`` the output unit is an
exponential, so no prediction is below zero, and a difference weighs the less the greater the count
that is expected.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_linnerud
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropRegressor

linnerud = load_linnerud()
waist = linnerud.target[:, [1]] * 2.54
pull_ups = linnerud.data[:, 0]
grid = np.linspace(70, 125, 300)[:, np.newaxis]


def network(units, loss):
    regressor = BackpropRegressor(units, loss=loss, reg_lambda=0.01, random_state=0)
    return make_pipeline(StandardScaler(), regressor)


_, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for ax, units in zip(axes, [(), 5], strict=True):
    ax.scatter(waist, pull_ups, color="0.5", label="men")
    for loss, linestyle in [("squared_error", "--"), ("poisson", "-")]:
        fit = network(units, loss).fit(waist, pull_ups)
        ax.plot(grid, fit.predict(grid), linestyle, label=loss)
    ax.axhline(0, color="0.8", linewidth=1, zorder=0)
    ax.set(xlabel="waist (cm)", title=f"{units or 'no'} hidden units")
axes[0].set_ylabel("pull-ups")
axes[0].legend()
plt.show()

# %%
# Among twenty men the two explain about as much, each by its own measure. They part where no man
# holds the curve up: a straight line predicts fewer than none.
for units in [(), 5]:
    for loss, measure in [("squared_error", "R²"), ("poisson", "D²")]:
        fit = network(units, loss).fit(waist, pull_ups)
        (at_120,) = fit.predict([[120.0]])
        print(
            f"{units or 'no'} hidden units, {loss:13}  {measure} {fit.score(waist, pull_ups):.2f}, "
            f"at 120 cm {at_120:.1f} pull-ups"
        )
