"""Why a descent ended: what is said of it, and what is advised."""

import pytest

from skbackprop._training.endings import SCALE, Ending

LIMITS = {
    "max_iter": 7,
    "maxfun": 12,
    "maxls": 3,
    "ftol": 0.01,
    "precision": "float64",
    "edges": "",
}
MAX_D = ", with max |D| = 2.00e-03 against tol = 1.00e-04. "


@pytest.mark.parametrize(
    ("ending", "why", "remedy", "remedy_of_scaled"),
    [
        (
            Ending.MAX_ITER,
            "reached max_iter=7",
            f"Increase max_iter, {SCALE}, or increase tol.",
            "Increase max_iter, or increase tol.",
        ),
        (
            Ending.MAXFUN,
            "reached maxfun=12 evaluations",
            f"Increase maxfun, {SCALE}, or increase tol.",
            "Increase maxfun, or increase tol.",
        ),
        (
            Ending.MAXLS,
            "stopped: the line search finds no lower cost in maxls=3 steps",
            f"Increase maxls, or {SCALE}.",
            "Increase maxls.",
        ),
        (
            Ending.FTOL,
            "stopped at solver_options' ftol=0.01: an iteration lowered the cost by less",
            "Decrease ftol, or increase tol.",
            "Decrease ftol, or increase tol.",
        ),
        (
            Ending.PRECISION,
            "stopped where the line search finds no lower cost in float64 precision",
            f"Increase tol, or {SCALE}.",
            "Increase tol.",
        ),
    ],
    ids=["max_iter", "maxfun", "maxls", "ftol", "precision"],
)
def test_a_limit_is_named_with_what_to_do(ending, why, remedy, remedy_of_scaled):
    assert ending.message(2e-3, 1e-4, LIMITS, True) == f"The fit {why}{MAX_D}{remedy}"
    assert ending.message(2e-3, 1e-4, LIMITS, False) == f"The fit {why}{MAX_D}{remedy_of_scaled}"


@pytest.mark.parametrize("ending", Ending)
def test_float64_is_advised_where_float32_is_the_limit(ending):
    message = ending.message(2e-3, 1e-4, {**LIMITS, "precision": "float32"}, False) or ""
    assert ("pass X as float64" in message) == (ending is Ending.PRECISION)
    assert message.endswith("Increase tol, or pass X as float64.") == ("float32" in message)


@pytest.mark.parametrize(
    "ending",
    [Ending.CONVERGED, Ending.EARLY_STOPPING, Ending.CALLBACK, Ending.INTERRUPTED, Ending.FLAT],
)
def test_what_is_no_limit_has_no_message(ending):
    assert ending.message(2e-3, 1e-4, LIMITS, True) is None
