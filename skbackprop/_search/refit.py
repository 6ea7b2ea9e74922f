"""The refit of a search: from a path and afresh, the better is kept."""

from collections.abc import Sequence

import numpy as np

from skbackprop._network.thetas import Thetas
from skbackprop._search.reports import SearchReports
from skbackprop._training.endings import Ending
from skbackprop._training.fit import Outcome
from skbackprop._training.training import Training


class Refit:
    """Two fits over all rows at the penalty chosen, and the one of lower cost, live.

    Parameters
    ----------
    training : Training
        Over all rows, opened. With early stopping there is no fit but the one afresh: the paths
        have been fitted to rows held out here, or ended by those, whose cost would speak for what
        starts there.
    starts : sequence of Thetas
        Where paths over other rows ended; the one of lowest cost on these rows is taken. Without
        any, there is no fit but the one afresh.
    reports : SearchReports
        Told of both; those of the training, too.
    """

    def __init__(
        self, training: Training, starts: Sequence[Thetas], reports: SearchReports
    ) -> None:
        self.training, self.starts, self.reports = training, starts, reports
        self._first: Outcome | None = None

    def run(self, reg_lambda: float) -> None:
        """Fit from the path, and afresh as `BackpropClassifier` does."""
        training = self.training
        task = training.task
        if self.starts and training.held_out is None:
            xs = [training.x_of(thetas) for thetas in self.starts]
            costs = [training.cost(x, reg_lambda) for x in xs]
            with task.subtask("from a path", None) as training.task:
                first = training.fit(xs[int(np.argmin(costs))], reg_lambda)
            self.reports.refit("from a path", first)
            self._first = first
            if training.task.wants_to_stop or first.ending is Ending.CALLBACK:
                return
        with task.subtask("afresh", None) as training.task:
            second = training.fit_afresh(reg_lambda)
        self.reports.refit("afresh", second)

    def keeps(self, error: BaseException) -> bool:
        """Tell whether there is something to keep after this was raised; see `Training.keeps`."""
        return self.training.keeps(error) or (
            self._first is not None and self.training.is_from_outside(error)
        )

    def outcome(self) -> Outcome:
        """Return the better of what there is so far."""
        there = [self._first] if self._first is not None else []
        if self.training.has_something:
            there.append(self.training.outcome())
        return min(there, key=lambda outcome: outcome.learned_cost)
