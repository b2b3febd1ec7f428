"""What a report says of an egress."""

from collections.abc import Iterator

from loadfit.core.exact import show_number
from loadfit.core.prices import show_difference, show_dollars
from loadfit.core.wording import counted
from loadfit.egress import EgressPlan, Scenario
from loadfit.reports.blocks import Block, Heading, Paragraph, Table

__all__ = ["egress_blocks"]

SHOWN_DESTINATIONS = 10
"""Destinations in the table, the worst first; the rest is counted."""

_SCENARIOS = {Scenario.STEADY: "steady", Scenario.ROLLOUT: "rollout", Scenario.ZONE_LOST: "zone lost"}
_COST_LINES = {"nat_gateways": "NAT gateways", "addresses": "public addresses", "data": "data through the gateways"}


def egress_blocks(plan: EgressPlan) -> Iterator[Block]:
    """The egress: what is built, what it carries, what it costs."""
    yield Heading(2, f"Egress: {_built(plan)}")
    yield _ports_table(plan)
    rest = len(plan.destinations) - SHOWN_DESTINATIONS
    if rest > 0:
        yield Paragraph(f"... and {rest:,} more destinations, each needing less.")
    yield _capacity_table(plan)
    if plan.monthly_cost_usd is not None:
        yield _cost_table(plan)
    else:
        yield Paragraph(f"Cost: no verified price for {plan.load.region}; declare egress.prices to see it.")


def _built(plan: EgressPlan) -> str:
    addresses = counted(plan.addresses_per_gateway, "address", "addresses")
    each = " each" if plan.gateways > 1 else f" for all {plan.load.zones} zones" if plan.load.zones > 1 else ""
    return f"{counted(plan.gateways, 'NAT gateway')} with {addresses}{each} in {plan.load.region}"


def _ports_table(plan: EgressPlan) -> Table:
    rows: list[tuple[str, ...]] = []
    for one in plan.destinations[:SHOWN_DESTINATIONS]:
        several = f" ({one.addresses:,} addresses)" if one.addresses > 1 else ""
        rows.append((f"{one.destination}{several}", *(f"{one.ports[scenario]:,}" for scenario in _SCENARIOS)))
        rows.append(
            ("  on the busiest gateway", *(f"{one.busiest_gateway_ports[scenario]:,}" for scenario in _SCENARIOS))
        )
    if not rows:
        rows.append(("nothing goes through the gateways", "0", "0", "0"))
    return Table(("Ports needed", *_SCENARIOS.values()), tuple(rows))


def _capacity_table(plan: EgressPlan) -> Table:
    alone = plan.gateways == 1
    lost = int(plan.load.policy_value("zones_lost"))
    most = plan.worst.most_ports if plan.worst else 0
    share = show_number(plan.load.policy_value("target_utilization") * 100)
    each = counted(plan.addresses_per_gateway, "address", "addresses")
    rows = [
        (
            f"on {'the' if alone else 'each'} gateway ({each} x {plan.ports_per_address:,})",
            f"{plan.ports_per_gateway:,}",
        ),
        (f"  planned to {share}%", f"{plan.target_ports_per_gateway:,}"),
    ]
    if not alone:
        rows.append((f"in all {plan.gateways} zones", f"{plan.ports_total:,}"))
    if lost:
        rows.append(
            ("with its zone lost" if alone else f"with {counted(lost, 'zone')} lost", f"{plan.ports_with_zone_lost:,}")
        )
    busiest = f"{'' if alone else 'busiest '}gateway, {_SCENARIOS[plan.binding_scenario]}"
    rows.append((f"{busiest}: {most:,} of {plan.ports_per_gateway:,}", f"{show_number(plan.utilization * 100, 0)}%"))
    return Table(("Ports there are, for each destination", ""), tuple(rows))


def _cost_table(plan: EgressPlan) -> Table:
    cost = plan.monthly_cost_usd or {}
    rows = [(label, show_dollars(cost[line])) for line, label in _COST_LINES.items() if line in cost]
    rows.append(("total", show_dollars(cost["total"])))
    if plan.gateways > 1:
        rows.append(
            ("  over one such gateway for all zones", show_difference(plan.cost_over_one_gateway).split(" a month")[0])
        )
    return Table(("Cost a month", ""), tuple(rows))
