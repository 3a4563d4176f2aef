"""The smallest web API, for lesson 57: POST sends and answers with an id, GET tells its state.

    REDIS_URL=redis://localhost:6379/0 uvicorn plain_api:api --port 8011

It runs in this folder; plain_shop.py has the app and the task.  It has none of the checks of web/:
for every id that was never sent it answers PENDING.
"""

# region beginning
from fastapi import FastAPI
from plain_shop import app, send_email
from pydantic import BaseModel

api = FastAPI()


class Email(BaseModel):
    to_email: str
    subject: str
    body: str


# endregion

# region patience
WAIT_S = 1  # somebody waits for the page
app.conf.broker_transport_options |= {
    "socket_timeout": WAIT_S,
    "socket_connect_timeout": WAIT_S,
    "max_retries": 0,  # to connect
}
app.conf.redis_socket_timeout = app.conf.redis_socket_connect_timeout = WAIT_S
app.conf.task_publish_retry = False
app.conf.result_backend_transport_options |= {"retry_policy": {"max_retries": 0}}
app.conf.broker_pool_limit = 40  # connections: one for each thread in which `def` handlers run
# endregion


# region handlers
@api.post("/emails", status_code=202)
def send(email: Email) -> dict[str, str]:
    result = send_email.delay(email.to_email, email.subject, email.body)
    return {"id": result.id}


@api.get("/emails/{task_id}")
def ask(task_id: str) -> dict:
    result = app.AsyncResult(task_id)
    state = result.state  # read once: until the task has ended, each .state asks Redis again
    return {
        "state": state,
        "result": result.result if state == "SUCCESS" else None,
        "error": str(result.result) if state == "FAILURE" else None,
    }


# endregion
