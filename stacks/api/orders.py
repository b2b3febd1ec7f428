"""Orders: what one looks like, and how it is stored and found."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from database import Connection

__all__ = ["BadOrder", "Order", "Stored", "find", "parse_id", "parse_order", "store"]

MAX_ITEM = 200
MAX_QUANTITY = 1_000_000


class BadOrder(ValueError):
    """What a client sent is no order; the message says why, and is sent to it."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order. Its id is the client's, so that it may be sent again where an answer got lost."""

    id: str
    item: str
    quantity: int

    def as_dict(self) -> dict[str, Any]:
        """As it is sent to clients."""
        return asdict(self)


class Stored(Enum):
    """What became of an order that was sent."""

    CREATED = "created"
    ALREADY = "already"
    """The same order was there."""
    CONFLICT = "conflict"
    """Another order with its id was there."""


def parse_order(sent: object) -> Order:
    """The order that a client sent.

    Raises:
        BadOrder: It is none.
    """
    if not isinstance(sent, Mapping):
        raise BadOrder("expected an object with id, item and quantity")
    fields: dict[Any, Any] = dict(sent)
    unknown = sorted(str(name) for name in fields if name not in {"id", "item", "quantity"})
    if unknown:
        raise BadOrder(f"expected id, item and quantity, found also {', '.join(unknown)[:100]}")
    item, quantity = fields.get("item"), fields.get("quantity")
    if not isinstance(item, str) or not 1 <= len(item) <= MAX_ITEM or not item.isprintable():
        raise BadOrder(f"item: expected a line of text of 1 to {MAX_ITEM} characters")
    if not isinstance(quantity, int) or isinstance(quantity, bool) or not 1 <= quantity <= MAX_QUANTITY:
        raise BadOrder(f"quantity: expected a whole number, 1 to {MAX_QUANTITY:,}")
    return Order(parse_id(fields.get("id")), item, quantity)


def parse_id(text: object) -> str:
    """An order's id, in the one way in which it is written.

    Raises:
        BadOrder: It is none.
    """
    expected = "id: expected a UUID, such as 6f1c2f6e-8a8d-4a53-9d3b-0c7a5f0d2b11"
    if not isinstance(text, str):
        raise BadOrder(expected)
    try:
        known = str(uuid.UUID(text))
    except ValueError:
        raise BadOrder(expected) from None
    if known != text.lower():
        # The parser also takes braces, no dashes and more.
        raise BadOrder(expected)
    return known


def store(connection: Connection, order: Order) -> Stored:
    """Stores an order once, however often it is sent.

    Args:
        connection: Within a transaction.
        order: The order.
    """
    created = connection.run(
        "INSERT INTO orders (id, item, quantity) VALUES (CAST(:id AS uuid), :item, CAST(:quantity AS integer)) "
        "ON CONFLICT (id) DO NOTHING RETURNING 1",
        **order.as_dict(),
    )
    if created:
        return Stored.CREATED
    return Stored.ALREADY if find(connection, order.id) == order else Stored.CONFLICT


def find(connection: Connection, order_id: str) -> Order | None:
    """The order with an id.

    Args:
        connection: Within a transaction.
        order_id: The id.
    """
    rows = connection.run("SELECT item, quantity FROM orders WHERE id = CAST(:id AS uuid)", id=order_id)
    return Order(order_id, *rows[0]) if rows else None
