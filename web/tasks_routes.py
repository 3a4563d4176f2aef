"""Send an e-mail, ask what became of it, call it off."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from celery_app import app as celery
from tasks import realworld_tasks
from web.broker import broker_errors, require_broker
from web.errors import Problem
from web.sending import noted_id
from web.states import TaskState, known_task
from work.mail import emails

router = APIRouter(tags=["tasks"])


class Email(BaseModel):
    """An e-mail to send.  What the task would refuse is refused here already."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "to_email": "ada@example.com",
                    "subject": "Your ticket",
                    "body": "Your seat is 12A.",
                }
            ]
        },
    )

    to_email: str = Field(max_length=254)
    subject: str = Field(min_length=1, max_length=emails.MAX_SUBJECT_CHARACTERS)
    body: str = Field(min_length=1, max_length=emails.MAX_BODY_CHARACTERS)

    @field_validator("to_email")
    @classmethod
    def _address(cls, address: str) -> str:
        return emails.check_address(address)

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        emails.compose(self.to_email, self.subject, self.body)
        return self


class Accepted(BaseModel):
    """The work is on its queue."""

    id: UUID = Field(description="ask for it at /tasks/{id}")


@router.post("/send_email", status_code=202, dependencies=[Depends(require_broker)])
def send_email(email: Email, response: Response) -> Accepted:
    """Hand an e-mail to a worker, and answer at once; Location says where to ask for it."""
    task = realworld_tasks.send_email
    with noted_id(task) as task_id:
        task.apply_async((email.to_email, email.subject, email.body), task_id=task_id)
    response.headers["Location"] = f"/tasks/{task_id}"
    return Accepted(id=UUID(task_id))


KNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such task was sent through this API."}
}


@router.get("/tasks/{task_id}", responses=KNOWN, dependencies=[Depends(require_broker)])
def task(task: Annotated[TaskState, Depends(known_task)]) -> TaskState:
    """What became of a task: its state, its progress, its result or its error."""
    return task


@router.delete(
    "/tasks/{task_id}",
    status_code=202,
    responses=KNOWN | {409: {"model": Problem, "description": "It has ended already."}},
    dependencies=[Depends(require_broker)],
)
def revoke(task: Annotated[TaskState, Depends(known_task)]) -> TaskState:
    """Call a task off.  One that runs already goes on; 409 if it has ended.

    The workers that run now are told, and remember it.  A worker that starts later does not know
    of it (lesson 25).
    """
    # region revoke
    if task.ended:
        raise HTTPException(409, f"task {task.id} has ended already: {task.state}")
    with broker_errors("and it is not known whether the workers were told"):
        celery.control.revoke(str(task.id))
    # endregion
    return task
