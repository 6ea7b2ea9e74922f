"""Rows whose targets are classes, as a fit has them."""

from skbackprop._rows import rows
from skbackprop._rows.classes import encode_classes


def rows_of_fit(X, y, sample_weight, class_weight):
    return rows.rows_of_fit(X, *encode_classes(y, sample_weight, class_weight))
