"""
Can the probabilities be trusted?
=================================

Of the rows to which a model gives a probability of 0.8, eight in ten should have the class. The
reliability curve shows it: the closer to the diagonal, the better. The rows are diabetes
patients; the class is whether the disease has progressed further, after a year, than that of half
of them. Each is predicted by a model that has not seen it.
"""

import matplotlib.pyplot as plt
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import load_diabetes
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropClassifierCV

diabetes = load_diabetes(as_frame=True)
X, y = diabetes.data, diabetes.target > diabetes.target.median()
models = {
    "penalty chosen": BackpropClassifierCV(10, reg_lambdas=5, random_state=0),
    "hardly a penalty": BackpropClassifier(
        10, reg_lambda=1e-6, tol=1e-3, max_iter=2000, random_state=0
    ),
    "naive Bayes": GaussianNB(),
}

_, (left, right) = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
folds = StratifiedKFold(5, shuffle=True, random_state=0)
for name, model in models.items():
    pipeline = make_pipeline(StandardScaler(), model)
    p = cross_val_predict(pipeline, X, y, cv=folds, method="predict_proba")[:, 1]
    print(f"{name:16}  log-loss {log_loss(y, p):.2f}")
    CalibrationDisplay.from_predictions(y, p, n_bins=6, strategy="quantile", name=name, ax=left)
    right.hist(p, bins=20, range=(0, 1), histtype="step", label=name, linewidth=1.5)
left.set(xlabel="mean predicted probability", ylabel="share that progressed", title="Reliability")
right.set(xlabel="predicted probability", ylabel="patients", title="How sure they are")
right.legend()
plt.show()

# %%
# Where nearly nothing holds the weights back, ten units learn the patients by heart, and are
# sure where they should not be. The log-loss, a proper score, charges for that; it is also what
# ``BackpropClassifierCV`` chooses the penalty by.
