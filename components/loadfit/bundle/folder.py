"""A folder as a package: what a zip of it would hold."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from loadfit.bundle.contents import CHUNK, MAX_FILES, Contents, refusal
from loadfit.core.problems import InvalidLoad, printable

__all__ = ["Folder"]


class Folder(Contents):
    """The files of a folder. Links are followed, as ``zip -r`` does, but not out of the folder.

    Args:
        root: The folder, resolved.
        source: The path as it was given, for messages.

    Raises:
        InvalidLoad: It holds what cannot be packed.
    """

    zipped = None

    def __init__(self, root: Path, source: str) -> None:
        self.root = root
        self.source = source
        found: dict[str, int] = {}
        for path, size in self._files(str(root), "", (os.path.realpath(root),)):
            found[path] = size
            if len(found) > MAX_FILES:
                raise refusal(source, f"at most {MAX_FILES:,} files", "more", "Name the folder of one function.")
        self.sizes = dict(sorted(found.items()))

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of a file."""
        try:
            with (self.root / path).open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except OSError as error:
            raise self._unreadable(path, error) from None

    def close(self) -> None:
        """A folder is not kept open."""

    def _files(self, folder: str, prefix: str, above: tuple[str, ...]) -> Iterator[tuple[str, int]]:
        try:
            with os.scandir(folder) as listing:
                items = sorted(listing, key=lambda item: item.name)
        except OSError as error:
            raise self._unreadable(prefix, error) from None
        for item in items:
            path = prefix + item.name
            self._check_name(path)
            if item.is_symlink():
                self._check_link(path, item.path)
            try:
                status = item.stat()
            except OSError as error:
                raise self._unreadable(path, error) from None
            if stat.S_ISDIR(status.st_mode):
                real = os.path.realpath(item.path)
                if item.is_symlink() and real in above:
                    raise self._refusal(path, "a link to a folder that it is in", "Remove the link.")
                yield from self._files(item.path, f"{path}/", (*above, real))
            elif stat.S_ISREG(status.st_mode):
                yield path, status.st_size
            else:
                raise self._refusal(path, "what is no file (a pipe, a socket or a device)", "Remove it.")

    def _check_name(self, path: str) -> None:
        try:
            path.encode()
        except UnicodeEncodeError:
            raise self._refusal(path, "a name that is not UTF-8", "Rename it.") from None
        if "\\" in path or not path.isprintable():
            raise self._refusal(path, "a name with a backslash or a control character", "Rename it.")

    def _check_link(self, path: str, place: str) -> None:
        real = Path(os.path.realpath(place))
        if not real.exists():
            raise self._refusal(path, "a link that leads nowhere", "Remove the link.")
        if not real.is_relative_to(self.root):
            raise self._refusal(path, "a link that leads out of the folder", "Copy what it leads to.")

    def _unreadable(self, path: str, error: OSError) -> InvalidLoad:
        return self._refusal(path, f"what cannot be read ({error.strerror})")

    def _refusal(self, path: str, found: str, way_out: str = "") -> InvalidLoad:
        return refusal(self.source, "a folder of files", f"{printable(path, 120) or 'one'}: {found}", way_out)
