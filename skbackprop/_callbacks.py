"""scikit-learn's callbacks: an accepted iteration of the solver is a task of theirs.

`sklearn.callback` came with scikit-learn 1.9; below that the estimators work without.
"""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from skbackprop._solver import Iteration

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    # Where a warning from a decorated method points past the decorator.
    STACK_LEVEL = 3
except ImportError:
    STACK_LEVEL = 2

    # Either the import or this one defines the name; mypy counts both.
    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in where scikit-learn has no callbacks."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method


__all__ = [
    "STACK_LEVEL",
    "CallbackSupportMixin",
    "IterationTasks",
    "begin_task",
    "end_task",
    "root_task",
    "subtask",
    "with_callbacks",
]


def root_task(estimator: Any, **options: Any) -> Any:
    """Return the context of a fit, or None where scikit-learn has no callbacks.

    Parameters
    ----------
    estimator : estimator
        The one that has the callbacks.
    **options : dict
        As `CallbackSupportMixin._init_callback_context` takes them.
    """
    begin = getattr(estimator, "_init_callback_context", None)
    return None if begin is None else begin(**options)


def begin_task(context: Any, estimator: Any, **data: Any) -> Any:
    """Tell the callbacks that a task begins, and return its context; None has no callbacks."""
    if context is not None:
        context.call_on_fit_task_begin(estimator=estimator, **data)
    return context


def subtask(context: Any, name: str, max_subtasks: int, number: int | None = None) -> Any:
    """Return the context of a subtask; None has none.

    Parameters
    ----------
    context : CallbackContext or None
        Of the task.
    name : str
        What the subtask is.
    max_subtasks : int
        How many subtasks of its own it can have.
    number : int or None
        Of the subtask, where those of the task are not done one after the other.
    """
    if context is None:
        return None
    return context.subcontext(task_name=name, task_id=number, max_subtasks=max_subtasks)


def end_task(context: Any, estimator: Any, **data: Any) -> bool:
    """Tell the callbacks that a task ends; True is their wish to stop there."""
    return context is not None and bool(context.call_on_fit_task_end(estimator=estimator, **data))


class IterationTasks:
    """The iterations of one fit, as subtasks of the fit's task.

    Parameters
    ----------
    context : CallbackContext or None
        That of the fit, with room for an iteration more than there can be: the one that begins
        when the last one ends, and is empty.
    estimator : estimator
        The one that has the callbacks.
    data : dict
        X, y and metadata of the fit, as the user gave them.
    attributes : callable
        Given an `Iteration` and its Thetas, returns the attributes of an estimator that
        predicts with them.
    """

    def __init__(
        self,
        context: Any,
        estimator: Any,
        data: dict[str, Any],
        attributes: Callable[[Iteration, list[NDArray]], dict[str, Any]],
    ) -> None:
        self.context, self.estimator = context, estimator
        self.data, self.attributes = data, attributes
        self._begin()

    def _begin(self) -> None:
        self.subtask = begin_task(
            subtask(self.context, "iteration", 0), self.estimator, **self.data
        )

    def __call__(self, iteration: Iteration, thetas: Callable[[], list[NDArray]]) -> bool:
        """End the iteration's task and begin the next; a callback may ask to stop."""
        stop = end_task(
            self.subtask,
            self.estimator,
            # Called only where a callback wants to see a fitted estimator.
            reconstruction_attributes=lambda: self.attributes(iteration, thetas()),
            **self.data,
        )
        self._begin()
        return stop

    def close(self) -> None:
        """End the task of the iteration that was not to be."""
        end_task(self.subtask, self.estimator)
