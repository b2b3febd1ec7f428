"""The reference stack as a whole platform: the cluster and what runs in it, and what a change of the load touches."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadfit.cli.__main__ import main
from loadfit.projects import find_project
from loadfit.testing import Deployment, changes, deploy
from tests import test_stacks as parts
from tests.test_stacks import KUBERNETES, POOL, RULE, STATE, ZONES, refusal

ROOT = Path(__file__).parents[1]
CLUSTER = "eks:index:Cluster"
NODES = "eks:index:ManagedNodeGroup"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
KUBECONFIG = '{"apiVersion": "v1"}'
MADE: dict[str, Any] = {
    "version": "1.35",
    "nodes_per_zone": 2,
    "administrators": ["arn:aws:iam::111122223333:role/platform"],
}
KEY = "arn:aws:kms:us-east-1:111122223333:key/0a1b"
WHOLE = {
    **STATE,
    "aws:kms/key:Key": {"arn": KEY},
    CLUSTER: {"kubeconfigJson": KUBECONFIG, "clusterSecurityGroupId": "sg-cluster"},
}


def platform(stack: str = "prod", *, preview: bool = False, state: Any = WHOLE, **config: Any) -> Deployment:
    """A stack with all that its file says, with other values for some keys."""
    declared = find_project(ROOT).stack(stack).config
    values = {**declared, **{f"loadfit:{key}": value for key, value in config.items()}}
    if isinstance(values.get("loadfit:function"), dict):
        values["loadfit:function"] = {"code": "api", **values["loadfit:function"]}
    kept = {key: value for key, value in values.items() if value is not None}
    return deploy(ROOT / "stacks", config=kept, project="loadfit", stack=stack, state=state, preview=preview)


@pytest.fixture(scope="module")
def prod() -> Deployment:
    return platform()


def load(stack: str = "prod") -> dict[str, Any]:
    file = {"prod": "case-study.yaml", "dev": "dev.yaml"}[stack]
    return yaml.safe_load((ROOT / "examples" / file).read_text(encoding="utf-8"))


class TestCluster:
    def test_its_api_is_private_and_its_secrets_are_encrypted(self, prod: Deployment) -> None:
        given = prod.resource("cluster", CLUSTER).inputs
        assert given["endpointPrivateAccess"] is True
        assert given["endpointPublicAccess"] is False
        assert "publicAccessCidrs" not in given
        assert prod.resource("cluster", "aws:kms/key:Key").inputs["enableKeyRotation"] is True
        assert given["encryptionConfigKeyArn"] == KEY
        assert set(given["enabledClusterLogTypes"]) == {
            "api",
            "audit",
            "authenticator",
            "controllerManager",
            "scheduler",
        }
        assert given["deletionProtection"] is True

    def test_access_is_by_entries_of_iam_alone(self, prod: Deployment) -> None:
        given = prod.resource("cluster", CLUSTER).inputs
        assert given["authenticationMode"] == "API"
        (entry,) = given["accessEntries"].values()
        assert entry["principalArn"] == MADE["administrators"][0]
        assert entry["accessPolicies"]["administration"]["accessScope"] == {"type": "cluster"}

    def test_outside_it_is_reached_from_the_declared_addresses_alone(self) -> None:
        given = platform(cluster={**MADE, "public_access_cidrs": ["192.0.2.0/24"]}).resource("cluster", CLUSTER).inputs
        assert (given["endpointPublicAccess"], given["publicAccessCidrs"]) == (True, ["192.0.2.0/24"])

    def test_nodes_are_in_the_private_subnets_a_group_in_each_zone(self, prod: Deployment) -> None:
        groups = {one.name: one.inputs for one in prod.of_type(NODES)}
        assert {name: one["subnetIds"] for name, one in groups.items()} == {
            f"nodes-{zone}": [f"private-{zone}-id"] for zone in ZONES
        }
        for one in groups.values():
            assert one["scalingConfig"] == {"minSize": 2, "desiredSize": 2, "maxSize": 4}
            assert one["enableIMDSv2"] is True
        assert prod.resource("egress-use1-az1-default-route").urn in prod.resource("nodes-use1-az1").dependencies

    def test_what_runs_in_it_waits_for_its_nodes(self, prod: Deployment) -> None:
        (provider,) = prod.of_type(KUBERNETES)
        assert {one.urn for one in prod.of_type(NODES)} <= set(provider.dependencies)
        for one in (prod.resource("orders-replicas"), prod.resource("orders-of-orders"), prod.resource("pool-ca")):
            assert one.provider == provider.urn

    @pytest.mark.parametrize("external", [True, False, None])
    def test_who_translates_the_pods_addresses_is_as_the_load_says(self, external: bool | None) -> None:
        declared = load()
        if external is not None:
            declared["egress"]["external_snat"] = external
        options = platform(load=declared).resource("cluster", CLUSTER).inputs["vpcCniOptions"]
        assert options["externalSnat"] is bool(external)
        assert options["enableNetworkPolicy"] is True, "or the pool's NetworkPolicy is nothing"

    def test_the_database_admits_its_nodes_and_nothing_else(self, prod: Deployment) -> None:
        (rule,) = prod.of_type(RULE)
        assert rule.inputs["referencedSecurityGroupId"] == "sg-cluster"
        assert "cidrIpv4" not in rule.inputs

    def test_its_kubeconfig_is_a_secret_output(self, prod: Deployment) -> None:
        assert prod.outputs["kubeconfig"] == KUBECONFIG
        assert "kubeconfig" in prod.secret_outputs

    def test_it_stands_in_a_network_that_exists_too(self) -> None:
        function = {
            "secrets": {"orders": "arn:aws:secretsmanager:us-east-1:111122223333:secret:orders-0a1b2c"},
            "pool_ca_config_map": "pool-ca",
            "private_cidrs": ["10.1.0.0/16"],
        }
        made = platform(network=parts.TestExistingNetwork.NETWORK, zones=None, function=function)
        zones = sorted(ZONES)[:2]
        assert made.resource("cluster", CLUSTER).inputs["privateSubnetIds"] == [
            f"subnet-{one}-private" for one in zones
        ]

    def test_the_first_time_it_is_made_alone(self) -> None:
        made = platform(cluster_only="true")
        assert made.of_type(CLUSTER)
        assert not made.of_type(POOL)
        assert not [one.name for one in made.resources if one.type.startswith(("kubernetes:", "aws:rds"))]

    @pytest.mark.parametrize(
        ("config", "told"),
        [
            (
                {"cluster": {}},
                'loadfit:cluster: version: expected the field "version", found nothing',
            ),
            ({"cluster": {**MADE, "version": 1.35}}, "loadfit:cluster: version: "),
            ({"cluster": {**MADE, "node": 1}}, "loadfit:cluster: node: "),
            ({"cluster": {**MADE, "administrators": ["root"]}}, "loadfit:cluster: administrators[0]: expected "),
            (
                {"cluster": {**MADE, "most_nodes_per_zone": 1}},
                "loadfit:cluster.most_nodes_per_zone: expected at least the 2 of nodes_per_zone, found 1",
            ),
            ({"cluster": MADE, "kubeconfig": "x"}, "loadfit:kubeconfig: expected nothing beside loadfit:cluster"),
            (
                {"cluster": MADE, "pool": {**parts.TestDatabases.POOL, "cluster_security_group": "sg-0a1b"}},
                "loadfit:pool.cluster_security_group: expected nothing beside loadfit:cluster",
            ),
            ({"application": {"image": "psql"}}, "loadfit:application: library: expected the field"),
            ({"application": {"image": "psql", "library": "odbc"}}, "loadfit:application: library: expected one of "),
            (
                {"database": {"bills": "bills:5432"}},
                "loadfit:database: expected names of the load's databases (orders)",
            ),
            ({"database": "orders:5432"}, "loadfit:database: expected a mapping, found a text"),
            ({"database": {"orders": 5432}}, "loadfit:database: expected endpoints by the names of databases"),
        ],
    )
    def test_what_is_missing_or_wrong_is_told_before_anything_is_made(self, config: dict[str, Any], told: str) -> None:
        assert refusal(**config).startswith(told)

    def test_the_nodes_that_ports_are_sized_with_are_those_that_are_made(self) -> None:
        declared = load()
        declared["egress"]["nodes"] = 9
        assert refusal(load=declared, cluster=MADE).startswith(
            "egress.nodes: expected 6, 3 zones x 2 of loadfit:cluster.nodes_per_zone, found 9."
        )


class TestApplication:
    def test_it_has_the_declared_pods_and_the_pool_s_settings(self, prod: Deployment) -> None:
        spec = prod.resource("orders-of-orders", DEPLOYMENT).inputs["spec"]
        assert spec["replicas"] == 20
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": 0}
        (container,) = spec["template"]["spec"]["containers"]
        told = {one["name"]: one.get("value") for one in container["env"]}
        assert told["PGHOST"] == "orders.default.svc.cluster.local"
        assert (told["PGPORT"], told["PGDATABASE"]) == ("6432", "orders")
        pool = prod.resource("orders", POOL)
        assert pool.registered_outputs is not None
        settings = pool.registered_outputs["clientSettings"]["orders"]
        assert json.loads(told["POOL_SETTINGS"]) == settings["psycopg"]
        assert settings["psycopg"]["max_size"] == 10

    def test_its_password_stays_in_the_cluster(self, prod: Deployment) -> None:
        (container,) = prod.resource("orders-of-orders", DEPLOYMENT).inputs["spec"]["template"]["spec"]["containers"]
        secret = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in container["env"] if "valueFrom" in one}
        assert secret == {
            "PGUSER": {"name": "orders-credentials", "key": "username"},
            "PGPASSWORD": {"name": "orders-credentials", "key": "password"},
        }

    def test_its_pods_may_do_next_to_nothing(self, prod: Deployment) -> None:
        pod = prod.resource("orders-of-orders", DEPLOYMENT).inputs["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}

    def test_each_library_that_may_be_named_has_settings(self, prod: Deployment) -> None:
        pool = prod.resource("orders", POOL)
        assert pool.registered_outputs is not None
        declared = {name: value for name, value in load().items() if name not in {"egress", "functions"}}
        small: dict[str, Any] = {"load": declared, "function": None, "database": {"orders": "orders.example.com:5432"}}
        for library in pool.registered_outputs["clientSettings"]["orders"]:
            made = platform(**small, application={"image": "psql", "library": library}, preview=True)
            assert made.resource("orders-of-orders", DEPLOYMENT)

    def test_a_workload_with_several_roles_is_refused(self) -> None:
        declared = load()
        clients = declared["databases"]["orders"]["clients"]
        clients[0]["transactions_per_second"] = 1000
        clients.append({**clients[0], "user": "reports"})
        text = refusal(load=declared, application={"image": "psql", "library": "psycopg"})
        assert text.startswith("loadfit:application: expected each client of orders once, found orders with several")


class TestExistingDatabase:
    def test_of_a_database_that_exists_the_pool_alone_is_made(self) -> None:
        made = platform(database={"orders": "orders.example.com:5432"})
        assert made.resource("orders", POOL).inputs["endpoint"] == "orders.example.com:5432"
        assert not [one.name for one in made.resources if one.type.startswith("aws:rds")]
        assert not made.of_type(RULE)


class TestGrowth:
    def test_a_zone_a_function_and_pods_more_touch_what_they_must(self, prod: Deployment) -> None:
        grown = deepcopy(load())
        grown["zones"] = 4
        grown["workloads"]["reports"] = {"pods": 2}
        orders = grown["databases"]["orders"]
        orders["clients"].append(
            {
                "from": "reports",
                "pool_size": 2,
                "max_overflow": 0,
                "transactions_per_second": 10,
                "mean_transaction_ms": 10,
            }
        )
        grown["functions"]["search"] = deepcopy(grown["functions"]["storefront"])
        after = platform(load=grown, zones=[*ZONES, "use1-az6"])
        difference = changes(prod, after)
        assert difference.deleted == ()
        assert difference.options == {}
        created = {urn.rpartition("::")[2] for urn in difference.created}
        zone = {name for name in created if "use1-az6" in name}
        assert {name for name in created - zone if not name.startswith("search")} == {"reports-of-orders"}
        changed = {urn.rpartition("::")[2] for urn in difference.changed}
        alarms = {
            f"egress-{zone}-{alarm}"
            for zone in ZONES
            for alarm in ("connections-beyond-load", "idle-timeouts", "port-allocation-errors")
        }
        assert alarms <= changed, "their thresholds are those of the plan, with one more gateway"
        assert changed - alarms == {
            "databases",  # one more subnet
            "egress",
            "egress-dashboard",
            "egress-dynamodb",  # one more route table
            "egress-s3",
            "orders",  # the pool, of which the load is an input
            "orders-dashboard",
            "orders-load-balancer",  # one more zone
            "orders-network-policy",
            "orders-replicas",  # more clients
            "storefront",
            "storefront-function",  # one more subnet
        }
        assert after.resource("orders", parts.INSTANCE).urn not in difference.changed


class TestDev:
    def test_it_is_the_same_platform_and_small(self, prod: Deployment) -> None:
        dev = platform("dev")
        kinds = {one.type for one in prod.resources}
        provisioned = {one for one in kinds if "provisionedConcurrency" in one or "appautoscaling" in one}
        assert {one.type for one in dev.resources} == kinds - provisioned
        assert len(dev.of_type("aws:ec2/natGateway:NatGateway")) == 1
        assert len(dev.of_type(NODES)) == 2
        assert dev.resource("cluster", CLUSTER).inputs["deletionProtection"] is False
        assert dev.resource("orders-of-orders", DEPLOYMENT).inputs["spec"]["replicas"] == 2

    def test_its_preview_fits(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["preview", "dev", "--cwd", str(ROOT)]) == 0
        assert "stack dev: fits" in capsys.readouterr().out


class TestIncident:
    def test_the_three_faults_are_one_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["preview", "incident", "--cwd", str(ROOT)]) == 1
        shown = capsys.readouterr().out
        for code in ("NAT_PORTS_SHORT", "DATABASE_CONNECTIONS_SHORT", "PC_TOO_SMALL"):
            assert shown.count(f"error {code}") == 1, code
