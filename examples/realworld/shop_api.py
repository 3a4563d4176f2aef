"""The lab's API with two more calls, for lesson 57.

    uvicorn examples.realworld.shop_api:api

What web/api.py offers is here, too: POST /send_email, GET /tasks/{id}, GET /tasks/{id}/events.
"""

from uuid import UUID

from fastapi import Depends, Response

from celery_app import app
from tasks.realworld_tasks import process_image, send_email
from web.api import app as api
from web.broker import require_broker
from web.sending import noted_id
from web.tasks_routes import Accepted, Email

# All that this process sends goes to the worker of the lesson.
app.conf.task_routes = {"tasks.realworld_tasks.*": {"queue": "lesson57"}}

TIMEOUT_S = 60  # an e-mail takes 0.2 s; the rest is room for a busy machine


@api.post("/photo", status_code=202, dependencies=[Depends(require_broker)])
def photo(operations: list[str], response: Response) -> Accepted:
    """Hand the shop's photo to a worker, and answer at once."""
    with noted_id(process_image) as task_id:
        process_image.apply_async(("photo.jpg", operations), task_id=task_id)
    response.headers["Location"] = f"/tasks/{task_id}"
    return Accepted(id=UUID(task_id))


@api.post("/send_email_and_wait")
async def send_email_and_wait(email: Email) -> dict:
    """Broken on purpose: it waits for the worker, and until then the server does nothing else."""
    result = send_email.delay(email.to_email, email.subject, email.body)
    return result.get(timeout=TIMEOUT_S)
