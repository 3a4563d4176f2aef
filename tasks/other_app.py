"""A second Celery app: the same kind of task on another broker, or with another result store.

Lessons 40 to 42 start workers of it.  Where they look stands in their environment, because a
command line shows its passwords to everybody on the machine:

    LESSON_BROKER_URL=amqp://... LESSON_RESULT_URL=rpc:// celery -A tasks.other_app worker ...
"""

import os

from celery import Celery, Task

from lab_home import LAB_FILES
from work.ledger import Delivery, Ledger
from work.naps import noted_nap


def app_on(broker_url: str | None, result_url: str | None = None, **transport: object) -> Celery:
    """A Celery app on this broker and result store, with JSON only, as everywhere in the lab.

    transport: broker_transport_options.
    """
    other = Celery("other", broker=broker_url, backend=result_url, set_as_current=False)
    other.conf.update(
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_queue_max_priority=9,  # RabbitMQ: queues know 0 to 9.  Redis needs no such setting
        broker_transport_options=transport,
        result_expires=3600,  # seconds
    )
    return other


app = app_on(os.environ.get("LESSON_BROKER_URL"), os.environ.get("LESSON_RESULT_URL"))


@app.task(bind=True, acks_late=True)
def print_ticket_elsewhere(self: Task, run: str, order: str, seconds: float) -> float:
    """Print the ticket of one order, which takes so many seconds; return what it really took.

    run: the name of a ledger among the lab's files.
    Raises ValueError, before anything is done, unless 0 <= seconds <= 60.
    """
    request = self.request
    redelivered = bool((request.delivery_info or {}).get("redelivered"))
    delivery = Delivery(request.id or "", request.hostname or "", redelivered)
    return noted_nap(Ledger(LAB_FILES / "ledgers", run, delivery), order, seconds)
