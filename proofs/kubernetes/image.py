"""Images of containers, made of this machine's own programs: no registry, and nothing that builds them.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md says how they are written.
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.claims import Missing
from proofs.postgresql.programs import PgBouncer, postgresql

__all__ = ["Image", "pgbouncer_root", "single_program_root", "write_images"]

_SHELL = ("sh", "cat", "sed", "mv", "sleep", "sha256sum")
"""What the start commands, the hook and the reloader call, beside the shell's own."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""As the Linux kernel names them, and as images do."""


@dataclass(frozen=True)
class Image:
    """One image."""

    name: str
    """As a pod asks for it, with a registry's host and a tag."""
    root: Path
    """The folder of its files."""
    entrypoint: Sequence[str]
    user: str = ""
    """The number of its user; root's where not given."""


def pgbouncer_root(folder: Path, pgbouncer: PgBouncer, *, user: int) -> None:
    """Fills a folder with PgBouncer and what its pods call: a shell, psql and pg_isready.

    Args:
        folder: That is not there yet.
        pgbouncer: Where it came with libraries of its own, those come first.
        user: Its own user's number, which is given a name.

    Raises:
        Missing: A program is not on this machine.
    """
    for name in ("usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "etc", "tmp", "proc", "sys", "dev", "run"):
        (folder / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (folder / name).symlink_to(f"usr/{name}")
    if pgbouncer.root is not None:
        for name in ("lib", "lib64"):
            if (source := pgbouncer.root / "usr" / name).is_dir():
                shutil.copytree(source, folder / "usr" / name, symlinks=True, dirs_exist_ok=True)
    else:
        _add_libraries(folder, pgbouncer.path)
    shutil.copy2(pgbouncer.path, folder / "usr/bin/pgbouncer")
    for program in (*map(_found, _SHELL), postgresql("psql"), postgresql("pg_isready")):
        shutil.copy2(program, folder / "usr/bin" / program.name)
        _add_libraries(folder, program)
    (folder / "etc/passwd").write_text(f"pgbouncer:x:{user}:{user}::/:/bin/sh\n", encoding="utf-8")


def single_program_root(folder: Path, program: Path) -> None:
    """Fills a folder with a program that needs nothing beside it.

    Args:
        folder: That is not there yet.
        program: It is linked statically.
    """
    (folder / "bin").mkdir(parents=True)
    shutil.copy2(program, folder / "bin" / program.name)


def _found(name: str) -> Path:
    path = shutil.which(name, path="/usr/bin:/bin")
    if path is None:
        raise Missing(f"There is no {name} in /usr/bin.")
    return Path(path)


def _add_libraries(folder: Path, program: Path) -> None:
    """All that the loader would load for a program, where the folder has not got it yet."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"(/\S+) \(0x", listed):
        target = folder / "usr" / Path(path).relative_to("/usr" if path.startswith("/usr/") else "/")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(path).resolve(), target)


def write_images(file: Path, images: Sequence[Image]) -> None:
    """Writes images into one archive, which ``ctr images import`` takes."""
    blobs: dict[str, bytes] = {}

    def kept(data: bytes, kind: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        blobs[digest] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    manifests: list[dict[str, Any]] = []
    for image in images:
        layer = kept(_layer(image.root), "layer.v1.tar")
        platform = {"architecture": _ARCHITECTURES.get(os.uname().machine, os.uname().machine), "os": "linux"}
        run = {"Entrypoint": list(image.entrypoint), "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "User": image.user}
        filled = {"type": "layers", "diff_ids": [layer["digest"]]}
        settings = kept(_json({**platform, "config": run, "rootfs": filled}), "config.v1+json")
        manifest = {"schemaVersion": 2, "config": settings, "layers": [layer]}
        named = {"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": image.name}
        stored = kept(_json({**manifest, "mediaType": _MANIFEST}), "manifest.v1+json")
        manifests.append({**stored, "platform": platform, "annotations": named})
    with tarfile.open(file, "w") as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", _json({"schemaVersion": 2, "manifests": manifests}))
        for digest, data in blobs.items():
            _add(archive, f"blobs/sha256/{digest}", data)


_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode()


def _layer(root: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(root.rglob("*")):
            entry = archive.gettarinfo(path, str(path.relative_to(root)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = 0
            if entry.isreg():
                with path.open("rb") as source:
                    archive.addfile(entry, source)
            else:
                archive.addfile(entry)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))
