"""When an object stands, and when it is gone, as pulumi-kubernetes waits for it."""

import time
from collections.abc import Iterator
from threading import Event
from typing import Any

from proofs.kubernetes.api import Api, Json

__all__ = ["NotReady", "wait_until_gone", "wait_until_ready"]

READY_SECONDS = 600
"""Where the program gives no time (DefaultStatefulSetTimeoutMins in provider/pkg/await/statefulset.go)."""
GONE_SECONDS = 300
"""Where the program gives no time (Deletion in provider/pkg/await/await.go)."""


class NotReady(Exception):
    """What does not stand, or is not gone, after all the time that it had; with what the cluster says of it."""


def wait_until_ready(api: Api, one: Json, seconds: float, interrupted: Event) -> Json:
    """Waits for the pods of a StatefulSet; all else stands as soon as it is stored.

    Args:
        api: The server.
        one: The object, as it was stored.
        seconds: The longest wait; 0: as long as the provider waits by itself.
        interrupted: Set where nobody waits any longer.

    Returns:
        The object as it is stored then.

    Raises:
        NotReady: It does not stand in time, or the wait was interrupted.
        OSError: The server does not answer.
    """
    if one["kind"] != "StatefulSet":
        return one
    begin, longest = time.monotonic(), seconds or READY_SECONDS
    while True:
        found = api.read(one)
        if found.status == 404:
            raise NotReady("was deleted while it was waited for")
        if found.status < 300:
            one = found.body
            if _rolled_out(one):
                return one
        waited = time.monotonic() - begin
        if waited > longest or interrupted.wait(0.1):
            raise NotReady(f"is not ready after {waited:.0f} s: {'; '.join(_told(api, one))}")


def wait_until_gone(api: Api, one: Json, seconds: float, interrupted: Event) -> None:
    """Waits until there is no such object any more, with the same arguments.

    Raises:
        NotReady: It is there for longer, or the wait was interrupted.
        OSError: The server does not answer.
    """
    begin, longest = time.monotonic(), seconds or GONE_SECONDS
    while (found := api.read(one)).status != 404:
        # An object that is there under the same name later is another one.
        if found.status < 300 and found.body["metadata"]["uid"] != one["metadata"]["uid"]:
            return
        waited = time.monotonic() - begin
        if waited > longest or interrupted.wait(0.05):
            held = ", ".join(found.body.get("metadata", {}).get("finalizers", ())) or "its grace period"
            raise NotReady(f"is not gone after {waited:.0f} s: it waits for {held}")


def _rolled_out(one: Json) -> bool:
    """Every replica is of the newest revision, and ready; said of what is declared now, and not of what was before."""
    status, replicas = one.get("status", {}), one["spec"]["replicas"]
    return (
        status.get("observedGeneration") == one["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == replicas
        and status.get("readyReplicas", 0) == replicas
        and status.get("currentRevision") == status.get("updateRevision")
    )


def _told(api: Api, one: Json) -> Iterator[str]:
    """How far it is, and what holds each pod up."""
    status, replicas = one.get("status", {}), one["spec"]["replicas"]
    yield f"{status.get('readyReplicas', 0)} of {replicas} replicas are ready"
    yield f"{status.get('updatedReplicas', 0)} of {replicas} are of the newest revision"
    for pod in api.pods(one["metadata"]["namespace"]):
        owners = [owner["uid"] for owner in pod["metadata"].get("ownerReferences", ())]
        if one["metadata"]["uid"] in owners:
            yield from (f"{pod['metadata']['name']}: {reason}" for reason in _reasons(pod["status"]))


def _reasons(status: Json) -> Iterator[str]:
    for condition in status.get("conditions", ()):
        if condition["status"] != "True":
            yield f"{condition.get('reason') or condition['type']}: {condition.get('message', '')}".strip(": ")
    for container in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
        waiting: Any = container.get("state", {}).get("waiting")
        if waiting:
            yield f"{container['name']} {waiting['reason']}: {waiting.get('message', '')}".strip(": ")
