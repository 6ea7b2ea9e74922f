"""scikit-learn estimators trained by textbook full-batch back-propagation."""

from skbackprop._classifier import BackpropClassifier
from skbackprop._classifier_cv import BackpropClassifierCV
from skbackprop._gradient import cost_and_gradient
from skbackprop._gradient_check import GradientCheck, check_gradient
from skbackprop._plots.hidden_units import HiddenUnitsDisplay
from skbackprop._plots.lambda_path import LambdaPathDisplay
from skbackprop._plots.loss_curve import LossCurveDisplay
from skbackprop._regressor import BackpropRegressor
from skbackprop._regressor_cv import BackpropRegressorCV
from skbackprop._version import __version__ as __version__

__all__ = [
    "BackpropClassifier",
    "BackpropClassifierCV",
    "BackpropRegressor",
    "BackpropRegressorCV",
    "GradientCheck",
    "HiddenUnitsDisplay",
    "LambdaPathDisplay",
    "LossCurveDisplay",
    "check_gradient",
    "cost_and_gradient",
]
