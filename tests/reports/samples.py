"""Plans that the tests of the reports share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from loadfit.documents import read_load
from loadfit.egress import EgressLoad, Flow, size_egress
from loadfit.stack import ResolvedLoad, StackLoad, StackPlan, resolve, size

EXAMPLES = Path(__file__).parents[2] / "examples"

HOSTILE = "<img src=x>@team/x #1 |`*_~[a](http://b.c) www.d.e &amp; \\"
"""A name that would be markup, a mention, a link and a table's end; nothing that a document may hold, but a Python
program may."""


def example(name: str) -> StackPlan:
    """The plan of an example document."""
    return size(resolve(read_load(EXAMPLES / f"{name}.yaml")))


def hostile() -> StackPlan:
    """A plan that does not fit, of a workload with a hostile name."""
    flow = Flow(client=HOSTILE, pods=200, to="www.example.com:443", connections_per_pod=300)
    load = EgressLoad(region="us-east-1", zones=3, gateways=1, addresses_per_gateway=1, flows=[flow])
    return StackPlan(ResolvedLoad(StackLoad(region="us-east-1", zones=3), load), size_egress(load))


def many(destinations: int) -> StackPlan:
    """A plan of many destinations, all of them too much for one address."""
    flows = [
        Flow(client="shop", pods=200, to=f"host-{number}.example.com:443", connections_per_pod=300 + number)
        for number in range(destinations)
    ]
    load = EgressLoad(region="us-east-1", zones=3, gateways=1, addresses_per_gateway=1, flows=flows)
    return StackPlan(ResolvedLoad(StackLoad(region="us-east-1", zones=3), load), size_egress(load))


def keys(part: Any) -> Iterator[str]:
    """The names at every depth of plain data."""
    if isinstance(part, dict):
        for key, value in cast("dict[str, Any]", part).items():
            yield key
            yield from keys(value)
    elif isinstance(part, list):
        for item in cast("list[Any]", part):
            yield from keys(item)
