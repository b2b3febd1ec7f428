"""PgBouncerPool brought up by the engine on a real API server, through the provider that the proofs use.

There are no nodes. A test that wants ready pods says so itself, as a kubelet would.
"""

import base64
import gc
import shutil
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pulumi
import pytest
from google.protobuf import empty_pb2
from pulumi.automation import CommandError
from pulumi.runtime.proto import provider_pb2

from loadfit import PgBouncerPool
from loadfit.testing import deploy
from proofs.claims import Missing
from proofs.engine.provider import UNKNOWN, plain, struct
from proofs.engine.stack import Program, Stack
from proofs.kubernetes.api import Answer, Api, Json
from proofs.kubernetes.kinds import CONFIG_MAP, SERVICE, STATEFUL_SET
from proofs.kubernetes.provider import ApplyingProvider, applying_stack
from tests.databases.pools import arguments, load, objects
from tests.kubernetes.test_objects import lost
from tests.servers import lacking

# The SDK gives up on a program whose engine has ended, and leaves what it was about to do to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
PASSWORD = "hunter2-planted"


@dataclass
class Noting(Api):
    """A client that notes what it has changed."""

    changes: list[str] = field(default_factory=list[str])

    def request(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Answer:
        answer = super().request(method, path, body, content)
        if method != "GET" and "dryRun" not in path and answer.status < 300:
            self.changes.append(f"{method} {'/'.join(path.partition('?')[0].split('/')[-2:])}")
        return answer


@pytest.fixture(scope="module")
def noting(api: Api) -> Noting:
    return Noting(api.address, api.port, api.token, api.authority)


@pytest.fixture(scope="module")
def shared(noting: Noting) -> Iterator[Stack]:
    try:
        with applying_stack(noting) as made:
            shutil.copytree(made.folder / "state", made.folder / "empty")
            yield made
            gc.collect()  # what is left goes here, where the mark above still counts
    except Missing as absent:
        lacking(str(absent))


@pytest.fixture(autouse=True)
def _pods_go(api: Api, namespace: str) -> Iterator[None]:
    """They would be placed on the nodes of other tests."""
    yield
    api.request("DELETE", f"/apis/apps/v1/namespaces/{namespace}/statefulsets")
    api.until("the pods are gone", lambda: not api.pods(namespace))


@pytest.fixture
def stack(shared: Stack) -> Stack:
    """The same for all tests, and empty."""
    shutil.rmtree(shared.folder / "state")
    shutil.copytree(shared.folder / "empty", shared.folder / "state")
    return shared


def pool(namespace: str, declared: Any = None, opts: Any = None, **args: Any) -> Program:
    """The case study's pool, without what the operator of Prometheus defines."""
    given = {"namespace": namespace, "monitoring": "none", "credentials": None, "passwords": {"orders": PASSWORD}}

    def program() -> None:
        PgBouncerPool("orders", arguments(load=load(**(declared or {})), **{**given, **args}), opts)

    return program


def with_replicas(change: Callable[[Any, pulumi.ResourceOptions], object]) -> pulumi.ResourceOptions:
    """Options of a pool that change the specification of its replicas, or their own options."""

    def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        if args.name == "orders-replicas":
            change(args.props["spec"], args.opts)
        return pulumi.ResourceTransformationResult(args.props, args.opts)

    return pulumi.ResourceOptions(transformations=[transform])


@contextmanager
def pods_become_ready(api: Api, namespace: str) -> Generator[None]:
    """What a kubelet says of each pod, for as long as this lasts."""
    over = threading.Event()

    def say() -> None:
        while not over.wait(0.05):
            for pod in api.pods(namespace):
                if READY not in pod["status"].get("conditions", ()):
                    place = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/status"
                    status = {"status": {"phase": "Running", "conditions": [READY]}}
                    # It may be gone by now.
                    api.request("PATCH", place, status, "application/merge-patch+json")

    kubelet = threading.Thread(target=say)
    kubelet.start()
    try:
        yield
    finally:
        over.set()
        kubelet.join()


def left(api: Api, namespace: str) -> set[str]:
    """What there is of a pool, or of its pods."""
    places = {
        "/api/v1": ("configmaps", "pods", "secrets", "services"),
        "/apis/apps/v1": ("controllerrevisions", "statefulsets"),
        "/apis/networking.k8s.io/v1": ("networkpolicies",),
        "/apis/policy/v1": ("poddisruptionbudgets",),
    }
    found = {
        f"{plural}/{one['metadata']['name']}"
        for group, plurals in places.items()
        for plural in plurals
        for one in api.get(f"{group}/namespaces/{namespace}/{plural}")["items"]
    }
    return found - {"configmaps/kube-root-ca.crt"}  # every namespace has it


class TestPool:
    def test_it_is_brought_up_once_and_leaves_nothing(self, api: Api, namespace: str, stack: Stack) -> None:
        program = pool(namespace)
        with pods_become_ready(api, namespace):
            previewed = stack.preview(program)
            assert left(api, namespace) == set()
            assert stack.up(program).operations == previewed.operations
            for one in objects(deploy(program)):
                stored = api.read(one)
                assert stored.status == 200, stored.message
                assert list(lost(one, stored.body)) == []
            assert stack.up(program).touched == {}
            stack.destroy()
        assert left(api, namespace) == set()

    def test_the_new_configuration_is_there_first_and_the_old_one_goes_last(
        self, noting: Noting, namespace: str, stack: Stack
    ) -> None:
        changed = pool(namespace, {"server_connections": 60}, passwords={"orders": "another"})
        with pods_become_ready(noting, namespace):
            stack.up(pool(namespace))
            (old,) = (one for one in left(noting, namespace) if "configmaps/orders-config-" in one)
            noting.changes.clear()
            run = stack.up(changed)
            pods = noting.pods(namespace)
        assert run.touched["ConfigMap orders-config"] == "replace"
        assert run.touched["StatefulSet orders-replicas"] == "update"
        (new,) = (one for one in left(noting, namespace) if "configmaps/orders-config-" in one)
        assert [one for one in noting.changes if "/orders-config-" in one or "statefulsets/" in one] == [
            f"PATCH {new}",
            "PATCH statefulsets/orders",
            f"DELETE {old}",
        ]
        mounted = [
            volume["configMap"]["name"]
            for pod in pods
            for volume in pod["spec"]["volumes"]
            if volume["name"] == "config"
        ]
        assert [f"configmaps/{name}" for name in mounted] == [new, new], "it waited for both to be replaced"

        # A Secret's name stays, so its successor comes once it is gone.
        assert run.touched["Secret orders-credentials"] == "replace"
        assert [one for one in noting.changes if "secrets/" in one] == [
            "DELETE secrets/orders-credentials",
            "PATCH secrets/orders-credentials",
        ]
        secret = noting.get(f"/api/v1/namespaces/{namespace}/secrets/orders-credentials")
        assert base64.b64decode(secret["data"]["userlist.txt"]).decode() == '"orders" "another"\n'
        for text in (PASSWORD, "another", secret["data"]["userlist.txt"]):
            assert text not in stack.state_text

    def test_what_the_server_refuses_fails_the_preview_with_its_reason(
        self, api: Api, namespace: str, stack: Stack
    ) -> None:
        def spoil(spec: Any, _: object) -> None:
            spec["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] = 70_000

        with pytest.raises(CommandError, match=r"StatefulSet.apps .orders. is invalid: .*containerPort: Invalid value"):
            stack.preview(pool(namespace, opts=with_replicas(spoil)))
        assert left(api, namespace) == set()

    def test_replicas_that_are_not_ready_in_time_fail_it_and_the_next_one_ends_right(
        self, api: Api, namespace: str, stack: Stack
    ) -> None:
        def hurry(_: object, options: pulumi.ResourceOptions) -> None:
            options.custom_timeouts = pulumi.CustomTimeouts(create="1s")

        reason = r"created, but is not ready after 1 s: 0 of 2 replicas are ready; .*orders-1: Unschedulable: no nodes"
        with pytest.raises(CommandError, match=reason):
            stack.up(pool(namespace, opts=with_replicas(hurry)))
        with pods_become_ready(api, namespace):
            assert stack.up(pool(namespace)).touched == {"StatefulSet orders-replicas": "update"}


class Refusal(Exception):
    pass


class Context:
    """Stands for the call's context, which would end it with a status."""

    def set_trailing_metadata(self, metadata: object) -> None: ...

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise Refusal(details)


def urn(token: str) -> str:
    return f"urn:pulumi:stack::project::{token}::one"


def config(namespace: str, value: str, **metadata: Any) -> Json:
    named = {"name": "one", "namespace": namespace, **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"key": value}, "immutable": True}


class TestOneObject:
    """Without an engine: what one would ask."""

    @pytest.fixture
    def provider(self, api: Api) -> Iterator[ApplyingProvider]:
        serving = ApplyingProvider(api)
        yield serving
        serving.stop()

    @staticmethod
    def create(provider: ApplyingProvider, inputs: Json, *, token: str = CONFIG_MAP, preview: bool = False) -> Json:
        asked = provider_pb2.CreateRequest(urn=urn(token), properties=struct(inputs), preview=preview, timeout=5)
        return plain(provider.Create(asked, Context()).properties)

    def test_a_program_is_told_what_is_stored(self, provider: ApplyingProvider, namespace: str) -> None:
        metadata = {"name": "one", "namespace": namespace}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 80}]}}
        assert "clusterIP" not in self.create(provider, service, token=SERVICE, preview=True)["spec"]
        assert self.create(provider, service, token=SERVICE)["spec"]["clusterIP"].startswith("10.96.0.")

    def test_a_successor_of_the_same_name_is_previewed_beside_its_predecessor(
        self, provider: ApplyingProvider, namespace: str
    ) -> None:
        """A dry run would see a change of what is immutable."""
        old, new = config(namespace, "old"), config(namespace, "new")
        self.create(provider, old)
        asked = provider_pb2.DiffRequest(urn=urn(CONFIG_MAP), old_inputs=struct(old), news=struct(new))
        found = provider.Diff(asked, Context())
        assert (list(found.replaces), found.deleteBeforeReplace) == (["data.key"], True)
        assert self.create(provider, new, preview=True) == new
        with pytest.raises(Refusal, match='ConfigMap one: ConfigMap "one" is invalid: data: Forbidden: field is immut'):
            self.create(provider, new)
        with pytest.raises(Refusal, match="annotations: Invalid value"):
            self.create(provider, config(namespace, "new", annotations={"no key": ""}), preview=True)

    def test_what_is_changed_on_its_way_is_not_what_the_program_said(self, api: Api, namespace: str) -> None:
        provider = ApplyingProvider(api, lambda one: one["data"].update(key="changed"))
        inputs = config(namespace, "said")
        assert self.create(provider, inputs)["data"] == {"key": "changed"}
        checked = provider.Check(provider_pb2.CheckRequest(urn=urn(CONFIG_MAP), news=struct(inputs)), Context())
        assert plain(checked.inputs) == inputs
        provider.stop()

    def test_what_is_gone_is_read_as_such_and_deleted_without_a_word(
        self, api: Api, provider: ApplyingProvider, namespace: str
    ) -> None:
        inputs = config(namespace, "one")
        stored = struct(self.create(provider, inputs))
        read = provider_pb2.ReadRequest(id=f"{namespace}/one", urn=urn(CONFIG_MAP), inputs=struct(inputs))
        assert provider.Read(read, Context()).properties == stored
        delete = provider_pb2.DeleteRequest(id=f"{namespace}/one", urn=urn(CONFIG_MAP), properties=stored)
        provider.Delete(delete, Context())
        assert api.read(inputs).status == 404
        assert provider.Read(read, Context()).id == ""
        provider.Delete(delete, Context())

    def test_one_that_is_held_fails_its_deletion_with_what_holds_it(
        self, api: Api, provider: ApplyingProvider, namespace: str
    ) -> None:
        inputs = config(namespace, "held", finalizers=["loadfit.test/held"])
        stored = struct(self.create(provider, inputs))
        delete = provider_pb2.DeleteRequest(urn=urn(CONFIG_MAP), properties=stored, timeout=0.1)
        with pytest.raises(Refusal, match=r"ConfigMap one: is not gone after 0 s: it waits for loadfit.test/held"):
            provider.Delete(delete, Context())
        api.merge(inputs, {"metadata": {"finalizers": []}})
        provider.Delete(delete, Context())

    def test_nothing_is_waited_for_after_an_interrupt_until_the_next_command(
        self, api: Api, provider: ApplyingProvider, namespace: str
    ) -> None:
        (replicas,) = (one for one in objects(deploy(pool(namespace))) if one["kind"] == "StatefulSet")
        provider.Cancel(empty_pb2.Empty(), Context())
        with pytest.raises(Refusal, match=r"StatefulSet one was created, but is not ready after 0 s: 0 of 2"):
            self.create(provider, replicas, token=STATEFUL_SET)
        provider.Configure(provider_pb2.ConfigureRequest(), Context())
        with pods_become_ready(api, namespace):
            assert self.create(provider, replicas, token=STATEFUL_SET)["status"]["readyReplicas"] == 2

    def test_what_is_not_known_yet_is_not_tried(self, provider: ApplyingProvider, namespace: str) -> None:
        metadata = {"name": "one", "namespace": namespace}
        spec = {"ports": [{"port": UNKNOWN}]}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
        assert self.create(provider, service, token=SERVICE, preview=True) == service

    def test_names_and_kinds_are_not_made_up(self, provider: ApplyingProvider) -> None:
        asked = provider_pb2.CheckRequest(urn=urn(CONFIG_MAP), news=struct({"metadata": {"generateName": "one-"}}))
        found = provider.Check(asked, Context()).failures
        assert [one.property for one in found] == ["apiVersion", "kind", "metadata.name"]

    def test_what_nobody_described_or_the_server_does_not_know_is_refused(self, provider: ApplyingProvider) -> None:
        with pytest.raises(Refusal, match="this provider knows no kubernetes:core/v1:Namespace"):
            provider.Check(provider_pb2.CheckRequest(urn=urn("kubernetes:core/v1:Namespace")), Context())
        monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": {"name": "one"}}
        with pytest.raises(Refusal, match=r"no matches for kind .ServiceMonitor. in version"):
            self.create(provider, monitor, token="kubernetes:monitoring.coreos.com/v1:ServiceMonitor", preview=True)
