"""The receipt of an order: its total, and a link under which it can be read for ten minutes.

One client and one connection serve all requests of an instance: an instance has one request at a time. The client is
made while the instance is initialized. The connection is opened once too, by the first request that needs it, for an
instance may have waited for hours by then; its driver is imported with it, so that the start does without.
"""

import os
from decimal import Decimal
from functools import cache
from urllib.parse import urlsplit

import boto3

BUCKET = os.environ.get("RECEIPTS_BUCKET", "receipts")
LINES = "SELECT price, quantity FROM order_lines WHERE order_id = :order"

storage = boto3.client("s3")


@cache
def database():
    """The instance's connection."""
    import pg8000.native

    url = urlsplit(os.environ["DATABASE_URL"])
    return pg8000.native.Connection(url.username, url.hostname, url.path[1:], url.port or 5432, url.password)


def lines_of(order):
    """An order's lines. What closed the connection while the instance was idle is found by its first use."""
    from pg8000.exceptions import InterfaceError

    try:
        return database().run(LINES, order=order)
    except (InterfaceError, OSError):
        database.cache_clear()
        return database().run(LINES, order=order)


def handler(event, _context):
    lines = event.get("lines")
    if lines is None:
        lines = lines_of(event["order"])
    total = sum(Decimal(price) * quantity for price, quantity in lines)
    target = {"Bucket": BUCKET, "Key": f"{event['order']}.pdf"}
    return {"total": str(total), "url": storage.generate_presigned_url("get_object", Params=target, ExpiresIn=600)}
