"""The search for the largest value of each number that a document carries."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from loadfit.core.exact import exact, flooring
from loadfit.core.findings import Change, Finding, Severity
from loadfit.core.paths import Path
from loadfit.core.problems import InvalidLoad
from loadfit.databases.codes import APP_POOL_OVERSIZED, SERVER_POOL_SHORT
from loadfit.egress import codes as egress
from loadfit.functions.codes import BURST, PC_TOO_SMALL, RATE_10X
from loadfit.stack.document import StackLoad
from loadfit.stack.growth.held import held_sizes, holding
from loadfit.stack.growth.numbers import Number, growing_numbers
from loadfit.stack.plan import Identity, StackPlan, size
from loadfit.stack.resolution import resolve

__all__ = ["MOST_NUMBERS", "MOST_SIZINGS", "Break", "Growth", "Limits", "find_limits", "is_limit"]

MOST_NUMBERS = 60
"""Numbers of one document that are moved, at the most."""
MOST_SIZINGS = 2_000
"""How often a document is sized, at the most, before no other number is begun."""
_WORK = 50_000
"""The same, times what is in the document: a large one is sized less often."""

_PROPORTIONAL = 2
"""How often a value is first sought where a need in proportion leads."""

_WARM = frozenset({PC_TOO_SMALL, RATE_10X, BURST})
"""Too few warm instances, named by what sets their number."""

_LIMITS: Mapping[str, str] = {
    egress.NAT_PORTS_SHORT: "NAT ports to {}",
    egress.POD_PORTS_SHORT: "a pod's ports, {}",
    egress.NODE_SNAT_PORTS_SHORT: "a node's ports to {}",
    egress.NAT_BANDWIDTH_SHORT: "a gateway's bandwidth",
    egress.NAT_PACKETS_SHORT: "a gateway's packets",
    SERVER_POOL_SHORT: "server_connections",
}
"""What breaks, where the path of the finding is not that of the limit."""


@dataclass(frozen=True, slots=True)
class Break:
    """What breaks first beyond a value."""

    finding: Finding
    """As it stands one step beyond."""

    @property
    def limit(self) -> str:
        """What is short: a field of the document, or ports."""
        named = _LIMITS.get(self.finding.code)
        if named is not None:
            return named.format(self.finding.subject)
        return next(str(step) for step in reversed(self.finding.path) if isinstance(step, str))

    def __str__(self) -> str:
        return f"{self.limit} {self.finding.state}".rstrip()


@dataclass(frozen=True, slots=True)
class Growth:
    """How far one number can grow, alone."""

    number: Number
    target_at: int | float | None
    """The largest value without a finding that it causes; the largest that the field takes where none was found;
    ``None`` where it is beyond its target at every value."""
    beyond_target: Break | None
    """What is found one step beyond, or at every value; ``None`` where nothing bounds it."""
    exhausted_after: int | float | None
    """The same for errors."""
    beyond_exhaustion: Break | None

    @property
    def is_over(self) -> bool:
        """Whether the declared value is beyond exhaustion already."""
        return self.exhausted_after is None or exact(self.exhausted_after) < self.number.declared

    @property
    def room(self) -> Fraction | None:
        """What it can grow by until it is exhausted, as a share of the declared value; ``None`` without a limit.

        Below 0 where it is over already, -1 where it is so at every value.
        """
        if self.beyond_exhaustion is None:
            return None
        return exact(self.exhausted_after or 0) / self.number.declared - 1

    @property
    def rank(self) -> tuple[bool, Fraction, bool, Fraction]:
        """Where it stands among others: the smallest room first, of equal ones the smallest to the target."""
        room, target = self.room, exact(self.target_at or 0) / self.number.declared
        return (room is None, room or Fraction(0), self.beyond_target is None, target)


@dataclass(frozen=True)
class Limits:
    """How far the numbers of a document can grow, the one that can grow the least first."""

    plan: StackPlan
    held: tuple[Change, ...]
    """Sizes that were computed, and held."""
    growths: tuple[Growth, ...]
    not_moved: int
    """Numbers that were left out, because the document is large."""
    sizings: int
    """How often the document was sized."""


def find_limits(plan: StackPlan) -> Limits:
    """How far each declared number of a document can grow until which limit breaks.

    Args:
        plan: The document's plan.

    Returns:
        The numbers, widest risk first: the smallest growth to exhaustion, as a share of the declared value.
    """
    numbers = growing_numbers(plan)
    held = held_sizes(plan)
    sizer = _Sizer(plan, held)
    growths: list[Growth] = []
    for number in numbers[:MOST_NUMBERS]:
        if growths and sizer.sizings >= sizer.budget:
            break
        growths.append(_Search(number, sizer).growth())
    return Limits(
        plan,
        held,
        tuple(sorted(growths, key=lambda growth: growth.rank)),
        len(numbers) - len(growths),
        sizer.sizings,
    )


def is_limit(finding: Finding) -> bool:
    """Whether a finding is of something that is short. A pool that is larger than can be used breaks nothing."""
    return finding.code != APP_POOL_OVERSIZED


@dataclass(frozen=True)
class _Found:
    """What a document was found to break."""

    plan: StackPlan

    @cached_property
    def all(self) -> Mapping[Identity, Finding]:
        found: dict[Identity, Finding] = {}
        for path, finding in self.plan.found():
            if is_limit(finding):
                section, code, subject = self.plan.identity(path, finding)
                found.setdefault((section, "warm instances" if code in _WARM else code, subject), finding)
        return found

    @cached_property
    def errors(self) -> Mapping[Identity, Finding]:
        return {identity: one for identity, one in self.all.items() if one.severity is Severity.ERROR}


class _Sizer:
    """Sizes a document with its sizes held, as often as its size allows."""

    def __init__(self, plan: StackPlan, held: tuple[Change, ...]) -> None:
        self.plan = plan
        self.held = held
        self.sizings = 0
        self.budget = min(MOST_SIZINGS, _WORK // (1 + _weight(plan)))
        self._today: dict[Path, tuple[StackLoad, _Found]] = {}

    def today(self, number: Number) -> tuple[StackLoad, _Found]:
        """The document with the sizes held that a number is moved against, and what is found in it."""
        held_for = number.path[:4] if number.path[2:3] == ("windows",) else ()
        if held_for not in self._today:
            document = holding(self.plan.load.stack, self.held, self.plan, number.path)
            self._today[held_for] = (document, self.found(document))
        return self._today[held_for]

    def found(self, document: StackLoad) -> _Found:
        """What is found in a document."""
        self.sizings += 1
        return _Found(size(resolve(document)))


def _weight(plan: StackPlan) -> int:
    flows = len(plan.load.egress.flows) if plan.load.egress else 0
    clients = sum(len(load.clients) for load in plan.load.databases.values())
    return flows + clients + sum(len(load.windows) for load in plan.load.functions.values())


_Breaks = Callable[[_Found], Sequence[Finding]]


class _Search:
    """Moves one number. Every value that is reported, and the one beyond it, was sized."""

    def __init__(self, number: Number, sizer: _Sizer) -> None:
        self.number = number
        self.sizer = sizer
        self.document, self.today = sizer.today(number)
        self.known: dict[int, _Found | None] = {0: self.today}

    def at(self, steps: int) -> _Found | None:
        """What is found after a number of steps; ``None`` where the document takes no such value."""
        if steps not in self.known:
            try:
                self.known[steps] = self.sizer.found(self.number.moved(self.document, steps))
            except InvalidLoad:
                self.known[steps] = None
        return self.known[steps]

    def growth(self) -> Growth:
        """The two values, and what breaks beyond each."""
        today = self.today
        least = self.at(self.number.fewest) if today.all else None
        errors, every = frozenset[Identity](), frozenset[Identity]()
        error_at_all = found_at_all = None
        if least is not None:
            # What the least value does not have is there today because of this number.
            errors, every = _caused(today.errors, least.errors), _caused(today.all, least.all)
            error_at_all, found_at_all = _worse(today.errors, least.errors), _worse(today.all, least.all)

        def are_errors(found: _Found) -> Sequence[Finding]:
            return [one for key, one in found.errors.items() if (key in errors if errors else key not in today.errors)]

        def are_found(found: _Found) -> Sequence[Finding]:
            if errors or every:
                return [
                    one for key, one in found.all.items() if key in every or (key in errors and key in found.errors)
                ]
            return [one for key, one in found.all.items() if key not in today.all] or are_errors(found)

        exhausted, error = (None, error_at_all) if error_at_all else self._largest(are_errors, over=bool(errors))
        top = exhausted + 1 if error and exhausted is not None else self.number.most
        target, finding = (
            (None, found_at_all) if found_at_all else self._largest(are_found, over=bool(errors or every), top=top)
        )
        return Growth(
            self.number,
            None if target is None else self.number.value(target),
            Break(finding) if finding else None,
            None if exhausted is None else self.number.value(exhausted),
            Break(error) if error else None,
        )

    def _largest(self, breaks: _Breaks, *, over: bool, top: int | None = None) -> tuple[int, Finding | None]:
        """The most steps without what breaks, and what breaks first one step beyond; nothing up to the largest value.

        Args:
            breaks: What counts, in what was found.
            over: Whether it is there today.
            top: The most steps to take; as many as the field takes where not given.
        """

        def carried(steps: int) -> bool:
            found = self.at(steps)
            return found is not None and not breaks(found)

        good, bad = (
            (self.number.fewest, 0) if over else self._doubled(carried, self.number.most if top is None else top)
        )
        # Most needs are in proportion to a number: where that leads, and one step beyond, is tried before halving.
        for _ in range(_PROPORTIONAL):
            guess = self._in_proportion(bad, breaks)
            for steps in (guess, guess + 1):
                if good < steps < bad:
                    good, bad = (steps, bad) if carried(steps) else (good, steps)
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if carried(middle) else (good, middle)
        beyond = self.at(bad) if bad > good else None
        return good, None if beyond is None else _first(breaks(beyond))

    def _in_proportion(self, bad: int, breaks: _Breaks) -> int:
        """The steps at which a need in proportion to the number would be what there is for it."""
        found = self.at(bad)
        finding = _first(breaks(found)) if found is not None else None
        if finding is None or finding.needed <= 0:
            return bad
        value = (self.number.declared + bad * self.number.step) * finding.available / finding.needed
        return flooring((value - self.number.declared) / self.number.step)

    def _doubled(self, carried: Callable[[int], bool], top: int) -> tuple[int, int]:
        """Steps that are carried and steps that are not, by doubling the value; twice the same where all are."""
        good = 0
        while good < top:
            value = self.number.declared + good * self.number.step
            steps = min(top, good + max(1, int(value / self.number.step)))
            if not carried(steps):
                return good, steps
            good = steps
        return good, good


def _caused(today: Mapping[Identity, Finding], least: Mapping[Identity, Finding]) -> frozenset[Identity]:
    return frozenset(today.keys() - least.keys())


def _worse(today: Mapping[Identity, Finding], least: Mapping[Identity, Finding]) -> Finding | None:
    """What the least value has, too, and the declared one makes worse: no value is without it."""
    return _first(one for key, one in today.items() if key in least and one.needed > least[key].needed)


def _first(found: Iterable[Finding]) -> Finding | None:
    return next(iter(found), None)
