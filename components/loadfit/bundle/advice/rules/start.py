"""Work that a start waits for."""

from collections.abc import Iterator

from loadfit.bundle.advice import codes
from loadfit.bundle.advice.advice import Advice, Basis
from loadfit.bundle.advice.reach import called_at_start
from loadfit.bundle.advice.rules.telling import Analysis, by_way
from loadfit.core.problems import printable

__all__ = ["work_at_start"]


def work_at_start(analysis: Analysis) -> Iterator[Advice]:
    """Calls to the network, and waiting, while a module is loaded."""
    for module, call, way in called_at_start(analysis.program, analysis.loaded):
        symbol = analysis.program.resolve(call.target)
        if not analysis.library(module).waits(call, symbol):
            continue
        waits = symbol == "time.sleep"
        what = "waits" if waits else "waits for an answer" if "read_" not in symbol else "reads a table"
        called = symbol.replace("()", "").replace(":", ".")
        yield Advice(
            module.path,
            call.line,
            codes.WORK_AT_START,
            f"Loading the module {what}: it calls {printable(called)}{by_way(('module', *way))}.",
            "Remove the pause."
            if waits
            else "Do it at first use and keep the answer, or bring what it fetches with the bundle or its environment.",
            f"At every cold start: {'the pause' if waits else 'the time of the call'}.",
            Basis.ESTIMATED,
            codes.ENVIRONMENT,
        )
