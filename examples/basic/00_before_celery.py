"""Before Celery: give work away in four ways, and see what is left when the script is gone.

A script can hand slow work to a thread, to another process, to asyncio, or to a queue.  As long
as the script lives they look alike.  The difference shows when it ends, or when it is killed.

Each way gets the same job twice: sleep for one second between a START and an END line in a file.
Each job is handed over by a script of its own: this file, started again.  One of the two scripts
then ends.  The other is killed (kill -9), with everything that it started, as by a power cut or
a careless deployment.  The queue's job is `noted_nap` in tasks/basic_tasks.py.

    ./lab run 00        # about 5 s

Watch: http://localhost:5555/tasks lists two naps.  They end after the scripts that sent them.

You should see:

    way      script ends      script is killed  the work is done by  another machine
    thread   it waits ... s   work lost         the script itself    no
    process  it waits ... s   work lost         its child            no
    asyncio  work lost        work lost         the script itself    no
    queue    work done later  work done later   a process apart      possible
    true: thread, process and asyncio: when the script was killed, the work was lost
    true: queue: both scripts were gone, and the work was still done

Python ends a script when the work of its threads and pools is done.  It does not wait for asyncio:
what nobody awaits is cancelled at the end, also when nothing went wrong.

Try next.  Guess first:
  1. Set WORK_S to 3.  Which scripts wait longer, and which one does not?
  2. In with_asyncio, write `return await work`.  What does the row say now?
  3. In with_queue, call say_so_and_stay() before .delay().  What can a queue not save?
     (The lesson waits 20 s for it.)
"""

import asyncio
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.survival import LATER, LOST, run_as_script, say_so_and_stay, try_way
from labkit.own.ledgers import own_ledgers
from labkit.waiting import wait_until
from work.ledger import Ledger
from work.naps import noted_nap, noted_sleep

WORK_S = 1  # long enough to be killed in, short enough to wait for
TIMEOUT_S = 20  # the queue's two jobs take 1 s; the rest is room for a busy worker


# Four scripts, which hand the same work over.  Each then stays until the lesson lets it end, or
# kills it.  Three of them are the only place where their work is.
def with_thread(ledger: Ledger, job: str) -> None:
    ThreadPoolExecutor().submit(noted_nap, ledger, job, WORK_S)
    say_so_and_stay()


def with_process(ledger: Ledger, job: str) -> None:
    ProcessPoolExecutor().submit(noted_nap, ledger, job, WORK_S)
    say_so_and_stay()


# All of asyncio's work is in one thread: to wait for the lesson must not hold it up.
def with_asyncio(ledger: Ledger, job: str) -> None:
    async def script() -> asyncio.Task:
        work = asyncio.create_task(noted_sleep(ledger, job, WORK_S))
        await asyncio.to_thread(say_so_and_stay)
        return work  # not awaited: asyncio.run() cancels it, and ends

    asyncio.run(script())


# When .delay() returns, the broker has the message, and the script is not needed any more.
def with_queue(ledger: Ledger, job: str) -> None:
    # region queue
    from tasks import basic_tasks  # the other three scripts need no Celery

    basic_tasks.noted_nap.delay(ledger.run, job, WORK_S)
    # endregion
    say_so_and_stay()


WAYS = {
    "thread": with_thread,
    "process": with_process,
    "asyncio": with_asyncio,
    "queue": with_queue,
}


def main() -> None:
    with own_ledgers("lesson00", "jobs") as (ledger,):
        # The work itself writes down when it begins and when it ends.  So we know what was done,
        # whatever became of the script.
        tried = [try_way(way, ledger) for way in WAYS]

        # All scripts are gone now.  What is not done yet is lost, or it is with the queue.
        *others, queue = tried
        wait_until(queue.both_done, TIMEOUT_S)

        # Script and worker have no common parent and no common memory: only the address of a
        # broker.  So the worker can as well be on another machine.
        table(
            *("way", "script ends", "script is killed", "the work is done by", "another machine"),
            rows=[one.row() for one in tried],
        )
        claim(
            all(one.killed() == LOST for one in others),
            "thread, process and asyncio: when the script was killed, the work was lost",
        )
        claim(
            queue.ended() == queue.killed() == LATER,
            "queue: both scripts were gone, and the work was still done",
        )


if __name__ == "__main__":
    if not run_as_script(WAYS):
        run_lesson(main, queues=["basic"])
