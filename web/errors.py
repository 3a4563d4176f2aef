"""Errors of the API: always {"error": one sentence, "hint": what to do about it}."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import Scope

from work.this_machine import HTTP_PORT

RETRY_AFTER_S = 1  # when a client may ask again; the lab's broker is back within a second or two
MAX_QUOTE = 80  # characters of what came, as many as fit into a line


class Problem(BaseModel):
    """The body of every answer that is not 2xx."""

    error: str = Field(examples=["to_email must be one address such as ada@example.com, got 'ada'"])
    hint: str = Field(examples=["./lab status"])


class Unavailable(Exception):
    """Something that a request needs is away, such as the broker.  The text is a sentence."""

    def __init__(self, sentence: str, hint: str = "./lab status") -> None:
        super().__init__(sentence)
        self.hint = hint


def described_at(scope: Scope) -> str:
    """The command that shows the description of every call, with examples."""
    port = (scope.get("server") or ("", HTTP_PORT))[1] or HTTP_PORT
    return f"curl -s http://127.0.0.1:{port}/openapi.json"


def answer(
    status: int, error: str, hint: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An answer in the house form."""
    # Half a character (a lone surrogate) cannot be written as UTF-8.
    error = error.encode(errors="backslashreplace").decode()
    return JSONResponse({"error": error, "hint": hint}, status, headers)


def sentence(problem: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a sentence that says what was expected and what came.

    >>> sentence({"type": "missing", "loc": ("body", "subject")})
    'subject is missing'
    >>> sentence({"type": "x", "loc": ("path", "id"), "msg": "Input should be 1", "input": "a"})
    "id: input should be 1, got 'a'"
    """
    place, *names = problem["loc"]
    name = ".".join(map(str, names)) or f"the {place}"
    if problem["type"] == "missing":
        return f"{name} is missing"
    if problem["type"] == "json_invalid":
        return f"the body must be JSON: {problem['ctx']['error'].lower()} at character {name}"
    if problem["type"] == "extra_forbidden":
        return f"{name!a:.80} is not known here"
    if isinstance(problem["input"], bytes):
        return "the body must be JSON, with the header Content-Type: application/json"
    if problem["type"] == "value_error":  # our own sentence already
        return str(problem["ctx"]["error"])
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{name}: {message}, got {ascii(problem['input'])[:MAX_QUOTE]}"


def install(app: FastAPI) -> None:
    """Let the app answer every error in the house form."""

    @app.exception_handler(RequestValidationError)
    async def refused(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(422, sentence(error.errors()[0]), described_at(request.scope))

    @app.exception_handler(Unavailable)
    async def unavailable(_request: Request, error: Unavailable) -> JSONResponse:
        return answer(503, str(error), error.hint, {"Retry-After": str(RETRY_AFTER_S)})

    @app.exception_handler(StarletteHTTPException)
    async def other(request: Request, error: StarletteHTTPException) -> JSONResponse:
        text = str(error.detail)
        if not isinstance(error, HTTPException):  # not ours: an unknown path or method, ...
            text = f"{text.lower()}: {request.method} {ascii(request.url.path)[1:-1]}"
        hint = described_at(request.scope)
        return answer(error.status_code, text[:200], hint, error.headers)

    @app.exception_handler(Exception)
    async def unexpected(_request: Request, error: Exception) -> JSONResponse:
        return answer(500, f"something unexpected happened: {type(error).__name__}", "./lab status")
