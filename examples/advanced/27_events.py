"""Events: follow every step of every task from outside, and know what nobody reports.

The result backend keeps one state for each task: the last one.  Events tell all of them, as they
come, with the worker and the time.  A worker sends them if it is told to (-E, or
worker_send_task_events, or `control enable_events`), and a sender reports what it sends if
task_send_sent_event is on.  Flower, `celery events` and ./lab monitor live on them.  A listener of
your own has about fifteen lines: a Receiver, and a function that is called with each event.

Events are not kept: who comes later hears nothing of what was.  Each one is a message more, and one
for each listener.  And a report is made by somebody alive: when a worker is killed, nobody says so.
There is only silence where its heartbeat was, which comes every 2 s.

Here five tasks go through five lives, and the last one is killed with its worker.  They are in
tasks/advanced_tasks/desk.py, and `ask_until_ready` is in tasks/basic_tasks.py.

    ./lab run 27        # about 10 s

Watch: http://localhost:5555/tasks shows what Flower made of the same events.

You should see:

    $ ./start_worker.sh -n lesson27-heard@%h --queues=lesson27.heard --concurrency=1 ...
    $ celery -A celery_app control enable_events -d lesson27-heard@...
            task events ...enabled
    task     sent  what its worker reported                             in the end
    works    1     received started succeeded                           SUCCESS
    fails    1     received started failed                              FAILURE
    retries  2     received started ... started succeeded  SUCCESS
    revoked  1     received revoked                                     REVOKED
    killed   1     received started                                     STARTED
    5 tasks made 22 events
    true: RETRY was heard, too, which the next state has overwritten
    true: nobody reported the kill; only the heartbeat is missing
    $ celery -A celery_app events --dump
    lesson27-heard@... [...] task received: tasks...
    lesson27-heard@... [...] task started: tasks...
    lesson27-heard@... [...] task succeeded: tasks...
    $ celery -A celery_app events
        (...)

Try next.  Guess first:
  1. Print the event in note() where step is "failed".  What does it tell beside the id?
  2. Add "task.send_sent_event=False" to WORKER.  Which number in the column "sent" changes, and why
     only this one?
"""

from collections import defaultdict

from celery_app import app
from labkit.lesson import claim, run_lesson, table
from labkit.lesson.listening import listening
from labkit.lesson.trial import trial
from labkit.own.command import celery
from labkit.own.screen import draws
from labkit.waiting import wait_until
from tasks.advanced_tasks import get_approval, report_sales
from tasks.basic_tasks import ask_until_ready

# Events are off in this worker, so that there is something to enable.  (Where Flower runs, it has
# often been quicker: it tells every worker to switch them on.)
WORKER = {"heard": ["--concurrency=1", "worker.send_task_events=False"]}
DUE_S = 2  # soon enough to see the task thrown away
TIMEOUT_S = 30  # nothing here takes 5 s; the rest is room for a busy machine


def main() -> None:
    state = app.events.State()  # what can be known from events: tasks, and workers
    steps = defaultdict(list)  # task id -> each step, in order

    # This is the whole listener: a function for each event, and a Receiver (below) that calls it.
    # An event is a dict: its type, the task's id, the worker, the time, and what else there is.
    def note(event: dict) -> None:
        state.event(event)
        kind, _, step = event["type"].partition("-")
        if kind == "task":  # and not "worker"
            steps[event["uuid"]].append(step)

    with (
        trial("lesson27", WORKER) as setups,
        celery("events", "--dump") as dump,
        app.connection() as connection,
        listening(app.events.Receiver(connection, handlers={"*": note})),
    ):
        [one] = setups
        celery("control", "enable_events", "-d", one.worker.name).show("enabled", others=False)
        dump.wait_until_it_prints("heartbeat")  # then it listens, too

        tasks = {
            "works": one.send(report_sales, "OSL-1"),
            "fails": one.send(report_sales, "OSL-2", -1),
            "retries": ask_until_ready.apply_async((2, 0.1), queue=one.queue),
            "revoked": one.send(report_sales, "OSL-3", countdown=DUE_S),
        }
        wait_until(lambda: "received" in steps[tasks["revoked"].id], TIMEOUT_S)
        app.control.revoke(tasks["revoked"].id, destination=[one.worker.name])
        wait_until(lambda: all(state.tasks[task.id].ready for task in tasks.values()), TIMEOUT_S)

        # A worker that is killed says nothing any more: no end of the task, and no farewell.  After
        # 4 s without a heartbeat a State counts it as dead; what it knows of the task stays.
        tasks["killed"] = one.send(get_approval, "OSL-4")
        wait_until(lambda: "started" in steps[tasks["killed"].id], TIMEOUT_S)
        dump.interrupt()
        setups.kill()
        wait_until(lambda: not state.workers[one.worker.name].alive, TIMEOUT_S)

    # A worker's reports come in their order.  What is sent is reported by whoever sends it, over a
    # connection of its own, a moment earlier or later; so it is only counted.
    rows = []
    for name, task in tasks.items():
        by_worker = [step for step in steps[task.id] if step != "sent"]
        sent = steps[task.id].count("sent")
        rows.append((name, sent, " ".join(by_worker), state.tasks[task.id].state))
    table("task", "sent", "what its worker reported", "in the end", rows=rows)
    print(f"5 tasks made {sum(len(steps[task.id]) for task in tasks.values())} events")
    retried = "retried" in steps[tasks["retries"].id]
    claim(retried, "RETRY was heard, too, which the next state has overwritten")
    killed = state.tasks[tasks["killed"].id]
    claim(killed.state == "STARTED", "nobody reported the kill; only the heartbeat is missing")

    # Celery has two listeners of its own: one prints a line for each event, one draws a page.
    works = f"{report_sales.name}({tasks['works'].id})"
    dump.show(*(f"{step}: {works}" for step in ("received", "started", "succeeded")), others=False)
    drawn = draws("UUID", ["celery", "-A", "celery_app", "events"])
    print("$ celery -A celery_app events")
    print("    (a full screen with a line for each task)" if drawn else "    (it cannot draw here)")


if __name__ == "__main__":
    run_lesson(main, queues=[])
