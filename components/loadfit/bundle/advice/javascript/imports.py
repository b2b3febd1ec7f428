"""Which file or package a JavaScript import asks for."""

import posixpath
from dataclasses import dataclass

from loadfit.bundle.advice.program import own

__all__ = ["ENDINGS", "Modules"]

ENDINGS = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
_TYPED = {".js": ".ts", ".mjs": ".mts", ".cjs": ".cts"}


@dataclass(frozen=True, slots=True)
class Modules:
    """The modules that one file can import."""

    path: str
    paths: frozenset[str]

    def file(self, asked: str) -> str:
        """The bundle's file; nothing where it is a package's, or is not there."""
        if asked.startswith("."):
            return self._existing(posixpath.normpath(posixpath.join(posixpath.dirname(self.path), asked)))
        # Path aliases of tsconfig.json: `@/db`, `~/db`, `src/db`.
        if asked.startswith(("@/", "~/")):
            return self._existing(f"src/{asked[2:]}") or self._existing(asked[2:])
        return self._existing(asked) if "/" in asked and not asked.startswith("@") else ""

    def symbol(self, asked: str) -> str:
        """What all of a module is."""
        file = self.file(asked)
        return own(file, "exports") if file else f"{package(asked)}:"

    def _existing(self, stem: str) -> str:
        base, ending = posixpath.splitext(stem)
        candidates = [stem, *(f"{stem}{end}" for end in ENDINGS), *(posixpath.join(stem, f"index{e}") for e in ENDINGS)]
        if ending in _TYPED:
            # TypeScript imports a file by the name that it has when compiled.
            candidates.append(f"{base}{_TYPED[ending]}")
        return next((path for path in candidates if path in self.paths), "")


def package(asked: str) -> str:
    """The name of a package or of a part of it, one for both ways of writing those of Node.js itself."""
    return asked.removeprefix("node:")
