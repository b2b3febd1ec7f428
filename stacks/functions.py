"""The functions of the load: each is the orders API, in the private subnets, on its way to PostgreSQL through the pool.

What they are given is configuration:

.. code-block:: yaml

    loadfit:function:
      secrets:                       # by database: the role's username and password, as JSON, in Secrets Manager
        orders: arn:aws:secretsmanager:us-east-1:111122223333:secret:orders-0a1b2c
      pool_ca_config_map: pool-ca    # a ConfigMap with ca.crt, who signed the pool's certificate
      private_cidrs: [10.0.0.0/20]   # the private subnets' addresses, of a network that exists already
      code: ../build/api             # from this folder on; `make api` packs it there

No password passes through the program: the function reads the secret itself, and its role may read that one alone. A
secret that a key of one's own encrypts needs ``kms:Decrypt`` in the key's policy.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pydantic import BeforeValidator, Field

import loadfit
from configuration import declared, validated
from databases import Pools, database_name
from loadfit.core.model import Declared, problem_error
from network import Network, exists

RUNTIME = "python3.13"
"""Where the load names none: that of the orders API."""
POOL_PORT = 6432
PACKED, SOURCE = "../build/api", "api"
_ANSWERS = 4
"""A request may wait within its time-out for as many answers of the database that do not come, and still fails by
itself: on a dead connection, on a new one, and for a statement."""

_Text = Annotated[str, Field(min_length=1)]
_SECRET = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+", re.ASCII)


_EXAMPLE = "arn:aws:secretsmanager:us-east-1:111122223333:secret:orders"


# What stands in the place of an ARN may be the secret itself: it is not shown.
def _arn(value: object) -> object:
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise problem_error(f"a secret's ARN, such as {_EXAMPLE}", "something else")
    return value


def _by_database(value: object) -> object:
    if not isinstance(value, dict):
        raise problem_error("a mapping of databases to the ARNs of their secrets", "something else")
    return value


_Arn = Annotated[str, BeforeValidator(_arn)]


class FunctionConfig(Declared):
    """What is under ``loadfit:function``."""

    secrets: Annotated[dict[str, _Arn], BeforeValidator(_by_database)]
    pool_ca_config_map: _Text
    private_cidrs: list[_Text] = Field(default=[])
    code: _Text | None = None


def function_config(
    functions: Mapping[str, loadfit.FunctionLoad], databases: Mapping[str, loadfit.DatabaseLoad]
) -> FunctionConfig | None:
    """The configuration of the functions, checked before anything is registered; ``None`` where there are none.

    Args:
        functions: The functions by name.
        databases: The databases by name.

    Raises:
        loadfit.InvalidInputs: It is wrong, or what the functions need is not there.
    """
    if not functions:
        return None
    for name, load in functions.items():
        if load.database is None or not databases[load.database.name].pooled_groups:
            raise loadfit.InvalidInputs(
                f"functions.{name}.database: expected a database that is pooled, found "
                f"{'none' if load.database is None else load.database.name}. The stack's functions are the orders API, "
                "stacks/api, which reaches its database through the pool."
            )
        if not load.in_vpc:
            raise loadfit.InvalidInputs(
                f"functions.{name}.in_vpc: expected true, found nothing. The pool is reached from inside the VPC alone."
            )
    given = declared("function")
    if given is None:
        raise loadfit.InvalidInputs(
            "loadfit:function: expected what the functions are given (secrets, pool_ca_config_map), found nothing. "
            "Declare it in the stack's file: stacks/functions.py says how."
        )
    known = validated("function", FunctionConfig, given)
    missing = sorted(used_databases(functions) - known.secrets.keys())
    if missing:
        raise loadfit.InvalidInputs(
            f"loadfit:function.secrets: expected the secret of each database that functions use, found none of "
            f"{', '.join(missing)}."
        )
    for load in functions.values():
        # The function asks the Secrets Manager of its own Region.
        region = known.secrets[load.database.name].split(":")[3] if load.database else load.region
        if load.database is not None and region != load.region:
            raise loadfit.InvalidInputs(
                f"loadfit:function.secrets.{load.database.name}: expected a secret of {load.region}, the load's "
                f"Region, found one of {region}. `aws secretsmanager replicate-secret-to-regions` makes a replica."
            )
    if exists() and not known.private_cidrs:
        raise loadfit.InvalidInputs(
            "loadfit:function.private_cidrs: expected the addresses of the private subnets, found nothing: of a "
            "network that exists already, nothing else tells whom the pool admits."
        )
    if known.code is None and not pulumi.runtime.is_dry_run() and not Path(PACKED).is_dir():
        raise loadfit.InvalidInputs("build/api: expected the packed orders API, found nothing. Run `make api`.")
    return known


def used_databases(functions: Mapping[str, loadfit.FunctionLoad]) -> set[str]:
    """The databases that functions use, by name."""
    return {load.database.name for load in functions.values() if load.database is not None}


def way_in(network: Network, wired: FunctionConfig) -> loadfit.PoolLoadBalancer:
    """The way into a pool from the private subnets, which its load balancer stands in too, one in each zone."""
    return {
        "client_cidrs": list(_blocks(network, wired).values()),
        "subnet_ids": [zone["private_subnet_ids"][0] for zone in network.zones.values()],
    }


def functions(
    loads: Mapping[str, loadfit.FunctionLoad],
    wired: FunctionConfig,
    network: Network,
    pools: Pools,
    region: str,
    after: Sequence[pulumi.Resource],
) -> None:
    """Makes each declared function, and exports where it is called.

    Args:
        loads: The functions by name.
        wired: Their configuration.
        network: Where they stand.
        pools: The pools that they go through.
        region: The Region's code.
        after: What has to be there before they start, such as the way out to Secrets Manager.

    Raises:
        loadfit.InvalidInputs: A load does not fit.
    """
    authority = kubernetes.core.v1.ConfigMap.get(
        "pool-ca",
        f"{pools.namespace}/{wired.pool_ca_config_map}",
        opts=pulumi.ResourceOptions(provider=pools.cluster),
    )
    ca: pulumi.Output[str] = authority.data.apply(_certificates)
    for name, load in loads.items():
        assert load.database is not None  # or it would have been refused
        secret = wired.secrets[load.database.name]
        pool = pools.by_database[load.database.name]
        made = loadfit.WarmLambda(
            name,
            {
                "load": load if load.runtime is not None else load.model_copy(update={"runtime": RUNTIME}),
                "code": wired.code or (PACKED if Path(PACKED).is_dir() else SOURCE),
                "handler": "app.handler",
                "environment": {
                    "DATABASE_HOST": pool.load_balancer_host.apply(str),
                    "DATABASE_PORT": pool.port.apply(str),
                    "DATABASE_SERVER_NAME": pool.host,
                    "DATABASE_CA": ca,
                    "DATABASE_NAME": database_name(load.database.name),
                    "DATABASE_SECRET": secret,
                    "DATABASE_TIMEOUT_SECONDS": str(load.timeout / _ANSWERS),
                },
                "subnet_ids": network.private_subnet_ids,
                # What a component depends on its children do not wait for; they do wait for what they are given.
                "security_group_ids": [_security_group(name, network, wired, region, [pool, *after]).id],
                "role_statements": [{"actions": ["secretsmanager:GetSecretValue"], "resources": [secret]}],
                "function_url": {},
                "tags": {"project": pulumi.get_project(), "stack": pulumi.get_stack()},
            },
        )
        pulumi.export(f"{name}_function_url", made.function_url)
        pulumi.export(f"{name}_function_sizing", made.sizing)


def _certificates(data: Mapping[str, str] | None) -> str:
    found = (data or {}).get("ca.crt", "")
    if "-----BEGIN CERTIFICATE-----" not in found:
        raise loadfit.InvalidInputs(
            "loadfit:function.pool_ca_config_map: expected a ConfigMap with certificates as PEM under ca.crt, found "
            "none in it."
        )
    return found


def _security_group(
    name: str, network: Network, wired: FunctionConfig, region: str, after: Sequence[pulumi.Resource]
) -> aws.ec2.SecurityGroup:
    """Whom the function reaches: the pool, and Secrets Manager; whom it is reached by: nobody."""

    def tags(own: str) -> dict[str, str]:
        return {"Name": own, "project": pulumi.get_project(), "stack": pulumi.get_stack()}

    group = aws.ec2.SecurityGroup(
        f"{name}-function",
        description=f"The function {name}: to the pool and to AWS, and nothing else",
        vpc_id=network.vpc_id,
        region=region,
        tags=tags(f"{name}-function"),
        opts=pulumi.ResourceOptions(depends_on=list(after)),
    )
    rules = {
        f"{name}-function-pool-{key}": (POOL_PORT, block, "The pool") for key, block in _blocks(network, wired).items()
    }
    rules[f"{name}-function-aws"] = (443, "0.0.0.0/0", "AWS, of which it needs Secrets Manager")
    for rule, (port, block, why) in rules.items():
        aws.vpc.SecurityGroupEgressRule(
            rule,
            security_group_id=group.id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            cidr_ipv4=block,
            description=why,
            region=region,
            tags=tags(rule),
            opts=pulumi.ResourceOptions(parent=group),
        )
    return group


def _blocks(network: Network, wired: FunctionConfig) -> Mapping[str, str]:
    """Addresses of the private subnets by what stays of them: their zone, or themselves."""
    return network.private_blocks or {block: block for block in wired.private_cidrs}
