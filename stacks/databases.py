"""The databases of the load: RDS PostgreSQL with the declared ``max_connections``, and the pool before it.

Where the pool runs, and what it is given there, is configuration:

.. code-block:: yaml

    loadfit:pool:
      credentials: orders-credentials      # a Secret with the role's username and password
      server_ca_config_map: rds-ca         # a ConfigMap with the RDS bundle, global-bundle.pem
      client_tls_secret: pgbouncer-tls     # a certificate for the pool, as cert-manager makes them
      namespace: default
      cluster_security_group: sg-0a1b      # the nodes'; the private subnets where not given

The cluster is the one of the ambient kubeconfig, or of ``pulumi config set --secret loadfit:kubeconfig``. No password
passes through the program: RDS keeps the master's in Secrets Manager, the role's is in the cluster's Secret.
"""

from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pydantic import BaseModel, ConfigDict, ValidationError

import loadfit
from network import Network

ENGINE, MAJOR = "postgres", "17"
INSTANCE_CLASS = "db.m7g.large"
"""Where neither the load nor the configuration names one; its own default of max_connections is about 830."""


class _Pool(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    credentials: str
    server_ca_config_map: str
    client_tls_secret: str
    namespace: str = "default"
    cluster_security_group: str | None = None


def databases(loads: dict[str, loadfit.DatabaseLoad], network: Network, region: str) -> None:
    """Makes each declared database with its pool, and exports where clients find it.

    Args:
        loads: The databases by name.
        network: Where they stand.
        region: The Region's code.

    Raises:
        loadfit.InvalidInputs: The configuration of the pool is missing or wrong, or a load does not fit.
    """
    if not loads:
        return
    wired = _wiring(network)
    subnets = [subnet for zone in network.zones.values() for subnet in zone["private_subnet_ids"]]
    group = aws.rds.SubnetGroup("databases", subnet_ids=subnets, region=region, tags=_tags("databases"))
    cluster = _cluster()
    for name, load in loads.items():
        instance = _instance(name, load, network, wired, group, region)
        if load.pooled is False:
            pulumi.export(f"{name}_host", instance.address)
            continue
        pool = loadfit.PgBouncerPool(
            name,
            {
                "load": load,
                "endpoint": instance.endpoint,
                "credentials": wired.credentials,
                "server_ca_config_map": wired.server_ca_config_map,
                "client_tls_secret": wired.client_tls_secret,
                "namespace": wired.namespace,
                "database_name": _database_name(name),
            },
            pulumi.ResourceOptions(provider=cluster),
        )
        pulumi.export(f"{name}_url", pool.url)
        pulumi.export(f"{name}_sizing", pool.sizing)


def _wiring(network: Network) -> _Pool:
    declared: Any = pulumi.Config("loadfit").get_object("pool")
    if declared is None:
        raise loadfit.InvalidInputs(
            "loadfit:pool: expected what the pool is given in its cluster (credentials, server_ca_config_map, "
            "client_tls_secret), found nothing. Declare it in the stack's file: stacks/databases.py says how."
        )
    try:
        wired = _Pool.model_validate(declared)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise loadfit.InvalidInputs("loadfit:pool: " + "; ".join(lines)) from None
    if wired.cluster_security_group is None and not network.private_blocks:
        raise loadfit.InvalidInputs(
            "loadfit:pool: expected cluster_security_group, the security group of the cluster's nodes, found nothing: "
            "in a network that exists already, it is what the database admits."
        )
    return wired


def _cluster() -> kubernetes.Provider | None:
    kubeconfig = pulumi.Config("loadfit").get_secret("kubeconfig")
    return None if kubeconfig is None else kubernetes.Provider("cluster", kubeconfig=kubeconfig)


def _instance(
    name: str, load: loadfit.DatabaseLoad, network: Network, wired: _Pool, group: aws.rds.SubnetGroup, region: str
) -> aws.rds.Instance:
    admitted = aws.ec2.SecurityGroup(
        f"{name}-database",
        description=f"PostgreSQL of {name}: the pool, and nothing else",
        vpc_id=network.vpc_id,
        region=region,
        tags=_tags(f"{name}-database"),
    )
    source: dict[str, Any] = (
        {"source_security_group_id": wired.cluster_security_group}
        if wired.cluster_security_group is not None
        else {"cidr_blocks": list(network.private_blocks)}
    )
    aws.ec2.SecurityGroupRule(
        f"{name}-database",
        type="ingress",
        security_group_id=admitted.id,
        protocol="tcp",
        from_port=5432,
        to_port=5432,
        region=region,
        # A changed rule is a new one, and EC2 refuses a second rule for the same addresses.
        opts=pulumi.ResourceOptions(parent=admitted, delete_before_replace=True),
        **source,
    )
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
        db_name=_database_name(name),
        username="master",
        manage_master_user_password=True,
        parameter_group_name=parameter_group.name,
        db_subnet_group_name=group.name,
        vpc_security_group_ids=[admitted.id],
        allocated_storage=50,
        storage_type="gp3",
        storage_encrypted=True,
        multi_az=True,
        ca_cert_identifier="rds-ca-rsa2048-g1",
        backup_retention_period=7,
        copy_tags_to_snapshot=True,
        deletion_protection=True,
        final_snapshot_identifier=f"{name}-final",
        region=region,
        tags=_tags(name),
    )


def _database_name(name: str) -> str:
    """RDS takes no hyphen in it."""
    return name.replace("-", "_")


def _instance_class(load: loadfit.DatabaseLoad) -> str:
    declared = load.instance_class or pulumi.Config("loadfit").get("instance_class") or INSTANCE_CLASS
    return declared if declared.startswith("db.") else f"db.{declared}"


def _tags(name: str) -> dict[str, str]:
    return {"Name": name, "project": pulumi.get_project(), "stack": pulumi.get_stack()}
