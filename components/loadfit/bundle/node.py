"""A Node.js function, bundled by the esbuild that it has itself. Nothing is installed."""

import json
import os
import posixpath
import re
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from loadfit.bundle.contents import Contents, refusal
from loadfit.bundle.folder import Folder
from loadfit.bundle.needless import CACHES, REPOSITORIES, STUBS, TESTS, in_folders, tests_folders
from loadfit.bundle.selection import Selection
from loadfit.core.problems import InvalidLoad, nearest, printable
from loadfit.core.wording import few

__all__ = ["NoBundler", "NodeBundle", "bundle_node"]

_OLDEST_WITH_SDK_3 = 18
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html: nodejs18.x and newer bring the AWS SDK v3."""

_SDK = "@aws-sdk"
_SECONDS = 300
_CODE = re.compile(r"\.(?P<module>[mc]?)[jt]sx?$")
_SETTINGS = re.compile(
    r"(^|/)(package(-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|tsconfig[\w.-]*\.json|\.npmrc)$"
)
_COMPUTED = re.compile(r"""\b(?:require|import)\(\s*[A-Za-z_$]""")
_BUNDLED = "bundled into {}"
_NOT_IMPORTED = "nothing that the handler reaches imports it"
_BROUGHT = "the runtime brings it"


class NoBundler(InvalidLoad):
    """The package has no esbuild of its own."""


@dataclass(frozen=True, slots=True)
class NodeBundle:
    """What esbuild made."""

    selection: Selection
    made: Mapping[str, bytes]
    """The bundle and its source map, by path."""
    is_self_contained: bool
    """Whether all of it came from the package's own folder."""


def bundle_node(contents: Contents, handler: str, runtime: str | None, keep: Collection[str]) -> NodeBundle:
    """Bundles the handler: tree-shaken, minified, its source map beside it, without the SDK that the runtime brings.

    Args:
        contents: The package, a folder.
        handler: As Lambda names it: ``index.handler``, ``src/index.handler``.
        runtime: Such as ``nodejs22.x``; where not given, what every one from nodejs18.x runs.
        keep: Node.js packages or paths that are shipped as they are; ``@aws-sdk``: the SDK is bundled.

    Raises:
        NoBundler: There is no esbuild in its ``node_modules``.
        InvalidLoad: There is no such handler; or it is a zip file; or esbuild fails.
    """
    if not isinstance(contents, Folder):
        raise refusal(contents.source, "the folder of a Node.js function", "a zip file", "Unpack it first.")
    entry = _entry(contents, handler)
    esbuild = next((path for path in _BINARIES if path in contents.sizes), None)
    if esbuild is None:
        raise NoBundler(_no_bundler(contents).problems, contents.source)
    version = _version(contents, runtime)
    # Kept, the SDK is bundled like any other package: one file is read faster than the runtime's many.
    sdk = None if _SDK in keep else f"{_SDK}/*" if version >= _OLDEST_WITH_SDK_3 else "aws-sdk"
    kept, packages = _kept(contents, [name for name in keep if name != _SDK])
    stem = _CODE.sub("", entry)
    is_module = _is_module(contents, entry)
    output = f"{stem}.{'mjs' if is_module else 'js'}"
    options = [
        "--bundle",
        "--minify",
        "--platform=node",
        f"--target=node{version}",
        "--sourcemap=linked",
        "--charset=utf8",
        "--legal-comments=none",
        "--log-level=warning",
        "--color=false",
        f"--format={'esm' if is_module else 'cjs'}",
        *(f"--external:{name}" for name in (*([sdk] if sdk else []), *packages)),
    ]
    if is_module:
        # Packages in the older form call require, which a module does not have.
        options.append(
            "--banner:js=import{createRequire as __loadfit}from'node:module';const require=__loadfit(import.meta.url);"
        )
    made, inputs, said = _run(contents, esbuild, entry, output, options)
    selection = _selection(contents, inputs, kept, output, sdk)
    warnings = [*said, *_computed(contents, inputs)]
    if runtime is None:
        warnings.append("No runtime was named: taken for nodejs18.x or newer, which bring the AWS SDK v3.")
    return NodeBundle(
        Selection(selection.kept - made.keys(), selection.removed, tuple(warnings)),
        made,
        not any(path.startswith("..") for path in inputs),
    )


_BINARIES = ("node_modules/.bin/esbuild", "node_modules/esbuild/bin/esbuild")


def _no_bundler(contents: Contents) -> InvalidLoad:
    return refusal(
        contents.source,
        "esbuild in its node_modules",
        "none",
        "npm install --save-dev esbuild puts it there; without it, a Node.js function is weighed only.",
    )


def _entry(contents: Contents, handler: str) -> str:
    match = re.fullmatch(r"(?P<stem>[\w@./-]+)\.(?P<function>\w+)", handler)
    if match is None:
        expected = "a handler such as index.handler (a file and a function in it)"
        raise refusal(contents.source, expected, f'"{printable(handler)}"')
    stem = posixpath.normpath(match["stem"])
    for ending in ("mjs", "js", "cjs", "mts", "ts", "cts", "tsx", "jsx"):
        if f"{stem}.{ending}" in contents.sizes:
            return f"{stem}.{ending}"
    own = {_CODE.sub("", path) for path in contents.sizes if _CODE.search(path) and "node_modules/" not in path}
    meant = nearest(stem, own)
    way_out = f"Did you mean {meant}.{match['function']}?" if meant else "Name the file that the handler is in."
    raise refusal(contents.source, f"the handler's file {printable(stem)}.js", "no such file in it", way_out)


def _version(contents: Contents, runtime: str | None) -> int:
    if runtime is None:
        return _OLDEST_WITH_SDK_3
    match = re.fullmatch(r"nodejs(\d+)\.x", runtime)
    if match is None:
        raise refusal(contents.source, "a runtime such as nodejs22.x", f'"{printable(runtime)}"')
    return int(match[1])


def _is_module(contents: Contents, entry: str) -> bool:
    match = _CODE.search(entry)
    if match is not None and match["module"]:
        return match["module"] == "m"
    return _json(contents, "package.json").get("type") == "module"


def _json(contents: Contents, path: str) -> dict[str, Any]:
    if path not in contents.sizes:
        return {}
    try:
        found = json.loads(contents.read(path))
    except ValueError:
        raise refusal(contents.source, "JSON", f"{printable(path, 100)}, which is none") from None
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _kept(contents: Contents, keep: Collection[str]) -> tuple[set[str], list[str]]:
    """The files that are shipped as they are, and the packages among them, which are not bundled."""
    kept: set[str] = set()
    packages: list[str] = []
    for name in keep:
        if f"node_modules/{name}/package.json" in contents.sizes:
            packages.append(name)
            for package in _with_dependencies(contents, name):
                kept |= {path for path in contents.sizes if path.startswith(f"node_modules/{package}/")}
            continue
        folder = name.rstrip("/")
        found = {path for path in contents.sizes if path == folder or path.startswith(f"{folder}/")}
        if not found:
            expected = "packages or paths of it to keep"
            meant = nearest(name, [path for path in contents.sizes if "node_modules/" not in path])
            way_out = f"Did you mean {printable(meant)}?" if meant else ""
            raise refusal(contents.source, expected, f'"{printable(name)}"', way_out)
        kept |= found
    return kept, packages


def _with_dependencies(contents: Contents, name: str) -> set[str]:
    found: set[str] = set()
    pending = [name]
    while pending:
        package = pending.pop()
        path = f"node_modules/{package}/package.json"
        if package not in found and path in contents.sizes:
            found.add(package)
            manifest = _json(contents, path)
            for group in ("dependencies", "optionalDependencies"):
                pending += manifest.get(group) or {}
    return found


def _run(
    contents: Folder, esbuild: str, entry: str, output: str, options: list[str]
) -> tuple[dict[str, bytes], set[str], list[str]]:
    """The files that esbuild makes, the files that it read, and what it warns of."""
    with tempfile.TemporaryDirectory(prefix="loadfit-") as place:
        folder = Path(os.path.realpath(place))
        made, meta = folder / output, folder / "meta.json"
        command = [str(contents.root / esbuild), f"./{entry}", *options, f"--outfile={made}", f"--metafile={meta}"]
        try:
            done = subprocess.run(
                command, cwd=contents.root, capture_output=True, text=True, check=False, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise refusal(contents.source, f"esbuild to end in {_SECONDS} s", "that it did not") from None
        except OSError as error:
            found = f"that it cannot be started ({error.strerror})"
            raise refusal(
                contents.source, "its esbuild to run", found, "npm ci installs it for this machine."
            ) from None
        if done.returncode != 0:
            raise refusal(contents.source, "a handler that esbuild bundles", _first_lines(done.stderr))
        inputs = set(json.loads(meta.read_text(encoding="utf-8"))["inputs"])
        files = {output: made.read_bytes(), f"{output}.map": _relative_map(made, contents.root)}
    return files, inputs, [f"esbuild warns: {_first_lines(done.stderr)}"] if done.stderr.strip() else []


def _first_lines(text: str) -> str:
    return printable(" ".join(text.split()), 260)


def _relative_map(made: Path, root: Path) -> bytes:
    """The source map with its sources below the function's folder: where it was made leaves no trace."""
    held = json.loads(made.with_name(f"{made.name}.map").read_text(encoding="utf-8"))
    held["sources"] = [
        os.path.relpath(os.path.normpath(made.parent / source), root).replace(os.sep, "/") for source in held["sources"]
    ]
    return json.dumps(held, separators=(",", ":"), ensure_ascii=False).encode()


def _selection(contents: Contents, inputs: set[str], kept: set[str], output: str, sdk: str | None) -> Selection:
    tests = tests_folders(contents.sizes)
    removed: dict[str, str] = {}
    for path in contents.sizes:
        reason = None if path in kept else _reason(path, inputs, tests, output, sdk)
        if reason is not None:
            removed[path] = reason
    return Selection(frozenset(contents.sizes.keys() - removed.keys()), removed, ())


def _reason(path: str, inputs: set[str], tests: frozenset[str], output: str, sdk: str | None) -> str | None:
    if path in inputs:
        return _BUNDLED.format(output)
    for rule in (CACHES, REPOSITORIES):
        if rule.pattern.search(path):
            return rule.reason
    if sdk is not None and path.startswith(f"node_modules/{sdk.rstrip('*')}"):
        return _BROUGHT
    if path.startswith("node_modules/"):
        return _NOT_IMPORTED
    if TESTS.pattern.search(path) or in_folders(path, tests):
        return TESTS.reason
    if STUBS.pattern.search(path):
        return STUBS.reason
    if _SETTINGS.search(path):
        return "settings of tools that do not run in Lambda"
    return _NOT_IMPORTED if _CODE.search(path) else None


def _computed(contents: Contents, inputs: set[str]) -> list[str]:
    """A warning where a source imports what it computes: esbuild leaves such an import as it is."""
    found: list[str] = []
    for path in sorted(inputs & contents.sizes.keys()):
        if _CODE.search(path):
            text = contents.read(path).decode("utf-8", "replace")
            match = _COMPUTED.search(text)
            if match:
                found.append(f"{path}:{text.count(chr(10), 0, match.start()) + 1}")
    if not found:
        return []
    warning = (
        f"Names that are computed are imported, or seem to be, in {few(found, most=5)}: what they may name was not "
        "bundled. Keep it by name."
    )
    return [warning]
