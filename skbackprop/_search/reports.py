"""What a search says of itself: a line for each of its fits."""

from skbackprop._training.coarse_start import Stage
from skbackprop._training.fit import Fit, Outcome
from skbackprop._training.reports import Reports
from skbackprop._training.solver import Iteration


class SearchReports(Reports):
    """Lines of progress on the standard output: of fits, not of their iterations."""

    def stage(self, stage: Stage) -> None:
        """Say nothing."""

    def iteration(self, iteration: Iteration, fit: Fit, stage: Stage) -> None:
        """Say nothing."""

    def fit_on_fold(self, where: str, outcome: Outcome, score: float) -> None:
        """Print where the search is, and what the fit there gave."""
        self.line(
            f"{where} = {outcome.reg_lambda:.3g}: score {score:.6g}, cost {outcome.loss:.6g}, "
            f"{outcome.n_iter} iterations, {outcome.seconds:.2f} s"
        )

    def fit_on_path(self, number: int, n: int, outcome: Outcome, score: float) -> None:
        """Print where the path is that "auto" walks, and what the fit there gave."""
        self.fit_on_fold(f"path, lambda {number}/{n}", outcome, score)

    def refit(self, how: str, outcome: Outcome) -> None:
        """Print what one of the two refits came to."""
        self.line(
            f"refit {how}: cost {outcome.loss:.6g}, max |D| {outcome.gradient_norm:.2e}, "
            f"{outcome.n_iter} iterations, {outcome.seconds:.2f} s"
        )
