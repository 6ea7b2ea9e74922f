"""What predicts, and the network that the parameters ask for."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skbackprop._network.network import Network
from skbackprop._network.thetas import Thetas, count_parameters, theta_shapes
from skbackprop._parameters import Settings
from skbackprop._rows.classes import Classes
from skbackprop._rows.numbers import Numbers
from skbackprop._rows.summed import SummedRows
from skbackprop._training.solver import Iteration

# Eight terabytes of them.
MOST_PARAMETERS = 2**40


class Model(NamedTuple):
    """What predicts: immutable, and replaced whole.

    Attributes
    ----------
    network : Network
    thetas : Thetas
        Read-only.
    kind : Classes or Numbers
        What the codes of a prediction stand for.
    class_weights : ndarray of shape (n_classes,) or None
        The weights that the fit gave the classes; None where all are 1, or there are no classes.
    """

    network: Network
    thetas: Thetas
    kind: Any
    class_weights: np.ndarray | None = None

    def to_state(self) -> dict[str, Any]:
        """Return it as plain values: a pickle then holds no class of this package's inside."""
        return {
            "layer_sizes": self.network.layer_sizes,
            "activations": self.network.activations,
            "out_activation": self.network.output.name,
            "theta": self.thetas.vector,
            "class_weights": self.class_weights,
            **self.kind.to_state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Model":
        """Return the model of these values."""
        kind_of_targets: Any = Classes if "labels" in state else Numbers
        kind = kind_of_targets(*(state[name] for name in kind_of_targets._fields))
        network = Network(
            state["layer_sizes"],
            state["activations"],
            kind.output_units(state["out_activation"]),
        )
        class_weights = state.get("class_weights")  # which the first files of 0.2 do not have
        for array in (state["theta"], class_weights, *kind):
            if isinstance(array, np.ndarray):
                array.flags.writeable = False
        return cls(network, Thetas(state["theta"], network.shapes), kind, class_weights)


def network_for(settings: Settings, rows: SummedRows) -> Network:
    """Return the network that the parameters want for these rows."""
    kind = rows.targets.kind
    layer_sizes = [rows.n_features, *settings.hidden_layer_sizes, kind.n_outputs]
    n_parameters = count_parameters(theta_shapes(layer_sizes))
    if n_parameters > MOST_PARAMETERS:
        raise ValueError(
            f"hidden_layer_sizes={settings.hidden_layer_sizes} asks for {n_parameters:.1e} "
            "parameters, more than any memory holds"
        )
    return Network(layer_sizes, settings.activations, kind.output_units(settings.out_activation))


def model_of_fit(network: Network, rows: SummedRows) -> Callable[[Thetas], Model]:
    """Return what makes a model of the Thetas of a fit of a network to rows."""
    return partial(Model, network, kind=rows.targets.kind, class_weights=rows.class_weights)


def seen_attributes(
    named: dict[str, Any],
    tol: float,
    model_of: Callable[[Thetas], Model],
    iteration: Iteration,
    thetas: Thetas,
    reg_lambda: float,
) -> dict[str, Any]:
    """Return the attributes of an estimator that predicts as the fit stands at an iteration.

    Parameters
    ----------
    named : dict
        What the estimator knows of the features' names.
    tol : float
    model_of : callable
        As `model_of_fit` gives it.
    iteration : Iteration
    thetas : Thetas
        Its Thetas.
    reg_lambda : float
    """
    model = model_of(thetas)
    return {
        **named,
        "_model": model,
        "n_features_in_": model.network.layer_sizes[0],
        "reg_lambda_": reg_lambda,
        "loss_": iteration.cost,
        "gradient_norm_": iteration.gradient_norm,
        "converged_": bool(iteration.gradient_norm <= tol),
    }
