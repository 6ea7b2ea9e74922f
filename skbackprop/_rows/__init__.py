"""The rows of a fit: X, their targets and their weights."""
