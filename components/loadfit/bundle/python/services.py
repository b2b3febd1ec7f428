"""Which of botocore's service models a handler needs."""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from loadfit.bundle.contents import refusal
from loadfit.bundle.python.reach import Reach
from loadfit.core.problems import nearest, printable
from loadfit.core.wording import few

__all__ = ["needless_models"]

_MODEL = re.compile(r"(?P<sdk>botocore|boto3)/data/(?P<service>[^/]+)/")

_FALLBACK = {"sts", "sso", "sso-oidc", "signin"}
"""Services that botocore calls by itself to get credentials: botocore/credentials.py and botocore/tokens.py."""


def needless_models(paths: Iterable[str], found: Reach, named: AbstractSet[str], source: str) -> dict[str, str]:
    """The files of models that are not needed, each with its service; none where that cannot be told.

    Args:
        paths: The files of the package.
        found: What the handler reaches; gets a warning where it cannot be told.
        named: Services that the user says are used.
        source: The package, for messages.

    Raises:
        InvalidLoad: A named service has no model.
    """
    models = {path: match["service"] for path in paths if (match := _MODEL.match(path))}
    known = set(models.values())
    for name in sorted(named - known if models else ()):
        meant = nearest(name, known)
        way_out = f"Did you mean {meant}?" if meant else "The folders of botocore/data are named by service."
        raise refusal(source, "services that botocore knows", f'"{printable(name)}"', way_out)
    if not models:
        return {}
    if not named and found.unknown_services:
        found.warnings.append(
            f"Every service model of botocore was kept, for the name of a service is computed "
            f"({few(sorted(found.unknown_services))}). Name the services."
        )
        return {}
    if not named and not found.services & known:
        found.warnings.append(
            "Every service model of botocore was kept, for no call of client() or resource() names a service. Name the "
            "services."
        )
        return {}
    needed = found.services | found.sdk_services | named | _FALLBACK
    return {path: service for path, service in models.items() if service not in needed}
