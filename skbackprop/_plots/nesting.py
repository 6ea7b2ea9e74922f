"""What a display shows of an estimator: pipelines and searches are looked through."""

from collections.abc import Iterator, Sequence
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def nested(estimator: Any) -> Iterator[Any]:
    """Yield the estimator, then its step with a network, or what it has found best, and so on."""
    yield estimator
    if isinstance(estimator, Pipeline):
        yield from nested(estimator[_position_of_network(estimator)])
    elif hasattr(estimator, "best_estimator_"):
        yield from nested(estimator.best_estimator_)


def _position_of_network(pipeline: Pipeline) -> int:
    """Return which step is the last one with a network inside, or the last one of all."""
    last = len(pipeline) - 1
    for i in range(last, -1, -1):
        *_, innermost = nested(pipeline[i])
        if hasattr(innermost, "thetas_"):
            return i
    return last


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
            "estimator must be a BackpropClassifier or BackpropRegressor, one of their CV forms, "
            f"or a pipeline or a search with one inside; got {type(innermost).__name__}"
            f"{' without best_estimator_: give it refit=True' if has_searched else ''}"
        )
    return innermost


def names_of_features(estimator: Any) -> Sequence[str] | None:
    """Return the names of the features that reach the innermost estimator, or None.

    It knows them itself where its X was a dataframe; else they are what the steps before it say.
    """
    *_, innermost = nested(estimator)
    own = getattr(innermost, "feature_names_in_", None)
    names = _names_from_steps(estimator, None) if own is None else own
    return None if names is None or len(names) != innermost.n_features_in_ else list(names)


def _names_from_steps(estimator: Any, names: Any) -> Any:
    """Return the names that leave the last step before the innermost estimator."""
    if isinstance(estimator, Pipeline):
        i = _position_of_network(estimator)
        before = _names_out(estimator[:i], names) if i else names
        return _names_from_steps(estimator[i], before)
    if hasattr(estimator, "best_estimator_"):
        return _names_from_steps(estimator.best_estimator_, names)
    return names


def _names_out(steps: Pipeline, names: Any) -> Any:
    try:
        return steps.get_feature_names_out(names)
    except Exception:  # not every transformer can say, and those of others fail in their own ways
        return None
