"""What a report says of a function."""

from collections.abc import Iterator
from fractions import Fraction

from loadfit.core.exact import show_number
from loadfit.core.prices import show_difference, show_dollars
from loadfit.core.wording import counted
from loadfit.functions import BoundBy, FunctionPlan, ScheduledAction, WindowPlan
from loadfit.reports.blocks import Block, Heading, Paragraph, Table

__all__ = ["function_blocks"]

SHOWN_ROWS = 10
"""Windows and scheduled changes in a table; the rest is counted."""

_BOUND_BY = {BoundBy.ERLANG_B: "busy", BoundBy.RATE: "rate", BoundBy.BURST: "burst"}
_COST_LINES = {
    "provisioned": "provisioned instances",
    "duration": "requests' duration on them",
    "spillover": "duration of what spills over",
    "requests": "requests",
}


def function_blocks(plan: FunctionPlan) -> Iterator[Block]:
    """The function: how many warm instances, what they keep, what they take and cost."""
    yield Heading(2, f"Function {plan.name}: {_built(plan)}")
    yield _windows_table(plan)
    yield from _more(len(plan.windows), "more windows")
    if plan.autoscaling is not None:
        yield _autoscaling_table(plan)
        yield from _more(len(plan.schedule), "more scheduled changes")
    yield _claims_table(plan)
    if plan.monthly_cost_usd is not None:
        yield _cost_table(plan)
    else:
        yield Paragraph(
            f"Cost: no verified price for {plan.load.region}; declare functions.{plan.name}.prices to see it."
        )
    for one in plan.alternatives():
        yield Paragraph(f"Another way, {one.name}: {one.sentence}.")


def _more(number: int, what: str) -> Iterator[Block]:
    if number > SHOWN_ROWS:
        yield Paragraph(f"... and {number - SHOWN_ROWS:,} {what}; --format json lists them all.")


def _built(plan: FunctionPlan) -> str:
    if not plan.instances or plan.autoscaling is None:
        return "no warm instance"
    least = min([plan.autoscaling.min, *(one.min for one in plan.schedule)])
    most = max([plan.autoscaling.min, *(one.min for one in plan.schedule)])
    return counted(most, "warm instance") if least == most else f"{least:,} to {most:,} warm instances"


def _windows_table(plan: FunctionPlan) -> Table:
    rows = tuple(_window_row(window) for window in list(plan.windows.values())[:SHOWN_ROWS])
    return Table(("Window", "busy", "warm", "needed", "set by", "spill-over", "cold", "p99"), rows)


def _window_row(window: WindowPlan) -> tuple[str, ...]:
    return (
        window.name,
        show_number(window.offered_erlangs),
        f"{window.warm_instances:,}",
        f"{window.needed_instances:,}",
        _BOUND_BY[window.bound_by],
        f"<= {_percent(window.spillover_bound)}",
        _percent(window.expected_cold_share),
        "" if window.p99_ms is None else f"{show_number(window.p99_ms, 0)} ms",
    )


def _percent(share: float) -> str:
    return f"{show_number(Fraction(f'{share * 100:.2g}'), 6)}%" if share >= 1e-6 else "0%"  # noqa: PLR2004


def _autoscaling_table(plan: FunctionPlan) -> Table:
    scaling = plan.autoscaling
    rows: list[tuple[str, str]] = []
    if scaling is not None:
        rows = [
            ("least and most instances", f"{scaling.min:,} and {scaling.max:,}"),
            ("target utilization", show_number(scaling.target)),
        ]
    rows += [_scheduled_row(one, plan) for one in plan.schedule[:SHOWN_ROWS]]
    return Table(("Autoscaling", ""), tuple(rows))


def _scheduled_row(one: ScheduledAction, plan: FunctionPlan) -> tuple[str, str]:
    return f"  {one.cron} {plan.load.timezone}", f"{one.min:,} and {one.max:,}"


def _claims_table(plan: FunctionPlan) -> Table:
    load, need = plan.load, plan.account
    rows = [
        ("of the account's concurrency", f"{plan.account_concurrency:,} of {load.concurrency_quota:,}"),
        ("  with all others, and what stays unreserved", f"{need.quota:,}"),
        (f"warm instances in a deployment{_as_needed(plan)}", f"{plan.most_instances:,}"),
    ]
    if load.database is not None and plan.database_connections is not None:
        rows.append((f"connections to {load.database.name}, at most", f"{plan.database_connections:,}"))
    return Table(("Takes", ""), tuple(rows))


def _as_needed(plan: FunctionPlan) -> str:
    """Where fewer are declared than needed, what follows from the need is said so."""
    given = plan.load.provisioned_concurrency
    return ", as needed" if given is not None and given < plan.instances else ""


def _cost_table(plan: FunctionPlan) -> Table:
    cost = plan.monthly_cost_usd or {}
    rows = [(label, show_dollars(cost[line])) for line, label in _COST_LINES.items() if cost.get(line)]
    rows.append(("total", show_dollars(cost["total"])))
    if plan.on_demand_monthly_usd is not None and cost["provisioned"]:
        difference = show_difference(cost["total"] - plan.on_demand_monthly_usd).split(" a month")[0]
        rows.append(("  over the same requests, all on demand", difference))
    if plan.utilization is not None and plan.break_even_utilization is not None:
        rows += [
            ("utilization of the provisioned instances", _share(plan.utilization)),
            ("  from which on they cost less than on demand", _share(plan.break_even_utilization)),
        ]
    return Table(("Cost a month", ""), tuple(rows))


def _share(share: Fraction) -> str:
    return f"{show_number(share * 100, 0)}%"
