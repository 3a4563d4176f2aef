"""Periodic tasks: let a clock send them, and see what becomes of them when nobody works.

Beat is a clock with a timetable, `beat_schedule` in celery_app.py.  When an entry is due, it puts
a message on a queue, and that is all: it runs nothing, and it does not ask whether anybody does.
There must be one Beat, and only one.  Two of them send everything twice.

First the lab's own timetable, two intervals and two crontabs: when is each due next?  Then a second
Beat, with a timetable of this lesson's own: a tick each second, on a queue that nobody takes from.
The ticks pile up, although each has an `expires`.  That does not take a message out of the queue.
It tells the worker, when there is one, to throw the message away.

The task is `noted_nap` in tasks/basic_tasks.py, with a nap of 0 seconds.

    ./lab run 07        # about 10 s

Watch: http://localhost:5555/tasks shows the ticks that came too late as REVOKED.

You should see:

    entry             task                    due next
    every 30 seconds  periodic_task           ...
    every minute      send_unfinished_orders  ...
    Monday morning    add                     Mon ... 07:30:00
    every night       daily_task              ... 02:00:00
    true: an interval counts from the last time, a crontab names times of the clock
    $ ./start_beat.sh ...--pidfile=... -- 'beat.schedule=(dict){"tick": {...}}'
    in the queue lesson07, where nobody takes them, there are 4 ticks:
    sent at ...  has expired
    sent at ...  has expired
    sent at ...  has ...
    sent at ...  has not expired yet
    true: Beat sent one each second, and they pile up
    true: what has expired lies in the queue all the same
    $ ./start_worker.sh -n lesson07@%h --queues=lesson07 --concurrency=1
    ticks that had expired: REVOKED TaskRevokedError('expired')
    true: the worker threw them away, and started none of them
    true: a tick that had not expired was done

Try next.  Guess first:
  1. Set PILE to 8.  How many of the ticks have expired, and how many does the worker do?
  2. Set EXPIRES_S to 60.  Which claim does not hold, and what would a worker do with the pile?
  3. Add an entry with crontab(minute=0, hour=8, day_of_month=1) to celery_app.py.  When is it due?
"""

from datetime import timedelta
from typing import Any

from celery_app import app
from labkit.broker.queues import oldest
from labkit.lesson import claim, run_lesson
from labkit.lesson.state_reports import state_reports
from labkit.lesson.timetable import show_due, show_expired
from labkit.own.beat import own_beat
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from labkit.waiting import wait_until

QUEUE = "lesson07"
TICK_S = 1
EXPIRES_S = 1.5  # shorter than the pile is old: two of its four ticks are too late already
PILE = 4
TIMEOUT_S = 20  # the pile grows in 4 s; the rest is room for a busy machine


def timetable(run: str) -> dict[str, dict[str, Any]]:
    """What beat_schedule is in celery_app.py: a call that Beat makes, with its options."""
    return {
        "tick": {
            "task": "tasks.basic_tasks.noted_nap",
            "schedule": TICK_S,
            "args": [run, "tick", 0],
            "options": {"queue": QUEUE, "expires": EXPIRES_S},
        }
    }


def main() -> None:
    # When would each entry of the lab's own timetable be due again, if it was sent at this moment?
    now = app.now()
    due = show_due(app.conf.beat_schedule, now)
    claim(
        due["every 30 seconds"] == now + timedelta(seconds=30) and due["every night"].hour == 2,
        "an interval counts from the last time, a crontab names times of the clock",
    )
    with (
        own_ledgers("lesson07", "ticks") as (ledger,),
        own_queues(QUEUE) as client,
        own_beat("lesson07-beat", timetable(ledger.run)),
        state_reports() as reports,
    ):
        # Beat does not know that nobody works, and sends.  Nobody but a worker takes a message out
        # of a queue, so what has expired stays where it is.
        wait_until(lambda: client.llen(QUEUE) >= PILE, TIMEOUT_S)
        pile = oldest(client, QUEUE, count=PILE)
        print(f"in the queue {QUEUE}, where nobody takes them, there are {len(pile)} ticks:")
        expired = show_expired(pile, EXPIRES_S)
        took_s = (pile[-1].expires - pile[0].expires).total_seconds()
        claim(0.9 < took_s / (PILE - 1) < 2, "Beat sent one each second, and they pile up")
        claim(len(expired) >= 2, "what has expired lies in the queue all the same")

        # A worker looks at `expires` when it comes to a message.  Beat goes on meanwhile, so that
        # there are ticks which are in time.
        with own_worker("lesson07", [QUEUE], "--concurrency=1"):
            results = [app.AsyncResult(task_id) for task_id in expired]
            errors = {repr(one.get(timeout=TIMEOUT_S, propagate=False)) for one in results}
            print("ticks that had expired:", *{one.state for one in results}, *errors)
            in_time = wait_until(lambda: ledger.find("END", "tick") is not None, TIMEOUT_S)
        # The state that is left would be the same for a task which was begun and then called off.
        # So we ask for everything that the worker reported.
        states = {report["status"] for task_id in expired for report in reports.of(task_id)}
        claim(states == {"REVOKED"}, "the worker threw them away, and started none of them")
        claim(in_time, "a tick that had not expired was done")


if __name__ == "__main__":
    run_lesson(main, queues=[])
