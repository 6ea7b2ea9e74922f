"""A scikit-learn classifier trained by textbook full-batch back-propagation."""

from skbackprop._classifier import BackpropClassifier
from skbackprop._classifier_cv import BackpropClassifierCV
from skbackprop._hidden_units_display import HiddenUnitsDisplay
from skbackprop._lambda_path_display import LambdaPathDisplay
from skbackprop._loss_curve_display import LossCurveDisplay

__all__ = [
    "BackpropClassifier",
    "BackpropClassifierCV",
    "HiddenUnitsDisplay",
    "LambdaPathDisplay",
    "LossCurveDisplay",
]
__version__ = "0.1.0"
