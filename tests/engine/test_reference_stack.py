"""The reference stack on the engine: its own resources beside the components, and what crosses them."""

import os
import runpy
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from pulumi.automation import CommandError

from tests.engine.doubles import eks
from tests.engine.doubles.aws import ATTACHED, INSTANCE, NAT_GATEWAY, RULE
from tests.engine.engine import Engine

# The SDK gives up on a program whose engine has ended, and leaves what it was about to do to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ROOT = Path(__file__).parents[2]
ZONES = ["use1-az1", "use1-az2", "use1-az4"]
FUNCTION = {
    "secrets": {"orders": "arn:aws:secretsmanager:us-east-1:111122223333:secret:orders-0a1b2c"},
    "pool_ca_config_map": "pool-ca",
    "code": str(ROOT / "stacks" / "api"),
}
WIRING = {"credentials": "orders-database", "server_ca_config_map": "rds-ca", "client_tls_secret": "orders-pool-tls"}


def document(**more: Any) -> dict[str, Any]:
    """The case study's load."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "case-study.yaml").read_text(encoding="utf-8"))
    return {**read, **more}


def program() -> None:
    """What the CLI runs of the project."""
    sys.path.insert(0, str(ROOT / "stacks"))
    try:
        runpy.run_path(str(ROOT / "stacks" / "__main__.py"), run_name="__main__")
    finally:
        sys.path.remove(str(ROOT / "stacks"))


def configure(engine: Engine, zones: list[str] | None = None, **more: Any) -> None:
    """Sets the load, with other values for some of its sections."""
    wired = zones or ZONES
    load = document(zones=len(wired), **more)
    engine.configure(
        {"loadfit:load": load, "loadfit:zones": wired, "loadfit:pool": WIRING, "loadfit:function": FUNCTION}
    )


def databases(**more: Any) -> dict[str, Any]:
    """The case study's databases, with other values for some fields."""
    found = deepcopy(document()["databases"])
    found["orders"].update(more)
    return found


class TestLifeCycle:
    def test_it_is_made_and_a_second_up_changes_nothing_also_after_a_refresh(self, cluster: Engine) -> None:
        configure(cluster)
        cluster.aws.pause("create", ATTACHED, until=("create", INSTANCE), seconds=0.5)
        made = cluster.up(program)
        assert set(made.operations.values()) == {"create", "read"}, "read: the ConfigMap of the pool's authority"
        assert cluster.unaccounted() == []
        assert cluster.up(program).touched == {}
        assert cluster.up(program, refresh=True).touched == {}

    def test_a_destroy_stops_at_its_preview_because_of_the_database(self, cluster: Engine) -> None:
        configure(cluster)
        cluster.begin(program)
        cluster.aws.journal.clear()
        with pytest.raises(CommandError, match=r"orders\" cannot be deleted\s+because it is protected"):
            cluster.preview_destroy()
        assert cluster.aws.journal == []


class TestOwnCluster:
    """With EKS, whose components make little here: what is in the cluster is made after its nodes."""

    CLUSTER: ClassVar[dict[str, Any]] = {
        "version": "1.35",
        "nodes_per_zone": 2,
        "administrators": ["arn:aws:iam::111122223333:role/platform"],
    }

    @pytest.fixture
    def platform(self, cluster: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
        monkeypatch.setenv("PATH", str(eks.command(tmp_path).parent), prepend=os.pathsep)
        configure(cluster)
        cluster.configure({"loadfit:cluster": self.CLUSTER})
        return cluster

    def test_all_of_it_is_made_and_a_second_up_changes_nothing_also_after_a_refresh(self, platform: Engine) -> None:
        previewed = platform.preview(program)
        made = platform.up(program)
        assert made.operations == previewed.operations
        assert sorted(name for name in made.operations if name.startswith("ManagedNodeGroup")) == [
            f"ManagedNodeGroup nodes-{zone}" for zone in ZONES
        ]
        assert platform.unaccounted() == []
        assert platform.up(program, refresh=True).touched == {}

    def test_the_pool_is_made_in_it_after_its_nodes(self, platform: Engine) -> None:
        platform.begin(program)
        made = {f"{one['type'].rsplit(':', 1)[-1]} {one['urn'].rsplit('::', 1)[-1]}": one for one in platform.state}
        provider = made["kubernetes cluster"]
        assert made["StatefulSet orders-replicas"]["provider"].startswith(provider["urn"])
        nodes = {made[f"ManagedNodeGroup nodes-{zone}"]["urn"] for zone in ZONES}
        assert nodes <= set(provider["dependencies"])


class TestChange:
    def test_a_zone_that_is_appended_replaces_and_deletes_nothing(self, cluster: Engine) -> None:
        configure(cluster, ZONES[:2], egress=few_connections())
        cluster.begin(program)
        before = {one.id for one in cluster.aws.of_type(NAT_GATEWAY)}
        configure(cluster, egress=few_connections())
        touched = cluster.up(program).touched
        assert set(touched.values()) == {"create", "update"}
        assert before < {one.id for one in cluster.aws.of_type(NAT_GATEWAY)}
        assert len(list(cluster.aws.of_type(RULE))) == 3

    def test_other_pools_touch_no_database(self, cluster: Engine) -> None:
        configure(cluster)
        cluster.begin(program)
        configure(cluster, databases=databases(server_connections=60))
        touched = cluster.up(program).touched
        assert {name.split()[0] for name in touched} == {"PgBouncerPool", "ConfigMap", "StatefulSet"}

    def test_other_limits_of_the_database_change_it_in_place(self, cluster: Engine) -> None:
        configure(cluster)
        cluster.begin(program)
        configure(cluster, databases=databases(max_connections=300, instance_class="m7g.xlarge"))
        touched = cluster.up(program).touched
        assert touched["Instance orders"] == "update"
        assert touched["ParameterGroup orders"] == "update"


def few_connections() -> dict[str, Any]:
    """What fits with one address on each gateway also in two zones."""
    return {"flows": [{"from": "checkout", "to": "api.stripe.com:443", "connections_per_pod": 100}]}
