"""Where a value stands in a declared load: a path of keys and positions, such as ``egress.flows[0].to``."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import BaseModel

__all__ = ["Path", "parse_path", "replaced", "set_path", "show_path", "value_at"]

ModelT = TypeVar("ModelT", bound=BaseModel)

Path = tuple[str | int, ...]
"""Keys (text) and positions in a list (counted from 0), outermost first."""

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def show_path(path: Path) -> str:
    """The path as people write it.

    Example:
        >>> show_path(("egress", "flows", 0, "to"))
        'egress.flows[0].to'
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def parse_path(text: str) -> Path:
    """The path that :func:`show_path` shows.

    Example:
        >>> parse_path("egress.flows[0].to")
        ('egress', 'flows', 0, 'to')
    """
    return tuple(int(index) if index else key for index, key in _STEP.findall(text))


def replaced(model: ModelT, path: Path, value: object) -> ModelT:
    """A copy of ``model`` with one value changed. The value is trusted: it is a size that was computed.

    Args:
        model: The whole.
        path: Names of fields as a document has them, or as the models have them.
        value: What to put there.

    Raises:
        KeyError: The path does not lead to a field of the model.
    """
    return cast(ModelT, _replaced(model, path, value))


def _replaced(owner: Any, path: Path, value: object) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(owner, BaseModel):
        name = _field_name(type(owner), step)
        return owner.model_copy(update={name: _replaced(getattr(owner, name), rest, value)})
    if isinstance(owner, Mapping):
        entries = cast(Mapping[str, Any], owner)
        return {**entries, str(step): _replaced(entries.get(str(step)), rest, value)}
    if isinstance(owner, Sequence) and isinstance(step, int):
        items = list(cast(Sequence[Any], owner))
        items[step] = _replaced(items[step], rest, value)
        return items
    raise KeyError(step)


def _field_name(model: type[BaseModel], step: str | int) -> str:
    fields = model.model_fields
    if step in fields:
        return str(step)
    named = [name for name, field in fields.items() if field.alias == step]
    if not named:
        raise KeyError(step)
    return named[0]


def value_at(model: BaseModel, path: Path) -> Any:
    """The value at a path of a model; ``None`` where nothing was declared on the way.

    Args:
        model: The whole.
        path: Names of fields as a document has them, or as the models have them.

    Raises:
        KeyError: The path does not lead to a field of the model.
    """
    value: Any = model
    for step in path:
        if value is None:
            return None
        value = getattr(value, _field_name(type(value), step)) if isinstance(value, BaseModel) else value[step]
    return value


def set_path(document: dict[str, Any], path: Path, value: object) -> None:
    """Writes a value into a plain document (mappings and lists), making the mappings that lead to it.

    A value of ``None`` removes the key: what is not declared is computed.
    """
    owner: Any = document
    for step in path[:-1]:
        owner = owner[step] if isinstance(step, int) else owner.setdefault(step, {})
    if value is None and isinstance(owner, dict):
        cast(dict[str, Any], owner).pop(str(path[-1]), None)
    else:
        owner[path[-1]] = value
