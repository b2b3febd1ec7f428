"""The programs of the servers: those that are installed, and a PgBouncer like the one that the component deploys.

Where the machine's own PgBouncer is older, Debian's newest is fetched with apt's own client, from the mirror that
this machine's apt uses, and unpacked into a folder of the project: nothing is installed. ``python -m
proofs.postgresql.programs`` does so, and tells what there is.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proofs.claims import Missing

__all__ = [
    "PgBouncer",
    "fetch_pgbouncer",
    "find_pgbouncer",
    "main",
    "missing",
    "openssl",
    "postgresql",
    "require",
    "versions",
]

OLDEST = (1, 23)
"""Since then SIGTERM waits for the clients to leave. https://www.pgbouncer.org/changelog.html#pgbouncer-123x"""
DEPLOYED = (1, 26)
"""What the component deploys, and so what is fetched where nothing as new is there."""
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_LIBRARIES = (
    *("libaudit1", "libc6", "libcap-ng0", "libcap2", "libcares2", "libevent-2.1-7t64", "libgcc-s1", "libpam0g"),
    *("libssl3t64", "libsystemd0", "libzstd1", "zlib1g"),
)
SUITES = {"forky": (*_LIBRARIES, "libldap2", "libsasl2-2"), "trixie": _LIBRARIES}
"""Debian's with such a PgBouncer, the newest first; and all that it loads there, so that nothing of this machine's is.
The first one moves on: where it no longer has what is named here, the next one does."""
FOLDER = Path(__file__).parents[2] / ".servers"
"""Not in git; ``make clean`` removes it."""


@dataclass(frozen=True)
class PgBouncer:
    """A PgBouncer that can be started."""

    root: Path | None
    """The folder that it and its libraries were unpacked into; ``None``: it is this machine's own."""
    path: Path

    @property
    def command(self) -> tuple[str, ...]:
        """What its arguments follow. An unpacked one is started by the loader that came with it."""
        if self.root is None:
            return (str(self.path),)
        loader = next(self.root.glob("usr/lib/*/ld-linux*.so*"))
        return (str(loader), "--library-path", str(loader.parent), "--argv0", "pgbouncer", str(self.path))

    @property
    def version(self) -> tuple[int, ...]:
        """Its own word for it.

        Raises:
            Missing: It does not start.
        """
        done = subprocess.run([*self.command, "--version"], capture_output=True, text=True, check=False)
        found = re.match(r"PgBouncer (\d+(?:\.\d+)+)", done.stdout)
        if found is None:
            raise Missing(f"{self.path} does not start: {done.stderr.strip()}")
        return tuple(map(int, found[1].split(".")))

    def copy_to(self, folder: Path) -> "PgBouncer":
        """The same below another folder, which a user may read who may not read the project's."""
        if self.root is None:
            return self
        root = folder / self.root.name
        shutil.copytree(self.root / "usr" / "lib", root / "usr" / "lib", symlinks=True)
        path = root / self.path.relative_to(self.root)
        path.parent.mkdir(parents=True)
        shutil.copy2(self.path, path)
        return PgBouncer(root, path)


def missing() -> list[str]:
    """What of the servers is not there, each with what to do about it."""
    needed = {
        "PostgreSQL (apt-get install postgresql)": _postgresql_folder(),
        "openssl (apt-get install openssl)": openssl(),
        f"PgBouncer {_dotted(OLDEST)} or newer (make servers)": find_pgbouncer(),
    }
    return [what for what, found in needed.items() if found is None]


def require() -> None:
    """Does nothing where all is there.

    Raises:
        Missing: Something is not.
    """
    absent = missing()
    if absent:
        raise Missing(f"Not there: {', '.join(absent)}")


def postgresql(program: str) -> Path:
    """One of PostgreSQL's programs.

    Raises:
        Missing: It is not installed.
    """
    folder = _postgresql_folder()
    if folder is None:
        raise Missing("PostgreSQL is not installed (apt-get install postgresql)")
    return folder / program


def _postgresql_folder() -> Path | None:
    """Where Debian puts PostgreSQL's programs, the newest version's; elsewhere they are in the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    path = str(found[-1]) if found else shutil.which("initdb")
    return Path(path).parent if path else None


def openssl() -> Path | None:
    """Makes the certificates."""
    return _command("openssl")


def _command(name: str) -> Path | None:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return Path(found) if found else None


def find_pgbouncer() -> PgBouncer | None:
    """The newest of this machine's own and of those that were fetched, if it is new enough."""
    own = _command("pgbouncer")
    candidates = [PgBouncer(None, own)] if own else []
    candidates += [PgBouncer(path.parents[2], path) for path in FOLDER.glob("*/usr/sbin/pgbouncer")]
    newest = max(candidates, key=lambda one: one.version, default=None)
    return newest if newest is not None and newest.version >= OLDEST else None


def fetch_pgbouncer() -> PgBouncer:
    """The same, fetched first where it is older than what is deployed.

    Raises:
        Missing: None can be had here.
    """
    lacks: list[str] = []
    for suite in SUITES:
        found = find_pgbouncer()
        if found is not None and (found.version >= DEPLOYED or lacks):
            return found
        try:
            _unpack(suite)
        except Missing as lack:
            lacks.append(str(lack))
            print(f"servers: no PgBouncer of Debian {suite}. {lack}", file=sys.stderr)
    found = find_pgbouncer()
    if found is None:
        raise Missing(lacks[-1] if lacks else f"The PgBouncer of Debian is older than {_dotted(OLDEST)}")
    return found


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def _unpack(suite: str) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg") and Path(KEYRING).exists()):
        way_out = f"install PgBouncer {_dotted(OLDEST)} or newer"
        raise Missing(f"PgBouncer is too old or not there, and this is no Debian to fetch a newer one with: {way_out}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Into place as a whole: a fetch that is interrupted leaves nothing that looks complete.
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=FOLDER) as name:
        folder = Path(name)
        environment = os.environ | {"APT_CONFIG": str(_apt(folder, _mirror(), suite))}
        _run(["apt-get", "--quiet", "update"], folder, environment)
        _run(["apt-get", "--quiet", "download", "pgbouncer", *SUITES[suite]], folder, environment)
        for package in sorted(folder.glob("*.deb")):
            _run(["dpkg", "--extract", str(package), str(folder / "root")], folder, environment)
        _ = PgBouncer(folder / "root", folder / "root" / "usr" / "sbin" / "pgbouncer").version
        shutil.rmtree(FOLDER / suite, ignore_errors=True)
        (folder / "root").rename(FOLDER / suite)


def _mirror() -> str:
    """The one that this machine's apt has its own packages from; that of security updates has another label."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian", "Identifier: Packages"]
    mirrors = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    if not mirrors:
        raise Missing("apt has no lists of Debian's packages (apt-get update)")
    return mirrors[0]


def _apt(folder: Path, mirror: str, suite: str) -> Path:
    """apt's settings for lists and packages of its own; where they come from beyond that, it knows already."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n")
    settings = folder / "apt.conf"
    settings.write_text(f"""\
Dir::Etc::SourceList "{folder}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
APT::Sandbox::User "";
""")
    return settings


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Missing(f"{' '.join(command[:3])} took longer than {error.timeout:g} s") from None
    if done.returncode:
        raise Missing(f"{' '.join(command[:3])} failed: {done.stderr.strip()[-300:]}")


def versions() -> str:
    """What PostgreSQL and PgBouncer are, where :func:`require` finds nothing missing."""
    server = subprocess.run([postgresql("postgres"), "--version"], capture_output=True, text=True, check=True)
    pgbouncer = find_pgbouncer()
    assert pgbouncer is not None
    return f"{server.stdout.strip()}; PgBouncer {_dotted(pgbouncer.version)}"


def main() -> int:
    """Fetches what is to be fetched, and tells what there is."""
    try:
        pgbouncer = fetch_pgbouncer()
        require()
    except Missing as error:
        print(f"servers: {error}", file=sys.stderr)
        return 2
    print(f"{versions()} at {pgbouncer.path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
