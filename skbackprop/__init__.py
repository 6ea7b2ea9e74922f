"""A scikit-learn classifier trained by textbook full-batch back-propagation."""

from skbackprop._classifier import BackpropClassifier
from skbackprop._classifier_cv import BackpropClassifierCV
from skbackprop._lambda_path_display import LambdaPathDisplay

__all__ = ["BackpropClassifier", "BackpropClassifierCV", "LambdaPathDisplay"]
__version__ = "0.1.0"
