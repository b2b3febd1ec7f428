"""Lambda's runtime API, as far as a runtime interface client needs it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import subprocess
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from proofs.bundle.starts import ENVIRONMENT, PYTHON

__all__ = ["invoke_all"]

_SECONDS = 120
_API = "/2018-06-01/runtime"
_CLIENT = """
import sys
sys.path[:0] = sys.argv[1:3]
from awslambdaric.__main__ import main
main(["awslambdaric", sys.argv[3]])
"""


def invoke_all(task: Path, client: Path, handler: str, events: Sequence[Any]) -> list[Any]:
    """What a function answers to the events, one after the other, in one process of the real client.

    Args:
        task: The function, unpacked.
        client: Where awslambdaric is installed.
        handler: As Lambda names it.
        events: What it is invoked with.
    """
    answers: list[Any] = []
    done = threading.Event()

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            number = len(answers)
            if number == len(events):
                # Lambda freezes a process that waits for work; here it is ended.
                done.set()
                number = 0
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", f"request-{number}")
            self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
            self.send_header(
                "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:receipts"
            )
            self.send_header("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
            self._body(json.dumps(events[number]).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not done.is_set():
                answers.append(json.loads(body) if self.path.endswith("/response") else {"failed": body.decode()})
            if "/init/error" in self.path:
                done.set()
            self.send_response(202)
            self._body(b'{"status": "OK"}')

        def _body(self, body: bytes) -> None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class has it
            """Says nothing."""

    class Quiet(HTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """The client is ended in the middle of a request."""

    server = Quiet(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {
        **ENVIRONMENT,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "receipts",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "LAMBDA_TASK_ROOT": str(task),
    }
    command = [*PYTHON, "-c", _CLIENT, task, client, handler]
    with subprocess.Popen(
        command, cwd=task, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        done.wait(_SECONDS)
        process.kill()
    server.shutdown()
    server.server_close()
    return answers
