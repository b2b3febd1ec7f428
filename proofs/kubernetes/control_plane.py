"""A Kubernetes without nodes: etcd, the API server, the controllers and the scheduler."""

import json
import secrets
import shutil
import signal
import subprocess
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from proofs.claims import Missing
from proofs.kubernetes.api import Api
from proofs.postgresql.certificates import Authority
from proofs.postgresql.processes import loopback_network, owned, start, stop, temporary, until

__all__ = ["ControlPlane", "programs", "serving_control_plane"]

ROOT = Path(__file__).parents[2]
_NO_KUBELET = "-node-lifecycle-controller"
"""It would take every node that nobody reports of for lost."""
_NOBODY = "192.0.2.1"
"""A loopback address must not be advertised; nobody uses this one."""


def programs() -> Path:
    """The folder of the programs.

    Raises:
        Missing: Some are not there.
    """
    found = subprocess.run([ROOT / "tools/kubernetes"], capture_output=True, text=True, check=False)
    absent = [] if shutil.which("openssl") else ["openssl was not found; install it"]
    absent += [found.stderr.strip()] if found.returncode else []
    if absent:
        raise Missing("; ".join(absent))
    return Path(found.stdout.strip())


@dataclass(frozen=True)
class ControlPlane:
    """What serves."""

    api: Api
    kubeconfig: Path
    """The same rights for another program, which runs as root or as the servers' user."""


@contextmanager
def serving_control_plane(
    installed: Path, *, address: str | None = None, nodes_report: bool = False, **api_server: str | int
) -> Generator[ControlPlane]:
    """Starts it, and ends and removes all of it.

    Args:
        installed: The folder of the programs.
        address: One of this machine's where the API server listens; a loopback address of its own where not given.
        nodes_report: Whether nodes have a kubelet: one that falls silent is taken for lost.
        api_server: Further flags of the API server, such as ``kubelet_preferred_address_types``.
    """
    with temporary() as folder, loopback_network() as network, ExitStack() as stack:
        # Neither runs as root, and what they run as may not be allowed to read the project's folder.
        bin_folder = folder / "bin"
        shutil.copytree(installed, bin_folder, symlinks=True)
        authority = Authority(folder / "authority")
        token = secrets.token_hex(16)
        api = Api(address or f"{network}.1", 6443, token, authority.file)
        served = authority.sign("api", [api.address])
        private = folder / "private"
        private.mkdir(mode=0o700)
        for name, text in {
            "api.crt": served.certificate,
            "api.key": served.key,
            "tokens.csv": f'{token},admin,admin,"system:masters"\n',
            "kubeconfig": _kubeconfig(api),
        }.items():
            (private / name).write_text(text, encoding="utf-8")
        owned(private)

        def serve(program: str, *flags: str, **options: str | int) -> tuple[_Process, Path]:
            log = folder / f"{program}.log"
            given = [*flags, *_flags(options)]
            process = start([str(bin_folder / program), *given], log, cwd=private, env=_environment(private))
            stack.callback(stop, process, signal.SIGTERM, 10)
            return process, log

        etcd, peers = f"http://{network}.2:2379", f"http://{network}.2:2380"
        serve(
            "etcd",
            "--unsafe-no-fsync",
            data_dir=f"{private}/etcd",
            listen_client_urls=etcd,
            advertise_client_urls=etcd,
            listen_peer_urls=peers,
            initial_advertise_peer_urls=peers,
            initial_cluster=f"default={peers}",
        )
        process, log = serve(
            "kube-apiserver",
            etcd_servers=etcd,
            bind_address=api.address,
            secure_port=api.port,
            tls_cert_file=f"{private}/api.crt",
            tls_private_key_file=f"{private}/api.key",
            **{
                "advertise_address": address or _NOBODY,
                "endpoint_reconciler_type": "none",
                "service_cluster_ip_range": "10.96.0.0/24",
                "service_account_issuer": "https://kubernetes.default.svc",
                "service_account_key_file": f"{private}/api.crt",
                "service_account_signing_key_file": f"{private}/api.key",
                "token_auth_file": f"{private}/tokens.csv",
                "authorization_mode": "RBAC",
                "allow_privileged": "true",  # as in other clusters: what refuses a pod is the standard
                **api_server,
            },
        )
        until(lambda: _ready(api), process, log)
        connected = {"kubeconfig": f"{private}/kubeconfig", "leader_elect": "false", "secure_port": 0}
        serve(
            "kube-controller-manager",
            controllers="*" if nodes_report else f"*,{_NO_KUBELET}",
            service_account_private_key_file=f"{private}/api.key",
            **connected,
        )
        serve("kube-scheduler", **connected)
        yield ControlPlane(api, private / "kubeconfig")


_Process = subprocess.Popen[bytes]


def _flags(options: Mapping[str, str | int]) -> Iterator[str]:
    for name, value in options.items():
        yield f"--{name.replace('_', '-')}={value}"


def _environment(private: Path) -> dict[str, str]:
    """Few processors and little memory: other tests run beside it."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(private), "GOMAXPROCS": "2", "GOGC": "200"}


def _kubeconfig(api: Api) -> str:
    server = {"server": f"https://{api.address}:{api.port}", "certificate-authority": str(api.authority)}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": server}],
            "users": [{"name": "admin", "user": {"token": api.token}}],
            "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": "admin"}}],
            "current-context": "cluster",
        }
    )


def _ready(api: Api) -> bool:
    with suppress(OSError):
        return api.request("GET", "/readyz").status == 200
    return False
