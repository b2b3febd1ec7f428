"""Which CORS settings a function URL cannot have."""

import re
from collections.abc import Iterator

from loadfit.core import limits
from loadfit.core.paths import Path
from loadfit.core.problems import Problem, shown
from loadfit.functions.component.arguments import FunctionUrlCors

__all__ = ["cors_problems"]

_METHODS = ("GET", "PUT", "HEAD", "POST", "PATCH", "DELETE", "*")
"""Source: https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html"""
_ORIGIN = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/\s]+")


def cors_problems(path: Path, cors: FunctionUrlCors) -> Iterator[Problem]:
    """What is wrong with the CORS settings that stand at a path."""
    most = limits.LAMBDA_CORS_ITEMS.value
    for name in ("allow_origins", "allow_headers", "expose_headers"):
        count = len(cors.get(name) or ())
        if count > most:
            yield Problem((*path, name), f"at most {most}", str(count))
    if not cors["allow_origins"]:
        yield Problem((*path, "allow_origins"), "at least one origin; * for all", "none")
    for index, origin in enumerate(cors["allow_origins"]):
        if not _ORIGIN.fullmatch(origin) or len(origin) > limits.LAMBDA_CORS_ORIGIN.value:
            yield Problem(
                (*path, "allow_origins", index),
                f"*, or scheme and host as a browser sends them, such as https://example.com, of at most "
                f"{limits.LAMBDA_CORS_ORIGIN.value} characters",
                shown(origin),
                "An origin has no path and no slash at its end.",
            )
    for index, method in enumerate(cors.get("allow_methods") or ()):
        if method not in _METHODS:
            way_out = "Lambda answers OPTIONS itself." if method.upper() == "OPTIONS" else ""
            yield Problem((*path, "allow_methods", index), f"one of {', '.join(_METHODS)}", shown(method), way_out)
    age, longest = cors.get("max_age_seconds"), limits.LAMBDA_CORS_MAX_AGE.value
    if age is not None and not 0 <= age <= longest:
        yield Problem((*path, "max_age_seconds"), f"0 to {longest:,}", shown(age))
