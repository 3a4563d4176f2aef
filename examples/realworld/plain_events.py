"""The small API of lesson 57, which also tells each change as a server-sent event.

    REDIS_URL=redis://localhost:6379/0 uvicorn plain_events:api --port 8011

It runs in this folder, and needs FastAPI 0.135 or later.
"""

# region imports
import asyncio
from collections.abc import AsyncIterator

from celery.states import READY_STATES
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse
from plain_api import api, ask

# endregion


# region events
@api.get("/emails/{task_id}/events", response_class=EventSourceResponse)
async def events(task_id: str) -> AsyncIterator[dict]:
    told: dict = {}
    while told.get("state") not in READY_STATES:
        now = await run_in_threadpool(ask, task_id)
        if now != told:
            yield now
        told = now
        await asyncio.sleep(0.2)


# endregion
