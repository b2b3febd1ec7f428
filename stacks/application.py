"""A sample of each client of a pool: as many pods as its workload declares, with the settings that the pool computed.

Each pod keeps one connection to the pool and asks the database for the time; what an application's own pool is to be
given is in its environment. It is made where the stack's configuration names it, with an image that has psql:

.. code-block:: yaml

    loadfit:application:
      image: ghcr.io/cloudnative-pg/pgbouncer:1.26.1
      library: psycopg               # whose settings go into POOL_SETTINGS, as JSON
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pydantic import Field

import loadfit
from configuration import declared, validated
from databases import Pools, database_name
from loadfit.core.model import Declared

ASKING = 'while psql --quiet --command "select now()"; do sleep 5; done'
NOBODY = 65534


class ApplicationConfig(Declared):
    """What is under ``loadfit:application``."""

    image: Annotated[str, Field(min_length=1)]
    library: Literal["sqlalchemy", "psycopg", "asyncpg", "django", "node-postgres", "jdbc"]


def application_config(loads: Mapping[str, loadfit.DatabaseLoad]) -> ApplicationConfig | None:
    """The configuration of the samples, checked before anything is registered; ``None`` where there are none.

    Args:
        loads: The databases by name.

    Raises:
        loadfit.InvalidInputs: It is wrong, or a workload logs in to a database as several roles.
    """
    given = declared("application")
    if given is None:
        return None
    known = validated("application", ApplicationConfig, given)
    for name, load in loads.items():
        clients = [group.client for group in load.pooled_groups]
        twice = sorted({client for client in clients if clients.count(client) > 1})
        if twice:
            raise loadfit.InvalidInputs(
                f"loadfit:application: expected each client of {name} once, found {', '.join(twice)} with several "
                "roles. The sample logs in as one: leave loadfit:application out."
            )
    return known


def applications(
    loads: Mapping[str, loadfit.DatabaseLoad], wired: ApplicationConfig, credentials: str, pools: Pools
) -> None:
    """Makes a Deployment for each workload of each pooled database.

    Args:
        loads: The databases by name.
        wired: The configuration of the samples.
        credentials: The Secret with the role's username and password.
        pools: The pools.
    """
    for name, pool in pools.by_database.items():
        for group in loads[name].pooled_groups:
            if not group.function:
                _application(group, wired, name, credentials, pool, pools)


def _application(
    group: loadfit.ClientGroup,
    wired: ApplicationConfig,
    database: str,
    credentials: str,
    pool: loadfit.PgBouncerPool,
    pools: Pools,
) -> None:
    name = f"{group.client}-of-{database}"
    labels = {"app.kubernetes.io/name": group.client, "app.kubernetes.io/part-of": database}
    surge = 0.25 if group.rollout_surge is None else group.rollout_surge
    spec: Any = {
        "replicas": group.pods,
        "selector": {"match_labels": labels},
        "strategy": {"rolling_update": {"max_surge": f"{surge:.0%}", "max_unavailable": 0}},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "automount_service_account_token": False,
                "security_context": {
                    "run_as_non_root": True,
                    "run_as_user": NOBODY,
                    "seccomp_profile": {"type": "RuntimeDefault"},
                },
                "topology_spread_constraints": [
                    {
                        "max_skew": 1,
                        "topology_key": "topology.kubernetes.io/zone",
                        "when_unsatisfiable": "ScheduleAnyway",
                        "label_selector": {"match_labels": labels},
                    }
                ],
                "containers": [
                    {
                        "name": "application",
                        "image": wired.image,
                        "command": ["sh", "-c", ASKING],
                        "env": [
                            {"name": "PGHOST", "value": pool.host},
                            {"name": "PGPORT", "value": pool.port.apply(str)},
                            {"name": "PGDATABASE", "value": database_name(database)},
                            {"name": "PGSSLMODE", "value": "require"},
                            _secret("PGUSER", credentials, "username"),
                            _secret("PGPASSWORD", credentials, "password"),
                            {"name": "POOL_SETTINGS", "value": _settings(pool, group.client, wired.library)},
                        ],
                        "security_context": {
                            "allow_privilege_escalation": False,
                            "read_only_root_filesystem": True,
                            "capabilities": {"drop": ["ALL"]},
                        },
                        "resources": {
                            "requests": {"cpu": "10m", "memory": "32Mi"},
                            "limits": {"memory": "64Mi"},
                        },
                    }
                ],
            },
        },
    }
    kubernetes.apps.v1.Deployment(
        name,
        metadata={"name": name, "namespace": pools.namespace, "labels": labels},
        spec=spec,
        opts=pulumi.ResourceOptions(provider=pools.cluster, depends_on=[pool]),
    )


def _settings(pool: loadfit.PgBouncerPool, client: str, library: str) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps(pool.client_settings.apply(lambda all_: all_[client][library]), sort_keys=True)


def _secret(variable: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": variable, "value_from": {"secret_key_ref": {"name": secret, "key": key}}}
