"""What a display shows of an estimator: pipelines and searches are looked through."""

from collections.abc import Iterator
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def nested(estimator: Any) -> Iterator[Any]:
    """Yield the estimator, then what it ends in or has found to be best, and so on."""
    yield estimator
    if isinstance(estimator, Pipeline):
        yield from nested(estimator[-1])
    elif hasattr(estimator, "best_estimator_"):
        yield from nested(estimator.best_estimator_)


def innermost_with(attribute: str, estimator: Any) -> Any:
    """Return the innermost estimator, which must have an attribute.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    ValueError
        If it is another kind of estimator, or a search that has refitted none.
    """
    *_, innermost = nested(estimator)
    if not hasattr(innermost, attribute):
        check_is_fitted(innermost)
        has_searched = hasattr(innermost, "cv_results_")
        raise ValueError(
            "estimator must be a BackpropClassifier or BackpropClassifierCV, or a pipeline or a "
            f"search with one inside; got {type(innermost).__name__}"
            f"{' without best_estimator_: give it refit=True' if has_searched else ''}"
        )
    return innermost
