"""
Decision boundaries as units grow
=================================

Two measurements of wines from three growers, and networks with more and more hidden units, with
a weak penalty in the upper row and a strong one in the lower. Without a hidden layer boundaries
are straight lines. More units bend them; the penalty smooths them again.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier

wine = load_wine(as_frame=True)
names = ["flavanoids", "color_intensity"]
X, y = StandardScaler().fit_transform(wine.data[names]), wine.target.to_numpy()
grid = np.meshgrid(*(np.linspace(X[:, j].min() - 0.3, X[:, j].max() + 0.3, 150) for j in (0, 1)))
points = np.column_stack([axis.ravel() for axis in grid])

colours = ListedColormap(["#4477aa", "#ddaa33", "#bb5566"])  # told apart by colour-blind eyes
penalties, layers = [1e-5, 1e-2], [(), 2, 5, 50]
_, axes = plt.subplots(2, 4, figsize=(11, 5.8), sharex=True, sharey=True, layout="constrained")
for row, reg_lambda in zip(axes, penalties, strict=True):
    for ax, hidden in zip(row, layers, strict=True):
        classifier = BackpropClassifier(
            hidden, reg_lambda=reg_lambda, tol=1e-3, max_iter=2000, random_state=0
        ).fit(X, y)
        regions = classifier.predict(points).reshape(grid[0].shape)
        ax.pcolormesh(*grid, regions, cmap=colours, alpha=0.3, shading="nearest", rasterized=True)
        dots = ax.scatter(*X.T, c=y, cmap=colours, s=12, edgecolor="white", linewidth=0.4)
        ax.set_title(f"{hidden or 'no'} hidden units, lambda {reg_lambda:.0e}", fontsize=10)
for ax in axes[-1]:
    ax.set_xlabel("flavanoids, scaled")
for ax in axes[:, 0]:
    ax.set_ylabel("colour intensity, scaled")
axes[0, 0].legend(*dots.legend_elements(), title="grower", loc="upper right", fontsize=8)
plt.show()
