"""Pulumi components whose size is computed from a declared load, before anything is provisioned."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from loadfit.core.findings import Finding, Remedied, Remedy, RemedyKind, Severity, SizingError, Verdict
from loadfit.core.problems import InvalidLoad, Problem

if TYPE_CHECKING:
    from loadfit.bundle import Packed, pack
    from loadfit.component import InvalidInputs
    from loadfit.config import from_config
    from loadfit.databases import ClientGroup, DatabaseLoad, DatabasePlan, DatabasePolicy, size_database
    from loadfit.databases.component import PgBouncerPool, PgBouncerPoolArgs, PoolLoadBalancer
    from loadfit.databases.config import ClientTls, ServerTls
    from loadfit.databases.drain import DrainMode, PoolDrain
    from loadfit.databases.features import SessionFeature
    from loadfit.databases.wiring import ClientPods, PoolMonitoring
    from loadfit.documents import read_load
    from loadfit.egress import EgressLoad, EgressPlan, EgressPolicy, Flow, size_egress
    from loadfit.egress.component import (
        AddressRetention,
        EgressZone,
        GatewayEndpoint,
        MultiAzNatEgress,
        MultiAzNatEgressArgs,
    )
    from loadfit.functions import FunctionLoad, FunctionPlan, FunctionPolicy, Window, size_function
    from loadfit.functions.component import (
        CodeObject,
        EventSource,
        EventSourceKind,
        FunctionCaller,
        FunctionUrl,
        FunctionUrlAuthorization,
        FunctionUrlCors,
        InvokeMode,
        RoleStatement,
        StartingPosition,
        WarmLambda,
        WarmLambdaArgs,
    )
    from loadfit.stack import ResolvedLoad, StackLoad, StackPlan, parse_load, resolve, size

__all__ = [
    "AddressRetention",
    "ClientGroup",
    "ClientPods",
    "ClientTls",
    "CodeObject",
    "DatabaseLoad",
    "DatabasePlan",
    "DatabasePolicy",
    "DrainMode",
    "EgressLoad",
    "EgressPlan",
    "EgressPolicy",
    "EgressZone",
    "EventSource",
    "EventSourceKind",
    "Finding",
    "Flow",
    "FunctionCaller",
    "FunctionLoad",
    "FunctionPlan",
    "FunctionPolicy",
    "FunctionUrl",
    "FunctionUrlAuthorization",
    "FunctionUrlCors",
    "GatewayEndpoint",
    "InvalidInputs",
    "InvalidLoad",
    "InvokeMode",
    "MultiAzNatEgress",
    "MultiAzNatEgressArgs",
    "Packed",
    "PgBouncerPool",
    "PgBouncerPoolArgs",
    "PoolDrain",
    "PoolLoadBalancer",
    "PoolMonitoring",
    "Problem",
    "Remedied",
    "Remedy",
    "RemedyKind",
    "ResolvedLoad",
    "RoleStatement",
    "ServerTls",
    "SessionFeature",
    "Severity",
    "SizingError",
    "StackLoad",
    "StackPlan",
    "StartingPosition",
    "Verdict",
    "WarmLambda",
    "WarmLambdaArgs",
    "Window",
    "__version__",
    "from_config",
    "pack",
    "parse_load",
    "read_load",
    "resolve",
    "size",
    "size_database",
    "size_egress",
    "size_function",
]

# Imported on first use: sizing needs no Pulumi SDK, and the SDK takes longer to import than a load to size.
_HOMES = {
    "InvalidInputs": "loadfit.component",
    "from_config": "loadfit.config",
    "read_load": "loadfit.documents",
    **dict.fromkeys(("Packed", "pack"), "loadfit.bundle"),
    **dict.fromkeys(("EgressLoad", "EgressPlan", "EgressPolicy", "Flow", "size_egress"), "loadfit.egress"),
    **dict.fromkeys(
        ("AddressRetention", "EgressZone", "GatewayEndpoint", "MultiAzNatEgress", "MultiAzNatEgressArgs"),
        "loadfit.egress.component",
    ),
    **dict.fromkeys(
        ("ClientGroup", "DatabaseLoad", "DatabasePlan", "DatabasePolicy", "size_database"), "loadfit.databases"
    ),
    **dict.fromkeys(("PgBouncerPool", "PgBouncerPoolArgs", "PoolLoadBalancer"), "loadfit.databases.component"),
    **dict.fromkeys(("ClientTls", "ServerTls"), "loadfit.databases.config"),
    **dict.fromkeys(("DrainMode", "PoolDrain"), "loadfit.databases.drain"),
    "SessionFeature": "loadfit.databases.features",
    **dict.fromkeys(("ClientPods", "PoolMonitoring"), "loadfit.databases.wiring"),
    **dict.fromkeys(("FunctionLoad", "FunctionPlan", "FunctionPolicy", "Window", "size_function"), "loadfit.functions"),
    **dict.fromkeys(
        (
            "CodeObject",
            "EventSource",
            "EventSourceKind",
            "FunctionCaller",
            "FunctionUrl",
            "FunctionUrlAuthorization",
            "FunctionUrlCors",
            "InvokeMode",
            "RoleStatement",
            "StartingPosition",
            "WarmLambda",
            "WarmLambdaArgs",
        ),
        "loadfit.functions.component",
    ),
    **dict.fromkeys(("ResolvedLoad", "StackLoad", "StackPlan", "parse_load", "resolve", "size"), "loadfit.stack"),
}

try:
    __version__ = version("loadfit")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
