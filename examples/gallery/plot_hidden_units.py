"""
What hidden units see
=====================

A unit of the first hidden layer weighs every feature. Where the features are the pixels of an
image, its weights are an image too: red pixels speak for the unit, blue ones against it.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits, load_wine
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, HiddenUnitsDisplay

X, y = load_digits(return_X_y=True)
X /= 16
_, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for ax, reg_lambda, tol in zip(axes, [1e-5, 1e-3], [1e-3, 1e-4], strict=True):
    classifier = BackpropClassifier(25, reg_lambda=reg_lambda, tol=tol, random_state=0)
    classifier.fit(X, y)
    HiddenUnitsDisplay.from_estimator(classifier, image_shape=(8, 8), ax=ax)
    ax.set_title(f"Handwritten digits, lambda = {reg_lambda:.0e}")
plt.show()

# %%
# With hardly a penalty and few iterations, the random start shows through everywhere. With a
# stronger penalty, and fitted longer, what is of no use shrinks away: the pixels at the edges,
# which are blank in nearly all digits, go white; strokes and gaps remain.
#
# Where the features are not pixels, the weights are a heat map with their names.

wine = load_wine(as_frame=True)
X = StandardScaler().set_output(transform="pandas").fit_transform(wine.data)
classifier = BackpropClassifier(6, reg_lambda=1e-2, random_state=0).fit(X, wine.target)
_, ax = plt.subplots(figsize=(8, 5), layout="constrained")
HiddenUnitsDisplay.from_estimator(classifier, ax=ax)
ax.set_title("Wine: six hidden units")
plt.show()
