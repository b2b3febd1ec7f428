"""What the function is told: all of it is there, or one clear error."""

import pytest

from settings import BadSettings, Credentials, Settings, parse_secret

ENVIRONMENT = {
    "DATABASE_HOST": "k8s-orders.elb.us-east-1.amazonaws.com",
    "DATABASE_SERVER_NAME": "orders.default.svc.cluster.local",
    "DATABASE_CA": "-----BEGIN CERTIFICATE-----",
    "DATABASE_NAME": "orders",
    "DATABASE_SECRET": "arn:of:the:secret",
}


def test_the_port_is_the_pools_and_an_answer_may_take_three_seconds() -> None:
    settings = Settings.from_environment(ENVIRONMENT)
    assert (settings.port, settings.timeout_seconds) == (6432, 3)


def test_all_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(BadSettings, match="variables DATABASE_HOST, DATABASE_CA, found nothing"):
        Settings.from_environment({**ENVIRONMENT, "DATABASE_HOST": "", "DATABASE_CA": ""})


def test_what_is_no_number_is_told() -> None:
    with pytest.raises(BadSettings, match="DATABASE_PORT"):
        Settings.from_environment({**ENVIRONMENT, "DATABASE_PORT": "postgres"})


@pytest.mark.parametrize("text", ["hunter2", "[]", '{"username": "orders"}', '"hunter2"', "5"])
def test_a_secret_without_credentials_is_told_without_being_shown(text: str) -> None:
    with pytest.raises(BadSettings, match="JSON with username and password") as raised:
        parse_secret(text)
    assert "hunter2" not in str(raised.value)


def test_a_password_is_not_part_of_what_is_shown() -> None:
    found = parse_secret('{"username": "orders", "password": "hunter2", "engine": "postgres"}')
    assert found == Credentials("orders", "hunter2")
    assert "hunter2" not in repr(found)
