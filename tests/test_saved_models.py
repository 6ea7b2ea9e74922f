"""Models that a version saved are loaded by every later one, and keep what was promised."""

import json
import pickle
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
import skops.io
from data.make_models import ATTRIBUTES, MODELS, answers, attributes, fitted_models, plain
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import InconsistentVersionWarning

import skbackprop

FILES = sorted(path for path in MODELS.glob("*/*") if path.suffix in (".pickle", ".skops"))


def load_pickle(path):
    return pickle.loads(path.read_bytes())


def load_skops(path):
    types = skops.io.get_untrusted_types(file=path)
    # Between numpy 1 and 2, the name of a masked array's module has changed.
    own = [name for name in types if not name.startswith("numpy.ma.")]
    assert [name.split(".")[-1] for name in own] == [path.stem]
    return skops.io.load(path, trusted=types)


def loaded(path):
    """Return the model of a file; where that is another version's, a warning says so."""
    version = path.parent.name
    is_another = version != skbackprop.__version__
    says_so = pytest.warns(InconsistentVersionWarning, match=version)
    with says_so if is_another else nullcontext():
        return {".pickle": load_pickle, ".skops": load_skops}[path.suffix](path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_saved_model_keeps_its_promises(path):
    told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    X = pd.DataFrame(told["X"]).astype(told["dtype"])
    model = loaded(path)
    assert type(model) is getattr(skbackprop, path.stem)
    assert_same(attributes(model), told["attributes"], rtol=0)
    assert_same(answers(model, X), told["answers"], rtol=1e-6)
    parameters = plain(model.get_params())
    assert {name: parameters[name] for name in told["parameters"]} == told["parameters"]
    assert clone(model).get_params() == model.get_params()
    assert_same(answers(pickle.loads(pickle.dumps(model)), X), told["answers"], rtol=1e-6)


def assert_same(given, told, rtol):
    """Compare dicts of what JSON has, numbers to a relative difference."""
    for name, value in told.items():
        if isinstance(value, dict):
            assert_same(given[name], value, rtol)
        elif isinstance(value, list) and np.asarray(flat(value)).dtype.kind == "f":
            assert_allclose(flat(given[name]), flat(value), rtol=rtol, atol=rtol)
        else:
            assert given[name] == value, name


def flat(value):
    """Return the elements of lists within lists."""
    return [e for v in value for e in flat(v)] if isinstance(value, list) else [value]


def test_the_files_of_this_version_are_kept():
    """Else: python tests/data/make_models.py, before a release."""
    names = {path.name for path in FILES if path.parent.name == skbackprop.__version__}
    assert names == {f"{name}.{kind}" for name in ATTRIBUTES for kind in ("pickle", "skops")}


def test_every_fitted_attribute_is_promised():
    for model, _ in fitted_models():
        names = {name for name in dir(model) if name.endswith("_") and not name.startswith("_")}
        promised = set(ATTRIBUTES[type(model).__name__])
        assert {name for name in names if hasattr(model, name)} == promised
