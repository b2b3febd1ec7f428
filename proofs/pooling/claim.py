"""One claim of a proof on real servers."""

from collections.abc import Callable
from dataclasses import dataclass

from proofs.table import Row

__all__ = ["Claim"]


@dataclass(frozen=True)
class Claim:
    """A claim and its control."""

    fault: str
    """What breaks it, as the end of "broken where"."""
    check: Callable[[bool], Row]
    """Checks it; with the fault, where that is asked for. Not called inside of an event loop: components are deployed
    in it. May raise Missing."""
