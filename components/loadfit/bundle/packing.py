"""A deployment package without what need not ship, as a zip file whose bytes follow from its contents."""

import json
import os
import re
import shutil
import sys
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from loadfit.bundle.contents import Contents, refusal
from loadfit.bundle.machine import HEADER_BYTES, LAMBDA_MACHINES, machine_of
from loadfit.bundle.node import bundle_node
from loadfit.bundle.opening import read_contents
from loadfit.bundle.python.selecting import select_python
from loadfit.bundle.selection import Removal, removals
from loadfit.bundle.weighing import MB
from loadfit.bundle.zipping import Compression, compressor_is_common, write_zip
from loadfit.core import limits
from loadfit.core.wording import counted, few

__all__ = ["Packed", "cache_folder", "language_of", "pack"]


@dataclass(frozen=True, slots=True)
class Packed:
    """A package that was made. Sizes are measured."""

    path: Path
    """The zip file."""
    handler: str
    """The handler in it, as it was."""
    sha256: str
    """Of the zip file, in hexadecimal."""
    zipped: int
    """Bytes of the zip file."""
    unzipped: int
    """Bytes of the files in it."""
    files: int
    unzipped_before: int
    """Bytes of the files that it was made from."""
    removed: tuple[Removal, ...]
    """What was left out, each with its reason; sorted by path."""
    warnings: tuple[str, ...]
    """What could not be told from the sources, each a sentence or two."""

    @property
    def zipped_mb(self) -> float:
        """The zip file's size in MB of 1,048,576 bytes, as Lambda counts them."""
        return self.zipped / MB

    @property
    def unzipped_mb(self) -> float:
        """The size of the files in it, in MB of 1,048,576 bytes."""
        return self.unzipped / MB


def pack(
    path: str | os.PathLike[str],
    *,
    handler: str,
    runtime: str | None = None,
    architecture: str | None = None,
    keep: Collection[str] = (),
    services: Collection[str] = (),
    compression: str = Compression.DEFLATED.value,
    out: str | os.PathLike[str] | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> Packed:
    """Packs a function without what its handler cannot reach: the same input gives the same bytes.

    Python is followed by its imports and nothing of it is run; Node.js is bundled by the esbuild that the package's own
    ``node_modules`` holds. What was packed before is taken from the cache, if not a byte of the input has changed.

    Args:
        path: A folder or, for Python, a zip file.
        handler: As Lambda names it: ``app.handler``, ``src/index.handler``.
        runtime: The runtime's identifier, such as ``python3.13`` or ``nodejs22.x``; where not given, the language is
            that of the handler's file.
        architecture: ``x86_64`` or ``arm64``: warns of machine code for another one.
        keep: Modules, packages, distributions or paths that are packed in any case, with what they import.
        services: AWS services that are used beside those that the sources name, as boto3 names them.
        compression: ``deflated``; or ``stored``, whose bytes are the same also where zlib is another one.
        out: Where to write the zip file; where not given, it stays in the cache, under a name by its input.
        cache: The folder of the cache; :func:`cache_folder` where not given.

    Raises:
        InvalidLoad: There is no such package, handler, module or service; or esbuild is missing or fails.

    Example:
        >>> pack("api/", handler="app.handler", architecture="arm64").unzipped_mb  # doctest: +SKIP
        9.4
    """
    with read_contents(path) as contents:
        target = None if out is None else _target(contents, Path(path), Path(out))
        _check(contents, architecture, compression, services)
        job = _Job(contents, handler, runtime, architecture, tuple(sorted(keep)), tuple(sorted(services)), compression)
        packed = job.packed(Path(cache) if cache is not None else cache_folder())
    if target is None:
        return packed
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(packed.path, target)
    except OSError as error:
        raise refusal(str(out), "a zip file to write", f"a path that cannot be written ({error.strerror})") from None
    return replace(packed, path=target)


def cache_folder() -> Path:
    """Where packages are kept between runs: ``$XDG_CACHE_HOME/loadfit/bundles``, by default below ``~/.cache``.

    It can be deleted at any time. https://specifications.freedesktop.org/basedir-spec
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "loadfit" / "bundles"  # noqa: PTH117


def language_of(contents: Contents, handler: str, runtime: str | None) -> str | None:
    """``python`` or ``node``: by the runtime, else by the handler's file; ``None`` where neither tells."""
    if runtime is not None:
        found = re.match(r"python|node", runtime)
        return found[0] if found else None
    stem = handler.rpartition(".")[0]
    files = {path.rpartition(".")[0] if "." in path.rpartition("/")[2] else path: path for path in contents.sizes}
    if stem.replace(".", "/") in files and re.search(r"\.py$", files[stem.replace(".", "/")]):
        return "python"
    if any(f"{stem}.{ending}" in contents.sizes for ending in ("js", "mjs", "cjs", "ts", "mts", "cts", "jsx", "tsx")):
        return "node"
    return "python" if any(path.endswith(".py") for path in contents.sizes) else None


@dataclass(frozen=True, slots=True)
class _Job:
    contents: Contents
    handler: str
    runtime: str | None
    architecture: str | None
    keep: tuple[str, ...]
    services: tuple[str, ...]
    compression: str

    def packed(self, cache: Path) -> Packed:
        key = self._key()
        place, notes = cache / f"{key}.zip", cache / f"{key}.json"
        known = _from_cache(place, notes)
        if known is not None:
            return known
        try:
            packed, can_be_kept = self._pack(place)
            # A half-written note is no JSON, and is made again.
            if can_be_kept:
                notes.write_text(json.dumps(asdict(packed), default=str), encoding="utf-8")
        except OSError as error:
            what = f"one that cannot be written ({error.strerror})"
            raise refusal(str(cache), "a folder for packages", what, "Set XDG_CACHE_HOME to one.") from None
        return packed

    def _key(self) -> str:
        """A name for everything that the result depends on."""
        digest = sha256()
        for part in (_code(), f"{sys.version_info[:2]} {zlib.ZLIB_RUNTIME_VERSION}", *map(repr, self._options())):
            digest.update(f"{part}\n".encode())
        for path, size in self.contents.sizes.items():
            digest.update(f"{path}\n{size}\n".encode())
            for chunk in self.contents.chunks(path):
                digest.update(chunk)
        return digest.hexdigest()[:32]

    def _options(self) -> tuple[object, ...]:
        return (self.handler, self.runtime, self.architecture, self.keep, self.services, self.compression)

    def _pack(self, place: Path) -> tuple[Packed, bool]:
        language = language_of(self.contents, self.handler, self.runtime)
        made: dict[str, bytes] = {}
        can_be_kept = True
        match language:
            case "python":
                chosen = select_python(self.contents, self.handler, keep=self.keep, services=self.services)
                kept, removed, warnings = chosen.kept, chosen.removed, list(chosen.warnings)
            case "node":
                bundle = bundle_node(self.contents, self.handler, self.runtime, self.keep)
                kept, removed, warnings = bundle.selection.kept, bundle.selection.removed, [*bundle.selection.warnings]
                made, can_be_kept = dict(bundle.made), bundle.is_self_contained
            case _:
                expected = "a runtime of Python or Node.js, or a handler in one of them"
                raise refusal(self.contents.source, expected, f'"{self.runtime or self.handler}"')
        warnings += self._of_machine_code(kept)
        if self.compression == Compression.DEFLATED.value and not compressor_is_common():
            warnings.append(
                "This machine's zlib compresses in another way than most: other machines may give other bytes. Stored "
                "files are the same everywhere."
            )
        sizes = {path: self.contents.sizes[path] for path in kept} | {path: len(made[path]) for path in made}
        write_zip(place, sizes, _reader(self.contents, made), Compression(self.compression))
        packed = Packed(
            path=place,
            handler=self.handler,
            sha256=_digest(place),
            zipped=place.stat().st_size,
            unzipped=sum(sizes.values()),
            files=len(sizes),
            unzipped_before=sum(self.contents.sizes.values()),
            removed=removals(self.contents.sizes, removed),
            warnings=tuple(warnings),
        )
        return packed, can_be_kept

    def _of_machine_code(self, kept: Collection[str]) -> list[str]:
        if self.architecture is None:
            return []
        wrong = [
            f"{path} ({machine})"
            for path in sorted(kept)
            if (machine := machine_of(path, self.contents.head(path, HEADER_BYTES)))
            not in (None, LAMBDA_MACHINES[self.architecture])
        ]
        if not wrong:
            return []
        warning = (
            f"{counted(len(wrong), 'file')} of machine code cannot run on {self.architecture}: {few(wrong)}. Install "
            "the packages for Lambda's platform."
        )
        return [warning]


def _check(contents: Contents, architecture: str | None, compression: str, services: Collection[str]) -> None:
    if architecture is not None and architecture not in LAMBDA_MACHINES:
        raise refusal(contents.source, f"an architecture of {' or '.join(LAMBDA_MACHINES)}", f'"{architecture}"')
    forms = [form.value for form in Compression]
    if compression not in forms:
        raise refusal(contents.source, f"a compression of {' or '.join(forms)}", f'"{compression}"')
    if isinstance(services, str):
        raise refusal(contents.source, "a list of services", "a text", f'Write ["{services}"].')
    most = limits.LAMBDA_UNZIPPED.value * MB
    for path, size in contents.sizes.items():
        if size > most:
            raise refusal(
                contents.source, f"files of at most {limits.LAMBDA_UNZIPPED.value} MB", f"{path} of {size:,} bytes"
            )


def _target(contents: Contents, path: Path, out: Path) -> Path:
    target = out.resolve()
    root = path.resolve()
    if target == root or (contents.zipped is None and target.is_relative_to(root)):
        # The next package would hold this one.
        raise refusal(str(out), "a zip file outside of what is packed", "one inside of it", "Write it elsewhere.")
    if target.is_dir():
        raise refusal(str(out), "a zip file to write", "a folder", "Name a file in it.")
    return target


def _reader(contents: Contents, made: dict[str, bytes]) -> Callable[[str], Iterator[bytes]]:
    def read(path: str) -> Iterator[bytes]:
        return iter([made[path]]) if path in made else contents.chunks(path)

    return read


def _from_cache(place: Path, notes: Path) -> Packed | None:
    try:
        noted = json.loads(notes.read_text(encoding="utf-8"))
        if _digest(place) != noted["sha256"]:
            return None
        removed = tuple(Removal(**one) for one in noted.pop("removed"))
        warnings = tuple(noted.pop("warnings"))
        noted["path"] = place
        return Packed(**noted, removed=removed, warnings=warnings)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        digest = sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@lru_cache(1)
def _code() -> str:
    """A name for this version of the code that packs."""
    digest = sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
