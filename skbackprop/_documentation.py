"""Where the page of a class is: the link in scikit-learn's HTML representation leads there."""

import html
import os
from importlib.metadata import PackageNotFoundError, metadata


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
        "Documentation" that the package was published with; without either "#", the page that
        shows it, since without any link scikit-learn does not say what the parameters mean. Never
        a file of this machine: a notebook may be shown to others. Empty where the variable is
        empty.
    """
    is_optional = estimator_class.__module__ == "skbackprop.dask"
    module = "skbackprop.dask" if is_optional else "skbackprop"
    site = os.environ.get("SKBACKPROP_DOCUMENTATION", _published_site())
    if site is None:
        return "#"
    return html.escape(site and f"{site.rstrip('/')}/api/{module}.{estimator_class.__name__}.html")


def _published_site() -> str | None:
    """Return the address in the installed package's metadata; it has one once it is published."""
    try:
        urls = metadata("skbackprop").get_all("Project-URL", [])
    except PackageNotFoundError:  # imported from a checkout that is not installed
        return None
    return dict(url.split(", ", 1) for url in urls).get("Documentation")
