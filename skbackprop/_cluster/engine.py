"""Tasks of the engine, Dask distributed, which stay near their data and survive its workers.

What a worker holds is the result of a task, so that the engine itself makes it again where the
worker is lost. A client that has lost the engine's scheduler for a while has lost its futures, too:
what they held is then submitted anew, and so is the computation that was under way. All of it is
pure, so nobody can tell.
"""

import itertools
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np
from dask import annotate, config, delayed, is_dask_collection
from dask.delayed import Delayed
from distributed import Client, Future, TimeoutError, futures_of

from skbackprop._machine.blas import single_threaded_blas
from skbackprop._machine.threads import rounding_in_silence

# Seconds after which a cluster without workers, or without a scheduler, is taken to be gone.
GONE_AFTER = 45.0
# Seconds between two looks at which workers there are.
LOOK_EVERY = 1.0
# How often in a row a computation may be lost while there are workers.
MOST_TRIES = 10
# Results that one task adds up.
FAN_IN = 8
# Bytes of Thetas from which the engine warns of a large graph.
MOST_BYTES = 2**31
# States of a future whose task the scheduler no longer knows.
LOST = ("cancelled", "lost")
# What checks of the rows raise. Of several groups, the first in order tells; other errors, as of a
# file that a graph of the user's does not find, end a fit at once.
CHECKED = (TypeError, ValueError)


class ClusterError(RuntimeError):
    """The cluster is gone, or has lost what nobody can make again."""


class Resident:
    """The result of a task, which stays on a worker while a fit needs it.

    Parameters
    ----------
    make : callable
        Submits the task, to a worker if it is given one, and returns its future; called again where
        the future was lost or let go.
    near : Resident or None
        Another, whose worker holds this one, too; None leaves it to the engine.

    Attributes
    ----------
    home : str or None
        The address of the worker.
    settled_among : dict of int or None
        The threads of the workers that there were when it was last said which one that is to be.
    """

    def __init__(self, make: Callable[[str | None], Future], near: Self | None = None) -> None:
        self._make = make
        self.home: str | None = None if near is None else near.home
        self.settled_among: dict[str, int] | None = None if near is None else near.settled_among
        self._future: Future | None = make(self.home)

    @property
    def future(self) -> Future:
        """Its future."""
        if self._future is None or self._future.status in LOST:
            self._future = self._make(self.home)
        return self._future

    def let_go(self) -> None:
        """Free the memory that it takes; it is made again when somebody asks for it."""
        if self._future is not None:
            self._future.release()
            self._future = None

    def move(self, client: Client, home: str) -> None:
        """Let another worker hold it."""
        future = submit(client, _same, self.future, home=home)
        self.let_go()
        self._future, self.home = future, home


def submit(client: Client, function: Callable[..., Any], *args: Any, home: str | None) -> Future:
    """Submit a task that a worker should do, or where it is gone another."""
    return client.submit(function, *args, pure=False, **_placed_at(home))


def _placed_at(home: str | None) -> dict[str, Any]:
    return {} if home is None else {"workers": [home], "allow_other_workers": True}


def _same(item: Any) -> Any:
    return item


def _on_one_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Return what a function gives: the engine's threads share the cores, one task each."""
    with single_threaded_blas.alone(), rounding_in_silence():
        return function(*args)


def _listed(*items: Any) -> list[Any]:
    return list(items)


def _added(*parts: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Add up, in their order."""
    first, *others = parts
    totals = [np.array(array, dtype=np.float64) for array in first]
    for part in others:
        for total, array in zip(totals, part, strict=True):
            total += array
    return tuple(totals)


def homes_for(homes: Sequence[str], n_threads: dict[str, int]) -> list[str]:
    """Return which worker is to hold each resident: where it is, unless that is gone or full.

    Parameters
    ----------
    homes : sequence of str
        Where each is.
    n_threads : dict of int
        Of each worker that there is: it holds a share as large as its share of the threads.
    """
    total = sum(n_threads.values())
    room = {worker: -(-len(homes) * n // total) for worker, n in n_threads.items()}
    new, without = list(homes), []
    for i, home in enumerate(homes):
        if room.get(home, 0) > 0:
            room[home] -= 1
        else:
            without.append(i)
    for i in without:
        new[i] = max(room, key=lambda worker: room[worker] / n_threads[worker])
        room[new[i]] -= 1
    return new


class Cluster:
    """A cluster at work for one fit: a context, at whose end it holds nothing of the fit.

    Parameters
    ----------
    client : Client
    sources : sequence
        The collections that the fit was given.
    """

    def __init__(self, client: Client, sources: Sequence[Any]) -> None:
        self.client, self.sources = client, [s for s in sources if is_dask_collection(s)]
        self._residents: list[Resident] = []
        self._n_threads: dict[str, int] = {}
        self._looked_at = -np.inf

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._let_go(self._residents)

    def _let_go(self, residents: Sequence[Resident]) -> None:
        for resident in residents:
            with suppress(Exception):  # the cluster may be gone
                resident.let_go()

    @contextmanager
    def for_a_while(self) -> Iterator[None]:
        """Hold what is put there within the context only until its end."""
        before, self._residents = self._residents, []
        try:
            yield
        finally:
            passing, self._residents = self._residents, before
            self._let_go(passing)

    # What stays there

    def hold(self, function: Callable[..., Any], resident: Resident, *args: Any) -> Resident:
        """Return the result of a function of a resident and of arguments, held where that is."""

        def make(home: str | None) -> Future:
            return submit(self.client, function, resident.future, *args, home=home)

        return self._keep(Resident(make, resident))

    def hold_delayed(self, delayed: Any) -> Resident:
        """Return the result of a graph of the user's, held by a worker."""
        return self._keep(Resident(lambda home: self.client.compute(delayed)))

    def _keep(self, resident: Resident) -> Resident:
        self._residents.append(resident)
        return resident

    def settle(self, residents: Sequence[Resident]) -> None:
        """Let the workers hold about as much each, of what has a home: once for these workers.

        A part of what was settled together may be uneven, and stays: with the rest, it is not.
        """
        workers = self._workers()
        homes = {r: r.home for r in residents if r.home is not None}
        if all(resident.settled_among == workers for resident in homes):
            return
        for resident, home in zip(homes, homes_for(list(homes.values()), workers), strict=True):
            if resident.home != home:
                resident.move(self.client, home)
            resident.settled_among = workers

    def find(self, residents: Sequence[Resident]) -> None:
        """Learn which worker holds each, where the engine has chosen."""
        holders = self.client.who_has([resident.future for resident in residents])
        for resident in residents:
            workers = holders.get(resident.future.key)
            resident.home = workers[0] if workers else "lost"

    def _workers(self) -> dict[str, int]:
        """Return the threads of each worker, as they were a moment ago."""
        now = time.monotonic()
        if now - self._looked_at > LOOK_EVERY:
            self._n_threads, self._looked_at = self._look(), now
        if not self._n_threads:
            self._wait_for_workers(None)
        return self._n_threads

    def _look(self) -> dict[str, int]:
        if self.client.status != "running":
            raise CancelledError(f"the client is {self.client.status}")
        return dict(sorted(self.client.nthreads().items()))

    # What is computed there

    def each(
        self, function: Callable[..., Any], residents: Sequence[Resident], *point: Any
    ) -> list[Any]:
        """Return what a function gives of each resident, and of a point if there is one."""

        def parts() -> list[Delayed]:
            return self._parts(function, residents, point)

        return self._survive(residents, parts, delayed(_listed, pure=False))

    def total(
        self,
        function: Callable[..., tuple[np.ndarray, ...]],
        residents: Sequence[Resident],
        point: Any,
    ) -> tuple[np.ndarray, ...]:
        """Return the sums of what a function gives of each resident at a point.

        They are added in float64, always in the same order: first of neighbours, then of these
        sums, a tree.
        """
        add = delayed(_added, pure=False)

        def parts() -> list[Delayed]:
            return self._parts(function, residents, (point,))

        def added(*sums: Delayed) -> Delayed:
            while True:
                sums = tuple(add(*sums[i : i + FAN_IN]) for i in range(0, len(sums), FAN_IN))
                if len(sums) == 1:
                    return sums[0]

        return self._survive(residents, parts, added)

    def _parts(
        self, function: Callable[..., Any], residents: Sequence[Resident], point: Sequence[Any]
    ) -> list[Delayed]:
        # As the results of tasks, points too are made again where they are lost. All is one graph:
        # a message for each task takes about twice the time.
        there = [delayed(_same, pure=False)(item) for item in point]
        call = delayed(partial(_on_one_thread, function), pure=False)
        parts = []
        for resident in residents:
            key = f"{function.__name__}-{uuid.uuid4()}"
            with annotate(**_placed_at(resident.home)):
                parts.append(call(resident.future, *there, dask_key_name=key))
        return parts

    def _survive(
        self,
        residents: Sequence[Resident],
        parts: Callable[[], list[Delayed]],
        together: Callable[..., Delayed],
    ) -> Any:
        """Return what the parts of a pure graph give together; again where the cluster loses it."""
        for n_tries in itertools.count(1):
            future = None
            try:
                self.settle(residents)
                future = self._compute(together(*parts()))
                return self._result_of(future)
            except Exception as error:
                is_of_a_task = future is not None and future.status == "error"
                is_lost = isinstance(error, (CancelledError, OSError))
                if is_of_a_task and isinstance(error, CHECKED):
                    raise self._first_error(parts(), error) from None
                if is_of_a_task or (not is_lost and self.client.status == "running"):
                    raise
                self._recover(error, n_tries)
            finally:
                if future is not None:  # where this raises, a traceback would hold it
                    future.release()
        return None

    def _compute(self, graph: Any) -> Any:
        with config.set({"distributed.admin.large-graph-warning-threshold": MOST_BYTES}):
            return self.client.compute(graph, optimize_graph=False)

    def _first_error(self, parts: list[Delayed], error: Exception) -> Exception:
        """Return, of what parts raise, that of the first in order; the one given came first."""
        futures = self._compute(parts)
        try:
            for future in futures:
                self._result_of(future)
        except CHECKED as first:
            return first
        except (CancelledError, OSError):  # what is at hand is as true
            return error
        finally:
            for future in futures:
                future.release()
        return error

    def _recover(self, error: Exception, n_tries: int) -> None:
        """Wait until a computation may be tried again, unless it can not succeed."""
        self._check_sources(error)
        self._wait_for_workers(error)
        self._looked_at = -np.inf
        if n_tries == MOST_TRIES:
            raise ClusterError(
                f"the cluster has lost the same computation {MOST_TRIES} times in a row: {error}"
            ) from error

    def _result_of(self, future: Future) -> Any:
        while True:
            try:
                return future.result(timeout=LOOK_EVERY)
            except TimeoutError:
                if future.done():  # by now, or the error is the task's own
                    return future.result()
                if not self._look():
                    self._wait_for_workers(None)

    def _wait_for_workers(self, error: BaseException | None) -> None:
        """Wait until there is a worker."""
        began = time.monotonic()
        while time.monotonic() - began < GONE_AFTER and self.client.status != "closed":
            with suppress(CancelledError, OSError):
                if self._look():
                    return
            time.sleep(LOOK_EVERY / 10)
        raise ClusterError(
            "the cluster is gone: "
            + (
                "the connection to its scheduler is closed"
                if self.client.status == "closed"
                else f"it has had no worker for {GONE_AFTER:g} s"
            )
        ) from error

    def _check_sources(self, error: BaseException) -> None:
        """Raise an error where the data itself is lost."""
        if self.client.status == "closed":
            return
        if any(future.status in LOST for future in futures_of(self.sources)):
            raise ClusterError(
                "a worker was lost with data that no task can make again: it was scattered from "
                "the client, or persisted before the connection was lost. Build the collections "
                "from files, or replicate what was scattered"
            ) from error
