"""The smallest web API, for lesson 57: POST sends and answers with an id, GET tells its state.

    uvicorn examples.realworld.plain_api:api --port 8011

It has none of the checks of web/: for every id that was never sent it answers PENDING.
"""

# region app
from fastapi import FastAPI
from pydantic import BaseModel

from celery_app import app
from tasks.realworld_tasks import send_email

api = FastAPI()


class Email(BaseModel):
    to_email: str
    subject: str
    body: str


# endregion


# region handlers
@api.post("/emails", status_code=202)
def send(email: Email) -> dict[str, str]:
    result = send_email.delay(email.to_email, email.subject, email.body)
    return {"id": result.id}


@api.get("/emails/{task_id}")
def ask(task_id: str) -> dict:
    result = app.AsyncResult(task_id)
    state = result.state  # read once: a second answer could be a later one
    return {
        "state": state,
        "result": result.result if state == "SUCCESS" else None,
        "error": str(result.result) if state == "FAILURE" else None,
    }


# endregion
