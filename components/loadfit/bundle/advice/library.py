"""What the rules know of other people's packages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from loadfit.bundle.advice.program import Call

__all__ = ["Heavy", "Kind", "Library", "Maker", "Pool"]


class Kind(Enum):
    """What something that is made once and used often costs to make."""

    AWS = "an AWS client"
    HTTP = "an HTTP client"
    POSTGRES = "a PostgreSQL connection"
    DATABASE = "a database connection"
    OTHER = "a connection"


@dataclass(frozen=True, slots=True)
class Pool:
    """How the size of a pool is given."""

    most: tuple[str, ...]
    """The arguments that together bound its connections."""
    least: tuple[str, ...] = ()
    """The arguments that say how many it opens when it is made."""
    opens: int = 0
    """How many it opens when it is made and nothing is said."""
    one: str = ""
    """How to write a pool of one."""
    unless: str = ""
    """An argument with which there is no pool, or one that looks after itself."""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Maker:
    """A call that makes a client, a connection or a pool."""

    what: str
    """With its article: ``a boto3 client``."""
    kind: Kind
    asynchronous: bool = False
    """Whether it belongs to an event loop."""
    pool: Pool | None = None
    checks: str = ""
    """The argument that makes it test a connection before lending it; empty where there is none or none is needed."""
    breaks: bool = False
    """Whether it is one connection, which nothing replaces when the server or a firewall closes it."""
    new: bool = False
    """Whether it is made by ``new``."""


@dataclass(frozen=True, slots=True)
class Heavy:
    """A package that takes its time to load."""

    name: str
    instead: str = ""
    """What to import where only a part is needed; given for a package that is too large as a whole."""
    parts: bool = False
    """Whether naming what is taken from it loads that alone, at least through a bundler."""
    namespace: bool = False
    """Whether only ``import * as`` is at fault: there is no smaller part to require."""
    saves: str = ""
    """What is published about it."""


@dataclass(frozen=True, slots=True)
class Library:
    """One language's packages."""

    makers: Mapping[str, Maker]
    """By symbol; a pattern where it begins with ``^``."""
    heavy: Mapping[str, Heavy] = field(default_factory=dict[str, Heavy])
    """Packages that are worth loading only where they are needed, by name."""
    whole: Mapping[str, Heavy] = field(default_factory=dict[str, Heavy])
    """Packages whose parts can be loaded one by one, by name; a pattern where it begins with ``^``."""
    network: tuple[re.Pattern[str], ...] = ()
    """Symbols whose call asks the network, or waits, where what follows waits for it."""
    blocking: tuple[re.Pattern[str], ...] = ()
    """Symbols whose call is waited for in any case."""
    request_bound: frozenset[str] = frozenset()
    """Arguments that hold credentials of one request: what is made with them is not for the next."""
    reconnects: frozenset[str] = frozenset()
    """Names that tell that a file looks after connections that broke."""

    def maker(self, call: Call, symbol: str) -> Maker | None:
        """What a call makes, when it is one of the makers."""
        found = self.makers.get(symbol)
        if found is None:
            found = next(
                (maker for name, maker in self.makers.items() if name[0] == "^" and re.fullmatch(name, symbol)), None
            )
        return found if found is not None and (call.new or not found.new) else None

    def whole_package(self, module: str) -> Heavy | None:
        """What is known of a package that is imported as a whole."""
        found = self.whole.get(module)
        patterns = (heavy for name, heavy in self.whole.items() if name[0] == "^" and re.fullmatch(name, module))
        return found or next(patterns, None)

    def waits(self, call: Call, symbol: str) -> bool:
        """Whether a call of a symbol asks the network, or waits, and what follows waits for it."""
        patterns = (*self.network, *self.blocking) if call.awaited else self.blocking
        return any(pattern.fullmatch(symbol) for pattern in patterns)
