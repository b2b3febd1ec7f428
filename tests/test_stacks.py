"""The reference project: its program, and what `loadfit preview` shows of it."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadfit import InvalidInputs
from loadfit.cli.__main__ import main
from loadfit.projects import SECRET_PLACEHOLDER, find_project
from loadfit.testing import Deployment, Resource, changes, deploy
from tests.reports.samples import keys

ROOT = Path(__file__).parents[1]
STACKS = ROOT / "stacks"
ZONES = ["use1-az1", "use1-az2", "use1-az4"]
GATEWAY = "aws:ec2/natGateway:NatGateway"
SUBNET = "aws:ec2/subnet:Subnet"
INSTANCE = "aws:rds/instance:Instance"
PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup"
ADMITTED = "aws:ec2/securityGroup:SecurityGroup"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
REACH = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
FUNCTION = "aws:lambda/function:Function"
POOL = "loadfit:index:PgBouncerPool"
KUBERNETES = "pulumi:providers:kubernetes"
UNTAGGED = {
    "aws:appautoscaling/policy:Policy",
    "aws:cloudwatch/dashboard:Dashboard",
    "aws:cloudwatch/queryDefinition:QueryDefinition",
    "aws:ec2/route:Route",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:lambda/alias:Alias",
    "aws:lambda/functionUrl:FunctionUrl",
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
}
"""What has no tags in AWS."""


def document(zones: int = 3, pods: int = 200) -> dict[str, Any]:
    flow = {"from": "checkout", "to": "api.stripe.com:443", "connections_per_pod": 300}
    return {
        "region": "us-east-1",
        "zones": zones,
        "workloads": {"checkout": {"pods": pods}},
        "egress": {"flows": [flow]},
    }


def case_study(zones: int = 3) -> dict[str, Any]:
    """The whole document of the stack prod: egress, database and function."""
    return {**yaml.safe_load((ROOT / "examples" / "case-study.yaml").read_text()), "zones": zones}


def without_functions() -> dict[str, Any]:
    """The same for tests of the database alone."""
    load = case_study()
    del load["functions"]
    return load


def named(resource: Resource) -> dict[str, Any]:
    """AWS's name of a resource that the program gives none."""
    return {"name": f"{resource.name}-0a1b2c"}


def by_urn(resource: Resource) -> str:
    return resource.urn


BALANCER = "k8s-default-orders-0a1b.elb.us-east-1.amazonaws.com"
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def reached(service: Resource) -> dict[str, Any]:
    """What the AWS Load Balancer Controller tells of its load balancer."""
    if service.inputs["spec"].get("type") != "LoadBalancer":
        return {}
    return {"status": {"loadBalancer": {"ingress": [{"hostname": BALANCER}]}}}


STATE: dict[str, Any] = {
    "kubernetes:core/v1:Service": reached,
    "kubernetes:core/v1:ConfigMap": lambda one: {"data": {"ca.crt": CA}} if one.read else {},
    "aws:lambda/functionUrl:FunctionUrl": {"functionUrl": "https://0a1b.lambda-url.us-east-1.on.aws/"},
    INSTANCE: lambda one: {"endpoint": f"{one.name}.abc.rds.amazonaws.com:5432", "address": f"{one.name}.abc"},
    PARAMETERS: named,
    SUBNET_GROUP: named,
}


_ELSEWHERE: dict[str, Any] = {"loadfit:cluster": None, "loadfit:application": None}


def deployed(
    stack: str = "prod", secrets: tuple[str, ...] = (), state: dict[str, Any] = STATE, **config: Any
) -> Deployment:
    """A stack of the reference project, deployed, with other values for some keys of the `loadfit` namespace.

    In a cluster that exists already, unless one is given: tests/test_platform.py has the whole platform.
    """
    declared = find_project(ROOT).stack(stack).config
    values = {**declared, **_ELSEWHERE, **{f"loadfit:{key}": value for key, value in config.items()}}
    if isinstance(values.get("loadfit:function"), dict):
        # What `make api` packs is not there in every clone.
        values["loadfit:function"] = {"code": "api", **values["loadfit:function"]}
    kept = {key: value for key, value in values.items() if value is not None}
    return deploy(STACKS, config=kept, secrets=secrets, project="loadfit", stack=stack, state=state, check=False)


def refusal(stack: str = "prod", **config: Any) -> str:
    deployment = deployed(stack, **config)
    assert isinstance(deployment.error, InvalidInputs), deployment.error
    assert deployment.resources == ()
    return str(deployment.error)


@pytest.fixture(scope="module")
def prod() -> Deployment:
    deployment = deployed("prod")
    assert deployment.error is None, deployment.error
    return deployment


class TestProgram:
    def test_there_is_one_gateway_in_each_zone(self, prod: Deployment) -> None:
        assert {one.name: one.inputs["subnetId"] for one in prod.of_type(GATEWAY)} == {
            f"egress-{zone}-gateway": f"public-{zone}-id" for zone in ZONES
        }
        for zone in ZONES:
            association = prod.resource(f"egress-{zone}-subnet-0").inputs
            assert association["subnetId"] == f"private-{zone}-id"

    def test_everything_waits_for_its_network(self, prod: Deployment) -> None:
        internet = prod.resource("internet").urn
        for one in prod.of_type(GATEWAY):
            assert internet in one.dependencies
            assert one.property_dependencies["subnetId"]

    def test_every_resource_is_tagged_and_in_the_region_of_the_load(self, prod: Deployment) -> None:
        managed = [one for one in prod.resources if one.custom and not one.type.startswith("kubernetes:")]
        assert all(one.type.startswith("aws:") for one in managed)
        assert {one.type for one in managed} > {INSTANCE, PARAMETERS, SUBNET_GROUP, ADMITTED, RULE, GATEWAY}
        for one in managed:
            if not one.type.startswith("aws:iam/"):  # global
                assert one.inputs["region"] == "us-east-1", one.name
            if one.type not in UNTAGGED:
                assert one.inputs["tags"].items() >= {"project": "loadfit", "stack": "prod", "Name": one.name}.items()

    def test_subnets_do_not_overlap_and_lie_in_the_vpc(self, prod: Deployment) -> None:
        from ipaddress import IPv4Network
        from itertools import combinations

        blocks = [IPv4Network(one.inputs["cidrBlock"]) for one in prod.of_type(SUBNET)]
        vpc = IPv4Network(prod.resource("network").inputs["cidrBlock"])
        assert len(blocks) == 6
        assert all(block.subnet_of(vpc) for block in blocks)
        assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))

    def test_fifteen_zones_have_room_and_no_more(self) -> None:
        """A sixteenth zone's private block would lie over the public ones."""
        from ipaddress import IPv4Network
        from itertools import combinations

        zones = [f"use1-az{number}" for number in range(1, 17)]
        quotas = {"quota_addresses_per_region": 20}
        load = document(15)
        load["egress"].update(quotas)
        full = deployed(load=load, zones=zones[:15])
        assert full.error is None
        blocks = [IPv4Network(one.inputs["cidrBlock"]) for one in full.of_type(SUBNET)]
        assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))
        load["zones"] = 16
        assert "loadfit:zones: expected at most 15, found 16" in refusal(load=load, zones=zones)

    def test_running_it_twice_in_one_process_gives_the_same(self, prod: Deployment) -> None:
        again = deployed("prod")
        runs = [replace(run, resources=tuple(sorted(run.resources, key=by_urn))) for run in (again, prod)]
        assert runs[0] == runs[1], "but for the order of registration, which the event loop decides"
        difference = changes(prod, again)
        assert (difference.created, difference.deleted, difference.changed) == ((), (), {})

    def test_a_zone_that_is_appended_moves_nothing(self, prod: Deployment) -> None:
        """Of the network nothing; the database is told of one more subnet."""
        after = deployed(load=case_study(4), zones=[*ZONES, "use1-az6"])
        assert after.error is None
        difference = changes(prod, after)
        assert difference.deleted == ()
        rules = [urn.rpartition("::")[2] for urn in difference.created if RULE in urn or REACH in urn]
        assert sorted(rules) == ["orders-database-use1-az6", "storefront-function-pool-use1-az6"]
        rest = {urn: inputs for urn, inputs in difference.changed.items() if "MultiAzNatEgress" not in urn}
        assert rest == {
            prod.resource("databases").urn: {"subnetIds"},
            # The pool's load balancer stands in one zone more, and so does the function.
            prod.resource("orders", POOL).urn: {"loadBalancer"},
            prod.resource("orders-load-balancer").urn: {"metadata", "spec"},
            prod.resource("orders-network-policy").urn: {"spec"},
            prod.resource("storefront-function", FUNCTION).urn: {"vpcConfig"},
        }

    def test_the_load_may_stand_in_the_stack_itself(self, prod: Deployment) -> None:
        difference = changes(prod, deployed(load=case_study()))
        assert (difference.created, difference.deleted, difference.changed) == ((), (), {})

    def test_the_incident_is_refused_before_anything_is_registered(self) -> None:
        text = refusal("incident")
        assert "NAT_PORTS_SHORT at egress.flows[0].to" in text
        assert "DATABASE_CONNECTIONS_SHORT at databases.orders.max_connections" in text
        assert "Traceback" not in text

    @pytest.mark.parametrize(
        ("zones", "found"),
        [
            (ZONES[:2], "found 2 (use1-az1, use1-az2)"),
            (["use1-az1", "use1-az1", "use1-az2"], "found 3 (use1-az1, use1-az1, use1-az2)"),
            ([], "found 0 (none)"),
            (None, "found 0 (none)"),
            ({"use1-az1": 1, "use1-az2": 2, "use1-az4": 3}, "found 0 (none)"),
            ([1, 2], "found 2 (1, 2)"),
            (["us-east-1a", "us-east-1b", "us-east-1c"], "expected zone ids, such as use1-az1, found us-east-1a"),
            ([1, 2, 3], "expected zone ids, such as use1-az1, found 1, 2, 3"),
        ],
    )
    def test_zones_that_do_not_go_with_the_load_are_refused(self, zones: Any, found: str) -> None:
        text = refusal(zones=zones)
        assert text.startswith("loadfit:zones: expected ")
        assert found in text

    @pytest.mark.parametrize("zone", ["cac1-az4", "usgw1-az1", "usw2-lax1-az1", "apse2-az1"])
    def test_zone_ids_of_other_regions_and_local_zones_are_taken(self, zone: str) -> None:
        deployment = deployed(zones=[zone, "use1-az1", "use1-az2"])
        assert deployment.error is None


class TestExistingNetwork:
    NETWORK: dict[str, Any] = {  # noqa: RUF012
        "vpc_id": "vpc-0a1b",
        "zones": {
            zone: {
                "public_subnet_id": f"subnet-{zone}-public",
                "private_subnet_ids": [f"subnet-{zone}-private"],
                "route_table_id": f"rtb-{zone}",
            }
            for zone in ZONES
        },
    }

    def test_nothing_of_it_is_made(self) -> None:
        deployment = deployed(load=document(), network=self.NETWORK, zones=None)
        assert deployment.error is None
        assert {one.parent for one in deployment.resources} == {None, deployment.resource("egress").urn}
        assert {one.name for one in deployment.children()} == {"egress"}
        for zone in ZONES:
            assert deployment.resource(f"egress-{zone}-default-route").inputs["routeTableId"] == f"rtb-{zone}"
        assert deployment.outputs["vpc_id"] == "vpc-0a1b"

    def test_its_zones_are_as_many_as_the_load_declares(self) -> None:
        zones = {zone: self.NETWORK["zones"][zone] for zone in ZONES[:2]}
        text = refusal(load=document(), network={**self.NETWORK, "zones": zones})
        assert "MultiAzNatEgress 'egress': zones: expected 3, as the load says, found 2" in text

    def test_what_is_missing_or_unknown_is_told_by_its_place(self) -> None:
        text = refusal(load=document(), network={"zones": {"use1-az1": {"public_subnet": "subnet-1"}}})
        assert text.startswith("loadfit:network: ")
        for place in (
            'vpc_id: expected the field "vpc_id", found nothing',
            "zones.use1-az1.public_subnet_id: expected the field",
            'zones.use1-az1.public_subnet: expected "public_subnet_id", found the unknown key "public_subnet"',
        ):
            assert f"loadfit:network: {place}" in text


class TestDatabases:
    POOL: dict[str, Any] = {  # noqa: RUF012
        "credentials": "orders-credentials",
        "server_ca_config_map": "rds-ca",
        "client_tls_secret": "pgbouncer-tls",
    }
    KUBECONFIG = "apiVersion: v1 # of the cluster"

    def test_the_limits_are_literals_of_its_own_parameter_group(self, prod: Deployment) -> None:
        group = prod.resource("orders", PARAMETERS).inputs
        parameters = {one["name"]: one for one in group["parameters"]}
        assert set(parameters) == {"max_connections", "rds.force_ssl"}
        assert (parameters["max_connections"]["value"], parameters["rds.force_ssl"]["value"]) == ("200", "1")
        assert parameters["max_connections"]["applyMethod"] == "pending-reboot", "it is static"
        instance = prod.resource("orders", INSTANCE).inputs
        assert instance["parameterGroupName"] == "orders-0a1b2c"
        assert (instance["engine"], group["family"]) == ("postgres", f"postgres{instance['engineVersion']}")

    def test_it_stands_in_the_private_subnets(self, prod: Deployment) -> None:
        assert prod.resource("databases").inputs["subnetIds"] == [f"private-{zone}-id" for zone in ZONES]
        instance = prod.resource("orders", INSTANCE).inputs
        assert instance["dbSubnetGroupName"] == "databases-0a1b2c"
        assert not instance.get("publiclyAccessible")

    def test_only_the_private_subnets_are_admitted(self, prod: Deployment) -> None:
        rules = {rule.name: rule.inputs for rule in prod.of_type(RULE)}
        group = prod.resource("orders-database", ADMITTED)
        assert {name: rule["cidrIpv4"] for name, rule in rules.items()} == {
            f"orders-database-{zone}": prod.resource(f"private-{zone}").inputs["cidrBlock"] for zone in ZONES
        }
        for rule in rules.values():
            assert (rule["ipProtocol"], rule["fromPort"], rule["toPort"]) == ("tcp", 5432, 5432)
            assert "referencedSecurityGroupId" not in rule
            assert rule["securityGroupId"] == group.id
        assert "ingress" not in group.inputs
        assert prod.resource("orders", INSTANCE).inputs["vpcSecurityGroupIds"] == [group.id]

    @pytest.mark.parametrize("network", [None, TestExistingNetwork.NETWORK])
    def test_only_the_clusters_security_group_is_admitted_where_it_is_told(self, network: Any) -> None:
        pool = {**self.POOL, "cluster_security_group": "sg-0a1b"}
        deployment = deployed(load=without_functions(), pool=pool, network=network)
        assert deployment.error is None
        (rule,) = deployment.of_type(RULE)
        assert rule.inputs["referencedSecurityGroupId"] == "sg-0a1b"
        assert "cidrIpv4" not in rule.inputs

    def test_a_network_that_exists_needs_the_clusters_security_group(self) -> None:
        text = refusal(load=without_functions(), network=TestExistingNetwork.NETWORK, zones=None)
        assert text.startswith("loadfit:pool: expected cluster_security_group, the security group of the cluster's")
        assert len(text.splitlines()) == 1

    def test_it_is_encrypted_in_two_zones_and_protected(self, prod: Deployment) -> None:
        instance = prod.resource("orders", INSTANCE).inputs
        for kept in ("storageEncrypted", "multiAz", "deletionProtection", "copyTagsToSnapshot"):
            assert instance[kept] is True, kept
        assert not instance.get("skipFinalSnapshot")
        assert instance["finalSnapshotIdentifier"] == "orders-final"
        assert instance["backupRetentionPeriod"] >= 7

    def test_its_machine_is_monitored_by_a_role_that_may(self, prod: Deployment) -> None:
        instance = prod.resource("orders", INSTANCE)
        assert instance.inputs["monitoringInterval"] == 60
        attached = prod.resource("monitoring", "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        assert attached.inputs["policyArn"].endswith("/AmazonRDSEnhancedMonitoringRole")
        assert attached.urn in instance.dependencies

    def test_no_password_is_anywhere(self, prod: Deployment) -> None:
        """RDS manages the master's, the cluster's Secret has the role's."""
        assert prod.resource("orders", INSTANCE).inputs["manageMasterUserPassword"] is True
        assert not prod.of_type("kubernetes:core/v1:Secret")
        for one in prod.resources:
            for properties in (one.inputs, one.registered_outputs or {}):
                fields = {key for key in keys(properties) if "password" in key.lower()}
                assert fields <= {"manageMasterUserPassword"}, one.name
        assert not [key for key in keys(prod.outputs) if "password" in key.lower()]
        assert prod.outputs["orders_url"] == (
            "postgresql://orders@orders.default.svc.cluster.local:6432/orders?sslmode=require"
        )

    def test_the_pool_is_given_where_the_database_is_and_what_the_cluster_has(self, prod: Deployment) -> None:
        pool = prod.resource("orders", POOL)
        assert pool.inputs["endpoint"] == "orders.abc.rds.amazonaws.com:5432"
        assert pool.inputs["credentials"] == "orders-credentials"
        assert prod.resource("orders", INSTANCE).urn in pool.property_dependencies.get("endpoint", pool.dependencies)
        text = prod.resource("orders-config").inputs["data"]["pgbouncer.ini"]
        assert "host=orders.abc.rds.amazonaws.com" in text
        volumes = prod.resource("orders-replicas").inputs["spec"]["template"]["spec"]["volumes"]
        for name in ("orders-credentials", "rds-ca", "pgbouncer-tls"):
            assert f"'{name}'" in repr(volumes), name

    def test_a_name_with_a_hyphen_is_one_database_for_rds_and_the_pool(self) -> None:
        load = case_study()
        load["databases"]["past-orders"] = load["databases"].pop("orders")
        load["functions"]["storefront"]["database"]["name"] = "past-orders"
        function = {"secrets": {"past-orders": TestFunctions.SECRET}, "pool_ca_config_map": "pool-ca"}
        deployment = deployed(load=load, function=function)
        assert deployment.error is None
        told = deployment.resource("storefront-function", FUNCTION).inputs["environment"]["variables"]
        assert told["DATABASE_NAME"] == "past_orders"
        assert deployment.resource("past-orders", INSTANCE).inputs["dbName"] == "past_orders"
        assert deployment.resource("past-orders", POOL).inputs["databaseName"] == "past_orders"

    def test_the_cluster_is_that_of_the_environment(self, prod: Deployment) -> None:
        assert not prod.of_type(KUBERNETES)
        assert {one.provider for one in prod.children(prod.resource("orders", POOL))} == {None}

    def test_a_kubeconfig_that_is_told_is_the_pools_and_stays_secret(self) -> None:
        deployment = deployed(load=without_functions(), secrets=("loadfit:kubeconfig",), kubeconfig=self.KUBECONFIG)
        assert deployment.error is None
        (provider,) = deployment.of_type(KUBERNETES)
        assert provider.inputs["kubeconfig"] == self.KUBECONFIG
        assert "kubeconfig" in provider.secret_inputs
        children = deployment.children(deployment.resource("orders", POOL))
        assert len(children) == 7
        assert {one.provider for one in children} == {provider.urn}
        assert not [one.name for one in deployment.resources if one.provider and one.type.startswith("aws:")]
        others = [one for one in deployment.resources if one is not provider]
        assert self.KUBECONFIG not in repr((others, deployment.outputs, deployment.logs))

    @pytest.mark.parametrize(
        ("pool", "places"),
        [
            (None, ("expected what the pool is given in its cluster", "found nothing")),
            ({}, ("credentials: ", "server_ca_config_map: ", "client_tls_secret: ")),
            ({**POOL, "credential": "x"}, ("credential: ",)),
            ({**POOL, "credentials": 5}, ("credentials: ",)),
            ({**POOL, "credentials": ""}, ("credentials: ",)),
            ([POOL], ("expected a mapping, found a list",)),
            ({**POOL, "namespase": "x"}, ('expected "namespace", found the unknown key "namespase"',)),
        ],
    )
    def test_a_pool_that_is_missing_or_wrong_is_told_by_its_place(self, pool: Any, places: tuple[str, ...]) -> None:
        text = refusal(pool=pool)
        assert text.startswith("loadfit:pool: ")
        assert all(line.count("loadfit:pool") == 1 for line in text.splitlines())
        for place in places:
            assert place in text

    @pytest.mark.parametrize("client", [None, False])
    def test_a_database_that_nobody_pools_needs_no_pool(self, client: bool | None) -> None:
        load = without_functions()
        database = load["databases"]["orders"]
        for size in ("replicas", "server_connections", "max_client_conn"):
            del database[size]
        if client is None:
            database["pooled"] = False
        else:
            database["clients"][0]["pooled"] = client
        database["max_connections"] = 400
        deployment = deployed(load=load, pool=None)
        assert deployment.error is None, deployment.error
        assert not [one for one in deployment.resources if one.type.startswith("kubernetes:") or one.type == POOL]
        assert deployment.outputs["orders_host"] == "orders.abc"
        assert "loadfit:pool: expected cluster_security_group" in refusal(
            load=load, pool=None, network=TestExistingNetwork.NETWORK, zones=None
        )

    def test_without_a_database_nothing_is_asked_for(self) -> None:
        assert deployed(load=document(), pool=None).error is None


class TestFunctions:
    """The functions of the load, on their way to the database through the pool."""

    SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:orders-0a1b2c"

    def test_it_reaches_the_pool_by_its_load_balancer_and_verifies_its_name(self, prod: Deployment) -> None:
        told = prod.resource("storefront-function", FUNCTION).inputs["environment"]["variables"]
        assert told == {
            "DATABASE_HOST": BALANCER,
            "DATABASE_PORT": "6432",
            "DATABASE_SERVER_NAME": "orders.default.svc.cluster.local",
            "DATABASE_CA": CA,
            "DATABASE_NAME": "orders",
            "DATABASE_SECRET": self.SECRET,
            "DATABASE_TIMEOUT_SECONDS": "0.75",
        }

    def test_what_it_is_told_is_what_its_code_asks_for(self, prod: Deployment) -> None:
        from settings import Settings

        told = prod.resource("storefront-function", FUNCTION).inputs["environment"]["variables"]
        known = Settings.from_environment(told)
        assert (known.host, known.port, known.secret) == (BALANCER, 6432, self.SECRET)

    def test_the_load_balancer_lets_the_private_subnets_in_and_stands_in_them(self, prod: Deployment) -> None:
        balancer = prod.resource("orders-load-balancer").inputs
        blocks = [prod.resource(f"private-{zone}").inputs["cidrBlock"] for zone in ZONES]
        assert balancer["spec"]["loadBalancerSourceRanges"] == blocks
        assert ",".join(f"private-{zone}-id" for zone in ZONES) in balancer["metadata"]["annotations"].values()

    def test_it_runs_in_the_private_subnets_and_reaches_no_more_than_it_needs(self, prod: Deployment) -> None:
        network = prod.resource("storefront-function", FUNCTION).inputs["vpcConfig"]
        group = prod.resource("storefront-function", ADMITTED)
        assert network["subnetIds"] == [f"private-{zone}-id" for zone in ZONES]
        assert network["securityGroupIds"] == [group.id]
        assert "ingress" not in group.inputs
        reached = {
            (one.inputs["cidrIpv4"], one.inputs["fromPort"], one.inputs["toPort"]) for one in prod.of_type(REACH)
        }
        blocks = [prod.resource(f"private-{zone}").inputs["cidrBlock"] for zone in ZONES]
        assert reached == {*((block, 6432, 6432) for block in blocks), ("0.0.0.0/0", 443, 443)}
        assert {one.inputs["securityGroupId"] for one in prod.of_type(REACH)} == {group.id}

    def test_its_role_reads_the_one_secret_and_no_other(self, prod: Deployment) -> None:
        policy = json.loads(prod.resource("storefront-policy").inputs["policy"])
        reading = [one for one in policy["Statement"] if "secretsmanager" in json.dumps(one)]
        assert [(one["Action"], one["Resource"]) for one in reading] == [
            (["secretsmanager:GetSecretValue"], [self.SECRET])
        ]

    def test_its_url_asks_for_signed_requests(self, prod: Deployment) -> None:
        (url,) = prod.of_type("aws:lambda/functionUrl:FunctionUrl")
        assert url.inputs["authorizationType"] == "AWS_IAM"

    def test_it_starts_only_with_a_way_out_and_a_pool(self, prod: Deployment) -> None:
        group = prod.resource("storefront-function", ADMITTED)
        assert group.urn in prod.resource("storefront-function", FUNCTION).dependencies
        for name in ("egress-use1-az1-default-route", "orders-replicas", "orders-load-balancer"):
            assert prod.resource(name).urn in group.dependencies, name

    def test_no_output_holds_more_than_where_it_is_and_its_sizes(self, prod: Deployment) -> None:
        known = {key for key in prod.outputs if key.startswith("storefront")}
        assert known == {"storefront_function_url", "storefront_function_sizing"}
        assert self.SECRET not in repr(prod.outputs)

    def test_a_function_without_a_runtime_has_the_codes(self, prod: Deployment) -> None:
        assert prod.resource("storefront-function", FUNCTION).inputs["runtime"] == "python3.13"
        load = case_study()
        load["functions"]["storefront"]["runtime"] = "python3.12"
        deployment = deployed(load=load)
        assert deployment.resource("storefront-function", FUNCTION).inputs["runtime"] == "python3.12"

    def test_in_a_network_that_exists_the_addresses_are_told(self) -> None:
        pool = {**TestDatabases.POOL, "cluster_security_group": "sg-0a1b"}
        existing: dict[str, Any] = {"pool": pool, "network": TestExistingNetwork.NETWORK, "zones": None}
        given = {"secrets": {"orders": self.SECRET}, "pool_ca_config_map": "pool-ca"}
        assert "loadfit:function.private_cidrs: expected the addresses" in refusal(**existing, function=given)
        deployment = deployed(**existing, function={**given, "private_cidrs": ["10.1.0.0/16"]})
        assert deployment.error is None, deployment.error
        balancer = deployment.resource("orders-load-balancer").inputs
        assert balancer["spec"]["loadBalancerSourceRanges"] == ["10.1.0.0/16"]
        assert deployment.resource("storefront-function-pool-10.1.0.0/16").inputs["cidrIpv4"] == "10.1.0.0/16"

    @pytest.mark.parametrize(
        ("function", "told"),
        [
            (
                None,
                "loadfit:function: expected what the functions are given (secrets, pool_ca_config_map), found nothing",
            ),
            (
                {"secrets": {"orders": SECRET}},
                'loadfit:function: pool_ca_config_map: expected the field "pool_ca_config_map"',
            ),
            (
                {"secrets": {"orders": "hunter2"}, "pool_ca_config_map": "pool-ca"},
                "loadfit:function: secrets.orders: expected a secret's ARN, such as",
            ),
            (
                {"secrets": {"billing": SECRET}, "pool_ca_config_map": "pool-ca"},
                "loadfit:function.secrets: expected the secret of each database that functions use, found none of",
            ),
            (
                {"secret": "hunter2", "secrets": {}, "pool_ca_config_map": "x"},
                'loadfit:function: secret: expected "secrets", found the unknown key "secret". Did you mean "secrets"?',
            ),
            (
                {"secrets": "hunter2", "pool_ca_config_map": "x"},
                "loadfit:function: secrets: expected a mapping of databases to the ARNs of their secrets",
            ),
            (
                {"secrets": {"orders": SECRET.replace("us-east-1", "eu-west-1")}, "pool_ca_config_map": "x"},
                "loadfit:function.secrets.orders: expected a secret of us-east-1, the load's Region, found one of",
            ),
        ],
    )
    def test_what_is_missing_or_wrong_is_told_by_its_place(self, function: Any, told: str) -> None:
        text = refusal(function=function)
        assert text.startswith(told)
        assert "hunter2" not in text

    def test_a_function_that_the_stack_has_no_code_for_is_refused(self) -> None:
        load = case_study()
        load["functions"]["storefront"]["in_vpc"] = False
        assert refusal(load=load).startswith("functions.storefront.in_vpc: expected true")
        del load["functions"]["storefront"]["database"]
        assert refusal(load=load).startswith("functions.storefront.database: expected a database that is pooled")

    def test_a_config_map_without_the_authority_is_refused(self) -> None:
        """It is read in the deployment: the SDK wraps what an output's function raises."""
        state = {**STATE, "kubernetes:core/v1:ConfigMap": lambda one: {"data": {"tls.crt": CA}} if one.read else {}}
        deployment = deployed(state=state)
        assert "pool_ca_config_map: expected a ConfigMap with certificates as PEM under ca.crt" in str(deployment.error)

    def test_without_the_packed_code_nothing_is_deployed(self, tmp_path: Path) -> None:
        """What it was packed into is not there; a preview does with the source."""
        for file in STACKS.glob("*.py"):
            shutil.copy(file, tmp_path / file.name)
        shutil.copytree(STACKS / "api", tmp_path / "api")
        config = {**find_project(ROOT).stack("prod").config, "loadfit:load": case_study()}
        given: dict[str, Any] = {
            "config": config,
            "project": "loadfit",
            "stack": "prod",
            "state": STATE,
            "check": False,
        }
        assert str(deploy(tmp_path, **given).error) == (
            "build/api: expected the packed orders API, found nothing. Run `make api`."
        )
        previewed = deploy(tmp_path, **given, preview=True)
        assert previewed.error is None, previewed.error
        assert previewed.resource("storefront-function", FUNCTION)


class TestPreviewCommand:
    def test_prod_shows_resources_sizes_and_cost(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The numbers of the case study, from the command that a user runs."""
        assert main(["preview", "prod", "--cwd", str(ROOT)]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        for shown in ("60,000", "75,000", "165,000", "110,000", "36,000 of 55,000", "65%", "$109.50", "+$73.00"):
            assert shown in out, shown
        assert "Resources of stack prod: 107 to create, 1 read" in out
        for zone in ZONES:
            assert f"aws:ec2:NatGateway  egress-{zone}-gateway" in out
        assert "stack prod: fits" in out
        assert "2 replicas of PgBouncer x 25 = 50 server connections" in out
        for row in (r"all together +210 +260 +460", r"max_connections +200", r"needed +50", r"free +150"):
            assert re.search(rf"^ *{row}$", out, re.MULTILINE), row
        assert "allow_list: known after deployment" in out

    def test_incident_says_why_it_cannot_be_and_what_to_do(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["preview", "incident", "--cwd", str(ROOT)]) == 1
        out, err = capsys.readouterr()
        for shown in ("NAT_PORTS_SHORT", "176", "+$3.65", "+$73.00", "nothing would be created", "does not fit"):
            assert shown in out, shown
        assert "Traceback" not in out + err
        assert out.count("error NAT_PORTS_SHORT") == 1, "told once, by the report"
        assert out.count("error DATABASE_CONNECTIONS_SHORT") == 1
        said = " ".join(out.split())
        assert "orders needs 750 connections straight to PostgreSQL in a rollout; max_connections 200: 189" in said
        assert "20 pods x 20 = 400, with overflow 600, in a rollout 750" in said
        assert re.search(r"^ *all together +600 +750 ", out, re.MULTILINE)
        assert err == ""

    def test_an_unknown_stack_is_told_with_the_nearest(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["preview", "prd", "--cwd", str(ROOT)]) == 2
        assert 'expected the name of a stack (dev, incident, prod), found the text "prd". Did you mean prod?' in (
            capsys.readouterr().err
        )

    def test_no_stack_where_there_are_several(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["preview", "--cwd", str(STACKS)]) == 2
        assert "expected the name of a stack (dev, incident, prod), found none given" in capsys.readouterr().err

    def test_no_project(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["preview", "--cwd", str(tmp_path)]) == 2
        assert "expected a Pulumi project, found no Pulumi.yaml" in capsys.readouterr().err


class TestPreviewOfOtherProjects:
    """Copies of the reference project, and programs of one line, in a folder of their own."""

    def project(
        self, folder: Path, config: dict[str, Any], program: str | None = None, defaults: dict[str, Any] | None = None
    ) -> None:
        described = {"name": "loadfit", "runtime": "python", "main": "stacks/", "stackConfigDir": "stacks"}
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump({**described, "config": defaults or {}}))
        (folder / "stacks").mkdir()
        if program is None:
            for file in STACKS.glob("*.py"):
                shutil.copy(file, folder / "stacks")
        else:
            (folder / "stacks" / "__main__.py").write_text(program)
        (folder / "stacks" / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))

    def preview(self, folder: Path) -> int:
        return main(["preview", "--cwd", str(folder)])

    def test_the_load_may_be_inline(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.project(tmp_path, {"loadfit:load": document(), "loadfit:zones": ZONES})
        assert self.preview(tmp_path) == 0
        assert "36,000 of 55,000" in capsys.readouterr().out

    def test_the_load_may_be_the_projects(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """One load for every stack, as a default in Pulumi.yaml."""
        defaults = {"loadfit:load": {"type": "object", "default": document()}}
        self.project(tmp_path, {"loadfit:zones": ZONES}, defaults=defaults)
        assert self.preview(tmp_path) == 0
        assert "36,000 of 55,000" in capsys.readouterr().out

    def test_a_load_that_is_none_is_told_before_the_program_runs(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.project(tmp_path, {"loadfit:load": {"zones": 3}}, "raise SystemExit('the program ran')")
        assert self.preview(tmp_path) == 2
        err = capsys.readouterr().err
        assert f"{tmp_path}/stacks/Pulumi.dev.yaml:2: region: expected" in err
        assert "the program ran" not in err

    def test_wrong_zones_fail_the_preview_with_the_reason(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.project(tmp_path, {"loadfit:load": document(), "loadfit:zones": ZONES[:2]})
        assert self.preview(tmp_path) == 1
        shown = capsys.readouterr()
        assert shown.err.startswith("error: loadfit:zones: expected 3 different zone ids")
        assert shown.out == (
            "Preview of stack dev failed: nothing would be created.\nIts load fits: `loadfit size` reports the sizes.\n"
        )
        assert "Traceback" not in shown.out + shown.err

    def test_secrets_are_placeholders_that_stay_secret(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Nothing is decrypted: the program sees a placeholder, marked secret, and so does whatever it passes on."""
        program = (
            "import pulumi\n"
            "config = pulumi.Config()\n"
            "pulumi.export('password', config.require_secret('password'))\n"
            "pulumi.export('length', config.require_secret('password').apply(len))\n"
            "pulumi.export('database', config.require_secret_object('database'))\n"
            "pulumi.export('host', config.require_object('database')['host'])\n"
            f"assert config.require('password') == {SECRET_PLACEHOLDER!r}\n"
        )
        secure = {"secure": "v1:AAAAciphertext"}
        config = {"loadfit:password": secure, "loadfit:database": {"host": "db", "password": secure}}
        self.project(tmp_path, config, program)
        assert self.preview(tmp_path) == 0
        out = capsys.readouterr().out
        for name in ("password", "length", "database"):
            assert re.search(rf"^  {name}: \[secret\]$", out, re.MULTILINE), name
        assert "host: db" in out
        assert "ciphertext" not in out

    def test_a_program_without_a_load_is_shown_too(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.project(tmp_path, {}, "import pulumi\npulumi.ComponentResource('demo:index:Group', 'workers')\n")
        assert self.preview(tmp_path) == 0
        assert capsys.readouterr().out == (
            "Resources of stack dev: 1 to create, 0 read\n  └─ demo:index:Group  workers\n"
        )

    def test_a_mistake_in_the_program_is_told_with_its_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.project(tmp_path, {}, "import pulumi\n\nnothing = 1 / 0\n")
        assert self.preview(tmp_path) == 1
        err = capsys.readouterr().err
        assert "error: the program failed: ZeroDivisionError: division by zero" in err
        assert "__main__.py:3" in err


class TestWhatAnotherProgramDoes:
    """`loadfit preview` on programs that are not the reference stack."""

    @staticmethod
    def previewed(folder: Path, program: str, stack: str = "config: {}\n") -> subprocess.CompletedProcess[str]:
        (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (folder / "Pulumi.dev.yaml").write_text(stack)
        (folder / "__main__.py").write_text(program)
        return subprocess.run(
            [sys.executable, "-m", "loadfit.cli", "preview", "--cwd", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_a_call_to_a_provider_is_named_with_the_way_out(self, tmp_path: Path) -> None:
        done = self.previewed(tmp_path, "import pulumi_aws as aws\naws.get_availability_zones()\n")
        assert done.returncode == 1
        assert "aws:index/getAvailabilityZones:getAvailabilityZones" in done.stderr
        assert "nothing is contacted" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_program_that_ends_itself_has_failed(self, tmp_path: Path) -> None:
        done = self.previewed(tmp_path, "raise SystemExit(3)\n")
        assert done.returncode == 2
        assert "ended itself (3)" in done.stderr

    def test_environments_are_said_not_to_be_read(self, tmp_path: Path) -> None:
        done = self.previewed(tmp_path, "", stack="environment: [shared]\n")
        assert done.returncode == 0, done.stderr
        assert "environments (ESC)" in done.stdout

    def test_an_error_besides_a_load_that_does_not_fit_is_shown(self, tmp_path: Path) -> None:
        load = (ROOT / "examples" / "incident.yaml").read_text()
        (tmp_path / "load.yaml").write_text(load)
        done = self.previewed(
            tmp_path,
            "import pulumi\nraise pulumi.RunError('something else is wrong')\n",
            stack="config: {'loadfit:load': load.yaml}\n",
        )
        assert done.returncode == 1
        assert "NAT_PORTS_SHORT" in done.stdout
        assert "something else is wrong" in done.stderr

    def test_the_reason_stands_right_below_what_failed(self, tmp_path: Path) -> None:
        """Where both streams go to one place, as on a terminal."""
        (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (tmp_path / "load.yaml").write_text((ROOT / "examples" / "incident.yaml").read_text())
        (tmp_path / "Pulumi.dev.yaml").write_text("config: {'loadfit:load': load.yaml}\n")
        (tmp_path / "__main__.py").write_text("import pulumi\nraise pulumi.RunError('something else is wrong')\n")
        done = subprocess.run(
            [sys.executable, "-m", "loadfit.cli", "preview", "--cwd", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines()[:2] == [
            "Preview of stack dev failed: nothing would be created.",
            "error: something else is wrong",
        ]
        assert "NAT_PORTS_SHORT" in done.stdout
