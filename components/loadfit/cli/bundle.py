"""``loadfit bundle PATH``: what a deployment package weighs, and the same package without what need not ship."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from loadfit.cli.failure import BAD_INPUT, DOES_NOT_FIT, FITS, Failure
from loadfit.cli.terminal import terminal
from loadfit.reports import Format

if TYPE_CHECKING:
    from loadfit.bundle import Packed
    from loadfit.bundle.measuring import Start

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "bundle"
HELP = "weigh a function's deployment package, measure its start, pack it"

_FORMATS = (Format.TEXT, Format.MARKDOWN, Format.JSON)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("path", metavar="PATH", help="the folder or the zip file of a function")
    parser.add_argument("--handler", metavar="FILE.FUNCTION", help="as Lambda names it, such as app.handler")
    parser.add_argument("--runtime", metavar="NAME", help="such as python3.13 or nodejs22.x (default: by the handler)")
    parser.add_argument(
        "--architecture", choices=["x86_64", "arm64"], help="what the function runs on (default: x86_64, as Lambda's)"
    )
    parser.add_argument(
        "--layer", metavar="PATH", action="append", default=[], help="the folder or zip file of a layer; repeatable"
    )
    parser.add_argument(
        "--measure", action="store_true", help="import the handler 30 times in fresh interpreters: this runs its code"
    )
    parser.add_argument("--pack", metavar="OUT.zip", help="write the package without what the handler cannot reach")
    parser.add_argument(
        "--keep",
        metavar="NAME",
        action="append",
        default=[],
        help="pack this module, package or path in any case; repeatable",
    )
    parser.add_argument(
        "--service",
        metavar="NAME",
        action="append",
        default=[],
        help="an AWS service that is used, where the sources do not name it; repeatable",
    )
    parser.add_argument(
        "--compression",
        choices=["deflated", "stored"],
        default="deflated",
        help="stored: larger, and the same bytes also where zlib is another (default: deflated)",
    )
    parser.add_argument(
        "--format",
        choices=[form.value for form in _FORMATS],
        default=Format.TEXT.value,
        help="how to report (default: text)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Weighs the package, and measures and packs it where asked; the report goes to standard output.

    Raises:
        InvalidLoad: There is no such package or handler, or it is one that no function can be made from.
        Failure: An argument needs another one.
    """
    from loadfit.bundle import NoBundler, own_sources, pack, read_contents, weigh_contents
    from loadfit.bundle.advice import advise
    from loadfit.reports.bundle import BundleReport, render_bundle

    _check(arguments)
    with read_contents(arguments.path) as contents:
        weight = weigh_contents(contents, layers=arguments.layer, architecture=arguments.architecture)
        advice = advise(own_sources(contents), arguments.handler)
    packed = missing = None
    if arguments.pack is not None:
        try:
            packed = pack(
                arguments.path,
                handler=arguments.handler,
                runtime=arguments.runtime,
                architecture=arguments.architecture,
                keep=arguments.keep,
                services=arguments.service,
                compression=arguments.compression,
                out=arguments.pack,
            )
        except NoBundler as error:
            missing = error
    report = BundleReport(
        weight,
        packed,
        advice=advice,
        starts=tuple(_starts(arguments, packed)) if arguments.measure else (),
        notes=() if missing is None else (f"Weighed only: {missing}",),
    )
    sys.stdout.write(render_bundle(report, Format(arguments.format), **terminal()))
    if missing is not None:
        # Whoever waits for the package must not go on without it.
        print(missing, file=sys.stderr)
        return BAD_INPUT
    return DOES_NOT_FIT if report.over else FITS


def _starts(arguments: argparse.Namespace, packed: "Packed | None") -> "Iterator[tuple[str, Start]]":
    from loadfit.bundle.measuring import measure

    for path in (arguments.path, *(() if packed is None else (packed.path,))):
        yield str(path), measure(path, handler=arguments.handler, runtime=arguments.runtime, layers=arguments.layer)


def _check(arguments: argparse.Namespace) -> None:
    for option in ("measure", "pack"):
        if getattr(arguments, option) and arguments.handler is None:
            raise Failure(f"bundle: --{option} needs the handler: expected --handler such as app.handler, found none.")
    for option in ("keep", "service"):
        if getattr(arguments, option) and arguments.pack is None:
            raise Failure(f"bundle: --{option} is about what is packed: expected --pack OUT.zip with it, found none.")
