"""Every accepted iteration of a fit, for benchmarks that hold it against the clock."""

from contextlib import contextmanager
from unittest import mock

from skbackprop._training.training import Training


@contextmanager
def watched(look):
    """Call ``look(training, fit, stage, iteration)`` at every one, of whichever stage."""
    accept = Training._accept

    def look_and_accept(training, fit, stage, *others):
        *_, iteration = others
        look(training, fit, stage, iteration)
        return accept(training, fit, stage, *others)

    with mock.patch.object(Training, "_accept", look_and_accept):
        yield
