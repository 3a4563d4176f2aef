"""No overlap: keep a periodic task from running beside itself, with a lock that ends by itself.

Beat sends when the time has come; it does not know whether the last run has ended.  A task that
takes longer than its interval overlaps itself, and if somebody starts a second Beat by mistake,
everything comes twice.  Here are two Beats on purpose, with one timetable: a task that takes 2 s,
each second.

The usual help is a lock in Redis: a key that one process can have at a time.  In it stands a word
that only its owner knows, so that nobody else can release it.  And it ends by itself after a while,
or a killed worker would keep it for ever.  That is also its weakness.  So the task runs without a
lock, with a long one, which ends after 60 s, and with a short one, which ends after 1 s.

The task is `count_stock` in tasks/realworld_tasks/cleanup.py, and its lock is `only_one`, below it.

    ./lab run 56        # about 8 s

Watch: http://localhost:5555/tasks shows count_stock coming in pairs, and which of them returned
'skipped'.

You should see:

    $ ./start_worker.sh -n lesson56@%h --queues=lesson56 --pool=threads --concurrency=16
    $ ./start_beat.sh --pidfile=...lesson56-beat1.pid ...
    $ ./start_beat.sh --pidfile=...lesson56-beat2.pid ...
    two Beats, one task of 2 s each second:
    lock   came  counted  skipped  at once at most  lock lost
    none   ...
    long   ...
    short  ...
    true: none: it overlapped itself, and all of it was work
    true: long: it never overlapped itself, and who came meanwhile skipped
    true: short: a lock that ends before the work protects nothing
    true: short: each owner had lost it in the end, and left the next one's alone

So choose the expiry longer than the longest run, and let a time limit end the run before that.  And
even then such a lock only saves work.  A process that is frozen while it has the lock wakes up
after the expiry and goes on, next to the new owner.  Where two at once would do harm, the work
itself must refuse the second one, as lesson 33 does with a key in the database.

Try next.  Guess first:
  1. Set WORK_S to 0.8 (about 35 s).  Which of the two reasons for overlapping is left?
  2. In only_one of tasks/realworld_tasks/cleanup.py, write acquire() for acquire(blocking=False)
     (about 30 s).  Which sentence does not come true any more, and where do the runs wait now?
  3. Set the 1 in LOCKS_S to 3 (about 35 s).  Which row does the row `short` look like then?
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.overlap import ROW, overlap
from labkit.own.beat import own_beat
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from labkit.waiting import wait_until
from tasks.realworld_tasks import count_stock

NAME = "lesson56"  # of the queue and the worker
TICK_S = 1
WORK_S = 2  # longer than TICK_S
LOCKS_S = {"none": None, "long": 60, "short": 1}  # how long each lock lasts
RUNS = 4  # of each kind, at least
TIMEOUT_S = 30  # it takes about 5 s; the rest is room for a busy machine


def main() -> None:
    with own_ledgers(NAME, *LOCKS_S) as ledgers, own_queues(NAME):
        # What beat_schedule is in celery_app.py: the same task three times, with other arguments.
        schedule = {
            f"count, {lock} lock": {
                "task": count_stock.name,
                "schedule": TICK_S,
                "args": [ledger.run, WORK_S, LOCKS_S[lock]],
                "options": {"queue": NAME, "expires": 10 * TICK_S},
            }
            for lock, ledger in zip(LOCKS_S, ledgers, strict=True)
        }

        def enough() -> bool:
            none, long, short = map(overlap, ledgers)
            overlapped = none.at_once > 1 and short.at_once > 1
            return overlapped and min(none.came, long.came, short.came) >= RUNS

        # A thread for everybody who comes: a pool with one slot would hide that runs overlap, by
        # keeping them waiting.  In the end the two Beats stop, and then the worker, which finishes
        # what it does.
        with (
            own_worker(NAME, [NAME], "--pool=threads", "--concurrency=16"),
            own_beat(f"{NAME}-beat1", schedule),
            own_beat(f"{NAME}-beat2", schedule),
        ):
            wait_until(enough, TIMEOUT_S)
        none, long, short = seen = [overlap(ledger) for ledger in ledgers]

    # The task notes when it begins and ends, in this ledger; so what is counted is work, and not
    # messages or states.
    print(f"two Beats, one task of {WORK_S} s each second:")
    table("lock", *ROW, rows=[(lock, *one.row()) for lock, one in zip(LOCKS_S, seen, strict=True)])
    claim(
        none.skipped == 0 and none.at_once > 1,
        "none: it overlapped itself, and all of it was work",
    )

    # Who does not get the lock does not wait for it: the next one comes in a second anyway.
    claim(
        long.skipped > 0 and long.at_once == 1,
        "long: it never overlapped itself, and who came meanwhile skipped",
    )

    # Nothing tells a task that its lock has expired: it works on without one.  When it releases
    # the lock, redis-py finds another's word in it, or none, and leaves it alone.
    claim(short.at_once > 1, "short: a lock that ends before the work protects nothing")
    claim(
        long.lost == 0 and short.lost == short.began,
        "short: each owner had lost it in the end, and left the next one's alone",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
