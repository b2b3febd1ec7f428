"""The double of AWS: what EC2, RDS, CloudWatch and Lambda answer beyond what the data file says."""

from pathlib import Path
from typing import Any

from proofs.engine.provider import Inputs
from proofs.engine.rules import read_kinds
from tests.engine.doubles.cloud import Cloud, Object, Refused
from tests.engine.doubles.provider import Laws

__all__ = ["KINDS", "LAWS"]

KINDS = read_kinds(Path(__file__).with_name("aws.yaml"))
LAWS = Laws()

EIP = "aws:ec2/eip:Eip"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
INTERNET_GATEWAY = "aws:ec2/internetGateway:InternetGateway"
NAT_GATEWAY = "aws:ec2/natGateway:NatGateway"
REACH = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
SUBNET = "aws:ec2/subnet:Subnet"
INSTANCE = "aws:rds/instance:Instance"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHED = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
FUNCTION = "aws:lambda/function:Function"
ALIAS = "aws:lambda/alias:Alias"
PROVISIONED = "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig"
PERMISSION = "aws:lambda/permission:Permission"
FUNCTION_URL = "aws:lambda/functionUrl:FunctionUrl"
DESTINATION = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
TARGET = "aws:appautoscaling/target:Target"
POLICY = "aws:appautoscaling/policy:Policy"
SCHEDULED = "aws:appautoscaling/scheduledAction:ScheduledAction"
VERSION = "aws:lambda:PublishedVersion"
"""No resource of its own: publishing makes one, and it goes with its function."""


# Network


def _addresses(gateway: Object) -> set[str]:
    return {gateway.get("allocationId"), *(gateway.get("secondaryAllocationIds") or ())} - {None}


@LAWS.refuse("create", NAT_GATEWAY)
def _gateway_is_attached(cloud: Cloud, gateway: Object, _: Inputs) -> None:
    if gateway.get("connectivityType") == "private":
        return
    vpc = _vpc_of(cloud, gateway)
    if not any(one.get("vpcId") == vpc for one in cloud.of_type(INTERNET_GATEWAY)):
        raise Refused(f"Gateway.NotAttached: Network {vpc} has no Internet gateway attached")


@LAWS.refuse("create", NAT_GATEWAY)
@LAWS.refuse("update", NAT_GATEWAY)
def _addresses_are_free(cloud: Cloud, gateway: Object, _: Inputs) -> None:
    for other in cloud.of_type(NAT_GATEWAY):
        taken = _addresses(other) & _addresses(gateway) if other.id != gateway.id else set[str]()
        if taken:
            raise Refused(
                f"Resource.AlreadyAssociated: Elastic IP address [{', '.join(sorted(taken))}] is already associated, "
                f"with {other.label}"
            )


@LAWS.refuse("delete", INTERNET_GATEWAY)
def _no_address_is_mapped(cloud: Cloud, gateway: Object, _: Inputs) -> None:
    for nat in cloud.of_type(NAT_GATEWAY):
        if _vpc_of(cloud, nat) == gateway.get("vpcId"):
            raise Refused(
                f"DependencyViolation: Network {gateway.get('vpcId')} has some mapped public address(es), of "
                f"{nat.label}. Please unmap those public address(es) before detaching the gateway."
            )


def _vpc_of(cloud: Cloud, gateway: Object) -> Any:
    subnet = cloud.objects.get((SUBNET, gateway.get("subnetId")))
    return None if subnet is None else subnet.get("vpcId")


def _association(cloud: Cloud, address: Object) -> Inputs:
    """An address says which interface it is on; its own resource did not decide that."""
    for gateway in cloud.of_type(NAT_GATEWAY):
        if address.id in _addresses(gateway):
            return {"associationId": f"eipassoc-{address.id}", "networkInterface": gateway.get("networkInterfaceId")}
    return {}


def _primary(cloud: Cloud, gateway: Object) -> Inputs:
    address = cloud.objects.get((EIP, gateway.get("allocationId")))
    return {} if address is None else {"publicIp": address.get("publicIp")}


LAWS.read[EIP] = _association
LAWS.read[NAT_GATEWAY] = _primary


@LAWS.refuse("create", ENDPOINT)
@LAWS.refuse("update", ENDPOINT)
def _tables_have_no_such_endpoint(cloud: Cloud, endpoint: Object, _: Inputs) -> None:
    own = set(endpoint.get("routeTableIds") or ())
    for other in cloud.of_type(ENDPOINT):
        if other.id != endpoint.id and other.get("serviceName") == endpoint.get("serviceName"):
            shared = own & set(other.get("routeTableIds") or ())
            if shared:
                raise Refused(f"RouteAlreadyExists: {', '.join(sorted(shared))} has {other.get('serviceName')} already")


# Databases


_ADMITTED = ("securityGroupId", "ipProtocol", "fromPort", "toPort", "cidrIpv4", "referencedSecurityGroupId")


@LAWS.refuse("create", RULE, REACH)
@LAWS.refuse("update", RULE, REACH)
def _admitted_once(cloud: Cloud, rule: Object, _: Inputs) -> None:
    for other in cloud.of_type(rule.type):
        if other.id != rule.id and all(other.get(path) == rule.get(path) for path in _ADMITTED):
            raise Refused(f"InvalidPermission.Duplicate: the rule is there already, {other.label}")


@LAWS.refuse("create", INSTANCE)
def _role_may_monitor(cloud: Cloud, database: Object, _: Inputs) -> None:
    if not database.get("monitoringInterval"):
        return
    roles = {one.get("name") for one in cloud.of_type(ROLE) if one.get("arn") == database.get("monitoringRoleArn")}
    attached = [str(one.get("policyArn")) for one in cloud.of_type(ATTACHED) if one.get("role") in roles]
    if not any(policy.endswith("/AmazonRDSEnhancedMonitoringRole") for policy in attached):
        raise Refused(
            "InvalidParameterValue: IAM role ARN value is invalid or does not include the required permissions for: "
            "ENHANCED_MONITORING"
        )


@LAWS.refuse("delete", INSTANCE)
def _database_may_go(_cloud: Cloud, database: Object, _: Inputs) -> None:
    if database.get("deletionProtection"):
        raise Refused("InvalidParameterCombination: Cannot delete protected DB Instance, please disable protection")
    if not database.get("skipFinalSnapshot") and not database.get("finalSnapshotIdentifier"):
        raise Refused("final_snapshot_identifier is required when skip_final_snapshot is false")


# Functions


def _code_and_configuration(inputs: Inputs) -> Inputs:
    """What a published version holds: all but these."""
    return {key: value for key, value in inputs.items() if key not in {"tags", "reservedConcurrentExecutions"}}


def _published(old: Inputs, new: Inputs) -> tuple[str, ...]:
    publishes = new.get("publish") and _code_and_configuration(old) != _code_and_configuration(new)
    return ("version", "qualifiedArn") if publishes else ()


LAWS.renewed[FUNCTION] = _published


@LAWS.refuse("create", FUNCTION)
def _role_may_make_interfaces(cloud: Cloud, function: Object, _: Inputs) -> None:
    if not function.get("vpcConfig.subnetIds"):
        return
    role = next(one for one in cloud.of_type(ROLE) if one.get("arn") == function.get("role"))
    policies = [str(one.get("policy")) for one in cloud.of_type(ROLE_POLICY) if one.get("role") == role.get("name")]
    if not any("ec2:CreateNetworkInterface" in policy for policy in policies):
        raise Refused(
            "InvalidParameterValueException: The provided execution role does not have permissions to call "
            "CreateNetworkInterface on EC2"
        )


@LAWS.follow("create", FUNCTION)
@LAWS.follow("update", FUNCTION)
def _publish(cloud: Cloud, function: Object, old: Inputs) -> None:
    if not function.get("publish") or (old and not _published(old, function.inputs)):
        return
    number = str(1 + sum(one.get("functionName") == function.id for one in cloud.of_type(VERSION)))
    made = Object(VERSION, f"{function.id}:{number}", {"functionName": function.id})
    cloud.objects[VERSION, made.id] = made
    function.computed |= {"version": number, "qualifiedArn": f"{function.get('arn')}:{number}"}


@LAWS.follow("delete", FUNCTION)
def _versions_go_with_it(cloud: Cloud, function: Object, _old: Inputs) -> None:
    for one in [*cloud.of_type(VERSION), *cloud.of_type(ALIAS), *cloud.of_type(PROVISIONED)]:
        if one.get("functionName") == function.id:
            del cloud.objects[one.type, one.id]


@LAWS.refuse("create", ALIAS)
@LAWS.refuse("update", ALIAS)
def _version_exists(cloud: Cloud, alias: Object, _: Inputs) -> None:
    version = alias.get("functionVersion")
    if version != "$LATEST" and (VERSION, f"{alias.get('functionName')}:{version}") not in cloud.objects:
        raise Refused(f"ResourceNotFoundException: Function not found: {alias.get('functionName')}:{version}")
    if alias.get("routingConfig") and (PROVISIONED, alias.id) in cloud.objects:
        raise Refused("InvalidParameterValueException: Alias with weights can not be used with Provisioned Concurrency")


def _at_least_one(inputs: Inputs) -> list[tuple[str, str]]:
    executions = inputs.get("provisionedConcurrentExecutions")
    too_few = isinstance(executions, int) and executions < 1
    return [("provisionedConcurrentExecutions", "expected to be at least (1)")] if too_few else []


LAWS.checks[PROVISIONED] = _at_least_one


def _warmed(cloud: Cloud, provisioned: Object) -> str:
    """The version that is kept warm."""
    alias = cloud.objects.get((ALIAS, provisioned.id))
    return provisioned.id if alias is None else f"{alias.get('functionName')}:{alias.get('functionVersion')}"


@LAWS.refuse("create", PROVISIONED)
@LAWS.refuse("update", PROVISIONED)
def _qualifier_can_be_warm(cloud: Cloud, provisioned: Object, _: Inputs) -> None:
    qualified = f"{provisioned.get('functionName')}:{provisioned.get('qualifier')}"
    alias = cloud.objects.get((ALIAS, qualified))
    if alias is None and (VERSION, qualified) not in cloud.objects:
        raise Refused(f"ResourceNotFoundException: there is no alias or version {qualified}")
    if alias is not None and alias.get("functionVersion") == "$LATEST":
        raise Refused("InvalidParameterValueException: Provisioned Concurrency Configs cannot be applied to $LATEST")
    if alias is not None and alias.get("routingConfig"):
        raise Refused("InvalidParameterValueException: Alias with weights can not be used with Provisioned Concurrency")
    version = qualified if alias is None else f"{provisioned.get('functionName')}:{alias.get('functionVersion')}"
    if any(other.id != provisioned.id and _warmed(cloud, other) == version for other in cloud.of_type(PROVISIONED)):
        raise Refused(
            "InvalidParameterValueException: Alias can not be used for Provisioned Concurrency configuration on an "
            "already Provisioned version"
        )
    function = cloud.objects[FUNCTION, provisioned.get("functionName")]
    reserved = function.get("reservedConcurrentExecutions")
    if reserved is not None and provisioned.get("provisionedConcurrentExecutions") > reserved >= 0:
        raise Refused(f"InvalidParameterValueException: more than the {reserved} that are reserved for the function")


@LAWS.refuse("create", PERMISSION, FUNCTION_URL, DESTINATION)
def _qualifier_exists(cloud: Cloud, one: Object, _: Inputs) -> None:
    qualifier, function = one.get("qualifier"), one.get("function") or one.get("functionName")
    if qualifier and not {(ALIAS, f"{function}:{qualifier}"), (VERSION, f"{function}:{qualifier}")} & set(
        cloud.objects
    ):
        raise Refused(f"ResourceNotFoundException: there is no alias or version {function}:{qualifier}")


@LAWS.refuse("create", TARGET)
def _target_can_scale(cloud: Cloud, target: Object, _: Inputs) -> None:
    function, qualifier = str(target.get("resourceId")).split(":", 2)[1:]
    if (ALIAS, f"{function}:{qualifier}") not in cloud.objects:
        raise Refused(f"ValidationException: there is no alias {function}:{qualifier} to scale")


@LAWS.follow("delete", TARGET)
def _policies_go_with_it(cloud: Cloud, target: Object, _: Inputs) -> None:
    for one in [*cloud.of_type(POLICY), *cloud.of_type(SCHEDULED)]:
        if one.get("resourceId") == target.get("resourceId"):
            del cloud.objects[one.type, one.id]
