"""Ways out whose changes reach beyond their section, sized with the whole document.

A section's own remedies were found by sizing that section again. Where what they change is used by another section (a
function's instances are clients of its database), or is shared with it (a server's max_connections, an account's
concurrency), each is checked, and completed, by sizing the whole document again. What is short for several sections
together is one finding, whose remedies lie in any of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from loadfit.core.findings import Change, Finding, Remedied, Remedy, RemedyKind, Severity
from loadfit.core.paths import Path, replaced, value_at
from loadfit.core.problems import InvalidLoad
from loadfit.core.wording import counted
from loadfit.databases import size_database
from loadfit.databases.codes import DATABASE_CONNECTIONS_SHORT
from loadfit.functions import size_function
from loadfit.functions.codes import ACCOUNT_LIMIT
from loadfit.stack.document import StackLoad
from loadfit.stack.plan import Identity, SectionPlan, StackPlan, size
from loadfit.stack.resolution import ACCOUNT_FIELDS, SERVER_FIELDS, resolve, servers

__all__ = ["find_remedies"]

_ORDER = list(RemedyKind)
_ROUNDS = 4
"""Other sections' remedies that one remedy may need besides."""
_MOST_SIBLINGS = 3
"""Other sections whose remedies are sought for a finding that they share."""
_WORK = 200_000
"""How often a document is sized, at the most, times what is in it: a large one is not sized hundreds of times."""
_MOST_SIZED = 200
_MOST_TOGETHER = 20
"""Remedies that are tried one after the other to make everything fit."""

_Found = Mapping[str, tuple[Remedied, ...]]


def find_remedies(plan: StackPlan) -> _Found:
    """The findings of each section with their remedies, by the section's path: by kind, and within a kind by cost."""
    found = {path: section.remedies() for path, section in plan.sections.items()}
    if not plan.findings or not _anything_crosses(plan.load.stack):
        return found
    whole = _Whole(plan)
    checked = {path: tuple(whole.remedied(path, item) for item in items) for path, items in found.items()}
    return whole.going_together(checked)


def _anything_crosses(document: StackLoad) -> bool:
    functions = document.functions or {}
    used = any(one.database or one.egress for one in functions.values())
    return used or len(functions) > 1 or any(len(names) > 1 for names in servers(document).values())


class _Whole:
    """Sizes the whole document again, with changes, as often as its size allows."""

    def __init__(self, plan: StackPlan) -> None:
        self.plan = plan
        self.document = plan.load.stack
        self.had = {plan.identity(path, one) for path, one in _errors(plan)}
        self.left = max(1, min(_MOST_SIZED, _WORK // (1 + _weight(plan))))

    def remedied(self, path: str, item: Remedied) -> Remedied:
        """A finding with the remedies that hold for the whole document, those of other sections among them."""
        own = [whole for one in item.remedies if (whole := self.whole(path, item.finding, one)) is not None]
        shared = [
            whole
            for one in _of_siblings(self.plan, path, item.finding)
            if (whole := self.whole(path, item.finding, one)) is not None
        ]
        each = {tuple((change.path, str(change.after)) for change in one.changes): one for one in (*shared, *own)}
        ways = sorted(each.values(), key=lambda one: (_ORDER.index(one.kind), one.monthly_cost_usd or 0))
        return replace(item, remedies=tuple(ways))

    def whole(self, path: str, finding: Finding, remedy: Remedy) -> Remedy | None:
        """A remedy, with what other sections need besides; ``None`` where the whole document does not allow it."""
        changes = tuple(_linked(self.document, remedy.changes))
        if not any(self._reaches(change.path) for change in changes):
            return remedy
        kind, sentence = remedy.kind, remedy.sentence
        for _ in range(_ROUNDS):
            after = self.sized(changes)
            if after is None:
                return None
            new = [(at, one) for at, one in _errors(after) if after.identity(at, one) not in self.had]
            if not new:
                gone = self.plan.identity(path, finding) not in _identities(after)
                return Remedy(kind, changes, sentence, self._cost(after, remedy.monthly_cost_usd)) if gone else None
            other = _first_remedy(after, *new[0])
            if other is None:
                return None
            changes = _merged(self.document, (*changes, *_linked(self.document, other.changes)))
            kind = max(kind, other.kind, key=_ORDER.index)
            sentence = f"{sentence}, with {other.sentence}"
        return None

    def _reaches(self, path: Path) -> bool:
        """Whether a changed value is used by another section, or shared with it."""
        functions, databases = self.document.functions or {}, self.document.databases or {}
        match path:
            case ("functions", str() as name, *_):
                return len(functions) > 1 or bool(functions[name].database or functions[name].egress)
            case ("databases", str() as name, *_):
                return databases[name].server is not None
            case _:
                return False

    def _cost(self, after: StackPlan, own: Fraction | None) -> Fraction | None:
        """What the sections of a changed document cost beside what they cost now; ``None`` where one is not known.

        A section without a price of its own, a database, costs what its remedy says: nothing, or nobody knows.
        """
        if own is None:
            return None
        total = Fraction(0)
        for path, section in after.sections.items():
            before = self.plan.sections[path].monthly_cost_usd
            if before is not None and section.monthly_cost_usd is not None:
                total += section.monthly_cost_usd["total"] - before["total"]
            elif path.partition(".")[0] != "databases":
                return None
        return total

    def sized(self, changes: Iterable[Change]) -> StackPlan | None:
        """The plan of the changed document; ``None`` where it is none, or where it was sized often enough."""
        self.left -= 1
        if self.left < 0:
            return None
        document = self.document
        for change in changes:
            document = replaced(document, change.path, change.after)
        try:
            return size(resolve(document))
        except InvalidLoad:
            return None

    def going_together(self, found: _Found) -> _Found:
        """The findings, with one remedy for all of them first where their first ones do not make the document fit."""
        firsts = [item.remedies[0] for items in found.values() for item in items if item.remedies]
        if len(firsts) <= 1:
            return found
        after = self.sized(_merged(self.document, [change for one in firsts for change in one.changes]))
        if after is None or not (_identities(after) & self._remedied(found)):
            return found
        together = self._one_after_the_other(found)
        if together is None:
            return found
        return {path: tuple(_with_first(item, together) for item in items) for path, items in found.items()}

    def _remedied(self, found: _Found) -> set[Identity]:
        return {
            self.plan.identity(path, item.finding) for path, items in found.items() for item in items if item.remedies
        }

    def _one_after_the_other(self, found: _Found) -> Remedy | None:
        """Remedies, each of what the ones before it have left, until nothing is left that has one."""
        changes: tuple[Change, ...] = ()
        used: list[Remedy] = []
        after: StackPlan | None = self.plan
        for _ in range(_MOST_TOGETHER):
            if after is None:
                return None
            remedies = (one for path, item in after.found() if (one := _first_remedy(after, path, item)) is not None)
            following = next(remedies, None)
            if following is None:
                break
            used.append(following)
            changes = _merged(self.document, (*changes, *_linked(self.document, following.changes)))
            after = self.sized(changes)
        if not used or after is None or _identities(after) & self._remedied(found):
            return None
        known = all(one.monthly_cost_usd is not None for one in used)
        return Remedy(
            max((one.kind for one in used), key=_ORDER.index),
            changes,
            # What each said by itself need not hold for the others' numbers: the changes themselves are shown.
            f"{counted(len(changes), 'change')} that take all findings away together",
            self._cost(after, Fraction(0)) if known else None,
        )


def _with_first(item: Remedied, first: Remedy) -> Remedied:
    if not item.remedies:
        return item
    rank = _ORDER.index(first.kind)
    later = (one for one in item.remedies if _ORDER.index(one.kind) >= rank and one.changes != first.changes)
    return replace(item, remedies=(first, *later))


def _weight(plan: StackPlan) -> int:
    flows = len(plan.load.egress.flows) if plan.load.egress else 0
    clients = sum(len(load.clients) for load in plan.load.databases.values())
    return flows + clients + sum(len(load.windows) for load in plan.load.functions.values())


def _errors(plan: StackPlan) -> list[tuple[str, Finding]]:
    return [(path, one) for path, one in plan.found() if one.severity is Severity.ERROR]


def _identities(plan: StackPlan) -> set[Identity]:
    return {plan.identity(path, one) for path, one in plan.found()}


def _first_remedy(plan: StackPlan, path: str, finding: Finding) -> Remedy | None:
    """The section's own first way out of a finding."""
    own = next(item for item in plan.sections[path].remedies() if item.finding.key == finding.key)
    return next(iter(own.remedies), None)


def _of_siblings(plan: StackPlan, path: str, finding: Finding) -> Iterator[Remedy]:
    """What the other sections can do about a finding that they share."""
    for name, sibling in _siblings(plan, path, finding):
        for item in sibling.remedies():
            if item.finding.code != finding.code:
                continue
            for one in item.remedies:
                if not any(change.path[-1] in (*ACCOUNT_FIELDS, *SERVER_FIELDS) for change in one.changes):
                    yield replace(one, sentence=f"{name}: {one.sentence}")


def _siblings(plan: StackPlan, path: str, finding: Finding) -> Iterator[tuple[str, SectionPlan]]:
    """The other sections, those that take the most first, each sized as if it had to say what is short."""
    section, _, name = path.partition(".")
    says = {"checks_account": None} if finding.code == ACCOUNT_LIMIT else {"checks_server": None}
    if finding.code == ACCOUNT_LIMIT:
        others = [other for other in plan.functions if other != name]
        others.sort(key=lambda other: -plan.functions[other].account.claimed)
        for other in others[:_MOST_SIBLINGS]:
            yield other, size_function(plan.load.functions[other].model_copy(update=says))
    elif finding.code == DATABASE_CONNECTIONS_SHORT and section == "databases":
        server = plan.server_of(path)
        names = servers(plan.load.stack).get(server, []) if server is not None else []
        for other in [other for other in names if other != name][:_MOST_SIBLINGS]:
            yield other, size_database(plan.load.databases[other].model_copy(update=says))


def _linked(document: StackLoad, changes: Sequence[Change]) -> Iterator[Change]:
    """The changes, each in every section that declares the shared number."""
    for change in changes:
        for path in _linked_paths(document, change.path):
            yield change if path == change.path else Change(path, value_at(document, path), change.after)


def _linked_paths(document: StackLoad, path: Path) -> list[Path]:
    field = path[-1]
    if path[0] == "functions" and field in ACCOUNT_FIELDS:
        sharing = list(document.functions or {})
    elif path[0] == "databases" and field in SERVER_FIELDS:
        databases = document.databases or {}
        server = databases[str(path[1])].server
        sharing = [name for name, one in databases.items() if server is not None and one.server == server]
    else:
        return [path]
    paths: list[Path] = [(path[0], name, field) for name in sharing]
    return [one for one in paths if value_at(document, one) is not None] or [path]


def _merged(document: StackLoad, changes: Iterable[Change]) -> tuple[Change, ...]:
    """One change for each path: the last; none that leaves what is declared."""
    last = {change.path: change.after for change in changes}
    return tuple(
        Change(path, before, after) for path, after in last.items() if (before := value_at(document, path)) != after
    )
