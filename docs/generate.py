"""Writes what the documentation takes from the code: ``make docs``.

Between the markers ``<!-- generated: NAME -->`` and ``<!-- end -->`` of the pages beside it: tables of the fields of a
load document, of limits, policies and findings, and of worked cases. And ``load.schema.json``, the JSON Schema of a
load document for editors.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from loadfit.core import limits
from loadfit.core.exact import show_number
from loadfit.core.limits import Limit
from loadfit.core.prices import show_dollars
from loadfit.core.workloads import Workload
from loadfit.egress import EgressPlan, EgressPolicy, Scenario
from loadfit.egress.codes import EXPLANATIONS
from loadfit.egress.load import POLICY_DEFAULTS, DeclaredEgressPrices
from loadfit.stack import DeclaredFlow, EgressSection, StackLoad, parse_load, resolve, size

HERE = Path(__file__).resolve().parent
PAGES = ("load-document.md", "sizing-egress.md")
SCHEMA = "load.schema.json"

POWERS_FROM = 10**9
"""Bounds from here on are against typing errors, and easier to read as powers of ten."""

EGRESS_LIMITS = ("NAT_", "ELASTIC_", "NODE_", "POD_", "ROLLOUT_", "ZONES_")
"""How the limits of an egress begin."""

UNITS: Mapping[str, str] = {
    "zones": "zones",
    "pods": "pods",
    "max_pods": "pods",
    "rollout_surge": "share of the pods",
    "rollout_seconds": "s",
    "max_skew": "pods",
    "addresses": "addresses",
    "connections_per_pod": "connections",
    "new_connections_per_second_per_pod": "connections/s",
    "connection_duration_ms": "ms",
    "idle_timeout_seconds": "s",
    "requests_per_connection": "requests",
    "gateways": "gateways",
    "addresses_per_gateway": "addresses",
    "quota_addresses_per_gateway": "addresses",
    "quota_addresses_per_region": "addresses",
    "addresses_in_use": "addresses",
    "quota_gateways_per_zone": "gateways",
    "gateways_in_use": "gateways",
    "gb_per_month": "GB",
    "peak_gbps": "Gbit/s",
    "peak_packets_per_second": "packets/s",
    "nodes": "nodes",
    "target_utilization": "share",
    "zone_skew": "times an even share",
    "zones_lost": "zones",
    "port_cooldown_seconds": "s",
    "address_skew": "times an even share",
    "pod_ephemeral_ports": "ports",
    "gateway_hour": "USD",
    "gateway_gb": "USD",
    "address_hour": "USD",
}
"""The unit of every number that can be declared."""

DEFAULTS: Mapping[str, str] = {
    **{name: show_number(default.value) for name, default in POLICY_DEFAULTS.items()},
    "kind": "deployment",
    "rollout_surge": show_number(limits.ROLLOUT_SURGE.value / 100),
    "protocol": "tcp",
    "via": "nat",
    "addresses": "1",
    "idle_timeout_seconds": show_number(limits.NAT_IDLE_TIMEOUT.value),
    "closed_by": "client",
    "gateways": "one in each zone",
    "addresses_per_gateway": "computed",
    "quota_addresses_per_gateway": show_number(limits.NAT_ADDRESSES_PER_GATEWAY_QUOTA.value),
    "quota_addresses_per_region": show_number(limits.ELASTIC_IPS_PER_REGION_QUOTA.value),
    "quota_gateways_per_zone": show_number(limits.NAT_GATEWAYS_PER_ZONE_QUOTA.value),
    "addresses_in_use": "0",
    "gateways_in_use": "0",
    "external_snat": "false",
    "prices": "verified ones",
}
"""What holds where an optional field is not declared. Without one here, nothing is checked or computed from it."""

CASES: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("200 pods x 300 connections, one gateway with one address", {"gateways": 1, "addresses_per_gateway": 1}),
    ("the same, addresses computed", {"gateways": 1}),
    ("one gateway in each of 3 zones", {}),
    ("the same, `max_skew: 1`", {"pods": {"max_skew": 1}}),
    ("the same, `policy.zone_skew: 1.5`", {"policy": {"zone_skew": 1.5}}),
    ("in 2 zones", {"zones": 2}),
    ("400 pods", {"pods": {"pods": 400}}),
    ("over 4 addresses of the destination", {"flow": {"connections_per_pod": 300, "addresses": 4}}),
    ("a rollout of 600 s declared, one gateway", {"gateways": 1, "pods": {"rollout_seconds": 600}}),
    (
        "10 new connections/s per pod, 200 ms each, closed at once",
        {
            "flow": {
                "new_connections_per_second_per_pod": 10,
                "connection_duration_ms": 200,
                "idle_timeout_seconds": 0,
            }
        },
    ),
    (
        "the same requests, 100 on each connection",
        {
            "flow": {
                "new_connections_per_second_per_pod": 0.1,
                "connection_duration_ms": 10_000,
                "idle_timeout_seconds": 0,
            }
        },
    ),
    (
        "1 new connection/s per pod, 200 ms each, never closed by the client",
        {
            "flow": {
                "new_connections_per_second_per_pod": 1,
                "connection_duration_ms": 200,
                "closed_by": "nat_timeout",
            }
        },
    ),
    (
        "the same, closed by the client after 30 s",
        {
            "flow": {
                "new_connections_per_second_per_pod": 1,
                "connection_duration_ms": 200,
                "idle_timeout_seconds": 30,
            }
        },
    ),
)
"""Worked cases: the case study, varied."""


def files() -> dict[Path, str]:
    """Every generated file with the text that it should have."""
    pages = {HERE / page: _filled((HERE / page).read_text(encoding="utf-8")) for page in PAGES}
    return {**pages, HERE / SCHEMA: json.dumps(schema(), indent=2) + "\n"}


def schema() -> dict[str, Any]:
    """The JSON Schema of a load document, without what only pydantic needs."""
    found: dict[str, Any] = _tidied(StackLoad.model_json_schema(by_alias=True))
    found["properties"]["workloads"]["propertyNames"] = {"pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:loadfit:load",
        "title": "loadfit load document",
        **found,
    }


def case(changes: Mapping[str, Any]) -> EgressPlan:
    """The plan of one worked case."""
    settings = {name: value for name, value in changes.items() if name not in ("zones", "pods", "flow")}
    flow = changes.get("flow", {"connections_per_pod": 300})
    document = {
        "region": "us-east-1",
        "zones": changes.get("zones", 3),
        "workloads": {"checkout": {"pods": 200, **changes.get("pods", {})}},
        "egress": {**settings, "flows": [{"from": "checkout", "to": "api.stripe.com:443", **flow}]},
    }
    plan = size(resolve(parse_load(document))).egress
    assert plan is not None
    return plan


def _filled(page: str) -> str:
    parts = {
        "document": _fields(StackLoad),
        "workload": _fields(Workload),
        "egress": _fields(EgressSection),
        "flow": _fields(DeclaredFlow),
        "policy": _fields(EgressPolicy),
        "prices": _fields(DeclaredEgressPrices),
        "limits": _limits(),
        "policies": _policies(),
        "cases": _cases(),
        "findings": _findings(),
    }

    def filled(found: re.Match[str]) -> str:
        return f"<!-- generated: {found[1]} -->\n\n{parts[found[1]]}\n\n<!-- end -->"

    return re.sub(r"<!-- generated: (\w+) -->.*?<!-- end -->", filled, page, flags=re.DOTALL)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _fields(model: type[BaseModel]) -> str:
    def first(item: tuple[str, FieldInfo]) -> tuple[bool, bool]:
        return (not item[1].is_required(), item[1].alias != "from")

    rows = (
        (
            f"`{field.alias or name}`",
            _values(field),
            UNITS.get(name, ""),
            "**required**" if field.is_required() else DEFAULTS.get(name, ""),
            _meaning(field),
        )
        for name, field in sorted(model.model_fields.items(), key=first)
    )
    return _table(("Field", "Values", "Unit", "Default", "Meaning"), rows)


def _meaning(field: FieldInfo) -> str:
    """The field's docstring without the clause that the column of defaults says."""
    text = " ".join((field.description or "").split())
    text = re.sub(r"(?:^|; )[^;.]*(?:\.\d[^;.]*)* where not declared\.", ".", text)
    return text.lstrip(". ") or "The transport; ports of different protocols do not count against each other."


def _values(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    if NoneType in get_args(annotation):
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    bounds = _bounds(field)
    if get_origin(annotation) is list:
        return "list"
    if get_origin(annotation) is dict:
        return "mapping"
    if issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    if issubclass(annotation, BaseModel):
        return "mapping"
    kind = {bool: "`true`, `false`", str: "text", int: "whole number", float: "number"}[annotation]
    return f"{kind}{bounds}"


def _bounds(field: FieldInfo) -> str:
    said: list[str] = []
    for bound in field.metadata:
        for name, word in (("gt", "above"), ("ge", "from"), ("lt", "below"), ("le", "to")):
            if (value := getattr(bound, name, None)) is not None:
                said.append(f"{word} {_plain(value)}")
    return f" {' '.join(said)}" if said else ""


def _plain(value: float) -> str:
    power = len(str(int(value))) - 1
    return f"10^{power}" if value == 10**power >= POWERS_FROM else show_number(value)


def _tidied(part: Any) -> Any:
    if isinstance(part, list):
        return [_tidied(item) for item in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    entries = cast("dict[str, Any]", part)
    tidied: dict[str, Any] = {}
    for key, value in entries.items():
        if (key == "title" and isinstance(value, str)) or (key == "default" and value is None):
            continue
        if key == "description" and isinstance(value, str):
            if "enum" not in entries and "properties" in entries:
                continue  # a model's own; its field says what it is for
            tidied[key] = " ".join(value.split())
        else:
            tidied[key] = _tidied(value)
    return tidied


def _limits() -> str:
    rows = (
        (_limit_name(name), show_number(limit.value), limit.unit, _linked(limit.source) + _quota(limit))
        for name, limit in vars(limits).items()
        if isinstance(limit, Limit) and name.startswith(EGRESS_LIMITS)
    )
    return _table(("Limit", "Value", "Unit", "Source"), rows)


def _limit_name(name: str) -> str:
    words = name.removesuffix("_QUOTA").split("_")
    said = " ".join(word if word in ("NAT", "SNAT") else word.lower() for word in words)
    return said.replace("ips", "IPs").replace("region", "Region")


def _quota(limit: Limit) -> str:
    return f"; quota {limit.quota}, raised on request" if limit.quota else ""


def _linked(source: str) -> str:
    return re.sub(r"https://\S+", r"<\g<0>>", source)


def _policies() -> str:
    rows = (
        (f"`{name}`", f"{show_number(default.value)} {default.unit}", default.meaning, _linked(default.source))
        for name, default in POLICY_DEFAULTS.items()
    )
    return _table(("Policy", "Default", "Meaning", "Source"), rows)


def _cases() -> str:
    return _table(
        ("Case", "Ports", "Busiest gateway", "Scenario", "Of its ports", "Addresses", "A month", "Verdict"),
        (_case_row(name, case(changes)) for name, changes in CASES),
    )


def _case_row(name: str, plan: EgressPlan) -> tuple[str, ...]:
    most = plan.busiest_gateway_ports[plan.binding_scenario]
    cost = plan.monthly_cost_usd or {}
    codes = ", ".join(f"`{finding.code}`" for finding in plan.findings if finding.severity.value == "error")
    return (
        name,
        f"{plan.ports_needed[Scenario.STEADY]:,}",
        f"{most:,}",
        plan.binding_scenario.value.replace("_", " "),
        f"{show_number(plan.utilization * 100, 0)}%",
        f"{plan.gateways} x {plan.addresses_per_gateway}",
        show_dollars(cost["total"]),
        f"{plan.verdict.value}{f': {codes}' if codes else ''}",
    )


def _findings() -> str:
    return "\n\n".join(_finding(code) for code in EXPLANATIONS)


def _finding(code: str) -> str:
    explanation = EXPLANATIONS[code]
    equations = "\n".join(explanation.equation.split("; "))
    sources = ", ".join(map(_linked, explanation.sources))
    return f"### {code}\n\n{explanation.meaning}\n\n```text\n{equations}\n```\n\nSource: {sources}"


def _written() -> Iterator[Path]:
    for path, text in files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            yield path


if __name__ == "__main__":
    for changed in _written():
        sys.stdout.write(f"written: {changed.relative_to(HERE.parent)}\n")
