"""Container images: pinned, and of a version that may be deployed."""

import re

from loadfit.core.paths import Path
from loadfit.core.problems import Problem, shown
from loadfit.databases.settings import FLOOR, Version

__all__ = ["EXPORTER_IMAGE", "PGBOUNCER_IMAGE", "image_problems", "image_version"]

PGBOUNCER_IMAGE = "ghcr.io/cloudnative-pg/pgbouncer:1.26.1"
"""PostgreSQL's own Debian package, with c-ares, psql and pg_isready, for amd64 and arm64; rebuilt for security updates.
https://github.com/cloudnative-pg/pgbouncer-containers"""
EXPORTER_IMAGE = "quay.io/prometheuscommunity/pgbouncer-exporter:v0.12.1"
"""The first that reads the reserve pool of PgBouncer 1.24 and later.
https://github.com/prometheus-community/pgbouncer_exporter/pull/283"""

_REFERENCE = re.compile(
    r"(?P<name>[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*)(:(?P<tag>\w[\w.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)
"""https://pkg.go.dev/github.com/distribution/reference"""


def image_version(image: str) -> Version | None:
    """The version that an image's tag tells.

    Example:
        >>> str(image_version("registry.example.com/pgbouncer:v1.25.2-p0"))
        '1.25.2'
    """
    reference = _REFERENCE.fullmatch(image)
    tag = reference["tag"] if reference else None
    found = re.match(r"v?(\d+\.\d+(?:\.\d+)?)(?![\d.])", tag or "", re.ASCII)
    return Version.parse(found[1]) if found else None


def image_problems(image: str, path: Path, *, floor: Version | None = FLOOR) -> list[Problem]:
    """What keeps an image from being deployed.

    Args:
        image: A reference with a tag, a digest or both.
        path: Where it was declared.
        floor: The oldest version; ``None`` for any.
    """
    reference = _REFERENCE.fullmatch(image)
    if reference is None:
        return [Problem(path, "an image, such as registry.example.com/pgbouncer:1.26.1", shown(image))]
    if "bitnami" in image:
        way_out = "Its free images get no updates since August 2025; the default is maintained."
        return [Problem(path, "an image that is maintained", shown(image), way_out)]
    version = image_version(image)
    if not reference["digest"] and version is None:
        return [
            Problem(path, "a version as the tag, or a digest", shown(image), "Other tags come to mean other images.")
        ]
    if version is not None and floor is not None and version < floor:
        way_out = f"Versions before {floor} have known security holes."
        return [Problem(path, f"version {floor} or later", shown(image), way_out)]
    return []
