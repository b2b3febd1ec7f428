"""``loadfit`` and ``python -m loadfit.cli``."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from loadfit.cli.failure import BAD_INPUT, CANNOT_WRITE, Failure
from loadfit.core.problems import InvalidLoad, printable

__all__ = ["main"]

_COMMANDS = ("size", "limits", "diff", "preview", "render", "memory", "bundle", "explain")
"""The names of the modules beside this one, and of what they do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: The words after the program's name; those of the process where none are given.

    Returns:
        The exit code: 0 the load fits, 1 it does not, 2 bad input.
    """
    if sys.stdout is None:
        # Started with standard output closed: there is nobody to tell.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open for as long as the process
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape, not a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] if arguments is None else arguments
    # Only the command that runs pays for its imports.
    named = [name for name in _COMMANDS if name == next(iter(arguments), None)]
    parsed = _parser(named or _COMMANDS).parse_args(arguments)
    try:
        code = parsed.run(parsed)
        sys.stdout.flush()
    except (InvalidLoad, Failure) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # The reader has gone, as `| head` does.
        _say_no_more()
        return 141
    except OSError as error:
        # A full disk, say. Reading a load raises InvalidLoad instead.
        _say_no_more()
        print(f"loadfit: the output cannot be written: {error.strerror or error}", file=sys.stderr)
        return CANNOT_WRITE
    except KeyboardInterrupt:
        return 130
    return code


def _say_no_more() -> None:
    """Lets what is still buffered go nowhere, or Python would try once more at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(BAD_INPUT, f"{self.prog}: {printable(message, 300)}\n")


def _parser(names: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="loadfit",
        description="Computes the size of infrastructure from a declared load, before anything is provisioned.",
        epilog="Exit codes: 0 the load fits, 1 it does not fit, 2 bad input.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in names:
        command = import_module(f"loadfit.cli.{name}")
        subparser = commands.add_parser(command.NAME, help=command.HELP, description=command.__doc__)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from loadfit import __version__

        print(f"loadfit {__version__}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
