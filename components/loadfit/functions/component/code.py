"""Where a function's code comes from."""

from pathlib import Path

import pulumi

from loadfit.core.problems import Problem, shown

__all__ = ["archive", "code_problems"]


def archive(path: str) -> pulumi.Archive:
    """The code at a path, a folder or a zip file, as Pulumi uploads it."""
    return pulumi.FileArchive(path)


def code_problems(path: str) -> list[Problem]:
    """What is wrong with a path to code, seen from the program's folder."""
    found = Path(path)
    if found.is_dir() or (found.is_file() and found.suffix in (".zip", ".jar")):
        return []
    what = "a file of another kind" if found.exists() else "nothing"
    return [
        Problem(
            ("code",),
            "the path of a folder or a .zip file",
            f"{what} at {shown(path).removeprefix('the text ')}",
            f"Paths begin at {Path.cwd()}, the program's folder.",
        )
    ]
