"""What is there after the first `up` of a stack, kept for all tests that begin with the same one."""

import hashlib
import inspect
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.engine.doubles.cloud import Cloud, Object

__all__ = ["Base", "made_once"]

_OBJECTS = "objects.pickle"


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """A folder that the first of several processes makes; where two do so at once, one is thrown away."""
    if not folder.exists():
        own = folder.with_name(f"{folder.name}-{os.getpid()}")
        make(own)
        try:
            own.rename(folder)
        except OSError:
            shutil.rmtree(own)
    return folder


class Base:
    """What a program makes of a stack and of what was there before it.

    Args:
        folder: Where those of all tests and processes are.
        project: The stack's project with its state, before the program has run.
        clouds: What there is before.
        program: The program.
    """

    def __init__(self, folder: Path, project: Path, clouds: tuple[Cloud, ...], program: Callable[[], None]) -> None:
        self.project = project
        self.clouds = clouds
        (settings,) = project.glob("Pulumi.*.yaml")
        before = [sorted(cloud.objects.items()) for cloud in clouds]
        known = f"{_described(program)} {settings.read_text(encoding='utf-8')} {before}"
        self.folder = folder / hashlib.sha256(known.encode()).hexdigest()

    def keep(self) -> None:
        """Writes down what is there now."""
        made_once(self.folder, self._write)

    def restore(self) -> bool:
        """Puts there what was written down; false where nothing was."""
        if not self.folder.exists():
            return False
        shutil.copytree(self.folder / "project", self.project, dirs_exist_ok=True)
        kept: list[dict[str, Any]] = pickle.loads((self.folder / _OBJECTS).read_bytes())
        for cloud, values in zip(self.clouds, kept, strict=True):
            for key, one in values.pop("objects").items():
                _put(cloud, key, one)
            cloud.serial = values["serial"]
            cloud.journal[:] = values["journal"]
            cloud.broken[:] = values["broken"]
        return True

    def _write(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        shutil.copytree(self.project, folder / "project")
        kept = [
            {key: getattr(cloud, key) for key in ("objects", "serial", "journal", "broken")} for cloud in self.clouds
        ]
        (folder / _OBJECTS).write_bytes(pickle.dumps(kept))


def _put(cloud: Cloud, key: tuple[str, str], one: Object) -> None:
    """What a test has planted stays the same object, which the test may still look at."""
    found = cloud.objects.setdefault(key, one)
    found.inputs, found.computed = one.inputs, one.computed


def _described(program: Callable[[], None]) -> str:
    """A program by its name and what it closes over: plain values, which are the same in every process."""
    values = inspect.getclosurevars(program).nonlocals
    text = f"{program.__module__} {program.__qualname__} {sorted(values.items())}"
    assert " at 0x" not in text, f"{text}: what has no value of its own cannot be told from others"
    return text
