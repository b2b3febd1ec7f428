"""The Pulumi stack's load: read from its configuration, resolved, sized, refused with all findings at once."""

from pathlib import Path
from typing import Any

import pulumi

from loadfit.component import InvalidInputs
from loadfit.core.findings import SizingError, Verdict
from loadfit.core.problems import InvalidLoad, Problem, printable, shown
from loadfit.documents import read_resolved
from loadfit.stack import ResolvedLoad, parse_resolved, size

__all__ = ["from_config"]

_KEY = "loadfit:load"
_EXPECTED = "the declared load, or the path of a document that holds it"


def from_config() -> ResolvedLoad:
    """The load under ``loadfit:load`` of the stack's configuration: the document itself, or a path to it.

    A path is relative to the project, the folder that ``Pulumi.yaml`` is in.

    Returns:
        The resolved load of each component.

    Raises:
        InvalidInputs: There is none, it is not a load, or some section cannot carry it: all problems, once.

    Example:
        .. code-block:: python

            load = loadfit.from_config()
            loadfit.MultiAzNatEgress("egress", {"load": load.egress, "vpc_id": vpc.id, "zones": zones})
    """
    try:
        load = _declared()
    except InvalidLoad as error:
        raise InvalidInputs(str(error)) from None
    _check_region(load)
    plan = size(load)
    if plan.verdict is Verdict.DOES_NOT_FIT:
        raise InvalidInputs(
            f"The declared load of stack {pulumi.get_stack()} does not fit.\n{SizingError(plan.remedies())}"
        )
    return load


def _check_region(load: ResolvedLoad) -> None:
    """Two Regions in one stack are a mistake: the provider would look in one for what is built in the other."""
    provider = pulumi.Config("aws").get("region")
    if provider is not None and provider != load.stack.region:
        raise InvalidInputs(
            f"region: expected {provider}, as aws:region of stack {pulumi.get_stack()} says, found "
            f"{load.stack.region}. A load is built in its own Region: make them one."
        )


def _declared() -> ResolvedLoad:
    config = pulumi.Config("loadfit")
    text = config.get("load")
    if text is None:
        raise InvalidInputs(
            f"{_KEY}: expected {_EXPECTED}, found nothing. Declare it under config in Pulumi.{pulumi.get_stack()}.yaml."
        )
    source = f"{_KEY} of stack {pulumi.get_stack()}"
    if text.lstrip().startswith(("{", "[")):
        try:
            data: Any = config.get_object("load")
        except pulumi.ConfigTypeError:
            raise InvalidLoad([Problem((), _EXPECTED, shown(text))], source) from None
        return parse_resolved(data, source=source)
    file = Path(pulumi.get_root_directory()) / text
    if not file.is_file():
        found = f"{shown(text)}, which leads to no file ({printable(str(file), 200)})"
        raise InvalidLoad([Problem((), _EXPECTED, found)], source)
    return read_resolved(file)
