"""A test of one's own stack: offline, in about a second."""

from loadfit.testing import deploy

CONFIG = {"loadfit:load": "examples/case-study.yaml"}


def test_each_replica_holds_a_thousand_clients_on_25_server_connections() -> None:
    deployment = deploy("examples/pool_program.py", config=CONFIG)
    lines = deployment.resource("orders-config").inputs["data"]["pgbouncer.ini"].splitlines()
    assert {"max_client_conn = 1000", "max_db_connections = 25"} <= set(lines)
