"""A Pulumi project and its stacks as they lie in a folder: ``Pulumi.yaml`` and ``Pulumi.<stack>.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from loadfit.core.problems import InvalidLoad, Problem, nearest, printable, shown
from loadfit.documents import CONFIG_KEY, read_load, read_plain
from loadfit.stack import StackLoad, parse_load

__all__ = ["SECRET_PLACEHOLDER", "Project", "Stack", "find_project"]

SECRET_PLACEHOLDER = "[secret]"
"""What a program gets in the place of a secret: nothing is decrypted offline."""


@dataclass(frozen=True)
class Stack:
    """One stack's file."""

    name: str
    file: Path
    config: Mapping[str, Any]
    """By full key, such as ``aws:region``."""
    secrets: frozenset[str]
    """Keys whose values are secret, and therefore placeholders."""
    inherited: frozenset[str]
    """Keys whose values come from the project's file."""
    uses_environments: bool = False
    """Whether it imports ESC environments: their values are kept by Pulumi Cloud and are not read."""

    @property
    def has_load(self) -> bool:
        """Whether the stack declares a load."""
        return CONFIG_KEY in self.config


@dataclass(frozen=True)
class Project:
    """One project."""

    name: str
    folder: Path
    """Where the project's file is."""
    file: Path
    """``Pulumi.yaml``, or ``Pulumi.yml``; the stacks' files end as it does."""
    main: Path
    """The program: its folder."""
    stack_folder: Path
    defaults: Mapping[str, Any]
    """Values that the project gives to configuration keys."""

    def stacks(self) -> dict[str, Path]:
        """The stack files by the name of their stack."""
        end = self.file.suffix
        files = sorted(self.stack_folder.glob(f"Pulumi.*{end}"))
        return {file.name.removeprefix("Pulumi.").removesuffix(end): file for file in files}

    def stack(self, name: str | None) -> Stack:
        """A stack of the project.

        Args:
            name: Its name; may be left out where there is only one.

        Raises:
            InvalidLoad: There is no such stack, or its file is not one.
        """
        stacks = self.stacks()
        if name is None:
            if len(stacks) != 1:
                expected = (
                    f"the name of a stack ({', '.join(stacks)})"
                    if stacks
                    else f"a file Pulumi.<stack>{self.file.suffix}"
                )
                found = "none given" if stacks else "none"
                raise InvalidLoad([Problem((), expected, found)], str(self.stack_folder))
            name = next(iter(stacks))
        if name not in stacks:
            meant = nearest(name, stacks)
            way_out = f"Did you mean {meant}?" if meant else ""
            raise InvalidLoad(
                [Problem((), f"the name of a stack ({', '.join(stacks) or 'there is none'})", shown(name), way_out)],
                str(self.stack_folder),
            )
        return self._read(name, stacks[name])

    def load(self, stack: Stack) -> StackLoad | None:
        """The load that a stack declares, or its project for every stack; ``None`` where there is none.

        Raises:
            InvalidLoad: It is not one.
        """
        if not stack.has_load:
            return None
        if CONFIG_KEY not in stack.inherited:
            return read_load(stack.file)
        declared = stack.config[CONFIG_KEY]
        if isinstance(declared, str):
            return read_load(self.folder / declared)
        return parse_load(declared, source=f"{self.file}: {CONFIG_KEY}")

    def _read(self, name: str, file: Path) -> Stack:
        content = read_plain(file)
        declared = _mapping(content.get("config"), file, "config")
        own = {key if ":" in key else f"{self.name}:{key}": value for key, value in declared.items()}
        config = {**self.defaults, **own}
        return Stack(
            name=name,
            file=file,
            config={key: _without_secrets(value) for key, value in config.items()},
            secrets=frozenset(key for key, value in config.items() if _holds_secret(value)),
            inherited=frozenset(self.defaults.keys() - own.keys()),
            uses_environments=bool(content.get("environment")),
        )


def find_project(start: Path) -> Project:
    """The project of a folder: the nearest ``Pulumi.yaml`` in it or above it.

    Raises:
        InvalidLoad: There is none, or it is not a Python project's.
    """
    folder = start.resolve()
    for candidate in (folder, *folder.parents):
        for name in ("Pulumi.yaml", "Pulumi.yml"):
            if (candidate / name).is_file():
                return _project(candidate, candidate / name)
    raise InvalidLoad(
        [Problem((), "a Pulumi project", "no Pulumi.yaml", "Run it in a project's folder, or name one with --cwd.")],
        printable(str(start), 200),
    )


def _project(folder: Path, file: Path) -> Project:
    data = read_plain(file)
    name, runtime, main = data.get("name"), data.get("runtime"), data.get("main", ".")
    language: Any = cast("dict[str, Any]", runtime).get("name") if isinstance(runtime, dict) else runtime
    problems: list[Problem] = []
    if not isinstance(name, str) or not name:
        problems.append(Problem(("name",), "the project's name", shown(name)))
    if language != "python":
        problems.append(Problem(("runtime",), "python: only Python programs are run offline", shown(language)))
    program = folder / str(main)
    if not (program / "__main__.py").is_file() and not program.is_file():
        problems.append(Problem(("main",), "a folder with a __main__.py", shown(main)))
    if problems:
        raise InvalidLoad(problems, str(file))
    return Project(
        name=str(name),
        folder=folder,
        file=file,
        main=program,
        stack_folder=folder / str(data.get("stackConfigDir", ".")),
        defaults=_defaults(str(name), _mapping(data.get("config"), file, "config")),
    )


def _defaults(project: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    """A key of the project's file is a value itself, or is described by its type with a ``value`` or ``default``."""
    found: dict[str, Any] = {}
    for key, entry in declared.items():
        full = key if ":" in key else f"{project}:{key}"
        described = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
        if not isinstance(entry, dict) or _is_secret(described):
            found[full] = entry
            continue
        for given in ("value", "default"):
            if given in described:
                found[full] = described[given]
                break
    return found


def _mapping(value: object, file: Path, key: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidLoad([Problem((key,), "a mapping", shown(value))], str(file))
    return cast("dict[str, Any]", value)


def _is_secret(value: object) -> bool:
    return isinstance(value, dict) and set(cast("dict[str, Any]", value)) == {"secure"}


def _holds_secret(value: object) -> bool:
    if _is_secret(value):
        return True
    if isinstance(value, dict):
        return any(_holds_secret(item) for item in cast("dict[str, Any]", value).values())
    return isinstance(value, list) and any(_holds_secret(item) for item in cast("list[Any]", value))


def _without_secrets(value: Any) -> Any:
    if _is_secret(value):
        return SECRET_PLACEHOLDER
    if isinstance(value, dict):
        return {key: _without_secrets(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in cast("list[Any]", value)]
    return value
