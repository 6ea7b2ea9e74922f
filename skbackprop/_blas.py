"""BLAS held to one thread while a fit or a prediction runs.

The limit is process-wide, and two overlapping `threadpool_limits` would leave BLAS at one
thread for good: the second one to begin notes "one" as the number to go back to. So there
is a single limiter for all, which counts who uses it.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

# scipy brings a BLAS of its own, and the controller limits only libraries that are loaded when
# it is made: nobody uses the name, but without the import scipy's BLAS would keep its threads.
import scipy.linalg  # noqa: F401
from threadpoolctl import ThreadpoolController


class SingleThreadedBlas:
    """A context in which BLAS works on one thread, whoever else is in it.

    Entering it returns the number of threads that BLAS had before: the budget that
    a user, joblib or the environment set.
    """

    def __init__(self) -> None:
        self._controller: Any = None
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._limit: Any = None
        self._budget = 1

    def __enter__(self) -> int:
        with self._lock:
            try:
                if self._users == 0:
                    self._begin()
                self._users += 1
            except BaseException:  # an interrupt on the way must not leave the limit behind
                if self._users == 0 and self._limit is not None:
                    self._end()
                raise
            return self._budget

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._end()

    @contextmanager
    def shared_among(self, n_jobs: int) -> Iterator[None]:
        """Divide the budget among jobs that run side by side in this process."""
        with self as budget:
            with self._lock:
                self._budget = max(1, budget // n_jobs)
            try:
                yield
            finally:
                with self._lock:
                    self._budget = budget

    def _share_control(self) -> None:
        """Make threadpoolctl hear this thread, or afterwards any other.

        Since 3.8 it lets one thread, the first to come, limit OpenBLAS, and silently ignores
        all others. Here the last to leave may be another than the first to come.
        """
        for library in self._controller.lib_controllers:
            clear = getattr(library, "clear_controlling_thread", None)
            if clear is not None:
                clear(force=True)

    def _begin(self) -> None:
        if self._controller is None:
            # Made once: it looks through all libraries of the process, some milliseconds.
            self._controller = ThreadpoolController().select(user_api="blas")
        threads = [library["num_threads"] for library in self._controller.info()]
        self._budget = min(threads, default=1)
        self._share_control()
        self._limit = self._controller.limit(limits=1)
        self._share_control()

    def _end(self) -> None:
        limit, self._limit = self._limit, None
        self._share_control()
        limit.restore_original_limits()
        self._share_control()

    def after_fork_in_child(self) -> None:
        """Give BLAS its threads back where the forked threads that held them are gone."""
        limit = self._limit
        self._reset()
        if limit is not None:
            self._limit = limit
            self._end()


single_threaded_blas = SingleThreadedBlas()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=single_threaded_blas.after_fork_in_child)
