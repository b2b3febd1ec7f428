"""Which installed distribution a file belongs to, by the metadata that Python's installers leave."""

import configparser
import csv
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from loadfit.bundle.contents import Contents

__all__ = ["Distribution", "canonical", "read_distributions"]

_MOST_METADATA = 16 * 1024 * 1024
"""Bytes: a larger RECORD or METADATA is not read (assumption; the largest of the well-known packages has 2 MB)."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution.

    https://packaging.python.org/specifications/recording-installed-packages
    """

    name: str
    """Canonical: lower case, with hyphens."""
    version: str
    metadata: str
    """Its ``.dist-info`` folder."""
    files: frozenset[str]
    """By RECORD; empty where there is none."""
    requires: tuple[str, ...]
    """The canonical names that it requires without an extra."""
    entry_points: Mapping[str, tuple[str, ...]]
    """What its entry points load, by group."""
    scripts: frozenset[str]
    """The names of its commands."""


def canonical(name: str) -> str:
    """A name as it is compared.

    https://packaging.python.org/specifications/name-normalization

    Example:
        >>> canonical("Ruamel.YAML_clib")
        'ruamel-yaml-clib'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def read_distributions(contents: Contents) -> tuple[Distribution, ...]:
    """The distributions of a package, in the order of their folders."""
    folders = {match[0] for path in contents.sizes if (match := re.match(r"[^/]+\.dist-info(?=/)", path))}
    return tuple(_distribution(contents, folder) for folder in sorted(folders))


def _distribution(contents: Contents, folder: str) -> Distribution:
    text = _text(contents, f"{folder}/METADATA").partition("\n\n")[0]
    stem, _, version = folder.removesuffix(".dist-info").partition("-")
    points = _entry_points(_text(contents, f"{folder}/entry_points.txt"))
    commands = {key for group in ("console_scripts", "gui_scripts") for key in points.get(group, {})}
    return Distribution(
        name=canonical(_field(text, "Name") or stem),
        version=_field(text, "Version") or version,
        metadata=folder,
        files=frozenset(_recorded(contents, _text(contents, f"{folder}/RECORD"))),
        requires=tuple(
            canonical(found[0])
            for line in re.findall(r"(?mi)^Requires-Dist:\s*(.+)$", text)
            if "extra" not in line.partition(";")[2] and (found := re.match(r"[\w.-]+", line))
        ),
        entry_points={
            group: tuple(values.values()) for group, values in points.items() if not group.endswith("_scripts")
        },
        scripts=frozenset(commands),
    )


def _text(contents: Contents, path: str) -> str:
    if contents.sizes.get(path, _MOST_METADATA) >= _MOST_METADATA:
        return ""
    return contents.read(path).decode("utf-8", "replace").replace("\r\n", "\n")


def _field(text: str, name: str) -> str:
    found = re.search(rf"(?mi)^{name}:\s*(\S+)", text)
    return found[1] if found else ""


def _recorded(contents: Contents, record: str) -> set[str]:
    files: set[str] = set()
    for row in csv.reader(record.splitlines()):
        if row:
            # A command is recorded relative to site-packages (../../bin), and lies in bin/ of a target folder.
            path = posixpath.normpath(row[0])
            while path.startswith("../"):
                path = path[3:]
            if path in contents.sizes:
                files.add(path)
    return files


def _entry_points(text: str) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False, interpolation=None)
    parser.optionxform = str  # pyright: ignore[reportAttributeAccessIssue] - names keep their case
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {
        group: {key: re.split(r"[\s\[]", value.strip())[0] for key, value in parser.items(group)}
        for group in parser.sections()
    }
