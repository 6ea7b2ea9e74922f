"""What a fit says of itself: lines of progress, and the warning at its end."""

from collections.abc import Callable
from enum import Enum
from time import perf_counter

from skbackprop._network.activations import ACTIVATIONS
from skbackprop._parameters import Settings
from skbackprop._training.coarse_start import Stage
from skbackprop._training.endings import SCALE, Ending
from skbackprop._training.fit import Fit, Outcome
from skbackprop._training.solver import Iteration


class Reports:
    """Lines of progress on the standard output.

    Parameters
    ----------
    is_verbose : bool
        Whether there are any.

    Attributes
    ----------
    error : BaseException or None
        What printing has raised.
    """

    def __init__(self, is_verbose: bool) -> None:
        self.is_verbose = is_verbose
        self.error: BaseException | None = None

    def line(self, text: str) -> None:
        """Print a line."""
        if not self.is_verbose:
            return
        try:
            print(text, flush=True)
        except BaseException as error:
            self.error = error
            raise

    def stage(self, stage: Stage) -> None:
        """Say that a stage begins, unless it is the fit proper."""
        if not stage.is_last:
            batches = "" if stage.is_full_batch else f"mini-batches of {stage.batch_rows} of "
            self.line(f"coarse start: {batches}{stage.rows.n_rows} rows, {stage.dtype}")

    def iteration(self, iteration: Iteration, fit: Fit, stage: Stage) -> None:
        """Print iteration, costs, max |D|, evaluations and seconds; a heading before the first."""
        if not self.is_verbose:
            return
        scores = [] if fit.validation is None else fit.validation.scores[-1:]
        if iteration.number == 1:
            validation = "".join(f"  {'validation':>14}" for _ in scores)
            self.line(
                f"{'iteration':>9}  {'cost':>14}{validation}  {'max |D|':>9}  {'evaluations':>11}"
                f"  {'seconds':>8}"
            )
        number = fit.n_iter if stage.is_full_batch else iteration.number
        validation = "".join(f"  {-score:14.8g}" for score in scores)
        self.line(
            f"{number:9d}  {iteration.cost:14.8g}{validation}  {iteration.gradient_norm:9.2e}  "
            f"{fit.n_evaluations:11d}  {perf_counter() - fit.began:8.2f}"
        )


SILENT = Reports(False)


# What a line search may meet that looks for a lower cost along the gradient.
EDGES = ", or across an edge that J has where a relu unit turns on"


class Blame(Enum):
    """Why a fit may be no better than one that sees nothing of X, and what to do."""

    GIVEN = "reg_lambda is too strong", "Decrease reg_lambda"
    SEARCHED = "reg_lambda is too strong", "Give weaker reg_lambdas"
    FOUND = "no weaker reg_lambda did better on rows held out", "Give features that tell y"
    # A callback has ended the search of the penalty.
    NOBODY = "", ""


def null_message(
    outcome: Outcome, cost: str, scale_X: bool, blame: Blame, null_prediction: str
) -> str | None:
    """Return what to warn of where a fit is no better than one that sees nothing, or None."""
    if blame is Blame.NOBODY or not outcome.is_null:
        return None
    too_few = "" if outcome.ending.is_by_itself else "the iterations are too few, "
    why, how = blame.value
    if scale_X:
        why, how = f"{why}, or X is not scaled", f"{how}, or {SCALE}"
    return (
        f"The fit ends no better than predicting {null_prediction} ({cost} = "
        f"{outcome.learned_cost:.6g} against {outcome.null_cost:.6g}): {too_few}{why}. {how}."
    )


def warning_message(
    outcome: Outcome,
    settings: Settings,
    is_scaled: Callable[[], bool],
    blame: Blame,
    null_prediction: str,
) -> str | None:
    """Return what to warn of after a fit, or None.

    Parameters
    ----------
    outcome : Outcome
    settings : Settings
    is_scaled : callable
        Says whether X is scaled: what is needs no advice to do so.
    blame : Blame
        Why it may have learned nothing.
    null_prediction : str
        What it then predicts.
    """
    if outcome.ending is Ending.CALLBACK:  # somebody asked for it
        return None
    if not (outcome.ending.is_a_limit or outcome.is_null):
        return None
    scale_X = not is_scaled()
    has_edges = any(ACTIVATIONS[name].has_edge for name in settings.activations)
    limits = {
        "max_iter": settings.max_iter,
        **settings.solver_options,
        "precision": str(outcome.thetas.dtype),
        "edges": EDGES if has_edges else "",
    }
    cost = "validation cost" if settings.early_stopping else "J"
    messages = [
        outcome.ending.message(outcome.gradient_norm, settings.tol, limits, scale_X),
        null_message(outcome, cost, scale_X, blame, null_prediction),
    ]
    return " ".join(message for message in messages if message) or None
