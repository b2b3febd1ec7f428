"""Packages for the tests: folders and zip files, made on the spot."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["HOSTILE", "HostileZip", "elf", "folder", "installed", "zipped"]

Content = str | bytes


def folder(root: Path, files: Mapping[str, Content]) -> Path:
    """A folder with these files."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def installed(name: str, files: Mapping[str, Content], *, requires: str = "", points: str = "") -> dict[str, Content]:
    """The files of a distribution, with the metadata that installers leave."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    metadata += "".join(f"Requires-Dist: {one}\n" for one in requires.split(",") if one)
    extra: dict[str, Content] = {f"{info}/METADATA": metadata + "\nA description.\n", f"{info}/INSTALLER": "uv"}
    if points:
        extra[f"{info}/entry_points.txt"] = points
    record = "".join(f"{path},,\n" for path in [*files, *extra, f"{info}/RECORD"])
    return {**files, **extra, f"{info}/RECORD": record}


def elf(machine: int, *, big: bool = False, kind: int = 3) -> bytes:
    """The head of a shared object for a machine, by its number in the standard."""
    order = ">" if big else "<"
    head = b"\x7fELF\x02" + (b"\x02" if big else b"\x01") + b"\x01" + bytes(9)
    return head + struct.pack(f"{order}HH", kind, machine) + bytes(44)


def zipped(files: Mapping[str, Content], change: Callable[[zipfile.ZipInfo], None] | None = None) -> bytes:
    """A zip file; ``change`` alters each entry before it is written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            info = zipfile.ZipInfo(path)
            info.compress_type = zipfile.ZIP_DEFLATED
            if change is not None:
                change(info)
            archive.writestr(info, content)
    return buffer.getvalue()


APP: dict[str, Content] = {"app.py": "def handler(event, context):\n    return 1\n"}
PLAIN = zipped(APP)


@dataclass(frozen=True)
class HostileZip:
    """A zip file to refuse, and a part of the message."""

    name: str
    make: Callable[[Path], None] = field(repr=False)
    """Writes it to a path."""
    expected: str

    @property
    def file(self) -> str:
        """What it is called."""
        return f"{self.name.replace(' ', '-')}.zip"


def named(path: str) -> bytes:
    """A zip file with a file of this name."""
    return zipped({**APP, path: "x"})


def of_kind(kind: int) -> bytes:
    """A zip file whose file says that it is a link, a pipe or a device."""

    def change(info: zipfile.ZipInfo) -> None:
        info.create_system = 3
        info.external_attr = (kind | 0o777) << 16

    return zipped({"link": "/etc/passwd"}, change)


def twice() -> bytes:
    """The same name twice."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "a")
        info = zipfile.ZipInfo("app.py")
        archive.NameToInfo.clear()
        archive.writestr(info, "b")
    return buffer.getvalue()


def patched(content: bytes, signature: bytes, offset: int, form: str, *values: int, last: bool = False) -> bytes:
    """A zip file with fields of a record overwritten."""
    at = (content.rindex if last else content.index)(signature) + offset
    changed = bytearray(content)
    struct.pack_into(form, changed, at, *values)
    return bytes(changed)


def listed(offset: int, form: str, *values: int) -> bytes:
    """A plain zip file whose list of files lies."""
    return patched(PLAIN, b"PK\1\2", offset, form, *values)


def ended(offset: int, form: str, *values: int) -> bytes:
    """A plain zip file whose last record lies."""
    return patched(PLAIN, b"PK\5\6", offset, form, *values)


def sizes_of_64(size: int, packed: int) -> bytes:
    """A zip file whose entry gives its sizes in a zip64 field, as it likes."""
    name, body = b"app.py", b"x = 1\n"
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 8, 0, 33, 0, len(body), len(body), len(name), 0) + name + body
    extra = struct.pack("<HHQQ", 1, 16, size, packed)
    entry = struct.pack(
        "<4s6H3L5H2L",
        *(b"PK\1\2", 45, 45, 0, 8, 0, 33, 0, 0xFFFFFFFF, 0xFFFFFFFF),
        *(len(name), len(extra), 0, 0, 0, 0, 0),
    )
    entry += name + extra
    return local + entry + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(local), 0)


def end_of_64(count: int, length: int) -> bytes:
    """A zip file whose zip64 record says that its list is of this length."""
    body, end = PLAIN[: PLAIN.rindex(b"PK\5\6")], PLAIN[PLAIN.rindex(b"PK\5\6") :]
    start = PLAIN.index(b"PK\1\2")
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, start)
    return body + record + struct.pack("<4sLQL", b"PK\6\7", 0, len(body), 1) + end


def overlapping() -> bytes:
    """Many entries that share one file's bytes: https://www.bamsoftware.com/hacks/zipbomb"""
    local, entry = _of_one_file(zipped({"a": bytes(1_000_000)}))
    return local + _directory(entry, [0] * 8, len(local))


def zeros(megabytes: int, files: int = 1) -> bytes:
    """A zip file of zeros, which shrink to a thousandth: one file of them, as many times as told."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("a", "w") as file:
        for _ in range(megabytes):
            file.write(bytes(1 << 20))
    local, entry = _of_one_file(buffer.getvalue())
    every = b"".join(local[:30] + letter + local[31:] for letter in _letters(files))
    return every + _directory(entry, [number * len(local) for number in range(files)], len(every))


def _of_one_file(archive: bytes) -> tuple[bytes, bytes]:
    """What a zip file of one file has of it, and lists of it."""
    start = archive.index(b"PK\1\2")
    return archive[:start], archive[start : archive.rindex(b"PK\5\6")]


def _letters(number: int) -> list[bytes]:
    """The names of files."""
    return [b"%c" % letter for letter in range(ord("a"), ord("a") + number)]


def _directory(entry: bytes, places: Sequence[int], end: int) -> bytes:
    """Lists one file at several places, each time by another letter, and ends the zip file."""
    entries = b"".join(
        entry[:42] + struct.pack("<L", place) + letter + entry[47:]
        for place, letter in zip(places, _letters(len(places)), strict=True)
    )
    return entries + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(places), len(places), len(entries), end, 0)


def many(number: int) -> bytes:
    """A list of many files, all of them one."""
    start = PLAIN.index(b"PK\1\2")
    entry = PLAIN[start : PLAIN.rindex(b"PK\5\6")]
    directory = entry * number
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, number, number, len(directory), start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, start + len(directory), 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return PLAIN[:start] + directory + record + locator + end


def sparse(path: Path) -> None:
    """A terabyte of nothing, which takes no room."""
    with path.open("wb") as file:
        file.truncate(2**40)


def written(content: bytes | Callable[[], bytes]) -> Callable[[Path], None]:
    """Writes these bytes."""

    def write(path: Path) -> None:
        path.write_bytes(content if isinstance(content, bytes) else content())

    return write


def _hostile() -> Iterator[tuple[str, bytes | Callable[[], bytes], str]]:
    yield "traversal", named("../../etc/cron.d/x"), "a path that leads out of the folder"
    yield "traversal inside", named("a/../../x"), "a path that leads out of the folder"
    yield "absolute", named("/etc/passwd"), "an absolute path"
    yield "drive", named("C:/windows/x"), "an absolute path"
    yield "drive-relative", named("c:x"), "an absolute path"
    yield "backslash", named("..\\..\\x"), "a name with a backslash"
    yield "empty step", named("a//b"), "a path with an empty step"
    yield "dot step", named("./app.py"), "a path with an empty step"
    yield "control character", named("a\x1b[2J"), "a name with a control character"
    yield "line break", named("a\nb"), "a name with a control character"
    yield "NUL in the name", PLAIN.replace(b"app.py", b"ap\0.py"), "a name with a NUL in it"
    yield "long step", named("a" * 300), "a name that is too long"
    yield "long path", named("/".join(["abcdefgh"] * 500)), "a name that is too long"
    yield "symbolic link", of_kind(stat.S_IFLNK), "a symbolic link"
    yield "device", of_kind(stat.S_IFBLK), "a device, a pipe or a socket"
    yield "pipe", of_kind(stat.S_IFIFO), "a device, a pipe or a socket"
    yield "file that says it is a folder", of_kind(stat.S_IFDIR), "a file that says it is a folder"
    yield "same name twice", twice(), "the same name twice"
    yield "file and folder", zipped({"a": "x", "a/b": "y"}), "one name for a file and a folder"
    yield "encrypted", listed(8, "<H", 1), "an encrypted file"
    yield "encrypted in the file only", patched(PLAIN, b"PK\3\4", 6, "<H", 1), "an encrypted file"
    yield "unknown method", listed(10, "<H", 99), "compression method 99"
    yield "another name in the file", PLAIN.replace(b"app.py", b"etc.py", 1), "another name or method in the file"
    yield "flat bomb", lambda: zeros(300), "that unpacks to 314,572,800"
    yield "many bombs", lambda: zeros(130, 20), "that unpacks to 2,726,297,600"
    yield "overlapping bomb", overlapping(), "bytes that overlap with another file's"
    yield "ratio that deflate has not", listed(24, "<L", 2_000_000_000), "which deflate cannot do"
    yield "zip64 size of an exabyte", sizes_of_64(2**60, 6), "which deflate cannot do"
    yield "zip64 packed size of an exabyte", sizes_of_64(6, 2**60), "more bytes than there are"
    yield "zip64 list of an exabyte", end_of_64(1, 2**60), "a zip file of at most 100,000 files"
    yield "zip64 list with another number", end_of_64(7, len(PLAIN) - 22 - PLAIN.index(b"PK\1\2")), "as its end says"
    yield "a million files", lambda: many(1_000_000), "a zip file of at most 100,000 files"
    yield "larger than it says", listed(24, "<L", 5), "damaged file (Bad CRC-32"
    yield "smaller than it says", listed(24, "<L", 50), "app.py"
    yield "wrong checksum", listed(16, "<L", 1), "damaged file (Bad CRC-32"
    yield "broken data", PLAIN.replace(PLAIN[36:40], b"\xff\xff\xff\xff"), "damaged file"
    yield "entry that points into nowhere", listed(42, "<L", 3), "no file where its entry says"
    yield "entry that points behind the file", listed(42, "<L", 2**31), "no file where its entry says"
    yield "list that is not there", ended(16, "<L", 5), "list of files is not where it says"
    yield "list with another number", ended(8, "<HH", 3, 3), "a zip file whose list has 3 files"
    yield "split", ended(4, "<H", 1), "a part of a split one"
    yield "bytes before it", b"#!/bin/sh\n" + PLAIN, "list of files is not where it says"
    yield "bytes behind it", PLAIN + b"more", "bytes after its end"
    yield "cut off in the middle", PLAIN[: len(PLAIN) // 2], "cut off before its list of files"
    yield "cut off at the end", PLAIN[:-5], "cut off in its last record"
    yield "nothing", b"", "a file that is none"
    yield "text", b"region: us-east-1\n", "a file that is none"
    yield "gzip", b"\x1f\x8b\x08\x00" + bytes(100), "a file that is none"
    yield "empty zip file", zipped({}), "no file in it"


HOSTILE = (
    *(HostileZip(name, written(content), expected) for name, content, expected in _hostile()),
    HostileZip("terabyte of nothing", sparse, "a file that is none"),
)
