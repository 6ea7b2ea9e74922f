"""The network as a transformer: the activations of its last hidden layer."""

from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

from skbackprop._machine.prediction import answers, as_they_are
from skbackprop._parameters import has_hidden_layer


class _Activations(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """What scikit-learn's `TransformerMixin` wraps, so that ``set_output`` is obeyed."""

    def transform(self, X: Any) -> np.ndarray:
        (network, thetas, *_), X = self._model_and_rows(X)
        columns = (network.layer_sizes[-2],)
        return answers(network, thetas, X, as_they_are, columns, thetas.dtype, layer=-2)


def _would_have_hidden_layer(estimator: Any) -> bool:
    """Tell whether a fit would give a model with a hidden layer, as far as its parameter says."""
    return has_hidden_layer(estimator.hidden_layer_sizes)


def _has_hidden_layer(estimator: Any) -> bool:
    """Tell whether the model has a hidden layer, or where there is none, a fit's would."""
    if estimator.__sklearn_is_fitted__():
        return len(estimator._model.network.layer_sizes) > 2
    return _would_have_hidden_layer(estimator)


# scikit-learn is without types, so that a type checker does not know the keyword.
class HiddenLayerTransformer(_Activations, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """A network with hidden layers transforms; one without does not.

    The wrapped methods are those of the class above: around a method that is not always there,
    the wrapper would be.
    """

    OF_TRANSFORMERS = ("transform", "fit_transform", "get_feature_names_out", "set_output")

    def __sklearn_tags__(self) -> Tags:
        """Return the tags: float32 is kept."""
        tags = super().__sklearn_tags__()
        if _has_hidden_layer(self):
            tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        else:
            tags.transformer_tags = None
        return tags

    @available_if(_has_hidden_layer)
    def transform(self, X: Any) -> np.ndarray:
        """Return the activations of the last hidden layer.

        Only of networks that have one: ``hidden_layer_sizes=()`` has no ``transform``.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Computed in the dtype of `thetas_`.

        Returns
        -------
        {ndarray, dataframe} of shape (n_samples, units)
            In the dtype of `thetas_`, finite for any X; a dataframe where ``set_output`` says so.

        Raises
        ------
        ValueError
            If X has other features than those fitted, or holds NaN or infinity.
        """
        return super().transform(X)

    @available_if(_would_have_hidden_layer)
    def fit_transform(self, X: Any, y: Any, **fit_params: Any) -> np.ndarray:
        """Fit the network, and return the activations of its last hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_outputs)
        **fit_params : dict
            What else ``fit`` takes: ``sample_weight``, for instance.

        Returns
        -------
        {ndarray, dataframe} of shape (n_samples, units)
            See `transform`.
        """
        return super().fit_transform(X, y, **fit_params)

    @available_if(_has_hidden_layer)
    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for each column that `transform` gives.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Not used: a unit sees all features.

        Returns
        -------
        ndarray of object of shape (units,)
            The name of the class in lower case, and a number from 0 on.
        """
        return super().get_feature_names_out(input_features)

    @property
    def _n_features_out(self) -> int:
        return self._model.network.layer_sizes[-2]
