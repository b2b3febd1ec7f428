"""A test of one's own stack: offline, in about a second."""

from loadfit.testing import deploy

CONFIG = {"loadfit:load": "examples/case-study.yaml"}


def test_each_zone_has_a_gateway() -> None:
    deployment = deploy("examples/egress_program.py", config=CONFIG)
    gateways = deployment.of_type("aws:ec2/natGateway:NatGateway")
    assert [gateway.name for gateway in gateways] == [f"egress-use1-az{n}-gateway" for n in (1, 2, 4)]
