"""Ctrl-C anywhere: trace functions that count lines or points, and raise at one."""

import dis
import sys
from functools import cache


class AtLine:
    """Counts the lines of these files as they run, and raises KeyboardInterrupt at one of them.

    `files` are beginnings of paths; `line` counts from 1, and None interrupts nothing.
    """

    def __init__(self, files, line=None):
        self.files, self.line, self.n_lines = tuple(files), line, 0

    def __call__(self, frame, event, arg):
        if not frame.f_code.co_filename.startswith(self.files):
            return None
        if event == "line":
            self.n_lines += 1
            if self.n_lines == self.line:
                raise KeyboardInterrupt
        return self

    def fit(self, own, *data):
        """Fit, and return whether it was interrupted."""
        trace = sys.gettrace()
        sys.settrace(self)
        try:
            own.fit(*data)
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(trace)
        return False


# Instructions after which the interpreter looks whether there is a signal.
LOOKS_AFTER = ("CALL", "JUMP_BACKWARD", "RESUME")


class AtPoint:
    """Counts the points where the interpreter may run a signal's handler, and raises at one.

    Such a point is the start of a function, the end of a call and a jump back in a loop, in
    whosever Python code. Other than at a line, none comes between a lock's ``__enter__`` and the
    block, or between the block and its ``__exit__``, where no signal comes either.

    Parameters
    ----------
    point : int or None
        Where KeyboardInterrupt is raised, from 1; None interrupts nothing.

    Attributes
    ----------
    n_points : int
        How many there were.
    where : tuple or None
        File, line and function of the one where it was raised.
    """

    def __init__(self, point=None):
        self.point, self.n_points, self.where = point, 0, None

    def __call__(self, frame, event, arg):
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        code, is_point = frame.f_code, True
        looks = looking_instructions(code)

        def trace(frame, event, arg):
            nonlocal is_point
            if event == "opcode":
                if is_point:
                    self._count(frame)
                is_point = frame.f_lasti in looks
            return trace

        return trace

    def _count(self, frame):
        self.n_points += 1
        if self.n_points == self.point:
            code = frame.f_code
            self.where = code.co_filename, frame.f_lineno, code.co_qualname
            raise KeyboardInterrupt

    def run(self, function, *args):
        """Call the function, and return whether it was interrupted."""
        trace = sys.gettrace()
        sys.settrace(self)
        try:
            function(*args)
        except KeyboardInterrupt:
            return True
        finally:
            sys.settrace(trace)
        return False


@cache
def looking_instructions(code):
    """Return where in the code these instructions are."""
    return {i.offset for i in dis.get_instructions(code) if i.opname.startswith(LOOKS_AFTER)}
