"""``loadfit render FILE DATABASE``: prints the pgbouncer.ini of a plan."""

import argparse
import sys

from loadfit.cli.failure import DOES_NOT_FIT, FITS, Failure
from loadfit.core.findings import SizingError, Verdict
from loadfit.core.problems import nearest, printable
from loadfit.core.wording import few
from loadfit.databases.config import PoolChoices, peer_hosts, render_config
from loadfit.databases.settings import DEFAULT_VERSION, OLDEST, Version
from loadfit.documents import read_resolved
from loadfit.stack import size

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "render"
HELP = "print the pgbouncer.ini of a database's plan"

_ENDPOINT = "endpoint.invalid"
"""Stands for what only deployment knows. https://www.rfc-editor.org/rfc/rfc2606#section-2"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument("file", metavar="FILE", help="a load document, or a Pulumi.<stack>.yaml that carries one")
    parser.add_argument("database", metavar="DATABASE", help="one of the document's databases")
    parser.add_argument(
        "--pgbouncer-version",
        metavar="VERSION",
        default=str(DEFAULT_VERSION),
        help=f"leave out what this version does not know (from {OLDEST}; default: {DEFAULT_VERSION})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Sizes the file and prints the database's configuration to standard output; errors of its load beside it.

    Raises:
        InvalidLoad: The file is not a load.
        Failure: There is no such database, or nothing is pooled, or no such version.
    """
    version = Version.parse(arguments.pgbouncer_version)
    if version is None or version < OLDEST:
        found = printable(arguments.pgbouncer_version)
        raise Failure(f'render: expected a PgBouncer version from {OLDEST}, found "{found}".')
    plans = size(read_resolved(arguments.file)).databases
    name = str(arguments.database)
    if name not in plans:
        meant = nearest(name, plans)
        hint = f"Did you mean {meant}?" if meant else f"They are: {few(plans) or 'none'}."
        raise Failure(f'render: expected a database of {printable(arguments.file)}, found "{printable(name)}". {hint}')
    plan = plans[name]
    if not plan.pools:
        raise Failure(f"render: no client of {printable(name)} goes through PgBouncer, so it has no configuration.")
    choices = PoolChoices(
        database=name, host=_ENDPOINT, peers=peer_hosts(name, "default", plan.replicas), version=version
    )
    sys.stdout.write(render_config(plan, choices))
    if plan.verdict is Verdict.FITS:
        return FITS
    print(SizingError(plan.remedies(), arguments.file), file=sys.stderr)
    return DOES_NOT_FIT
