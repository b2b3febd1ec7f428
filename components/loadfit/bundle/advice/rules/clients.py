"""Clients, connections and pools: where they are made, how large they are, who looks after them."""

from collections.abc import Iterator

from loadfit.bundle.advice import codes
from loadfit.bundle.advice.advice import Advice, Basis
from loadfit.bundle.advice.library import Kind, Maker, Pool
from loadfit.bundle.advice.program import Call, Module
from loadfit.bundle.advice.reach import Reached, of_request
from loadfit.bundle.advice.rules.telling import Analysis, by_way
from loadfit.core.wording import counted

__all__ = ["clients_in_handlers", "pools_above_one", "unchecked_connections"]

_SAVES = {
    Kind.AWS: (
        "At every request: loading the service's description, and 2 round trips for TCP and TLS 1.3 at its first call.",
        codes.TLS,
    ),
    Kind.HTTP: ("At every request: 2 round trips for each server, one for TCP and one for TLS 1.3.", codes.TLS),
    Kind.POSTGRES: (
        "At every request: 6 round trips before the first query: TCP, SSLRequest, TLS 1.3, start-up, two of SCRAM.",
        codes.POSTGRES_PROTOCOL,
    ),
    Kind.DATABASE: (
        "At every request: the round trips of TCP, TLS and the log-in, and a connection at the server.",
        codes.BEST_PRACTICES,
    ),
    Kind.OTHER: ("At every request: the round trips of TCP, TLS and the log-in.", codes.BEST_PRACTICES),
}


def clients_in_handlers(analysis: Analysis) -> Iterator[Advice]:
    """What is made at a request and lost after it."""
    for here in analysis.reached:
        library = analysis.library(here.module)
        for call in analysis.program.calls(here.module.path, here.function.name):
            if call.once:
                continue
            maker = library.maker(call, analysis.program.resolve(call.target))
            if maker is None or _of_the_request(call, here, library.request_bound):
                continue
            saves, source = _SAVES[maker.kind]
            where = "in the handler" if len(here.way) == 1 else "in a function that the handler calls"
            yield Advice(
                here.module.path,
                call.line,
                codes.CLIENT_IN_HANDLER,
                f"{maker.what[0].upper()}{maker.what[1:]} is made at every request, {where}{by_way(here.way)}.",
                _way_out(maker, here.module),
                saves,
                Basis.ESTIMATED,
                source,
            )


def _of_the_request(call: Call, here: Reached, request_bound: frozenset[str]) -> bool:
    if any(name in request_bound for name in call.arguments):
        return True
    return any(of_request(argument, here.given) for argument in call.arguments.values())


def _way_out(maker: Maker, module: Module) -> str:
    if module.path.endswith(".py"):
        kept = "Make it once, at module level or at first use in a function with functools.cache, and use it again"
    else:
        kept = "Make it once, outside of the handler, and use it again"
    if maker.asynchronous and module.path.endswith(".py"):
        return f"{kept}; keep the event loop it belongs to as well: asyncio.run makes and closes one at each call."
    if maker.kind in {Kind.POSTGRES, Kind.DATABASE}:
        return f"{kept}; test it before use, as it may have been idle for hours."
    return f"{kept}."


def pools_above_one(analysis: Analysis) -> Iterator[Advice]:
    """Pools of more connections than an instance has requests."""
    for module, call, maker in _made(analysis):
        pool = maker.pool
        if pool is None or call.more or (pool.unless and pool.unless in call.arguments):
            continue
        size = _size(call, pool)
        if size is None or size <= 1:
            continue
        spare = size - 1
        yield Advice(
            module.path,
            call.line,
            codes.POOL_ABOVE_ONE,
            f"{maker.what[0].upper()}{maker.what[1:]} holds up to {counted(size, 'connection')}, and an instance "
            "handles one request at a time.",
            f"Give it one ({pool.one}), or as many as one request uses at the same time.",
            f"{counted(spare, 'connection')} for each instance: {spare * 100:,} with 100 instances.",
            Basis.ESTIMATED,
            pool.source,
        )


def _size(call: Call, pool: Pool) -> int | None:
    """How many connections a pool has, as far as its arguments tell; ``None`` where they do not."""
    most = [value for name in pool.most for value in _given(call, name)]
    least = [value for name in pool.least for value in _given(call, name)]
    if not most and not least:
        return pool.opens or None
    known = [value for value in most if value is not None]
    return max([sum(known), *(value for value in least if value is not None)])


def _given(call: Call, name: str) -> list[int | None]:
    """The value of an argument; none where it is not there, and ``None`` where it cannot be told."""
    given = next((call.arguments[key] for key in name.split("|") if key in call.arguments), None)
    if given is None or given.value is None:
        return []
    return [given.value if isinstance(given.value, int) and not isinstance(given.value, bool) else None]


def unchecked_connections(analysis: Analysis) -> Iterator[Advice]:
    """Connections that are kept and not tested."""
    words = set[str]().union(*(module.words for module in analysis.program.modules.values()))
    for module, call, maker in _made(analysis):
        if call.more or not _kept(analysis, module, call):
            continue
        library = analysis.library(module)
        if maker.checks:
            if _looks_after_itself(call, maker, words):
                continue
            way_out = f"Give it {maker.checks}={'True' if maker.checks == 'pool_pre_ping' else 'its check_connection'}."
            said = f"{maker.what[0].upper()}{maker.what[1:]} is kept between requests without {maker.checks}"
        elif maker.breaks and not words & library.reconnects:
            way_out = "Connect again when it is found closed, or hold a pool that tests its connections."
            said = f"{maker.what[0].upper()}{maker.what[1:]} is kept between requests, and nothing connects again"
        else:
            continue
        yield Advice(
            module.path,
            call.line,
            codes.CONNECTION_NOT_CHECKED,
            f"{said}: what closes it while the instance is idle makes the next request fail.",
            way_out,
            "The errors of the first request after an idle time; no time.",
            Basis.ESTIMATED,
            codes.PRE_PING if maker.checks else codes.BEST_PRACTICES,
        )


def _looks_after_itself(call: Call, maker: Maker, words: set[str]) -> bool:
    if maker.checks in call.arguments or "pool_recycle" in call.arguments or "creator" in call.arguments:
        return True
    if maker.pool is not None and maker.pool.unless and maker.pool.unless in call.arguments:
        return True
    url = call.arguments.get("0") or call.arguments.get("url")
    if url is not None and isinstance(url.value, str) and url.value.startswith(("sqlite", "duckdb", "mock")):
        return True
    # `@event.listens_for(engine, "checkout")`, SQLAlchemy's own recipe.
    return maker.checks == "pool_pre_ping" and "listens_for" in words


def _kept(analysis: Analysis, module: Module, call: Call) -> bool:
    """Whether what is made outlives the request: it is made when a module is loaded, or at first use."""
    return call.once or (module.path, call.scope) not in analysis.at_requests


def _made(analysis: Analysis) -> Iterator[tuple[Module, Call, Maker]]:
    """Whatever is made in a file that the function loads, at its start or later."""
    for module in analysis.relevant:
        library = analysis.library(module)
        for call in module.calls:
            maker = library.maker(call, analysis.program.resolve(call.target))
            if maker is not None:
                yield module, call, maker
