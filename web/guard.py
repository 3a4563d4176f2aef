"""Who may ask: programs and pages of this machine, nobody else; and how much they may say.

The API listens on 127.0.0.1, but a browser on this machine carries out what pages from elsewhere
tell it.  Such a page can send a POST here, without asking, as long as the body is text or a form;
the browser then says in Origin where the page came from.  Or it gives its own name the address
127.0.0.1 (DNS rebinding); then that name stands in Host.  So both are looked at, before anything
else is.  Bodies that are not JSON are refused later, by FastAPI.
"""

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from web.errors import answer

_LOCAL = r"(?:localhost|127\.0\.0\.1|\[::1\])"
_HOST = re.compile(rf"{_LOCAL}(?::(\d{{1,5}}))?", re.IGNORECASE)
_ORIGIN = re.compile(rf"https?://{_LOCAL}(?::\d{{1,5}})?", re.IGNORECASE)
HTTP_PORT = 80  # the one that a browser leaves out


def is_local_host(host: str, port: int) -> bool:
    """True if a Host header names this machine, and the port on which we listen.

    >>> is_local_host("localhost:8000", 8000), is_local_host("[::1]:8000", 8000)
    (True, True)
    >>> is_local_host("shop.example.com:8000", 8000), is_local_host("localhost:9000", 8000)
    (False, False)
    """
    found = _HOST.fullmatch(host)
    return found is not None and int(found[1] or HTTP_PORT) == port


def is_local_origin(origin: str) -> bool:
    """True if an Origin header names a page of this machine, on any port.

    >>> is_local_origin("http://localhost:8000"), is_local_origin("http://localhost.example.com")
    (True, False)
    >>> is_local_origin("null")
    False
    """
    return bool(_ORIGIN.fullmatch(origin))


class Guard:
    """Middleware: 403 for a Host or an Origin from elsewhere, 413 for a body that is too large.

    RequestBodyLimitMiddleware counts the bytes of a body that does not say how long it is.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        port = (scope.get("server") or ("", HTTP_PORT))[1] or HTTP_PORT
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        length = headers.get("content-length", "0")
        refused, status = "", 403
        if len(hosts) != 1 or not is_local_host(hosts[0], port):
            refused = f"the Host header must be localhost:{port}, got {', '.join(hosts)!a:.80}"
        elif not all(map(is_local_origin, origins)):
            refused = f"only pages of this machine may ask, got Origin {', '.join(origins)!a:.80}"
        elif length.isdecimal() and int(length) > self.max_body_bytes:
            refused, status = f"a body has at most {self.max_body_bytes} bytes, got {length}", 413
        if refused:
            await answer(status, refused)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
