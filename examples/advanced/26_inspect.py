"""Inspect: ask running workers, and tell them to do something else.

`inspect` asks workers and waits a second for their answers.  `control` tells them to change
something.  Both go through the broker, and -d names the workers that are meant; without -d, all of
them are.

Here is each command with what it prints: of a long answer, the lines that say something here.  One
worker has a running task, one behind it, and one that is due in a minute (the priority 6 there is
that of the worker's timer, and not the message's).  A second worker has --pool=solo and is at work:
it cannot answer meanwhile.  No answer does not mean that a worker is dead.

At the end `celery multi` starts a worker in the background, with a pid file and a log file, starts
it again, and stops it.  That is handy on a laptop; on a server systemd or a container does this.
It fails where a path holds a space; there the lesson says so, and leaves it out.

The tasks are `get_approval`, which waits until the lesson approves, and `report_sales`, in
tasks/advanced_tasks/desk.py.

    ./lab run 26        # about 12 s

Watch: http://localhost:5555/workers shows the workers, and asks them in the same way.

You should see:

    $ ./start_worker.sh -n lesson26-prefork@%h --queues=lesson26.prefork --concurrency=1
    $ ./start_worker.sh -n lesson26-solo@%h --queues=lesson26.solo --pool=solo
    $ celery -A celery_app status -d lesson26-prefork@...
    1 node online.
    $ celery -A celery_app inspect active -d lesson26-prefork@...
        * {'id': '...', 'name': 'tasks...
    $ celery -A celery_app inspect reserved -d lesson26-prefork@...
        * {'id': '...', 'name': 'tasks...
    $ celery -A celery_app inspect scheduled -d lesson26-prefork@...
        * {'eta': '...', 'priority': 6, 'request': {...
    $ celery -A celery_app inspect registered -d lesson26-prefork@...
        * tasks.advanced_tasks.desk.report_sales
    $ celery -A celery_app inspect stats -d lesson26-prefork@...
                "implementation": "celery.concurrency.prefork:TaskPool",
                "max-concurrency": 1,
            "prefetch_count": ...,
    true: one task runs, one waits for a slot, one for its time
    $ celery -A celery_app inspect ping -d lesson26-solo@...
    Error: No nodes replied within time constraint
    true: a worker with --pool=solo does not answer while it works
    $ celery -A celery_app control rate_limit tasks.advanced_tasks.desk.report_sales 10/s -d les...
            new rate limit set successfully
    $ celery -A celery_app control pool_grow 1 -d lesson26-prefork@...
            pool will grow
    $ celery -A celery_app control add_consumer lesson26.more -d lesson26-prefork@...
            add consumer lesson26.more
    true: a second process did what waited behind the first, and what came by the new queue
    $ celery -A celery_app inspect ping -d lesson26-solo@...
            pong
    true: the solo worker was busy, and not dead
    $ celery multi start w1 -A celery_app ...pidfile=...
        > ...
    $ celery multi restart w1 -A celery_app ...pidfile=...
        > ...
    $ celery multi stopwait w1 -A celery_app ...pidfile=...
        > ...
    ...: celery multi started w1, replaced it, and ended it

Try next.  Guess first:
  1. Type `celery -A celery_app status` while your lab is up and this lesson runs.  Who answers,
     too, and which worker of the lesson does not?
  2. Let solo note APPROVED before the first question.  Which claim does not hold any more?
  3. Type `celery -A celery_app inspect query_task ID` for a task of lesson 04 while it runs.
"""

from labkit.lesson import claim, run_lesson
from labkit.lesson.tables import claim_where
from labkit.lesson.trial import trial
from labkit.own.command import celery, celery_side_by_side
from labkit.own.multi import multi_meanwhile
from labkit.own.queues import own_queues
from tasks.advanced_tasks import get_approval, report_sales

MORE, BACKGROUND = "lesson26.more", "lesson26.multi"
# A question or an order -> the words by which we know the lines that matter.
QUESTIONS = {
    "status": ["online"],
    "inspect active": ["{'id'"],
    "inspect reserved": ["{'id'"],
    "inspect scheduled": ["{'eta'"],
    "inspect registered": ["report_sales"],
    "inspect stats": ["implementation", "max-concurrency", "prefetch_count"],
}
LISTS = {"OSL-1": "inspect active", "OSL-2": "inspect reserved", "OSL-3": "inspect scheduled"}
ORDERS = {
    f"control rate_limit {report_sales.name} 10/s": ["set"],
    "control pool_grow 1": ["grow"],
    f"control add_consumer {MORE}": ["add"],
}
TIMEOUT_S = 30  # nothing here takes 5 s; the rest is room for a busy machine


def main() -> None:
    options = [f"--queues={BACKGROUND}", "--concurrency=1"]
    with (
        own_queues(MORE, BACKGROUND),
        trial("lesson26", {"prefork": ["--concurrency=1"], "solo": ["--pool=solo"]}) as setups,
        multi_meanwhile("w1", ["start", "restart", "stopwait"], *options) as w1,
    ):
        prefork, solo = setups
        at, at_solo = ("-d", prefork.worker.name), ("-d", solo.worker.name)
        # What the lists will show: a task that runs until somebody approves, one that waits for its
        # slot, one that waits for its time.  The solo worker has one that runs, and nothing else.
        solo.send(get_approval, "OSL-1")
        prefork.send(get_approval, "OSL-1")
        prefork.send(report_sales, "OSL-2")
        prefork.send(report_sales, "OSL-3", countdown=60)
        setups.wait_until_begun("OSL-1")
        setups.wait_until_settled()

        # No question depends on another one, so they are asked side by side, and shown in turn.
        silent = celery("inspect", "ping", *at_solo)
        said = celery_side_by_side(QUESTIONS, *at)
        found = [prefork.results[one].id in said[where] for one, where in LISTS.items()]
        claim(all(found), "one task runs, one waits for a slot, one for its time")
        silent.show()
        claim(silent.end() != 0, "a worker with --pool=solo does not answer while it works")

        # What is changed is changed in the memory of a running worker, and counts at once.  When it
        # starts again, its settings count again.
        celery_side_by_side(ORDERS, *at)
        prefork.send(report_sales, "OSL-4", queue=MORE)
        for booking in ("OSL-2", "OSL-4"):
            prefork.results[booking].get(timeout=TIMEOUT_S)
        claim(
            not prefork.ended("OSL-1"),
            "a second process did what waited behind the first, and what came by the new queue",
        )

        # The slot of the solo worker is free again.  Now it answers.
        for one in setups:
            one.ledger.note("APPROVED", "OSL-1")
        setups.wait_until_done("OSL-1")
        answer = celery("inspect", "ping", *at_solo).show("pong", others=False)
        claim("pong" in answer, "the solo worker was busy, and not dead")
        first, second, third = w1.show()
        claim_where(
            not w1.left_out,
            None not in (first, second) and first != second and third is None,
            "celery multi started w1, replaced it, and ended it",
        )


if __name__ == "__main__":
    run_lesson(main, queues=[])
