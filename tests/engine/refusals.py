"""A plugin of pytest that writes down which refusals of the doubles a run has reached: `-p tests.engine.refusals`.

A refusal is a line that raises `Refused`; and a law, for each operation and type that it is registered for.
"""

import ast
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.engine.doubles import aws, kubernetes
from tests.engine.doubles.cloud import Refused

__all__ = ["all_laws", "all_raises"]

DOUBLES = Path(__file__).parent / "doubles"
LAWS = (aws.LAWS, kubernetes.LAWS)

_reached: set[str] = set()


def all_raises() -> set[str]:
    """Every statement that raises it, as ``aws.py:52``."""
    return {f"{file.name}:{node.lineno}" for file in DOUBLES.glob("*.py") for node in _raises(file)}


def all_laws() -> set[str]:
    """Every law by what it is registered for, as ``create aws:ec2/natGateway:NatGateway _gateway_is_attached``."""
    return {_registered(*asked, law) for laws in LAWS for asked, several in laws.before.items() for law in several}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--refusals", type=Path, required=True, help="the file for the refusals that were reached")


def pytest_configure(config: pytest.Config) -> None:
    original = Refused.__init__

    def noted(self: Refused, *args: object) -> None:
        frame = sys._getframe(1)
        file = Path(frame.f_code.co_filename)
        if file.parent == DOUBLES:
            (raised,) = [one for one in _raises(file) if one.lineno <= frame.f_lineno <= (one.end_lineno or 0)]
            _reached.add(f"{file.name}:{raised.lineno}")
        original(self, *args)

    Refused.__init__ = noted
    for laws in LAWS:
        for asked, several in laws.before.items():
            several[:] = [partial(_watched, law, _registered(*asked, law)) for law in several]


def pytest_sessionfinish(session: pytest.Session) -> None:
    file = Path(str(session.config.getoption("--refusals")))
    file.write_text(json.dumps(sorted(_reached)), encoding="utf-8")


def _raises(file: Path) -> list[ast.Raise]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    raised = [one for one in ast.walk(tree) if isinstance(one, ast.Raise) and isinstance(one.exc, ast.Call)]
    return [one for one in raised if getattr(getattr(one.exc, "func", None), "id", "") == "Refused"]


def _registered(operation: str, token: str, law: Any) -> str:
    return f"{operation} {token} {law.__name__}"


def _watched(law: Any, name: str, *given: Any) -> None:
    try:
        law(*given)
    except Refused:
        _reached.add(name)
        raise
