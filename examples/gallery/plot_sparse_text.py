"""
Sparse text
===========

Which part of scipy is a function from, judging by the words of its documentation? The texts are
the docstrings of the scipy that is installed, of its functions and classes in eight
subpackages. TF-IDF makes a sparse matrix of them, with a column for each word, and it stays
sparse: centred coordinates need no centring of X.
"""

import importlib
import inspect

import matplotlib.pyplot as plt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skbackprop import BackpropClassifier

parts = ["fft", "interpolate", "linalg", "ndimage", "optimize", "signal", "spatial", "stats"]
texts, labels = [], []
for part in parts:
    module = importlib.import_module(f"scipy.{part}")
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value) and value.__doc__:
            texts.append(inspect.getdoc(value))
            labels.append(part)
train_texts, test_texts, y_train, y_test = train_test_split(
    texts, labels, test_size=0.3, stratify=labels, random_state=0
)

# %%
# The names of the subpackages, and of scipy, would give the answer away: they are stop words.

words = TfidfVectorizer(
    token_pattern=r"[a-z]{3,}", min_df=2, stop_words=["scipy", *parts], sublinear_tf=True
)
model = make_pipeline(words, BackpropClassifier(25, reg_lambda=1e-5, tol=1e-3, random_state=0))
model.fit(train_texts, y_train)
X_train = words.transform(train_texts)
print(f"{X_train.shape[0]} texts, {X_train.shape[1]} words, {X_train.nnz} numbers stored")
print(f"accuracy on {len(test_texts)} other texts {model.score(test_texts, y_test):.3f}")
linear = LogisticRegression(C=10).fit(X_train, y_train)
print(f"logistic regression     {linear.score(words.transform(test_texts), y_test):.3f}")

_, ax = plt.subplots(figsize=(6.5, 6), layout="constrained")
ConfusionMatrixDisplay.from_estimator(
    model, test_texts, y_test, xticks_rotation=45, cmap="Blues", colorbar=False, ax=ax
)
ax.set_title("Part of scipy, from the words alone")
plt.show()
