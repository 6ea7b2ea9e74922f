"""What a worker holds of a group: its rows, the fold of each, and what was last opened of them."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from dask.sizeof import sizeof

from skbackprop._rows.rows import Rows


class Part(NamedTuple):
    """Which rows of every group take part in something, and how their classes weigh.

    Attributes
    ----------
    fold : int or None, default=None
        None is all rows.
    is_held_out : bool, default=False
        Whether they are those of the fold, or all others.
    class_weights : ndarray of shape (n_classes,) or None, default=None
        None is as the rows were encoded.
    """

    fold: int | None = None
    is_held_out: bool = False
    class_weights: np.ndarray | None = None


WHOLE = Part()


class Held:
    """A group's rows on a worker.

    Parameters
    ----------
    rows : Rows
    folds : ndarray of int of shape (m,) or None, default=None
        The fold of each.
    """

    def __init__(self, rows: Rows, folds: np.ndarray | None = None) -> None:
        self.rows, self.folds = rows, folds
        # At most one thing, which nobody else uses who has taken it out: a task that is done again
        # may still run elsewhere in this process.
        self._opened: deque[tuple[str, Any]] = deque(maxlen=1)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a disk or another worker is given: nothing opened."""
        return Held, (self.rows, self.folds)

    def part(self, part: Part) -> Rows:
        """Return some of its rows; there may be none."""
        rows = self.rows
        if part.fold is not None:
            assert self.folds is not None
            rows = rows.where((self.folds == part.fold) == part.is_held_out)
        if part.class_weights is not None:
            rows = replace(rows, class_weights=part.class_weights)
            if rows.w is not None:
                rows = rows.where(rows.w > 0)
        return rows

    def call(self, key: str, open: Callable[[], Callable[..., Any]], *args: Any) -> Any:
        """Call what is opened of the rows, and keep it for a call with the same key.

        Parameters
        ----------
        key : str
            Of one client's function of one network and part: another's is never taken for it. What
            has another key goes, and with the group all.
        open : callable
            Returns the function.
        *args
            Its arguments.
        """
        try:
            known, opened = self._opened.pop()
        except IndexError:
            known, opened = "", None
        if known != key:
            opened = open()
        answer = opened(*args)
        self._opened.append((key, opened))
        return answer


@sizeof.register(Held)
def _bytes_of(held: Held) -> int:
    """Return about how many bytes they take: what a worker spills to disk follows from that."""
    rows = held.rows
    arrays = (rows.X, rows.targets.codes, rows.counts, rows.positions, held.folds)
    return sum(sizeof(array) for array in arrays)
