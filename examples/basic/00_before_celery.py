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
    true: thread and process: no script could end before its work, and killing it lost the work
    true: asyncio: the work was lost even when the script ended by itself
    true: queue: both scripts were gone, and the work was still done

Try next.  Guess first:
  1. Set WORK_S to 3.  Which scripts wait longer, and which one does not?
  2. In with_asyncio, write `return await work`.  What does the row say now?
  3. In with_queue, call say_so_and_stay() before .delay().  What can a queue not save?
     (The lesson waits 20 s for it.)
"""

import asyncio
import socket
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from lab_home import LAB_FILES
from labkit.lesson import claim, run_lesson
from labkit.processes.identity import ProcessId
from labkit.waiting import wait_until
from work.ledger import Ledger
from work.naps import noted_nap

WORK_S = 1  # long enough to be killed in, short enough to wait for
TIMEOUT_S = 20  # the queue's two jobs take 1 s; the rest is room for a busy worker
FOLDER = LAB_FILES / "ledgers"


# -- The four scripts -------------------------------------------------------------------------
def with_thread(run: str, job: str) -> None:
    ThreadPoolExecutor().submit(noted_nap, Ledger(FOLDER, run), job, WORK_S)
    say_so_and_stay()


def with_process(run: str, job: str) -> None:
    ProcessPoolExecutor().submit(noted_nap, Ledger(FOLDER, run), job, WORK_S)
    say_so_and_stay()


def with_asyncio(run: str, job: str) -> None:
    async def noted_sleep() -> None:
        Ledger(FOLDER, run).note("START", job)
        await asyncio.sleep(WORK_S)
        Ledger(FOLDER, run).note("END", job)

    async def script() -> asyncio.Task:
        work = asyncio.create_task(noted_sleep())
        await asyncio.to_thread(say_so_and_stay)
        return work  # not awaited: asyncio.run() cancels it, and ends

    asyncio.run(script())


def with_queue(run: str, job: str) -> None:
    from tasks import basic_tasks  # the other three scripts need no Celery

    basic_tasks.noted_nap.delay(run, job, WORK_S)
    say_so_and_stay()


def say_so_and_stay() -> None:
    print("handed over", flush=True)
    sys.stdin.read()  # returns when the lesson closes our input


WAYS = {
    "thread": with_thread,
    "process": with_process,
    "asyncio": with_asyncio,
    "queue": with_queue,
}


# -- The lesson -------------------------------------------------------------------------------
def main() -> None:
    ledger = Ledger(FOLDER, f"lesson00-{time.time_ns()}")
    results = {way: try_way(way, ledger.run) for way in WAYS}

    # All scripts are gone now.  What is not done yet is lost, or it is with the queue.
    jobs = ["queue ended", "queue killed"]
    wait_until(lambda: all(ledger.find("END", job) for job in jobs), TIMEOUT_S)

    rows = {way: row(ledger, way, *results[way]) for way in WAYS}
    ledger.remove()
    layout = "{:<9}{:<17}{:<18}{:<21}{}"
    header = ("way", "script ends", "script is killed", "the work is done by", "another machine")
    for line in [header, *((way, *cells) for way, cells in rows.items())]:
        print(layout.format(*line))

    pools = [rows["thread"][:2], rows["process"][:2]]
    claim(
        all(ends.startswith("it waits") and killed == "work lost" for ends, killed in pools),
        "thread and process: no script could end before its work, and killing it lost the work",
    )
    claim(
        rows["asyncio"][0] == "work lost",
        "asyncio: the work was lost even when the script ended by itself",
    )
    claim(
        rows["queue"][:2] == ("work done later", "work done later"),
        "queue: both scripts were gone, and the work was still done",
    )


def try_way(way: str, run: str) -> tuple[int, float, float]:
    """Start a script and kill it; start it again and let it end.

    Returns (pid of the one that ended, seconds it took to end, time when it had ended).
    """
    killed = started_script(way, run, f"{way} killed")
    # Killing the script alone would leave its child process behind, which waits for ever.
    ProcessId.of(killed.pid).kill_group()
    killed.communicate()

    ended = started_script(way, run, f"{way} ended")
    start = time.monotonic()
    ended.communicate()  # closes its input, and waits for its end
    return ended.pid, time.monotonic() - start, time.time()


def started_script(way: str, run: str, job: str) -> subprocess.Popen[str]:
    """Start one of the four scripts; return when it has handed its job over."""
    script = subprocess.Popen(
        [sys.executable, __file__, way, run, job],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # it leads a process group: itself and all that it starts
    )
    script.stdout.readline()
    return script


def row(
    ledger: Ledger, way: str, pid: int, took_s: float, ended_at: float
) -> tuple[str, str, str, str]:
    """The cells of the table, from what stands in the ledger."""
    killed = "work done later" if ledger.find("END", f"{way} killed") else "work lost"
    end = ledger.find("END", f"{way} ended")
    if end is None:
        ended = "work lost"
    else:
        ended = f"it waits {took_s:.1f} s" if end.time < ended_at else "work done later"

    start = ledger.find("START", f"{way} ended")
    if start is None:
        return ended, killed, "nobody", "no"
    same_machine = start.host == socket.gethostname()
    if same_machine and start.pid == pid:
        return ended, killed, "the script itself", "no"
    if same_machine and start.group == pid:
        return ended, killed, "its child", "no"
    # Script and worker have no common parent and no common memory: only the address of a
    # broker.  So the worker can as well be in another room.
    return ended, killed, "a process apart", "possible"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        way, run, job = sys.argv[1:]
        WAYS[way](run, job)
    else:
        run_lesson(main, queues=["basic"])
