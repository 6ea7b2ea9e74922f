"""Why a descent ended: what to say of it, what to do, and whether it was an ending by itself."""

from collections.abc import Mapping
from enum import Enum
from typing import Literal

# Those of a whole fit, as `stop_reason_` has them: the values of Ending but for that of a stage.
StopReason = Literal[
    "converged",
    "max_iter",
    "maxfun",
    "maxls",
    "ftol",
    "precision",
    "early_stopping",
    "callback",
    "interrupted",
    "flat",
]


class Ending(Enum):
    """Why a descent ended. The values are those of `stop_reason_`."""

    CONVERGED = "converged"
    MAX_ITER = "max_iter"
    MAXFUN = "maxfun"
    MAXLS = "maxls"
    FTOL = "ftol"
    PRECISION = "precision"
    EARLY_STOPPING = "early_stopping"
    CALLBACK = "callback"
    INTERRUPTED = "interrupted"
    # The cost no longer falls to speak of: less where a fit only ranks penalties.
    FLAT = "flat"
    # Left for another stage.
    STAGE = "stage"

    @property
    def is_by_itself(self) -> bool:
        """Whether the descent had nowhere to go: no limit and nobody ended it."""
        return self not in _ENDED_BY_OTHERS

    @property
    def is_of_the_whole_fit(self) -> bool:
        """Whether no stage may follow."""
        return self in (
            Ending.EARLY_STOPPING,
            Ending.CALLBACK,
            Ending.INTERRUPTED,
            Ending.FLAT,
        )

    @property
    def is_a_limit(self) -> bool:
        """Whether something kept the descent from converging: it has a message."""
        return self in _WHY

    def message(
        self, gradient_norm: float, tol: float, limits: Mapping[str, object], scale_X: bool
    ) -> str | None:
        """Return what to warn of after a fit that ended so, or None.

        Parameters
        ----------
        gradient_norm : float
            max |D|.
        tol : float
            What it had to reach.
        limits : mapping
            The limits that were in force: "max_iter", the solver options that are set,
            "precision", the name of the type that the network was computed in, and "edges", what
            to say of those of J.
        scale_X : bool
            Whether scaling X is worth advising.
        """
        if not self.is_a_limit:
            return None
        why, remedies = _WHY[self]
        if limits["precision"] == "float32" and self is Ending.PRECISION:
            remedies = (*remedies, "pass X as float64")
        remedies = tuple(r for r in remedies if scale_X or r != SCALE)
        *first, last = remedies
        remedy = ", ".join([*first, f"or {last}" if first else last])
        return (
            f"The fit {why.format(**limits)}, with max |D| = {gradient_norm:.2e} against "
            f"tol = {tol:.2e}. {remedy[0].upper()}{remedy[1:]}."
        )


SCALE = "scale X (for instance with StandardScaler)"
_ENDED_BY_OTHERS = {Ending.MAX_ITER, Ending.MAXFUN, Ending.CALLBACK, Ending.INTERRUPTED}
_WHY: dict[Ending, tuple[str, tuple[str, ...]]] = {
    Ending.MAX_ITER: (
        "reached max_iter={max_iter}",
        ("increase max_iter", SCALE, "increase tol"),
    ),
    Ending.MAXFUN: (
        "reached maxfun={maxfun} evaluations",
        ("increase maxfun", SCALE, "increase tol"),
    ),
    Ending.MAXLS: (
        "stopped: the line search finds no lower cost in maxls={maxls} steps",
        ("increase maxls", SCALE),
    ),
    Ending.FTOL: (
        "stopped at solver_options' ftol={ftol}: an iteration lowered the cost by less",
        ("decrease ftol", "increase tol"),
    ),
    Ending.PRECISION: (
        "stopped where the line search finds no lower cost in {precision} precision{edges}",
        ("increase tol", SCALE),
    ),
}
