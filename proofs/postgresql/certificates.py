"""An authority and the certificates that it signs, for a day."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from proofs.claims import Missing
from proofs.postgresql.programs import openssl

__all__ = ["Authority", "Certificate"]

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")


@dataclass(frozen=True)
class Certificate:
    """A server's, with its key, as PEM."""

    certificate: str
    key: str


class Authority:
    """Signs certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        _make(folder, "ca", ["-subj", "/CN=loadfit proofs", "-addext", "keyUsage=critical,keyCertSign"])

    @property
    def file(self) -> Path:
        """Its own certificate."""
        return self.folder / "ca.crt"

    def sign(self, name: str, names: Sequence[str]) -> Certificate:
        """A server's certificate.

        Args:
            name: Of its files.
            names: Host names and addresses.
        """
        signed = ["-CA", str(self.file), "-CAkey", str(self.folder / "ca.key")]
        subject = ",".join(f"{'IP' if _is_address(one) else 'DNS'}:{one}" for one in names)
        extensions = ["-addext", f"subjectAltName={subject}", "-addext", "basicConstraints=critical,CA:FALSE"]
        _make(self.folder, name, [*signed, "-subj", f"/CN={name}", *extensions])
        return Certificate((self.folder / f"{name}.crt").read_text(), (self.folder / f"{name}.key").read_text())


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _make(folder: Path, name: str, options: Sequence[str]) -> None:
    program = openssl()
    if program is None:
        raise Missing("openssl is not installed (apt-get install openssl)")
    files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
    command = [str(program), "req", "-x509", *_KEY, *files, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl: {done.stderr.strip()}")
