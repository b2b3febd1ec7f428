"""What a node does to a machine, in little: tests.kubernetes.test_machine starts it in namespaces of its own."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from proofs.kubernetes.machine import ADDRESS, settle


def main() -> None:
    """Makes itself at home, tells what is there, and then ends or waits, as it is told."""
    folder, cgroup, how = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    settle(folder / "node" / "kubelet")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder / "node" / "kubelet")], check=True)
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    for mine in [path for path in Path("/sys/fs/cgroup").rglob(cgroup) if path.is_dir()]:
        pod = mine / "pods" / "one"
        pod.mkdir(parents=True)
        with suppress(OSError):  # of version 1, cpuset takes none before it is given processors
            (pod / "cgroup.procs").write_text(str(child.pid), encoding="ascii")
    links = subprocess.run(["ip", "-brief", "address"], capture_output=True, text=True, check=True).stdout
    sys.stdout.write(f"ready pid={os.getpid()} address={ADDRESS in links} host={os.uname().nodename}\n")
    sys.stdout.flush()
    if how == "fail":
        sys.exit(3)
    time.sleep(1000)


if __name__ == "__main__":
    main()
