"""The doubles themselves, without an engine: each refuses what AWS or Kubernetes would, and does what they would."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import json_format

from proofs.kubernetes import kinds
from proofs.kubernetes.kinds import CONFIG_MAP, SECRET, SERVICE, STATEFUL_SET
from tests.engine.account import Account, Inputs
from tests.engine.doubles import aws, kubernetes
from tests.engine.doubles.cloud import Refused
from tests.engine.doubles.kubernetes import KubernetesDouble
from tests.engine.doubles.provider import Double

VPC, SUBNET = "aws:ec2/vpc:Vpc", aws.SUBNET


@pytest.fixture
def account() -> Account:
    return Account(Double(aws.KINDS, aws.LAWS, "7.0.0"))


@pytest.fixture
def cluster() -> Account:
    return Account(KubernetesDouble(kinds.KINDS, kubernetes.LAWS, "4.0.0"))


@pytest.fixture
def network(account: Account) -> str:
    """A public subnet."""
    vpc = account.create(VPC, cidrBlock="10.0.0.0/16")
    account.create(aws.INTERNET_GATEWAY, vpcId=vpc)
    return account.create(SUBNET, vpcId=vpc, cidrBlock="10.0.0.0/24")


def gateway(account: Account, subnet: str, name: str = "one", **inputs: Any) -> tuple[str, str]:
    address = account.create(aws.EIP, name, domain="vpc")
    return account.create(aws.NAT_GATEWAY, name, allocationId=address, subnetId=subnet, **inputs), address


class TestEgress:
    def test_an_address_is_on_one_gateway_only(self, account: Account, network: str) -> None:
        nat, address = gateway(account, network)
        for inputs in ({"allocationId": address}, {"secondaryAllocationIds": [address]}):
            with pytest.raises(Refused, match=r"Resource\.AlreadyAssociated"):
                account.create(aws.NAT_GATEWAY, subnetId=network, **inputs)
        other, _ = gateway(account, network, "other")
        with pytest.raises(Refused, match=r"Resource\.AlreadyAssociated"):
            account.update(aws.NAT_GATEWAY, other, secondaryAllocationIds=[address])
        account.delete(aws.NAT_GATEWAY, nat)
        account.update(aws.NAT_GATEWAY, other, secondaryAllocationIds=[address])

    def test_a_gateway_needs_an_internet_gateway_that_is_attached(self, account: Account) -> None:
        vpc = account.create(VPC, cidrBlock="10.0.0.0/16")
        subnet = account.create(SUBNET, vpcId=vpc, cidrBlock="10.0.0.0/24")
        with pytest.raises(Refused, match=r"Gateway\.NotAttached"):
            gateway(account, subnet)
        account.create(aws.INTERNET_GATEWAY, vpcId=vpc)
        gateway(account, subnet)

    def test_an_internet_gateway_stays_while_addresses_are_mapped(self, account: Account, network: str) -> None:
        nat, _ = gateway(account, network)
        (internet,) = [one.id for one in account.cloud.of_type(aws.INTERNET_GATEWAY)]
        with pytest.raises(Refused, match="mapped public address"):
            account.delete(aws.INTERNET_GATEWAY, internet)
        account.delete(aws.NAT_GATEWAY, nat)
        account.delete(aws.INTERNET_GATEWAY, internet)

    def test_an_address_in_use_is_not_released(self, account: Account, network: str) -> None:
        nat, address = gateway(account, network)
        with pytest.raises(Refused, match="DependencyViolation"):
            account.delete(aws.EIP, address)
        account.delete(aws.NAT_GATEWAY, nat)
        account.delete(aws.EIP, address)

    def test_secondary_addresses_stay_where_none_are_given_and_go_with_an_empty_list(
        self, account: Account, network: str
    ) -> None:
        second = account.create(aws.EIP, "second", domain="vpc")
        nat, _ = gateway(account, network, secondaryAllocationIds=[second])
        old = account.cloud.objects[aws.NAT_GATEWAY, nat].inputs
        kept = {key: value for key, value in old.items() if key != "secondaryAllocationIds"}
        assert list(account.diff(aws.NAT_GATEWAY, old, kept).diffs) == []
        assert list(account.diff(aws.NAT_GATEWAY, old, {**kept, "secondaryAllocationIds": []}).diffs) == [
            "secondaryAllocationIds"
        ]

    def test_a_subnet_has_one_route_table_and_a_table_one_default_route(self, account: Account, network: str) -> None:
        vpc = account.cloud.objects[SUBNET, network].get("vpcId")
        table = account.create("aws:ec2/routeTable:RouteTable", vpcId=vpc)
        association = "aws:ec2/routeTableAssociation:RouteTableAssociation"
        account.create(association, routeTableId=table, subnetId=network)
        with pytest.raises(Refused, match="AlreadyExists"):
            account.create(association, "other", routeTableId=table, subnetId=network)
        nat, _ = gateway(account, network)
        route = {"routeTableId": table, "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": nat}
        account.create("aws:ec2/route:Route", **route)
        with pytest.raises(Refused, match="AlreadyExists"):
            account.create("aws:ec2/route:Route", "other", **route)

    def test_a_route_table_has_one_endpoint_of_a_service(self, account: Account, network: str) -> None:
        vpc = account.cloud.objects[SUBNET, network].get("vpcId")
        table = account.create("aws:ec2/routeTable:RouteTable", vpcId=vpc)
        endpoint = {"vpcId": vpc, "serviceName": "com.amazonaws.us-east-1.s3", "routeTableIds": [table]}
        account.create(aws.ENDPOINT, **endpoint)
        with pytest.raises(Refused, match="RouteAlreadyExists"):
            account.create(aws.ENDPOINT, "other", **endpoint)
        elsewhere = account.create(aws.ENDPOINT, "other", **{**endpoint, "routeTableIds": []})
        with pytest.raises(Refused, match="RouteAlreadyExists"):
            account.update(aws.ENDPOINT, elsewhere, routeTableIds=[table])

    @pytest.mark.parametrize("named", ["dashboardName", "name"])
    def test_names_of_dashboards_and_log_groups_are_taken_once(self, account: Account, named: str) -> None:
        token = "aws:cloudwatch/dashboard:Dashboard" if named == "dashboardName" else "aws:cloudwatch/logGroup:LogGroup"
        account.create(token, **{named: "same"})
        with pytest.raises(Refused, match="AlreadyExists"):
            account.create(token, "other", **{named: "same"})

    def test_what_names_another_object_needs_it(self, account: Account, network: str) -> None:
        with pytest.raises(Refused, match="NotFound: allocationId eipalloc-none"):
            account.create(aws.NAT_GATEWAY, allocationId="eipalloc-none", subnetId=network)

    def test_what_is_gone_is_not_updated(self, account: Account) -> None:
        address = account.create(aws.EIP)
        planted = account.cloud.objects[aws.EIP, address]
        account.delete(aws.EIP, address)
        with pytest.raises(Refused, match=f"NotFound: there is no {address}"):
            account.update(aws.EIP, address, planted.inputs, tags={"a": "b"})

    def test_a_type_that_nobody_described_is_refused(self, account: Account) -> None:
        with pytest.raises(Refused, match="the double knows no aws:ec2/instance:Instance"):
            account.create("aws:ec2/instance:Instance")


class TestReplacement:
    @pytest.mark.parametrize(
        "changed",
        ["allocationId", "connectivityType", "privateIp", "region", "secondaryAllocationIds", "subnetId", "tags"],
    )
    def test_some_inputs_of_a_gateway_replace_it(self, account: Account, changed: str) -> None:
        found = account.diff(aws.NAT_GATEWAY, {changed: "old"}, {changed: "new"})
        assert list(found.diffs) == [changed]
        in_place = changed in {"secondaryAllocationIds", "tags"}
        assert list(found.replaces) == ([] if in_place else [changed])
        assert not found.deleteBeforeReplace, "the provider leaves that to the program"

    def test_a_name_that_the_program_gave_is_free_only_once_its_bearer_is_gone(self, account: Account) -> None:
        token = "aws:ec2/securityGroup:SecurityGroup"
        given = account.diff(token, {"name": "a", "vpcId": "1"}, {"name": "a", "vpcId": "2"})
        assert given.deleteBeforeReplace
        made = json_format.MessageToDict(account.check(token, {"vpcId": "1"}).inputs)
        assert made["name"].startswith("one-")
        assert not account.diff(token, made, {**made, "vpcId": "2"}).deleteBeforeReplace


class TestDatabases:
    @pytest.mark.parametrize("token", [aws.RULE, aws.REACH])
    def test_addresses_are_admitted_once(self, account: Account, network: str, token: str) -> None:
        group = account.create(
            "aws:ec2/securityGroup:SecurityGroup", vpcId=account.cloud.objects[SUBNET, network].get("vpcId"), name="a"
        )
        rule = {"securityGroupId": group, "ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432}
        account.create(token, **rule, cidrIpv4="10.0.0.0/20")
        with pytest.raises(Refused, match=r"InvalidPermission\.Duplicate"):
            account.create(token, "other", **rule, cidrIpv4="10.0.0.0/20")
        other = account.create(token, "other", **rule, cidrIpv4="10.0.16.0/20")
        with pytest.raises(Refused, match=r"InvalidPermission\.Duplicate"):
            account.update(token, other, cidrIpv4="10.0.0.0/20")

    def test_a_protected_database_is_not_deleted_nor_one_without_a_last_snapshot(self, account: Account) -> None:
        database = account.create(aws.INSTANCE, identifier="orders", deletionProtection=True)
        with pytest.raises(Refused, match="Cannot delete protected DB Instance"):
            account.delete(aws.INSTANCE, database)
        account.update(aws.INSTANCE, database, deletionProtection=False)
        with pytest.raises(Refused, match="final_snapshot_identifier is required"):
            account.delete(aws.INSTANCE, database)
        account.update(aws.INSTANCE, database, finalSnapshotIdentifier="orders-final")
        account.delete(aws.INSTANCE, database)

    def test_a_database_is_monitored_by_a_role_that_may(self, account: Account) -> None:
        role = account.create(aws.ROLE, name="monitoring")
        arn = account.cloud.objects[aws.ROLE, role].get("arn")
        watched = {"identifier": "orders", "monitoringInterval": 60, "monitoringRoleArn": arn}
        with pytest.raises(Refused, match="required permissions for: ENHANCED_MONITORING"):
            account.create(aws.INSTANCE, **watched)
        policy = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
        account.create(aws.ATTACHED, role="monitoring", policyArn=policy)
        account.create(aws.INSTANCE, **watched)


@pytest.fixture
def function(account: Account) -> str:
    role = account.create("aws:iam/role:Role", name="role")
    arn = account.cloud.objects["aws:iam/role:Role", role].get("arn")
    return account.create(aws.FUNCTION, name="storefront", role=arn, publish=True, timeout=3)


class TestFunctions:
    def test_a_change_of_code_or_configuration_publishes_a_version_and_of_tags_none(
        self, account: Account, function: str
    ) -> None:
        assert account.cloud.objects[aws.FUNCTION, function].get("version") == "1"
        assert account.update(aws.FUNCTION, function, timeout=4)["version"] == "2"
        assert account.update(aws.FUNCTION, function, tags={"a": "b"})["version"] == "2"
        assert account.update(aws.FUNCTION, function, reservedConcurrentExecutions=10)["version"] == "2"

    def test_nothing_is_published_unless_the_function_says_so(self, account: Account, function: str) -> None:
        assert account.update(aws.FUNCTION, function, publish=False, timeout=4)["version"] == "1"
        with pytest.raises(Refused, match="Function not found: storefront:2"):
            account.create(aws.ALIAS, functionName=function, name="live", functionVersion="2")

    def test_weights_and_provisioned_concurrency_exclude_each_other(self, account: Account, function: str) -> None:
        weights = {"additionalVersionWeights": {"1": 0.1}}
        alias = account.create(
            aws.ALIAS, functionName=function, name="live", functionVersion="1", routingConfig=weights
        )
        warm = {"functionName": function, "qualifier": "live", "provisionedConcurrentExecutions": 5}
        with pytest.raises(Refused, match="Alias with weights"):
            account.create(aws.PROVISIONED, **warm)
        account.update(aws.ALIAS, alias, routingConfig=None)
        account.create(aws.PROVISIONED, **warm)
        with pytest.raises(Refused, match="Alias with weights"):
            account.update(aws.ALIAS, alias, routingConfig=weights)

    def test_what_is_warm_is_a_version_and_at_least_one_and_no_more_than_is_reserved(
        self, account: Account, function: str
    ) -> None:
        account.create(aws.ALIAS, functionName=function, name="latest", functionVersion="$LATEST")
        account.create(aws.ALIAS, functionName=function, name="live", functionVersion="1")
        warm = {"functionName": function, "provisionedConcurrentExecutions": 5}
        for qualifier, reason in (("none", "no alias or version"), ("latest", r"cannot be applied to \$LATEST")):
            with pytest.raises(Refused, match=reason):
                account.create(aws.PROVISIONED, **warm, qualifier=qualifier)
        (failure,) = account.check(aws.PROVISIONED, {**warm, "provisionedConcurrentExecutions": 0}).failures
        assert failure.property == "provisionedConcurrentExecutions"
        account.update(aws.FUNCTION, function, reservedConcurrentExecutions=4)
        with pytest.raises(Refused, match="more than the 4 that are reserved"):
            account.create(aws.PROVISIONED, **warm, qualifier="live")

    def test_more_is_not_warm_later_either(self, account: Account, function: str) -> None:
        account.create(aws.ALIAS, functionName=function, name="live", functionVersion="1")
        warm = account.create(
            aws.PROVISIONED, functionName=function, qualifier="live", provisionedConcurrentExecutions=4
        )
        account.update(aws.FUNCTION, function, reservedConcurrentExecutions=4)
        with pytest.raises(Refused, match="more than the 4 that are reserved"):
            account.update(aws.PROVISIONED, warm, provisionedConcurrentExecutions=5)

    def test_a_function_in_a_network_has_a_role_that_may_make_interfaces(self, account: Account, network: str) -> None:
        role = account.create(aws.ROLE, name="role")
        placed = {"name": "storefront", "role": account.cloud.objects[aws.ROLE, role].get("arn")}
        placed["vpcConfig"] = {"subnetIds": [network], "securityGroupIds": []}
        with pytest.raises(Refused, match="does not have permissions to call CreateNetworkInterface"):
            account.create(aws.FUNCTION, **placed)
        account.create(aws.ROLE_POLICY, role="role", policy='{"Action": "ec2:CreateNetworkInterface"}')
        account.create(aws.FUNCTION, **placed)

    def test_a_version_is_warm_once(self, account: Account, function: str) -> None:
        warm = {"functionName": function, "provisionedConcurrentExecutions": 5}
        for name in ("blue", "green"):
            account.create(aws.ALIAS, functionName=function, name=name, functionVersion="1")
        first = account.create(aws.PROVISIONED, **warm, qualifier="blue")
        for qualifier in ("green", "1"):
            with pytest.raises(Refused, match="already Provisioned version"):
                account.create(aws.PROVISIONED, "other", **warm, qualifier=qualifier)
        account.delete(aws.PROVISIONED, first)
        account.create(aws.PROVISIONED, "other", **warm, qualifier="green")

    @pytest.mark.parametrize(
        ("token", "inputs"),
        [
            (aws.PERMISSION, {"function": "storefront", "qualifier": "live"}),
            (aws.FUNCTION_URL, {"functionName": "storefront", "qualifier": "live"}),
            (aws.DESTINATION, {"functionName": "storefront", "qualifier": "live"}),
            (aws.TARGET, {"resourceId": "function:storefront:live"}),
        ],
    )
    def test_what_is_on_an_alias_comes_after_it(
        self, account: Account, function: str, token: str, inputs: Inputs
    ) -> None:
        with pytest.raises(Refused, match="there is no alias"):
            account.create(token, **inputs)
        account.create(aws.ALIAS, functionName=function, name="live", functionVersion="1")
        account.create(token, **inputs)

    def test_schedules_and_policies_need_their_target_and_go_with_it(self, account: Account, function: str) -> None:
        account.create(aws.ALIAS, functionName=function, name="live", functionVersion="1")
        scaled = {"name": "day", "resourceId": "function:storefront:live", "serviceNamespace": "lambda"}
        for token in (aws.POLICY, aws.SCHEDULED):
            with pytest.raises(Refused, match="NotFound: resourceId"):
                account.create(token, **scaled)
        target = account.create(aws.TARGET, resourceId="function:storefront:live")
        account.create(aws.POLICY, **scaled)
        account.create(aws.SCHEDULED, **scaled)
        account.delete(aws.TARGET, target)
        assert not list(account.cloud.of_type(aws.POLICY))
        assert not list(account.cloud.of_type(aws.SCHEDULED))


def named(name: str, **more: Any) -> Inputs:
    return {"metadata": {"name": name, "namespace": "default"}, **more}


def replicas(**spec: Any) -> Inputs:
    volumes = [{"configMap": {"name": "config"}}, {"secret": {"secretName": "credentials"}}]
    template = {"spec": {"volumes": volumes}}
    return named("orders", spec={"serviceName": "peers", "replicas": 2, "template": template, **spec})


class TestKubernetes:
    @pytest.mark.parametrize("missing", [CONFIG_MAP, SECRET, SERVICE])
    def test_pods_wait_for_what_they_mount_and_for_their_names(self, cluster: Account, missing: str) -> None:
        for token, name in ((CONFIG_MAP, "config"), (SECRET, "credentials"), (SERVICE, "peers")):
            if token != missing:
                cluster.create(token, **named(name))
        with pytest.raises(Refused, match=r"not found|no names"):
            cluster.create(STATEFUL_SET, **replicas())

    @pytest.mark.parametrize("field", ["serviceName", "podManagementPolicy", "selector", "volumeClaimTemplates"])
    def test_some_fields_of_a_stateful_set_replace_it(self, cluster: Account, field: str) -> None:
        found = cluster.diff(STATEFUL_SET, replicas(**{field: "old"}), replicas(**{field: "new"}))
        assert list(found.replaces) == [f"spec.{field}"]
        assert found.deleteBeforeReplace, "its name stays"

    def test_other_fields_of_a_stateful_set_change_in_place_or_not_at_all(self, cluster: Account) -> None:
        for token, name in ((CONFIG_MAP, "config"), (SECRET, "credentials"), (SERVICE, "peers")):
            cluster.create(token, **named(name))
        made = cluster.create(STATEFUL_SET, **replicas())
        cluster.update(STATEFUL_SET, made, **replicas(replicas=3))
        volumes = [{"secret": {"secretName": "no such"}}]
        with pytest.raises(Refused, match='Secret "default/no such" not found'):
            cluster.update(STATEFUL_SET, made, **replicas(replicas=3, template={"spec": {"volumes": volumes}}))
        with pytest.raises(Refused, match="updates to statefulset spec"):
            cluster.update(STATEFUL_SET, made, **replicas(replicas=3, podManagementPolicy="Parallel"))

    @pytest.mark.parametrize(("token", "data"), [(CONFIG_MAP, "data"), (SECRET, "stringData")])
    def test_data_replaces_its_object_and_never_changes_where_it_is_immutable(
        self, cluster: Account, token: str, data: str
    ) -> None:
        old, new = named("a", immutable=True, **{data: {"k": "1"}}), named("a", immutable=True, **{data: {"k": "2"}})
        assert list(cluster.diff(token, old, new).replaces) == [f"{data}.k"]
        made = cluster.create(token, **old)
        with pytest.raises(Refused, match="field is immutable"):
            cluster.update(token, made, **new)

    def test_a_name_is_taken_once_in_a_namespace(self, cluster: Account) -> None:
        cluster.create(SERVICE, **named("a"))
        with pytest.raises(Refused, match="AlreadyExists"):
            cluster.create(SERVICE, "other", **named("a"))


class TestPlantedFaults:
    def test_one_fails_once(self, account: Account) -> None:
        account.cloud.fail("create", "one", "InternalError")
        with pytest.raises(Refused, match="InternalError"):
            account.create(aws.EIP)
        account.create(aws.EIP)

    def test_what_must_hold_is_looked_at_after_everything_that_is_done(self, account: Account) -> None:
        def few() -> None:
            assert len(account.cloud.objects) < 2, "too many"

        account.cloud.invariants.append(few)
        steps: list[Callable[[], object]] = [lambda: account.create(aws.EIP), lambda: account.create(aws.EIP, "two")]
        for step in steps:
            step()
        (broken,) = account.cloud.broken
        assert broken.startswith("after create Eip two: too many")
