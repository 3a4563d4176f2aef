"""What the lab's services share: JSON in, JSON out, and a line that says where they listen."""

import contextlib
import json
import signal
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from work.orders.partner_address import write_address
from work.this_machine import refusal

MAX_BODY_BYTES = 100_000  # a request of the lab has a few hundred
# The line that own_service() waits for: the service listens on http://127.0.0.1:40123
READY = "the service listens on "

# The answer to one request: number, headers, content.  None: hang up without an answer.
Answer = tuple[int, dict[str, str], Any] | None
Respond = Callable[[str, str, str, Any], Answer]


class Handler(BaseHTTPRequestHandler):
    """Hands each request to `respond(method, path, key, content)`, and writes its answer.

    A page from elsewhere gets 403; work/this_machine.py says what such a page could do.
    """

    protocol_version = "HTTP/1.1"  # connections are kept open
    disable_nagle_algorithm = True
    respond: Respond

    def do_GET(self) -> None:
        """Answer a GET."""
        if self._may_ask():
            self._answer("GET", None)

    def do_POST(self) -> None:
        """Answer a POST with a JSON body; 400 for what is none."""
        if not self._may_ask():
            return
        try:
            length = int(self.headers.get("Content-Length", ""))
            if not 0 <= length <= MAX_BODY_BYTES:
                raise ValueError(f"the body must have 0 to {MAX_BODY_BYTES} bytes, got {length}")
            content = json.loads(self.rfile.read(length))
        except ValueError as error:
            self.close_connection = True  # what is left of the body is no request
            self._write(400, {}, {"reason": str(error)})
            return
        self._answer("POST", content)

    def _may_ask(self) -> bool:
        """False, with 403 as the answer, if not a program or a page of this machine asks."""
        hosts, origins = (self.headers.get_all(name, []) for name in ("Host", "Origin"))
        refused = refusal(hosts, origins, self.connection.getsockname()[1])
        if refused:
            self.close_connection = True  # the body is not read, and is no request
            self._write(403, {}, {"reason": refused})
        return not refused

    def _answer(self, method: str, content: Any) -> None:
        key = self.headers.get("Idempotency-Key", "")
        answer = self.server.respond(method, self.path, key, content)  # type: ignore[attr-defined]
        if answer is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._write(*answer)

    def _write(self, number: int, headers: dict[str, str], content: Any) -> None:
        body = json.dumps(content).encode()
        with contextlib.suppress(OSError):  # whoever asked is dead
            self.send_response(number)
            for name, value in (headers | {"Content-Type": "application/json"}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Write nothing: thousands of requests, and their counts are asked for."""


class Server(ThreadingHTTPServer):
    """A thread for each connection, on a free port of 127.0.0.1."""

    daemon_threads = True
    request_queue_size = 128  # connections that wait to be accepted

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.respond = respond

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing about a client that was killed in the middle of its request."""


def serve(respond: Respond, address_file: Path | None = None) -> None:
    """Say where we listen, and answer until SIGTERM, SIGHUP (a closed terminal) or Ctrl-C.

    address_file: holds the address meanwhile, for programs that nobody tells of it.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)  # it ends serve_forever()
    server = Server(respond)
    address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        if address_file:
            write_address(address_file, address)
        print(f"{READY}{address}", flush=True)
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        if address_file:
            address_file.unlink(missing_ok=True)
