"""The databases of the load: RDS PostgreSQL with the declared ``max_connections``, and the pool before it.

Where the pool runs, and what it is given there, is configuration:

.. code-block:: yaml

    loadfit:pool:
      credentials: orders-credentials      # a Secret with the role's username and password
      server_ca_config_map: rds-ca         # a ConfigMap with the RDS bundle, global-bundle.pem
      client_tls_secret: pgbouncer-tls     # a certificate for the pool, as cert-manager makes them
      namespace: default
      cluster_security_group: sg-0a1b      # the nodes', of a cluster that exists; the private subnets where not given
    loadfit:database:                      # databases that exist already: of these, the pool alone is made
      orders: orders.0a1b.us-east-1.rds.amazonaws.com:5432

The cluster is that of stacks/cluster.py. No password passes through the program: RDS keeps the master's in Secrets
Manager, the role's is in the cluster's Secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pydantic import Field

import loadfit
from cluster import Cluster, is_made
from configuration import declared, validated
from loadfit.core.model import Declared
from network import Network, exists

ENGINE, MAJOR = "postgres", "17"
PORT = 5432
MONITORING = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
MONITORING_SECONDS = 60
"""How often RDS writes down what a database's machine does: memory and processes, which its metrics do not tell."""
INSTANCE_CLASS = "db.m7g.large"
"""Where neither the load nor the configuration names one; its own default of max_connections is about 830."""


_Text = Annotated[str, Field(min_length=1)]


class PoolConfig(Declared):
    """What is under ``loadfit:pool``."""

    credentials: _Text
    server_ca_config_map: _Text
    client_tls_secret: _Text
    namespace: _Text = "default"
    cluster_security_group: _Text | None = None


class _UnusedPoolConfig(PoolConfig):
    """The same where nothing is pooled."""

    credentials: _Text = ""
    server_ca_config_map: _Text = ""
    client_tls_secret: _Text = ""


def pool_config(loads: Mapping[str, loadfit.DatabaseLoad]) -> PoolConfig:
    """The configuration of the pools, checked before anything is registered.

    Args:
        loads: The databases by name.

    Raises:
        loadfit.InvalidInputs: It is wrong, or what the databases need is not there.
    """
    given = declared("pool")
    pooled = any(load.pooled_groups for load in loads.values())
    if given is None and pooled:
        raise loadfit.InvalidInputs(
            "loadfit:pool: expected what the pool is given in its cluster (credentials, server_ca_config_map, "
            "client_tls_secret), found nothing. Declare it in the stack's file: stacks/databases.py says how."
        )
    known = validated("pool", PoolConfig if pooled else _UnusedPoolConfig, {} if given is None else given)
    if known.cluster_security_group is not None and is_made():
        raise loadfit.InvalidInputs(
            "loadfit:pool.cluster_security_group: expected nothing beside loadfit:cluster, found one. The security "
            "group is that of the cluster that the stack makes."
        )
    if made_here(loads) and known.cluster_security_group is None and exists() and not is_made():
        raise loadfit.InvalidInputs(
            "loadfit:pool: expected cluster_security_group, the security group of the cluster's nodes, found nothing: "
            "in a network that exists already, it is what the database admits."
        )
    return known


@dataclass(frozen=True)
class Pools:
    """The pools, and the cluster that they are in."""

    by_database: Mapping[str, loadfit.PgBouncerPool]
    cluster: kubernetes.Provider | None
    """``None``: that of the ambient kubeconfig."""
    namespace: str


def existing_endpoints(loads: Mapping[str, loadfit.DatabaseLoad]) -> Mapping[str, str]:
    """The endpoints under ``loadfit:database`` of databases that exist already, by name.

    Raises:
        loadfit.InvalidInputs: It is of another form, or names a database that the load does not declare.
    """
    given = declared("database")
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(one, str) and one for one in given.values()):
        raise loadfit.InvalidInputs(
            "loadfit:database: expected endpoints by the names of databases, such as orders: "
            "orders.0a1b.us-east-1.rds.amazonaws.com:5432, found another form"
        )
    unknown = sorted(set(given) - set(loads))
    if unknown:
        raise loadfit.InvalidInputs(
            f"loadfit:database: expected names of the load's databases ({', '.join(loads) or 'none'}), found "
            f"{', '.join(unknown)}"
        )
    return given


def made_here(loads: Mapping[str, loadfit.DatabaseLoad]) -> list[str]:
    """The databases that the stack makes, by name."""
    existing = existing_endpoints(loads)
    return [name for name in loads if name not in existing]


def databases(
    loads: Mapping[str, loadfit.DatabaseLoad],
    wired: PoolConfig,
    network: Network,
    region: str,
    ways_in: Mapping[str, loadfit.PoolLoadBalancer],
    cluster: Cluster,
) -> Pools:
    """Makes each declared database with its pool, and exports where clients find it.

    Args:
        loads: The databases by name.
        wired: The configuration of the pools.
        network: Where they stand.
        region: The Region's code.
        ways_in: By database, the way into its pool for clients outside of the cluster.
        cluster: Where the pools run.

    Raises:
        loadfit.InvalidInputs: A load does not fit.
    """
    pools: dict[str, loadfit.PgBouncerPool] = {}
    existing, made = existing_endpoints(loads), made_here(loads)
    shared = _shared(network, region) if made else None
    for name, load in loads.items():
        if shared is None or name in existing:
            endpoint: pulumi.Input[str] = existing[name]
        else:
            admitted = _admitted(name, network, wired, cluster, region)
            instance = _instance(name, load, admitted, shared, region)
            endpoint = instance.endpoint
            if not load.pooled_groups:
                pulumi.export(f"{name}_host", instance.address)
        if not load.pooled_groups:
            continue
        given: loadfit.PgBouncerPoolArgs = {
            "load": load,
            "endpoint": endpoint,
            "credentials": wired.credentials,
            "server_ca_config_map": wired.server_ca_config_map,
            "client_tls_secret": wired.client_tls_secret,
            "namespace": wired.namespace,
            "database_name": database_name(name),
        }
        if name in ways_in:
            given["load_balancer"] = ways_in[name]
        pool = loadfit.PgBouncerPool(name, given, pulumi.ResourceOptions(provider=cluster.provider))
        pools[name] = pool
        pulumi.export(f"{name}_url", pool.url)
        pulumi.export(f"{name}_sizing", pool.sizing)
    return Pools(pools, cluster.provider, wired.namespace)


def _admitted(name: str, network: Network, wired: PoolConfig, cluster: Cluster, region: str) -> aws.ec2.SecurityGroup:
    """Who reaches the database: the cluster's nodes, or else what stands in the private subnets."""
    group = aws.ec2.SecurityGroup(
        f"{name}-database",
        description=f"PostgreSQL of {name}: the cluster, and nothing else",
        vpc_id=network.vpc_id,
        region=region,
        tags=_tags(f"{name}-database"),
    )
    nodes = wired.cluster_security_group or cluster.security_group_id
    sources: dict[str, dict[str, Any]] = (
        {f"{name}-database": {"referenced_security_group_id": nodes}}
        if nodes is not None
        # A rule for each zone: one more zone changes none of the others.
        else {f"{name}-database-{zone}": {"cidr_ipv4": block} for zone, block in network.private_blocks.items()}
    )
    for rule, source in sources.items():
        aws.vpc.SecurityGroupIngressRule(
            rule,
            security_group_id=group.id,
            ip_protocol="tcp",
            from_port=PORT,
            to_port=PORT,
            description="PostgreSQL for the cluster",
            region=region,
            tags=_tags(rule),
            opts=pulumi.ResourceOptions(parent=group),
            **source,
        )
    return group


@dataclass(frozen=True)
class _Shared:
    """What all databases of the stack have in common."""

    subnets: aws.rds.SubnetGroup
    monitoring: aws.iam.Role
    """With which RDS writes down what the databases' machines do."""
    may_monitor: aws.iam.RolePolicyAttachment


def _shared(network: Network, region: str) -> _Shared:
    subnets = aws.rds.SubnetGroup(
        "databases", subnet_ids=network.private_subnet_ids, region=region, tags=_tags("databases")
    )
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "monitoring.rds.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = aws.iam.Role("monitoring", assume_role_policy=pulumi.Output.json_dumps(trust), tags=_tags("monitoring"))
    attached = aws.iam.RolePolicyAttachment(
        "monitoring", role=role.name, policy_arn=MONITORING, opts=pulumi.ResourceOptions(parent=role)
    )
    return _Shared(subnets, role, attached)


def _instance(
    name: str,
    load: loadfit.DatabaseLoad,
    admitted: aws.ec2.SecurityGroup,
    shared: _Shared,
    region: str,
) -> aws.rds.Instance:
    # The literal makes max_connections exact: RDS's own formula overstates it.
    parameters = [aws.rds.ParameterGroupParameterArgs(name="rds.force_ssl", value="1")]
    if load.max_connections is not None:
        parameters.append(
            aws.rds.ParameterGroupParameterArgs(
                name="max_connections", value=str(load.max_connections), apply_method="pending-reboot"
            )
        )
    parameter_group = aws.rds.ParameterGroup(
        name, family=f"{ENGINE}{MAJOR}", parameters=parameters, region=region, tags=_tags(name)
    )
    return aws.rds.Instance(
        name,
        engine=ENGINE,
        engine_version=MAJOR,
        instance_class=_instance_class(load),
        db_name=database_name(name),
        username="master",
        manage_master_user_password=True,
        parameter_group_name=parameter_group.name,
        db_subnet_group_name=shared.subnets.name,
        vpc_security_group_ids=[admitted.id],
        allocated_storage=50,
        storage_type="gp3",
        storage_encrypted=True,
        multi_az=True,
        ca_cert_identifier="rds-ca-rsa2048-g1",
        monitoring_interval=MONITORING_SECONDS,
        monitoring_role_arn=shared.monitoring.arn,
        backup_retention_period=7,
        copy_tags_to_snapshot=True,
        deletion_protection=True,
        final_snapshot_identifier=f"{name}-final",
        region=region,
        tags=_tags(name),
        # RDS's own protection stops a destroy only when everything that stands on the database is gone already; this
        # one stops it at its preview. RDS looks at what the role may do when it makes the database.
        opts=pulumi.ResourceOptions(protect=True, depends_on=[shared.may_monitor]),
    )


def database_name(name: str) -> str:
    """A database's name in PostgreSQL: RDS takes no hyphen in it."""
    return name.replace("-", "_")


def _instance_class(load: loadfit.DatabaseLoad) -> str:
    named = load.instance_class or pulumi.Config("loadfit").get("instance_class") or INSTANCE_CLASS
    return named if named.startswith("db.") else f"db.{named}"


def _tags(name: str) -> dict[str, str]:
    return {"Name": name, "project": pulumi.get_project(), "stack": pulumi.get_stack()}
