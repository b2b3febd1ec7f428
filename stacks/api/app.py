"""The function's entry point: what is made once, before the first request, and kept between requests."""

import os
from collections.abc import Mapping
from typing import Any

from database import Database, Unavailable
from routes import Api, log
from settings import Connector, Settings

_database = Database(Connector(Settings.from_environment(os.environ)))
_api = Api(_database, os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "unknown"))
try:
    _database.open()
except Unavailable as error:
    # An instance that starts while the database is away serves once that is back.
    log("warning", "no connection yet", reason=str(error))


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answers a request of a function URL or of an HTTP API (payload format 2.0)."""
    return _api.answer(event, context.aws_request_id)
