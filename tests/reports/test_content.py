"""What a report says, before it is rendered."""

from loadfit.reports.blocks import FindingBlock, Heading, Paragraph, Table, Tone
from loadfit.reports.content import SHOWN_FINDINGS, contents
from loadfit.reports.egress import SHOWN_DESTINATIONS
from loadfit.stack import StackPlan, parse_load, resolve, size
from tests.reports.samples import example, many


def said(plan: StackPlan) -> str:
    return repr(contents(plan, "load.yaml"))


def tables(plan: StackPlan) -> list[Table]:
    return [block for block in contents(plan, "load.yaml") if isinstance(block, Table)]


def test_the_repaired_case_study_shows_its_numbers() -> None:
    """Ports needed and there, the busiest gateway, and what three gateways cost over one."""
    text = said(example("case-study"))
    for number in (
        *("'60,000'", "'75,000'", "'165,000'", "'110,000'"),
        *("36,000 of 55,000", "'65%'", "'$109.50'", "'+$73.00'"),
    ):
        assert number in text


def test_the_incident_shows_its_ways_out() -> None:
    """176 connections; a second address for $3.65; a gateway in each zone for $73.00."""
    found = [block for block in contents(example("incident"), "x") if isinstance(block, FindingBlock)]
    (ports, zone) = (block for block in found if block.path.startswith("egress."))
    assert (ports.code, ports.tone, zone.code, zone.tone) == (
        *("NAT_PORTS_SHORT", Tone.ERROR),
        *("ZONE_LOSS_STOPS_EGRESS", Tone.WARNING),
    )
    assert [(way.cost, way.changes) for way in ports.ways] == [
        ("+$3.65 a month", ("egress.addresses_per_gateway: 2",)),
        ("+$73.00 a month", ("egress.gateways: 3",)),
        ("no extra cost", ("egress.flows[0].connections_per_pod: 176",)),
    ]


def test_the_databases_incident_shows_its_ways_out() -> None:
    """A pool in front; more connections than the default; pools of six. Of 30, ten can ever be busy."""
    found = [block for block in contents(example("incident"), "x") if isinstance(block, FindingBlock)]
    (connections, oversized) = (block for block in found if block.path.startswith("databases.orders."))
    assert (connections.code, connections.tone, oversized.code, oversized.tone) == (
        *("DATABASE_CONNECTIONS_SHORT", Tone.ERROR),
        *("APP_POOL_OVERSIZED", Tone.WARNING),
    )
    assert [(way.cost, way.changes) for way in connections.ways] == [
        ("no extra cost", ("databases.orders.pooled: true",)),
        ("price not known", ("databases.orders.max_connections: 846",)),
        (
            "no extra cost",
            ("databases.orders.clients[0].pool_size: 6", "databases.orders.clients[0].max_overflow: 0"),
        ),
    ]


def test_the_repaired_database_shows_its_numbers() -> None:
    """200 clients of pods and 10 of instances, 260 in a rollout; two replicas of 25; 150 of 200 connections free."""
    plan = example("case-study")
    assert "2 replicas of PgBouncer x 25 = 50 server connections" in said(plan)
    rows = {row[0]: row[1:] for table in tables(plan) for row in table.rows}
    assert rows["all together"] == ("210", "260", "460")
    assert (rows["max_connections"], rows["needed"], rows["free"]) == (("200",), ("50",), ("150",))
    assert rows["max_client_conn, in each replica"] == ("1,000",)


def test_the_verdict_is_the_first_thing_said() -> None:
    assert contents(example("case-study"), "a.yaml")[0] == Heading(1, "a.yaml: fits", Tone.GOOD)
    first = contents(example("incident"), "a.yaml")[0]
    assert first == Heading(1, "a.yaml: does not fit (3 errors and 2 warnings)", Tone.ERROR)


def test_one_gateway_has_no_line_for_all_zones() -> None:
    """What one gateway gives is not also said to be what all of them give."""
    capacity = tables(example("incident"))[1]
    assert [row[0] for row in capacity.rows] == [
        "on the gateway (1 address x 55,000)",
        "  planned to 80%",
        "with its zone lost",
        "gateway, rollout: 75,000 of 55,000",
    ]


def test_every_assumption_is_listed_with_its_field() -> None:
    plan = example("case-study")
    assert set(plan.sections) == {"egress", "databases.orders", "functions.storefront"}
    text = said(plan)
    assert "functions.storefront.policy.deploy_pools = 2: " in text
    assert f"({sum(len(section.assumptions) for section in plan.sections.values())})" in text
    assert "databases.orders.reserved = 5: " in text
    assert "egress.policy.zone_skew = 1.2: " in text
    assert "egress.prices: a month has 730 hours" in text, "a number that the sentence gives is not given twice"


def test_long_lists_are_cut_and_counted() -> None:
    plan = many(SHOWN_FINDINGS + 5)
    assert len(plan.findings) == SHOWN_FINDINGS + 6
    blocks = contents(plan, "x")
    assert sum(isinstance(block, FindingBlock) for block in blocks) == SHOWN_FINDINGS
    rest = " ".join(block.text for block in blocks if isinstance(block, Paragraph))
    assert "... and 6 more findings; --format json lists them all." in rest
    assert f"... and {SHOWN_FINDINGS + 5 - SHOWN_DESTINATIONS} more destinations, each needing less." in rest


def test_an_unknown_price_is_said_and_not_guessed() -> None:
    document = {"region": "sa-east-1", "zones": 1, "egress": {"addresses_per_gateway": 1}}
    text = said(size(resolve(parse_load(document))))
    assert "no verified price for sa-east-1" in text
    assert "nothing goes through the gateways" in text
    assert "$" not in text
