"""A zip file as a package: looked into where it lies, refused where it is not plainly one.

Every check comes before the first byte is unpacked, and nothing is unpacked to disk. What is refused is what unzip
programs disagree about, or what makes them write where they should not.
"""

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from loadfit.bundle.contents import CHUNK, MAX_FILES, MAX_NAME, MAX_PATH, Contents, refusal
from loadfit.core import limits
from loadfit.core.problems import InvalidLoad, printable

__all__ = ["MAX_UNPACKED", "Archive"]

MAX_UNPACKED = 10 * limits.LAMBDA_UNZIPPED.value * 1024 * 1024
"""Bytes. An archive that unpacks to more than ten times what Lambda takes is no package (assumption)."""

_MAX_DIRECTORY = 32 * 1024 * 1024
"""Bytes of the list of files: 335 for each of the most files that are read (assumption)."""

_MAX_RATIO = 100
"""A package over Lambda's limit whose files shrink by more than this is a bomb (assumption: source shrinks to a fifth,
and what consists of zeros to a thousandth)."""

_DEFLATE_RATIO = 1_032
"""Deflate cannot shrink by more: 258 bytes in 2 bits. https://www.zlib.net/zlib_tech.html"""

# APPNOTE.TXT, 4.3.16, 4.3.15, 4.3.14, 4.3.12 and 4.3.7.
_END = struct.Struct("<4s4H2LH")
_LOCATOR_64 = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LISTED = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_MOST_COMMENT = 0xFFFF


class Archive(Contents):
    """The files of a zip file.

    Args:
        file: The zip file.
        source: The path as it was given, for messages.

    Raises:
        InvalidLoad: It is not a zip file that can be unpacked in one plain way.
    """

    def __init__(self, file: Path, source: str) -> None:
        self.source = source
        self._stream: BinaryIO = file.open("rb")
        try:
            size = self._stream.seek(0, io.SEEK_END)
            self.zipped = size
            directory = _check_directory(self._stream, size, source)
            self._zip = zipfile.ZipFile(self._stream)
            self._infos = self._checked(directory)
        except InvalidLoad:
            self._stream.close()
            raise
        except (zipfile.BadZipFile, struct.error, OSError, ValueError, NotImplementedError) as error:
            self._stream.close()
            raise refusal(source, "a zip file", f"one that is broken ({printable(str(error), 120)})") from None
        self.sizes = {path: self._infos[path].file_size for path in sorted(self._infos)}

    def chunks(self, path: str) -> Iterator[bytes]:
        """The bytes of a file, as many as its entry says and with the checksum that its entry gives."""
        info = self._infos[path]
        left = info.file_size
        try:
            with self._zip.open(info) as file:
                while chunk := file.read(CHUNK):
                    left -= len(chunk)
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise self._refusal(path, f"a damaged file ({printable(str(error), 80)})") from None
        if left:
            raise self._refusal(path, "fewer bytes than its entry says")

    def close(self) -> None:
        """Closes the zip file."""
        self._zip.close()
        self._stream.close()

    def _checked(self, directory: int) -> dict[str, zipfile.ZipInfo]:
        """The files, after every check that needs no unpacking."""
        files: dict[str, zipfile.ZipInfo] = {}
        folders: set[str] = set()
        for info in self._zip.infolist():
            self._check_entry(info)
            path = info.orig_filename
            name = path.rstrip("/")
            if name in files or (name in folders and name == path):
                raise self._refusal(path, "the same name twice")
            if name == path:
                files[path] = info
            else:
                folders.add(name)
            while name := name.rpartition("/")[0]:
                folders.add(name)
        for name in folders & files.keys():
            raise self._refusal(name, "one name for a file and a folder")
        self._check_amount()
        self._check_places(directory)
        return files

    def _check_entry(self, info: zipfile.ZipInfo) -> None:
        path = info.orig_filename
        wrong = _wrong_name(path)
        if wrong:
            raise self._refusal(path, wrong)
        if info.flag_bits & _ENCRYPTED:
            raise self._refusal(path, "an encrypted file", "Pack it without a password.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self._refusal(path, f"compression method {info.compress_type}", "Pack it with deflate.")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind == stat.S_IFLNK:
            raise self._refusal(path, "a symbolic link", "Pack what it leads to (zip -r does, without -y).")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise self._refusal(path, "a device, a pipe or a socket")
        if (kind == stat.S_IFDIR) != path.endswith("/") and kind:
            raise self._refusal(path, "a file that says it is a folder, or the reverse")
        if path.endswith("/") and info.file_size:
            raise self._refusal(path, "a folder with bytes of its own")
        stored = info.compress_type == zipfile.ZIP_STORED
        if stored and info.file_size != info.compress_size:
            raise self._refusal(path, "a stored file of two sizes")
        if info.file_size > info.compress_size * _DEFLATE_RATIO:
            raise self._refusal(
                path, f"{info.file_size:,} bytes out of {info.compress_size:,}, which deflate cannot do"
            )

    def _check_amount(self) -> None:
        unpacked = sum(info.file_size for info in self._zip.infolist())
        packed = max(1, sum(info.compress_size for info in self._zip.infolist()))
        limit = limits.LAMBDA_UNZIPPED.value * 1024 * 1024
        if unpacked > MAX_UNPACKED or (unpacked > limit and unpacked > packed * _MAX_RATIO):
            raise refusal(
                self.source,
                f"a package that Lambda could unpack (at most {limits.LAMBDA_UNZIPPED.value} MB)",
                f"one of {packed:,} bytes that unpacks to {unpacked:,}",
            )

    def _check_places(self, directory: int) -> None:
        """Each file has bytes of its own, all before the list of files, under the same name as there."""
        end = 0
        for info in sorted(self._zip.infolist(), key=lambda one: one.header_offset):
            path = info.orig_filename
            if info.header_offset < end:
                raise self._refusal(path, "bytes that overlap with another file's")
            self._stream.seek(info.header_offset)
            header = self._stream.read(_LOCAL.size)
            if len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
                raise self._refusal(path, "no file where its entry says", "It may have been cut off: make it again.")
            _, _, flags, method, _, _, _, _, _, name_length, extra_length = _LOCAL.unpack(header)
            name = self._stream.read(name_length)
            if name.decode("utf-8" if flags & 0x800 else "cp437", "replace") != path or method != info.compress_type:
                raise self._refusal(path, "another name or method in the file than in the list")
            if flags & _ENCRYPTED:
                raise self._refusal(path, "an encrypted file", "Pack it without a password.")
            end = info.header_offset + _LOCAL.size + name_length + extra_length + info.compress_size
            if end > directory:
                raise self._refusal(path, "more bytes than there are before the list of files")

    def _refusal(self, path: str, found: str, way_out: str = "") -> InvalidLoad:
        return refusal(self.source, "a zip file that unpacks plainly", f"{printable(path, 120)}: {found}", way_out)


def _wrong_name(path: str) -> str:
    """What is wrong with a name; empty where nothing is."""
    if "\0" in path:
        return "a name with a NUL in it"
    if "\\" in path:
        return "a name with a backslash"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "an absolute path"
    steps = path.removesuffix("/").split("/")
    if ".." in steps:
        return "a path that leads out of the folder"
    if "." in steps or "" in steps:
        return "a path with an empty step"
    if not path.isprintable():
        return "a name with a control character"
    if len(path.encode("utf-8", "replace")) > MAX_PATH or any(
        len(step.encode("utf-8", "replace")) > MAX_NAME for step in steps
    ):
        return "a name that is too long"
    return ""


def _check_directory(stream: BinaryIO, size: int, source: str) -> int:
    """Where the list of files begins, when it is of a bounded size and lies where the end of the file says.

    zipfile would read a list of any size, and one behind other bytes.
    """
    tail = min(size, _END.size + _MOST_COMMENT)
    stream.seek(size - tail)
    ending = stream.read(tail)
    at = ending.rfind(b"PK\5\6")
    if at < 0:
        stream.seek(0)
        cut = stream.read(4) == b"PK\3\4"
        found = "one that is cut off before its list of files" if cut else "a file that is none"
        raise refusal(source, "a zip file", found, "Make it again." if cut else "")
    if len(ending) - at < _END.size:
        raise refusal(source, "a zip file", "one that is cut off in its last record", "Make it again.")
    _, disk, disk_of_list, here, count, length, start, comment = _END.unpack_from(ending, at)
    if len(ending) - at - _END.size != comment:
        raise refusal(source, "a zip file", "one with bytes after its end, or one that is cut off")
    end = size - tail + at
    if at >= _LOCATOR_64.size and ending.startswith(b"PK\6\7", at - _LOCATOR_64.size):
        end -= _LOCATOR_64.size + _END_64.size
        _, _, record, _ = _LOCATOR_64.unpack_from(ending, at - _LOCATOR_64.size)
        stream.seek(max(0, end))
        found_64 = stream.read(_END_64.size)
        if record != end or not found_64.startswith(b"PK\6\6"):
            raise refusal(source, "a zip file", "one whose zip64 record is not where it says")
        _, _, _, _, disk, disk_of_list, here, count, length, start = _END_64.unpack(found_64)
    if disk or disk_of_list or here != count:
        raise refusal(source, "a zip file", "a part of a split one")
    if count > MAX_FILES or length > _MAX_DIRECTORY:
        raise refusal(source, f"a zip file of at most {MAX_FILES:,} files", f"a list of {count:,} in {length:,} bytes")
    if start + length != end:
        raise refusal(source, "a zip file", "one whose list of files is not where it says", "Make it again.")
    stream.seek(start)
    listed = _count(stream.read(length), MAX_FILES)
    if listed != count:
        raise refusal(source, f"a zip file whose list has {count:,} files, as its end says", "another number")
    return start


def _count(directory: bytes, most: int) -> int | None:
    """How many files a list has; ``None`` where it is broken or has more than ``most``."""
    at = number = 0
    while at < len(directory):
        if number > most or len(directory) - at < _LISTED.size or not directory.startswith(b"PK\1\2", at):
            return None
        fields = _LISTED.unpack_from(directory, at)
        at += _LISTED.size + fields[10] + fields[11] + fields[12]
        number += 1
    return number if at == len(directory) else None
