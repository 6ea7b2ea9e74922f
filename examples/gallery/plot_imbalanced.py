"""
Imbalanced classes: weights, or another threshold
=================================================

One digit in ten is an eight. A small network that is to find them, and is penalised strongly, says
"no" too often when the classes are left as they are. Two cures: weights that make both classes
count the same (``class_weight="balanced"``), or the plain probabilities and another threshold than
one half, chosen by ``TunedThresholdClassifierCV``.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay, balanced_accuracy_score
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier

X, y = load_digits(return_X_y=True)
is_eight = y == 8
X_train, X_test, y_train, y_test = train_test_split(
    X, is_eight, test_size=0.5, stratify=is_eight, random_state=0
)


def network(**parameters):
    classifier = BackpropClassifier(2, reg_lambda=1e-2, random_state=0, **parameters)
    return make_pipeline(StandardScaler(), classifier)


models = {
    "as they are": network(),
    'class_weight="balanced"': network(class_weight="balanced"),
    "threshold tuned": TunedThresholdClassifierCV(network(), scoring="balanced_accuracy"),
}
_, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    predicted = model.fit(X_train, y_train).predict(X_test)
    ConfusionMatrixDisplay.from_predictions(
        y_test,
        predicted,
        display_labels=["another", "eight"],
        cmap="Blues",
        colorbar=False,
        ax=ax,
    )
    score = balanced_accuracy_score(y_test, predicted)
    ax.set_title(f"{name}\nbalanced accuracy {score:.2f}", fontsize=11)
plt.show()

# %%
# What the cures do to the probabilities is not the same. The mean probability of an eight
# should be the share of eights. With the weights it is not: they made a world in which half of
# all digits are eights.

print(f"eights among the test rows  {y_test.mean():.2f}")
for name in ["as they are", 'class_weight="balanced"']:
    print(f"{name:26}  {models[name].predict_proba(X_test)[:, 1].mean():.2f}")
