"""What holds for every fit, whatever its options and however it ended."""

import warnings

import numpy as np
import pytest
import textbook
from class_rows import rows_of_fit
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier
from skbackprop._rows import rows
from skbackprop._rows.numbers import encode_numbers
from skbackprop._training.early_stopping import hold_out
from skbackprop._training.endings import Ending

OF_EVERY_FIT = [
    *[
        "n_features_in_",
        "out_activation_",
        "thetas_",
        "coefs_",
        "intercepts_",
        "reg_lambda_",
        "loss_",
    ],
    *["loss_curve_", "n_iter_", "n_evaluations_", "gradient_norm_", "converged_", "stop_reason_"],
]
OF_EARLY_STOPPING = ["validation_scores_", "best_validation_score_", "best_iteration_"]


def rows_trained_on(estimator, X, y, w=None, has_set=False):
    """Return the rows that a fit has not held out; of a `random_state` that is a number."""
    if is_classifier(estimator):
        trained_on = rows_of_fit(X, y, w, estimator.class_weight)
    else:
        trained_on = rows.rows_of_fit(X, *encode_numbers(y, w, estimator.loss))
    if estimator.early_stopping and not has_set:
        random_state = np.random.RandomState(estimator.random_state)
        trained_on, _ = hold_out(trained_on, estimator.validation_fraction, random_state)
    return trained_on


def assert_follows_the_rules(classifier, has_set=False):
    """Hold what a fit stored against itself; `has_set` with a validation set of its own."""
    of_kind = ["classes_"] if is_classifier(classifier) else ["y_mean_", "y_scale_"]
    for name in OF_EVERY_FIT + of_kind:
        assert hasattr(classifier, name), name
    curve, reason = classifier.loss_curve_, classifier.stop_reason_
    assert len(curve) == classifier.n_iter_ + 1
    assert 0 <= classifier.n_iter_ <= classifier.max_iter
    assert classifier.n_evaluations_ > 0
    assert classifier.n_evaluations_ >= classifier.n_iter_
    assert classifier.converged_ == (classifier.gradient_norm_ <= classifier.tol)
    assert np.isfinite([*curve, classifier.loss_, classifier.gradient_norm_]).all()
    assert reason in {ending.value for ending in Ending} - {"stage"}
    for name in OF_EARLY_STOPPING:
        is_there = classifier.early_stopping or (has_set and name == "validation_scores_")
        assert hasattr(classifier, name) == is_there, name
    if classifier.early_stopping:
        scores, best = classifier.validation_scores_, classifier.best_iteration_
        assert np.isfinite(scores).all()
        assert len(scores) >= classifier.n_iter_
        assert (best is None) == (scores == [])
        if scores:
            assert classifier.best_validation_score_ == max(scores) == scores[best]
            assert best == scores.index(max(scores))
        if reason == "early_stopping":
            assert len(scores) - 1 - best == classifier.n_iter_no_change
    else:
        assert len(getattr(classifier, "validation_scores_", curve)) >= classifier.n_iter_
        assert classifier.loss_ == curve[-1]
        assert curve[-1] <= curve[0]
        assert (reason == "converged") <= classifier.converged_


def assert_loss_is_that_of_its_thetas(classifier, rows):
    """Hold `loss_` and `gradient_norm_` against a fit over the rows that has nothing to do.

    Targets that are numbers, which such a fit would see on another scale: against the textbook.
    """
    # In float32 the Thetas that are kept are rounded.
    rtol, atol = (1e-10, 1e-12) if rows.X.dtype == np.float64 else (1e-4, 1e-4)
    if not is_classifier(classifier):
        loss, gradient_norm = _of_textbook(classifier, rows)
        assert classifier.loss_ == pytest.approx(loss, rel=rtol, abs=atol)
        assert classifier.gradient_norm_ == pytest.approx(gradient_norm, rel=1e-6, abs=10 * atol)
        return
    there = BackpropClassifier(
        classifier.hidden_layer_sizes,
        activation=classifier.activation,
        out_activation=classifier.out_activation,
        reg_lambda=classifier.reg_lambda_,
        thetas_init=classifier.thetas_,
        tol=1e9,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it may have learned nothing
        there.fit(rows.X, rows.targets.as_given, sample_weight=rows.w)
    assert there.n_iter_ == 0
    assert classifier.loss_ == pytest.approx(there.loss_, rel=rtol)
    assert classifier.gradient_norm_ == pytest.approx(there.gradient_norm_, rel=1e-6, abs=atol)


def _of_textbook(regressor, rows):
    hidden = np.size(regressor.hidden_layer_sizes)
    names = regressor.activation
    J, D = textbook.cost_and_gradient(
        regressor.thetas_,
        rows.X.toarray() if issparse(rows.X) else rows.X,
        rows.targets.codes,
        [names] * hidden if isinstance(names, str) else names,
        regressor.out_activation_,
        regressor.reg_lambda_,
        rows.w,
    )
    return J, max(abs(d) for D_l in D for row in D_l for d in row)
