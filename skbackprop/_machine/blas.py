"""BLAS held to one thread while a fit or a prediction runs.

The limit is process-wide, and two overlapping `threadpool_limits` would leave BLAS at one
thread for good: the second one to begin notes "one" as the number to go back to. So there
is a single limiter for all, which knows who uses it.

An interrupt can come between any two steps, before a user of the limit has noted that he came or
that he goes. So a user is an object that lives as long as his ``with`` statement, is noted before
the limit begins and until it has ended, and leaves at the latest when he dies. Where even that goes
wrong, whoever comes next, and finds the limit in force and no user alive, puts it right first. The
statement stands in a plain function: what a generator holds lives as long as the generator, and
this, where an interrupt has come between, as long as somebody keeps the interrupt's traceback.
"""

import math
import os
import sys
import threading
import weakref
from functools import partial
from typing import Any

# scipy brings a BLAS of its own, and the controller sees only libraries that are loaded when
# it is made: nobody uses the name, but without the import scipy's BLAS would keep its threads.
import scipy.linalg  # noqa: F401
from threadpoolctl import ThreadpoolController


class BlasLimiter:
    """Holds BLAS at one thread while it has users; call it for a context."""

    def __init__(self) -> None:
        self._controller: Any = None
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may predict, too
        # Those within the limit, and among how many jobs each divides the budget.
        self._users: dict[weakref.ref[_User], int] = {}
        # The libraries with their own numbers of threads while the limit is in force, else None.
        self._own_threads: list[tuple[Any, int]] | None = None
        self._budget = 1

    def __call__(self) -> "_User":
        """Return a context in which BLAS works on one thread, whoever else is in one.

        Entering it returns the number of threads that BLAS had before: the budget that
        a user, joblib or the environment set.
        """
        return _User(self, 1)

    def shared_among(self, n_jobs: int) -> "_User":
        """Return the same for jobs side by side in this process, which divide the budget."""
        return _User(self, n_jobs)

    def alone(self) -> "_User":
        """Return the same for a job that works on one thread, whatever the budget."""
        return _User(self, sys.maxsize)

    def enter(self, user: "weakref.ref[_User]", n_jobs: int) -> int:
        """Begin the limit, or share it; return the budget."""
        with self._lock:
            is_used = self._is_used()
            self._users[user] = 1
            if not is_used:
                self._end()  # only where an interrupt has left it behind
                self._begin()
            budget = self.budget
            self._users[user] = n_jobs
            return budget

    def leave(self, user: "weakref.ref[_User]", *exception: object) -> None:
        """End the limit where nobody else has it; of a user who is dead, where he has not left."""
        with self._lock:
            others = dict(self._alive(but=user))
            if not others:
                self._end()
            self._users = others

    @property
    def budget(self) -> int:
        """The number of threads for each job of those within the limit."""
        with self._lock:
            return max(1, self._budget // math.prod(n for _, n in self._alive()))

    def _is_used(self) -> bool:
        self._users = dict(self._alive())
        return bool(self._users)

    def _alive(
        self, but: "weakref.ref[_User] | None" = None
    ) -> list[tuple["weakref.ref[_User]", int]]:
        # Not in the frame that holds the lock: from Python 3.12 on, an interrupt where a loop jumps
        # back on a condition leaves a ``with`` statement around it without its exit.
        # Of a copy: a user may die, and leave, on the way.
        users = self._users.copy().items()
        return [(user, n) for user, n in users if user() is not None and user != but]

    def _begin(self) -> None:
        if self._controller is None:
            # Made once: it looks through all libraries of the process, some milliseconds.
            self._controller = ThreadpoolController().select(user_api="blas")
        libraries = self._controller.lib_controllers
        threads = [library.num_threads or 1 for library in libraries]
        self._budget = min(threads, default=1)
        # Noted first: set back to their own numbers, no library comes to harm.
        self._own_threads = list(zip(libraries, threads, strict=True))
        self._set_threads([(library, 1) for library in libraries])

    def _end(self) -> None:
        if self._own_threads is not None:
            self._set_threads(self._own_threads)
            self._own_threads = None

    def _set_threads(self, numbers: list[tuple[Any, int]]) -> None:
        """Set each library's number of threads.

        Since 3.8 threadpoolctl lets one thread, the first to come, limit OpenBLAS, and silently
        ignores all others. Here the last to leave may be another than the first to come, and
        others are to be heard afterwards.
        """
        self._share_control()
        for library, n in numbers:
            library.set_num_threads(n)
        self._share_control()

    def _share_control(self) -> None:
        for library in self._controller.lib_controllers:
            clear = getattr(library, "clear_controlling_thread", None)
            if clear is not None:
                clear(force=True)

    def after_fork_in_child(self) -> None:
        """Give BLAS its threads back where the forked threads that held them are gone."""
        own_threads = self._own_threads
        self._reset()
        self._own_threads = own_threads
        self._end()


class _User:
    """Somebody who needs BLAS on one thread: a context, entered once.

    Only the ``with`` statement holds it. A method's frame would, too, and with the frame the
    traceback of an interrupt, for as long as somebody keeps that: so there are no methods.
    """

    def __init__(self, limiter: BlasLimiter, n_jobs: int) -> None:
        self._limiter, self._n_jobs = limiter, n_jobs

    @property
    def __enter__(self) -> Any:
        limiter = self._limiter
        return partial(limiter.enter, weakref.ref(self, limiter.leave), self._n_jobs)

    @property
    def __exit__(self) -> Any:
        leave = partial(self._limiter.leave, weakref.ref(self))
        # What the statement holds is this function: it holds the user in turn. (functools.partial
        # takes attributes, which its annotations do not say.)
        leave.user = self  # type: ignore[attr-defined]
        return leave


single_threaded_blas = BlasLimiter()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=single_threaded_blas.after_fork_in_child)
