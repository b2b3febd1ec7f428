"""A test of one's own stack: offline, in about a second."""

from loadfit.testing import deploy


def test_five_instances_are_warm_by_day() -> None:
    deployment = deploy("examples/warm_program.py")
    actions = deployment.of_type("aws:appautoscaling/scheduledAction:ScheduledAction")
    least = {action.name: action.inputs["scalableTargetAction"]["minCapacity"] for action in actions}
    assert least == {"storefront-schedule-to-2-at-1800": 2, "storefront-schedule-to-5-at-0750": 5}


def test_nobody_but_the_account_gets_through() -> None:
    deployment = deploy("examples/warm_program.py")
    assert deployment.resource("storefront-url").inputs["authorizationType"] == "AWS_IAM"
