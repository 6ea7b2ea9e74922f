"""Imports within the package run one way."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import skbackprop

PACKAGE = Path(skbackprop.__file__).parent
# What each module may import of the package; a new module needs a line here.
MAY_IMPORT = {
    "__init__": {
        "_classifier",
        "_classifier_cv",
        "_hidden_units_display",
        "_lambda_path_display",
        "_loss_curve_display",
    },
    "_hidden_units_display": set(),
    "_loss_curve_display": set(),
    "_activations": set(),
    "_blas": set(),
    "_documentation": set(),
    "_outputs": set(),
    "_rows": set(),
    "_solver": set(),
    "_thetas": set(),
    "_network": {"_activations", "_outputs", "_thetas"},
    "_objective": {"_thetas"},
    "_parameters": {"_activations", "_solver"},
    "_shards": {"_network", "_thetas", "_training_rows"},
    "_threads": {"_blas"},
    "_training_rows": {"_rows"},
    "_coarse_start": {"_solver", "_training_rows"},
    "_problem": {
        "_activations",
        "_network",
        "_objective",
        "_outputs",
        "_parameters",
        "_shards",
        "_thetas",
        "_threads",
        "_training_rows",
    },
    "_callbacks": {"_solver"},
    "_early_stopping": {"_solver", "_training_rows"},
    "_training": {
        "_coarse_start",
        "_early_stopping",
        "_objective",
        "_parameters",
        "_problem",
        "_solver",
        "_training_rows",
    },
    "_verdict": {"_coarse_start", "_parameters", "_problem", "_solver", "_training"},
    "_lambda_path": {
        "_coarse_start",
        "_parameters",
        "_problem",
        "_solver",
        "_training",
        "_training_rows",
    },
    "_search_results": set(),
    "_network_classifier": {
        "_callbacks",
        "_documentation",
        "_outputs",
        "_problem",
        "_solver",
        "_training",
        "_training_rows",
    },
    "_fold": {
        "_blas",
        "_callbacks",
        "_training",
        "_lambda_path",
        "_network_classifier",
        "_parameters",
        "_problem",
        "_threads",
        "_training_rows",
        "_verdict",
    },
    "_lambda_path_display": {"_search_results"},
    "_classifier_cv": {
        "_blas",
        "_callbacks",
        "_fold",
        "_lambda_path",
        "_network_classifier",
        "_parameters",
        "_problem",
        "_search_results",
        "_threads",
        "_training",
        "_training_rows",
        "_verdict",
    },
    "_classifier": {
        "_blas",
        "_callbacks",
        "_solver",
        "_network_classifier",
        "_parameters",
        "_problem",
        "_thetas",
        "_threads",
        "_training",
        "_training_rows",
        "_verdict",
    },
}


def _imported(path):
    """Return the names of the package's modules that a file imports."""
    full_names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            full_names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: a relative import"
            if node.module == "skbackprop":
                full_names += [f"skbackprop.{alias.name}" for alias in node.names]
            else:
                full_names.append(node.module)
    parts = [name.split(".") for name in full_names]
    return {(name[1:] or ["__init__"])[0] for name in parts if name[0] == "skbackprop"}


def test_the_table_names_every_module():
    assert set(MAY_IMPORT) == {path.stem for path in PACKAGE.rglob("*.py")}


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_a_module_imports_only_what_it_may(module):
    assert _imported(PACKAGE / f"{module}.py") <= MAY_IMPORT[module]


def test_there_is_no_cycle():
    TopologicalSorter(MAY_IMPORT).prepare()
