"""A scikit-learn classifier trained by textbook full-batch back-propagation."""

from skbackprop._classifier import BackpropClassifier

__all__ = ["BackpropClassifier"]
__version__ = "0.1.0"
