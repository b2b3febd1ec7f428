"""Egress: NAT gateways, sized by the ports that the declared flows need."""

from loadfit.egress.load import DeclaredEgressPrices, EgressLoad, EgressPolicy, EgressSettings, Flow
from loadfit.egress.plan import DestinationPlan, EgressPlan, Scenario
from loadfit.egress.sizing import size_egress
from loadfit.egress.traffic import ClosedBy, Protocol, Traffic, Via

__all__ = [
    "ClosedBy",
    "DeclaredEgressPrices",
    "DestinationPlan",
    "EgressLoad",
    "EgressPlan",
    "EgressPolicy",
    "EgressSettings",
    "Flow",
    "Protocol",
    "Scenario",
    "Traffic",
    "Via",
    "size_egress",
]
