"""The site, which one command makes, offline.

`sphinx-build -W --keep-going -q -b html -d docs/_build/doctrees docs docs/_build/html`.
"""

import html
import inspect
import io
import os
import re
import sys
from pathlib import Path

import matplotlib as mpl
from docutils.nodes import SkipNode
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import math_to_image
from sphinx.addnodes import desc_signature

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the docstrings of this checkout, whatever is installed

# The gallery's pages show estimators, whose links lead from there to the API pages.
os.environ["SKBACKPROP_DOCUMENTATION"] = ".."

# Not further up, where imports belong: what is imported is this checkout once it is on the path, as
# it is from the insert above on, and whatever is installed before.
import skbackprop  # noqa: E402

project = "skbackprop"
author = "The skbackprop developers"
copyright = author
release = version = skbackprop.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "gallery/*.ipynb", "gallery/*.py"]
templates_path = ["_templates"]
# For Markdown, myst-parser is called by the two pages that include a file.
source_suffix = {".rst": "restructuredtext"}
default_role = "py:obj"
smartquotes = False  # quotes as they are typed: links into the text look for them
highlight_language = "none"  # of blocks that do not name one: commands and formulas

nitpicky = True
nitpick_ignore_regex = [
    # Other projects' pages that no link leads to.
    ("py:.*", r"(matplotlib|joblib)\..*"),
    # An attribute of the class that is being described.
    ("py:obj", r"\w+_"),
]

# What of other projects this documentation names. Their own lists have it all; the file beside this
# one stands in where a build has no internet, and a name that it lacks is an error there.
intersphinx_mapping = {
    "sklearn": ("https://scikit-learn.org/stable/", (None, "inventories/sklearn.txt")),
    "numpy": ("https://numpy.org/doc/stable/", (None, "inventories/numpy.txt")),
    "scipy": ("https://docs.scipy.org/doc/scipy/", (None, "inventories/scipy.txt")),
}
intersphinx_timeout = 5  # seconds

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings tell the types
numpydoc_show_class_members = False  # the template lists them

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("skbackprop",),
    "reference_url": {"skbackprop": None},
    "remove_config_comments": True,
    "show_memory": False,
    "write_computation_times": False,
    "within_subsection_order": "FileNameSortKey",
}

html_theme = "pydata_sphinx_theme"
html_title = "skbackprop"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
toc_object_entries_show_parents = "hide"
# Pages without pages below them have nothing to show at the left.
html_sidebars = {
    page: []
    for page in [
        "index",
        "getting_started",
        "from_lecture_to_code",
        "onnx",
        "benchmarks",
        "dask",
        "contributing",
        "changelog",
    ]
}
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": False,
    "show_nav_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_math_renderer = "svg"


MATH_SIZE = 12


def svg_of(tex):
    """Return a formula as a picture that takes the size and the colour of the text around it.

    MathJax would have to be fetched, and what MathML looks like depends on the reader's fonts.
    """
    tex, file = " ".join(tex.split()), io.StringIO()
    with mpl.rc_context({"mathtext.fontset": "stix", "savefig.facecolor": "none"}):
        depth = math_to_image(f"${tex}$", file, FontProperties(size=MATH_SIZE), format="svg")
    drawing = file.getvalue()
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', drawing).groups())
    body = drawing[drawing.index('<g id="figure_1">') : drawing.index("</svg>")]
    body = re.sub(r' id="(figure|text|patch)_\d+"', "", body)  # a page has many formulas
    style = "; ".join(
        f"{name}:{points / MATH_SIZE:.3f}em"
        for name, points in {"width": width, "height": height, "vertical-align": -depth}.items()
    )
    return (
        f'<svg role="img" aria-label="{html.escape(tex)}" viewBox="0 0 {width} {height}" '
        f'fill="currentColor" style="{style}">{body}</svg>'
    )


def write_inline_math(translator, node):
    """Write a formula within a line."""
    translator.body.append(svg_of(node.astext()))
    raise SkipNode


def write_block_math(translator, node):
    """Write a formula that stands by itself."""
    tex = node.astext().replace(r"\frac", r"\dfrac")
    translator.body.append(f'<div class="math">{svg_of(tex)}</div>')
    raise SkipNode


def name_after_its_definition(app, doctree):
    """Give an inherited method the name under which viewcode finds its source."""
    for signature in doctree.findall(desc_signature):
        owner, _, method = signature.get("fullname", "").rpartition(".")
        if owner and signature.get("module") == "skbackprop":
            found = inspect.unwrap(getattr(getattr(skbackprop, owner), method))
            if inspect.isfunction(found):
                signature["module"], signature["fullname"] = found.__module__, found.__qualname__


def setup(app):
    """Register the renderer of formulas, and the links to inherited methods' source."""
    app.add_html_math_renderer("svg", (write_inline_math, None), (write_block_math, None))
    app.connect("doctree-read", name_after_its_definition, priority=400)  # viewcode's has 500
