"""YAML without its surprises: one document of mappings, lists, texts and numbers, and the line of each.

The tree is built from PyYAML's events, without recursion and within limits, so that no text takes more than moments to
read or to refuse. Plain values are read as the core schema of YAML 1.2 reads them
(https://yaml.org/spec/1.2.2/#103-core-schema), and only where readers agree: ``1_000``, ``0777``, ``0x10``, ``12:30``,
``yes`` and dates are a number, a time or a truth to one reader and a text to another, so here they stay texts.
"""

from loadfit.core.plain_yaml.document import Document
from loadfit.core.plain_yaml.events import MAX_BYTES
from loadfit.core.plain_yaml.tree import MAX_DEPTH, MAX_TEXT, MAX_VALUES, parse_yaml

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_TEXT", "MAX_VALUES", "Document", "parse_yaml"]
