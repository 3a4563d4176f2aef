"""Cleaning up: let Beat remove old files, and keep a periodic task from overlapping itself.

Files pile up: reports, exports, pictures.  So Beat sends a task that removes what is old.  A task
that removes things needs three habits.  It works in one folder, and refuses a path that leads out
of it.  It does not follow symbolic links, which can point anywhere.  And it can tell what it would
remove without removing it (a dry run): that is what you read before you let it loose.

The second half is about any periodic task.  Beat sends when the time has come; it does not know
whether the last run has ended.  A task that takes longer than its interval overlaps itself, and if
somebody starts a second Beat by mistake, everything comes twice.  Here are two Beats on purpose,
with a task that takes 2 s and is sent each second.

The usual help is a lock in Redis: a key that one process can have at a time.  It must end by
itself after a while, or a killed worker would keep it for ever.  That is also its weakness: look at
the third row.

The tasks are in tasks/realworld_tasks/cleanup.py, with work/cleanup.py.

    ./lab run 55        # about 8 s

Watch: http://localhost:5555/tasks shows count_stock coming in pairs, and which of them returned
'skipped'.

You should see:

    3 files are old, 2 are new; a link leads out of the folder
    dry run: would remove old-1.txt, old-2.txt, sub/old-3.txt
    true: after the dry run everything is there
    $ ./start_worker.sh -n lesson55@%h --queues=lesson55 --pool=threads --concurrency=16
    $ ./start_beat.sh --pidfile=...lesson55-beat1.pid ...
    a second Beat starts, with the same timetable
    Beat's clean-up removed old-1.txt, old-2.txt, sub/old-3.txt
    true: what is new, and what the link points to, is still there
    '../outside' is refused: folder must stay inside the lab's files, got '...'
    two Beats, one task of 2 s each second:
    lock                      came  counted  skipped  at once at most
    none                      ...
    ends after 60 s           ...
    ends after 1 s            ...
    true: without a lock it overlapped itself, and all of it was work
    true: with the lock it never did, and who came meanwhile skipped
    true: a lock that ends before the work protects nothing

So choose the expiry longer than the longest run, and let a time limit end the run before that.  And
even then such a lock only saves work.  A process that is frozen while it has the lock wakes up
after the expiry and goes on, next to the new owner.  Where two at once would do harm, the work
itself must refuse the second one, as lesson 33 does with a key in the database.

Try next.  Guess first:
  1. Set WORK_S to 0.3.  Which of the two reasons for overlapping is left?
  2. Kill -9 a worker that holds a lock of 60 s (give count_stock 30 s of work, and a ledger).  How
     long does nobody count?
  3. Put old[0].unlink() and old[0].symlink_to(outside) behind the two loops of files_of_the_shop():
     now old-1.txt is a link to an old file.  What does the dry run say about it?
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson
from labkit.own.beat import own_beat
from labkit.own.ledgers import own_ledgers
from labkit.own.queues import own_queues
from labkit.own.workers import own_worker
from labkit.waiting import wait_until
from tasks.realworld_tasks import cleanup_files, count_stock
from work.ledger import Ledger

QUEUE = "lesson55"
HOUR_S = 3600
TICK_S = 1
WORK_S = 2  # longer than TICK_S
LOCKS_S = {"none": None, "ends after 60 s": 60, "ends after 1 s": 1}
RUNS = 4  # of each kind, at least
TIMEOUT_S = 60  # it takes about 8 s; the rest is room for a busy machine
OPTIONS = ["--pool=threads", "--concurrency=16"]  # room for everybody who comes


def main() -> None:
    names = [f"lock{number}" for number in range(len(LOCKS_S))]
    with (
        files_of_the_shop() as (folder, outside),
        own_ledgers("lesson55", *names) as found,
        own_queues(QUEUE),
    ):
        dry_run(folder)
        ledgers = dict(zip(LOCKS_S, found, strict=True))
        schedule = timetable(folder, ledgers)
        before = names_in(folder)
        with own_worker("lesson55", [QUEUE], *OPTIONS):
            with own_beat("lesson55-beat1", schedule):
                print("a second Beat starts, with the same timetable")
                with own_beat("lesson55-beat2", schedule, show=False):
                    wait_until(lambda: len(names_in(folder)) == 2, TIMEOUT_S)
                    wait_until(lambda: enough(ledgers), TIMEOUT_S)
            wait_until(lambda: all(map(all_ended, found)), TIMEOUT_S)
        print("Beat's clean-up removed", ", ".join(sorted(before - names_in(folder))))
        claim(
            names_in(folder) == {"new-1.txt", "new-2.txt"} and outside.exists(),
            "what is new, and what the link points to, is still there",
        )
        try:
            cleanup_files(f"{folder.name}/../../outside", HOUR_S)
        except ValueError as error:
            print(f"'../outside' is refused: {error}")
        counts = {name: look_at(ledger) for name, ledger in ledgers.items()}

    print(f"two Beats, one task of {WORK_S} s each second:")
    print("lock                      came  counted  skipped  at once at most")
    for name, (counted, skipped, most) in counts.items():
        print(f"{name:<24}{counted + skipped:>6}{counted:>9}{skipped:>9}{most:>18}")
    none, long, short = counts.values()
    claim(
        none[1] == 0 and none[2] > 1, "without a lock it overlapped itself, and all of it was work"
    )
    claim(
        long[1] > 0 and long[2] == 1, "with the lock it never did, and who came meanwhile skipped"
    )
    claim(short[2] > 1, "a lock that ends before the work protects nothing")


@contextmanager
def files_of_the_shop() -> Iterator[tuple[Path, Path]]:
    """A folder with old and new files and a link that leads out of it; and where that leads."""
    folder = LAB_FILES / f"lesson55-{time.time_ns()}"
    outside = folder.with_name(f"{folder.name}-outside") / "old.txt"
    old = [folder / "old-1.txt", folder / "old-2.txt", folder / "sub" / "old-3.txt"]
    new = [folder / "new-1.txt", folder / "new-2.txt"]
    try:
        for path in [*old, *new, outside]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("a report of last year")
        for path in [*old, outside]:
            os.utime(path, (time.time() - 2 * HOUR_S,) * 2)
        (folder / "link").symlink_to(outside.parent)
        print(f"{len(old)} files are old, {len(new)} are new; a link leads out of the folder")
        yield folder, outside
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(outside.parent, ignore_errors=True)


def dry_run(folder: Path) -> None:
    """Ask what would be removed; called as a function, a task needs no worker."""
    before = names_in(folder)
    would = cleanup_files(folder.name, HOUR_S)["removed"]
    shown = sorted(name.removeprefix(f"{folder.name}/") for name in would)
    print("dry run: would remove", ", ".join(shown))
    claim(names_in(folder) == before, "after the dry run everything is there")


def timetable(folder: Path, ledgers: dict[str, Ledger]) -> dict[str, dict[str, Any]]:
    """What beat_schedule is in celery_app.py."""
    options = {"queue": QUEUE, "expires": 10 * TICK_S}
    entries: dict[str, dict[str, Any]] = {
        f"count, lock {name}": {
            "task": count_stock.name,
            "schedule": TICK_S,
            "args": [ledger.run, WORK_S, LOCKS_S[name]],
            "options": options,
        }
        for name, ledger in ledgers.items()
    }
    entries["clean up"] = {
        "task": cleanup_files.name,
        "schedule": TICK_S,
        "args": [folder.name, HOUR_S, False],  # dry_run=False: now it is meant
        "options": options,
    }
    return entries


def names_in(folder: Path) -> set[str]:
    """The files below a folder, without links."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and "link" not in path.parts
    }


def enough(ledgers: dict[str, Ledger]) -> bool:
    """True when each kind came often enough to show what it does."""
    counts = {name: look_at(ledger) for name, ledger in ledgers.items()}
    often = all(counted + skipped >= RUNS for counted, skipped, _most in counts.values())
    return often and counts["none"][2] > 1 and counts["ends after 1 s"][2] > 1


def all_ended(ledger: Ledger) -> bool:
    events = [entry.event for entry in ledger.entries()]
    return events.count("START") == events.count("END")


def look_at(ledger: Ledger) -> tuple[int, int, int]:
    """How many counted, how many skipped, and how many were counting at once at most."""
    now = most = 0
    events = [entry.event for entry in ledger.entries()]
    for event in events:  # they stand in the order of time
        now += {"START": 1, "END": -1}.get(event, 0)
        most = max(most, now)
    return events.count("START"), events.count("SKIP"), most


if __name__ == "__main__":
    run_lesson(main, queues=[])
