"""Proves what packing does, on functions with packages from the indexes: ``make proof-bundle``.

Prints a table of claim, measured, bound and verdict, and ends with 1 where a claim is broken.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from proofs.bundle.folders import NODE, ballasted, heavy_python, install_python, node_function, size
from proofs.bundle.runtime_api import invoke_all
from proofs.bundle.starts import ENVIRONMENT, PYTHON, Starts, starts
from proofs.table import Row, print_table

MB = 1024 * 1024
LEAST, MOST = 150, 15
"""MB unzipped, before and after."""
FALL = 0.77
"""From 3.5 s to 0.8 s."""

EVENTS = [{"order": f"o{number}", "lines": [["0.10", number], ["19.99", 2]]} for number in range(50)]

_ANSWERS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import app
print(json.dumps([app.handler(event, None) for event in json.load(sys.stdin)]))
"""


Timed = tuple[Starts, Starts]
"""Of an init, and until the first answer."""

_PACK = """
import sys
from loadfit import pack
source, out, cache, handler, runtime, *keep = sys.argv[1:]
pack(source, out=out, cache=cache, handler=handler, runtime=runtime, keep=keep)
"""


def main() -> int:
    """Runs the proof."""
    with tempfile.TemporaryDirectory(prefix="loadfit-proof-") as folder:
        place = Path(folder).resolve()
        rows = [*of_python(place), *of_node(place)]
    print_table(rows)
    return 0 if all(row.holds for row in rows) else 1


def of_python(place: Path) -> Iterator[Row]:
    """A package of everything, packed."""
    whole = ballasted(place / "ballasted")
    before = size(whole)
    yield Row(
        "boto3 with every model, pandas, SciPy, SQLAlchemy, tests, caches: unzipped",
        f"{before / MB:,.1f} MB",
        f"at least {LEAST} MB",
        before >= LEAST * MB,
    )
    made = packed(whole, place / "first.zip", "app.handler")
    task = unpacked(made, place / "task")
    after = size(task)
    yield Row("the same, packed", f"{after / MB:,.1f} MB", f"at most {MOST} MB", after <= MOST * MB)
    shutil.copytree(whole, place / "elsewhere/a copy")
    again = [
        packed(whole, place / "again.zip", "app.handler"),
        packed(place / "elsewhere/a copy", place / "third.zip", "app.handler", umask=0o077, zone="Asia/Kathmandu"),
    ]
    same = sum(one.read_bytes() == made.read_bytes() for one in again)
    yield Row(
        "packed again; and in another folder, time zone and umask", f"{same} of 2 the same bytes", "2 of 2", same == 2
    )
    expected = answers(whole)
    agree = sum(map(is_same, answers(task), expected))
    yield Row(
        "the packed handler's answers are those of the whole", f"{agree} of {len(EVENTS)}", "all", agree == len(EVENTS)
    )
    install_python(place / "client", "awslambdaric")
    told = invoke_all(task, place / "client", "app.handler", EVENTS)
    agree = sum(map(is_same, told, expected))
    yield Row("the same, asked by awslambdaric", f"{agree} of {len(EVENTS)}", "all", agree == len(told) == len(EVENTS))
    heavy = heavy_python(place / "heavy")
    yield Row(
        "the heavy function has the size of the case study's",
        f"{size(heavy) / MB:,.1f} MB",
        "100 to 250 MB",
        100 * MB <= size(heavy) <= 250 * MB,
    )
    # What the SDK alone takes: the same client, and nothing else.
    sdk = unpacked(made, place / "sdk")
    (sdk / "app.py").write_text('import boto3\n\nstorage = boto3.client("s3")\n\ndef handler(event, _context): ...\n')
    taken = starts({"heavy": heavy, "light": task, "sdk": sdk})
    yield from falls("Python, heavy to light and packed", taken["heavy"], taken["light"], taken["sdk"])


def of_node(place: Path) -> Iterator[Row]:
    """The heavy and the light function, the latter packed with the runtime's SDK and with its own."""
    heavy, light = node_function("heavy-node", place / "heavy-node"), node_function("light-node", place / "light-node")
    functions = {"heavy": heavy / "index.js"}
    # What the SDK alone takes: the same imports, and nothing else.
    imports = [line for line in (light / "index.js").read_text().splitlines() if '"@aws-sdk/' in line]
    names = "GetObjectCommand, S3Client, getSignedUrl"
    (light / "sdk.js").write_text(
        "\n".join([*imports, f"export const handler = () => [{names}, new S3Client({{}})];", ""])
    )
    for keep, what in (([], "the runtime's SDK"), (["@aws-sdk"], "its own SDK")):
        for entry in ("index", "sdk"):
            made = packed(light, place / f"{entry}.zip", f"{entry}.handler", keep)
            functions[f"{entry}, {what}"] = unpacked(made, place / f"tasks/{len(functions)}") / f"{entry}.mjs"
    # Node.js looks into the folders above, as Lambda's looks into the runtime's.
    (place / "tasks/node_modules").symlink_to(light / "node_modules")
    yield Row("Node.js, heavy: unzipped", f"{size(heavy) / MB:,.1f} MB", "at least 100 MB", size(heavy) >= 100 * MB)
    for what in ("the runtime's SDK", "its own SDK"):
        weight = size(functions[f"index, {what}"].parent)
        yield Row(
            f"Node.js, light and packed with {what}: unzipped",
            f"{weight / MB:,.1f} MB",
            f"at most {MOST} MB",
            weight <= MOST * MB,
        )
    totals = {name: node_total(path) for name, path in functions.items() if not name.startswith("sdk")}
    yield Row(
        "Node.js: the total that each gives", str(sorted(set(totals.values()))), "[30]", set(totals.values()) == {30}
    )
    taken = starts(functions)
    for what in ("its own SDK", "the runtime's SDK"):
        claim = f"Node.js, heavy to light and packed with {what}"
        yield from falls(claim, taken["heavy"], taken[f"index, {what}"], taken[f"sdk, {what}"])


def falls(claim: str, heavy: Timed, light: Timed, sdk: Timed) -> Iterator[Row]:
    """By how much the medians fall; where by less, whether the SDK's own start, which both need, is the reason."""
    for what, before, after, alone in zip(("init", "until the first answer"), heavy, light, sdk, strict=True):
        share = 1 - after.median / before.median
        own = 1 - max(0, after.median - alone.median) / before.median
        by_clock = 1 - statistics.median(after.passed) / statistics.median(before.passed)
        yield Row(
            f"{claim}: {what}",
            f"{before} to {after}: by {share:.0%} (by the clock {by_clock:.0%}); the SDK alone {alone}",
            f"by at least {FALL:.0%}; or without the SDK's part, here {own:.0%}",
            max(share, own) >= FALL,
        )


def packed(
    source: Path, out: Path, handler: str, keep: Sequence[str] = (), *, umask: int = 0o022, zone: str = "UTC"
) -> Path:
    """Packs in a process and with a cache of its own."""
    runtime = (
        "nodejs22.x" if (source / "package.json").exists() else f"python{sys.version_info[0]}.{sys.version_info[1]}"
    )
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, "-c", _PACK, source, out, cache, handler, runtime, *keep],
            env={**os.environ, "PATH": os.pathsep.join([str(NODE.parent), os.environ["PATH"]]), "TZ": zone},
            umask=umask,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        sys.exit(f"{source} cannot be packed: {done.stderr[-1500:]}")
    return out


def unpacked(made: Path, target: Path) -> Path:
    """Unpacks as Lambda does."""
    with zipfile.ZipFile(made) as archive:
        archive.extractall(target)
    return target


def answers(task: Path) -> list[dict[str, Any]]:
    """What a function in Python answers to the events, in a process of its own."""
    command = [*PYTHON, "-c", _ANSWERS, task]
    done = subprocess.run(
        command, env=ENVIRONMENT, input=json.dumps(EVENTS), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{task} does not answer: {done.stderr[-1500:]}")
    return json.loads(done.stdout)


def is_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two answers are the same but for the moment in which the link was signed."""
    return [one.get("total"), str(one.get("url")).partition("?")[0]] == [
        other.get("total"),
        str(other.get("url")).partition("?")[0],
    ]


def node_total(entry: Path) -> int:
    """The total of an order, as a function in Node.js tells it."""
    program = """
        const event = { order: "o1", lines: [{ cents: 10, quantity: 3 }] };
        import(process.argv[1])
          .then((found) => (found.handler ?? found.default.handler)(event))
          .then((said) => { console.log(said.url.includes("o1.pdf") ? said.total : -1); process.exit(0); });
    """
    done = subprocess.run([NODE, "-e", program, entry], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else sys.exit(f"{entry} does not answer: {done.stderr[-1500:]}")


if __name__ == "__main__":
    sys.exit(main())
