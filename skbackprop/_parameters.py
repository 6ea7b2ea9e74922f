"""The constructor parameters, checked before any work is done.

Every error names the parameter and the value that it had.
"""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from skbackprop._network.activations import ACTIVATIONS


class InvalidParameterError(ValueError, TypeError):
    """A parameter has the wrong type or is out of range."""


class Settings(NamedTuple):
    """What the constructor parameters say of the network and its training, in one form each."""

    hidden_layer_sizes: tuple[int, ...]
    activations: tuple[str, ...]
    out_activation: str
    solver: str
    max_iter: int
    tol: float
    solver_options: dict[str, Any]
    coarse_start: bool | str
    early_stopping: bool
    validation_fraction: float
    n_iter_no_change: int


# How numpy 1 shows its numbers: as such, without the name of their type.
_PLAIN_NUMBERS: dict[str, Any] = {} if np.__version__.startswith("1.") else {"legacy": "1.25"}


def shown(value: Any) -> str:
    """Return what a message shows of a value."""
    with np.printoptions(**_PLAIN_NUMBERS):
        return repr(value)


def _refuse(name: str, must_be: str, value: Any) -> InvalidParameterError:
    return InvalidParameterError(f"{name} must be {must_be}, got {shown(value)}")


def _is_integer(value: Any, low: int) -> bool:
    """Tell whether the value is an integer from low to the greatest that scipy's code takes."""
    # To numpy, a timedelta64 is an integer.
    is_integer = isinstance(value, Integral) and not isinstance(value, bool | np.timedelta64)
    return is_integer and low <= int(value) < 2**31


def _is_real(value: Any, low: float = 0.0, high: float = np.inf) -> bool:
    """Tell whether the value is a number with low <= value < high."""
    if not isinstance(value, Real) or isinstance(value, bool | np.timedelta64):
        return False
    try:
        return low <= float(value) < high
    except OverflowError:
        return False


def _is_random_state(value: Any) -> bool:
    """Tell whether `check_random_state` takes the value; to seed one takes longer than to look."""
    if isinstance(value, Integral) and not isinstance(value, np.timedelta64):
        return 0 <= int(value) < 2**32
    return value is None or value is np.random or isinstance(value, np.random.RandomState)


def _is_sequence(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def has_hidden_layer(hidden_layer_sizes: Any) -> bool:
    """Tell whether this value of the parameter, valid or not, wants a hidden layer."""
    return not (_is_sequence(hidden_layer_sizes) and len(hidden_layer_sizes) == 0)


def _hidden_layer_sizes(value: Any) -> tuple[int, ...]:
    sizes = value if _is_sequence(value) else [value]
    if not all(_is_integer(size, 1) for size in sizes):
        raise _refuse("hidden_layer_sizes", "an int >= 1 or a sequence of them", value)
    return tuple(int(size) for size in sizes)


def _activations(value: Any, n_hidden: int) -> tuple[str, ...]:
    names = [value] * n_hidden if isinstance(value, str) else value
    known = ", ".join(repr(name) for name in ACTIVATIONS)
    must_be = f"one of {known}, or a sequence with one of them for each hidden layer"
    if isinstance(value, str) and value not in ACTIVATIONS:
        raise _refuse("activation", must_be, value)
    if not _is_sequence(names) or not all(isinstance(n, str) and n in ACTIVATIONS for n in names):
        raise _refuse("activation", must_be, value)
    if len(names) != n_hidden:
        raise _refuse("activation", f"{must_be} (there are {n_hidden})", value)
    return tuple(str(name) for name in names)


class Solver(NamedTuple):
    """A method of `scipy.optimize.minimize`.

    Attributes
    ----------
    method : str
        Its name there.
    defaults : dict
        Options that are set unless the user sets them.
    options : dict
        Options that the user may set, each with a test of its value and what it must be.
    """

    method: str
    defaults: dict[str, Any]
    options: dict[str, tuple[Callable[[Any], bool], str]]


SOLVERS = {
    "lbfgs": Solver(
        "L-BFGS-B",
        {"ftol": 0.0, "maxfun": 2**31 - 1},  # no limit on evaluations but max_iter
        {
            "maxcor": (lambda v: _is_integer(v, 1) and v <= 10_000, "an int from 1 to 10000"),
            "ftol": (_is_real, "a finite number >= 0"),
            "maxfun": (lambda v: _is_integer(v, 1), "an int >= 1"),
            "maxls": (lambda v: _is_integer(v, 1), "an int >= 1"),
        },
    ),
    "cg": Solver(
        "CG",
        {},
        {
            "c1": (lambda v: _is_real(v, 0, 1) and v > 0, "a number between 0 and 1"),
            "c2": (lambda v: _is_real(v, 0, 1) and v > 0, "a number between 0 and 1"),
        },
    ),
}
_OPTIONS_WITH_PARAMETER = {"maxiter": "max_iter", "gtol": "tol"}


def _solver_options(value: Any, solver: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _refuse("solver_options", "None or a dict", value)
    ranges = SOLVERS[solver].options
    for name, option in value.items():
        if name in _OPTIONS_WITH_PARAMETER:
            parameter = _OPTIONS_WITH_PARAMETER[name]
            raise InvalidParameterError(
                f"solver_options[{name!r}] = {shown(option)} is refused: set the parameter "
                f"{parameter}"
            )
        if name not in ranges:
            raise InvalidParameterError(
                f"solver_options has the unknown key {name!r} (value {shown(option)}); "
                f"solver={solver!r} takes {', '.join(ranges)}"
            )
        is_valid, must_be = ranges[name]
        if not is_valid(option):
            raise _refuse(f"solver_options[{name!r}]", must_be, option)
    c1, c2 = value.get("c1", 1e-4), value.get("c2", 0.4)
    if c1 >= c2:
        raise _refuse("solver_options", f"such that c1 < c2 (c1 {c1}, c2 {c2})", dict(value))
    return dict(value)


def _class_weight(value: Any) -> None:
    if isinstance(value, Mapping):
        if not all(_is_real(weight) for weight in value.values()):
            raise _refuse("class_weight", "a dict of finite weights >= 0", value)
    elif not (value is None or (isinstance(value, str) and value == "balanced")):
        raise _refuse("class_weight", "None, 'balanced' or a dict", value)


def check_parameters_of_classes(estimator: Any) -> str:
    """Check the parameters that only classifiers have, and return the kind of output units."""
    e = estimator
    if not (isinstance(e.out_activation, str) and e.out_activation in ("logistic", "softmax")):
        raise _refuse("out_activation", "'logistic' or 'softmax'", e.out_activation)
    _class_weight(e.class_weight)
    return str(e.out_activation)


OUT_ACTIVATIONS = {"squared_error": "identity", "poisson": "exp"}


def check_parameters_of_numbers(estimator: Any) -> str:
    """Check the parameter that only regressors have, and return the kind of output units."""
    loss = estimator.loss
    if not (isinstance(loss, str) and loss in OUT_ACTIVATIONS):
        raise _refuse("loss", "'squared_error' or 'poisson'", loss)
    return OUT_ACTIVATIONS[loss]


def check_parameters(estimator: Any) -> Settings:
    """Check the constructor parameters that all estimators have.

    Parameters
    ----------
    estimator : estimator
        Its constructor parameters are read, and it is asked to check those that say what y is.

    Returns
    -------
    Settings
        Those that may be given in more than one form, in one.

    Raises
    ------
    InvalidParameterError
        A ValueError and a TypeError, as in scikit-learn; names the parameter and its value.
    """
    e = estimator
    hidden = _hidden_layer_sizes(e.hidden_layer_sizes)
    activations = _activations(e.activation, len(hidden))
    if not (isinstance(e.solver, str) and e.solver in SOLVERS):
        raise _refuse("solver", "'lbfgs' or 'cg'", e.solver)
    if not _is_integer(e.max_iter, 1):
        raise _refuse("max_iter", "an int >= 1", e.max_iter)
    if not _is_real(e.tol):
        raise _refuse("tol", "a finite number >= 0", e.tol)
    if not (
        isinstance(e.coarse_start, bool | np.bool_)
        or (isinstance(e.coarse_start, str) and e.coarse_start == "auto")
    ):
        raise _refuse("coarse_start", "a bool or 'auto'", e.coarse_start)
    if not isinstance(e.early_stopping, bool | np.bool_):
        raise _refuse("early_stopping", "a bool", e.early_stopping)
    if not (_is_real(e.validation_fraction, 0, 1) and e.validation_fraction > 0):
        raise _refuse("validation_fraction", "a number between 0 and 1", e.validation_fraction)
    if not _is_integer(e.n_iter_no_change, 1):
        raise _refuse("n_iter_no_change", "an int >= 1", e.n_iter_no_change)
    options = _solver_options(e.solver_options, e.solver)
    if not _is_random_state(e.random_state):
        must_be = "None, an int in [0, 2**32 - 1] or a RandomState"
        raise _refuse("random_state", must_be, e.random_state)
    if not (isinstance(e.verbose, bool | np.bool_) or _is_integer(e.verbose, 0)):
        raise _refuse("verbose", "a bool or an int >= 0", e.verbose)
    return Settings(
        hidden,
        activations,
        e._check_output(),
        str(e.solver),
        int(e.max_iter),
        float(e.tol),
        options,
        e.coarse_start if isinstance(e.coarse_start, str) else bool(e.coarse_start),
        bool(e.early_stopping),
        float(e.validation_fraction),
        int(e.n_iter_no_change),
    )


def check_sequence_of_thetas(name: str, value: Any) -> None:
    """Check that the value is a sequence; raises as `check_parameters`."""
    if not _is_sequence(value):
        raise _refuse(name, "None or a sequence of arrays", value)


def check_parameters_of_one_fit(estimator: Any) -> None:
    """Check the parameters that only single fits have; raises as `check_parameters`."""
    e = estimator
    is_name = isinstance(e.reg_lambda, str) and e.reg_lambda in ("auto", "prior")
    if not (is_name or _is_real(e.reg_lambda)):
        raise _refuse("reg_lambda", "a finite number >= 0, 'auto' or 'prior'", e.reg_lambda)
    if e.thetas_init is not None:
        check_sequence_of_thetas("thetas_init", e.thetas_init)
    if not isinstance(e.warm_start, bool | np.bool_):
        raise _refuse("warm_start", "a bool", e.warm_start)


def check_parameters_of_search(estimator: Any) -> None:
    """Check the parameters that only searches have; raises as `check_parameters`."""
    e = estimator
    is_number = _is_integer(e.reg_lambdas, 1) and e.reg_lambdas <= 10_000
    if not is_number and not (
        _is_sequence(e.reg_lambdas) and len(e.reg_lambdas) and all(map(_is_real, e.reg_lambdas))
    ):
        must_be = "an int from 1 to 10000, or a sequence of finite numbers >= 0"
        raise _refuse("reg_lambdas", must_be, e.reg_lambdas)
    if not (callable(e.refit) or (isinstance(e.refit, str) and e.refit in ("best", "1se"))):
        raise _refuse("refit", "'best', '1se' or a callable", e.refit)
    if not (e.scoring is None or isinstance(e.scoring, str) or callable(e.scoring)):
        raise _refuse("scoring", "None, the name of a scorer or a callable: one score", e.scoring)
    if not isinstance(e.coarse_folds, bool | np.bool_):
        raise _refuse("coarse_folds", "a bool", e.coarse_folds)
    if e.n_jobs is not None and (not _is_integer(e.n_jobs, -(2**31)) or e.n_jobs == 0):
        raise _refuse("n_jobs", "None or an int other than 0", e.n_jobs)
