"""PgBouncerPool through `deploy()`: what it asks for, what it refuses, and what a change of its inputs changes."""

import json
from typing import Any

import pulumi
import pytest

from loadfit import (
    ClientTls,
    DrainMode,
    InvalidInputs,
    PgBouncerPool,
    PoolDrain,
    PoolMonitoring,
    ServerTls,
    SessionFeature,
)
from loadfit.databases import DatabaseLoad, DatabasePlan
from loadfit.databases.manifests import CHECKSUM
from loadfit.testing import UNKNOWN, Deployment, Resource, changes, deploy
from tests.databases.pools import CERTIFICATE, Args, arguments, container, group, load, made, pod

COMPONENT = "loadfit:index:PgBouncerPool"
SECRET = 'hunter2"quoted'


def refusal(name: str = "orders", **given: Any) -> str:
    """Why a component is refused; nothing was registered."""
    deployment = deploy(lambda: PgBouncerPool(name, arguments(**given)), check=False)
    assert isinstance(deployment.error, InvalidInputs)
    assert deployment.resources == ()
    return str(deployment.error)


def component(deployment: Deployment) -> Resource:
    return deployment.resource("orders", COMPONENT)


def outputs(deployment: Deployment) -> Args:
    registered = component(deployment).registered_outputs
    assert registered is not None
    return dict(registered)


class TestChildren:
    def test_there_are_these_and_no_others(self) -> None:
        deployment = made(monitoring="operator", passwords={"orders": "x"}, credentials=None)
        named = {resource.name: resource.type for resource in deployment.resources}
        assert named == {
            "orders": COMPONENT,
            "orders-config": "kubernetes:core/v1:ConfigMap",
            "orders-credentials": "kubernetes:core/v1:Secret",
            "orders-service": "kubernetes:core/v1:Service",
            "orders-peers": "kubernetes:core/v1:Service",
            "orders-replicas": "kubernetes:apps/v1:StatefulSet",
            "orders-disruption-budget": "kubernetes:policy/v1:PodDisruptionBudget",
            "orders-network-policy": "kubernetes:networking.k8s.io/v1:NetworkPolicy",
            "orders-dashboard": "kubernetes:core/v1:ConfigMap",
            "orders-service-monitor": "kubernetes:monitoring.coreos.com/v1:ServiceMonitor",
            "orders-alerts": "kubernetes:monitoring.coreos.com/v1:PrometheusRule",
        }

    def test_all_are_its_own_and_in_its_namespace_with_its_labels(self) -> None:
        deployment = made(namespace="databases", labels={"team": "orders"}, monitoring="operator")
        own = component(deployment)
        children = [resource for resource in deployment.resources if resource != own]
        for child in children:
            assert child.parent == own.urn
            assert child.inputs["metadata"]["namespace"] == "databases"
            assert child.inputs["metadata"]["labels"]["team"] == "orders"
        assert pod(deployment)["metadata"]["labels"]["team"] == "orders"

    def test_the_replicas_wait_for_what_they_mount(self) -> None:
        deployment = made(server_ca=CERTIFICATE, server_ca_config_map=None, credentials=None, passwords={"orders": "x"})
        needed = deployment.resource("orders-replicas").dependencies
        for name in (
            "orders-config",
            "orders-server-ca",
            "orders-credentials",
            "orders-peers",
            "orders-network-policy",
        ):
            assert deployment.resource(name).urn in needed

    def test_an_update_may_take_as_long_as_every_replica_to_stop(self) -> None:
        recycled = load(group(recycle_seconds=3600))
        deployment = made(load=recycled, drain={"mode": "clients"})
        assert deployment.resource("orders-replicas").options.custom_timeouts["update"] == "127m"

    def test_they_use_the_components_provider(self) -> None:
        def program() -> None:
            import pulumi_kubernetes as kubernetes

            cluster = kubernetes.Provider("cluster", kubeconfig="{}")
            PgBouncerPool("orders", arguments(), pulumi.ResourceOptions(provider=cluster))

        deployment = deploy(program)
        cluster = deployment.resource("cluster").urn
        assert all(child.provider == cluster for child in deployment.children(component(deployment)))

    def test_images_may_come_from_a_private_registry(self) -> None:
        image = "registry.example.com/pgbouncer:1.26.1"
        exporter = "registry.example.com/exporter:v0.12.1"
        deployment = made(image=image, exporter_image=exporter, image_pull_secrets=["registry"])
        assert container(deployment, "pgbouncer")["image"] == container(deployment, "reloader")["image"] == image
        assert container(deployment, "exporter")["image"] == exporter
        assert pod(deployment)["spec"]["imagePullSecrets"] == [{"name": "registry"}]

    def test_nodes_can_be_chosen(self) -> None:
        deployment = made(node_selector={"kubernetes.io/arch": "arm64"})
        assert pod(deployment)["spec"]["nodeSelector"] == {"kubernetes.io/arch": "arm64"}

    def test_without_a_network_policy_there_is_none(self) -> None:
        assert "orders-network-policy" not in {resource.name for resource in made(network_policy=False).resources}


class TestTls:
    def volume(self, deployment: Deployment, name: str) -> Args:
        return next(volume for volume in pod(deployment)["spec"]["volumes"] if volume["name"] == name)

    def test_an_authority_given_as_text_is_mounted(self) -> None:
        deployment = made(server_ca=CERTIFICATE, server_ca_config_map=None)
        authority = deployment.resource("orders-server-ca").inputs
        mounted = self.volume(deployment, "server-ca")["configMap"]
        assert authority["data"] == {"ca.pem": CERTIFICATE}
        assert mounted["name"] == authority["metadata"]["name"]
        assert mounted["items"] == [{"key": "ca.pem", "path": "ca.pem"}]

    def test_an_authority_in_a_config_map_is_mounted_from_its_key(self) -> None:
        bundle = self.volume(made(), "server-ca")["configMap"]
        assert (bundle["name"], bundle["items"]) == ("rds-ca", [{"key": "global-bundle.pem", "path": "ca.pem"}])
        other = self.volume(made(server_ca_key="trust.pem"), "server-ca")["configMap"]
        assert other["items"] == [{"key": "trust.pem", "path": "ca.pem"}]

    def test_opting_out_is_named_and_mounts_nothing(self) -> None:
        deployment = made(
            server_tls=ServerTls.DISABLE,
            server_ca_config_map=None,
            client_tls=ClientTls.DISABLE,
            client_tls_secret=None,
        )
        assert {volume["name"] for volume in pod(deployment)["spec"]["volumes"]} == {"run", "config", "credentials"}
        assert outputs(deployment)["url"].endswith("?sslmode=disable")

    def test_a_certificate_of_another_name_can_be_accepted(self) -> None:
        text = made(server_tls="verify-ca").resource("orders-config").inputs["data"]["pgbouncer.ini"]
        assert "server_tls_sslmode = verify-ca" in text


class TestOutputs:
    def test_clients_are_told_where_and_how_to_connect(self) -> None:
        told = outputs(made(namespace="databases"))
        host = "orders.databases.svc.cluster.local"
        assert (told["host"], told["port"]) == (host, 6432)
        assert told["url"] == f"postgresql://orders@{host}:6432/orders?sslmode=require"
        assert told["clientSettings"]["orders"]["sqlalchemy"]["pool_size"] == 10
        assert told["sizing"]["server_connections"] == 50

    def test_the_url_names_no_role_where_there_are_several_and_escapes_the_rest(self) -> None:
        several = load(group(), group("reports", user="reporting", transactions_per_second=1))
        url = outputs(made(load=several, database_name="orders/eu ü"))["url"]
        assert url == "postgresql://orders.default.svc.cluster.local:6432/orders%2Feu%20%C3%BC?sslmode=require"

    def test_the_plan_is_plain(self) -> None:
        plans: list[DatabasePlan] = []
        deploy(lambda: plans.append(PgBouncerPool("orders", arguments()).plan))
        assert plans[0].server_connections == 50

    def test_the_declared_load_is_among_the_components_inputs(self) -> None:
        inputs = component(made()).inputs
        assert inputs["load"]["clients"][0]["transactionsPerSecond"] == 2000
        assert inputs["drain"] == {"mode": "transactions", "endpointSeconds": 15, "gracePeriodSeconds": 55}


class TestLoadBalancer:
    GIVEN: Args = {"client_cidrs": ["10.0.0.0/20"]}  # noqa: RUF012
    HOST = "k8s-default-orders-0a1b.elb.us-east-1.amazonaws.com"
    STATE: Args = {  # noqa: RUF012
        "kubernetes:core/v1:Service": lambda one: (
            {"status": {"loadBalancer": {"ingress": [{"hostname": TestLoadBalancer.HOST}]}}}
            if one.name == "orders-load-balancer"
            else {}
        )
    }

    def program(self) -> None:
        PgBouncerPool("orders", arguments(load_balancer=self.GIVEN))

    def test_without_one_there_is_none(self) -> None:
        assert "orders-load-balancer" not in {one.name for one in made().resources}
        assert "loadBalancerHost" not in outputs(made())

    def test_clients_are_told_where_it_is(self) -> None:
        told = outputs(deploy(self.program, state=self.STATE))
        assert told["loadBalancerHost"] == self.HOST
        assert told["loadBalancerUrl"] == f"postgresql://orders@{self.HOST}:6432/orders?sslmode=require"
        assert told["host"] == "orders.default.svc.cluster.local"

    def test_in_a_preview_its_name_is_not_known_yet(self) -> None:
        told = outputs(deploy(self.program, preview=True))
        assert (told["loadBalancerHost"], told["loadBalancerUrl"]) == (UNKNOWN, UNKNOWN)

    def test_the_replicas_do_not_wait_for_it(self) -> None:
        """Where the controller is missing, clients inside the cluster are served all the same."""
        deployment = deploy(self.program, state=self.STATE)
        balancer = deployment.resource("orders-load-balancer")
        assert balancer.urn not in deployment.resource("orders-replicas").dependencies
        assert balancer.inputs["metadata"]["name"] == "orders-external"

    def test_blocks_and_subnets_may_be_made_by_the_same_program(self) -> None:
        def program() -> None:
            subnet: Any = pulumi.CustomResource("aws:ec2/subnet:Subnet", "private", {"cidrBlock": "10.0.0.0/20"})
            balancer = {"client_cidrs": [pulumi.Output.from_input("10.0.0.0/20")], "subnet_ids": [subnet.id]}
            PgBouncerPool("orders", arguments(load_balancer=balancer))

        told = deploy(program).resource("orders-load-balancer").inputs
        assert told["spec"]["loadBalancerSourceRanges"] == ["10.0.0.0/20"]
        assert "private-id" in told["metadata"]["annotations"].values()

    def test_what_it_was_given_is_among_the_components_inputs(self) -> None:
        assert component(made(load_balancer=self.GIVEN)).inputs["loadBalancer"] == {"clientCidrs": ["10.0.0.0/20"]}

    def test_it_changes_what_stops_when_and_who_may_connect_and_nothing_else(self) -> None:
        found = changes(made(), made(load_balancer=self.GIVEN))
        assert [urn.rpartition("::")[2] for urn in found.created] == ["orders-load-balancer"]
        changed = {urn.rpartition("::")[2] for urn in found.changed}
        assert changed == {"orders", "orders-replicas", "orders-network-policy"}

    def test_a_replica_that_stops_too_early_is_warned_of(self) -> None:
        (log,) = made(load_balancer=self.GIVEN, drain={"endpoint_seconds": 30}).logs
        assert log.message == (
            "drain.endpoint_seconds: a load balancer opens connections to a replica that stops for up to 180 seconds; "
            "after 30 they are refused. Leave it out to have it chosen"
        )


class TestUnknown:
    """In a preview, what another resource makes is not there yet."""

    def program(self) -> None:
        instance = pulumi.CustomResource("aws:rds/instance:Instance", "db", {"endpoint": None, "name": None})
        outside: Any = instance
        PgBouncerPool(
            "orders",
            arguments(endpoint=outside.endpoint, namespace=outside.name, credentials=outside.name),
        )

    def test_everything_is_laid_out_already(self) -> None:
        deployment = deploy(self.program, preview=True)
        assert deployment.resource("orders-replicas").inputs["spec"]["replicas"] == 2
        assert deployment.resource("orders-config").inputs["data"] == {"pgbouncer.ini": UNKNOWN}
        assert outputs(deployment)["host"] is UNKNOWN
        assert outputs(deployment)["sizing"]["replicas"] == 2

    def test_it_is_filled_in_later(self) -> None:
        state = {"aws:rds/instance:Instance": {"endpoint": "db.example.com:5433", "name": "databases"}}
        deployment = deploy(self.program, state=state)
        text = deployment.resource("orders-config").inputs["data"]["pgbouncer.ini"]
        assert "host=db.example.com port=5433" in text
        assert outputs(deployment)["host"] == "orders.databases.svc.cluster.local"

    def test_an_endpoint_that_turns_out_to_be_none_is_refused(self) -> None:
        with pytest.raises(pulumi.RunError, match=r"^PgBouncerPool 'orders': endpoint: expected host:port or host"):
            deploy(self.program, state={"aws:rds/instance:Instance": {"endpoint": "postgres://db/orders", "name": "x"}})


class TestSecrets:
    @pytest.mark.parametrize("preview", [True, False])
    @pytest.mark.parametrize("secret", [True, False])
    def test_a_password_is_nowhere_but_in_the_secret(self, secret: bool, preview: bool) -> None:
        def program() -> None:
            password: Any = pulumi.Output.secret(SECRET) if secret else SECRET
            args = arguments(credentials=None, passwords={"orders": password}, monitoring="operator")
            pool = PgBouncerPool("orders", args)
            pulumi.export("url", pool.url)
            pulumi.export("clients", pool.client_settings)

        deployment = deploy(program, preview=preview)
        kept = deployment.resource("orders-credentials")
        assert kept.inputs["stringData"] == {"userlist.txt": '"orders" "hunter2""quoted"\n'}
        assert kept.secret_inputs == {"stringData"}
        elsewhere = [
            *((one.inputs, one.registered_outputs, one.options) for one in deployment.resources if one != kept),
            {name: value for name, value in kept.inputs.items() if name != "stringData"},
            deployment.outputs,
            deployment.logs,
        ]
        assert "hunter2" not in str(elsewhere)

    @pytest.mark.parametrize("password", ["hunter2\n", "hunter2\0", ""])
    def test_a_password_that_pgbouncer_cannot_read_is_refused_without_being_shown(self, password: str) -> None:
        told = refusal(credentials=None, passwords={"orders": password})
        assert "passwords.orders: expected one line of text" in told
        assert "hunter2" not in told

    def with_a_secret_password(self) -> None:
        passwords = {"orders": pulumi.Output.secret("hunter2\n")}
        PgBouncerPool("orders", arguments(credentials=None, passwords=passwords))

    def test_the_same_where_it_becomes_known_later(self) -> None:
        with pytest.raises(
            pulumi.RunError, match=r"^PgBouncerPool 'orders': passwords\.orders: expected one line of text"
        ) as raised:
            deploy(self.with_a_secret_password)
        assert "hunter2" not in str(raised.value)

    def test_an_endpoint_with_a_password_is_refused_without_being_shown(self) -> None:
        assert "hunter2" not in refusal(endpoint="postgresql://orders:hunter2@db.example.com/orders")

    def test_a_new_password_changes_the_secret_alone(self) -> None:
        old, new = (made(credentials=None, passwords={"orders": text}) for text in ("first", "second"))
        differing = changes(old, new)
        assert differing.changed == {old.resource("orders-credentials").urn: frozenset({"stringData"})}

    def test_an_existing_secret_is_mounted_by_its_name(self) -> None:
        deployment = made(credentials="orders-database")
        assert not deployment.of_type("kubernetes:core/v1:Secret")
        volumes = {volume["name"]: volume for volume in pod(deployment)["spec"]["volumes"]}
        assert volumes["credentials"]["secret"]["secretName"] == "orders-database"


class TestChanges:
    def differing(self, old: Deployment, new: Deployment) -> set[str]:
        found = changes(old, new)
        assert (found.created, found.deleted) == ((), ())
        return {urn.rpartition("::")[2] for urn in found.changed} | {urn.rpartition("::")[2] for urn in found.options}

    def test_a_changed_load_changes_the_configuration_and_its_checksum(self) -> None:
        old, new = made(), made(load=load(server_connections=60))
        # Besides the pods: the component's own record of its load, and the thresholds drawn in the dashboard.
        assert self.differing(old, new) == {"orders", "orders-config", "orders-replicas", "orders-dashboard"}
        before, after = (one.resource("orders-replicas").inputs["spec"] for one in (old, new))
        before["template"]["metadata"]["annotations"][CHECKSUM] = "changed"
        after["template"]["metadata"]["annotations"][CHECKSUM] = "changed"
        for template in (before["template"], after["template"]):
            (config,) = [volume for volume in template["spec"]["volumes"] if volume["name"] == "config"]
            config["configMap"]["name"] = "changed"
            # The limit of open files and the memory follow the sizes.
            template["spec"]["containers"][0].pop("env")
        assert before == after

    def test_what_cannot_change_in_a_stateful_set_never_does(self) -> None:
        groups = (group(pods=90), group("reports", user="reporting", transactions_per_second=100))
        larger = load(*groups, replicas=4, server_connections=80, max_connections=400, max_client_conn=2000)
        old, new = made(), made(load=larger)
        before, after = (one.resource("orders-replicas").inputs["spec"] for one in (old, new))
        # https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/stateful-set-v1/
        allowed = {"replicas", "ordinals", "template", "updateStrategy", "minReadySeconds"}
        assert {name for name in before if before[name] != after[name]} == {"replicas", "template"} < allowed
        assert self.differing(old, new) >= {"orders-replicas", "orders-config"}
        for name in ("orders-service", "orders-peers", "orders-disruption-budget", "orders-network-policy"):
            assert name not in self.differing(old, new)

    def test_one_more_group_of_pods_that_fits_the_sizes_restarts_nothing(self) -> None:
        more = load(group(transactions_per_second=1900), group("jobs", pods=2, transactions_per_second=100))
        assert self.differing(made(), made(load=more)) == {"orders"}

    def test_one_more_group_changes_nothing_of_another_pool(self) -> None:
        def program(*groups: Args) -> None:
            PgBouncerPool("orders", arguments(load=load(*groups)))
            PgBouncerPool("billing", arguments(load=load(name="billing")))

        old = deploy(program)
        new = deploy(lambda: program(group(), group("jobs", pods=5, transactions_per_second=100)))
        assert {name.partition("-")[0] for name in self.differing(old, new)} == {"orders"}


IMPOSSIBLE: list[tuple[Args, str]] = [
    (
        {"load": load(pooled=False, max_connections=1000)},
        "load.pooled: expected clients that go through PgBouncer, found none. Leave the",
    ),
    ({"load": load(max_connections=40)}, "DATABASE_CONNECTIONS_SHORT at max_connections: orders needs 50 connections"),
    ({"endpoint": "postgres://db/orders"}, "endpoint: expected host:port or host, without a scheme"),
    ({"endpoint": "db:99999"}, "endpoint: expected host:port or host"),
    ({"credentials": None}, "credentials: expected the name of a Secret, or instead of it passwords, found neither"),
    (
        {"passwords": {"orders": "x"}},
        "credentials: expected the name of a Secret, or instead of it passwords, found both",
    ),
    (
        {"credentials": None, "passwords": {"order": "x"}},
        "passwords.orders: expected the role's password, found nothing",
    ),
    ({"server_ca_config_map": None}, "server_ca: expected the authority that signed the database's certificate"),
    ({"server_ca": CERTIFICATE}, "server_ca: expected either server_ca or server_ca_config_map, found both"),
    ({"server_ca": "/ca.pem", "server_ca_config_map": None}, "server_ca: expected certificates as PEM text, found"),
    ({"server_tls": "disable"}, "server_ca_config_map: expected none: server_tls is disable"),
    ({"client_tls_secret": None}, "client_tls_secret: expected a Secret with the pool's certificate"),
    ({"client_tls": "disable"}, "client_tls_secret: expected none: client_tls is disable"),
    ({"client_tls": "prefer"}, "client_tls: expected one of require, disable"),
    ({"image": "pgbouncer"}, "image: expected a version as the tag, or a digest"),
    ({"image": "example.com/pgbouncer:latest"}, "image: expected a version as the tag, or a digest"),
    ({"image": "bitnami/pgbouncer:1.26.1"}, "image: expected an image that is maintained"),
    ({"image": "example.com/pgbouncer:1.25.1"}, "image: expected version 1.25.2 or later"),
    ({"image": "Example/Pool:1.26.1"}, "image: expected an image, such as"),
    ({"pgbouncer_version": "1.26.0"}, "pgbouncer_version: expected 1.26.1, as the image's tag says"),
    ({"pgbouncer_version": "new"}, "pgbouncer_version: expected a version, such as 1.26.1"),
    (
        {"image": "example.com/pgbouncer@sha256:" + "0" * 64, "pgbouncer_version": "1.24.1"},
        "pgbouncer_version: expected version 1.25.2 or later",
    ),
    ({"exporter_image": "example.com/exporter:latest"}, "exporter_image: expected a version as the tag, or a digest"),
    (
        {"monitoring": "none", "monitoring_labels": {"a": "b"}},
        "monitoring_labels: expected nothing: monitoring is none",
    ),
    ({"drain": {"mode": "clients"}}, "load.clients[0].recycle_seconds: expected the longest life"),
    (
        {"drain": {"mode": "clients", "grace_period_seconds": 300}, "load": load(group(recycle_seconds=300))},
        "drain.grace_period_seconds: expected at least 325: endpoint_seconds + the longest life of a client connection",
    ),
    (
        {"drain": {"grace_period_seconds": 30}},
        "drain.grace_period_seconds: expected at least 55: endpoint_seconds + the longest transaction + margin = 15 +",
    ),
    ({"drain": {"mode": "kill"}}, "drain.mode: expected one of transactions, clients"),
    ({"settings": {"max_client_con": "9"}}, 'unknown setting "max_client_con". Did you mean "max_client_conn"?'),
    ({"settings": {"log_stats": 0}}, "settings.log_stats: expected a text"),
    (
        {"session_features": ["listen"]},
        'session_features[0]: expected what works in a transaction pool, found "listen"',
    ),
    ({"load_balancer": {}}, 'load_balancer.client_cidrs: expected the input "client_cidrs", found nothing'),
    ({"load_balancer": True}, "load_balancer: expected a mapping, found true"),
    ({"load_balancer": {"client_cidrs": []}}, "load_balancer.client_cidrs: expected at least one block of addresses"),
    (
        {"load_balancer": {"client_cidrs": ["10.0.1.0/20"]}},
        'an IPv4 block, such as 10.0.0.0/20, found the text "10.0.1.0/20". Did you mean 10.0.0.0/20?',
    ),
    ({"load_balancer": {"client_cidrs": ["10.0.0.1"]}}, "Did you mean 10.0.0.1/32?"),
    ({"load_balancer": {"client_cidrs": ["sg-0a1b"]}}, "load_balancer.client_cidrs[0]: expected an IPv4 block"),
    ({"load_balancer": {"client_cidrs": "10.0.0.0/20"}}, "load_balancer.client_cidrs: expected a list"),
    (
        {"load_balancer": {"client_cidrs": ["10.0.0.0/20"], "subnet_cidrs": ["fd00::/64"]}},
        "load_balancer.subnet_cidrs[0]: expected an IPv4 block",
    ),
    (
        {"load_balancer": {"client_cidrs": ["10.0.0.0/20"], "subnet_ids": ["use1-az1"]}},
        "load_balancer.subnet_ids[0]: expected a subnet's id",
    ),
    (
        {"load_balancer": {"client_cidrs": ["10.0.0.0/20"]}, "settings": {"tcp_keepalive": "0"}},
        "settings.tcp_keepalive: expected 1, with a load balancer",
    ),
    (
        {"load_balancer": {"client_cidrs": ["10.0.0.0/20"]}, "settings": {"tcp_keepidle": "600"}},
        "settings.tcp_keepidle: expected 1 to 349 seconds",
    ),
    ({"database_name": "pgbouncer"}, "database_name: expected another name"),
    ({"database_name": "x" * 64}, "database_name: expected a database's name"),
    ({"databse_name": "orders"}, "databse_name: expected one of"),
]


class TestRefusals:
    @pytest.mark.parametrize(("given", "told"), IMPOSSIBLE, ids=[told[:40] for _, told in IMPOSSIBLE])
    def test_what_cannot_be_is_refused_before_anything_exists(self, given: Args, told: str) -> None:
        assert told in refusal(**given)

    @pytest.mark.parametrize("name", ["Orders", "1st", "orders.eu", "x" * 51, "", "orders-"])
    def test_a_name_that_kubernetes_would_refuse_is_refused(self, name: str) -> None:
        assert "name: expected at most 50 lower-case letters" in refusal(name)

    @pytest.mark.parametrize("feature", SessionFeature)
    def test_every_feature_of_a_session_is_refused_with_what_to_use_instead(self, feature: SessionFeature) -> None:
        told = refusal(session_features=[feature])
        assert f'found "{feature.value}", which needs a session. ' in told
        assert "pooled: false" in told

    def test_a_load_that_waits_for_a_resource_is_refused(self) -> None:
        def program() -> None:
            PgBouncerPool("orders", arguments(load=load(max_connections=pulumi.Output.from_input(200))))

        deployment = deploy(program, check=False)
        assert isinstance(deployment.error, InvalidInputs)
        assert "load.max_connections: expected a plain value, known at preview" in str(deployment.error)

    def test_every_problem_is_told_at_once(self) -> None:
        told = refusal(
            "Orders", image="x:latest", credentials=None, session_features=["set"], drain={"mode": "clients"}
        )
        for path in ("name", "image", "credentials", "session_features[0]", "load.clients[0].recycle_seconds"):
            assert f"PgBouncerPool 'Orders': {path}: expected" in told

    def test_a_load_that_does_not_fit_comes_with_its_remedies(self) -> None:
        told = refusal(load=load(max_connections=60))
        assert told.startswith("PgBouncerPool 'orders': error ")
        assert "\n  1. " in told


class TestWarnings:
    def test_a_version_with_known_holes_is_warned_of(self) -> None:
        (log,) = made(image="example.com/pgbouncer:1.25.2").logs
        assert log.severity == "warning"
        assert log.message.startswith("image: PgBouncer 1.25.2 has known security holes (CVE-2026-107350")
        assert log.urn == component(made()).urn

    def test_an_image_by_digest_alone_is_taken_for_the_oldest_that_is_deployed(self) -> None:
        image = "example.com/pgbouncer@sha256:" + "0" * 64
        assert "PgBouncer 1.25.2" in made(image=image).logs[0].message
        assert made(image=image, pgbouncer_version="1.26.1").logs == ()

    def test_a_setting_that_the_version_does_not_know_is_left_out_and_said_to_be(self) -> None:
        deployment = made(image="example.com/pgbouncer:1.25.2", settings={"pool_idle_timeout": "60"})
        assert any("settings.pool_idle_timeout: left out" in log.message for log in deployment.logs)
        text = deployment.resource("orders-config").inputs["data"]["pgbouncer.ini"]
        assert "\npool_idle_timeout" not in text

    def test_the_case_study_warns_of_nothing(self) -> None:
        assert made().logs == ()


class TestForms:
    def test_python_objects_and_plain_data_give_the_same(self) -> None:
        plain = made(
            drain={"mode": "transactions", "endpoint_seconds": 20}, monitoring="operator", server_tls="verify-full"
        )
        typed = made(
            load=DatabaseLoad.model_validate(load()),
            drain=PoolDrain(mode=DrainMode.TRANSACTIONS, endpoint_seconds=20),
            monitoring=PoolMonitoring.OPERATOR,
            server_tls=ServerTls.VERIFY_FULL,
        )
        assert changes(plain, typed).changed == {}

    def test_numbers_may_arrive_as_hosted_programs_send_them(self) -> None:
        hosted: Args = json.loads(json.dumps(load()), parse_int=float)
        assert changes(made(), made(load=hosted)).changed.keys() <= {component(made()).urn}
