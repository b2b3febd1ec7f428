"""Keeps the key that the secrets of a stack are encrypted with, as a Vault does; one serves all stacks of a process.

From a passphrase each command would derive the key anew, in a million rounds: longer than all else that most do.
"""

import json
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

__all__ = ["PROVIDER", "keeper"]

PROVIDER = "hashivault://stacks"
"""What a stack is made with, for the CLI to have its key kept here."""

_MARK = "vault:v1:"


@cache
def keeper() -> dict[str, str]:
    """Where it is, as the CLI is told."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Transit)
    Thread(target=server.serve_forever, daemon=True).start()
    return {"VAULT_SERVER_URL": f"http://127.0.0.1:{server.server_port}", "VAULT_SERVER_TOKEN": "none is asked for"}


class _Transit(BaseHTTPRequestHandler):
    """Encrypts by a mark alone: it need remember nothing, and the stacks of one process can be used by another."""

    def do_PUT(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith("/v1/transit/encrypt/"):
            data = {"ciphertext": _MARK + asked["plaintext"]}
        else:
            data = {"plaintext": asked["ciphertext"].removeprefix(_MARK)}
        body = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the original's
        """Says nothing."""
