"""The app: `uvicorn web.api:app`.  See web/__init__.py for what it offers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from web import errors, events, orders_routes, pages, tasks_routes
from web.broker import client, hurry, require_broker
from web.errors import Problem
from web.guard import Guard

# The longest body of an e-mail is 100,000 characters, each 12 bytes at most (as \uXXXX\uXXXX).
MAX_BODY_BYTES = 1_300_000

# What every call may answer besides.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body cannot be read."},
    403: {"model": Problem, "description": "Host or Origin is not of this machine."},
    413: {"model": Problem, "description": f"The body has more than {MAX_BODY_BYTES} bytes."},
    422: {"model": Problem, "description": "An argument is missing or wrong."},
    503: {
        "model": Problem,
        "description": "The broker or the shop's database cannot be used now; the error says why.",
    },
}


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Change Celery's settings when the server starts, not when a test imports this module."""
    hurry()
    yield
    client.close()


app = FastAPI(
    title="Celery learning lab",
    version="0.1.0",
    description="Slow work goes onto a queue; the API answers at once, with an id to ask for.",
    lifespan=lifespan,
    responses=PROBLEMS,
    docs_url=None,  # FastAPI's pages load scripts from elsewhere; web/pages.py has its own
    redoc_url=None,
)
# What is added last is asked first.
app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)
app.add_middleware(Guard, max_body_bytes=MAX_BODY_BYTES)
errors.install(app)
app.include_router(tasks_routes.router)
app.include_router(events.router)
app.include_router(orders_routes.router)
app.include_router(pages.router)


class Health(BaseModel):
    """The broker answers, and takes messages.

    Only orders need the shop's database, and their answers tell of it.
    """

    broker: str = "answers"


@app.get("/healthz", dependencies=[Depends(require_broker.ask_now)], tags=["lab"])
async def healthz() -> Health:
    """200 if the broker takes messages now, 503 with the reason and a hint if it does not."""
    return Health()
