"""Who may ask the API, and how much they may say.

Only programs and pages of this machine may: work/this_machine.py says why that is checked.  Bodies
that are not JSON are refused later, by FastAPI.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from web.errors import answer, described_at
from work.this_machine import HTTP_PORT, refusal


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
        length = headers.get("content-length", "0")
        refused, status = refusal(headers.getlist("host"), headers.getlist("origin"), port), 403
        if not refused and length.isdecimal() and int(length) > self.max_body_bytes:
            refused, status = f"a body has at most {self.max_body_bytes} bytes, got {length}", 413
        if refused:
            await answer(status, refused, described_at(scope))(scope, receive, send)
        else:
            await self.app(scope, receive, send)
