"""A program without tasks: it knows the address of the broker and the name of a task.

Lesson 10 runs it.  It could belong to another project, on another machine; in another language,
a library that writes the same message would take the place of Celery.
"""

import os

from celery import Celery

NAME = "tasks.advanced_tasks.prices.total_price"
TIMEOUT_S = 10

app = Celery(broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])

try:
    import tasks  # noqa: F401
except ModuleNotFoundError as error:
    print(f"import tasks: {error}")

# region by_name
# This app has no routes, so the queue must be named.  And nothing checks the name or the
# arguments here: a worker is the first that knows whether there is such a task.
result = app.send_task(NAME, (12900, 2), queue="advanced")
# endregion
print(f'send_task("{NAME}"): {result.get(timeout=TIMEOUT_S)}')
