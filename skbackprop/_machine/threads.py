"""Threads that share the work of an evaluation or a prediction, within BLAS's own budget."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import numpy as np

from skbackprop._machine.blas import single_threaded_blas

# Multiply-adds below which handing work to a thread costs more than it gains; those in
# float32 count half.
SMALL_WORK = 5_000_000


# An overflow shows in the cost, and the solver turns it into an error that says more.
_SILENT: Any = {"over": "ignore", "invalid": "ignore", "under": "ignore"}


def rounding_in_silence() -> AbstractContextManager[Any]:
    """Return a context in which numpy does not warn of over- and underflow in this thread."""
    return np.errstate(**_SILENT)


class Team:
    """The calling thread and some helpers, who take calls off one list until it is empty.

    Other than with the map of an executor, the calling thread works instead of waiting, and a
    helper is woken once, not for every call: a fifth quicker where calls take a millisecond.
    """

    def __init__(self, helpers: ThreadPoolExecutor, n_helpers: int) -> None:
        self.helpers, self.n_helpers = helpers, n_helpers

    def map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
        """Return the function of every item, in their order."""
        results: list[Any] = [None] * len(items)
        numbers = deque(range(len(items)))

        def work() -> None:
            while True:
                try:
                    number = numbers.popleft()
                except IndexError:
                    return
                results[number] = function(items[number])

        helping: list[Future[None]] = []
        try:
            for _ in range(min(self.n_helpers, len(items) - 1)):
                helping.append(self.helpers.submit(work))
            work()
            wait(helping)
        except BaseException:
            # A helper still writes to what it was given: let nobody use that before it is done.
            numbers.clear()
            wait(helping)
            raise
        for helper in helping:
            helper.result()
        return results


@contextmanager
def worker_map(n_tasks: int, work: float) -> Iterator[Callable[..., Iterable[Any]]]:
    """Yield a map that runs its calls on as many threads as BLAS had before it was limited.

    Over- and underflow are silent in its threads; the caller lets them be in its own
    (`rounding_in_silence`).

    The budget is the one that BLAS had, so that a user's threadpool_limits, joblib's inner
    limits and the environment are obeyed. The limit and the silence must be in force, held by a
    ``with`` statement of a plain function: a generator's would outlive an interrupt, see `blas`.

    Parameters
    ----------
    n_tasks : int
        Calls that the map will be given at a time.
    work : float
        Their multiply-adds in float64 together; a little is done without threads.
    """
    n_threads = min(single_threaded_blas.budget, n_tasks)
    if n_threads < 2 or work < SMALL_WORK:
        yield map
        return
    silence = partial(np.seterr, **_SILENT)
    with ThreadPoolExecutor(n_threads - 1, initializer=silence) as helpers:
        yield Team(helpers, n_threads - 1).map
