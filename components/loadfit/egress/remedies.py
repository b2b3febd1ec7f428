"""Ways out of what an egress plan breaks, each found by sizing again.

A remedy brings its number to the target, not a step further; what a change needs besides, such as a quota, is part of
the remedy. Remedies that change what all flows share (addresses, gateways, zones, quotas) are sized for all of them;
those that change how an application behaves, for the destinations that they are about.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from loadfit.core import limits
from loadfit.core.findings import Change, Finding, Remedied, Remedy, RemedyKind, Severity
from loadfit.core.paths import Path, replaced, value_at
from loadfit.core.wording import counted
from loadfit.egress import codes
from loadfit.egress.easing import Target, easings
from loadfit.egress.load import EgressLoad
from loadfit.egress.plan import EgressPlan
from loadfit.egress.sizing import size_egress
from loadfit.egress.traffic import Destination, Via

__all__ = ["REMEDIED_FINDINGS", "find_remedies"]

REMEDIED_FINDINGS = 20
"""Remedies are sought for this many findings, the first ones: as many as a report shows."""

_QUOTA_CODES = (codes.NAT_ADDRESSES_OVER_QUOTA, codes.REGION_ADDRESSES_OVER_QUOTA)
_ADDRESS_CODES = frozenset({codes.NAT_ADDRESSES_OVER_LIMIT, *_QUOTA_CODES})
_ORDER = list(RemedyKind)
_ATTEMPTS = 200
"""How often a load is sized, at the most, to find first remedies that go together."""

Changes = tuple[tuple[Path, Any], ...]
"""Changes of the load itself: paths in it, not in the document that it was resolved from."""


def find_remedies(plan: EgressPlan) -> tuple[Remedied, ...]:
    """The findings of a plan with their remedies: by kind, and within a kind by cost.

    The first remedies of all findings go together: those that come before one that does are left out.
    """
    own = [_candidates(plan, finding) for finding in plan.findings[:REMEDIED_FINDINGS]]
    together = _Together(plan, own).search()
    found: list[Remedied] = []
    for position, finding in enumerate(plan.findings):
        candidates = own[position] if position < len(own) else []
        if together is not None:
            first = together[position]
            later = [one for one in candidates if one.rank > first.rank or one.changes == first.changes]
            candidates = [first, *(one for one in later if one.changes != first.changes)]
        found.append(Remedied(finding, tuple(one.remedy for one in candidates)))
    return tuple(found)


@dataclass(frozen=True)
class _Candidate:
    """A remedy that was checked, with its changes as the load knows them."""

    remedy: Remedy
    changes: Changes

    @property
    def rank(self) -> tuple[int, Fraction]:
        """Where it stands among others."""
        return (_ORDER.index(self.remedy.kind), self.remedy.monthly_cost_usd or Fraction(0))


def _candidates(plan: EgressPlan, finding: Finding) -> list[_Candidate]:
    found: dict[str, _Candidate] = {}
    for draft in _drafts(plan, finding):
        candidate = _checked(plan, finding, draft)
        if candidate is not None:
            found.setdefault(str(candidate.changes), candidate)
    return sorted(found.values(), key=lambda one: one.rank)


class _Together:
    """Finds first remedies of all findings that, applied in order, leave none of them and no error."""

    def __init__(self, plan: EgressPlan, own: Sequence[Sequence[_Candidate]]) -> None:
        self.plan = plan
        self.own = own
        self.attempts = _ATTEMPTS

    def search(self) -> list[_Candidate] | None:
        """One candidate for each finding; ``None`` where there are none that go together."""
        if not self.own or len(self.own) < len(self.plan.findings) or not all(self.own):
            return None
        return self._completed([], self.plan)

    def _completed(self, chosen: list[_Candidate], reached: EgressPlan) -> list[_Candidate] | None:
        position = len(chosen)
        if position == len(self.own):
            return chosen
        gone = {finding.key for finding in self.plan.findings[: position + 1]}
        for candidate in self._choices(position, chosen, reached):
            self.attempts -= 1
            if self.attempts < 0:
                return None
            load = _applied(reached.load, candidate.changes)
            after = size_egress(load) if _is_valid(load) else None
            if after is None or _worse(self.plan, after) or gone & {finding.key for finding in after.findings}:
                continue
            completed = self._completed([*chosen, candidate], after)
            if completed is not None:
                return completed
        return None

    def _choices(self, position: int, chosen: list[_Candidate], reached: EgressPlan) -> Iterator[_Candidate]:
        """Own remedies; what was chosen for others and helps here too; own ones that also say what stays as it is.

        These undo what an earlier remedy sets and this one does not need. The last are what the finding needs once the
        earlier ones are made: a quota, say, that both together need and neither does alone.
        """
        finding = self.plan.findings[position]
        yield from self.own[position]
        for other in chosen:
            shared = _checked(self.plan, finding, _Draft(other.remedy.kind, other.changes, other.remedy.sentence))
            if shared is not None:
                yield shared
        if reached.load.addresses_per_gateway is not None:
            for draft in _drafts(self.plan, finding):
                changes = tuple(change for change in draft.changes if change[0] != ("addresses_per_gateway",))
                full = _Draft(draft.kind, _with_addresses(self.plan.load, changes), draft.sentence)
                candidate = _checked(self.plan, finding, full, keep_same=True)
                if candidate is not None:
                    yield candidate
        left = next((one for one in reached.findings if one.key == finding.key), None)
        for draft in _drafts(reached, left) if left is not None and chosen else ():
            candidate = _checked(reached, left or finding, draft)
            if candidate is not None and (as_declared := self._as_declared(finding, candidate)) is not None:
                yield as_declared

    def _as_declared(self, finding: Finding, candidate: _Candidate) -> _Candidate | None:
        """A candidate that was found in a changed load, as one for what is declared; ``None`` where it does not do."""
        after = size_egress(_applied(self.plan.load, candidate.changes))
        if _worse(self.plan, after) or finding.key in {other.key for other in after.findings}:
            return None
        return _candidate(self.plan, after, candidate.remedy.kind, candidate.remedy.sentence, candidate.changes)


@dataclass(frozen=True)
class _Draft:
    """Changes that may help, still to be checked."""

    kind: RemedyKind
    changes: Changes
    sentence: str


def _drafts(plan: EgressPlan, finding: Finding) -> Iterator[_Draft]:
    """What may help against a finding, each sized but not yet checked as a whole."""
    if finding.code == codes.NAT_PORTS_SHORT:
        heavy = [one.destination for one in plan.destinations if str(one.destination) == finding.subject]
        yield from _more_addresses(plan)
        yield from _gateway_per_zone(plan)
        yield from _more_zones(plan)
        yield from _endpoint(plan, heavy)
        yield from _lighter(plan, heavy, plan.addresses_per_gateway)
        yield from _at_the_limit(plan, heavy)
    elif finding.code in _ADDRESS_CODES:
        yield from _more_zones(plan)
        yield from _within_quota(plan)
        yield from _at_the_limit(plan, [one.destination for one in plan.destinations])
        yield from _quota(plan)
    elif finding.code == codes.POD_PORTS_SHORT:
        yield from _lighter_pods(plan, finding)
    elif finding.code == codes.ZONE_GATEWAYS_OVER_QUOTA:
        needed = int(finding.needed)
        yield _Draft(
            RemedyKind.QUOTA_REQUEST,
            ((("quota_gateways_per_zone",), needed),),
            f"ask for quota {limits.NAT_GATEWAYS_PER_ZONE_QUOTA.quota} raised to {needed:,} NAT gateways per zone",
        )
    elif finding.code == codes.NODE_SNAT_PORTS_SHORT:
        yield _Draft(
            RemedyKind.CONFIGURATION,
            ((("external_snat",), True),),
            "leave SNAT to the gateway (AWS_VPC_K8S_CNI_EXTERNALSNAT=true, with all nodes in private subnets)",
        )
    else:
        # A lost zone, bandwidth, packets.
        yield from _gateway_per_zone(plan)
        yield from _more_zones(plan)


def _checked(plan: EgressPlan, finding: Finding, draft: _Draft, *, keep_same: bool = False) -> _Candidate | None:
    """The draft as a remedy, with the quotas that it needs; ``None`` where it does not do, or does too much.

    Args:
        plan: What the remedy is for.
        finding: What it has to remove.
        draft: The changes.
        keep_same: Whether to say also what stays as it is declared.
    """
    changes = tuple((path, value) for path, value in draft.changes if keep_same or value_at(plan.load, path) != value)
    load = _applied(plan.load, changes)
    if not changes or not _is_valid(load):
        return None
    after = size_egress(load)
    kind, sentence = draft.kind, draft.sentence
    over_limit = any(other.code == codes.NAT_ADDRESSES_OVER_LIMIT for other in after.findings)
    if over_limit and any(path[0] in _QUOTA_NAMES for path, _ in changes):
        return None  # no quota helps where a gateway cannot have as many
    missing = () if over_limit else _grown_quotas(plan, after)
    if missing:
        kind = RemedyKind.QUOTA_REQUEST
        sentence += f", with {' and '.join(_raised(path, value) for path, value in missing)}"
        changes = (*changes, *missing)
        after = size_egress(_applied(load, missing))
    keys = {other.key for other in after.findings}
    if finding.key in keys or _worse(plan, after) or not _is_tight(plan, changes, keys):
        return None
    return _candidate(plan, after, kind, sentence, changes)


def _candidate(plan: EgressPlan, after: EgressPlan, kind: RemedyKind, sentence: str, changes: Changes) -> _Candidate:
    said = tuple(Change(plan.load.where(path), value_at(plan.load, path), value) for path, value in changes)
    return _Candidate(Remedy(kind, said, sentence, _cost_difference(plan, after)), changes)


def _is_tight(plan: EgressPlan, changes: Changes, keys: set[tuple[str, str]]) -> bool:
    """Whether one of anything less would leave a finding. What applications change is tight as it is found."""
    numbers = dict(changes)
    for path, value in changes:
        if path[0] not in _PROVISIONED or not isinstance(value, int):
            continue
        fewer = {**numbers, path: value - 1}
        if path == ("zones",) and ("gateways",) in numbers:
            fewer["gateways",] = value - 1
        elif path == ("gateways",) and ("zones",) in numbers:
            continue
        load = _applied(plan.load, tuple(fewer.items()))
        if value > 1 and _is_valid(load) and {other.key for other in size_egress(load).findings} <= keys:
            return False
    return True


_PROVISIONED = frozenset(
    {"zones", "gateways", "addresses_per_gateway", "quota_addresses_per_gateway", "quota_addresses_per_region"}
)


def _is_valid(load: EgressLoad) -> bool:
    return load.gateways in (None, 1, load.zones)


def _applied(load: EgressLoad, changes: Iterable[tuple[Path, Any]]) -> EgressLoad:
    for path, value in changes:
        load = replaced(load, path, value)
    return load


def _worse(before: EgressPlan, after: EgressPlan) -> bool:
    """Whether there is an error that was not there."""
    had = {finding.key for finding in before.findings if finding.severity is Severity.ERROR}
    return any(finding.severity is Severity.ERROR and finding.key not in had for finding in after.findings)


def _grown_quotas(before: EgressPlan, after: EgressPlan) -> Changes:
    """Quotas that a changed load breaks by more than the load as it was, raised to exactly what it needs."""
    needed = {finding.key: finding.needed for finding in before.findings}
    return tuple(
        (_QUOTA_FIELDS[finding.code], int(finding.needed))
        for finding in after.findings
        if finding.code in _QUOTA_CODES and finding.needed > needed.get(finding.key, Fraction(0))
    )


_QUOTA_NAMES = frozenset({"quota_addresses_per_gateway", "quota_addresses_per_region"})
_QUOTA_FIELDS: dict[str, Path] = {
    codes.NAT_ADDRESSES_OVER_QUOTA: ("quota_addresses_per_gateway",),
    codes.REGION_ADDRESSES_OVER_QUOTA: ("quota_addresses_per_region",),
}


def _raised(path: Path, value: int) -> str:
    if path == ("quota_addresses_per_gateway",):
        return f"quota {limits.NAT_ADDRESSES_PER_GATEWAY_QUOTA.quota} raised to {value:,} addresses per gateway"
    return f"quota {limits.ELASTIC_IPS_PER_REGION_QUOTA.quota} raised to {value:,} elastic IPs in the Region"


def _cost_difference(before: EgressPlan, after: EgressPlan) -> Fraction | None:
    if before.monthly_cost_usd is None or after.monthly_cost_usd is None:
        same = (before.gateways, before.addresses_per_gateway) == (after.gateways, after.addresses_per_gateway)
        return Fraction(0) if same else None
    return after.monthly_cost_usd["total"] - before.monthly_cost_usd["total"]


def _more_addresses(plan: EgressPlan) -> Iterator[_Draft]:
    if plan.load.addresses_per_gateway is None or plan.load.allocations:
        return
    each = "the gateway" if plan.gateways == 1 else "each gateway"
    sentence = f"{counted(plan.addresses_needed, 'address', 'addresses')} on {each}"
    yield _Draft(RemedyKind.CONFIGURATION, ((("addresses_per_gateway",), plan.addresses_needed),), sentence)


def _gateway_per_zone(plan: EgressPlan) -> Iterator[_Draft]:
    load = plan.load
    if load.number_of_gateways == 1 and load.zones > 1 and not load.allocations:
        sentence = f"one gateway in each of the {load.zones} zones"
        changes: Changes = ((("gateways",), load.zones),)
        yield _Draft(RemedyKind.CONFIGURATION, _with_addresses(load, changes), sentence)
        yield _Draft(RemedyKind.CONFIGURATION, changes, sentence)


def _more_zones(plan: EgressPlan) -> Iterator[_Draft]:
    """Zones that every Region has; whether this one has more is not known here."""
    load = plan.load
    if load.allocations:
        return
    for zones in range(load.zones + 1, limits.ZONES_OF_ANY_REGION.value + 1):
        changes: Changes = ((("zones",), zones),)
        if load.gateways is not None:
            changes = (*changes, (("gateways",), zones))
        sentence = f"{zones} zones, each with its own gateway"
        yield _Draft(RemedyKind.CONFIGURATION, _with_addresses(load, changes), sentence)
        yield _Draft(RemedyKind.CONFIGURATION, changes, sentence)


def _with_addresses(load: EgressLoad, changes: Changes) -> Changes:
    """The changes with the declared number of addresses brought to what the changed load needs."""
    if load.addresses_per_gateway is None:
        return changes
    return (*changes, (("addresses_per_gateway",), size_egress(_applied(load, changes)).addresses_needed))


def _within_quota(plan: EgressPlan) -> Iterator[_Draft]:
    """What makes do with the addresses that limits and quotas allow."""
    load = plan.load
    allowed = min(limits.NAT_ADDRESSES_PER_GATEWAY.value, load.addresses_per_gateway_quota)
    if load.allocations:
        return
    allowed = min(allowed, (load.addresses_per_region_quota - (load.addresses_in_use or 0)) // plan.gateways)
    if allowed < 1:
        return
    if load.addresses_per_gateway is not None and plan.addresses_needed <= allowed:
        will_do = f"{counted(plan.addresses_needed, 'address', 'addresses')} on each gateway will do"
        yield _Draft(RemedyKind.CONFIGURATION, ((("addresses_per_gateway",), plan.addresses_needed),), will_do)
        return
    heavy = [one.destination for one in plan.destinations if one.most_ports > _ports_of(plan, allowed)]
    yield from _endpoint(plan, heavy)
    yield from _lighter(plan, heavy, allowed)


def _at_the_limit(plan: EgressPlan, destinations: Sequence[Destination]) -> Iterator[_Draft]:
    """As many addresses as a gateway can have, and a lighter load, where the one or the other is not enough."""
    hard = limits.NAT_ADDRESSES_PER_GATEWAY.value
    if plan.load.allocations or plan.addresses_needed <= hard:
        return
    over = {one.destination for one in plan.destinations if one.most_ports > _ports_of(plan, hard)}
    yield from _lighter(plan, [one for one in destinations if one in over], hard, addresses=hard)


def _ports_of(plan: EgressPlan, addresses: int) -> Fraction:
    """What addresses give for one destination, at the target utilization."""
    return plan.ports_per_address * addresses * plan.load.policy_value("target_utilization")


def _quota(plan: EgressPlan) -> Iterator[_Draft]:
    changes = tuple(
        (_QUOTA_FIELDS[finding.code], int(finding.needed)) for finding in plan.findings if finding.code in _QUOTA_CODES
    )
    if changes:
        sentence = "ask for " + " and ".join(_raised(path, value) for path, value in changes)
        yield _Draft(RemedyKind.QUOTA_REQUEST, changes, sentence)


_AWS_SERVICE = re.compile(r"(?:^|\.)(s3|dynamodb)\.(?:dualstack\.)?([a-z0-9-]+)\.amazonaws\.com$")


def _endpoint(plan: EgressPlan, destinations: Sequence[Destination]) -> Iterator[_Draft]:
    """Gateway endpoints, where every destination is S3 or DynamoDB of the same Region."""
    load = plan.load
    services: set[str] = set()
    for destination in destinations:
        service = _AWS_SERVICE.search(destination.host)
        if service is None or service[2] != load.region:
            return
        services.add({"s3": "S3", "dynamodb": "DynamoDB"}[service[1]])
    indices = [i for i, flow in enumerate(load.flows) if flow.uses_nat and flow.destination in destinations]
    if indices:
        changes = tuple((("flows", index, "via"), Via.GATEWAY_ENDPOINT) for index in indices)
        names = " and ".join(sorted(services))
        sentence = f"a gateway endpoint for {names}: it takes no NAT port and is free of charge"
        yield _Draft(RemedyKind.CONFIGURATION, _with_addresses(load, changes), sentence)
        yield _Draft(RemedyKind.CONFIGURATION, changes, sentence)


def _lighter(
    plan: EgressPlan, destinations: Sequence[Destination], allowed: int, *, addresses: int | None = None
) -> Iterator[_Draft]:
    """A lighter load on destinations, so that a number of addresses on each gateway will do.

    Args:
        plan: What is too heavy.
        destinations: Those that need more.
        allowed: Addresses on each gateway that they are to make do with.
        addresses: Addresses to declare besides, where their number is declared.
    """
    by_destination = {one.destination: one.flows for one in plan.destinations}
    targets = [Target(one, by_destination[one], on_gateway=_ports_of(plan, allowed)) for one in destinations]
    declared = plan.load.addresses_per_gateway
    for easing in easings(plan.load, targets) if targets else ():
        changes: Changes = tuple((("flows", index, field), value) for index, field, value in easing.changes)
        yield _Draft(RemedyKind.APPLICATION, changes, easing.sentence)
        if declared is not None and declared != (addresses or allowed):
            count = counted(addresses or allowed, "address", "addresses")
            sentence = f"{count} on each gateway, and {easing.sentence}"
            yield _Draft(RemedyKind.APPLICATION, _with_addresses(plan.load, changes), sentence)


def _lighter_pods(plan: EgressPlan, finding: Finding) -> Iterator[_Draft]:
    """Fewer ports in each pod of one client, for one destination."""
    load = plan.load
    indices = tuple(i for i, flow in enumerate(load.flows) if f"{flow.client} to {flow.destination}" == finding.subject)
    target = Target(load.flows[indices[0]].destination, indices, in_pod=load.policy_value("pod_ephemeral_ports"))
    for easing in easings(load, [target]):
        changes = tuple((("flows", index, field), value) for index, field, value in easing.changes)
        yield _Draft(RemedyKind.APPLICATION, changes, easing.sentence)
