"""When the provider of the proofs takes a rollout for done, from what a server says of it."""

from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from proofs.kubernetes.api import Answer, Api, Json
from proofs.kubernetes.waiting import NotReady, wait_until_ready


@dataclass
class Rollout(Api):
    """A server that has a StatefulSet of two replicas, and nothing else."""

    status: Json = field(default_factory=dict[str, Any])

    def request(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Answer:
        if path.endswith("/pods"):
            return Answer(200, {"items": []}, [])
        if path == "/apis/apps/v1":
            return Answer(200, {"resources": [{"name": "statefulsets", "kind": "StatefulSet", "namespaced": True}]}, [])
        metadata = {"name": "orders", "namespace": "default", "generation": 2, "uid": "1"}
        found = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": metadata, "spec": {"replicas": 2}}
        return Answer(200, {**found, "status": self.status}, [])


DONE: Json = {
    "observedGeneration": 2,
    "updatedReplicas": 2,
    "readyReplicas": 2,
    "currentRevision": "new",
    "updateRevision": "new",
}


def wait(status: Json) -> Json:
    api = Rollout("192.0.2.1", 6443, "", Path(), status=status)
    one = api.request("GET", "the StatefulSet").body
    return wait_until_ready(api, one, 0.01, Event())["status"]


def test_it_is_over_once_every_replica_is_new_and_ready() -> None:
    assert wait(DONE) == DONE


@pytest.mark.parametrize(
    "other", [{"observedGeneration": 1}, {"updatedReplicas": 1}, {"readyReplicas": 1}, {"currentRevision": "old"}]
)
def test_it_is_not_while_any_of_it_is_missing(other: Json) -> None:
    with pytest.raises(NotReady, match="replicas are ready"):
        wait({**DONE, **other})
