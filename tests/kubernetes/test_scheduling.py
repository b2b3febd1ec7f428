"""Where the real scheduler puts the replicas, and what a node that is drained may take away.

Nodes are objects alone: nothing runs on them, and nothing but these tests says that a replica is ready.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import pytest

from proofs.kubernetes.api import Api
from tests.databases.pools import Args, load, made, objects

ZONE, HOST, OWN = "topology.kubernetes.io/zone", "kubernetes.io/hostname", "loadfit.test/namespace"
Change: TypeAlias = Callable[[list[Args]], object]
"""Of the constraints on where the replicas are."""
EVERY_KIND = ("StatefulSet", "PodDisruptionBudget")
RESOURCES = {"cpu": "16", "memory": "16Gi", "pods": "110"}
ZONE_LOST = {"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}


class Zones:
    """Nodes for the pods of one namespace, and their names by zone."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.api = api
        self.namespace = namespace
        self.zone_of: dict[str, str] = {}

    def add(self, zone: str, nodes: int, taints: Sequence[Args] = ()) -> None:
        for _ in range(nodes):
            name = f"{self.namespace}-{len(self.zone_of)}"
            labels = {ZONE: zone, HOST: name, OWN: self.namespace}
            node: Args = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}
            assert self.api.create(node).status == 201
            ready = {"type": "Ready", "status": "True", "reason": "Declared"}
            self.api.set_status(node, {"capacity": RESOURCES, "allocatable": RESOURCES, "conditions": [ready]})
            # A new node is taken for one that is not ready, which nobody takes back here.
            self.api.merge(node, {"spec": {"taints": list(taints)}})
            self.zone_of[name] = zone

    def placed(self, pods: Sequence[Args]) -> Counter[str]:
        return Counter(self.zone_of[one["spec"]["nodeName"]] for one in pods if "nodeName" in one["spec"])

    def remove(self) -> None:
        for name in self.zone_of:
            self.api.delete({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})


class Pool:
    """The replicas, with what may be changed in them before they are applied."""

    def __init__(self, api: Api, namespace: str, zones: Zones) -> None:
        self.api = api
        self.namespace = namespace
        self.zones = zones

    def apply(self, replicas: int, change: Change = lambda _: None, kinds: Sequence[str] = EVERY_KIND) -> None:
        declared = load(replicas=replicas, server_connections=60)
        deployment = made(load=declared, namespace=self.namespace, node_selector={OWN: self.namespace})
        for one in objects(deployment):
            if one["kind"] == "StatefulSet":
                change(one["spec"]["template"]["spec"]["topologySpreadConstraints"])
            if one["kind"] in kinds:
                answer = self.api.apply(one)
                assert answer.status == 201, answer.message

    @property
    def pods(self) -> list[Args]:
        return self.api.pods(self.namespace)

    def settled(self, replicas: int) -> Counter[str]:
        """By zone, when each has a node or was told that there is none."""
        self.api.until("every pod is scheduled or refused", lambda: sum(map(_decided, self.pods)) == replicas)
        return self.zones.placed(self.pods)

    def ready(self) -> None:
        for one in self.pods:
            if "deletionTimestamp" not in one["metadata"]:
                condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
                self.api.set_status(one, {"phase": "Running", "conditions": [condition]})

    def allowed(self, disruptions: int, healthy: int) -> None:
        """Waits for the budget to know of the pods."""
        place = f"/apis/policy/v1/namespaces/{self.namespace}/poddisruptionbudgets"

        def known() -> bool:
            (budget,) = self.api.get(place)["items"]
            told = budget.get("status", {})
            return (told.get("disruptionsAllowed"), told.get("currentHealthy")) == (disruptions, healthy)

        self.api.until(f"the budget allows {disruptions} of {healthy}", known)


def _decided(pod: Args) -> bool:
    told = pod.get("status", {}).get("conditions", [])
    return "nodeName" in pod["spec"] or any(one.get("reason") == "Unschedulable" for one in told)


@pytest.fixture
def zones(api: Api, namespace: str) -> Iterator[Zones]:
    made_of = Zones(api, namespace)
    yield made_of
    made_of.remove()


@pytest.fixture
def pool(api: Api, namespace: str, zones: Zones) -> Pool:
    return Pool(api, namespace, zones)


class TestSpread:
    """One zone has most of the nodes: without a constraint it would have most of the replicas."""

    def test_replicas_are_spread_evenly_over_uneven_zones(self, pool: Pool, zones: Zones) -> None:
        for zone, nodes in (("a", 6), ("b", 1), ("c", 1)):
            zones.add(zone, nodes)
        pool.apply(6)
        assert pool.settled(6) == {"a": 2, "b": 2, "c": 2}

    def test_in_a_zone_they_are_on_nodes_of_their_own(self, pool: Pool, zones: Zones) -> None:
        for zone in "abc":
            zones.add(zone, 2)
        pool.apply(6)
        assert pool.settled(6) == {"a": 2, "b": 2, "c": 2}
        assert len({one["spec"]["nodeName"] for one in pool.pods}) == 6

    def test_without_the_constraint_they_are_not(self, pool: Pool, zones: Zones) -> None:
        for zone, nodes in (("a", 6), ("b", 1), ("c", 1)):
            zones.add(zone, nodes)
        pool.apply(6, change=lambda spread: spread.pop(0))
        assert pool.settled(6)["a"] > 2

    def test_with_a_zone_lost_all_are_placed_in_the_others(self, pool: Pool, zones: Zones) -> None:
        for zone in "ab":
            zones.add(zone, 2)
        zones.add("c", 2, [ZONE_LOST])
        pool.apply(6)
        assert pool.settled(6) == {"a": 3, "b": 3}

    def test_if_its_taint_did_not_count_some_would_be_placed_nowhere(self, pool: Pool, zones: Zones) -> None:
        for zone in "ab":
            zones.add(zone, 2)
        zones.add("c", 2, [ZONE_LOST])
        pool.apply(6, change=lambda spread: spread[0].pop("nodeTaintsPolicy"))
        assert pool.settled(6).total() == 2


class TestEviction:
    """As `kubectl drain` asks: https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/."""

    @pytest.fixture(autouse=True)
    def _nodes(self, zones: Zones) -> None:
        for zone in "abc":
            zones.add(zone, 1)

    def test_one_replica_goes_at_a_time(self, api: Api, pool: Pool) -> None:
        pool.apply(3)
        pool.settled(3)
        pool.ready()
        pool.allowed(1, healthy=3)
        first, second, _ = pool.pods
        assert api.evict(first).status == 201
        pool.allowed(0, healthy=2)
        answer = api.evict(second)
        assert answer.status == 429
        assert "would violate the pod's disruption budget" in answer.message

        # Its successor serves: the next may go.
        api.delete(first)
        api.until("the replica is there again", lambda: len(pool.pods) == 3)
        pool.settled(3)
        pool.ready()
        pool.allowed(1, healthy=3)
        assert api.evict(second).status == 201

    def test_broken_replicas_keep_no_node(self, api: Api, pool: Pool) -> None:
        """Not even where too few are left: as a default, the budget would keep both."""
        pool.apply(3)
        pool.settled(3)
        pool.ready()
        *broken, healthy = pool.pods
        condition = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        for one in broken:
            api.set_status(one, {"conditions": [condition]})
        pool.allowed(0, healthy=1)
        assert api.evict(healthy).status == 429
        assert [api.evict(one).status for one in broken] == [201, 201]

    def test_without_the_budget_all_would_go_at_once(self, api: Api, pool: Pool) -> None:
        pool.apply(3, kinds=["StatefulSet"])
        pool.settled(3)
        pool.ready()
        assert [api.evict(one).status for one in pool.pods] == [201, 201, 201]
