"""What a deployment package weighs, against Lambda's limits."""

import os
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from loadfit.bundle.contents import Contents, refusal
from loadfit.bundle.distributions import read_distributions
from loadfit.bundle.machine import HEADER_BYTES, LAMBDA_MACHINES, machine_of
from loadfit.bundle.needless import Needless, find_needless
from loadfit.bundle.opening import read_contents
from loadfit.core import limits

__all__ = ["MB", "OWN", "Layer", "MachineCode", "Part", "Weight", "in_mb", "over_limits", "weigh", "weigh_contents"]

MB = 1024 * 1024
"""Bytes of a MB as Lambda's limits count it."""

OWN = "(own files)"
"""The part of what no package brought."""

_LEVEL = 6
"""The level of zip programs."""

_HEADERS = 76
"""Bytes that a zip file has for each file beside its name, which stands twice: APPNOTE.TXT 4.3.7 and 4.3.12."""

_SHOWN_LARGEST = 10


@dataclass(frozen=True, slots=True)
class Part:
    """What one package of the bundle weighs."""

    name: str
    """A Python distribution with its version, a Node.js package, a top-level folder, or :data:`OWN`."""
    files: int
    unzipped: int
    """Bytes, measured."""


@dataclass(frozen=True, slots=True)
class MachineCode:
    """A file of machine code."""

    path: str
    machine: str
    """The system and processor that it is for, such as ``Linux arm64``."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer beside the package."""

    source: str
    unzipped: int
    """Bytes, measured."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What a package weighs. Sizes are in bytes."""

    source: str
    zipped: int
    """The zip file's size: measured; of a folder what a zip program would make of it: estimated."""
    zipped_is_measured: bool
    unzipped: int
    """The sum of the files: measured."""
    files: int
    parts: tuple[Part, ...]
    """By package, the heaviest first."""
    largest: tuple[tuple[str, int], ...]
    """The ten largest files, the largest first."""
    layers: tuple[Layer, ...]
    architecture: str
    """``x86_64`` or ``arm64``: what the function runs on."""
    architecture_is_given: bool
    machine_code: tuple[MachineCode, ...]
    needless: tuple[Needless, ...]

    @property
    def with_layers(self) -> int:
        """The unzipped size with every layer, which Lambda limits."""
        return self.unzipped + sum(layer.unzipped for layer in self.layers)

    @property
    def wrong_machine_code(self) -> tuple[MachineCode, ...]:
        """Machine code that the function's architecture cannot run."""
        return tuple(one for one in self.machine_code if one.machine != LAMBDA_MACHINES[self.architecture])

    @property
    def over(self) -> tuple[str, ...]:
        """The limits that it is over, each a sentence; empty where it is within all."""
        return over_limits(self.zipped, self.unzipped, self.layers)


def over_limits(zipped: int, unzipped: int, layers: Sequence[Layer] = ()) -> tuple[str, ...]:
    """The limits of Lambda that a package is over, each a sentence.

    Args:
        zipped: Bytes of the zip file.
        unzipped: Bytes of the files in it.
        layers: The function's layers.
    """
    found: list[str] = []
    if zipped > limits.LAMBDA_ZIP.value * MB:
        found.append(
            f"{in_mb(zipped)} MB zipped, and Lambda takes {limits.LAMBDA_ZIP.value} MB directly: make it smaller, or "
            "upload it through S3."
        )
    total = unzipped + sum(layer.unzipped for layer in layers)
    if total > limits.LAMBDA_UNZIPPED.value * MB:
        found.append(
            f"{in_mb(total)} MB unzipped{', layers included' if layers else ''}, and Lambda takes "
            f"{limits.LAMBDA_UNZIPPED.value} MB: make it smaller, or ship a container image."
        )
    if len(layers) > limits.LAMBDA_LAYERS.value:
        found.append(f"{len(layers)} layers, and a function has at most {limits.LAMBDA_LAYERS.value}.")
    return tuple(found)


def weigh(
    path: str | os.PathLike[str], *, layers: Sequence[str | os.PathLike[str]] = (), architecture: str | None = None
) -> Weight:
    """Weighs a folder or a zip file.

    Args:
        path: The folder or the zip file.
        layers: The folders or zip files of the function's layers.
        architecture: ``x86_64`` or ``arm64``; Lambda's default, x86_64, where not given.

    Raises:
        InvalidLoad: There is no such package, or it is one that no function can be made from.
    """
    with read_contents(path) as contents:
        return weigh_contents(contents, layers=layers, architecture=architecture)


def weigh_contents(
    contents: Contents, *, layers: Sequence[str | os.PathLike[str]] = (), architecture: str | None = None
) -> Weight:
    """Weighs a package that is open; see :func:`weigh`."""
    if architecture is not None and architecture not in LAMBDA_MACHINES:
        raise refusal(contents.source, f"an architecture of {' or '.join(LAMBDA_MACHINES)}", f'"{architecture}"')
    if not contents.sizes:
        raise refusal(contents.source, "a package", "no file in it")
    zipped, code = _scan(contents)
    return Weight(
        source=contents.source,
        zipped=zipped if contents.zipped is None else contents.zipped,
        zipped_is_measured=contents.zipped is not None,
        unzipped=sum(contents.sizes.values()),
        files=len(contents.sizes),
        parts=_parts(contents),
        largest=tuple(sorted(contents.sizes.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN_LARGEST]),
        layers=tuple(_layer(layer) for layer in layers),
        architecture=architecture or "x86_64",
        architecture_is_given=architecture is not None,
        machine_code=code,
        needless=find_needless(contents.sizes),
    )


def in_mb(size: int) -> str:
    """A size in MB for people, rounded up: what is over a limit never looks as if it were within.

    Example:
        >>> in_mb(52_428_801), in_mb(52_428_800)
        ('50.1', '50.0')
    """
    if 0 < size * 10 < MB:
        return "<0.1"
    return f"{float(-(-size * 10 // MB) / Fraction(10)):,.1f}"


def _scan(contents: Contents) -> tuple[int, tuple[MachineCode, ...]]:
    """Reads every byte once: what a zip file of it would have, and its machine code."""
    zipped = 22
    code: list[MachineCode] = []
    for path in contents.sizes:
        head = b""
        squeeze = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15) if contents.zipped is None else None
        for chunk in contents.chunks(path):
            head = head or chunk[:HEADER_BYTES]
            zipped += len(squeeze.compress(chunk)) if squeeze else 0
        zipped += (len(squeeze.flush()) if squeeze else 0) + _HEADERS + 2 * len(path.encode())
        machine = machine_of(path, head)
        if machine is not None:
            code.append(MachineCode(path, machine))
    return zipped, tuple(code)


def _parts(contents: Contents) -> tuple[Part, ...]:
    owners = {
        path: f"{one.name} {one.version}"
        for one in read_distributions(contents)
        for path in [*one.files, *(path for path in contents.sizes if path.startswith(f"{one.metadata}/"))]
    }
    totals: dict[str, list[int]] = {}
    for path, size in contents.sizes.items():
        total = totals.setdefault(owners.get(path) or _owner(path), [0, 0])
        total[0] += 1
        total[1] += size
    return tuple(
        Part(name, files, size)
        for name, (files, size) in sorted(totals.items(), key=lambda item: (-item[1][1], item[0]))
    )


def _owner(path: str) -> str:
    *_, inside = path.rpartition("node_modules/")
    if inside != path and "/" in inside:
        name = re.match(r"@[^/]+/[^/]+|[^/]+", inside)
        return f"node_modules/{name[0]}" if name else OWN
    top, below, _ = path.partition("/")
    return f"{top}/" if below else OWN


def _layer(path: str | os.PathLike[str]) -> Layer:
    with read_contents(path) as contents:
        return Layer(contents.source, sum(contents.sizes.values()))
