"""The receipt of an order, as it is often written: everything imported, everything made anew at each request."""

import os

import boto3
import sqlalchemy

from utilities import *

BUCKET = os.environ.get("RECEIPTS_BUCKET", "receipts")
LINES = "SELECT price, quantity FROM order_lines WHERE order_id = :order"


def handler(event, _context):
    storage = boto3.client("s3")
    engine = sqlalchemy.create_engine(os.environ.get("DATABASE_URL", "postgresql+pg8000://"), pool_size=10)
    lines = event.get("lines")
    if lines is None:
        with engine.connect() as connection:
            lines = connection.execute(sqlalchemy.text(LINES), {"order": event["order"]}).all()
    total = money(lines)
    target = {"Bucket": BUCKET, "Key": f"{event['order']}.pdf"}
    return {"total": str(total), "url": storage.generate_presigned_url("get_object", Params=target, ExpiresIn=600)}
