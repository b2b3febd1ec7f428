"""The function of warm_program.py."""

import os

GREETING = os.environ.get("GREETING", "hello")  # read once, when an instance is initialized


def handler(event: dict[str, str], _context: object) -> dict[str, str]:
    """Greets whoever asks."""
    return {"body": f"{GREETING}, {event.get('name', 'world')}"}
