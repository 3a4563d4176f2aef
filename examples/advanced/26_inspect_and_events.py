"""Inspect and events: ask running workers, steer them, and listen to what they do.

`inspect` asks workers and waits a second for their answers.  `control` tells them to change
something.  `events` shows what they report by themselves.  All of it goes through the broker, and
-d names the workers that are meant; without -d, all of them are.

Here is each command with what it prints; long answers are cut.  The worker lesson26 has a running
task, one behind it, and one that is due in a minute (the priority 6 there is that of the worker's
timer, and not the message's).  A second worker has --pool=solo and is at work: it cannot answer
meanwhile.  No answer does not mean that a worker is dead.

At the end `celery multi` starts a worker in the background, with a pid file and a log file, starts
it again, and stops it.  That is handy on a laptop; on a server systemd or a container does this.
It fails where a path holds a space; there the lesson says so, and leaves it out.

The tasks are `get_approval`, which waits until the lesson approves, and `report_sales`, in
tasks/advanced_tasks/desk.py.

    ./lab run 26        # about 15 s

Watch: http://localhost:5555/workers shows the workers, and asks them in the same way.

You should see:

    $ ./start_worker.sh -n lesson26@%h --queues=lesson26 --concurrency=1 -- worker.send_task_ev...
    $ ./start_worker.sh -n lesson26-solo@%h --queues=lesson26.solo --pool=solo
    $ celery -A celery_app status -d lesson26@...
    ->  lesson26@...: OK
    1 node online.
    $ celery -A celery_app inspect ping -d lesson26-solo@...
    Error: No nodes replied within time constraint
    true: a worker with --pool=solo does not answer while it works
    $ celery -A celery_app inspect active -d lesson26@...
    ->  lesson26@...: OK
        * {'id': '...', 'name': 'tasks...
    1 node online.
    $ celery -A celery_app inspect reserved -d lesson26@...
    ->  lesson26@...: OK
        * {'id': '...', 'name': 'tasks...
    1 node online.
    $ celery -A celery_app inspect scheduled -d lesson26@...
    ->  lesson26@...: OK
        * {'eta': '...', 'priority': 6, 'request': {...
    1 node online.
    true: one task runs, one waits for a slot, one for its time
    $ celery -A celery_app inspect registered -d lesson26@...
    ->  lesson26@...: OK
        * tasks.advanced_tasks.desk.report_sales
        (... more lines)
    $ celery -A celery_app inspect stats -d lesson26@...
    ->  lesson26@...: OK
                "implementation": "celery.concurrency.prefork:TaskPool",
                "max-concurrency": 1,
            "prefetch_count": ...,
        (... more lines)
    $ celery -A celery_app control rate_limit tasks.advanced_tasks.desk.report_sales 10/s -d les...
    ->  lesson26@...: OK
            new rate limit set successfully
    $ celery -A celery_app control pool_grow 1 -d lesson26@...
    ->  lesson26@...: OK
            pool will grow
    $ celery -A celery_app control add_consumer lesson26.more -d lesson26@...
    ->  lesson26@...: OK
            add consumer lesson26.more
    $ celery -A celery_app control enable_events -d lesson26@...
    ->  lesson26@...: OK
            task events ...enabled
    true: a second process did what waited behind the first
    $ celery -A celery_app events --dump
    lesson26@... [...] task received: tasks.advanced_tasks.desk.report...
    lesson26@... [...] task started: tasks.advanced_tasks.desk.report...
    lesson26@... [...] task succeeded: tasks.advanced_tasks.desk.rep...
        (... more lines)
    true: the worker takes from the new queue; sender and worker report each step
    $ celery -A celery_app events
        (...)
    $ celery -A celery_app control disable_events -d lesson26@...
    ->  lesson26@...: OK
            task events disabled
    $ celery -A celery_app inspect ping -d lesson26-solo@...
    ->  lesson26-solo@...: OK
            pong
    1 node online.
    true: the solo worker was busy, and not dead
    $ celery multi start w1 -A celery_app ...pidfile=...
        > ...
    $ celery multi restart w1 -A celery_app ...pidfile=...
        > ...
    $ celery multi stopwait w1 -A celery_app ...pidfile=...
        > ...
    true: celery multi ...

Try next.  Guess first:
  1. Take *at away from "status".  Who else answers, and who does not?
  2. Let main() note APPROVED for OSL-0 before ask().  Which claim does not hold any more?
  3. Type `celery -A celery_app inspect query_task ID` for a task of lesson 04 while it runs.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

from celery import Task
from celery.result import AsyncResult

from labkit.lesson import claim, run_lesson
from labkit.own.command import Command, celery
from labkit.own.ledgers import own_ledgers
from labkit.own.multi import Multi, multi
from labkit.own.queues import own_queues
from labkit.own.screen import draws
from labkit.own.workers import Worker, WorkerLine, workers_of
from labkit.waiting import wait_until
from tasks.advanced_tasks import get_approval, report_sales
from work.ledger import Ledger

QUEUE, SOLO, MORE, BACKGROUND = "lesson26", "lesson26.solo", "lesson26.more", "lesson26.multi"
LINES = [
    # Events are off in this worker, so that there is something to enable.  (Where Flower runs, it
    # has often been quicker: it tells every worker to switch them on.)
    WorkerLine("lesson26", [QUEUE], ["--concurrency=1"], ["worker.send_task_events=False"]),
    WorkerLine("lesson26-solo", [SOLO], ["--pool=solo"]),
]
TIMEOUT_S = 30  # nothing here takes 5 s; the rest is room for a busy machine


def main() -> None:
    with (
        own_ledgers("lesson26", "log") as (ledger,),
        own_queues(QUEUE, SOLO, MORE, BACKGROUND),
        ThreadPoolExecutor() as meanwhile,
        multi("w1", f"--queues={BACKGROUND}", "--concurrency=1") as w1,
    ):
        three_verbs = meanwhile.submit(start_restart_stop, w1)  # shown at the end
        with workers_of(LINES) as (worker, solo), celery("events", "--dump") as dump, closing(w1):
            busy = send(get_approval, ledger, "OSL-0", SOLO)
            sent = {
                "active": send(get_approval, ledger, "OSL-1", QUEUE),
                "reserved": send(report_sales, ledger, "OSL-2", QUEUE),
                "scheduled": send(report_sales, ledger, "OSL-3", QUEUE, countdown=60),
            }
            wait_until(lambda: busy.state == sent["active"].state == "STARTED", TIMEOUT_S)
            ask(worker, solo, sent)
            full_screen = meanwhile.submit(draws, "UUID", ["celery", "-A", "celery_app", "events"])
            change(worker, sent)
            listen(ledger, worker, dump, full_screen)
            for booking in ("OSL-0", "OSL-1"):
                ledger.note("APPROVED", booking)
            busy.get(timeout=TIMEOUT_S)
            answer = celery("inspect", "ping", "-d", solo.name).show()
            claim("pong" in answer, "the solo worker was busy, and not dead")
            show_background(w1, *three_verbs.result())


def send(task: Task, ledger: Ledger, booking: str, queue: str, **options) -> AsyncResult:
    return task.apply_async((ledger.run, booking), queue=queue, **options)


def ask(worker: Worker, solo: Worker, sent: dict[str, AsyncResult]) -> None:
    """Ask the questions.  None depends on another one, so they are asked side by side."""
    at = ["-d", worker.name]
    status, silent = celery("status", *at), celery("inspect", "ping", "-d", solo.name)
    lists = [celery("inspect", what, *at) for what in sent]
    registered, stats = celery("inspect", "registered", *at), celery("inspect", "stats", *at)
    status.show()
    silent.show()
    claim(silent.end() != 0, "a worker with --pool=solo does not answer while it works")
    texts = [command.show() for command in lists]
    claim(
        all(result.id in text for result, text in zip(sent.values(), texts, strict=True)),
        "one task runs, one waits for a slot, one for its time",
    )
    registered.show("OK", "report_sales")
    stats.show("OK", "implementation", "max-concurrency", "prefetch_count")


def change(worker: Worker, sent: dict[str, AsyncResult]) -> None:
    """Change the worker, and see what comes of it."""
    at = ["-d", worker.name]
    commands = [
        celery("control", "rate_limit", report_sales.name, "10/s", *at),
        celery("control", "pool_grow", "1", *at),
        celery("control", "add_consumer", MORE, *at),
        celery("control", "enable_events", *at),
    ]
    for command in commands:
        command.show()
    sent["reserved"].get(timeout=TIMEOUT_S)
    claim(sent["active"].state == "STARTED", "a second process did what waited behind the first")


def listen(ledger: Ledger, worker: Worker, dump: Command, drawn: Future[bool]) -> None:
    """Show what `celery events` hears of one task, sent to the queue that was added."""
    dump.wait_until_it_prints("heartbeat")  # then it listens
    task = send(report_sales, ledger, "OSL-4", MORE)
    steps = {
        step: f"task {step}: {report_sales.name}({task.id})"
        for step in ("sent", "received", "started", "succeeded")
    }
    for line in steps.values():
        dump.wait_until_it_prints(line)
    dump.interrupt()
    # The sender reports over a connection of its own: its line may come before or after the others.
    heard = dump.show(*(line for step, line in steps.items() if step != "sent"))
    claim(
        all(line in heard for line in steps.values()),
        "the worker takes from the new queue; sender and worker report each step",
    )
    print("$ celery -A celery_app events")
    page = "a full screen with a line for each task" if drawn.result() else "it cannot draw here"
    print(f"    ({page})")
    celery("control", "disable_events", "-d", worker.name).show()


def start_restart_stop(w1: Multi) -> tuple[list[tuple[str, str]], bool]:
    """Run `celery multi` three times.

    Returns each line with the last one that it printed about w1, and whether w1 ran, ran as another
    process, and was gone.
    """
    started, first = w1.run("start"), w1.wait_for_another_than(None)
    restarted, second = w1.run("restart"), w1.wait_for_another_than(first)
    stopped = w1.run("stopwait")
    # It says DOWN when the pid file is gone; the process needs a moment more.
    as_told = first and second and first != second and second.wait(TIMEOUT_S)
    return [started, restarted, stopped], bool(as_told)


def show_background(w1: Multi, said: list[tuple[str, str]], as_told: bool) -> None:
    for line, answer in said:
        print(f"{line}\n    {answer}")
    if w1.spoiled_by:
        claim(w1.process() is None, "celery multi was left out")
    else:
        claim(as_told, "celery multi started w1, replaced it, and ended it")


if __name__ == "__main__":
    run_lesson(main, queues=[])
