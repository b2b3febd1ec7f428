"""What the stack's file says under the keys of ``loadfit:``, in the form that a part of the stack expects."""

from typing import Any, TypeVar

import pulumi

import loadfit
from loadfit.core.model import Declared, validate

__all__ = ["declared", "validated"]

ModelT = TypeVar("ModelT", bound=Declared)


def declared(key: str) -> Any:
    """The value under a key, as plain data; ``None`` where there is none.

    Raises:
        loadfit.InvalidInputs: It is text, where a mapping or a list is meant.
    """
    try:
        return pulumi.Config("loadfit").get_object(key)
    except pulumi.ConfigTypeError:
        raise loadfit.InvalidInputs(f"loadfit:{key}: expected a mapping, found a text") from None


def validated(key: str, model: type[ModelT], data: Any) -> ModelT:
    """The data under a key as its model.

    Raises:
        loadfit.InvalidInputs: With every problem of it, by its place.
    """
    try:
        return validate(model, data, source=f"loadfit:{key}")
    except loadfit.InvalidLoad as error:
        raise loadfit.InvalidInputs(str(error)) from None
