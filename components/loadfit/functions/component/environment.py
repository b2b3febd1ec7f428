"""Which environment variables a function cannot have."""

import re
from collections.abc import Iterator, Mapping

import pulumi

from loadfit.core import limits
from loadfit.core.problems import Problem, shown

__all__ = ["RESERVED_VARIABLES", "environment_problems"]

RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
"""What Lambda sets itself and lets nobody else set. AWS_LAMBDA_EXEC_WRAPPER is not among them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]+")


def environment_problems(variables: Mapping[str, pulumi.Input[str]]) -> Iterator[Problem]:
    """What is wrong with a function's environment variables, as far as they are known at preview."""
    for name in variables:
        if name in RESERVED_VARIABLES:
            way_out = "Lambda sets it itself, and refuses a function that does."
            yield Problem(("environment", name), "a name that Lambda does not reserve", shown(name), way_out)
        elif not _NAME.fullmatch(name):
            expected = "a name of letters, digits and underscores that begins with a letter"
            yield Problem(("environment", name), expected, shown(name))
    # What is known only after deployment counts with its name, so that nothing is refused that AWS would take.
    size = sum(
        len(name.encode(errors="replace")) + (len(value.encode(errors="replace")) if isinstance(value, str) else 0)
        for name, value in variables.items()
    )
    most = limits.LAMBDA_ENVIRONMENT.value
    if size > most:
        waits = sum(not isinstance(value, str) for value in variables.values())
        without = f", without {waits:,} that are known only after deployment" if waits else ""
        yield Problem(
            ("environment",),
            f"at most {most:,} bytes, names and values together",
            f"{size:,}{without}",
            "Keep what is large in Parameter Store, Secrets Manager or the package.",
        )
