"""The whole declared load: its sections, what crosses them, and their plans together.

A load is declared once (what runs as ``workloads`` and ``functions``) and referred to by the sections that say how it
uses the network and the databases. :func:`resolve` makes every reference and every crossing explicit, so that each
section can be sized alone; :func:`size` sizes them all.
"""

from loadfit.stack.document import (
    SECTIONS,
    DatabaseSection,
    DeclaredClients,
    DeclaredFlow,
    EgressSection,
    FunctionFlow,
    FunctionSection,
    StackLoad,
)
from loadfit.stack.plan import SectionPlan, StackPlan, size
from loadfit.stack.resolution import (
    ResolvedLoad,
    in_one_account,
    on_one_server,
    parse_load,
    parse_resolved,
    resolve,
)

__all__ = [
    "SECTIONS",
    "DatabaseSection",
    "DeclaredClients",
    "DeclaredFlow",
    "EgressSection",
    "FunctionFlow",
    "FunctionSection",
    "ResolvedLoad",
    "SectionPlan",
    "StackLoad",
    "StackPlan",
    "in_one_account",
    "on_one_server",
    "parse_load",
    "parse_resolved",
    "resolve",
    "size",
]
