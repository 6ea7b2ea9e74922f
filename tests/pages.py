"""A page's code, run as a reader pastes it, block after block in one session.

``python tests/pages.py PAGE`` runs them and ends with an error where one fails, or prints something
else than the page shows below it.
"""

import contextlib
import doctest
import importlib.util
import io
import re
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

from skbackprop import BackpropClassifier

# What a block that says so needs, and whether it is there.
NEEDS = {
    "set_callbacks": lambda: hasattr(BackpropClassifier, "set_callbacks"),  # scikit-learn 1.9
    "skops": lambda: importlib.util.find_spec("skops") is not None,
}

MARKDOWN = re.compile(
    r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```)?", re.M | re.S
)
INDENTED = r"(?:    .*\n|\n)+"
RST = re.compile(
    rf"^\.\. code-block:: python\n\n(?P<code>{INDENTED})"
    rf"(?:\.\. code-block:: text\n\n(?P<shown>{INDENTED}))?",
    re.M,
)


class Block(NamedTuple):
    """What a reader pastes, and what the page says that it prints."""

    line: int
    code: str
    shown: str
    mode: str


def blocks(page):
    """Return the blocks of a page, those that begin with ``>>>`` included, in their order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in (RST if page.suffix == ".rst" else MARKDOWN).finditer(text):
        code, shown = (textwrap.dedent(match[name] or "") for name in ("code", "shown"))
        found.append(Block(text.count("\n", 0, match.start("code")), code, shown, "exec"))
    for example in doctest.DocTestParser().get_examples(text):
        found.append(Block(example.lineno, example.source, example.want, "single"))
    return sorted(found)


# With no way back into a number: else a page that does not agree may take for ever to say so.
NUMBER = r"(?>[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?)"


def agrees(shown, printed):
    """Whether what is printed is what is shown, ``...`` for anything, numbers nearly."""
    pieces = shown.replace("<BLANKLINE>", "").strip().split("...")
    at = 0
    for i, piece in enumerate(pieces):
        pattern, numbers = pattern_of(piece.strip() if i else piece)
        if i == len(pieces) - 1:
            pattern += r"\s*\Z"
        compiled = re.compile(r"\s*+" + pattern)
        match = compiled.search(printed, at) if i else compiled.match(printed)
        if match is None or not all(map(close, numbers, match.groups())):
            return False
        at = match.end()
    return True


def pattern_of(shown):
    """Return the pattern of what is shown, with a group for each number, and the numbers."""
    patterns, numbers = [], []
    for token in re.findall(rf"\s+|{NUMBER}|.", shown, flags=re.S):
        if token.isspace():
            patterns.append(r"\s*+")
        elif re.fullmatch(NUMBER, token):
            patterns.append(f"({NUMBER})")
            numbers.append(token)
        else:
            patterns.append(re.escape(token))
    return "".join(patterns), numbers


def close(shown, printed):
    """Whether a number is as shown: within 2 %, or 1.5 of the last decimal place that is shown."""
    mantissa, _, exponent = shown.partition("e")
    decimals = mantissa.partition(".")[2]
    last_place = 10.0 ** (int(exponent or 0) - len(decimals)) if decimals else 0
    return abs(float(printed) - float(shown)) <= max(0.02 * abs(float(shown)), 1.5 * last_place)


def run(page):
    """Run a page's blocks in one namespace; an error where one does not what the page says."""
    namespace = {"__name__": "__main__"}
    for block in blocks(page):
        if not all(there() for name, there in NEEDS.items() if name in block.code):
            continue
        printed = io.StringIO()
        code = compile("\n" * block.line + block.code, str(page), block.mode)
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        if not agrees(block.shown, printed.getvalue()):
            sys.exit(
                f"{page}, line {block.line + 1}, shows\n{block.shown}\n"
                f"and prints\n{printed.getvalue()}"
            )


if __name__ == "__main__":
    run(Path(sys.argv[1]))
