"""Message versions: let messages of one release meet the code of another, and see which fail.

A queue can hold messages that the old release has sent, when workers of the new one start.  And
while a deploy goes on, a new sender's message can come to an old worker.  Nobody can choose who
gets which.  So a message is an interface: a change of a task's arguments is safe only if it is safe
for messages of both ages.

The task `issue_ticket` has one argument in release 1, the order.  Release 2 adds the language, and
gives it a default.  A third release, which is called unsafe here, adds it without one.  Each of
them has a worker.  Before these start, each finds two messages in its queue: an old one, as release
1 sends it, and a new one, as release 2 does.

All three releases are in tasks/realworld_tasks/releases.py.  SHOP_RELEASE, in the environment of a
worker, says which one it is.

    ./lab run 75        # about 4 s

Watch: http://localhost:5555/tasks shows six issue_ticket.  Two of them have failed with a
TypeError.

You should see:

    queued: 6 messages; now the workers of the three releases start
    message                 release 1          release 2  unsafe
    old: (order)            SUCCESS            SUCCESS    FAILURE TypeError
    new: (order, language)  FAILURE TypeError  SUCCESS    SUCCESS
    true: a new argument with a default understands old messages, one without does not
    true: new messages need new workers: first the workers, then who sends

So an argument is added in two deploys.  First the workers learn it, with a default.  When no old
worker is left, the senders use it.  To remove one, go the same way back.  A task that gets a new
name is a new task: keep the old name until its queue is empty.

Try next.  Guess first:
  1. In tasks/realworld_tasks/releases.py give unsafe_release its arguments in another order:
     (language="en", order_id="").  Which cells change, and what is issued?
  2. Take `language` out of second_release there.  Which cell changes, and in which order must an
     argument be removed?
  3. Let MESSAGES begin with [], a message without an order, and send by
     issue_ticket.apply_async(arguments, queue=queue).  Who notices that now, and when?
"""

from celery.result import AsyncResult

from celery_app import app
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.endings import how_it_ended
from labkit.own.queues import own_queues
from labkit.own.shop import own_shop
from labkit.own.workers import WorkerLine, workers_of
from tasks.realworld_tasks import issue_ticket

RELEASES = {"1": "release 1", "2": "release 2", "unsafe": "unsafe"}  # SHOP_RELEASE: in the table
QUEUES = {release: f"lesson75.{release}" for release in RELEASES}
MESSAGES = {"old: (order)": ["TL-1"], "new: (order, language)": ["TL-1", "ru"]}
TIMEOUT_S = 30  # each task takes 0.1 s; the rest is room for a busy machine


def main() -> None:
    with own_shop("lesson75") as shop, own_queues(*QUEUES.values()):
        # By the task's name, as the sender of another release would.  A task that is called here,
        # by apply_async(), is compared with the arguments that it has here.
        sent = {
            message: [
                app.send_task(issue_ticket.name, arguments, queue=queue)
                for queue in QUEUES.values()
            ]
            for message, arguments in MESSAGES.items()
        }
        print("queued: 6 messages; now the workers of the three releases start")
        lines = [
            WorkerLine(
                *(f"lesson75-{release}", [queue], ["--concurrency=1"]),
                environment=shop.environment() | {"SHOP_RELEASE": release},
                show=False,
            )
            for release, queue in QUEUES.items()
        ]
        with workers_of(lines):
            states = {message: list(map(state_of, results)) for message, results in sent.items()}

    # The message is the same in each row, the code is the same in each column.
    table("message", *RELEASES.values(), rows=[(one, *row) for one, row in states.items()])

    # An error about arguments is raised before the first line of the task.  No retry mends it: the
    # message is acknowledged, and somebody must send the order again.
    old, new = states.values()
    claim(
        [old[1], old[2]] == ["SUCCESS", "FAILURE TypeError"],
        "a new argument with a default understands old messages, one without does not",
    )
    claim(
        [new[0], new[1]] == ["FAILURE TypeError", "SUCCESS"],
        "new messages need new workers: first the workers, then who sends",
    )


def state_of(sent: AsyncResult) -> str:
    """The state in which a task has ended, with the error if there is one."""
    sent.get(timeout=TIMEOUT_S, propagate=False)
    return how_it_ended(sent)


if __name__ == "__main__":
    run_lesson(main, queues=[])
