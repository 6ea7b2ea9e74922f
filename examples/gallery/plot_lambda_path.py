"""
The penalty: scores along a path of lambda
==========================================

How strongly the weights are penalised decides how far the probabilities can be trusted on new
rows. ``BackpropClassifierCV`` fits a path of penalties in every fold, from strong to weak, and
refits at the best. Here on two tables, each with 25 hidden units.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.preprocessing import scale

from skbackprop import BackpropClassifierCV, LambdaPathDisplay

_, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for ax, name, load in zip(
    axes, ["Wine", "Breast cancer"], [load_wine, load_breast_cancer], strict=True
):
    X, y = load(return_X_y=True)
    search = BackpropClassifierCV(25, random_state=0).fit(scale(X), y)
    LambdaPathDisplay.from_estimator(search, ax=ax)
    ax.set_title(name)
    print(f"{name}: lambda {search.reg_lambda_:.1e}, score {search.best_score_:.3f}")
plt.show()

# %%
# The line is the mean log-probability that held-out rows give to their class, the band its
# standard error over the five folds. On the left of a picture the penalty is too weak: the net
# has learned its rows by heart and is too sure of itself. On the right it is too strong, and
# everything looks alike.
# ``refit="1se"`` would take the strongest penalty whose score is within one standard error of
# the best, where simplicity counts for more than the last bit of the score.
