"""Lambda's managed runtimes: which there are, which are no longer kept up, and of which no function can be made."""

import re
from collections.abc import Iterable, Mapping

from loadfit.core.problems import Problem, nearest, shown

__all__ = ["AS_OF", "DEPRECATED", "ENDED", "SUPPORTED", "deprecation", "runtime_problem", "takes_handler"]

AS_OF = "2026-11-25"
"""When the lists below were compared with the manual.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

SUPPORTED = (
    *("python3.11", "python3.12", "python3.13", "python3.14"),
    *("nodejs22.x", "nodejs24.x"),
    *("java8.al2", "java11", "java17", "java21", "java25"),
    "dotnet10",
    *("ruby3.3", "ruby3.4", "ruby4.0"),
    "provided.al2023",
)
"""The runtimes that AWS keeps up."""

DEPRECATED: Mapping[str, str] = {
    "python3.8": "2024-10-14",
    "python3.9": "2025-12-15",
    "python3.10": "2026-10-31",
    "nodejs16.x": "2024-06-12",
    "nodejs18.x": "2025-09-01",
    "nodejs20.x": "2026-04-30",
    "dotnet6": "2024-12-20",
    "dotnet8": "2026-11-10",
    "ruby3.2": "2026-03-31",
    "provided.al2": "2026-07-31",
}
"""Runtimes that functions can still be made of, each with the date since which nobody mends what is found in it."""

ENDED = (
    *("python2.7", "python3.6", "python3.7"),
    *("nodejs", "nodejs4.3", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x"),
    *("java8", "go1.x", "ruby2.5", "ruby2.7", "provided"),
    *("dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1"),
)
"""Runtimes that Lambda makes no new function of."""

_HANDLER = re.compile(r".+\.[^./]+")
_FORM = re.compile(r"([a-z]+(?:\.al)?)(\d+(?:\.\d+)?)((?:\.x)?)")


def runtime_problem(runtime: str) -> Problem | None:
    """Why Lambda makes no function of a runtime; nothing where it does.

    A version above the newest that is known of its language is taken: it came after :data:`AS_OF`.

    Example:
        >>> runtime_problem("pyton3.13").way_out
        'Did you mean "python3.13"?'
        >>> runtime_problem("python3.15") is None
        True
    """
    if runtime in SUPPORTED or runtime in DEPRECATED or _came_later(runtime):
        return None
    if runtime in ENDED:
        way_out = f"Lambda makes no new function of it. The newest of its language is {_newest(runtime)}."
        return Problem(("runtime",), "a runtime that functions can be made of", shown(runtime), way_out)
    meant = nearest(runtime, (*SUPPORTED, *DEPRECATED))
    way_out = f'Did you mean "{meant}"?' if meant else f"There are {', '.join(SUPPORTED)}."
    return Problem(("runtime",), f"a runtime of Lambda, such as {SUPPORTED[3]}", shown(runtime), way_out)


def deprecation(runtime: str) -> str | None:
    """What to know of a runtime that is no longer kept up, as a sentence; nothing of any other.

    Example:
        >>> deprecation("python3.9")
        'python3.9 is deprecated since 2025-12-15 and gets no security patches; the newest is python3.14'
    """
    if runtime not in DEPRECATED:
        return None
    since, newest = DEPRECATED[runtime], _newest(runtime)
    return f"{runtime} is deprecated since {since} and gets no security patches; the newest is {newest}"


def takes_handler(runtime: str, handler: str) -> bool:
    """Whether a handler has the form that its runtime asks for.

    Of Python and Node.js a file and a function in it, with a dot between them.

    Example:
        >>> [takes_handler("python3.13", handler) for handler in ("src/app.handler", "app")]
        [True, False]
    """
    return not runtime.startswith(("python", "nodejs")) or _HANDLER.fullmatch(handler) is not None


def _newest(runtime: str) -> str:
    family = "provided" if runtime.startswith(("provided", "go")) else re.match(r"dotnet|[a-z]+", runtime)
    name = family if isinstance(family, str) else family[0] if family else ""
    return [one for one in SUPPORTED if one.startswith(name)][-1]


def _came_later(runtime: str) -> bool:
    found = _parsed((runtime,))
    known = _parsed((*SUPPORTED, *DEPRECATED))
    return any(
        form in known and len(number) == len(known[form]) and number > known[form] for form, number in found.items()
    )


def _parsed(names: Iterable[str]) -> dict[tuple[str, str], tuple[int, ...]]:
    """The highest version of each form of name, such as ``python`` and ``nodejs`` with ``.x``."""
    found: dict[tuple[str, str], tuple[int, ...]] = {}
    for name in names:
        if form := _FORM.fullmatch(name):
            number = tuple(int(part) for part in form[2].split("."))
            found[form[1], form[3]] = max(number, found.get((form[1], form[3]), ()))
    return found
