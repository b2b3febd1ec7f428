"""A node: container runtime, kubelet, kube-proxy and a name server, in the namespaces of the first process there."""

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.claims import Missing
from proofs.kubernetes.api import Api
from proofs.kubernetes.control_plane import ControlPlane
from proofs.kubernetes.image import Image, write_images
from proofs.kubernetes.machine import ADDRESS, CNI_PROGRAMS
from proofs.postgresql.processes import start, stop, until

__all__ = ["DOMAIN", "Node", "node_programs", "serving_node", "versions"]

ROOT = Path(__file__).parents[2]
NAME, ZONE = "node", "use1-az1"
PODS = "10.98.0.0/24"
DOMAIN = "cluster.local"
_SOCKET = "/run/containerd/containerd.sock"
_ANSWER_SECONDS = 60
_NETWORK = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipMasq": False,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]},
        },
        {"type": "loopback"},
    ],
}


def node_programs() -> Path:
    """The folder of kubelet, kube-proxy, CoreDNS and pause.

    Raises:
        Missing: Some are not there.
    """
    found = subprocess.run([ROOT / "tools/kubernetes", "--node"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise Missing(found.stderr.strip())
    return Path(found.stdout.strip())


@dataclass(frozen=True)
class Node:
    """A node that is ready, and what is asked of its containers."""

    api: Api
    folder: Path

    def pid(self, pod: dict[str, Any], container: str = "pgbouncer") -> int:
        """The number of a container's first process, among this machine's."""
        wanted = self._id(pod, container)
        for line in _ctr("tasks", "list").splitlines():
            words = line.split()
            if words and words[0] == wanted:
                return int(words[1])
        raise RuntimeError(f"{pod['metadata']['name']}: {container} does not run")

    def exec(self, pod: dict[str, Any], command: Sequence[str], container: str = "pgbouncer") -> str:
        """What a command prints that runs in a container.

        Raises:
            RuntimeError: It failed.
        """
        name = f"proof-{os.urandom(4).hex()}"
        return _ctr("tasks", "exec", "--exec-id", name, self._id(pod, container), *command)

    def _id(self, pod: dict[str, Any], container: str) -> str:
        for status in pod["status"].get("containerStatuses", ()):
            if status["name"] == container and "containerID" in status:
                return str(status["containerID"]).removeprefix("containerd://")
        raise RuntimeError(f"{pod['metadata']['name']}: {container} was not started")


def _ctr(*arguments: str) -> str:
    command = ["ctr", "--address", _SOCKET, "--namespace", "k8s.io", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"ctr {' '.join(arguments[:2])}: no answer within {_ANSWER_SECONDS} s") from None
    if done.returncode:
        raise RuntimeError(f"ctr {' '.join(arguments[:2])}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def serving_node(
    folder: Path, cgroup: str, cluster: ControlPlane, images: Sequence[Image], pause: str
) -> Generator[Node]:
    """A node of a cluster, until the end of this.

    Args:
        folder: Where it has its files. The kubelet's are in a folder of that, which is there.
        cgroup: Below which its containers run, in every hierarchy.
        cluster: Whose node it is.
        images: All that its pods use.
        pause: The name of the image that holds a pod's namespaces.

    Raises:
        RuntimeError: A part of it does not start; with the end of its log.
    """
    programs, api, kubeconfig = node_programs(), cluster.api, cluster.kubeconfig
    with ExitStack() as stack:

        def serve(command: Sequence[str], name: str) -> tuple[subprocess.Popen[bytes], Path]:
            log = folder / f"{name}.log"
            process = start(command, log, cwd=folder, as_root=True)
            stack.callback(stop, process, signal.SIGTERM, 5)
            return process, log

        archive = folder / "images.tar"
        write_images(archive, images)
        node = Node(api, folder)
        _write_network(folder / "cni")
        settings = folder / "containerd.toml"
        settings.write_text(_containerd(folder, pause), encoding="utf-8")
        process, log = serve(["containerd", "--config", str(settings)], "containerd")
        until(lambda: _succeeds("version"), process, log)
        _ctr("images", "import", str(archive))
        archive.unlink()
        corefile = folder / "Corefile"
        corefile.write_text(_corefile(kubeconfig), encoding="utf-8")
        names = serve([str(programs / "coredns"), "-conf", str(corefile)], "coredns")
        serve(
            [
                str(programs / "kube-proxy"),
                f"--kubeconfig={kubeconfig}",
                "--proxy-mode=iptables",
                f"--cluster-cidr={PODS}",
                f"--hostname-override={NAME}",
                f"--bind-address={ADDRESS}",
                "--conntrack-max-per-core=0",  # the machine's own limits stay
                "--conntrack-tcp-timeout-established=0s",
                "--conntrack-tcp-timeout-close-wait=0s",
            ],
            "kube-proxy",
        )
        written = folder / "kubelet.json"
        written.write_text(json.dumps(_kubelet(cgroup)), encoding="utf-8")
        kubelet = serve(
            [
                str(programs / "kubelet"),
                f"--config={written}",
                f"--kubeconfig={kubeconfig}",
                f"--hostname-override={NAME}",
                f"--node-ip={ADDRESS}",
                f"--node-labels=topology.kubernetes.io/zone={ZONE}",
                f"--root-dir={folder / 'kubelet'}",
                f"--cert-dir={folder / 'kubelet-certificates'}",
            ],
            "kubelet",
        )
        until(lambda: _ready(api), *kubelet)
        until(_answers_names, *names)
        yield node


def _write_network(folder: Path) -> None:
    folder.mkdir()
    (folder / "10-pods.conflist").write_text(json.dumps(_NETWORK), encoding="utf-8")


def _containerd(folder: Path, pause: str) -> str:
    return f"""\
version = 2
root = "{folder}/containerd"
state = "/run/containerd"
[grpc]
  address = "{_SOCKET}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PROGRAMS}"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
"""


def _corefile(kubeconfig: Path) -> str:
    return f"""\
.:53 {{
    bind {ADDRESS}
    errors
    ready {ADDRESS}:8181
    kubernetes {DOMAIN} {{
        kubeconfig {kubeconfig}
    }}
}}
"""


def _kubelet(cgroup: str) -> dict[str, Any]:
    """All that is not said here is as it is for everybody, so the pace of probes, of volumes and of restarts."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": ADDRESS,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{_SOCKET}",
        "clusterDNS": [ADDRESS],
        "clusterDomain": DOMAIN,
        "resolvConf": "",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": [],
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "100Mi"},
        "featureGates": {"KubeletInUserNamespace": True},  # it may not change the machine's own settings
    }


def _succeeds(*arguments: str) -> bool:
    with suppress(RuntimeError):
        _ctr(*arguments)
        return True
    return False


def _ready(api: Api) -> bool:
    answer = api.request("GET", f"/api/v1/nodes/{NAME}")
    conditions = answer.body.get("status", {}).get("conditions", ()) if answer.status == 200 else ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _answers_names() -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://{ADDRESS}:8181/ready", timeout=2) as answer:
        return answer.status == 200
    return False


def versions() -> str:
    """What the node runs on."""
    programs = node_programs()
    told = {
        "Kubernetes": [str(programs / "kubelet"), "--version"],
        "containerd": ["containerd", "--version"],
        "runc": ["runc", "--version"],
        "CoreDNS": [str(programs / "coredns"), "-version"],
        "iptables": ["iptables", "--version"],
    }
    found = {name: re.search(r"\d+(?:\.\d+)+", _output(command)) for name, command in told.items()}
    return ", ".join(f"{name} {number[0] if number else '?'}" for name, number in found.items())


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
