"""Function documents as a user may declare them, from those that fit to those that nothing can help."""

import copy
from collections.abc import Sequence
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from loadfit.core.findings import Change, Finding, Severity
from loadfit.core.model import validate
from loadfit.core.paths import set_path
from loadfit.functions import FunctionLoad, FunctionPlan, size_function

Document = dict[str, Any]

DAY: Document = {"peak_requests_per_second": 26, "mean_duration_ms": 50, "p99_duration_ms": 100}
INCIDENT: Document = {
    "provisioned_concurrency": 0,
    "windows": {"day": DAY},
    "init_ms": 3500,
    "unzipped_mb": 150,
    "target_p99_ms": 200,
}
REPAIRED: Document = {
    "windows": {"day": DAY},
    "init_ms": 800,
    "target_p99_ms": 200,
    "reserved_concurrency": 10,
    "database": {
        "name": "orders",
        "connections_per_instance": 1,
        "transactions_per_request": 1,
        "mean_transaction_ms": 10,
    },
}


def loaded(document: Document, *, name: str = "storefront", region: str = "us-east-1", **resolved: Any) -> FunctionLoad:
    """The load of a function's section, as the whole document resolves it."""
    origin = {"name": name, "region": region, "origin": f"functions.{name}"}
    return validate(FunctionLoad, {**document, **origin, **resolved})


def sized(document: Document, **resolved: Any) -> FunctionPlan:
    """The plan of a function's section."""
    return size_function(loaded(document, **resolved))


def window(rate: float, mean_ms: float, p99_ms: float | None = None, **fields: Any) -> Document:
    """A window; its p99 is twice its mean unless said otherwise."""
    return {
        "peak_requests_per_second": rate,
        "mean_duration_ms": mean_ms,
        "p99_duration_ms": 2 * mean_ms if p99_ms is None else p99_ms,
        **fields,
    }


def one(
    rate: float,
    mean_ms: float,
    p99_ms: float | None = None,
    share: float = 0.01,
    target: float | None = None,
    **fields: Any,
) -> Document:
    """A function of one window, with a p99 target or a share of cold starts that is allowed."""
    allowed = {"max_cold_share": share} if target is None else {"target_p99_ms": target}
    return {"windows": {"day": window(rate, mean_ms, p99_ms, **fields)}, **allowed}


def applied(document: Document, changes: Sequence[Change], name: str = "storefront") -> Document:
    """The section with the changes written into it, as plain data."""
    whole = {"functions": {name: copy.deepcopy(document)}}
    for change in changes:
        set_path(whole, change.path, change.after.value if isinstance(change.after, Enum) else change.after)
    return whole["functions"][name]


def found(plan: FunctionPlan, code: str) -> Finding | None:
    """The first finding of a code."""
    return next((finding for finding in plan.findings if finding.code == code), None)


def keys(plan: FunctionPlan) -> set[tuple[str, str]]:
    """The keys of what was found."""
    return {finding.key for finding in plan.findings}


def errors(plan: FunctionPlan) -> set[tuple[str, str]]:
    """The keys of what cannot be carried."""
    return {finding.key for finding in plan.findings if finding.severity is Severity.ERROR}


def optional(drawn: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Document]:
    """Any part of the fields; each is there in about one document of three."""
    fields = [
        st.one_of(st.just({}), st.just({}), values.map(lambda value, name=name: {name: value}))
        for name, values in drawn.items()
    ]
    return st.tuples(*fields).map(lambda parts: {key: value for part in parts for key, value in part.items()})


@st.composite
def windows(draw: st.DrawFn) -> Document:
    """One window."""
    rate = draw(st.sampled_from([0, 0.1, 1.1, 26, 100, 900]) | st.floats(0.01, 400).map(lambda rate: round(rate, 3)))
    mean = draw(st.sampled_from([0.9, 3, 20, 50, 120.5, 1000]) | st.integers(1, 400))
    entry = {
        **window(rate, mean, mean * draw(st.sampled_from([1, 1.5, 2, 4, 20]))),
        **draw(optional({"schedule": st.sampled_from(["mon-fri 08:00-18:00", "daily 22:00-06:00"])})),
    }
    if rate and draw(st.integers(0, 3)) == 0:
        entry["burst_size"] = draw(st.integers(1, 12))
    return entry


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """One function's section."""
    names = draw(st.lists(st.sampled_from(["day", "night", "morning"]), min_size=1, max_size=2, unique=True))
    document: Document = {"windows": {name: draw(windows()) for name in names}}
    target = draw(st.sampled_from(["target_p99_ms", "target_p99_ms", "max_cold_share", ""]))
    if target == "target_p99_ms":
        document[target] = draw(st.sampled_from([45, 101, 200, 1000.5, 5000]))
    elif target:
        document[target] = draw(st.sampled_from([0.001, 0.01, 0.05, 0.5, 1]))
    start = draw(st.sampled_from(["init_ms", "init_ms", "init", ""]))
    if start == "init_ms":
        document[start] = draw(st.sampled_from([0, 80, 800, 3500.5, 12_000]))
    elif start:
        document[start] = {
            "download_ms": draw(st.sampled_from([0, 500, 9_000])),
            "runtime_ms": draw(st.sampled_from([0, 50, 1000])),
            "code_ms": draw(st.sampled_from([0, 1500.5])),
        }
    document |= draw(
        optional(
            {
                "provisioned_concurrency": st.sampled_from([0, 1, 5, 40, 600]),
                "reserved_concurrency": st.sampled_from([1, 10, 60, 950]),
                "quota_concurrency": st.sampled_from([10, 130, 3000]),
                "concurrency_in_use": st.sampled_from([0, 500, 880]),
                "memory_mb": st.sampled_from([128, 1769]),
                "architecture": st.sampled_from(["arm64", "x86_64"]),
                "timeout_seconds": st.sampled_from([1, 30]),
                "zipped_mb": st.sampled_from([12.5, 50, 50.5]),
                "unzipped_mb": st.sampled_from([250, 251, 10_241]),
                "package_type": st.sampled_from(["zip", "image"]),
                "runtime": st.sampled_from(["python3.13", "nodejs22.x", "java21"]),
                "policy": optional(
                    {"deploy_pools": st.sampled_from([1, 2]), "throttled_share": st.sampled_from([0.01, 1e-6])}
                ),
            }
        )
    )
    if draw(st.integers(0, 2)) == 0:
        document["database"] = {
            **REPAIRED["database"],
            "connections_per_instance": draw(st.sampled_from([1, 2, 5])),
            **draw(optional({"budget": st.sampled_from([5, 20, 100])})),
        }
    if draw(st.integers(0, 5)) == 0:
        document |= {"snapstart": True, **draw(optional({"ephemeral_storage_mb": st.sampled_from([512, 1024])}))}
        document |= draw(optional({"uses_efs": st.booleans()}))
    return document
