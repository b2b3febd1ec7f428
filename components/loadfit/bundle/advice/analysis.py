"""Reads the sources of a function and asks every rule."""

from collections.abc import Callable, Iterator, Mapping

from loadfit.bundle.advice import codes
from loadfit.bundle.advice.advice import Advice, Basis
from loadfit.bundle.advice.javascript.library import JAVASCRIPT
from loadfit.bundle.advice.program import Module, Program
from loadfit.bundle.advice.python.library import PYTHON
from loadfit.bundle.advice.reach import entries_of, loaded, reached
from loadfit.bundle.advice.rules.clients import clients_in_handlers, pools_above_one, unchecked_connections
from loadfit.bundle.advice.rules.imports import heavy_imports, whole_packages, wide_indexes
from loadfit.bundle.advice.rules.start import work_at_start
from loadfit.bundle.advice.rules.telling import Analysis
from loadfit.bundle.advice.sources import Unreadable, read
from loadfit.core.problems import printable

__all__ = ["advise"]

_RULES: tuple[Callable[[Analysis], Iterator[Advice]], ...] = (
    clients_in_handlers,
    heavy_imports,
    pools_above_one,
    unchecked_connections,
    whole_packages,
    wide_indexes,
    work_at_start,
)


def advise(sources: Mapping[str, str], handler: str | None = None) -> tuple[Advice, ...]:
    r"""What in a function's source makes its cold start slow or lets its connections leak, by file and line.

    Nothing is run and no file is read. What cannot be told from the source is not reported.

    Args:
        sources: The text of each source file, by its path in the bundle, with ``/`` between folders: Python
            (``.py``), JavaScript (``.js``, ``.mjs``, ``.cjs``) and TypeScript (``.ts``, ``.mts``, ``.cts``). Files of
            other kinds are passed over.
        handler: The function's handler as Lambda knows it, such as ``app.handler``; ``None`` to take the functions
            that are named as handlers usually are. Where there are none, only what loading the files does is judged.

    Example:
        >>> source = "import boto3\ndef handler(event, context):\n    boto3.client('s3')\n"
        >>> [(one.path, one.line, one.code) for one in advise({"app.py": source}, "app.handler")]
        [('app.py', 3, 'CLIENT_IN_HANDLER')]
    """
    found: set[Advice] = set()
    modules: dict[str, Module] = {}
    for one in read(sources):
        if isinstance(one, Unreadable):
            found.add(_not_analyzed(one))
        else:
            modules[one.path] = one
    program = Program(modules)
    entries = entries_of(program, handler)
    if handler is not None and not entries:
        # A file that could not be read may well be the one.
        if not found and modules:
            found.add(_not_found(handler, modules))
        entries = entries_of(program, None)
    runs = reached(program, entries)
    starts = loaded(program, [entry.module.path for entry in entries] or list(modules))
    later = {here.module.path for here in runs} | set(starts)
    analysis = Analysis(
        program,
        entries,
        runs,
        starts,
        frozenset((here.module.path, here.function.name) for here in runs),
        [module for path, module in modules.items() if path in later],
        {"py": PYTHON, "js": JAVASCRIPT},
    )
    for rule in _RULES:
        found.update(rule(analysis))
    return tuple(sorted(_one_each(found)))


def _one_each(found: set[Advice]) -> Iterator[Advice]:
    """One piece of advice for a line and a code: a function that is reached in two ways is at fault once."""
    seen: set[tuple[str, int, str]] = set()
    for one in sorted(found, key=lambda one: (one.path, one.line, one.code, len(one.message), one.message)):
        if (one.path, one.line, one.code) not in seen:
            seen.add((one.path, one.line, one.code))
            yield one


def _not_analyzed(one: Unreadable) -> Advice:
    return Advice(
        one.path,
        one.line,
        codes.SOURCE_NOT_ANALYZED,
        f"The file was not analyzed: {printable(one.why, 200)}.",
        "Give the source that the file was made from, or look at it yourself.",
        "Nothing: what is in it is not part of the advice.",
        Basis.ESTIMATED,
        "loadfit",
    )


def _not_found(handler: str, modules: Mapping[str, Module]) -> Advice:
    return Advice(
        min(modules),
        1,
        codes.HANDLER_NOT_FOUND,
        f'The handler "{printable(handler)}" is not in the sources.',
        "Name it by its file without the ending, a point and the function, such as app.handler for handler in app.py.",
        "Nothing: each request would end with an import error.",
        Basis.ESTIMATED,
        "https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html",
    )
