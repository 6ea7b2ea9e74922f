"""Metadata of the package that follow from where the project lives.

`pyproject.toml` says where, in one place. Until it does there are no addresses, and the README
that goes with the package has no links that would break.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+://)([^)\s]+)\)")


class ProjectMetadata(MetadataHookInterface):
    """Gives ``urls`` and ``readme``, from what pyproject.toml says of ``repository`` and so on."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add what is dynamic."""
        repository, documentation = self.config["repository"], self.config["documentation"]
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["urls"] = project_urls(repository, documentation)
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": with_absolute_links(text, repository),
        }


def project_urls(repository: str, documentation: str) -> dict[str, str]:
    """Return the addresses that a package index shows, without those that there are not yet."""
    urls = {"Documentation": documentation.rstrip("/")} if documentation else {}
    if repository:
        home = repository.rstrip("/")
        urls |= {
            "Repository": home,
            "Changelog": f"{home}/blob/main/CHANGELOG.md",
            "Issues": f"{home}/issues",
        }
    return urls


def with_absolute_links(text: str, repository: str) -> str:
    """Return Markdown whose links to files lead into the repository, or are words without one."""

    def absolute(link: re.Match[str]) -> str:
        is_image, words, target = link.groups()
        if target.startswith("#"):
            return link[0]
        if not repository:
            return "" if is_image else words
        view = "raw" if is_image else "blob"
        return f"{is_image}[{words}]({repository.rstrip('/')}/{view}/main/{target})"

    return LINK.sub(absolute, text)
