"""How applications can take fewer ports: fewer connections, shorter idle ones, more requests on each.

What is found is the smallest move that does: none of its numbers can be taken one step back.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from loadfit.core.exact import ceiling, exact
from loadfit.core.limits import NAT_IDLE_TIMEOUT
from loadfit.core.tightening import tightened
from loadfit.core.wording import counted, few
from loadfit.egress.load import EgressLoad, Flow
from loadfit.egress.placement import Placement, hottest_share
from loadfit.egress.plan import Scenario
from loadfit.egress.traffic import ClosedBy, Destination

__all__ = ["Easing", "Target", "easings"]

_MOST_REUSE = 1_000_000
"""Requests per connection beyond which nothing is sought: the ports left are those of connections in use."""
_ALONE = 8
"""How many of the heaviest flows are tried each by itself before several are moved together."""
_TOGETHER = (8, 64)
"""How many of the heaviest flows are moved together; nobody changes more of them at once."""


@dataclass(frozen=True)
class Target:
    """What one destination has to be brought to."""

    destination: Destination
    flows: tuple[int, ...]
    """Positions in the load's flows."""
    on_gateway: Fraction | int | None = None
    """Ports on the busiest gateway; ``None`` where they are not what is short."""
    in_pod: Fraction | None = None
    """Ports in a pod; ``None`` where they are not what is short."""


@dataclass(frozen=True)
class Easing:
    """Changes of an application that bring targets to what there is."""

    changes: tuple[tuple[int, str, Any], ...]
    """Position of a flow, its field, the new value."""
    sentence: str


def easings(load: EgressLoad, targets: Sequence[Target]) -> Iterator[Easing]:
    """The ways that bring every target to what there is: of one kind each, and of mixed kinds where none does alone."""
    found = False
    for kinds in ((_fewer_connections,), (_shorter_idle,), (_more_reuse,), _KINDS):
        if len(kinds) > 1 and found:
            return
        parts = [_eased(load, target, kinds) for target in targets]
        whole = [part for part in parts if part is not None]
        if whole and len(whole) == len(parts):
            found = True
            changes = tuple(change for part in whole for change in part.changes)
            yield Easing(changes, few((part.sentence for part in whole), separator="; "))


@dataclass(frozen=True)
class _Way:
    """One number of a flow that can be moved to take fewer ports."""

    kind: "_Kind"
    index: int
    now: int
    most: int
    """The value that helps the most."""
    moved: Callable[[int], Mapping[str, Any]]
    """The fields to change for a value."""


_Kind = Callable[[int, Flow], _Way | None]


def _eased(load: EgressLoad, target: Target, kinds: Iterable[_Kind]) -> Easing | None:
    """The smallest move of one number, or of several together, that brings a target to what there is."""
    flows = {index: load.flows[index] for index in target.flows}
    gauge = _Gauge(load, target, flows)
    ways = [way for kind in kinds for index, flow in flows.items() if (way := kind(index, flow)) is not None]
    ways.sort(key=lambda way: -(gauge.each[way.index] * flows[way.index].peak_pods))
    heaviest = [ways[:number] for number in _TOGETHER if number < len(ways)]
    if len(ways) <= _TOGETHER[-1]:
        heaviest.append(ways)
    for chosen in [*([way] for way in ways[:_ALONE]), *heaviest]:
        values = tightened([way.now for way in chosen], [way.most for way in chosen], partial(gauge.meets, chosen))
        if values is None:
            continue
        moved = [(way, way.moved(value)) for way, value in zip(chosen, values, strict=True)]
        changes = tuple((way.index, field, value) for way, fields in moved for field, value in fields.items())
        said = few(
            (_said(way.index, flows[way.index], fields, load) for way, fields in moved if fields), separator="; "
        )
        return Easing(changes, said) if changes else None
    return None


class _Gauge:
    """Tells whether a target is met when numbers of its flows are moved.

    Where pods stand does not change with how they behave, so a moved number changes the sums by its own part alone.
    """

    def __init__(self, load: EgressLoad, target: Target, flows: Mapping[int, Flow]) -> None:
        placement = Placement.of(load)
        self.target = target
        self.flows = flows
        self.cooldown = placement.cooldown_seconds
        self.share = hottest_share(load, next(iter(flows.values())))
        self.each = {index: flow.ports_per_pod(self.cooldown) for index, flow in flows.items()}
        self.behind = [
            {index: placement.pods(flow, scenario).counted_behind_one for index, flow in flows.items()}
            for scenario in Scenario
        ]
        self.sums = [sum(self.each[index] * pods for index, pods in behind.items()) for behind in self.behind]
        self.in_pod = sum(self.each.values())
        self._known: dict[tuple[_Kind, int, int], Fraction | int] = {}

    def meets(self, chosen: Sequence[_Way], values: Sequence[int]) -> bool:
        """Whether the target is met with the chosen numbers at these values."""
        moved: dict[int, Fraction | int] = {}
        if len({way.index for way in chosen}) == len(chosen):
            moved = {way.index: self._moved(way, value) for way, value in zip(chosen, values, strict=True)}
        else:
            # Several numbers of one flow: what the flow takes is not the sum of their parts.
            changed = dict(self.flows)
            for way, value in zip(chosen, values, strict=True):
                changed[way.index] = changed[way.index].model_copy(update=dict(way.moved(value)))
            moved = {way.index: changed[way.index].ports_per_pod(self.cooldown) for way in chosen}
        more = {index: ports - self.each[index] for index, ports in moved.items()}
        if self.target.in_pod is not None and (self.in_pod + sum(more.values())) * self.share > self.target.in_pod:
            return False
        if self.target.on_gateway is None:
            return True
        return all(
            ceiling((total + sum(change * behind[index] for index, change in more.items())) * self.share)
            <= self.target.on_gateway
            for total, behind in zip(self.sums, self.behind, strict=True)
        )

    def _moved(self, way: _Way, value: int) -> Fraction | int:
        key = (way.kind, way.index, value)
        if key not in self._known:
            flow = self.flows[way.index].model_copy(update=dict(way.moved(value)))
            self._known[key] = flow.ports_per_pod(self.cooldown)
        return self._known[key]


def _said(index: int, flow: Flow, fields: Mapping[str, Any], load: EgressLoad) -> str:
    between = f"from {flow.client} to {flow.destination}"
    if sum(other.client == flow.client and other.destination == flow.destination for other in load.flows) > 1:
        between += f" (flows[{index}])"
    if "connections_per_pod" in fields:
        return f"at most {counted(fields['connections_per_pod'], 'connection')} per {flow.noun} {between}"
    if "requests_per_connection" in fields:
        return f"at least {counted(fields['requests_per_connection'], 'request')} on each connection {between}"
    return f"clients close connections {between} after at most {fields['idle_timeout_seconds']} s idle"


def _fewer_connections(index: int, flow: Flow) -> _Way | None:
    if flow.connections_per_pod is None:
        return None
    return _Way(_fewer_connections, index, flow.connections_per_pod, 1, lambda value: {"connections_per_pod": value})


def _shorter_idle(index: int, flow: Flow) -> _Way | None:
    if flow.connections_per_pod is not None or flow.idle_timeout_seconds == 0:
        return None
    # Whole seconds: one above what is declared stands for "as it is".
    now = NAT_IDLE_TIMEOUT.value + 1
    if flow.idle_timeout_seconds is not None:
        now = min(now, int(flow.idle_timeout_seconds) + 1)

    def moved(value: int) -> Mapping[str, Any]:
        fields: dict[str, Any] = {"idle_timeout_seconds": value}
        if flow.closed_by is ClosedBy.NAT_TIMEOUT:
            fields = {"closed_by": ClosedBy.CLIENT, **fields}
        return fields if value < now else {}

    return _Way(_shorter_idle, index, now, 0, moved)


def _more_reuse(index: int, flow: Flow) -> _Way | None:
    """More requests, one after the other, on each connection: fewer are opened, and each is in use for longer."""
    rate, requests = flow.new_connections_per_second_per_pod, flow.requests_per_connection
    if rate is None or requests is None:
        return None

    def moved(value: int) -> Mapping[str, Any]:
        if value <= requests:
            return {}
        more = value / exact(requests)
        fields: dict[str, Any] = {
            "new_connections_per_second_per_pod": float(exact(rate) / more),
            "requests_per_connection": value,
        }
        if flow.connection_duration_ms:
            fields["connection_duration_ms"] = float(exact(flow.connection_duration_ms) * more)
        return fields

    return _Way(_more_reuse, index, int(requests), _MOST_REUSE, moved)


_KINDS: tuple[_Kind, ...] = (_fewer_connections, _shorter_idle, _more_reuse)
