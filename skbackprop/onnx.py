"""Fitted networks as ONNX graphs: importing this module registers converters with skl2onnx.

``skl2onnx.to_onnx`` then takes all estimators of this package, by themselves and as the last step
of a pipeline; a network that is a transformer, before another step, is refused. The graph computes
in float64 where its input is float64, and else in float32. Classifiers have skl2onnx's options
"zipmap", "output_class_labels", "nocl" and "raw_scores": logits in place of probabilities, those of
two classes as (-z, z). Regressors answer in columns, one for each output. Where a graph ends
in ZipMap, skl2onnx's default, it takes no float64.
"""

from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from skbackprop import (
    BackpropClassifier,
    BackpropClassifierCV,
    BackpropRegressor,
    BackpropRegressorCV,
)

try:
    from onnx.helper import np_dtype_to_tensor_dtype
    from skl2onnx import update_registered_converter
    from skl2onnx.common.data_types import guess_numpy_type, guess_tensor_type
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )
except ImportError as error:
    raise ImportError(
        'skbackprop.onnx needs skl2onnx, which the extra "onnx" brings: '
        'pip install "skbackprop[onnx]"'
    ) from error

HIDDEN_UNITS = {"logistic": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "identity": "Identity"}


class Graph:
    """Writes the nodes of one estimator, whose formulas are then calls within calls.

    Parameters
    ----------
    scope, operator, container : object
        As skl2onnx gives them to a converter.

    Attributes
    ----------
    dtype : type
        Of the computation: that of the input, float32 where this has whole numbers.
    X : str
        The name of the input, in that type.
    """

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        refuse_transformer(scope, operator)
        self._scope, self._container = scope, container
        self._outputs = [variable.full_name for variable in operator.outputs]
        (variable,) = operator.inputs
        self.dtype: DTypeLike = guess_numpy_type(guess_tensor_type(variable.type))
        self.X = self.cast(variable.full_name, self.dtype)

    def __call__(self, node: str, *inputs: str | np.ndarray, **attributes: Any) -> str:
        """Add a node, and return the name of what it computes from names and constants."""
        output = self._scope.get_unique_variable_name(node)
        self._add(node, inputs, output, attributes)
        return output

    def cast(self, value: str, dtype: DTypeLike) -> str:
        """Return the name of a value in another type."""
        return self("Cast", value, to=np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def answer(self, *values: str) -> None:
        """Make these the outputs of the estimator."""
        for value, output in zip(values, self._outputs, strict=True):
            self._add("Identity", (value,), output, {})

    def _add(
        self, node: str, inputs: tuple[str | np.ndarray, ...], output: str, attributes: Any
    ) -> None:
        names = [v if isinstance(v, str) else self._constant(v) for v in inputs]
        name = self._scope.get_unique_operator_name(node)
        self._container.add_node(node, names, output, name=name, **attributes)

    def _constant(self, value: np.ndarray) -> str:
        if value.dtype.kind == "f":
            value = value.astype(self.dtype)
        name = self._scope.get_unique_variable_name("constant")
        dtype = np_dtype_to_tensor_dtype(value.dtype)
        self._container.add_initializer(name, dtype, value.shape, value.ravel())
        return name


def refuse_transformer(scope: Any, operator: Any) -> None:
    """Raise an error where another step reads the answers: skl2onnx cannot ask for `transform`."""
    answers = {variable.full_name for variable in operator.outputs}
    for other in scope.operators.values():
        if not answers & {variable.full_name for variable in other.inputs}:
            continue
        if other.type.startswith("SklearnZipMap"):
            answers |= {variable.full_name for variable in other.outputs}
        else:
            name = type(operator.raw_operator).__name__
            # What skl2onnx itself raises of what it does not convert.
            raise NotImplementedError(
                f"{name} stands before another step, which is given what its transform gives; a "
                f"graph would give it what {name} predicts: convert the steps one by one"
            )


def logits(graph: Graph, estimator: Any) -> str:
    """Return z(L) of a graph's input: the forward pass."""
    a = graph.X
    layers = (estimator.coefs_, estimator.intercepts_, estimator.activations_)
    for weights, bias, activation in zip_longest(*layers):
        z = graph("Add", graph("MatMul", a, weights), bias)
        if activation is not None:
            a = graph(HIDDEN_UNITS[activation], z)
    return z


def log_sigmoids(graph: Graph, z: str) -> str:
    """Return log(1 / (1 + exp(-z))), without overflow."""
    zero, one = np.array(0.0), np.array(1.0)
    e = graph("Exp", graph("Neg", graph("Abs", z)))
    return graph("Sub", graph("Min", z, zero), graph("Log", graph("Add", e, one)))


def probabilities(graph: Graph, classifier: Any, z: str) -> str:
    """Return probabilities, from a logit for each class or label."""
    if classifier.n_outputs_ == 1 or classifier.multilabel_:
        return graph("Sigmoid", z)
    # K sigmoids are normalised by their logarithms: where all are saturated, a quotient is 0 / 0.
    is_softmax = classifier.out_activation_ == "softmax"
    return graph("Softmax", z if is_softmax else log_sigmoids(graph, z), axis=1)


def labels_of_classes(classifier: Any) -> np.ndarray:
    """Return the classes as ONNX has labels: whole numbers or strings."""
    classes = np.asarray(classifier.classes_.tolist())
    if classes.dtype.kind == "U":
        return np.array([label.encode() for label in classes.tolist()], dtype=object)
    labels = classes.astype(np.int64)
    if not np.array_equal(labels, classes):
        raise ValueError(
            "ONNX has labels that are strings or whole numbers of 64 bits with a sign; "
            f"got the classes {classifier.classes_!r}"
        )
    return labels


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Write a classifier: its labels, and probabilities or logits."""
    classifier = operator.raw_operator
    options = scope.get_options(classifier, {"raw_scores": False, "nocl": False})
    graph = Graph(scope, operator, container)
    z = logits(graph, classifier)
    if classifier.n_outputs_ == 1:
        z = graph("Concat", graph("Neg", z), z, axis=1)
    if classifier.multilabel_:
        labels = graph.cast(graph("Greater", z, np.array(0.0)), np.int64)
    else:
        labels = graph("ArgMax", z, axis=1, keepdims=0)
        if not options["nocl"]:
            labels = graph("Gather", labels_of_classes(classifier), labels, axis=0)
    graph.answer(labels, z if options["raw_scores"] else probabilities(graph, classifier, z))


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Write a regressor: its numbers, finite as `predict` has them."""
    regressor = operator.raw_operator
    graph = Graph(scope, operator, container)
    limits = np.finfo(graph.dtype)
    y, least = logits(graph, regressor), limits.min
    if regressor.out_activation_ == "exp":
        y, least = graph("Exp", y), limits.tiny
    y = graph("Add", graph("Mul", y, regressor.y_scale_), regressor.y_mean_)
    graph.answer(graph("Max", graph("Min", y, np.array(limits.max)), np.array(least)))


def infer_numbers(operator: Any) -> None:
    """Tell skl2onnx the shape of a regressor's answers."""
    calculate_linear_regressor_output_shapes(operator)
    operator.outputs[0].type.shape[1] = operator.raw_operator.n_outputs_


CLASSIFIER_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "nocl": [False, True],
    "raw_scores": [False, True],
}


def register() -> None:
    """Make the converters known to skl2onnx."""
    for classifier in (BackpropClassifier, BackpropClassifierCV):
        update_registered_converter(
            classifier,
            f"Skbackprop{classifier.__name__}",
            calculate_linear_classifier_output_shapes,
            convert_classifier,
            options=CLASSIFIER_OPTIONS,
        )
    for regressor in (BackpropRegressor, BackpropRegressorCV):
        update_registered_converter(
            regressor, f"Skbackprop{regressor.__name__}", infer_numbers, convert_regressor
        )


register()
