"""A message in Redis: follow six messages from the queue to a worker to their results.

A queue is nothing mysterious: in Redis it is a list of JSON texts.  Here you see where a message
is at each moment.  Six naps are sent to a queue that nobody takes from, and one of the messages
is opened.  Then a worker with one slot starts.  It takes more than it can run at once: one task
in its slot, and four in advance (lesson 34 says when that is too many).

The task is `nap` in tasks/basic_tasks.py.  The worker is this lesson's own, on a queue of its own.

    ./lab run 02        # about 8 s

Watch: http://localhost:5555/workers shows the worker lesson02 come and go.

You should see:

    6 messages sent: queued 6, unacked 0
    the oldest in the list lesson02: {"body": "...
    headers task   tasks.basic_tasks.nap
    headers id     ...
    headers eta    None
    body           [[3], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]
    delivery_info  {'exchange': '', 'routing_key': 'lesson02'}
    $ ./start_worker.sh -n lesson02@%h --queues=lesson02 --concurrency=1
    while the first task runs: queued 1, unacked 4
    true: one lies in the queue, four with the worker, the running one in neither
    when all are done: queued 0, unacked 0
    celery-task-meta-... goes away in ... s
    true: each of the 6 results has a key, and each key has an end

Try next.  Guess first; each goes into own_worker(...), and changes this worker only:
  1. "--prefetch-multiplier=1" beside "--concurrency=1".  How many messages are unacked now?
  2. settings=["task.acks_late=True"].  Where is the message of the running task?
  3. settings=["result.expires=60"].  Who decides how long a result is kept?
"""

import base64
import json

from labkit.lesson import claim, run_lesson, table
from labkit.own.queues import own_queues, queued_and_unacked
from labkit.own.workers import own_worker
from labkit.waiting import wait_until
from tasks.basic_tasks import nap

QUEUE = "lesson02"
NAPS_S = [3, 0.1, 0.1, 0.1, 0.1, 0.1]  # the first one runs long enough to look around
LOOK_S = 2.5  # the worker needs a moment to take its messages; the first nap is not over yet
TIMEOUT_S = 20  # the naps add up to 3.5 s; the rest is room for a busy machine


def main() -> None:
    with own_queues(QUEUE) as client:

        def places() -> str:
            return "queued {}, unacked {}".format(*queued_and_unacked(client, QUEUE))

        # Nobody takes from this queue yet: to send a message is to put it into a list.
        results = [nap.apply_async([seconds], queue=QUEUE) for seconds in NAPS_S]
        print(f"{len(results)} messages sent: {places()}")

        # region look
        # A producer pushes at the left end, a worker pops at the right end: the oldest is the last.
        raw = client.lindex(QUEUE, -1)
        message = json.loads(raw)
        # base64 hides nothing: whoever can read Redis can read the arguments.
        body = base64.b64decode(message["body"]).decode()
        # endregion
        print(f"the oldest in the list {QUEUE}: {raw[:40]}...")
        headers = [(f"headers {one}", message["headers"][one]) for one in ("task", "id", "eta")]
        delivery_info = message["properties"]["delivery_info"]
        table(rows=[*headers, ("body", body), ("delivery_info", delivery_info)])

        with own_worker("lesson02", [QUEUE], "--concurrency=1"):
            # A worker acknowledges a message as soon as a process of its pool has the task.  From
            # then on Redis has no copy: if the worker dies now, the task is lost (lesson 30).
            as_expected = wait_until(
                lambda: results[0].state == "STARTED" and places() == "queued 1, unacked 4", LOOK_S
            )
            print(f"while the first task runs: {places()}")
            claim(
                as_expected,
                "one lies in the queue, four with the worker, the running one in neither",
            )
            for result in results:
                result.get(timeout=TIMEOUT_S)
            wait_until(lambda: places() == "queued 0, unacked 0", TIMEOUT_S)
            print(f"when all are done: {places()}")

        # Results outlive worker and message; result_expires in celery_app.py says how long.
        keys = [f"celery-task-meta-{result.id}" for result in results]
        print(f"{keys[0]} goes away in {client.ttl(keys[0])} s")
        claim(
            all(client.ttl(key) > 0 for key in keys),
            f"each of the {len(keys)} results has a key, and each key has an end",
        )


if __name__ == "__main__":
    run_lesson(main, queues=[])
