"""A function's code: what it weighs, and packed without what its handler cannot reach."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import pulumi

from loadfit.core.exact import exact, show_number
from loadfit.core.problems import InvalidLoad, Problem, shown
from loadfit.core.wording import counted, few
from loadfit.functions.component.arguments import WarmLambdaArgs
from loadfit.functions.load import Architecture, FunctionLoad
from loadfit.functions.runtimes import runtime_problem, takes_handler

__all__ = ["Code", "archive", "prepared"]

_LITTLE_MB, _LITTLE_SHARE = Fraction(1), Fraction(1, 10)
"""Declared sizes may differ from measured ones by so much, whichever is more, before a warning says so."""


@dataclass(frozen=True, slots=True)
class Code:
    """A function's code as it will be uploaded; without sizes where it is in S3 or an image."""

    path: str | None = None
    zipped_mb: float | None = None
    unzipped_mb: float | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()

    def sized(self, load: FunctionLoad) -> FunctionLoad:
        """The load with what was measured where nothing was declared."""
        sizes = {"zipped_mb": self.zipped_mb, "unzipped_mb": self.unzipped_mb}
        found = {name: size for name, size in sizes.items() if size is not None and getattr(load, name) is None}
        return load.model_copy(update=found)


def archive(path: str) -> pulumi.Archive:
    """The code at a path, a folder or a zip file, as Pulumi uploads it."""
    return pulumi.FileArchive(path)


def prepared(args: WarmLambdaArgs) -> Code:
    """The code that a component was given: packed where it is to be, weighed where not.

    Args:
        args: Of good form. What else is wrong with them keeps the code as it is.
    """
    if "code" not in args:
        return Code(problems=tuple(_unused(args, ("packed", "keep", "services"), "nothing without code")))
    path, load = args["code"], args["load"]
    problems = _path_problems(path)
    if problems:
        return Code(path, problems=problems)
    python = (load.runtime or "").startswith("python")
    if not args.get("packed", python and Path(path).is_dir()):
        problems = tuple(_unused(args, ("keep", "services"), "nothing, as the code is not packed"))
        return Code(path, problems=problems) if problems else _made(args, path, pack=False)
    runtime, handler = load.runtime, args.get("handler")
    if runtime is None or handler is None or runtime_problem(runtime) or not takes_handler(runtime, handler):
        return Code(path)  # which is told with the rest
    return _made(args, path, pack=True)


def _unused(args: WarmLambdaArgs, names: Iterable[str], expected: str) -> Iterator[Problem]:
    given: Mapping[str, object] = {**args}
    return (Problem((name,), expected, shown(given[name])) for name in names if name in given)


def _path_problems(path: str) -> tuple[Problem, ...]:
    found = Path(path)
    if found.is_dir() or (found.is_file() and found.suffix in (".zip", ".jar")):
        return ()
    what = "a file of another kind" if found.exists() else "nothing"
    problem = Problem(
        ("code",),
        "the path of a folder or a .zip file",
        f"{what} at {shown(path).removeprefix('the text ')}",
        f"Paths begin at {Path.cwd()}, the program's folder.",
    )
    return (problem,)


def _made(args: WarmLambdaArgs, path: str, *, pack: bool) -> Code:
    try:
        code = _packed(args, path) if pack else _weighed(args, path)
    except InvalidLoad as error:
        as_it_is = "With packed false, the folder is uploaded as it is." if pack else ""
        problems = [
            Problem(("code",), one.expected, one.found, " ".join(filter(None, (one.way_out, as_it_is))))
            for one in error.problems
        ]
        return Code(path, problems=tuple(problems))
    return replace(code, warnings=(*code.warnings, *_differences(args, code)))


def _packed(args: WarmLambdaArgs, path: str) -> Code:
    # Takes its time to import: only where there is something to pack.
    from loadfit.bundle import pack  # noqa: PLC0415

    load = args["load"]
    packed = pack(
        path,
        handler=args.get("handler", ""),
        runtime=load.runtime,
        architecture=(load.architecture or Architecture.X86_64).value,
        keep=args.get("keep") or (),
        services=args.get("services") or (),
    )
    return Code(str(packed.path), packed.zipped_mb, packed.unzipped_mb, warnings=packed.warnings)


def _weighed(args: WarmLambdaArgs, path: str) -> Code:
    from loadfit.bundle import weigh  # noqa: PLC0415
    from loadfit.bundle.weighing import MB  # noqa: PLC0415

    architecture = (args["load"].architecture or Architecture.X86_64).value
    weight = weigh(path, architecture=architecture)
    warnings: list[str] = []
    if wrong := [f"{one.path} ({one.machine})" for one in weight.wrong_machine_code]:
        files = counted(len(wrong), "file")
        warnings.append(f"{files} of machine code cannot run on {architecture}: {few(wrong)}")
    if Path(path).is_dir() and any(Path(path).rglob("__pycache__")):
        warnings.append(
            "the folder has __pycache__, which changes whenever its code is run here: each change publishes a version. "
            "Pack it (packed), or remove it"
        )
    return Code(path, weight.zipped / MB, weight.unzipped / MB, warnings=tuple(warnings))


def _differences(args: WarmLambdaArgs, code: Code) -> Iterator[str]:
    """Sizes that are declared, and are not those that were measured."""
    for name in ("zipped_mb", "unzipped_mb"):
        said, measured = getattr(args["load"], name), getattr(code, name)
        if said is None:
            continue
        declared, found = exact(said), exact(measured)
        if name == "unzipped_mb" and args.get("layers") and declared > found:
            continue  # what is declared holds the layers, which are not measured
        if abs(declared - found) > max(_LITTLE_MB, _LITTLE_SHARE * found):
            yield (
                f"load.{name} says {show_number(declared)} MB, and {show_number(found)} MB were measured: what is "
                "declared counts. Leave it out, and what is measured does"
            )
