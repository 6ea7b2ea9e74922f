"""From `fit` to the line that multiplies: a short way, that a reader can follow."""

import traceback
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

import skbackprop
from skbackprop import BackpropClassifier
from skbackprop._network.activations import ACTIVATIONS

PACKAGE = Path(skbackprop.__file__).parent
IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
MOST_FRAMES = 10


@pytest.fixture
def chains(monkeypatch):
    """The frames of the package above every call of a logistic unit, which is in `forward`."""
    chains = []
    logistic = ACTIVATIONS["logistic"]

    def apply(z):
        frames = [f for f in traceback.extract_stack() if PACKAGE in Path(f.filename).parents]
        chains.append(tuple(f"{Path(f.filename).stem}.{f.name}" for f in frames))
        logistic.apply(z)

    monkeypatch.setitem(ACTIVATIONS, "logistic", logistic._replace(apply=apply))
    return chains


STARTS = {
    "random": {},
    "given": {"thetas_init": [np.full((4, 5), 0.1), np.eye(3, 5)]},
    "cg": {"solver": "cg"},
}


@pytest.mark.parametrize("parameters", STARTS.values(), ids=STARTS)
def test_few_frames_lie_between_fit_and_the_product(chains, parameters):
    BackpropClassifier(
        4, activation="logistic", random_state=0, **{"reg_lambda": "prior", **parameters}
    ).fit(IRIS, SPECIES)
    assert len(chains) > 10
    for chain in set(chains):
        assert chain[0] == "_one_fit.fit"
        assert chain[-1] == "network.forward"
        assert len(chain) <= MOST_FRAMES, chain


def test_few_frames_lie_between_predict_and_the_product(chains):
    classifier = BackpropClassifier(4, activation="logistic", random_state=0).fit(IRIS, SPECIES)
    chains.clear()
    classifier.predict(IRIS)
    (chain,) = chains
    assert chain[-1] == "network.forward"
    assert len(chain) <= 5, chain
