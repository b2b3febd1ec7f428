"""Writes what the documentation takes from the code: ``make docs``.

Between the markers ``<!-- generated: NAME -->`` and ``<!-- end -->`` of the pages beside it: tables of the fields of a
load document, of limits, policies and findings, and of worked cases. And ``load.schema.json``, the JSON Schema of a
load document for editors.
"""

import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import ModelSchema

from docs import cases
from loadfit.bundle.advice import codes as advice_codes
from loadfit.bundle.advice.javascript.library import JAVASCRIPT
from loadfit.bundle.advice.library import Library
from loadfit.bundle.advice.python.library import PYTHON
from loadfit.core import limits
from loadfit.core.descriptions import descriptions
from loadfit.core.exact import show_number
from loadfit.core.explanations import Explanation
from loadfit.core.findings import Finding, Severity, Verdict
from loadfit.core.limits import Limit
from loadfit.core.model import NAME
from loadfit.core.policy import Default
from loadfit.core.prices import show_dollars
from loadfit.core.workloads import Workload
from loadfit.databases import ClientState, DatabasePlan, DatabasePolicy, PoolState
from loadfit.databases import codes as database_codes
from loadfit.databases import load as database_load
from loadfit.egress import EgressPlan, EgressPolicy, Scenario
from loadfit.egress import codes as egress_codes
from loadfit.egress import load as egress_load
from loadfit.egress.load import DeclaredEgressPrices
from loadfit.functions import DatabaseUse, DeclaredFunctionPrices, FunctionPlan, FunctionPolicy, InitPhases, Window
from loadfit.functions import codes as function_codes
from loadfit.functions import load as function_load
from loadfit.stack import (
    DatabaseSection,
    DeclaredClients,
    DeclaredFlow,
    EgressSection,
    FunctionFlow,
    FunctionSection,
    StackLoad,
)

HERE = Path(__file__).resolve().parent
PAGES = (
    "bundle-advice.md",
    "load-document.md",
    "sizing-egress.md",
    "sizing-databases.md",
    "sizing-functions.md",
)
SCHEMA = "load.schema.json"

POWERS_FROM = 10**9
"""Bounds from here on are against typing errors, and easier to read as powers of ten."""

EGRESS_LIMITS = ("NAT_", "ELASTIC_", "NODE_", "POD_", "ROLLOUT_", "ZONES_")
"""How the names of an egress's limits begin."""
DATABASE_LIMITS = ("POSTGRES_", "RDS_", "PROCESS_", "ROLLOUT_")
"""How the names of a database's limits begin."""
FUNCTION_LIMITS = ("LAMBDA_",)
"""How the names of a function's limits begin."""

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
    "max_connections": "connections",
    "role_limit": "connections",
    "database_limit": "connections",
    "reserved": "connections",
    "internal": "connections",
    "other_clients": "connections",
    "replicas": "processes",
    "server_connections": "connections",
    "max_client_conn": "connections",
    "processes_per_pod": "processes",
    "engines_per_process": "pools",
    "pool_size": "connections",
    "max_overflow": "connections",
    "pool_timeout_seconds": "s",
    "transactions_per_second": "transactions/s",
    "mean_transaction_ms": "ms",
    "transaction_cv2": "variance / mean²",
    "longest_transaction_seconds": "s",
    "recycle_seconds": "s",
    "terminating_overlap": "share of the pods",
    "headroom": "share",
    "steady_p99_wait_ms": "ms",
    "steady_utilization": "share",
    "degraded_p99_wait_ms": "ms",
    "degraded_utilization": "share",
    "replica_skew": "times an even share",
    "transactions_per_second_per_replica": "transactions/s",
    "restart_pause_seconds": "s",
    "connections_per_instance": "connections",
    "new_connections_per_second_per_instance": "connections/s",
    "init_ms": "ms",
    "download_ms": "ms",
    "runtime_ms": "ms",
    "code_ms": "ms",
    "target_p99_ms": "ms",
    "max_cold_share": "share of the requests",
    "provisioned_concurrency": "instances",
    "reserved_concurrency": "instances",
    "quota_concurrency": "instances",
    "concurrency_in_use": "instances",
    "memory_mb": "MB",
    "timeout_seconds": "s",
    "zipped_mb": "MB",
    "unzipped_mb": "MB",
    "ephemeral_storage_mb": "MB",
    "peak_requests_per_second": "requests/s",
    "mean_requests_per_second": "requests/s",
    "mean_duration_ms": "ms",
    "p99_duration_ms": "ms",
    "burst_size": "requests",
    "seconds_between_bursts": "s",
    "transactions_per_request": "transactions",
    "budget": "connections",
    "idle_life_seconds": "s",
    "deploy_pools": "pools",
    "throttled_share": "share of the requests",
    "lead_minutes": "minutes",
    "init_ms_per_mb": "ms per MB",
    "small_bundle_mb": "MB",
    "snapstart_restore_ms": "ms",
    "provisioned_gb_second": "USD",
    "provisioned_duration_gb_second": "USD",
    "duration_gb_second": "USD",
    "million_requests": "USD",
}
"""The unit of every number that can be declared."""

DEFAULTS: Mapping[str, str] = {
    **{name: show_number(default.value) for name, default in egress_load.POLICY_DEFAULTS.items()},
    **{name: show_number(default.value) for name, default in database_load.POLICY_DEFAULTS.items()},
    **{name: show_number(default.value) for name, default in function_load.POLICY_DEFAULTS.items()},
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
    "max_connections": "estimated",
    "role_limit": "none",
    "database_limit": "none",
    "reserved": show_number(database_load.RESERVED),
    "internal": show_number(database_load.INTERNAL),
    "other_clients": "none",
    "pooled": "true",
    "replicas": "computed",
    "server_connections": "computed",
    "max_client_conn": "computed",
    "user": "the database's name",
    "processes_per_pod": "1",
    "engines_per_process": "1",
    "pool_timeout_seconds": show_number(database_load.POOL_TIMEOUT_SECONDS),
    "transaction_cv2": "1",
    "longest_transaction_seconds": "30",
    "recycle_seconds": "not bounded",
    "terminating_overlap": "0",
    "DeclaredClients.pooled": "as the database",
    "server": "one of its own",
    "init_ms": show_number(limits.LAMBDA_INIT.value),
    "max_cold_share": "0.01",
    "provisioned_concurrency": "computed",
    "reserved_concurrency": "unlimited",
    "quota_concurrency": show_number(limits.LAMBDA_CONCURRENCY_QUOTA.value),
    "concurrency_in_use": "0",
    "memory_mb": show_number(limits.LAMBDA_MEMORY_DEFAULT.value),
    "architecture": "x86_64",
    "timeout_seconds": show_number(limits.LAMBDA_TIMEOUT_DEFAULT.value),
    "package_type": "zip",
    "code_in_s3": "false",
    "snapstart": "false",
    "ephemeral_storage_mb": show_number(limits.LAMBDA_STORAGE_LEAST.value),
    "uses_efs": "false",
    "in_vpc": "false",
    "mean_requests_per_second": "the peak",
    "burst_size": "1",
    "schedule": "any other time",
    "timezone": "UTC",
    "DatabaseUse.pooled": "as the database",
}
"""What holds where an optional field is not declared, by the field, or by the model and the field where models differ.
Without one here, nothing is checked or computed from it."""


def files() -> dict[Path, str]:
    """Every generated file with the text that it should have."""
    pages = {HERE / page: _filled((HERE / page).read_text(encoding="utf-8")) for page in PAGES}
    return {**pages, HERE / SCHEMA: json.dumps(schema(), indent=2) + "\n"}


def schema() -> dict[str, Any]:
    """The JSON Schema of a load document, without what only pydantic needs."""
    found: dict[str, Any] = _tidied(StackLoad.model_json_schema(by_alias=True, schema_generator=_Described))
    for named in ("workloads", "databases", "functions"):
        found["properties"][named]["propertyNames"] = {"pattern": f"^{NAME.pattern}$"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:loadfit:load",
        "title": "loadfit load document",
        **found,
    }


class _Described(GenerateJsonSchema):
    """A schema in which each field says what its docstring says."""

    def model_schema(self, schema: ModelSchema) -> dict[str, Any]:
        found = super().model_schema(schema)
        for name, said in descriptions(schema["cls"]).items():
            field = schema["cls"].model_fields[name]
            if not field.exclude:
                found["properties"][field.alias or name]["description"] = said
        return found


def _filled(page: str) -> str:
    parts = {
        "document": _fields(StackLoad),
        "workload": _fields(Workload),
        "egress": _fields(EgressSection),
        "flow": _fields(DeclaredFlow),
        "policy": _fields(EgressPolicy),
        "prices": _fields(DeclaredEgressPrices),
        "limits": _limits(EGRESS_LIMITS),
        "policies": _policies(egress_load.POLICY_DEFAULTS),
        "cases": _egress_cases(),
        "findings": _findings(egress_codes.EXPLANATIONS),
        "database": _fields(DatabaseSection),
        "clients": _fields(DeclaredClients),
        "database_policy": _fields(DatabasePolicy),
        "database_limits": _limits(DATABASE_LIMITS),
        "database_policies": _policies(database_load.POLICY_DEFAULTS),
        "database_cases": _database_cases(),
        "database_findings": _findings(database_codes.EXPLANATIONS),
        "advice": _findings(advice_codes.EXPLANATIONS),
        "advice_python": _recognized(PYTHON),
        "advice_javascript": _recognized(JAVASCRIPT),
        "function": _fields(FunctionSection),
        "window": _fields(Window),
        "init": _fields(InitPhases),
        "database_use": _fields(DatabaseUse),
        "function_flow": _fields(FunctionFlow),
        "function_policy": _fields(FunctionPolicy),
        "function_prices": _fields(DeclaredFunctionPrices),
        "function_limits": _limits(FUNCTION_LIMITS),
        "function_policies": _policies(function_load.POLICY_DEFAULTS),
        "function_cases": _function_cases(),
        "function_findings": _findings(function_codes.EXPLANATIONS),
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
            UNITS.get(field.alias or name, ""),
            "**required**" if field.is_required() else _default(model, name),
            _meaning(descriptions(model).get(name, "")),
        )
        for name, field in sorted(model.model_fields.items(), key=first)
    )
    return _table(("Field", "Values", "Unit", "Default", "Meaning"), rows)


def _default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name].alias or name
    return DEFAULTS.get(f"{model.__name__}.{field}", DEFAULTS.get(field, ""))


def _meaning(said: str) -> str:
    """The field's docstring without the clause that the column of defaults says."""
    text = " ".join(said.split())
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


def _limits(beginnings: tuple[str, ...]) -> str:
    rows = (
        (_limit_name(name), show_number(limit.value), limit.unit, _linked(limit.source) + _quota(limit))
        for name, limit in vars(limits).items()
        if isinstance(limit, Limit) and name.startswith(beginnings)
    )
    return _table(("Limit", "Value", "Unit", "Source"), rows)


def _limit_name(name: str) -> str:
    words = name.removesuffix("_QUOTA").split("_")
    said = " ".join(word if word in ("NAT", "SNAT", "RDS") else word.lower() for word in words)
    said = said.replace("lambda ", "")
    return said.replace("ips", "IPs").replace("region", "Region").replace("postgres", "PostgreSQL")


def _quota(limit: Limit) -> str:
    return f"; quota {limit.quota}, raised on request" if limit.quota else ""


def _linked(source: str) -> str:
    return re.sub(r"https://\S+", r"<\g<0>>", source)


def _policies(defaults: Mapping[str, Default]) -> str:
    rows = (
        (f"`{name}`", f"{show_number(default.value)} {default.unit}", default.meaning, _linked(default.source))
        for name, default in defaults.items()
    )
    return _table(("Policy", "Default", "Meaning", "Source"), rows)


def _egress_cases() -> str:
    return _table(
        ("Case", "Ports", "Busiest gateway", "Scenario", "Of its ports", "Addresses", "A month", "Verdict"),
        (_egress_row(name, cases.egress(changes)) for name, changes in cases.EGRESS),
    )


def _egress_row(name: str, plan: EgressPlan) -> tuple[str, ...]:
    most = plan.busiest_gateway_ports[plan.binding_scenario]
    cost = plan.monthly_cost_usd or {}
    return (
        name,
        f"{plan.ports_needed[Scenario.STEADY]:,}",
        f"{most:,}",
        plan.binding_scenario.value.replace("_", " "),
        f"{show_number(plan.utilization * 100, 0)}%",
        f"{plan.gateways} x {plan.addresses_per_gateway}",
        show_dollars(cost["total"]),
        _verdict(plan.verdict, plan.findings),
    )


def _database_cases() -> str:
    return _table(
        ("Case", "Clients", "To PostgreSQL", "Of the budget", "p99 wait", "`max_client_conn`", "Verdict"),
        (_database_row(name, cases.database(changes)) for name, changes in cases.DATABASE),
    )


def _database_row(name: str, plan: DatabasePlan) -> tuple[str, ...]:
    each = plan.server_connections_per_replica
    waits = (plan.p99_wait_ms[state] for state in PoolState)
    return (
        name,
        " / ".join(f"{plan.clients[state]:,}" for state in ClientState),
        f"{plan.replicas} x {each} = {plan.replicas * each}" if plan.pools else f"{plan.server_connections:,}",
        f"{plan.budget:,}",
        " / ".join(map(_wait, waits)) if plan.pools else "",
        f"{plan.max_client_conn:,}" if plan.pools else "",
        _verdict(plan.verdict, plan.findings),
    )


def _function_cases() -> str:
    return _table(
        ("Case", "Busy", "Warm", "Set by", "Spill-over at most", "Expected cold", "p99", "A month", "Verdict"),
        (_function_row(name, cases.function(changes)) for name, changes in cases.FUNCTION),
    )


def _function_row(name: str, plan: FunctionPlan) -> tuple[str, ...]:
    window = max(plan.windows.values(), key=lambda one: one.needed_instances)
    cost = plan.monthly_cost_usd or {}
    return (
        name,
        show_number(window.offered_erlangs),
        f"{window.warm_instances:,}",
        window.bound_by.value.replace("_", " ").replace("erlang b", "Erlang B"),
        _percent(window.spillover_bound),
        _percent(window.expected_cold_share),
        "" if window.p99_ms is None else f"{show_number(window.p99_ms, 0)} ms",
        show_dollars(cost["total"]),
        _verdict(plan.verdict, plan.findings),
    )


def _percent(share: float) -> str:
    return f"{float(f'{share * 100:.2g}'):g}%"


def _wait(milliseconds: float) -> str:
    return f"{show_number(milliseconds, 1)} ms" if math.isfinite(milliseconds) else "without bound"


def _verdict(verdict: Verdict, findings: Iterable[Finding]) -> str:
    codes = ", ".join(f"`{finding.code}`" for finding in findings if finding.severity is Severity.ERROR)
    return f"{verdict.value}{f': {codes}' if codes else ''}"


def _findings(explanations: Mapping[str, Explanation]) -> str:
    return "\n\n".join(_finding(code, explanation) for code, explanation in explanations.items())


def _finding(code: str, explanation: Explanation) -> str:
    equations = "\n".join(explanation.equation.split("; "))
    sources = ", ".join(map(_linked, explanation.sources))
    return f"### {code}\n\n{explanation.meaning}\n\n```text\n{equations}\n```\n\nSource: {sources}"


def _recognized(library: Library) -> str:
    """What the advice knows of a language's packages."""
    made: dict[str, list[str]] = {}
    for symbol, maker in library.makers.items():
        made.setdefault(maker.what, []).append(f"`{symbol.replace('|', chr(92) + '|')}`")
    pools = {
        maker.what: f"one: `{maker.pool.one}` (<{maker.pool.source}>)"
        for maker in library.makers.values()
        if maker.pool
    }
    checks = {maker.what: f"tested with `{maker.checks}`" for maker in library.makers.values() if maker.checks}
    rows = (
        (what.split(" ", 1)[1], ", ".join(symbols), "; ".join(filter(None, (pools.get(what), checks.get(what)))))
        for what, symbols in made.items()
    )
    heavy = ", ".join(f"`{name}`" for name in library.heavy)
    whole = ", ".join(f"`{name}`" for name in library.whole)
    parts = f"\n\nLoaded as a whole for a part: {whole}." if whole else ""
    return f"{_table(('Made', 'By', 'Pool'), rows)}\n\nHeavy: {heavy}.{parts}"


def _written() -> Iterator[Path]:
    for path, text in files().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            yield path


if __name__ == "__main__":
    for changed in _written():
        sys.stdout.write(f"written: {changed.relative_to(HERE.parent)}\n")
