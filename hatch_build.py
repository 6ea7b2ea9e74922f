"""The README as a package index shows it: no link there leads nowhere."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# An image or a link to a file of the checkout.
RELATIVE = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?!https?://|#)(?P<path>[^)\s]+)\)")


def readme_elsewhere(readme: str, repository: str | None) -> str:
    """Return the README for readers who have not got the checkout.

    Parameters
    ----------
    readme : str
    repository : str or None
        Where the files are to be read. Where they are nowhere, a link is its text alone and an
        image is left out.
    """

    def replaced(match: re.Match[str]) -> str:
        image, text, path = match["image"], match["text"], match["path"]
        if repository is None:
            return "" if image else text
        view = "raw" if image else "blob"
        return f"{image}[{text}]({repository.rstrip('/')}/{view}/main/{path})"

    return RELATIVE.sub(replaced, readme)


class ReadmeHook(MetadataHookInterface):
    """Puts it into the metadata; the address is the field "Repository" among the project's URLs."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the field."""
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        repository = metadata.get("urls", {}).get("Repository")
        text = readme_elsewhere(readme, repository)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
