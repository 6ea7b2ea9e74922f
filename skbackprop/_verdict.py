"""What a fit says of itself: a line per iteration, and the warning at its end."""

from skbackprop._coarse_start import Stage
from skbackprop._parameters import Settings
from skbackprop._problem import Problem
from skbackprop._solver import Iteration, Solution
from skbackprop._training import Training, is_null


def print_iteration(iteration: Iteration, *_: object) -> None:
    """Print iteration, cost, max |D|, evaluations and seconds, with a heading before the first."""
    if iteration.number == 1:
        print(
            f"{'iteration':>9}  {'cost':>14}  {'max |D|':>9}  {'evaluations':>11}  {'seconds':>8}"
        )
    print(
        f"{iteration.number:9d}  {iteration.cost:14.8g}  {iteration.gradient_norm:9.2e}  "
        f"{iteration.n_evaluations:11d}  {iteration.seconds:8.2f}",
        flush=True,
    )


def print_stage(stage: Stage, solution: Solution) -> None:
    """Print what a stage of the coarse start did."""
    last = solution.last
    print(
        f"coarse start: {stage.rows.n_rows} rows, {stage.dtype}: {last.number} iterations to cost "
        f"{last.cost:.6g} in {last.seconds:.2f} s",
        flush=True,
    )


def print_fit_of_search(
    where: str, problem: Problem, training: Training, score: float, seconds: float
) -> None:
    """Print where a search is, and what the fit there gave."""
    print(
        f"{where} = {problem.reg_lambda:.3g}: score {score:.6g}, cost {training.kept.cost:.6g}, "
        f"{training.solution.last.number} iterations, {seconds:.2f} s",
        flush=True,
    )


def print_refit(how: str, training: Training) -> None:
    """Print what one of the two refits of a search came to."""
    kept, solution = training.kept, training.solution
    print(
        f"refit {how}: cost {kept.cost:.6g}, max |D| {kept.gradient_norm:.2e}, "
        f"{solution.last.number} iterations, {solution.last.seconds:.2f} s",
        flush=True,
    )


_WHY = {
    "max_iter": "reached max_iter={max_iter}",
    "maxfun": "reached maxfun={maxfun} evaluations",
    "maxls": "stopped: the line search finds no lower cost in maxls={maxls} steps",
    "ftol": "stopped at solver_options' ftol={ftol}: an iteration lowered the cost by less",
    "precision": "stopped where the line search finds no lower cost in {precision} precision",
}
_REMEDY = {
    "max_iter": "Increase max_iter, scale X (for instance with StandardScaler), or increase tol.",
    "maxfun": "Increase maxfun, scale X (for instance with StandardScaler), or increase tol.",
    "maxls": "Increase maxls, or scale X (for instance with StandardScaler).",
    "ftol": "Decrease ftol, or increase tol.",
    "precision": "Increase tol, or scale X (for instance with StandardScaler){or_float64}.",
}


def convergence_message(
    verdict: str, gradient_norm: float, tol: float, limits: dict[str, object], dtype: str
) -> str | None:
    """Return what to warn of after a fit with this verdict, or None.

    Parameters
    ----------
    verdict : str
        `Solution.verdict`.
    gradient_norm : float
        max |D|.
    tol : float
        What it had to reach.
    limits : dict
        The limits that were in force: "max_iter", and the solver options that are set.
    dtype : str
        Name of the type that the network was computed in.
    """
    if verdict not in _WHY:
        return None
    why = _WHY[verdict].format(precision=dtype, **limits)
    or_float64 = ", or pass X as float64" if dtype == "float32" else ""
    remedy = _REMEDY[verdict].format(or_float64=or_float64)
    return f"The fit {why}, with max |D| = {gradient_norm:.2e} against tol = {tol:.2e}. {remedy}"


def null_message(training: Training, null_cost: float, remedy: str) -> str | None:
    """Return what to warn of where a fit is no better than the class frequencies, or None."""
    if not is_null(training.learned_cost, null_cost):
        return None
    is_short = training.solution.verdict in ("max_iter", "maxfun")
    too_few = "the iterations are too few, " if is_short else ""
    cost = "validation cost" if training.validation_scores else "J"
    return (
        f"The fit ends no better than predicting the class frequencies ({cost} = "
        f"{training.learned_cost:.6g}, theirs {null_cost:.6g}): {too_few}reg_lambda is too strong, "
        f"or X is not scaled. {remedy}, or scale X (for instance with StandardScaler)."
    )


def training_message(
    training: Training,
    null_cost: float,
    settings: Settings,
    remedy: str = "Decrease reg_lambda",
) -> str | None:
    """Return what to warn of after a training, or None; see the two messages above.

    Parameters
    ----------
    training : Training
    null_cost : float
        The cost of the class frequencies.
    settings : Settings
    remedy : str
        What to do where the penalty is too strong.
    """
    verdict = training.solution.verdict
    if verdict == "stopped":  # somebody asked for it
        return None
    limits = {"max_iter": settings.max_iter, **settings.solver_options}
    norm, dtype = training.solution.last.gradient_norm, str(training.thetas[0].dtype)
    messages = [
        convergence_message(verdict, norm, settings.tol, limits, dtype),
        null_message(training, null_cost, remedy),
    ]
    return " ".join(message for message in messages if message) or None
