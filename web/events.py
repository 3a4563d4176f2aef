"""A task's states as server-sent events: the browser is told, and needs not ask.

const source = new EventSource(`/tasks/${id}/events`)
source.addEventListener("state", event => show(JSON.parse(event.data)))
source.addEventListener("end", () => source.close())   // else the browser connects again
"""

import asyncio
from collections.abc import AsyncIterable
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent

from web.broker import require_broker
from web.errors import Unavailable
from web.states import TaskState, known_task, state_of
from web.tasks_routes import KNOWN

POLL_S = 0.2  # as soon as an eye notices; with many viewers, subscribe to the backend instead

router = APIRouter(tags=["tasks"])


@router.get(
    "/tasks/{task_id}/events",
    responses=KNOWN,
    response_class=EventSourceResponse,
    dependencies=[Depends(require_broker)],
)
async def events(
    task: Annotated[TaskState, Depends(known_task)],
) -> AsyncIterable[ServerSentEvent]:
    """Each change of a task as an event `state`, with what GET /tasks/{id} would say; then `end`.

    While the broker is away: one event `trouble` with error and hint; it goes on when it is back.
    """
    yield ServerSentEvent(event="state", data=task)
    troubled = False
    while not task.ended:
        await asyncio.sleep(POLL_S)
        try:
            await require_broker()
            now = await run_in_threadpool(state_of, str(task.id), task.task)
        except Unavailable as error:
            if not troubled:
                yield ServerSentEvent(
                    event="trouble", data={"error": str(error), "hint": error.hint}
                )
            troubled = True
            continue
        if now != task or troubled:
            yield ServerSentEvent(event="state", data=now)
        task, troubled = now, False
    yield ServerSentEvent(event="end", data={"state": task.state})
