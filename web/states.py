"""What the API tells about one task."""

from shlex import quote
from typing import Any
from uuid import UUID

from celery.states import EXCEPTION_STATES, READY_STATES, SUCCESS
from fastapi import HTTPException
from pydantic import BaseModel, Field

from celery_app import app as celery
from web.broker import broker_errors
from web.errors import Unavailable
from web.sending import name_of


class Progress(BaseModel):
    """How far a task says it is."""

    done: int
    total: int


class TaskState(BaseModel):
    """One task, as the result backend knows it at this moment."""

    id: UUID = Field(examples=["5f0c81d2-6c3b-4b0e-9a57-0c4b8a3d5e11"])
    task: str = Field(examples=["tasks.realworld_tasks.mail.send_email"])
    state: str = Field(
        description="PENDING: it waits, or its result has expired (after an hour).  STARTED, "
        "PROGRESS: it runs.  RETRY: it failed and will be tried again.  "
        "SUCCESS, FAILURE, REVOKED: it has ended.",
        examples=["SUCCESS"],
    )
    progress: Progress | None = Field(None, description="where the task reports it")
    result: Any = Field(None, description="what it returned; null unless the state is SUCCESS")
    error: str | None = Field(None, description="why it failed", examples=[None])

    @property
    def ended(self) -> bool:
        """True if nothing about it will change any more."""
        return self.state in READY_STATES


def state_of(task_id: str, name: str) -> TaskState:
    """Ask the result backend once.  Raises Unavailable."""
    try:
        with broker_errors("and nothing was read"):
            # One answer for state and result: asked for one after the other, they may not belong
            # together.
            state = _state_in(celery.backend.get_task_meta(task_id), task_id, name)
        state.model_dump_json()  # deep nesting, half a surrogate pair: no answer can hold it
        return state
    except Unavailable:
        raise
    except Exception as error:
        # Anybody who can write into the database can store anything there.
        raise Unavailable(
            f"what is stored for task {task_id} cannot be read", f"./lab doctor {quote(task_id)}"
        ) from error


def _state_in(meta: dict[str, Any], task_id: str, name: str) -> TaskState:
    """What the stored state says; any error where it is no state that Celery stores."""
    state, told = meta["status"], meta["result"]
    progress = error = result = None
    if state == SUCCESS:
        result = told
    elif state in EXCEPTION_STATES:  # FAILURE, RETRY, REVOKED: what is stored is an exception
        error = f"{type(told).__name__}: {told}"
    elif isinstance(told, dict) and {"done", "total"} <= told.keys():
        progress = Progress(done=told["done"], total=told["total"])
    return TaskState(
        id=UUID(task_id), task=name, state=state, progress=progress, result=result, error=error
    )


def known_task(task_id: UUID) -> TaskState:
    """The task of the path; 404 if no task of this id was sent through this API."""
    name = name_of(str(task_id))
    if name is None:
        raise HTTPException(404, f"no task {task_id} was sent through this API in the last day")
    return state_of(str(task_id), name)
