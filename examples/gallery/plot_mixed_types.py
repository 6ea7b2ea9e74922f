"""
Mixed types in a ColumnTransformer
==================================

Numbers want to be scaled, categories to be one column each. A ``ColumnTransformer`` does both, and
the classifier stands behind it in a pipeline. The rows are diabetes patients: will the disease,
after a year, have progressed further than that of half of them? One column is a category, the sex
(the data do not say which code is which); the others are measurements in units of their own.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skbackprop import BackpropClassifierCV

diabetes = load_diabetes(as_frame=True, scaled=False)
blood = ["cholesterol", "LDL", "HDL", "cholesterol / HDL", "triglycerides (log?)", "glucose"]
X = diabetes.data.rename(columns={f"s{i}": name for i, name in enumerate(blood, start=1)})
X = X.rename(columns={"bmi": "body mass index", "bp": "blood pressure"})
X["sex"] = X["sex"].map({1.0: "one", 2.0: "two"})
y = np.where(diabetes.target > diabetes.target.median(), "further", "less far")
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

numbers = [name for name in X if name != "sex"]
model = make_pipeline(
    make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(), ["sex"])),
    BackpropClassifierCV(5, random_state=0),
)

# %%
# The fitted pipeline, as a notebook shows it. Open a box, then its parameters, and rest the
# pointer on one of the classifier's.

model.fit(X_train, y_train)

# %%
# What do the predictions hang on? Each column of the test rows is shuffled in turn, and the
# score that is lost tells. The whole pipeline is asked, so columns go by their names.

p = model.predict_proba(X_test)[:, list(model.classes_).index("further")]
print(f"area under the ROC curve {roc_auc_score(y_test == 'further', p):.2f}")
importance = permutation_importance(
    model, X_test, y_test, scoring="neg_log_loss", n_repeats=10, random_state=0
)
order = importance.importances_mean.argsort()
_, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
ax.barh(
    X.columns[order],
    importance.importances_mean[order],
    xerr=importance.importances_std[order],
    error_kw={"ecolor": "grey"},
)
ax.axvline(0, color="black", linewidth=0.8)
ax.set(
    xlabel="log-loss added by shuffling, mean and standard deviation",
    title="Progression of diabetes",
)
plt.show()
