"""What a deployment package holds, be it a folder or a zip file: read where it lies, never unpacked."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

from loadfit.core.problems import InvalidLoad, Problem

__all__ = ["CHUNK", "MAX_FILES", "MAX_NAME", "MAX_PATH", "Contents", "refusal"]

CHUNK = 1 << 16
"""How many bytes are read at a time."""

MAX_FILES = 100_000
"""More files than any function has (assumption): what a package costs to read is bounded."""

MAX_PATH = 4_096
"""PATH_MAX of Linux, in bytes: a longer path cannot be unpacked."""

MAX_NAME = 255
"""NAME_MAX of Linux, in bytes: nor can a longer step of one."""


class Contents(ABC):
    """The files of a package, in the order of their paths.

    A package is read through one of these, so that nothing else has to know whether it is a folder or a zip file.
    """

    source: str
    """The path as the user gave it, safe to show."""
    sizes: Mapping[str, int]
    """The unpacked size in bytes of every file, by its path below the root, with ``/`` between its parts; sorted."""
    zipped: int | None
    """The size of the zip file in bytes; ``None`` for a folder."""

    @abstractmethod
    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of a file, at most :data:`CHUNK` at a time.

        Raises:
            InvalidLoad: They cannot be read, or are not as the archive says.
        """

    def read(self, path: str) -> bytes:
        """The bytes of a file, whole."""
        return b"".join(self.chunks(path))

    def head(self, path: str, length: int) -> bytes:
        """The first bytes of a file."""
        for chunk in self.chunks(path):
            return chunk[:length]
        return b""

    @abstractmethod
    def close(self) -> None:
        """Lets go of what is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def refusal(source: str, expected: str, found: str, way_out: str = "") -> InvalidLoad:
    """The one error of a package that is none."""
    return InvalidLoad([Problem((), expected, found, way_out)], source)
