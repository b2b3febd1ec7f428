"""What the component and the reference stack make, as a real API server takes it: every object, and every pod."""

import base64
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest

from loadfit.testing import Deployment
from proofs.kubernetes.api import Answer, Api
from proofs.kubernetes.kinds import KINDS
from tests.databases.pools import VARIANTS, Args, group, load, made, objects
from tests.engine.doubles.kubernetes import MUTABLE
from tests.test_platform import platform

OF_THE_OPERATOR = {"ServiceMonitor", "PrometheusRule"}
"""Defined by the Prometheus operator, and not here."""
BUILT_IN = {token.rpartition(":")[2] for token in KINDS} - OF_THE_OPERATOR


def core(deployment: Deployment) -> list[Args]:
    return [one for one in objects(deployment) if one["kind"] not in OF_THE_OPERATOR]


def pooled(namespace: str, variant: str = "defaults", **more: Any) -> list[Args]:
    return core(made(**{**VARIANTS[variant], "namespace": namespace, **more}))


def stateful_set(namespace: str, **more: Any) -> Args:
    return next(one for one in pooled(namespace, **more) if one["kind"] == "StatefulSet")


def template_pod(one: Args, name: str) -> Args:
    """The enforced standard does not refuse a StatefulSet, but its pods."""
    template = one["spec"]["template"]
    metadata = {**template["metadata"], "name": name, "namespace": one["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": deepcopy(template["spec"])}


def revision(answer: Answer) -> object:
    """Changes with what is declared; where an object has a status, not with that."""
    metadata = answer.body["metadata"]
    return metadata.get("generation", metadata["resourceVersion"])


def taken(answer: Answer, one: Args) -> None:
    """Accepted as it is, with nothing lost and nothing to warn of."""
    what = f"{one['kind']} {one['metadata']['name']}"
    assert answer.status in {200, 201}, f"{what}: {answer.message}"
    assert answer.warnings == [], what
    assert list(lost(one, answer.body)) == [], what


def lost(sent: Any, stored: Any, path: str = "") -> Iterator[str]:
    """The fields that the server has not kept as they were sent."""
    if isinstance(sent, Mapping) and isinstance(stored, Mapping):
        for key, value in sent.items():
            # Written only: the server keeps it in data.
            if key != "stringData":
                yield from lost(value, stored.get(key), f"{path}.{key}" if path else key)
    elif isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        for position, (one, other) in enumerate(zip(sent, stored, strict=True)):
            yield from lost(one, other, f"{path}[{position}]")
    # A zero is often written by leaving the field out.
    elif sent != stored and not (type(sent) is int and sent == 0 and stored is None):
        yield path


def refused(answer: Answer, status: int, because: str) -> None:
    assert answer.status == status, answer.message or "accepted"
    assert because in answer.message


@pytest.mark.parametrize("variant", VARIANTS)
class TestPool:
    def test_every_object_is_taken_with_nothing_lost(self, api: Api, namespace: str, variant: str) -> None:
        sent = pooled(namespace, variant)
        assert len(sent) >= 5
        for one in sent:
            taken(api.apply(one), one)

    def test_applied_once_more_nothing_changes(self, api: Api, namespace: str, variant: str) -> None:
        """Else every deployment would restart the replicas."""
        sent = pooled(namespace, variant)
        first = [revision(api.apply(one)) for one in sent]
        assert [revision(api.apply(one)) for one in sent] == first

    def test_its_pod_is_within_the_restricted_standard(self, api: Api, namespace: str, variant: str) -> None:
        pod = template_pod(stateful_set(namespace, variant=variant), "template")
        taken(api.create(pod), pod)


def test_the_variants_are_of_every_kind_that_there_is() -> None:
    applied = {one["kind"] for variant in VARIANTS for one in pooled("default", variant)}
    applied |= {one["kind"] for one in core(platform())}
    assert applied == BUILT_IN


def test_the_reference_stack_is_taken(api: Api, namespace: str) -> None:
    sent = core(platform())
    assert {"Deployment", "StatefulSet"} <= {one["kind"] for one in sent}
    for one in sent:
        one["metadata"]["namespace"] = namespace
        taken(api.apply(one), one)
        if "template" in one.get("spec", {}):
            pod = template_pod(one, f"{one['metadata']['name']}-template")
            taken(api.create(pod), pod)


def test_a_secret_holds_what_was_given(api: Api, namespace: str) -> None:
    (secret,) = [one for one in pooled(namespace, "everything") if one["kind"] == "Secret"]
    stored = api.apply(secret).body["data"]
    assert base64.b64decode(stored["userlist.txt"]).decode() == '"orders" "hunter2"\n'


CHANGES: dict[str, Args] = {
    "settings": {"settings": {"query_wait_timeout": "5"}},
    "replicas": {"load": load(replicas=3, server_connections=51)},
    "drain": {"drain": {"mode": "clients"}, "load": load(group(recycle_seconds=300))},
    "no metrics": {"monitoring": "none"},
    "labels": {"labels": {"team": "orders"}},
    "image": {"image": "registry.example.com/pgbouncer:1.26.1"},
    "no TLS": VARIANTS["bare"],
    "load balancer": VARIANTS["outside"],
}


class TestChange:
    """Over what is there, in place."""

    @pytest.mark.parametrize("change", CHANGES)
    def test_every_choice_can_change_and_change_back(self, api: Api, namespace: str, change: str) -> None:
        for given in ({}, CHANGES[change], {}):
            for one in pooled(namespace, **given):
                taken(api.apply(one), one)

    def test_what_the_double_lets_change_is_what_the_server_does(self, api: Api, namespace: str) -> None:
        one = stateful_set(namespace)
        taken(api.apply(one), one)
        one["spec"]["serviceName"] = "others"
        answer = api.apply(one)
        refused(answer, 422, "updates to statefulset spec for fields other than")
        named = answer.message.partition("other than")[2].partition("are forbidden")[0]
        assert set(re.findall(r"'(\w+)'", named)) == MUTABLE


class TestRefused:
    """What must not pass does not: neither would a mistake of the component."""

    @pytest.mark.parametrize(
        ("path", "value", "because"),
        [
            (("spec", "serviceNames"), "orders", "field not declared in schema"),
            (("spec", "replicas"), "two", "expected numeric"),
            (("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), 70_000, "must be between"),
            (
                ("spec", "template", "spec", "containers", 0, "resources", "limits", "memory"),
                "1Mi",
                "must be less than",
            ),
            (("spec", "template", "metadata", "labels"), {"app": "other"}, "does not match template"),
        ],
    )
    def test_a_planted_mistake(
        self, api: Api, namespace: str, path: tuple[Any, ...], value: object, because: str
    ) -> None:
        one = stateful_set(namespace)
        place = one
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        answer = api.apply(one)
        assert answer.status in {400, 422, 500}, answer.message or "accepted"
        assert because in answer.message

    @pytest.mark.parametrize(
        "planted",
        [
            {"privileged": True, "allowPrivilegeEscalation": True},
            {"runAsUser": 0},
            {"runAsNonRoot": False},
            {"allowPrivilegeEscalation": True},
            {"capabilities": {"add": ["NET_ADMIN"]}},
            {"seccompProfile": {"type": "Unconfined"}},
        ],
        ids=lambda planted: next(iter(planted)),
    )
    def test_a_pod_beyond_the_standard(self, api: Api, namespace: str, planted: Args) -> None:
        one = stateful_set(namespace)
        context = one["spec"]["template"]["spec"]["containers"][0]["securityContext"]
        one["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {**context, **planted}
        refused(api.create(template_pod(one, "planted")), 403, 'violates PodSecurity "restricted:latest"')
        warned = api.apply(one)
        assert warned.status == 201, warned.message
        assert any("would violate PodSecurity" in text for text in warned.warnings)

    def test_an_immutable_configuration_and_a_selector_stay(self, api: Api, namespace: str) -> None:
        for one in pooled(namespace):
            taken(api.apply(one), one)
        config = next(one for one in pooled(namespace) if one["kind"] == "ConfigMap" and one.get("immutable"))
        config["data"]["pgbouncer.ini"] += "\n"
        refused(api.apply(config), 422, "field is immutable when `immutable` is set")
        one = stateful_set(namespace)
        one["spec"]["selector"]["matchLabels"] = {"app": "orders"}
        one["spec"]["template"]["metadata"]["labels"]["app"] = "orders"
        refused(api.apply(one), 422, "updates to statefulset spec")

    def test_a_field_that_is_lost_without_a_word_is_seen(self, api: Api, namespace: str) -> None:
        """Several at once is a feature that is off: the server takes it, and keeps one at a time."""
        one = stateful_set(namespace)
        one["spec"]["updateStrategy"]["rollingUpdate"] = {"maxUnavailable": 2}
        answer = api.apply(one)
        assert (answer.status, answer.warnings) == (201, [])
        assert list(lost(one, answer.body)) == ["spec.updateStrategy.rollingUpdate.maxUnavailable"]
