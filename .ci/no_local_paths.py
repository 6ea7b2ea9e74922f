"""Ends with an error where a built site, its notebooks or its archives name a local path.

``python .ci/no_local_paths.py docs/_build/html``
"""

import io
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Of any machine: the checkout, the user's home, and links to files.
LOCAL = re.compile("|".join(["file://", *map(re.escape, {str(ROOT), str(Path.home())} - {"/"})]))


def local_paths(site: Path) -> Iterator[str]:
    """Yield where a local path is named, and which."""
    for path in sorted(site.rglob("*")):
        if path.is_file():
            yield from in_file(str(path.relative_to(site)), path.read_bytes())


def in_file(name: str, content: bytes) -> Iterator[str]:
    """Yield the local paths in a file, or in the files of an archive."""
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield from in_file(f"{name}: {member}", archive.read(member))
    else:
        text = content.decode("utf-8", errors="replace")
        for found in LOCAL.finditer(text):
            start, end = max(0, found.start() - 40), found.end() + 60
            yield f"{name}: ...{text[start:end]!r}..."


if __name__ == "__main__":
    found = list(local_paths(Path(sys.argv[1])))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found))
