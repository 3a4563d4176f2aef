"""Ids, not objects: see a message grow old, lose a race against a commit, and mix up answers.

Three mistakes that every shop makes once.  None of them shows in a test with one worker on a quiet
machine.  Each has a habit against it:

- Send the id, not the object.  What a message holds is as old as the message.  The task reads the
  database when it runs.
- Send after the commit, not before it.  A worker is quicker than you think, and what is not yet
  committed is not there for anybody else.  And because a program can die after the commit, before
  it has sent: write the message into the same transaction, as a row of a table.  That is an outbox.
  Somebody reads it, and sends.
- Open connections in each process of the pool, not before.  The pool is made by fork, and a
  connection that was open then is shared by all of its processes: a database's too.  Celery calls
  worker_process_init in each new process; there you open your own.

The tasks are in tasks/realworld_tasks/notices.py and desk.py; the outbox is in
work/orders/outbox.py.  The program that is killed is shop_that_dies.py, beside this file.

    ./lab run 59        # about 6 s

Watch: http://localhost:5555/tasks shows notify_by_id failing once, with the order that was not
there yet.

You should see:

    both messages are queued; now the buyer corrects the address
    $ ./start_worker.sh -n lesson59@%h --queues=lesson59 --concurrency=2
    by object: ada@old.example   by id: ada@new.example
    sent before the commit: FAILURE ValueError("there is no order 'TL-2'")
    sent after the commit:  SUCCESS 'ada@example.com'
    killed after the commit  the order is there  messages of it
    without an outbox        True                0
    with an outbox           True                1
    the outbox was read: SUCCESS 'ada@example.com'
    200 questions, connected  answers for somebody else
    before the fork           ...
    after the fork            0
    true: a connection that two processes share mixes up their answers

With an outbox a shop that dies forgets nothing.  What it promises is "at least once": whoever reads
it can die, too, after the message is sent and before that is written down.

Try next.  Guess first:
  1. Start the worker with --concurrency=1.  Are answers mixed up now?
  2. In shop_that_dies.py, move the os.kill line into the `with` block, as its last line.  What is
     lost now, and does it matter?
  3. Read the outbox twice in killed_shop(), with again_after_s=0.  How many messages are sent, and
     what must notify_by_id be able to bear?
"""

from pathlib import Path

from celery.result import AsyncResult
from sqlalchemy import insert

from celery_app import app
from labkit.lesson import claim, run_lesson, table
from labkit.own.queues import own_queues
from labkit.own.services import own_service
from labkit.own.shop import ORDER, OwnShop, open_one, own_shop
from labkit.own.workers import own_worker
from tasks.realworld_tasks import ask_desk, notify_by_id, notify_by_object
from work.database.engine import writing
from work.database.schema import orders
from work.orders import outbox
from work.orders.ticket_orders import find_order

QUEUE = "lesson59"
SHOP_THAT_DIES = Path(__file__).with_name("shop_that_dies.py")
QUESTIONS = 200
TIMEOUT_S = 30  # everything takes about 3 s; the rest is room for a busy machine
AGAIN_AFTER_S = 60  # what the outbox has sent, it does not send again while the lesson runs


def main() -> None:
    with own_shop(QUEUE) as shop, own_service("information_desk") as desk, own_queues(QUEUE):
        # No worker is there yet: what is sent now waits, as on a busy day.
        open_one(shop.engine, "TL-1", task="", email="ada@old.example")
        order = {"id": "TL-1", "email": "ada@old.example"}
        by_object = notify_by_object.apply_async((order,), queue=QUEUE)
        by_id = notify_by_id.apply_async((order["id"],), queue=QUEUE)
        print("both messages are queued; now the buyer corrects the address")
        shop.change_email("TL-1", "ada@new.example")

        where = shop.environment() | {"DESK_ADDRESS": desk}
        with own_worker(QUEUE, [QUEUE], "--concurrency=2", environment=where):
            old, new = by_object.get(timeout=TIMEOUT_S), by_id.get(timeout=TIMEOUT_S)
            print(f"by object: {old}   by id: {new}")
            race_against_the_commit(shop)
            killed_shop(shop)
            ask_questions()


def race_against_the_commit(shop: OwnShop) -> None:
    # Until the block ends, the order is there for this transaction alone.  The commit is slow here:
    # it waits for the worker.  In a real shop it is quick, and the worker is first now and then.
    with writing(shop.engine) as database:
        database.execute(insert(orders).values(id="TL-2", **ORDER))
        before = outcome(notify_by_id.apply_async(("TL-2",), queue=QUEUE))
    after = outcome(notify_by_id.apply_async(("TL-2",), queue=QUEUE))
    print(f"sent before the commit: {before}")
    print(f"sent after the commit:  {after}")


def killed_shop(shop: OwnShop) -> None:
    # Both orders are committed, and nothing was sent.  Of the first one, nothing says that a
    # message must be sent: it would wait for ever.
    shop.run(SHOP_THAT_DIES, "TL-3", "")
    shop.run(SHOP_THAT_DIES, "TL-4", notify_by_id.name)
    rows = [
        (how, bool(find_order(shop.engine, order)), shop.messages(order))
        for how, order in (("without an outbox", "TL-3"), ("with an outbox", "TL-4"))
    ]
    table("killed after the commit", "the order is there", "messages of it", rows=rows)

    # In a real shop a task reads the outbox, and Beat sends that task every few seconds.
    def send(task: str, arguments: list) -> None:
        print(f"the outbox was read: {outcome(app.send_task(task, arguments, queue=QUEUE))}")

    outbox.send_due(shop.engine, send, AGAIN_AFTER_S)


def ask_questions() -> None:
    # The two processes of the pool ask.  Each answer should be the question.
    wrong = {}
    for connected in ("before the fork", "after the fork"):
        asked = {
            str(number): ask_desk.apply_async((str(number), connected), queue=QUEUE)
            for number in range(QUESTIONS)
        }
        wrong[connected] = sum(one.get(timeout=TIMEOUT_S) != each for each, one in asked.items())
    table(f"{QUESTIONS} questions, connected", "answers for somebody else", rows=wrong.items())
    claim(
        wrong["before the fork"] > 0 == wrong["after the fork"],
        "a connection that two processes share mixes up their answers",
    )


def outcome(sent: AsyncResult) -> str:
    """The state in which a task has ended, and its result or its error."""
    result = sent.get(timeout=TIMEOUT_S, propagate=False)
    return f"{sent.state} {result!r}"


if __name__ == "__main__":
    run_lesson(main, queues=[])
