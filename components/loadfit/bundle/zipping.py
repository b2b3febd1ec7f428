"""A zip file whose bytes follow from the paths and the contents of its files alone."""

import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import IO

__all__ = ["Compression", "compressor_is_common", "write_zip"]

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can tell: APPNOTE.TXT, 4.4.6."""

_LEVEL = 9
_UNIX = 3
_RUNS, _IS_READ = 0o100755, 0o100644


class Compression(str, Enum):
    """How the files of a zip file are held."""

    DEFLATED = "deflated"
    """Compressed by zlib: the same bytes wherever zlib is the same; see :func:`compressor_is_common`."""
    STORED = "stored"
    """Not compressed: the same bytes everywhere."""


def write_zip(
    target: Path, paths: Iterable[str], chunks: Callable[[str], Iterator[bytes]], compression: Compression
) -> None:
    """Writes a zip file: sorted names, one time, modes by content, nothing of this machine. All of it or nothing.

    A file that begins as a program does (ELF or ``#!``) may be run, every file may be read by everyone: the user that
    Lambda runs it as is not the owner.

    Args:
        target: Where; what is there is replaced.
        paths: The files.
        chunks: Gives the bytes of one.
        compression: How to hold them.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            _write(file, sorted(paths), chunks, compression)
        # mkstemp lets only the owner read.
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _write(
    file: IO[bytes], paths: Iterable[str], chunks: Callable[[str], Iterator[bytes]], compression: Compression
) -> None:
    method = zipfile.ZIP_DEFLATED if compression is Compression.DEFLATED else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", method, compresslevel=_LEVEL) as archive:
        for path in paths:
            content = b"".join(chunks(path))
            info = zipfile.ZipInfo(path, _EPOCH)
            info.compress_type = method
            info.create_system = _UNIX
            info.external_attr = (_RUNS if content.startswith((b"\x7fELF", b"#!")) else _IS_READ) << 16
            archive.writestr(info, content, compresslevel=_LEVEL)


@cache
def compressor_is_common() -> bool:
    """Whether this machine's zlib compresses as zlib itself does, and not as one of its faster replacements.

    Deflate says how bytes are unpacked, not how they are packed: zlib-ng, which some distributions ship in the place of
    zlib, makes other bytes of the same content.
    """
    squeeze = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
    return sha256(squeeze.compress(_probe()) + squeeze.flush()).hexdigest() == _COMMON


def _probe() -> bytes:
    """Text of some hundred kilobytes in which matches of many lengths and distances compete."""
    state, words = 1, [f"{'abcdefgh'[n % 8]}{n * n % 1009:x}" for n in range(400)]
    text: list[str] = []
    for _ in range(60_000):
        state = state * 1_103_515_245 + 12_345 & 0x7FFFFFFF
        text.append(words[(state >> 16) % (40 if state & 0x40000 else 400)])
    return " ".join(text).encode()


_COMMON = "9a1cddf13fe798695fd450c145025aee209123c7df308374b0c512dbad4b2fef"
"""Of zlib 1.2.13."""
