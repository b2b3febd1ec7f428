"""Reads Python source into modules."""

from loadfit.bundle.advice.python.reader import read_python

__all__ = ["read_python"]
