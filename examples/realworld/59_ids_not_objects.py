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
    $ ./start_worker.sh -n lesson59@%h --queues=lesson59 --concurrency=1
    $ ./start_worker.sh -n lesson59-desk@%h --queues=lesson59.desk --concurrency=2
    by object: ada@old.example   by id: ada@new.example
    true: the object was as old as its message, and the id found what is true now
    sent before the commit: FAILURE ValueError("there is no order '...-race'")
    sent after the commit:  SUCCESS 'ada@example.com'
    true: the worker was there before the commit, and the order was not
    killed after the commit, without an outbox: the order is there, and 0 messages
    killed after the commit, with an outbox:    the order is there, and 1 message
    the outbox was read: SUCCESS 'ada@example.com'
    true: with an outbox a shop that dies forgets nothing
    200 questions on connections that were opened
      before the fork: ... answers were for somebody else
      after the fork: 0 answers were for somebody else
    true: a connection that two processes share mixes up their answers

Try next.  Guess first:
  1. Start lesson59-desk with --concurrency=1.  Are answers mixed up now?
  2. In shop_that_dies.py, move the os.kill line above open_one.  What is lost now, and does it
     matter?
  3. Read the outbox twice in killed_shop(), with again_after_s=0.  How many messages are sent, and
     what must notify_by_id be able to bear?
"""

import subprocess
import sys
import uuid
from pathlib import Path

from celery.result import AsyncResult
from sqlalchemy import Engine, func, insert, select, update

from celery_app import app
from labkit.lesson import claim, run_lesson
from labkit.own.queues import own_queues
from labkit.own.services import own_service
from labkit.own.shop import DAY, FLIGHT, own_shop
from labkit.own.workers import WorkerLine, workers_of
from labkit.processes.start import child_environment
from tasks.realworld_tasks import ask_desk, notify_by_id, notify_by_object
from work.database.engine import reading, writing
from work.database.schema import orders
from work.orders import outbox
from work.orders.ticket_orders import find_order

QUEUE, DESK = "lesson59", "lesson59.desk"
SHOP_THAT_DIES = Path(__file__).with_name("shop_that_dies.py")
QUESTIONS = 200
TIMEOUT_S = 30  # everything takes about 3 s; the rest is room for a busy machine
AGAIN_AFTER_S = 60


def main() -> None:
    with (
        own_shop("lesson59") as shop,
        own_service("information_desk") as desk,
        own_queues(QUEUE, DESK),
    ):
        # No worker is there yet: what is sent now waits, as on a busy day.
        order_id = new_order(shop.engine, email="ada@old.example")
        order = {"id": order_id, "email": "ada@old.example"}
        by_object = notify_by_object.apply_async((order,), queue=QUEUE)
        by_id = notify_by_id.apply_async((order_id,), queue=QUEUE)
        print("both messages are queued; now the buyer corrects the address")
        with writing(shop.engine) as database:
            row = orders.c.id == order_id
            database.execute(update(orders).where(row).values(email="ada@new.example"))

        where = shop.environment() | {"DESK_ADDRESS": desk}
        lines = [
            WorkerLine("lesson59", [QUEUE], ["--concurrency=1"], environment=where),
            WorkerLine("lesson59-desk", [DESK], ["--concurrency=2"], environment=where),
        ]
        with workers_of(lines):
            old, new = by_object.get(timeout=TIMEOUT_S), by_id.get(timeout=TIMEOUT_S)
            print(f"by object: {old}   by id: {new}")
            claim(
                (old, new) == ("ada@old.example", "ada@new.example"),
                "the object was as old as its message, and the id found what is true now",
            )
            race_against_the_commit(shop.engine)
            killed_shop(shop.engine, shop.url)
            ask_questions()


def new_order(engine: Engine, email: str = "ada@example.com") -> str:
    """Write an order, and commit; return its id."""
    order_id = str(uuid.uuid4())
    with writing(engine) as database:
        database.execute(insert(orders).values(row_of(order_id, email)))
    return order_id


def row_of(order_id: str, email: str = "ada@example.com") -> dict:
    what = {"flight": FLIGHT, "day": DAY, "seats": 1, "price_cents": 9900, "card": "ada-visa"}
    return {"id": order_id, "email": email} | what


def race_against_the_commit(engine: Engine) -> None:
    order_id = f"{str(uuid.uuid4())[:8]}-race"
    with writing(engine) as database:
        database.execute(insert(orders).values(row_of(order_id)))
        too_early = notify_by_id.apply_async((order_id,), queue=QUEUE)
        too_early.get(timeout=TIMEOUT_S, propagate=False)  # a slow commit: the worker is quicker
    # Here the transaction is committed.
    in_time = notify_by_id.apply_async((order_id,), queue=QUEUE)
    in_time.get(timeout=TIMEOUT_S, propagate=False)
    print("sent before the commit:", state_of(too_early))
    print("sent after the commit: ", state_of(in_time))
    claim(
        (too_early.state, in_time.state) == ("FAILURE", "SUCCESS"),
        "the worker was there before the commit, and the order was not",
    )


def killed_shop(engine: Engine, url: str) -> None:
    results: list[AsyncResult] = []
    for what, task in (("without an outbox:", ""), ("with an outbox:   ", notify_by_id.name)):
        order_id = str(uuid.uuid4())
        command = [sys.executable, str(SHOP_THAT_DIES), order_id, task]
        subprocess.run(command, env=child_environment(DATABASE_URL=url), check=False)
        there = "the order is there" if find_order(engine, order_id) else "no order is there"
        messages = count_messages(engine, order_id)
        many = "message" if messages == 1 else "messages"
        print(f"killed after the commit, {what} {there}, and {messages} {many}")

    def send(task: str, arguments: list) -> None:
        results.append(app.send_task(task, arguments, queue=QUEUE))

    outbox.send_due(engine, send, AGAIN_AFTER_S)  # in a real shop Beat does this, again and again
    for result in results:
        result.get(timeout=TIMEOUT_S, propagate=False)
        print("the outbox was read:", state_of(result))
    claim(
        bool(results) and all(result.successful() for result in results),
        "with an outbox a shop that dies forgets nothing",
    )


def count_messages(engine: Engine, order_id: str) -> int:
    """How many messages of an order wait in the outbox."""
    table = outbox.outbox
    with reading(engine) as database:
        counting = select(func.count()).select_from(table).where(table.c.order_id == order_id)
        return database.scalar(counting) or 0


def ask_questions() -> None:
    print(f"{QUESTIONS} questions on connections that were opened")
    wrong = {}
    for opened in ("before the fork", "after the fork"):
        asked = {
            f"question {number}": ask_desk.apply_async((f"question {number}", opened), queue=DESK)
            for number in range(QUESTIONS)
        }
        answers = {question: one.get(timeout=TIMEOUT_S) for question, one in asked.items()}
        wrong[opened] = sum(answer != question for question, answer in answers.items())
        print(f"  {opened}: {wrong[opened]} answers were for somebody else")
    claim(
        wrong["before the fork"] > 0 == wrong["after the fork"],
        "a connection that two processes share mixes up their answers",
    )


def state_of(result: AsyncResult) -> str:
    return f"{result.state} {result.result!r}"


if __name__ == "__main__":
    run_lesson(main, queues=[])
