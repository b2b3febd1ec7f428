"""What egress sizing claims, each checked on a kernel, and for each a fault that breaks it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from proofs.claims import Claim, Missing
from proofs.egress.network import Network
from proofs.egress.planned import PODS, planned, runs_out
from proofs.egress.traffic import BEGUN, Churn, Held, hold, serving
from proofs.table import Row

__all__ = ["CLAIMS"]

OF_HELD = 0.05
"""Linux gives up a little before its range is full."""
OF_RATES = 0.1
TRIES = 4
"""Measurements of a rate, until one is made while the machine keeps pace."""


async def held(faulty: bool) -> Row:
    """Connections that are held run out of ports where the plan says."""
    scale = 10
    incident = planned(scale=scale)
    limit = PODS * runs_out(lambda number: planned({"connections_per_pod": number}, scale=scale))
    ports = incident.ports_per_address // scale
    done = await _held(Network(pods=PODS, ports=ports // 2 if faulty else ports), 300)
    return _row_of_held(
        f"the incident at a tenth: {PODS} pods x 300 connections, {ports:,} ports",
        done,
        limit,
        incident.utilization > 1,
    )


async def two_destinations(faulty: bool) -> Row:
    """Each destination has the ports for itself."""
    scale = 20

    def both(number: int) -> Any:
        hosts = ("api.stripe.com:443", "api.example.com:443")
        return planned(*({"to": host, "connections_per_pod": number} for host in hosts), scale=scale)

    each = runs_out(both)
    ports = both(each).ports_per_address // scale
    network = Network(pods=PODS, ports=ports, destinations=1 if faulty else 2)
    done = await _held(network, each, times=2 if faulty else 1)
    return _row_of_held(f"two destinations, {PODS} pods x {each} connections to each", done, 2 * PODS * each)


async def two_addresses(faulty: bool) -> Row:
    """A second address has as many ports again."""
    scale = 20

    def limit(addresses: int) -> int:
        flow = "connections_per_pod"
        return PODS * runs_out(lambda number: planned({flow: number}, scale=scale, addresses=addresses))

    one, two = limit(1), limit(2)
    ports = planned(scale=scale).ports_per_address // scale
    done = await _held(Network(pods=PODS, ports=ports, addresses=1 if faulty else 2), 300)
    return _row_of_held(f"two addresses of {ports:,} ports, {one:,} connections on one", done, two)


async def _held(network: Network, per_pod: int, times: int = 1) -> Held:
    async with serving(network):
        return await hold(network, [*network.destinations] * times, per_pod)


def _row_of_held(claim: str, done: Held, limit: int, foreseen: bool = True) -> Row:
    begun = done.open if done.open_when_refused is None else done.open_when_refused
    refusals = "few refusals" if done.open_when_refused is None else f"refusals from {begun:,} on"
    return Row(
        claim,
        f"{refusals}, {done.open:,} of {done.attempts:,} open",
        f"{limit:,} within {OF_HELD:.0%}",
        foreseen and all(abs(number / limit - 1) <= OF_HELD for number in (begun, done.open)),
    )


async def churn(faulty: bool) -> Row:
    """Connections that are opened and closed run out of ports at the rate that the plan says."""
    scale, cooldown, used = 50, 3, 1

    def plan(hundredths: int) -> Any:
        flow = {"connection_duration_ms": used * 1000, "idle_timeout_seconds": 0}
        rate = {"new_connections_per_second_per_pod": hundredths / 100}
        return planned(flow | rate, scale=scale, cooldown_seconds=cooldown)

    limit = PODS * runs_out(lambda hundredths: plan(max(1, hundredths))) / 100
    ports = plan(1).ports_per_address // scale
    network = Network(pods=PODS, ports=ports, cooldown_seconds=2 * cooldown if faulty else cooldown)
    steps = [0.9 + 0.025 * number for number in range(9)]
    begun: float | None = None
    async with serving(network):
        connections = Churn(network, next(iter(network.destinations)), 1, used, 0)
        for step in steps:
            if await _refused_share(connections, step * limit, used + cooldown) > BEGUN:
                begun = step
                break
        await connections.stop()
    found = "not" if begun is None else f"from {begun * limit:.0f}/s ({begun:.1%})"
    return Row(
        f"churn: {used} s in use, {cooldown} s cool-down, {ports:,} ports",
        f"refusals {found}, in steps from {steps[0]:.0%} to {steps[-1]:.0%}",
        f"{limit:.0f}/s within {OF_RATES:.0%}",
        begun is not None and begun > steps[0],
    )


async def _refused_share(connections: Churn, per_second: float, life_seconds: int) -> float:
    """The share of the attempts that is refused at a rate, once as many ports are taken as it takes."""
    seconds = 2
    for _ in range(TRIES):
        settled = await connections.run(per_second, life_seconds)
        before = connections.network.refused
        if await connections.run(per_second, seconds) and settled:
            return (connections.network.refused - before) / (per_second * seconds)
    raise Missing("This machine is too busy to open connections at an even pace.")


async def reuse(faulty: bool) -> Row:
    """More requests on each connection need fewer ports."""
    scale, cooldown, requests, seconds = 10, 2, 10, 0.1
    rate = 20  # requests of a pod in a second
    each = Use(rate, 1, seconds, 0)
    reused = Use(rate / requests, requests, seconds, 0)
    return await _row_of_factor(
        f"{requests} requests on a connection instead of 1",
        (each, reused),
        (each, each if faulty else reused),
        scale,
        cooldown,
    )


async def idle_timeout(faulty: bool) -> Row:
    """A client that closes what it does not use needs fewer ports."""
    scale, cooldown, rate, seconds = 10, 1, 2.5, 0.1
    late, soon = Use(rate, 1, seconds, 3), Use(rate, 1, seconds, 1)
    return await _row_of_factor(
        "idle time-out of 1 s instead of 3 s", (late, soon), (late, late if faulty else soon), scale, cooldown
    )


@dataclass(frozen=True)
class Use:
    """How a pod uses connections."""

    per_second: float
    requests: int
    request_seconds: float
    idle_seconds: int

    def ports(self, scale: int, cooldown_seconds: int) -> float:
        """That the plan says it needs, at the kernel's scale."""
        flow = {
            "new_connections_per_second_per_pod": self.per_second,
            "connection_duration_ms": 1000 * self.requests * self.request_seconds,
            "idle_timeout_seconds": self.idle_seconds,
        }
        return max(planned(flow, scale=scale, cooldown_seconds=cooldown_seconds).ports_needed.values()) / scale

    @property
    def open_seconds(self) -> float:
        """How long a connection of it is open."""
        return self.requests * self.request_seconds + self.idle_seconds


async def _row_of_factor(
    claim: str, declared: tuple[Use, Use], used: tuple[Use, Use], scale: int, cooldown_seconds: int
) -> Row:
    before, after = (use.ports(scale, cooldown_seconds) for use in declared)
    measured = await asyncio.gather(*(_taken(use, cooldown_seconds) for use in used))
    factors = before / after, measured[0] / measured[1]
    pairs = ((before, measured[0]), (after, measured[1]), factors)
    return Row(
        claim,
        f"{measured[0]:.0f} to {measured[1]:.0f} ports, factor {factors[1]:.2f}",
        f"{before:.0f} to {after:.0f}, factor {factors[0]:.2f}, within {OF_RATES:.0%}",
        all(abs(found / expected - 1) <= OF_RATES for expected, found in pairs),
    )


async def _taken(use: Use, cooldown_seconds: int) -> float:
    """Ports that a use takes once as many are taken as it takes, the mean of a few moments."""
    moments = 4
    async with serving(Network(pods=PODS, ports=5_500, cooldown_seconds=cooldown_seconds)) as network:
        connections = Churn(
            network, next(iter(network.destinations)), use.requests, use.request_seconds, use.idle_seconds
        )
        try:
            for _ in range(TRIES):
                settling = use.open_seconds + cooldown_seconds
                running = asyncio.ensure_future(connections.run(use.per_second * PODS, settling + 2))
                await asyncio.sleep(settling + 0.5)
                taken = 0
                for _ in range(moments):
                    taken += await asyncio.to_thread(lambda: network.taken)
                    await asyncio.sleep(0.2)
                if await running:
                    return taken / moments
            raise Missing("This machine is too busy to open connections at an even pace.")
        finally:
            await connections.stop()


def _alone(check: Callable[[bool], Coroutine[Any, Any, Row]]) -> Callable[[bool], Row]:
    """In an event loop of its own."""
    return lambda faulty: asyncio.run(check(faulty))


CLAIMS = (
    Claim("the NAT has half of the range", _alone(held)),
    Claim("the NAT keeps ports for twice the declared cool-down", _alone(churn)),
    Claim("both names lead to one destination", _alone(two_destinations)),
    Claim("the NAT uses one address only", _alone(two_addresses)),
    Claim("clients open a connection for each request", _alone(reuse)),
    Claim("clients keep to the longer time-out", _alone(idle_timeout)),
)
