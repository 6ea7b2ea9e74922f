"""Where the page of a class is: the link in scikit-learn's HTML representation leads there."""

import html
import inspect
import os
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]


def documentation_url(estimator_class: type) -> str:
    """Return the address of the class's documentation, escaped.

    Parameters
    ----------
    estimator_class : type
        Has a page of its own in the API part of the site.

    Returns
    -------
    str
        As HTML has it: the page in the site at ``SKBACKPROP_DOCUMENTATION``, or at the address
        "Documentation" that the package was published with, or built in this checkout; without
        any of them the source file, whose docstring is the page's text. Empty where the variable
        is empty.
    """
    page = f"api/skbackprop.{estimator_class.__name__}.html"
    site = os.environ.get("SKBACKPROP_DOCUMENTATION", _published_site())
    if site is None:
        built = CHECKOUT / "docs/_build/html" / page
        url = (built if built.is_file() else Path(inspect.getfile(estimator_class))).as_uri()
    else:
        url = site and f"{site.rstrip('/')}/{page}"
    return html.escape(url)


def _published_site() -> str | None:
    """Return the address in the installed package's metadata; it has one once it is published."""
    try:
        urls = metadata("skbackprop").get_all("Project-URL", [])
    except PackageNotFoundError:  # imported from a checkout that is not installed
        return None
    return dict(url.split(", ", 1) for url in urls).get("Documentation")
