"""
L-BFGS against conjugate gradients
==================================

Both solvers see the same cost J and gradient D, and start from the same random weights. A line
shows J after each iteration. An iteration of conjugate gradients takes more evaluations of J
and D, which is where the time goes, so these are in the second picture.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skbackprop import BackpropClassifier, LossCurveDisplay

X, y = load_digits(return_X_y=True)
X /= 16
fits = {
    solver: BackpropClassifier(
        25, solver=solver, reg_lambda=1e-4, tol=1e-4, max_iter=1000, random_state=0
    ).fit(X, y)
    for solver in ["lbfgs", "cg"]
}

_, (left, right) = plt.subplots(
    1, 2, figsize=(9, 4), layout="constrained", gridspec_kw={"width_ratios": [2, 1]}
)
for (solver, fit), linestyle in zip(fits.items(), ["-", "--"], strict=True):
    LossCurveDisplay.from_estimator(fit, ax=left, name=solver, linestyle=linestyle)
    right.bar(solver, fit.n_evaluations_)
left.set_title("Handwritten digits: cost J")
right.set(title="until max |D| ≤ tol", ylabel="evaluations of J and D")
for solver, fit in fits.items():
    print(
        f"{solver:5}  J {fit.loss_:.4f}, {fit.n_iter_} iterations, {fit.n_evaluations_} evaluations"
    )
plt.show()

# %%
# J is not convex: the two end in different minima, as two random starts would. That each got
# to the end of its way is what ``converged_`` says: no component of the gradient is greater
# than ``tol``.
assert all(fit.converged_ for fit in fits.values())
