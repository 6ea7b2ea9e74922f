"""The version of the package: its files' names, its metadata and its pickles have it from here."""

__version__ = "0.2.0"
