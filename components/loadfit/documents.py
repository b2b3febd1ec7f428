"""Load documents: YAML to a load, with the line of every mistake.

A load is written in a file of its own, or in a Pulumi stack file under ``loadfit:load``: inline, or as the path of a
load document.
"""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any, cast

from loadfit.core.paths import Path
from loadfit.core.plain_yaml import MAX_BYTES, Document, parse_yaml
from loadfit.core.problems import InvalidLoad, Problem, nearest, printable, shown
from loadfit.stack import ResolvedLoad, StackLoad, parse_resolved

__all__ = [
    "CONFIG_KEY",
    "Document",
    "parse_text",
    "parse_yaml",
    "read_json",
    "read_load",
    "read_plain",
    "read_resolved",
]

CONFIG_KEY = "loadfit:load"
"""The configuration key of a Pulumi stack that holds the load, or the path of its document."""

_LOAD_IN_STACK: Path = ("config", CONFIG_KEY)
_STACK_KEYS = frozenset({"config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment"})
_PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml")


def read_load(path: str | os.PathLike[str]) -> StackLoad:
    """The load of a file: a load document, or a Pulumi stack file with one under ``loadfit:load``.

    As :func:`read_resolved` reads it.

    Raises:
        InvalidLoad: The file cannot be read, or does not hold a load: every mistake with its line.
    """
    return read_resolved(path).stack


def read_resolved(path: str | os.PathLike[str]) -> ResolvedLoad:
    """The load of a file with every reference made explicit: what sizing takes.

    A path under ``loadfit:load`` is relative to the folder of the nearest ``Pulumi.yaml`` at or above the stack file;
    where there is none, to that of the stack file.

    Args:
        path: A regular file of at most 8 MiB, in UTF-8.

    Raises:
        InvalidLoad: The file cannot be read, or does not hold a load: every mistake with its line.
    """
    file = FilePath(path)
    source = _source(file)
    try:
        document = parse_yaml(_content(file), source)
    except _NoContent as refused:
        raise InvalidLoad([Problem((), "a load document", str(refused))], source) from None
    if not _is_stack_file(document.data):
        return _validated(document, source)
    declared = _declared_in_stack(document, source)
    if not isinstance(declared.data, str):
        return _validated(declared, source)
    return _referred_load(declared, _project_folder(file), source)


def parse_text(text: bytes | str, source: str = "") -> StackLoad:
    """The load of a text: what :func:`read_load` reads from a file.

    Args:
        text: A load document, or a stack file with an inline load; at most 8 MiB, in UTF-8.
        source: Where the text came from, for messages.

    Raises:
        InvalidLoad: The text does not hold a load: every mistake with its line.

    Example:
        >>> load = parse_text("{region: us-east-1, zones: 3, egress: {flows: [], addresses_per_gateway: 2}}")
        >>> load.zones
        3
    """
    document = parse_yaml(text, source)
    if not _is_stack_file(document.data):
        return _validated(document, source).stack
    declared = _declared_in_stack(document, source)
    if isinstance(declared.data, str):
        way_out = "A path has a meaning only in a file."
        problem = Problem(_LOAD_IN_STACK, "the load itself", shown(declared.data), way_out, declared.line_of(()))
        raise InvalidLoad([problem], source)
    return _validated(declared, source).stack


def read_plain(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A YAML file's mapping as it is, such as a Pulumi project's.

    Args:
        path: A regular file of at most 8 MiB, in UTF-8.

    Raises:
        InvalidLoad: The file cannot be read, is no YAML, or holds something else than a mapping.
    """
    file = FilePath(path)
    source = _source(file)
    try:
        document = parse_yaml(_content(file), source)
    except _NoContent as refused:
        raise InvalidLoad([Problem((), "a YAML file", str(refused))], source) from None
    data: object = document.data
    problems = list(document.problems)
    if data is not None and not isinstance(data, dict):
        problems.append(Problem((), "a mapping", shown(data), line=document.line_of(())))
    if problems:
        raise InvalidLoad(problems, source)
    return cast("dict[str, Any]", data or {})


def read_json(path: str | os.PathLike[str]) -> Any:
    """What a JSON file holds, such as another tool's result.

    Args:
        path: A regular file of at most 8 MiB, in UTF-8.

    Raises:
        InvalidLoad: The file cannot be read, or is no JSON.
    """
    file = FilePath(path)
    source = _source(file)
    try:
        return json.loads(_content(file))
    except _NoContent as refused:
        raise InvalidLoad([Problem((), "a JSON file", str(refused))], source) from None
    except json.JSONDecodeError as error:
        raise InvalidLoad([Problem((), "JSON", f"none: {error.msg.lower()}", line=error.lineno)], source) from None
    except (UnicodeDecodeError, RecursionError, ValueError):
        raise InvalidLoad([Problem((), "JSON in UTF-8", "something else")], source) from None


def _validated(document: Document, source: str) -> ResolvedLoad:
    if document.data is None and not document.problems:
        problem = Problem((), "a load (region, zones and what they carry)", "nothing", line=document.line_of(()))
        raise InvalidLoad([problem], source)
    secure = {path: document.line_of(path) for path in _secure_values(document.data)}
    problems = [*document.problems]
    for path, line in secure.items():
        way_out = "A load is no secret: set it without --secret."
        problems.append(Problem(path, "a plain value", "a secure one", way_out, line))
    try:
        load = parse_resolved(document.data, source=source)
    except InvalidLoad as error:
        problems.extend(document.placed(error.problems, apart_from=secure))
    else:
        if not problems:
            return load
    raise InvalidLoad(sorted(problems, key=lambda problem: problem.line or 0), source)


def _secure_values(data: Any) -> Iterator[Path]:
    """Where values stand that Pulumi has encrypted: mappings of the one key ``secure`` to a text."""
    left: list[tuple[Path, Any]] = [((), data)]
    while left:
        path, value = left.pop()
        if isinstance(value, dict):
            entries = cast("dict[str, Any]", value)
            if len(entries) == 1 and isinstance(entries.get("secure"), str):
                yield path
            else:
                left.extend(((*path, key), entry) for key, entry in entries.items())
        elif isinstance(value, list):
            left.extend(((*path, index), item) for index, item in enumerate(cast("list[Any]", value)))


def _is_stack_file(data: Any) -> bool:
    return isinstance(data, dict) and "region" not in data and not _STACK_KEYS.isdisjoint(cast("dict[str, Any]", data))


def _declared_in_stack(document: Document, source: str) -> Document:
    """What stands under ``loadfit:load``."""
    try:
        return document.part(_LOAD_IN_STACK)
    except KeyError:
        pass
    config = cast("dict[str, Any]", document.data).get("config")
    line = document.line_of(_LOAD_IN_STACK)
    if config is not None and not isinstance(config, dict):
        problem = Problem(("config",), "a mapping", shown(config), line=line)
    else:
        meant = nearest(CONFIG_KEY, cast("dict[str, Any]", config or {}))
        way_out = (
            f'Did you mean it by "{printable(meant)}"?' if meant else "Declare the load or the path of its document."
        )
        problem = Problem(("config",), f'the key "{CONFIG_KEY}"', "a stack file without it", way_out, line)
    concerning = [other for other in document.problems if other.path == ("config",)]
    # Nothing is placed where an entry of the stack file could not be read: then that is the mistake.
    raise InvalidLoad([*concerning, *document.placed([problem])] or document.problems, source)


def _referred_load(declared: Document, folder: FilePath, stack_source: str) -> ResolvedLoad:
    """The load in the document that a stack file refers to."""
    if declared.problems:
        raise InvalidLoad(declared.problems, stack_source)
    file = folder / cast("str", declared.data)
    source = _source(file)
    try:
        document = parse_yaml(_content(file), source)
        leads_to = "another stack file" if _is_stack_file(document.data) else ""
    except _NoContent as refused:
        document, leads_to = None, str(refused)
    if document is None or leads_to:
        found = f"{shown(declared.data)}, which leads to {leads_to} ({source})"
        problem = Problem(_LOAD_IN_STACK, "a load or the path of its document", found, line=declared.line_of(()))
        raise InvalidLoad([problem], stack_source)
    return _validated(document, source)


def _project_folder(stack_file: FilePath) -> FilePath:
    folder = stack_file.parent.resolve()
    for candidate in (folder, *folder.parents):
        # Unlike Path.is_file(), this holds what may not be looked at for no file.
        if any(os.path.isfile(candidate / name) for name in _PROJECT_FILES):  # noqa: PTH113
            return candidate
    return folder


class _NoContent(Exception):
    """Nothing was read; the text says what was found in the place of a file."""


def _content(file: FilePath) -> bytes:
    """What is in a file, or a little more of it than is accepted."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _NoContent(_KINDS.get(stat.S_IFMT(status.st_mode), "something that is no file"))
        if status.st_size > MAX_BYTES:
            raise _NoContent(f"a file of {status.st_size / 2**20:,.1f} MiB where at most 8 are read")
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _NoContent("no file") from None
    except PermissionError:
        raise _NoContent("a file that this user may not read") from None
    except OSError as error:
        raise _NoContent(f"what cannot be read: {printable(error.strerror or 'unknown error').lower()}") from None
    except ValueError:
        # A NUL, or half of a surrogate pair, in the name.
        raise _NoContent("no file, because no file can have this name") from None


_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _source(file: FilePath) -> str:
    """How messages name a file: from the current folder, where it is below it."""
    try:
        below = file.absolute().relative_to(FilePath.cwd())
    except (OSError, ValueError):
        below = file
    return printable(str(below), 200)
