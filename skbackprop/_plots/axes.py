"""Where a display draws, and ticks that can be read as numbers."""

from typing import Any


def axes_or_new(ax: Any) -> Any:
    """Return the axes given, or those of a new figure, whose labels all have their room.

    Raises
    ------
    ImportError
        If there is no matplotlib: it names what to install.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            'displays are drawn by matplotlib: pip install "skbackprop[plot]"'
        ) from error
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def plain_log_ticks(axis: Any, low: float, high: float) -> None:
    """Label a logarithmic axis 0.2, 0.5 and so on, where from low to high it has few decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    if high > 100 * low:
        return  # powers of ten are enough
    if high < 4 * low:
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    else:
        axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5) if high < 10 * low else (1, 3)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
