"""Threads that share the work of an evaluation or a prediction, within BLAS's own budget."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np

from skbackprop._blas import single_threaded_blas

# Multiply-adds below which handing work to a thread costs more than it gains.
SMALL_WORK = 2_000_000


def _overflow_silently() -> None:
    """Let an overflow show in the cost; numpy keeps this setting per thread."""
    np.seterr(over="ignore", invalid="ignore")


@contextmanager
def worker_map(n_tasks: int, work: float) -> Iterator[Callable[..., Iterable[Any]]]:
    """Hold BLAS at one thread, and yield a map that runs its calls on as many as it had.

    An overflow is silent inside: it shows in the cost, and the solver says more of it.

    The budget is the one that BLAS has on entry, so that a user's threadpool_limits,
    joblib's inner limits and the environment are obeyed.

    Parameters
    ----------
    n_tasks : int
        Calls that the map will be given at a time.
    work : float
        Their multiply-adds together; a little is done without threads.
    """
    with single_threaded_blas as budget, np.errstate(over="ignore", invalid="ignore"):
        n_threads = min(budget, n_tasks)
        if n_threads < 2 or work < SMALL_WORK:
            yield map
            return
        with ThreadPoolExecutor(n_threads, initializer=_overflow_silently) as pool:
            yield pool.map
