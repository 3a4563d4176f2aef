"""Cleaning up: let Beat remove old files, after a dry run, in one folder and behind no link.

Files pile up: reports, exports, pictures.  So Beat sends a task that removes what is old.  A task
that removes things needs three habits.  It works in one folder, and refuses a path that leads out
of it.  It does not follow symbolic links, which can point anywhere.  And it can tell what it would
remove without removing it (a dry run): that is what you read before you let it loose.

Here lie three old files, two new ones, and a link to a folder in which somebody else has an old
file.  First the task is called as a function, which needs no worker and no queue: a dry run, and a
path that leads out.  Then a Beat of this lesson's own sends it each second; a real timetable has
crontab(hour=3, minute=0) there (lesson 07).

The task is `cleanup_files` in tasks/realworld_tasks/cleanup.py, with work/cleanup.py.

    ./lab run 55        # about 5 s

Watch: http://localhost:5555/tasks shows cleanup_files; the first one names three files in its
result, and the others none.

You should see:

    in the folder: link/, new-1.txt, new-2.txt, old-1.txt, old-2.txt, sub/old-3.txt
    a dry run would remove lesson55/old-1.txt, lesson55/old-2.txt, lesson55/sub/old-3.txt
    true: after the dry run everything is there
    folder must stay inside the lab's files, got 'lesson55/../../outside'
    $ ./start_worker.sh -n lesson55@%h --queues=lesson55 --concurrency=1
    $ ./start_beat.sh --pidfile=...lesson55-beat.pid ...
    gone after Beat's clean-up: old-1.txt, old-2.txt, sub/old-3.txt
    in the folder: link/, new-1.txt, new-2.txt
    true: what the link leads to is still there, though it is as old

Try next.  Guess first:
  1. Take the False out of "args", and set TIMEOUT_S to 5.  What does Beat's clean-up remove then?
     Why is that the right default?
  2. Ask for "." in place of the path that leads out: all of the lab's files.  Is that refused, too?
  3. In labkit/own/old_files.py, put old[0].unlink() and old[0].symlink_to(files.outside) before the
     line with "link": old-1.txt is a link to an old file.  What does the dry run say about it?
"""

from labkit.lesson import claim, run_lesson
from labkit.own.beat import own_beat
from labkit.own.old_files import OLD, old_files
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from labkit.waiting import wait_until
from tasks.realworld_tasks import cleanup_files

NAME = "lesson55"  # of the folder, the queue and the worker
HOUR_S = 3600
TICK_S = 1
TIMEOUT_S = 30  # it takes about 2 s; the rest is room for a busy machine


def main() -> None:
    with old_files(NAME, age_s=2 * HOUR_S) as files, own_queues(NAME):
        before = files.names()
        print("in the folder:", ", ".join(before))

        # A task can be called as a function: it runs here, and nothing is sent.  dry_run=True is
        # its default, so whoever forgets to say what is meant removes nothing.
        would = cleanup_files(NAME, HOUR_S)["removed"]
        print("a dry run would remove", ", ".join(sorted(would)))
        claim(files.names() == before, "after the dry run everything is there")
        try:
            cleanup_files(f"{NAME}/../../outside", HOUR_S)
        except ValueError as error:
            print(error)

        # What beat_schedule is in celery_app.py.  "options" are those of apply_async(): while no
        # worker is there the messages pile up, and one that has waited too long is thrown away.
        # region schedule
        schedule = {
            "clean up": {
                "task": cleanup_files.name,
                "schedule": TICK_S,
                "args": [NAME, HOUR_S, False],  # dry_run=False: now it is meant
                "options": {"queue": NAME, "expires": 10 * TICK_S},
            }
        }
        # endregion
        with own_worker(NAME, [NAME], "--concurrency=1"), own_beat(f"{NAME}-beat", schedule):
            wait_until(lambda: len(files.removed()) == len(OLD), TIMEOUT_S)

        # The task looks at the link itself, and not at what it leads to.
        print("gone after Beat's clean-up:", ", ".join(files.removed()))
        print("in the folder:", ", ".join(files.names()))
        claim(files.outside.exists(), "what the link leads to is still there, though it is as old")


if __name__ == "__main__":
    run_lesson(main, queues=[])
