"""Documents whose sections cross, and what becomes of them."""

import copy
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from loadfit.core.findings import Change, Finding, Severity
from loadfit.core.paths import set_path, show_path
from loadfit.stack import StackPlan, parse_load, resolve, size
from tests.databases.strategies import clients, optional
from tests.functions.loads import windows
from tests.strategies import Document, held, workloads

EXAMPLES = Path(__file__).parents[2] / "examples"

Edit = Callable[[Document], object]


def case_study(*edits: Edit) -> Document:
    """The repaired case study, changed."""
    document: Document = yaml.safe_load((EXAMPLES / "case-study.yaml").read_text(encoding="utf-8"))
    for edit in edits:
        edit(document)
    return document


def function(**fields: Any) -> Document:
    """A function of the case study's load, without a database."""
    day = {"peak_requests_per_second": 26, "mean_duration_ms": 50, "p99_duration_ms": 100}
    return {"windows": {"day": day}, "init_ms": 800, "target_p99_ms": 200, **fields}


def sized(document: Document) -> StackPlan:
    """The plan of a document."""
    return size(resolve(parse_load(document)))


def applied(document: Document, changes: Sequence[Change]) -> Document:
    """The document with changes written into it, as a person would."""
    changed = copy.deepcopy(document)
    for change in changes:
        set_path(changed, change.path, change.after.value if isinstance(change.after, Enum) else change.after)
    return changed


def found(plan: StackPlan, code: str) -> Finding:
    """The one finding of a code."""
    (finding,) = (one for one in plan.findings if one.code == code)
    return finding


def keys(plan: StackPlan) -> set[tuple[str, str]]:
    """What was found, by code and subject."""
    return {finding.key for finding in plan.findings}


def errors(plan: StackPlan) -> set[str]:
    """What cannot be carried, with its place."""
    return {
        f"{finding.code} at {show_path(finding.path)}"
        for finding in plan.findings
        if finding.severity is Severity.ERROR
    }


@st.composite
def functions(draw: st.DrawFn, databases: Sequence[str]) -> Document:
    """One function, most of them with a database, some in the VPC with ways out of it."""
    declared: Document = {
        "windows": {"day": draw(windows())},
        "init_ms": draw(st.sampled_from([80, 800, 3500])),
        "timeout_seconds": 60,
        **draw(
            optional(
                {
                    "target_p99_ms": st.sampled_from([200, 1000, 5000]),
                    "provisioned_concurrency": st.sampled_from([0, 2, 40]),
                    "quota_concurrency": st.just(1000),
                },
            )
        ),
        **draw(optional({"reserved_concurrency": st.sampled_from([2, 10, 60, 500, 900])}, each=2)),
    }
    if databases and draw(st.booleans()):
        declared["database"] = {
            "name": draw(st.sampled_from(databases)),
            "connections_per_instance": draw(st.sampled_from([1, 1, 2, 5])),
            "transactions_per_request": draw(st.sampled_from([0.5, 1, 4])),
            "mean_transaction_ms": draw(st.sampled_from([0.5, 5, 10])),
            **draw(optional({"pooled": st.booleans(), "user": st.sampled_from(["app", "batch"])}, each=4)),
        }
    if draw(st.integers(0, 2)) == 0:
        to = draw(st.sampled_from(["api.stripe.com:443", "a.example.com:443"]))
        held_by_each = {"connections_per_instance": draw(st.sampled_from([1, 5, 300]))}
        rate = {"new_connections_per_second_per_instance": 2.6, "connection_duration_ms": 50, "idle_timeout_seconds": 5}
        declared |= {"in_vpc": True, "egress": [{"to": to, **draw(st.sampled_from([held_by_each, rate]))}]}
    return declared


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Documents of several sections that cross, from those that fit to those that nothing can help."""
    databases: Document = {}
    together = draw(st.booleans())
    for name in draw(st.sampled_from([["orders"], ["orders", "payments"]])):
        databases[name] = {
            "max_connections": 200 if together else draw(st.sampled_from([100, 200, 600])),
            **({"server": "main"} if together else {}),
            **draw(optional({"max_client_conn": st.sampled_from([100, 300, 1000])})),
            "clients": [draw(clients("orders"))],
        }
    names = draw(st.lists(st.sampled_from(["storefront", "images", "reports"]), min_size=1, max_size=3, unique=True))
    flow = {"from": "orders", "to": "api.stripe.com:443", **draw(held(400))}
    return {
        "region": "us-east-1",
        "zones": 3,
        "workloads": {"orders": draw(workloads(40))},
        "egress": {"flows": [flow], **draw(optional({"gateways": st.just(1)}))},
        "databases": databases,
        "functions": {name: draw(functions(list(databases))) for name in names},
    }
