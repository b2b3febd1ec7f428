"""Hypothesis strategies for documents of databases, from those that fit to those that nothing can help."""

from typing import Any

from hypothesis import strategies as st

from tests.strategies import Document, workloads

__all__ = ["clients", "computed_documents", "documents"]

WORKLOADS = ("orders", "billing", "reports")

POLICY: dict[str, st.SearchStrategy[Any]] = {
    "headroom": st.sampled_from([0, 0.05, 0.1, 1 / 3]),
    "steady_p99_wait_ms": st.sampled_from([0.5, 5, 10, 50]),
    "steady_utilization": st.sampled_from([0.5, 0.7, 0.9]),
    "degraded_p99_wait_ms": st.sampled_from([1, 100, 1000]),
    "degraded_utilization": st.sampled_from([0.6, 0.85, 0.99]),
    "replica_skew": st.sampled_from([1, 1.1, 2]),
    "transactions_per_second_per_replica": st.sampled_from([500, 5_000]),
    "restart_pause_seconds": st.sampled_from([60, 600]),
}


def optional(drawn: dict[str, st.SearchStrategy[Any]], each: int = 3) -> st.SearchStrategy[Document]:
    """Any part of the fields; each is there in one document of so many."""
    fields = [
        st.integers(1, each).flatmap(
            lambda draw, name=name, values=values: (
                values.map(lambda value: {name: value}) if draw == each else st.just({})
            )
        )
        for name, values in drawn.items()
    ]
    return st.tuples(*fields).map(lambda parts: {key: value for part in parts for key, value in part.items()})


@st.composite
def clients(draw: st.DrawFn, name: str) -> Document:
    """One entry under ``clients``."""
    return {
        "from": name,
        "pool_size": draw(st.sampled_from([1, 2, 5, 10, 20])),
        "max_overflow": draw(st.sampled_from([0, 0, 1, 10])),
        "transactions_per_second": draw(st.sampled_from([0, 1, 50, 500, 2000, 12_500.5])),
        "mean_transaction_ms": draw(st.sampled_from([0.5, 2, 9.99, 10, 33.3])),
        **draw(
            optional(
                {
                    "user": st.sampled_from(["app", "batch"]),
                    "processes_per_pod": st.integers(1, 4),
                    "engines_per_process": st.integers(1, 2),
                    "pool_timeout_seconds": st.sampled_from([0.05, 1, 30]),
                    "transaction_cv2": st.sampled_from([0, 0.5, 4]),
                    "recycle_seconds": st.sampled_from([30, 300]),
                    "terminating_overlap": st.sampled_from([0, 0.3, 1]),
                    "pooled": st.booleans(),
                },
                each=4,
            )
        ),
    }


@st.composite
def documents(draw: st.DrawFn, most_pods: int = 60, *, given: bool = True) -> Document:
    """Documents of one database; its own numbers are given in some of them, or in none."""
    names = draw(st.lists(st.sampled_from(WORKLOADS), min_size=1, max_size=3, unique=True))
    groups = [draw(clients(name)) for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=4))]
    exact = st.integers(12, 1_500).map(lambda most: {"max_connections": most})
    held = st.sampled_from(["db.t3.micro", "db.t4g.medium", "db.m7g.large", "r6g.4xlarge"])
    estimated = held.map(lambda name: {"instance_class": name})
    both = st.tuples(exact, estimated).map(lambda pair: pair[0] | pair[1])
    settings: dict[str, st.SearchStrategy[Any]] = {
        "role_limit": st.integers(1, 200),
        "database_limit": st.integers(1, 400),
        "reserved": st.integers(0, 10),
        "internal": st.integers(0, 10),
        "other_clients": st.dictionaries(st.sampled_from(["migrations", "bi"]), st.integers(0, 30)),
        "pooled": st.booleans(),
        "policy": optional(POLICY, each=4),
    }
    if given:
        settings |= {
            "replicas": st.integers(1, 6),
            "server_connections": st.sampled_from([6, 20, 44, 50, 120, 400]),
            "max_client_conn": st.sampled_from([100, 500, 1000, 524_150]),
        }
    return {
        "region": "us-east-1",
        "zones": 3,
        "workloads": {name: draw(workloads(most_pods)) for name in names},
        "databases": {
            "orders": {**draw(st.one_of(exact, exact, estimated, both)), **draw(optional(settings)), "clients": groups}
        },
    }


def computed_documents() -> st.SearchStrategy[Document]:
    """Documents in which every size is computed, of so few pods that every state of a rollout can be tried."""
    return documents(most_pods=6, given=False)
