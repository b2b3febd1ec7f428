"""What an RDS instance class says about max_connections, where nobody declared it.

RDS's default is ``LEAST({DBInstanceClassMemory/9531392}, 5000)``, but DBInstanceClassMemory is less than the class's
memory by what RDS and the operating system take, which is not published: a db.m7g.large has 832, where 8 GiB give 901.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from loadfit.core.exact import flooring
from loadfit.core.limits import RDS_MAX_CONNECTIONS_DEFAULT, RDS_MAX_CONNECTIONS_DIVISOR
from loadfit.core.wording import few

__all__ = ["estimated_max_connections", "known_classes", "larger_classes", "memory_gib"]

_BURSTABLE = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}
_GRAVITON = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
_SIZES: Mapping[str, tuple[str, ...]] = {
    "6g": _GRAVITON,
    "7g": _GRAVITON,
    "6i": (*_GRAVITON, "24xlarge", "32xlarge"),
    "7i": (*_GRAVITON, "24xlarge", "48xlarge"),
}


def _sized(gib_of_large: int, sizes: tuple[str, ...]) -> dict[str, int]:
    """Memory doubles from ``large`` to ``xlarge``; ``Nxlarge`` has N times as much as that."""
    return {
        size: gib_of_large * (1 if size == "large" else 2 * int(size.removesuffix("xlarge") or 1)) for size in sizes
    }


# https://aws.amazon.com/rds/instance-types/: GiB by family and size.
_MEMORY_GIB: Mapping[str, Mapping[str, int]] = {
    "t3": _BURSTABLE,
    "t4g": _BURSTABLE,
    **{f"m{generation}": _sized(8, sizes) for generation, sizes in _SIZES.items()},
    **{f"r{generation}": _sized(16, sizes) for generation, sizes in _SIZES.items()},
}

_SHARE_LEFT = Fraction(90, 100)
_TAKEN_BYTES = 128 * 2**20
"""What is left of the memory, as measured on several classes with a margin: 0.90 x memory - 128 MiB (assumption)."""


def memory_gib(instance_class: str) -> int | None:
    """The memory of a class in GiB; ``None`` where it is not known here.

    Example:
        >>> memory_gib("db.m7g.large"), memory_gib("r6g.4xlarge"), memory_gib("db.x9.huge")
        (8, 128, None)
    """
    family, _, size = instance_class.removeprefix("db.").partition(".")
    return _MEMORY_GIB.get(family, {}).get(size)


def estimated_max_connections(instance_class: str) -> int:
    """A cautious estimate of RDS's default max_connections: (0.90 x memory - 128 MiB) / 9,531,392, at most 5,000.

    Raises:
        ValueError: The class is not known.

    Example:
        >>> estimated_max_connections("db.t3.micro"), estimated_max_connections("db.r7g.2xlarge")
        (87, 5000)
    """
    gib = memory_gib(instance_class)
    if gib is None:
        raise ValueError(f"expected a known instance class, got {instance_class!r}")
    memory = gib * 2**30 * _SHARE_LEFT - _TAKEN_BYTES
    return min(flooring(memory / RDS_MAX_CONNECTIONS_DIVISOR.value), RDS_MAX_CONNECTIONS_DEFAULT.value)


def larger_classes(instance_class: str) -> Iterator[str]:
    """The larger classes of the same family, the next one first."""
    prefix = "db." if instance_class.startswith("db.") else ""
    family, _, size = instance_class.removeprefix("db.").partition(".")
    sizes = _MEMORY_GIB.get(family, {})
    for other, gib in sizes.items():
        if size in sizes and gib > sizes[size]:
            yield f"{prefix}{family}.{other}"


def known_classes() -> str:
    """The families that are known, for messages."""
    return few((f"db.{family}" for family in _MEMORY_GIB), most=len(_MEMORY_GIB))
