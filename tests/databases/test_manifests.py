"""The Kubernetes objects: valid for the API, allowed by the restricted Pod Security Standard, and what they do."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from loadfit.databases.manifests import CHECKSUM
from tests.databases.pools import VARIANTS, Args, container, group, load, made, objects, pod

VERSIONS = ("1.30", "1.34", "1.37")
"""An old, a usual and the newest Kubernetes."""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_object_is_valid(variant: str, version: str) -> None:
    core = [one for one in objects(made(**VARIANTS[variant])) if "monitoring.coreos.com" not in one["apiVersion"]]
    assert len(core) >= 5
    for one in core:
        kubernetes_validate.validate(one, version, strict=True)


def test_the_validation_would_notice_a_wrong_field() -> None:
    (stateful_set,) = [one for one in objects(made()) if one["kind"] == "StatefulSet"]
    stateful_set["spec"] = {**stateful_set["spec"], "serviceNames": "orders"}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(stateful_set, VERSIONS[-1], strict=True)


class TestPodSecurity:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_the_pods_are_within_the_restricted_standard(self, variant: str) -> None:
        spec = pod(made(**VARIANTS[variant]))["spec"]
        assert list(violations(spec)) == []

    def test_the_check_would_notice_each_violation(self) -> None:
        spec = {
            "hostNetwork": True,
            "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
            "securityContext": {"runAsUser": 0, "sysctls": [{"name": "kernel.msgmax"}]},
            "containers": [{"name": "a", "ports": [{"hostPort": 80}], "securityContext": {"privileged": True}}],
        }
        assert len(list(violations(spec))) == 10

    @pytest.mark.parametrize("variant", VARIANTS)
    def test_nothing_is_written_but_in_memory(self, variant: str) -> None:
        spec = pod(made(**VARIANTS[variant]))["spec"]
        assert all(one["securityContext"]["readOnlyRootFilesystem"] for one in spec["containers"])
        (written,) = [volume for volume in spec["volumes"] if "emptyDir" in volume]
        assert written["emptyDir"]["medium"] == "Memory"
        mounts = [mount for one in spec["containers"] for mount in one["volumeMounts"]]
        assert all(mount.get("readOnly") for mount in mounts if mount["name"] != written["name"])
        # A file that is mounted by subPath never changes.
        assert all("subPath" not in mount for mount in mounts)
        assert spec["automountServiceAccountToken"] is False


def violations(spec: Args) -> Iterator[str]:
    own = spec.get("securityContext", {})
    yield from (field for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field))
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    for volume in spec["volumes"]:
        if set(volume) - {"name"} - allowed:
            yield f"volume {volume['name']}"
    if own.get("sysctls"):
        yield "sysctls"
    for one in [*spec["containers"], *spec.get("initContainers", [])]:
        context = one.get("securityContext", {})
        capabilities = context.get("capabilities", {})
        if context.get("privileged"):
            yield "privileged"
        if context.get("allowPrivilegeEscalation") is not False:
            yield "allowPrivilegeEscalation"
        if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
            yield "capabilities"
        if any(port.get("hostPort") for port in one.get("ports", [])):
            yield "hostPort"
        if not context.get("runAsNonRoot", own.get("runAsNonRoot")):
            yield "runAsNonRoot"
        if context.get("runAsUser", own.get("runAsUser")) == 0:
            yield "runAsUser"
        profile = context.get("seccompProfile", own.get("seccompProfile", {}))
        if profile.get("type") not in {"RuntimeDefault", "Localhost"}:
            yield "seccompProfile"


class TestReplicas:
    def test_they_are_as_many_and_as_large_as_planned(self) -> None:
        spec = made().resource("orders-replicas").inputs["spec"]
        main = container(made(), "pgbouncer")
        assert spec["replicas"] == 2
        assert main["resources"] == {"requests": {"cpu": "200m", "memory": "72Mi"}, "limits": {"memory": "144Mi"}}
        assert main["env"] == [{"name": "FILE_DESCRIPTORS", "value": "1116"}]

    def test_they_restart_one_by_one_with_the_declared_pause(self) -> None:
        spec = made(**VARIANTS["everything"]).resource("orders-replicas").inputs["spec"]
        assert spec["updateStrategy"] == {"type": "RollingUpdate"}
        assert spec["minReadySeconds"] == 400
        budget = made().resource("orders-disruption-budget").inputs["spec"]
        assert budget["maxUnavailable"] == 1

    def test_they_spread_over_zones_and_nodes(self) -> None:
        zone, node = pod(made())["spec"]["topologySpreadConstraints"]
        assert (zone["topologyKey"], zone["whenUnsatisfiable"]) == ("topology.kubernetes.io/zone", "DoNotSchedule")
        assert (node["topologyKey"], node["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")

    def test_each_has_the_name_and_number_under_which_its_peers_look_for_it(self) -> None:
        made_of = made(namespace="databases")
        spec = made_of.resource("orders-replicas").inputs["spec"]
        peers = made_of.resource("orders-peers").inputs
        text = made_of.resource("orders-config").inputs["data"]["pgbouncer.ini"]
        assert spec["ordinals"] == {"start": 1}
        assert spec["serviceName"] == peers["metadata"]["name"] == "orders-peers"
        assert peers["spec"]["publishNotReadyAddresses"] is True
        assert "2 = host=orders-2.orders-peers.databases.svc.cluster.local port=6432" in text

    def test_every_selector_finds_the_pods(self) -> None:
        made_of = made(labels={"app.kubernetes.io/name": "something-else"}, monitoring="operator")
        labels = pod(made_of)["metadata"]["labels"]
        selectors = [
            made_of.resource("orders-replicas").inputs["spec"]["selector"]["matchLabels"],
            made_of.resource("orders-service").inputs["spec"]["selector"],
            made_of.resource("orders-peers").inputs["spec"]["selector"],
            made_of.resource("orders-disruption-budget").inputs["spec"]["selector"]["matchLabels"],
            made_of.resource("orders-network-policy").inputs["spec"]["podSelector"]["matchLabels"],
        ]
        assert all(selector.items() <= labels.items() for selector in selectors)
        scraped = made_of.resource("orders-service-monitor").inputs["spec"]["selector"]["matchLabels"]
        assert scraped.items() <= made_of.resource("orders-peers").inputs["metadata"]["labels"].items()
        assert not scraped.items() <= made_of.resource("orders-service").inputs["metadata"]["labels"].items()

    def test_a_changed_configuration_changes_the_pods_annotation_and_the_map_they_mount(self) -> None:
        before, after = made(), made(settings={"query_wait_timeout": "5"})
        assert pod(before)["metadata"]["annotations"][CHECKSUM] != pod(after)["metadata"]["annotations"][CHECKSUM]
        for deployment in (before, after):
            (volume,) = [one for one in pod(deployment)["spec"]["volumes"] if one["name"] == "config"]
            config = deployment.resource("orders-config").inputs
            assert volume["configMap"]["name"] == config["metadata"]["name"]
            assert config["immutable"] is True


class TestProbes:
    @pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
    def test_pgbouncer_itself_has_to_answer_within_the_probes_time(self, probe: str) -> None:
        asked = container(made(), "pgbouncer")[probe]
        command = asked["exec"]["command"]
        assert command[0] == "pg_isready"
        assert {"--host=127.0.0.1", "--port=6432", "--username=orders", "--dbname=orders"} <= set(command)
        assert "--timeout=2" in command
        assert asked["timeoutSeconds"] == 3

    def test_what_no_longer_answers_is_ended_without_a_drain(self) -> None:
        """The grace period of a drain would keep its clients hanging."""
        asked = container(made(), "pgbouncer")
        assert asked["livenessProbe"]["terminationGracePeriodSeconds"] == 1
        assert "terminationGracePeriodSeconds" not in asked["readinessProbe"]

    def test_sidecars_do_not_decide_whether_clients_are_served(self) -> None:
        for name in ("exporter", "reloader"):
            assert not any(key.endswith("Probe") for key in container(made(), name))


class TestDrain:
    def stop(self, **given: Any) -> tuple[str, int]:
        made_of = made(**given)
        hook = container(made_of, "pgbouncer")["lifecycle"]["preStop"]["exec"]["command"][-1]
        return hook, pod(made_of)["spec"]["terminationGracePeriodSeconds"]

    def test_transactions_finish_before_anything_else_ends_the_replica(self) -> None:
        assert self.stop() == ("sleep 15; kill -INT 1; sleep 35", 15 + 30 + 10)

    def test_a_longer_transaction_is_waited_for(self) -> None:
        slow = load(group(longest_transaction_seconds=120))
        assert self.stop(load=slow) == ("sleep 15; kill -INT 1; sleep 125", 15 + 120 + 10)

    def test_clients_leave_by_themselves(self) -> None:
        recycled = load(group(recycle_seconds=300))
        assert self.stop(load=recycled, drain={"mode": "clients"}) == ("sleep 15", 15 + 300 + 10)

    def test_a_longer_grace_period_is_taken(self) -> None:
        assert self.stop(drain={"grace_period_seconds": 90, "endpoint_seconds": 20})[1] == 90


class TestNetworkPolicy:
    def rules(self, **given: Any) -> Args:
        return made(**given).resource("orders-network-policy").inputs["spec"]

    def test_pods_of_the_namespace_connect_and_nobody_else(self) -> None:
        rules = self.rules()
        clients = rules["ingress"][0]
        own = {"podSelector": {"matchLabels": rules["podSelector"]["matchLabels"]}}
        assert clients == {"from": [{"podSelector": {}}, own], "ports": [{"protocol": "TCP", "port": 6432}]}

    def test_declared_pods_connect_instead(self) -> None:
        allowed = self.rules(**VARIANTS["everything"])["ingress"][0]["from"]
        shop = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}
        assert allowed[0] == {"podSelector": {"matchLabels": {"app": "orders"}}, **shop}
        assert allowed[1] == {"podSelector": {"matchLabels": {"app": "jobs"}}}

    def test_replicas_reach_the_database_one_another_and_the_dns(self) -> None:
        rules = self.rules(endpoint="db.example.com:6543", database_cidrs=["10.0.0.0/16"])
        database, peers, dns = rules["egress"]
        cidr = [{"ipBlock": {"cidr": "10.0.0.0/16"}}]
        assert database == {"ports": [{"protocol": "TCP", "port": 6543}], "to": cidr}
        assert peers["ports"] == [{"protocol": "TCP", "port": 6432}]
        assert [port["port"] for port in dns["ports"]] == [53, 53]

    def test_without_metrics_their_port_is_closed(self) -> None:
        assert len(self.rules()["ingress"]) == 2
        assert len(self.rules(monitoring="none")["ingress"]) == 1


class TestLoadBalancer:
    """https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/."""

    PREFIX = "service.beta.kubernetes.io/aws-load-balancer-"
    GIVEN: Args = VARIANTS["outside"]["load_balancer"]

    def service(self, **more: Any) -> Args:
        return dict(made(load_balancer={**self.GIVEN, **more}).resource("orders-load-balancer").inputs)

    def told(self, annotation: str, **given: Any) -> str:
        deployment = made(load_balancer=self.GIVEN, **given)
        return deployment.resource("orders-load-balancer").inputs["metadata"]["annotations"][self.PREFIX + annotation]

    def test_it_is_one_of_the_controllers_inside_the_network(self) -> None:
        assert self.service()["spec"]["loadBalancerClass"] == "service.k8s.aws/nlb"
        assert (self.told("type"), self.told("nlb-target-type"), self.told("scheme")) == ("external", "ip", "internal")
        assert self.told("subnets") == "subnet-0a1b,subnet-2c3d"
        assert self.told("attributes") == "load_balancing.cross_zone.enabled=true"

    def test_every_annotation_is_a_text(self) -> None:
        annotations = self.service()["metadata"]["annotations"]
        assert all(isinstance(value, str) for value in annotations.values())
        assert all(name.startswith(self.PREFIX) for name in annotations)

    def test_nothing_but_the_pools_port_is_open_and_only_to_the_clients(self) -> None:
        spec = self.service()["spec"]
        assert [(port["port"], port["targetPort"]) for port in spec["ports"]] == [(6432, "postgres")]
        assert spec["loadBalancerSourceRanges"] == ["10.0.0.0/20"]
        assert spec["allocateLoadBalancerNodePorts"] is False, "a port on every node is one more way in"

    def test_its_targets_are_the_replicas_that_are_ready(self) -> None:
        spec = self.service()["spec"]
        assert spec["selector"] == made().resource("orders-service").inputs["spec"]["selector"]
        assert not spec.get("publishNotReadyAddresses")
        assert (self.told("healthcheck-protocol"), self.told("healthcheck-port")) == ("tcp", "traffic-port")

    def test_replicas_admit_the_subnets_of_the_load_balancer(self) -> None:
        """They see its address: that of the client is not kept."""
        assert "preserve_client_ip.enabled=false" in self.told("target-group-attributes")
        for given, blocks in (
            (self.GIVEN, ["10.0.128.0/20", "10.0.144.0/20"]),
            ({"client_cidrs": ["10.0.0.0/20"]}, ["10.0.0.0/20"]),
        ):
            policy = made(load_balancer=given).resource("orders-network-policy").inputs["spec"]
            clients = policy["ingress"][0]
            assert clients["ports"] == [{"protocol": "TCP", "port": 6432}]
            assert clients["from"][2:] == [{"ipBlock": {"cidr": block}} for block in blocks]

    def test_a_replica_that_stops_goes_on_until_the_load_balancer_knows(self) -> None:
        deployment = made(load_balancer=self.GIVEN)
        hook = container(deployment, "pgbouncer")["lifecycle"]["preStop"]["exec"]["command"][-1]
        assert hook.startswith("sleep 180; kill -INT 1; ")
        grace = pod(deployment)["spec"]["terminationGracePeriodSeconds"]
        assert grace == 180 + 30 + 10
        assert f"deregistration_delay.timeout_seconds={grace}," in self.told("target-group-attributes")
        assert "connection_termination.enabled=false" in self.told("target-group-attributes")

    def test_a_target_may_not_take_longer_to_leave_than_aws_has_it(self) -> None:
        recycled = load(group(recycle_seconds=7200))
        told = self.told("target-group-attributes", load=recycled, drain={"mode": "clients"})
        assert "deregistration_delay.timeout_seconds=3600," in told

    def test_the_next_replica_stops_only_when_the_load_balancer_knows_the_new_one(self) -> None:
        def pause(**given: Any) -> int:
            return made(**given).resource("orders-replicas").inputs["spec"]["minReadySeconds"]

        longer = load(group(recycle_seconds=300), policy={"restart_pause_seconds": 400})
        assert pause(load_balancer=self.GIVEN) == 180
        assert pause(load_balancer=self.GIVEN, load=longer) == 400
        assert pause() == 0

    def test_keepalives_come_before_the_load_balancer_forgets_a_connection(self) -> None:
        """https://docs.aws.amazon.com/elasticloadbalancing/latest/network/update-idle-timeout.html."""
        text: str = made(load_balancer=self.GIVEN).resource("orders-config").inputs["data"]["pgbouncer.ini"]
        (idle,) = [line for line in text.splitlines() if line.startswith("tcp_keepidle")]
        assert int(idle.partition("=")[2]) < 350
        assert "\ntcp_keepalive =" not in text, "on by default"


@pytest.mark.skipif(not shutil.which("sh"), reason="sh is missing")
class TestScripts:
    """The containers' own scripts, run here with their folders moved."""

    def start(self, folder: Path, secret: dict[str, str], name: str = "pgbouncer", **environment: str) -> str:
        """What the start script leaves behind."""
        run, credentials = folder / "run", folder / "credentials"
        for place in (run, credentials):
            place.mkdir()
        for key, value in secret.items():
            (credentials / key).write_text(value)
        script: str = container(made(), name)["command"][-1]
        script = script.replace("/run/pgbouncer", str(run)).replace("/etc/pgbouncer-credentials", str(credentials))
        script = script.replace("exec /usr/bin/pgbouncer", f"ulimit -n > {run}/limit; : ")
        settings = {"HOSTNAME": "orders-2", "FILE_DESCRIPTORS": "256", **environment}
        told = subprocess.run(
            ["sh", "-ec", script], env={**os.environ, **settings}, capture_output=True, text=True, check=True
        )
        return told.stdout + told.stderr

    def test_a_user_list_is_taken_as_it_is(self, tmp_path: Path) -> None:
        self.start(tmp_path, {"userlist.txt": '"orders" "pa""ss"\n'})
        assert (tmp_path / "run/userlist.txt").read_text() == '"orders" "pa""ss"\n'

    def test_a_user_and_a_password_become_one(self, tmp_path: Path) -> None:
        told = self.start(tmp_path, {"username": "orders", "password": 'a"b\\c$(id) %s'})
        written = tmp_path / "run/userlist.txt"
        assert written.read_text() == '"orders" "a""b\\c$(id) %s"\n'
        assert written.stat().st_mode & 0o077 == 0
        assert told == ""

    def test_a_secret_with_neither_ends_the_start(self, tmp_path: Path) -> None:
        with pytest.raises(subprocess.CalledProcessError):
            self.start(tmp_path, {"token": "x"})

    def test_the_replica_gets_its_number_and_its_open_files(self, tmp_path: Path) -> None:
        self.start(tmp_path, {"userlist.txt": ""})
        assert (tmp_path / "run/peer.ini").read_text() == "peer_id = 2\n"
        assert (tmp_path / "run/limit").read_text() == "256\n"

    def test_a_changed_secret_is_reloaded_and_an_unchanged_one_is_not(self, tmp_path: Path) -> None:
        run, credentials = tmp_path / "run", tmp_path / "credentials"
        for place in (run, credentials, tmp_path / "tls", tmp_path / "ca", tmp_path / "bin"):
            place.mkdir()
        (credentials / "userlist.txt").write_text("1")
        (tmp_path / "tls/tls.crt").write_text("certificate")
        (tmp_path / "ca/ca.pem").write_text("authority")
        # Five turns; before the third the Secret changes, before the fourth the reload fails once.
        (tmp_path / "bin/sleep").write_text(
            f"#!/bin/sh\necho >> {tmp_path}/turns\n"
            f"case $(wc -l < {tmp_path}/turns) in 3) echo 2 > {credentials}/userlist.txt;; 6) kill $PPID;; esac\n"
        )
        (tmp_path / "bin/psql").write_text(
            f"#!/bin/sh\ncat {run}/userlist.txt >> {tmp_path}/reloads\necho / >> {tmp_path}/reloads\n"
            f"[ $(grep -c / {tmp_path}/reloads) -ne 2 ]\n"
        )
        for command in ("sleep", "psql"):
            (tmp_path / "bin" / command).chmod(0o755)
        script: str = container(made(), "reloader")["command"][-1]
        for inside, outside in {
            "/run/pgbouncer": run,
            "/etc/pgbouncer-credentials": credentials,
            "/etc/pgbouncer-client-tls": tmp_path / "tls",
            "/etc/pgbouncer-server-ca": tmp_path / "ca",
        }.items():
            script = script.replace(inside, str(outside))
        path = f"{tmp_path}/bin:{os.environ['PATH']}"
        subprocess.run(["sh", "-ec", script], env={**os.environ, "PATH": path}, check=True, timeout=10)
        # Once at the start; the change, in vain; the same again.
        assert (tmp_path / "reloads").read_text() == "1/\n2\n/\n2\n/\n"
