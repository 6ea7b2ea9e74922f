"""What the annotations say is so; that type checkers agree is asked in `.ci/run`."""

from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import typical_use
from numpy.typing import NDArray

from skbackprop._network.activations import ACTIVATIONS, ActivationName
from skbackprop._training.endings import Ending, StopReason

mpl.use("Agg")


def test_typical_use_runs():
    typical_use.main()
    plt.close("all")


@pytest.mark.parametrize("fit", [typical_use.classify, typical_use.search])
def test_fitted_attributes_are_of_the_types_annotated(fit):
    fitted = fit(*typical_use.iris())
    hints = {name: hint for name, hint in get_type_hints(type(fitted)).items() if name[-1] == "_"}
    unannotated = {name for name in vars(fitted) if name[-1] == "_"} - set(hints)
    assert not unannotated
    for name, hint in hints.items():
        if hasattr(fitted, name):
            value = getattr(fitted, name)
            assert isinstance(value, plain_types(hint)), (name, type(value))


def plain_types(hint):
    """Return what `isinstance` takes for an annotation."""
    if hint == StopReason:
        return str
    if hint == NDArray:  # which is an alias, of one kind or another
        return np.ndarray
    origin = get_origin(hint)
    return hint if origin in (None, Union, UnionType) else origin


def test_the_literals_are_the_names_that_there_are():
    assert get_args(ActivationName) == tuple(ACTIVATIONS)
    assert set(get_args(StopReason)) == {ending.value for ending in Ending} - {"stage"}
