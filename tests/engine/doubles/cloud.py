"""What a double has: objects, what was done to them in which order, and the faults that a test plants."""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from proofs.engine.rules import Kind, looked_up

__all__ = ["Action", "Cloud", "Object", "Operation", "Refused"]

Operation: TypeAlias = Literal["create", "update", "delete"]


class Refused(Exception):
    """What AWS or Kubernetes would answer instead of doing it."""


@dataclass
class Object:
    """One thing that exists."""

    type: str
    id: str
    inputs: dict[str, Any]
    computed: dict[str, Any] = field(default_factory=dict[str, Any])
    name: str = ""
    """Of the resource that made it; empty where a test planted it."""

    def get(self, path: str) -> Any:
        """An input or an output, by its dotted path."""
        return looked_up({**self.inputs, **self.computed, "id": self.id}, path)

    @property
    def label(self) -> str:
        """For messages and journals: ``NatGateway egress-use1-az1-gateway``."""
        return f"{self.type.rsplit(':', 1)[-1]} {self.name or self.id}"


@dataclass(frozen=True)
class Action:
    """One thing that was done."""

    operation: Operation
    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.operation} {self.type.rsplit(':', 1)[-1]} {self.name}"


@dataclass
class _Pause:
    """A create or delete that the double answers only after another operation was asked for, or some time has passed.

    An engine that is free to do both at once asks for the other one meanwhile; one that has to wait does not.
    """

    on: tuple[Operation, str]
    until: tuple[Operation, str]
    seconds: float
    over: bool = False
    waiting: list[threading.Event] = field(default_factory=list[threading.Event])

    def asked(self, operation: Operation, type: str) -> None:  # noqa: A002
        """Takes note of an operation. Of the same kind, only another one ends the pause."""
        if self.until == (operation, type):
            self.over = self.over or self.until != self.on
            for event in self.waiting:
                event.set()

    def wait(self, operation: Operation, type: str, patience: float) -> None:  # noqa: A002
        """Has an operation wait where it is the one that is meant."""
        if self.on == (operation, type) and not self.over:
            event = threading.Event()
            self.waiting.append(event)
            event.wait(self.seconds * patience)


class Cloud:
    """All objects of one provider's account or cluster.

    Args:
        kinds: What is known of each type of resource.
        common: Inputs that every object has which was there before, such as its Region.
    """

    def __init__(self, kinds: dict[str, Kind], **common: Any) -> None:
        self.kinds = kinds
        self.common = common
        self.objects: dict[tuple[str, str], Object] = {}
        self.journal: list[Action] = []
        self.invariants: list[Callable[[], None]] = []
        """Called after everything that is done; what they raise is in ``broken``."""
        self.broken: list[str] = []
        self.patience = 1.0
        """How much longer pauses are than was said: where the other operation is sure to come, it is waited for."""
        self.lock = threading.RLock()
        self.serial = 0
        self._faults: dict[tuple[Operation, str], str] = {}
        self._pauses: list[_Pause] = []
        self._changing: set[tuple[str, Any] | None] = set()

    def kind(self, type: str) -> Kind:  # noqa: A002 - Pulumi's own name for it
        """What is known of a type; a type that nobody described is refused, so that no test passes by ignorance."""
        try:
            return self.kinds[type]
        except KeyError:
            raise Refused(f"the double knows no {type}: describe it in its data file") from None

    def of_type(self, type: str) -> Iterator[Object]:  # noqa: A002
        """The objects of a type."""
        return (one for one in self.objects.values() if one.type == type)

    def named(self, name: str, type: str | None = None) -> Object:  # noqa: A002
        """The one object that the resource of that name made."""
        found = [one for one in self.objects.values() if one.name == name and type in (None, one.type)]
        assert len(found) == 1, f"{len(found)} objects named {name}: {', '.join(one.label for one in found)}"
        return found[0]

    def plant(self, type: str, id: str, **inputs: Any) -> Object:  # noqa: A002
        """Adds an object that was there before the program."""
        planted = Object(type, id, {**self.common, **inputs})
        self.objects[type, id] = planted
        return planted

    def fail(self, operation: Operation, name: str, message: str) -> None:
        """Has the next such operation on the resource of that name fail."""
        self._faults[operation, name] = message

    def pause(self, operation: Operation, type: str, until: tuple[Operation, str], seconds: float) -> None:  # noqa: A002
        """Has such an operation wait until another is asked for, or until the time is over."""
        self._pauses.append(_Pause((operation, type), until, seconds))

    @contextmanager
    def during(self, operation: Operation, type: str, name: str, inputs: dict[str, Any]) -> Generator[None]:  # noqa: A002
        """What surrounds an operation: others see that it was asked for, it may have to wait, it may fail."""
        path = self.kind(type).one_at_a_time
        changing = None if path is None else (path, looked_up(inputs, path))
        with self.lock:
            busy = changing in self._changing
            if changing is not None:
                self._changing.add(changing)
        for pause in self._pauses:
            pause.asked(operation, type)
        if busy:
            raise Refused(f"ConcurrentUpdateException: {inputs[path or '']} is being changed already")
        try:
            fault = self._faults.pop((operation, name), None)
            if fault is not None:
                raise Refused(fault)
            for pause in self._pauses:
                pause.wait(operation, type, self.patience)
            yield
        finally:
            with self.lock:
                self._changing -= {changing}

    def did(self, operation: Operation, done: Object) -> None:
        """Writes down what was done, and looks whether all that must hold at all times still does."""
        self.journal.append(Action(operation, done.type, done.name or done.id))
        for holds in self.invariants:
            try:
                holds()
            except AssertionError as error:
                self.broken.append(f"after {self.journal[-1]}: {error}")

    def unique(self) -> str:
        """A part of ids and generated names, another one each time."""
        self.serial += 1
        return f"{self.serial:07x}"
