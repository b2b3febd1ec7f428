"""Hypothesis strategies: documents and loads as a user may declare them.

Documents are plain data, as they come out of YAML. Numbers are drawn around the limits, where findings begin; pods of
:func:`small_documents` are few enough for every placement of them to be enumerated.
"""

from typing import Any

from hypothesis import strategies as st

__all__ = ["Document", "churning", "documents", "held", "small_documents", "workloads"]

Document = dict[str, Any]

DESTINATIONS = ("api.stripe.com:443", "bucket.s3.us-east-1.amazonaws.com:443", "db.example.com:5432")


def _optional(drawn: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Document]:
    """Any part of the fields; each is there in about one document of three."""
    fields = [
        st.one_of(st.just({}), st.just({}), values.map(lambda value, name=name: {name: value}))
        for name, values in drawn.items()
    ]
    return st.tuples(*fields).map(lambda parts: {key: value for part in parts for key, value in part.items()})


@st.composite
def workloads(draw: st.DrawFn, most_pods: int = 600) -> Document:
    """One entry under ``workloads``."""
    pods = draw(st.integers(1, most_pods))
    entry: Document = {
        "pods": pods,
        **draw(
            _optional(
                {
                    "max_pods": st.integers(pods, max(pods, most_pods)),
                    "kind": st.sampled_from(["deployment", "statefulset", "daemonset", "job"]),
                    "rollout_seconds": st.sampled_from([30, 60, 90.5, 600]),
                    "max_skew": st.integers(1, 4),
                }
            )
        ),
    }
    if entry.get("kind") in (None, "deployment", "daemonset"):
        entry |= draw(_optional({"rollout_surge": st.sampled_from([0, 0.1, 0.25, 1 / 3, 1, 1.1])}))
    return entry


def held(most: int = 2_000) -> st.SearchStrategy[Document]:
    """How a flow holds connections open."""
    return st.integers(1, most).map(lambda connections: {"connections_per_pod": connections})


@st.composite
def churning(draw: st.DrawFn, most_rate: float = 20) -> Document:
    """How a flow opens connections again and again."""
    fields: Document = {
        "new_connections_per_second_per_pod": draw(
            st.sampled_from([0.1, 1, 1.1, 10]) | st.floats(0.01, most_rate).map(lambda rate: round(rate, 3))
        ),
        "connection_duration_ms": draw(st.sampled_from([0, 0.5, 50, 200, 3333.3, 20_000])),
        **draw(_optional({"requests_per_connection": st.sampled_from([1, 1.5, 4, 100])})),
    }
    ending = draw(st.sampled_from(["idle", "client", "nat_timeout"]))
    if ending == "idle":
        fields["idle_timeout_seconds"] = draw(st.sampled_from([0, 5, 30, 60.5, 349, 350, 1000]))
    elif ending == "nat_timeout":
        fields["closed_by"] = ending
    return fields


POLICIES = _optional(
    {
        "target_utilization": st.sampled_from([0.5, 0.7, 0.9, 1]),
        "zone_skew": st.sampled_from([1, 1.1, 1.5, 3]),
        "zones_lost": st.integers(0, 3),
        "port_cooldown_seconds": st.sampled_from([0, 16, 61.1, 120]),
        "address_skew": st.sampled_from([1, 1.5]),
        "pod_ephemeral_ports": st.sampled_from([1_000, 5_000, 64_512]),
    }
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Documents of an egress, from those that fit to those that nothing can help."""
    zones = draw(st.sampled_from([1, 2, 3, 3, 3, 4]))
    clients = draw(st.lists(st.sampled_from(["checkout", "orders", "search"]), min_size=1, max_size=3, unique=True))
    behind = {to: draw(st.sampled_from([None, None, None, 1, 2, 4])) for to in DESTINATIONS}
    flows: list[Document] = []
    for _ in range(draw(st.integers(1, 4))):
        to = draw(st.sampled_from(DESTINATIONS))
        flow: Document = {"from": draw(st.sampled_from(clients)), "to": to, **draw(held() | churning())}
        if behind[to] is not None:
            flow["addresses"] = behind[to]
        flow |= draw(_optional({"via": st.sampled_from(["nat", "ipv6"])}))
        flows.append(flow)
    egress: Document = {"flows": flows}
    egress |= draw(
        _optional(
            {
                "gateways": st.sampled_from([1, zones]),
                "addresses_per_gateway": st.integers(1, 4),
                "quota_addresses_per_gateway": st.integers(1, 9),
                "quota_addresses_per_region": st.integers(1, 30),
                "addresses_in_use": st.integers(0, 6),
                "nodes": st.integers(1, 50),
                "peak_gbps": st.sampled_from([1, 8.1, 120, 240]),
                "policy": POLICIES,
            }
        )
    )
    egress |= draw(_optional({"gateways_in_use": st.integers(0, 6), "external_snat": st.booleans()}))
    if draw(st.integers(0, 9)) == 0:
        egress.pop("addresses_per_gateway", None)
        number, each = egress.get("gateways", zones), draw(st.integers(1, 3))
        egress["allocations"] = {f"use1-az{z}": [f"eipalloc-{z}{a}" for a in range(each)] for z in range(number)}
    return {
        "region": draw(st.sampled_from(["us-east-1", "us-east-1", "sa-east-1"])),
        "zones": zones,
        "workloads": {name: draw(workloads()) for name in clients},
        "egress": egress,
    }


@st.composite
def small_documents(draw: st.DrawFn) -> Document:
    """Documents of so few pods that all placements can be tried; connections are many, so that addresses matter."""
    zones = draw(st.integers(1, 4))
    clients = ["checkout"] if zones == 4 else draw(st.sampled_from([["checkout"], ["checkout", "orders"]]))
    behind = {to: draw(st.sampled_from([None, None, 2, 4])) for to in DESTINATIONS}
    flows: list[Document] = []
    for _ in range(draw(st.integers(1, 4))):
        to = draw(st.sampled_from(DESTINATIONS))
        flow: Document = {"from": draw(st.sampled_from(clients)), "to": to, **draw(held(28_000) | churning(300))}
        if behind[to] is not None:
            flow["addresses"] = behind[to]
        flow |= draw(_optional({"via": st.sampled_from(["nat", "gateway_endpoint"])}))
        flows.append(flow)
    egress: Document = {
        "flows": flows,
        **draw(_optional({"gateways": st.sampled_from([1, zones]), "policy": POLICIES})),
    }
    return {
        "region": "us-east-1",
        "zones": zones,
        "workloads": {name: draw(workloads(5)) for name in clients},
        "egress": egress,
    }
