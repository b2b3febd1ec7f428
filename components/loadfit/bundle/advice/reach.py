"""Which functions a request runs, and which modules a start loads."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from loadfit.bundle.advice.program import OWN, Argument, Call, Function, Module, Program, own

__all__ = ["Entry", "Reached", "called_at_start", "entries_of", "loaded", "of_request", "reached"]

CONVENTION = ("lambda_handler", "handler", "exports.handler", "exports.default", "exports.lambdaHandler")
"""What a handler is named where nobody says."""
_ROUTES = frozenset(
    {
        *("get", "post", "put", "patch", "delete", "head", "options", "route", "api_route", "all", "use", "handler"),
        *("lambda_function", "schedule", "on_event", "on_s3_event", "on_sns_message", "on_sqs_message", "on_cw_event"),
        *("on_kinesis_record", "on_dynamodb_record", "resolver", "batch_resolver", "websocket", "cron", "rate"),
        *("exception_handler", "not_found", "middleware", "task", "before_request", "after_request"),
    }
)
"""What web frameworks call the decorators and methods that take a function to run at a request."""
_CALLED_ROUTES = frozenset(
    {"get", "post", "put", "patch", "delete", "head", "options", "all", "use", "route", "handler"}
)
"""The methods of web frameworks in JavaScript that take a function to run at a request."""
_WAYS_EACH = 8
"""A function is looked at again when it is reached with other parameters that come from the request, so many times."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A function that Lambda runs at each request."""

    module: Module
    function: Function


@dataclass(frozen=True, slots=True)
class Reached:
    """A function that a request runs, in one of the ways in which it does."""

    module: Module
    function: Function
    given: frozenset[str]
    """Its parameters that hold something of the request."""
    way: tuple[str, ...]
    """The functions on the way to it, from the handler on."""
    always: bool
    """Whether every request runs it."""


def entries_of(program: Program, handler: str | None) -> tuple[Entry, ...]:
    """The functions that Lambda runs at each request.

    Args:
        program: The bundle.
        handler: As Lambda knows it; ``None`` to go by the usual names.
    """
    found: dict[tuple[str, str], Entry] = {}
    symbols = tuple(_named(program, handler)) if handler is not None else tuple(_usual(program))
    for symbol in symbols:
        for entry in _entered(program, symbol, 0):
            found[entry.module.path, entry.function.name] = entry
    modules = loaded(program, [symbol[1:].partition(OWN)[0] for symbol in symbols])
    for path in modules if symbols else program.modules:
        for entry in _routes(program, program.modules[path]):
            found.setdefault((entry.module.path, entry.function.name), entry)
    return tuple(found.values())


def _named(program: Program, handler: str) -> Iterator[str]:
    folder, slash, last = handler.rpartition("/")
    for cut in dict.fromkeys((last.find("."), last.rfind("."))):
        if cut < 0:
            continue
        stem, name = f"{folder}{slash}{last[:cut]}", last[cut + 1 :]
        for module in (stem, stem.replace(".", "/")):
            for path in _files(module.removeprefix("./")):
                if path in program.modules:
                    yield own(path, name if path.endswith(".py") else f"exports.{name}")


def _files(stem: str) -> Iterator[str]:
    yield from (f"{stem}{ending}" for ending in (".py", ".mjs", ".cjs", ".js", ".mts", ".cts", ".ts"))
    yield f"{stem}/__init__.py"


def _usual(program: Program) -> Iterator[str]:
    for module in program.modules.values():
        names = [name for name in CONVENTION if name in module.functions or name in module.bindings]
        names += [
            name
            for name, function in module.functions.items()
            if "." not in name
            and name not in names
            and (name.endswith(("_handler", "Handler")) or function.parameters[:2] == ("event", "context"))
        ]
        yield from (own(module.path, name) for name in names)


def _entered(program: Program, symbol: str, depth: int) -> Iterator[Entry]:
    """The own functions that stand behind a handler: itself, what it wraps, what its decorators make of it."""
    if depth > 8:  # noqa: PLR2004 - wrappers of wrappers, which may lead round in circles
        return
    path, _, name = symbol[1:].partition(OWN)
    module = program.modules.get(path) if symbol.startswith(OWN) else None
    if module is not None and name in module.wrapped:
        for inner in module.wrapped[name]:
            yield from _entered(program, inner, depth + 1)
    elif module is not None and name not in module.functions and module.bindings.get(name, "").startswith(OWN):
        yield from _entered(program, module.bindings[name], depth + 1)
    found = program.function(symbol)
    if found is None:
        return
    yield Entry(*found)
    for decorator in found[1].decorators:
        # An own decorator runs once; what runs at each request is the function that it returns.
        around = program.function(f"{decorator.removesuffix('()')}()")
        if around is not None and not around[1].name.endswith("__init__"):
            yield Entry(*around)


def _routes(program: Program, module: Module) -> Iterator[Entry]:
    for function in module.functions.values():
        for decorator in function.decorators:
            verb = decorator.removesuffix("()").rpartition(".")[2].rpartition(":")[2]
            if verb in _ROUTES and not program.resolve(decorator.removesuffix("()")).startswith(OWN):
                yield Entry(module, function)
    for call in module.calls:
        if call.scope or call.target.rpartition(".")[2] not in _CALLED_ROUTES or module.path.endswith(".py"):
            continue
        if program.resolve(call.target).startswith(OWN):
            continue
        for argument in call.arguments.values():
            found = program.function(argument.symbol) if argument.symbol.startswith(OWN) else None
            if found is not None:
                yield Entry(*found)


def loaded(program: Program, first: Iterable[str], *, without: str = "") -> list[str]:
    """The files that a start loads when it begins with some, themselves included.

    Args:
        program: The bundle.
        first: The files that it begins with.
        without: A file that is taken to load nothing, as if it were empty.
    """
    found: dict[str, None] = {}
    waiting = deque(first)
    while waiting:
        path = waiting.popleft()
        if path in found or path not in program.modules or path == without:
            continue
        found[path] = None
        if path.endswith(".py"):
            # The packages that a module is in are loaded before it.
            folders = path.split("/")[:-1]
            waiting.extend("/".join([*folders[:count], "__init__.py"]) for count in range(len(folders) + 1))
        waiting.extend(one.module for one in program.modules[path].imports if one.own and not one.scope)
    return list(found)


def reached(program: Program, entries: Iterable[Entry]) -> list[Reached]:
    """The functions that a request runs, the handlers first, each in every way that makes a difference."""
    waiting = deque(
        Reached(entry.module, entry.function, frozenset(entry.function.parameters), (entry.function.name,), always=True)
        for entry in entries
    )
    ways: dict[tuple[str, str], list[tuple[frozenset[str], bool]]] = {}
    found: list[Reached] = []
    while waiting:
        here = waiting.popleft()
        key = (here.module.path, here.function.name)
        seen = ways.setdefault(key, [])
        # Whatever is found with more of the request in the parameters, or less often, is found with less as well.
        if len(seen) >= _WAYS_EACH or any(given <= here.given and always >= here.always for given, always in seen):
            continue
        seen.append((here.given, here.always))
        found.append(here)
        for call in program.calls(*key):
            if not call.once:
                waiting.extend(_following(program, here, call))
    return found


def _following(program: Program, here: Reached, call: Call) -> Iterator[Reached]:
    always = here.always and not call.sometimes
    called = program.function(call.target)
    if called is not None and not called[1].cached:
        module, function = called
        given = frozenset(
            name
            for position, argument in call.arguments.items()
            if of_request(argument, here.given) and (name := _parameter(function, position))
        )
        yield Reached(module, function, given, (*here.way, function.name), always)
    for argument in call.arguments.values():
        # A function that is handed over is run by whom it is handed to, with who knows what.
        handed = program.function(argument.symbol) if argument.symbol.startswith(OWN) else None
        if handed is not None and not handed[1].cached and not argument.symbol.endswith(")"):
            module, function = handed
            if function.name.endswith(".__init__"):
                continue
            yield Reached(module, function, frozenset(function.parameters), (*here.way, function.name), always=False)


def of_request(argument: Argument, given: frozenset[str]) -> bool:
    """Whether an argument is computed from something of the request."""
    return not argument.depends.isdisjoint(given | {"*"})


def _parameter(function: Function, position: str) -> str:
    if not position.isdigit():
        return position if position in function.parameters else ""
    return function.parameters[int(position)] if int(position) < len(function.parameters) else ""


def called_at_start(program: Program, modules: Iterable[str]) -> Iterator[tuple[Module, Call, tuple[str, ...]]]:
    """Every call that loading some modules makes, by themselves or through own functions, with the way to it."""
    waiting: deque[tuple[str, str, tuple[str, ...]]] = deque((path, "", ()) for path in modules)
    seen: set[tuple[str, str]] = set()
    while waiting:
        path, scope, way = waiting.popleft()
        if (path, scope) in seen:
            continue
        seen.add((path, scope))
        for call in program.calls(path, scope):
            yield program.modules[path], call, way
            called = program.function(call.target)
            if called is not None and (call.awaited or not called[1].asynchronous):
                waiting.append((called[0].path, called[1].name, (*way, called[1].name)))
