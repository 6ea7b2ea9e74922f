"""All folds of a search, side by side, and how far they are when somebody interrupts them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed

from skbackprop._machine.blas import single_threaded_blas
from skbackprop._search.fold import FoldFits, Progress, Search, fit_fold
from skbackprop._training.callbacks import Task


def fit_folds(
    search: Search,
    splits: Sequence[tuple[Any, Any]],
    task: Task,
    n_jobs: int | None,
    random_state: np.random.RandomState,
) -> list[FoldFits]:
    """Walk the path of every fold.

    Parameters
    ----------
    search : Search
    splits : sequence of tuple
        The training and test rows of each fold, as `Search.rows` takes them.
    task : Task
        That of the search.
    n_jobs : int or None
        Folds at a time, as joblib takes it.
    random_state : RandomState
        Seeds the folds.

    Raises
    ------
    KeyboardInterrupt
        After an interrupt: it says how many fits are done.
    """
    seeds = random_state.randint(np.iinfo(np.int32).max, size=len(splits))
    parallel, progress = Parallel(n_jobs=n_jobs), Progress()
    n_side_by_side = min(effective_n_jobs(n_jobs), len(splits))
    n_lambdas = len(search.reg_lambdas)
    try:
        with single_threaded_blas.shared_among(n_side_by_side):
            return parallel(
                delayed(fit_fold)(
                    search,
                    progress,
                    task.subtask("fold", n_lambdas, number=fold).context,
                    fold,
                    train,
                    test,
                    seed,
                )
                for fold, ((train, test), seed) in enumerate(zip(splits, seeds, strict=True))
            )
    except KeyboardInterrupt as interrupt:
        # Other processes do not tell of the fits in a fold that they have not completed.
        n_completed = getattr(parallel, "n_completed_tasks", 0) * n_lambdas
        n_done = max(len(progress.done), n_completed)
        raise interrupted(n_done, len(splits) * n_lambdas) from interrupt
    finally:
        progress.is_stopped = True  # folds that still run, in other threads, shall end


def interrupted(n_done: int, n_fits: int) -> KeyboardInterrupt:
    """Return what is raised where a search is interrupted before its refit has an iteration."""
    return KeyboardInterrupt(
        f"the search was interrupted: {n_done} of {n_fits} fits are done, {n_fits - n_done} "
        "and the refit are missing; the estimator is as it was before"
    )
