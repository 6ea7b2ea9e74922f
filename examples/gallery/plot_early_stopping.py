"""
Early stopping
==============

Without a penalty, a network goes on learning its rows by heart. Early stopping holds some rows
out and watches their cost; where it has not become less for ``n_iter_no_change`` iterations the
fit stops, and the weights with the least validation cost are kept. Here with L-BFGS, on patients
of whom little can be said for sure: will their diabetes have progressed further, after a year, than
that of half of them?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, LossCurveDisplay

X, progression = load_diabetes(return_X_y=True)
y = np.where(progression > np.median(progression), "further", "less far")
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

stopped = BackpropClassifier(25, reg_lambda=0, early_stopping=True, random_state=0)
stopped.fit(X_train, y_train)
to_the_end = BackpropClassifier(25, reg_lambda=0, random_state=0).fit(X_train, y_train)

for name, model in [("to the end", to_the_end), ("early stopping", stopped)]:
    loss = log_loss(y_test, model.predict_proba(X_test))
    print(
        f"{name:14}  {model.n_iter_:3} iterations ({model.stop_reason_}), "
        f"log-loss on test rows {loss:.3f}"
    )

# %%
# The fit has stopped early: ``stop_reason_`` says so. To the end, the cost of the rows trained on
# falls to next to nothing, and the predictions on other rows are as sure as they are wrong: always
# saying one half would cost 0.693. The dashed line is the cost of the rows held out,
# the dot on it the iteration that is kept.

_, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
LossCurveDisplay.from_estimator(to_the_end, ax=ax, name="to the end")
LossCurveDisplay.from_estimator(stopped, ax=ax, name="early stopping")
ax.set(ylim=(1e-4, 3), title="Progression of diabetes, no penalty")
plt.show()
