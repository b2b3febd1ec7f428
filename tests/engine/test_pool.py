"""PgBouncerPool on the engine: what a change touches, in which order, and where its secrets are."""

from typing import Any

import pytest
from pulumi.automation import CommandError

from loadfit import PgBouncerPool
from proofs.engine.stack import Program
from proofs.kubernetes.kinds import CONFIG_MAP, SECRET, SERVICE, STATEFUL_SET
from tests.databases.pools import arguments, load
from tests.engine.doubles.kubernetes import mounted
from tests.engine.engine import Engine

# The SDK gives up on a program whose engine has ended, and leaves what it was about to do to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

REPLICAS = "StatefulSet orders-replicas"
MORE = {"server_connections": 60}
"""Of the load: pools of another size, and so another configuration."""


def pool(declared: Any = None, **args: Any) -> Program:
    """The case study's pool; ``declared`` is what its load says beside it."""

    def program() -> None:
        PgBouncerPool("orders", arguments(load=load(**(declared or {})), **args))

    return program


def configuration(engine: Engine) -> str:
    """The id of the configuration that the replicas mount."""
    (replicas,) = engine.kubernetes.of_type(STATEFUL_SET)
    return next(name for token, name in mounted(replicas) if token == CONFIG_MAP and "orders-config" in name)


class TestLifeCycle:
    def test_a_preview_does_nothing_and_names_what_up_does(self, cluster: Engine) -> None:
        program = pool(monitoring="operator")
        previewed = cluster.preview(program)
        assert cluster.kubernetes.journal == []
        assert set(previewed.operations.values()) == {"create"}
        assert cluster.up(program).operations == previewed.operations
        assert cluster.unaccounted() == []

    def test_a_second_up_changes_nothing_also_after_a_refresh(self, cluster: Engine) -> None:
        cluster.begin(pool())
        assert cluster.up(pool()).touched == {}
        assert cluster.up(pool(), refresh=True).touched == {}

    def test_destroy_leaves_what_was_there_before_and_nothing_else(self, cluster: Engine) -> None:
        before = set(cluster.kubernetes.objects)
        cluster.up(pool(monitoring="operator"))
        cluster.destroy()
        assert set(cluster.kubernetes.objects) == before
        assert cluster.state == []

    def test_a_creation_that_fails_in_the_middle_leaks_nothing(self, cluster: Engine) -> None:
        cluster.kubernetes.fail("create", "orders-peers", "the connection was refused")
        with pytest.raises(CommandError, match="the connection was refused"):
            cluster.up(pool())
        assert list(cluster.kubernetes.of_type(STATEFUL_SET)) == []
        cluster.up(pool())
        assert cluster.unaccounted() == []
        assert cluster.up(pool()).touched == {}

    def test_pods_start_once_they_have_names(self, cluster: Engine) -> None:
        cluster.kubernetes.pause("create", SERVICE, until=("create", STATEFUL_SET), seconds=0.5)
        cluster.up(pool())
        assert [one.id for one in cluster.kubernetes.of_type(STATEFUL_SET)] == ["default/orders"]

    def test_replicas_are_given_the_time_to_restart_one_by_one(self, cluster: Engine) -> None:
        cluster.begin(pool())
        (seconds,) = [one["customTimeouts"] for one in cluster.state if one["type"] == STATEFUL_SET]
        (replicas,) = cluster.kubernetes.of_type(STATEFUL_SET)
        grace = replicas.get("spec.template.spec.terminationGracePeriodSeconds")
        assert seconds["update"] > replicas.get("spec.replicas") * (grace + replicas.get("spec.minReadySeconds"))


class TestChange:
    def test_the_new_configuration_is_there_first_and_the_old_one_goes_last(self, cluster: Engine) -> None:
        cluster.up(pool(monitoring="none"))
        old = configuration(cluster)
        cluster.kubernetes.journal.clear()
        run = cluster.up(pool(MORE, monitoring="none"))
        assert run.touched["ConfigMap orders-config"] == "replace"
        assert run.touched[REPLICAS] == "update"
        assert configuration(cluster) != old
        assert [str(one) for one in cluster.kubernetes.journal if one.type in {CONFIG_MAP, STATEFUL_SET}] == [
            "create ConfigMap orders-config",
            f"update {REPLICAS}",
            "delete ConfigMap orders-config",
        ]
        assert cluster.kubernetes.broken == []

    def test_a_restart_that_fails_keeps_the_old_configuration_and_the_next_up_ends_right(self, cluster: Engine) -> None:
        cluster.begin(pool())
        cluster.kubernetes.fail("update", "orders-replicas", "timed out waiting for the rollout")
        with pytest.raises(CommandError, match="timed out waiting"):
            cluster.up(pool(MORE))
        assert cluster.kubernetes.broken == []
        cluster.up(pool(MORE))
        assert cluster.kubernetes.broken == []
        assert cluster.unaccounted() == []
        assert len([one for one in cluster.kubernetes.of_type(CONFIG_MAP) if one.name == "orders-config"]) == 1
        assert cluster.up(pool(MORE)).touched == {}

    def test_another_replica_replaces_nothing_but_the_list_of_peers(self, cluster: Engine) -> None:
        cluster.begin(pool())
        run = cluster.up(pool({"replicas": 3}))
        assert run.touched[REPLICAS] == "update"
        assert {name for name, one in run.touched.items() if one == "replace"} <= {
            "ConfigMap orders-config",
            "ConfigMap orders-dashboard",
        }
        assert cluster.kubernetes.broken == []


class TestSecrets:
    PLANTED = "hunter2-planted"

    def test_a_password_is_encrypted_in_the_state_and_given_to_the_cluster(self, cluster: Engine) -> None:
        program = pool(credentials=None, passwords={"orders": self.PLANTED})
        run = cluster.up(program)
        assert self.PLANTED in str(cluster.kubernetes.objects[SECRET, "default/orders-credentials"].inputs)
        assert "orders-credentials" in cluster.state_text, "the state is what is searched"
        files = [path for path in cluster.folder.rglob("*") if path.is_file()]
        assert files
        assert [path for path in files if self.PLANTED.encode() in path.read_bytes()] == []
        assert self.PLANTED not in str(run)

    def test_a_new_password_restarts_nothing(self, cluster: Engine) -> None:
        cluster.up(pool(credentials=None, passwords={"orders": self.PLANTED}))
        run = cluster.up(pool(credentials=None, passwords={"orders": "another"}))
        assert run.touched == {"Secret orders-credentials": "replace"}
        assert "another" in str(cluster.kubernetes.objects[SECRET, "default/orders-credentials"].inputs)
