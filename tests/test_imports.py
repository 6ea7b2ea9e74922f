"""Imports within the package run one way: from room to room, and within a room."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import skbackprop

PACKAGE = Path(skbackprop.__file__).parent
# Each room, a folder or a file at the top, and the rooms that it imports: all of them further up
# in this table, and none that it does not need.
ROOMS = {
    "_version": set(),
    "_documentation": set(),
    "_network": set(),
    "_machine": {"_network"},
    "_rows": {"_machine", "_network"},
    "_parameters": {"_network"},
    "_training": {"_network", "_parameters", "_rows"},
    "_search": {"_machine", "_network", "_parameters", "_rows", "_training"},
    "_plots": {"_search"},
    "_transformer": {"_machine", "_parameters"},
    "_inputs": {"_machine"},
    "_model": {"_network", "_parameters", "_rows", "_training"},
    "_estimator": {
        "_documentation",
        "_inputs",
        "_machine",
        "_model",
        "_network",
        "_parameters",
        "_rows",
        "_training",
        "_transformer",
        "_version",
    },
    "_network_classifier": {"_estimator", "_machine", "_network", "_parameters", "_rows"},
    "_network_regressor": {"_estimator", "_machine", "_network", "_parameters", "_rows"},
    "_one_fit": {
        "_estimator",
        "_inputs",
        "_machine",
        "_model",
        "_network",
        "_parameters",
        "_rows",
        "_search",
        "_training",
    },
    "_penalty_search": {
        "_estimator",
        "_inputs",
        "_machine",
        "_model",
        "_network",
        "_parameters",
        "_rows",
        "_search",
        "_training",
    },
    "_classifier": {"_network", "_network_classifier", "_one_fit"},
    "_classifier_cv": {"_network", "_network_classifier", "_penalty_search"},
    "_regressor": {"_network", "_network_regressor", "_one_fit"},
    "_regressor_cv": {"_network", "_network_regressor", "_penalty_search"},
    "_gradient": {
        "_estimator",
        "_inputs",
        "_machine",
        "_model",
        "_network",
        "_parameters",
        "_rows",
        "_training",
    },
    "_gradient_check": {"_estimator", "_gradient", "_machine", "_network", "_training"},
    "__init__": {
        "_gradient",
        "_gradient_check",
        "_classifier",
        "_classifier_cv",
        "_plots",
        "_regressor",
        "_regressor_cv",
        "_version",
    },
    "onnx": {"__init__"},
    "_cluster": {
        "_estimator",
        "_inputs",
        "_machine",
        "_network",
        "_parameters",
        "_rows",
        "_search",
        "_training",
    },
    "dask": {
        "_classifier",
        "_classifier_cv",
        "_cluster",
        "_network",
        "_regressor",
        "_regressor_cv",
    },
}


def module_name(path):
    """Return the name of a module below the package: "_network.thetas", "_classifier"."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def room_of(module):
    return module.split(".")[0]


def imported_modules(path):
    """Return the names of the package's modules that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {module_of(name) for name in names if name.split(".")[0] == "skbackprop"}


def module_of(name):
    """Return the module that a dotted name is, or is in."""
    parts = name.split(".")[1:]
    for end in range(len(parts), 0, -1):
        for module in (".".join(parts[:end]), ".".join([*parts[:end], "__init__"])):
            if module in MODULES:
                return module
    return "__init__"


IMPORTS = {module: imported_modules(path) for module, path in MODULES.items()}


def test_the_table_names_every_room():
    assert set(ROOMS) == set(map(room_of, MODULES))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_the_table_says_and_nothing_else(room):
    imported = {
        room_of(other)
        for module, others in IMPORTS.items()
        if room_of(module) == room
        for other in others
    }
    assert imported - {room} == ROOMS[room]


def test_the_table_goes_from_below_to_above():
    order = list(ROOMS)
    for room, others in ROOMS.items():
        assert others <= set(order[: order.index(room)]), room


def test_plots_see_only_the_results_of_a_search():
    seen = set().union(*(IMPORTS[m] for m in MODULES if room_of(m) == "_plots"))
    assert {module for module in seen if room_of(module) != "_plots"} == {"_search.results"}


def test_there_is_no_circle():
    TopologicalSorter(IMPORTS).prepare()


@pytest.mark.parametrize(
    ("statement", "modules"),
    [
        ("import skbackprop._rows.rows", {"_rows.rows"}),
        ("from skbackprop._rows.rows import Rows", {"_rows.rows"}),
        ("from skbackprop._rows import rows", {"_rows.rows"}),
        ("from skbackprop import _parameters", {"_parameters"}),
        ("from skbackprop import BackpropClassifier", {"__init__"}),
        ("import skbackprop._rows", {"_rows.__init__"}),
        ("def f():\n    from skbackprop._network import thetas", {"_network.thetas"}),
        ("import numpy", set()),
    ],
)
def test_imports_are_seen_in_every_form(tmp_path, statement, modules):
    path = tmp_path / "module.py"
    path.write_text(statement, encoding="utf-8")
    assert imported_modules(path) == modules
