"""Reads JavaScript and TypeScript source into modules."""

from loadfit.bundle.advice.javascript.reader import read_javascript
from loadfit.bundle.advice.javascript.syntax import mistake, parse

__all__ = ["mistake", "parse", "read_javascript"]
