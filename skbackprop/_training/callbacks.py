"""scikit-learn's callbacks: every task of theirs, of a fit, a search, its folds and its refit.

A fit is a task, a stage of it is one, and so is an accepted iteration of the stage. In a search
they stand below the folds and penalties. `sklearn.callback` came with scikit-learn 1.9; below that
the estimators work without.
"""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])

if TYPE_CHECKING:  # scikit-learn's decorator has no types, and would take a method's away
    from sklearn.callback import CallbackSupportMixin

    STACK_LEVEL: int

    def with_callbacks(method: Method) -> Method:
        """Return a method of the same type."""
        ...
else:
    try:
        from sklearn.callback import CallbackSupportMixin, with_callbacks

        # Where a warning from a decorated method points past the decorator.
        STACK_LEVEL = 3
    except ImportError:
        STACK_LEVEL = 2

        class CallbackSupportMixin:
            """Stands in where scikit-learn has no callbacks."""

        def with_callbacks(method):
            """Return the method as it is."""
            return method


__all__ = ["NO_TASK", "STACK_LEVEL", "CallbackSupportMixin", "Task", "root_task", "with_callbacks"]

# What a callback may see of an iteration: called only where one wants to.
Seen = Callable[[], tuple[Any, ...]]


class Task:
    """A task of the callbacks: a context, begun on entry and ended, once, on exit.

    Parameters
    ----------
    context : CallbackContext or None
        None has no callbacks.
    owner : estimator
        The one that has the callbacks.
    data : dict
        X, y and metadata of the task; functions are called only where a callback wants to see.
    attributes : callable
        From what is seen of an iteration, the attributes of an estimator that predicts so.
    errors : list
        What callbacks have raised, of all tasks of one fit.

    Attributes
    ----------
    wants_to_stop : bool
        Whether a callback wished, at the end of the task, that no other follows.
    """

    def __init__(
        self,
        context: Any,
        owner: Any,
        data: dict[str, Any],
        attributes: Callable[..., dict[str, Any]],
        errors: list[BaseException] | None = None,
    ) -> None:
        self.context, self.owner, self.data, self.attributes = context, owner, data, attributes
        self.errors = [] if errors is None else errors
        self.wants_to_stop = False
        self._iteration: Any = None

    def __enter__(self) -> Self:
        try:
            self._begin_all()
        except BaseException as error:
            # Of several callbacks, some have begun.
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _begin_all(self) -> None:
        self._begin(self.context)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        iteration, self._iteration = self._iteration, None
        try:
            self._end(iteration, None)  # the iteration that was not to be
        finally:
            self.wants_to_stop = self._end(self.context, None, **self.data)

    def subtask(
        self,
        name: str,
        max_subtasks: int | None,
        *,
        number: int | None = None,
        data: dict[str, Any] | None = None,
        attributes: Callable[..., dict[str, Any]] | None = None,
    ) -> "Task":
        """Return a task within this one.

        Parameters
        ----------
        name : str
            What it is.
        max_subtasks : int or None
            How many subtasks of its own it can have; None is not known.
        number : int or None
            Of the subtask, where those of the task are not done one after the other.
        data : dict or None
            X, y and metadata; None has those of this task.
        attributes : callable or None
            As `Task` takes them; None is that of this task.
        """
        context = self.context
        if context is not None:
            context = context.subcontext(task_name=name, task_id=number, max_subtasks=max_subtasks)
        data = self.data if data is None else data
        attributes = self.attributes if attributes is None else attributes
        return Task(context, self.owner, data, attributes, self.errors)

    def of_stage(self, name: str, max_iter: int) -> "Task":
        """Return the task of a stage, whose first iteration begins with it."""
        return _StageTask.within(self, name, max_iter)

    def end_iteration(self, seen: Seen) -> bool:
        """End the task of an iteration and begin the next; True is a wish to stop."""
        if self.context is None:
            return False
        iteration, self._iteration = self._iteration, None
        stop = self._end(iteration, lambda: self.attributes(*seen()), **self.data)
        if not stop:
            self._begin_iteration()
        return stop

    def _begin_iteration(self) -> None:
        if self.context is not None:
            self._iteration = self.context.subcontext(task_name="iteration", max_subtasks=0)
            self._begin(self._iteration)

    def _begin(self, context: Any) -> None:
        if context is not None:
            self._call(context.call_on_fit_task_begin, estimator=self.owner, **self.data)

    def _end(self, context: Any, attributes: Any, **data: Any) -> bool:
        if context is None:
            return False
        if attributes is not None:
            data["reconstruction_attributes"] = attributes
        return bool(self._call(context.call_on_fit_task_end, estimator=self.owner, **data))

    def _call(self, hook: Callable[..., Any], **data: Any) -> Any:
        try:
            return hook(**data)
        except StopIteration:
            return True
        except BaseException as error:
            self.errors.append(error)
            raise


class _StageTask(Task):
    @classmethod
    def within(cls, task: Task, name: str, max_iter: int) -> Self:
        # Room for one more than there can be: the one that begins when the last one ends.
        stage = task.subtask(name, max_iter + 1)
        return cls(stage.context, stage.owner, stage.data, stage.attributes, stage.errors)

    def _begin_all(self) -> None:
        super()._begin_all()
        self._begin_iteration()


NO_TASK = Task(None, None, {}, dict)


def root_task(
    owner: Any,
    data: dict[str, Any],
    attributes: Callable[..., dict[str, Any]],
    *,
    max_subtasks: int | None = None,
    sequential_subtasks: bool = True,
) -> Task:
    """Return the task that a whole fit is.

    Parameters
    ----------
    owner : estimator
        The one that has the callbacks.
    data : dict
        X, y and metadata.
    attributes : callable
        As `Task` takes them.
    max_subtasks : int or None, default=None
        How many subtasks it can have; None is not known.
    sequential_subtasks : bool, default=True
        Whether these are done one after the other.
    """
    context = None
    # Found by measuring: tasks of iterations take a tenth of a small fit. And where there are none,
    # an interrupt while scikit-learn takes them down leaves nothing of them on the estimator.
    if hasattr(owner, "_init_callback_context") and _has_callbacks(owner):
        context = owner._init_callback_context(
            max_subtasks=max_subtasks, sequential_subtasks=sequential_subtasks
        )
    return Task(context, owner, data, attributes)


def _has_callbacks(owner: Any) -> bool:
    """Tell whether it would change an estimator to take its callbacks away."""
    without = object.__new__(type(owner))
    without.__dict__ = dict(vars(owner))
    without.set_callbacks()
    return any(vars(without).get(name) is not value for name, value in vars(owner).items())
