"""Proves on other people's functions that advice does not crash, and counts its false alarms: ``make proof-advice``.

It needs pip, npm and the package indexes. None of the functions is run, and nothing is kept; each piece of advice was
judged by hand, and one that was not is a broken claim. It prints a table, and ends with 1 where a claim is broken.
"""

import argparse
import posixpath
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from loadfit.bundle.advice import Advice, advise
from loadfit.bundle.advice.codes import SOURCE_NOT_ANALYZED
from loadfit.bundle.advice.program import Module, Program
from loadfit.bundle.advice.reach import entries_of
from loadfit.bundle.advice.sources import ENDINGS, read
from proofs.table import Row, print_table


@dataclass(frozen=True)
class Package:
    """A package with Lambda handlers in it."""

    name: str
    version: str
    license: str
    index: str
    """``pip`` or ``npm``."""
    each: tuple[str, ...] = ()
    """Parts of the names of folders that are a function each; the package as a whole where there are none."""


PACKAGES = (
    Package("aws-lambda-powertools", "3.37.0", "MIT-0", "pip"),
    Package("chalice", "1.34.0", "Apache-2.0", "pip"),
    Package("crhelper", "2.0.12", "Apache-2.0", "pip"),
    Package("datadog-lambda", "8.130.0", "Apache-2.0", "pip"),
    Package("mangum", "0.22.0", "MIT", "pip"),
    Package("serverless-wsgi", "3.0.5", "MIT", "pip"),
    Package("zappa", "0.63.0", "MIT", "pip"),
    Package("@codegenie/serverless-express", "4.17.1", "Apache-2.0", "npm"),
    Package("@middy/core", "6.4.5", "MIT", "npm"),
    Package("lambda-api", "1.5.1", "MIT", "npm"),
    Package("serverless-http", "4.0.0", "MIT", "npm"),
    Package("aws-cdk-lib", "2.100.0", "Apache-2.0", "npm", ("handler/", "/runtime/", "lambda/index", "lambda-source/")),
)

RIGHT = {
    ("aws-cdk-lib", "aws-dynamodb/lib/replica-handler/index.js", 1, "CLIENT_IN_HANDLER"),
    ("aws-cdk-lib", "aws-eks/lib/kubectl-handler/helm/__init__.py", 32, "CLIENT_IN_HANDLER"),
    ("aws-cdk-lib", "aws-route53/lib/delete-existing-record-set-handler/index.js", 1, "CLIENT_IN_HANDLER"),
}
"""Advice that a reader of the source agrees with: package, file, line, code."""
FALSE_ALARMS: set[tuple[str, str, int, str]] = set()
"""Advice that a reader of the source does not agree with."""


def main() -> int:
    """Runs the proof."""
    parser = argparse.ArgumentParser(prog="make proof-advice")
    parser.add_argument("--show", action="store_true", help="also print every piece of advice")
    options = parser.parse_args()
    rows: list[Row] = []
    judged: set[tuple[str, str, int, str]] = set()
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            row, found = prove(package, Path(folder))
            rows.append(row)
            judged |= {(package.name, one.path, one.line, one.code) for one in found}
            for one in found if options.show else ():
                print(f"{package.name}: {one.path}:{one.line} {one.code} {one.message}")
    right, wrong = len(judged & RIGHT), len(judged & FALSE_ALARMS)
    rows.append(
        Row(
            "every piece of advice was judged by hand, and what was right is still found",
            f"{len(judged)} pieces: {right} right, {wrong} false alarms",
            f"{len(RIGHT)} right, {len(FALSE_ALARMS)} false alarms",
            judged == RIGHT | FALSE_ALARMS,
        )
    )
    print_table(rows)
    return 0 if all(row.holds for row in rows) else 1


def prove(package: Package, folder: Path) -> tuple[Row, list[Advice]]:
    """Asks for advice on every function of a package."""
    sources = sources_of(fetched(package, folder))
    found: list[Advice] = []
    handlers = analyzed = 0
    for prefix, files in functions(package, sources):
        program = Program({one.path: one for one in read(files) if isinstance(one, Module)})
        analyzed += len(files)
        handlers += len(entries_of(program, None))
        found += [replace(one, path=prefix + one.path) for one in advise(files, None)]
    passed_over = sum(one.code == SOURCE_NOT_ANALYZED for one in found)
    advice = [one for one in found if one.code != SOURCE_NOT_ANALYZED]
    row = Row(
        f"{package.name} {package.version} ({package.license})",
        f"{analyzed} files, {passed_over} not read, {handlers} handlers and routes, {len(advice)} pieces of advice",
        "no crash",
        analyzed > 0,
    )
    return row, advice


def functions(package: Package, sources: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The functions of a package: the beginning of their files' names, and the files."""
    if not package.each:
        yield "", sources
        return
    chosen = {posixpath.dirname(path) for path in sources if any(part in path for part in package.each)}
    tops = {one for one in chosen if not any(one.startswith(f"{other}/") for other in chosen)}
    for top in sorted(tops):
        yield f"{top}/", {path[len(top) + 1 :]: text for path, text in sources.items() if path.startswith(f"{top}/")}


def fetched(package: Package, folder: Path) -> Path:
    """The archive of a package, by the ordinary client of its index."""
    target = folder / package.name.replace("/", "-")
    target.mkdir()
    if package.index == "npm":
        command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    else:
        named = f"{package.name}=={package.version}"
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", named]
    subprocess.run(command, cwd=target, check=True, stdout=subprocess.DEVNULL)
    (archive,) = target.iterdir()
    return archive


def sources_of(archive: Path) -> dict[str, str]:
    """The source files in an archive, by their path below its one folder."""
    found: dict[str, str] = {}
    with tarfile.open(archive) as files:
        for member in files:
            path = member.name.partition("/")[2]
            content = files.extractfile(member) if member.isfile() and path.endswith(ENDINGS) else None
            if content is not None and "node_modules/" not in path:
                found[path] = content.read().decode("utf-8", "replace")
    return found


if __name__ == "__main__":
    sys.exit(main())
