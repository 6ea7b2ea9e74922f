"""The site: `sphinx-build -W --keep-going -q -b html docs docs/_build/html` makes it, offline."""

import os
import sys
from pathlib import Path

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the docstrings of this checkout, whatever is installed

# The gallery's pages show estimators, whose links lead from there to the API pages.
os.environ["SKBACKPROP_DOCUMENTATION"] = ".."

import skbackprop  # noqa: E402

project = "skbackprop"
author = "The skbackprop developers"
copyright = author
release = version = skbackprop.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
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
highlight_language = "python"

nitpicky = True
nitpick_ignore_regex = [
    # Other projects' pages: a build without the internet has no list of them.
    ("py:.*", r"(sklearn|scipy|numpy|matplotlib|joblib)\..*"),
    # An attribute of the class that is being described.
    ("py:obj", r"\w+_"),
]

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
html_theme_options = {
    "navbar_align": "left",
    "show_prev_next": False,
    "show_nav_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_math_renderer = "mathml"

# Addresses that answer a person's browser and not a script.
linkcheck_ignore = [r"https://doi\.org/.*"]


def write_inline_math(translator, node):
    """Write TeX as MathML: browsers read it without a script or a font from elsewhere."""
    translator.body.append(tex2mathml(node.astext()))
    raise SkipNode


def write_block_math(translator, node):
    """Write a formula that stands by itself."""
    translator.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise SkipNode


def setup(app):
    """Register the renderer of formulas."""
    app.add_html_math_renderer("mathml", (write_inline_math, None), (write_block_math, None))
