"""The images of the proof on a node, read back as their specification says."""

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from proofs.kubernetes.image import Image, pgbouncer_root, write_images
from proofs.postgresql.programs import find_pgbouncer
from tests.servers import lacking, require_servers


def read(file: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The index, and every blob by its digest."""
    with tarfile.open(file) as archive:
        found = {entry.name: archive.extractfile(entry) for entry in archive.getmembers()}
        texts = {name: source.read() for name, source in found.items() if source is not None}
    blobs = {f"sha256:{name.rpartition('/')[2]}": data for name, data in texts.items() if name.startswith("blobs/")}
    assert json.loads(texts["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    return json.loads(texts["index.json"]), blobs


class TestArchive:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        root = tmp_path / "root"
        (root / "usr/bin").mkdir(parents=True)
        (root / "usr/bin/one").write_text("#!/bin/sh\n")
        (root / "usr/bin/one").chmod(0o755)
        (root / "bin").symlink_to("usr/bin")
        return root

    def test_every_blob_is_what_its_name_and_whoever_refers_to_it_say(self, tmp_path: Path, root: Path) -> None:
        write_images(tmp_path / "images.tar", [Image("loadfit.invalid/one:1", root, ["/bin/one"], "998")])
        index, blobs = read(tmp_path / "images.tar")
        (image,) = index["manifests"]
        manifest = json.loads(blobs[image["digest"]])
        (layer,) = manifest["layers"]
        for named in (image, manifest["config"], layer):
            data = blobs[named["digest"]]
            assert named["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
            assert named["size"] == len(data)
        settings = json.loads(blobs[manifest["config"]["digest"]])
        assert settings["rootfs"] == {"type": "layers", "diff_ids": [layer["digest"]]}  # the layer is not compressed
        assert settings["config"]["Entrypoint"] == ["/bin/one"]
        assert settings["config"]["User"] == "998"
        assert image["annotations"]["io.containerd.image.name"] == "loadfit.invalid/one:1"

    def test_a_layer_has_the_files_as_they_are_and_nothing_of_who_made_them(self, tmp_path: Path, root: Path) -> None:
        write_images(tmp_path / "images.tar", [Image("loadfit.invalid/one:1", root, ["/bin/one"])])
        index, blobs = read(tmp_path / "images.tar")
        manifest = json.loads(blobs[index["manifests"][0]["digest"]])
        with tarfile.open(fileobj=io.BytesIO(blobs[manifest["layers"][0]["digest"]])) as layer:
            entries = {entry.name: entry for entry in layer.getmembers()}
        assert list(entries) == ["bin", "usr", "usr/bin", "usr/bin/one"]
        assert entries["bin"].linkname == "usr/bin"
        assert entries["usr/bin/one"].mode == 0o755
        assert {(one.uid, one.gid, one.uname, one.mtime) for one in entries.values()} == {(0, 0, "", 0)}

    def test_the_same_files_make_the_same_archive(self, tmp_path: Path, root: Path) -> None:
        image = Image("loadfit.invalid/one:1", root, ["/bin/one"])
        for name in ("first", "second"):
            write_images(tmp_path / name, [image])
        assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_what_a_pods_containers_call_runs_with_nothing_of_this_machine(tmp_path: Path) -> None:
    require_servers()
    pgbouncer = find_pgbouncer()
    assert pgbouncer is not None
    root = tmp_path / "root"
    pgbouncer_root(root, pgbouncer, user=998)
    try:
        subprocess.run(["chroot", str(root), "/bin/sh", "-c", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        if isinstance(error, subprocess.CalledProcessError) and b"not permitted" not in error.stderr:
            raise
        lacking("this machine does not let its tests change their root")
    script = """
        pgbouncer --version; psql --version; pg_isready --version
        echo one | sed s/one/two/ | cat; printf '' | sha256sum; sleep 0; mv /tmp/a /tmp/b
    """
    (root / "tmp/a").touch()
    told = subprocess.run(["chroot", str(root), "/bin/sh", "-ec", script], check=True, capture_output=True, text=True)
    version = ".".join(map(str, pgbouncer.version))
    assert told.stdout.startswith(f"PgBouncer {version}\n")
    assert "psql (PostgreSQL)" in told.stdout
    assert "\ntwo\n" in told.stdout
    assert "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" in told.stdout
    assert (root / "tmp/b").exists()
