"""A program that starts workers quickly: it imports Celery once, and forks for each worker.

    python -m labkit.side_by_side.nursery tasks.other_app worker --queues=mine ...

A worker that starts from nothing needs most of a second of computing, and a lesson that kills 60
of them has no time for that.  A line `start` on standard input starts a worker in a process group
of its own, and its process id is printed.  Before that, and at any other line, the last worker is
killed with its group.  The end of standard input, and SIGTERM, end everything.
"""

import os
import signal
import sys
import traceback
from importlib import import_module
from typing import Any

# What a worker imports when it starts.  Whatever is missing here costs each worker its time.
IMPORTED_ONCE = (
    "billiard.heap",
    "billiard.popen_fork",
    "billiard.sharedctypes",
    "celery.app.control",
    "celery.app.events",
    "celery.app.log",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer.delayed_delivery",
    "celery.worker.strategy",
)


def become_worker(app: Any, arguments: list[str]) -> None:
    """In the forked process: lead a group, and be a worker until the end."""
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)  # the answers on standard output are the nursery's alone
        app.worker_main(arguments)
    except Exception:  # noqa: BLE001  (whatever it is, the log must say it)
        traceback.print_exc()  # nobody else does: the process ends at once below
    finally:
        os._exit(0)


def kill_worker(pid: int) -> None:
    """Kill -9 a worker and its pool, and wait for the worker's end."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:  # it does not lead its group yet, and has no pool
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def main() -> None:
    """Obey standard input, line by line; answer each line with the worker's process id, or 0."""
    # The worker leads a group of its own: whoever ends the nursery would not reach it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    module, *arguments = sys.argv[1:]
    app = import_module(module).app
    app.finalize()
    app.connection_for_read().get_transport_cls()
    for name in IMPORTED_ONCE:
        import_module(name)
    pid = 0
    try:
        for line in sys.stdin:
            if pid:
                kill_worker(pid)
            pid = os.fork() if line == "start\n" else 0
            if line == "start\n" and not pid:
                become_worker(app, arguments)
            print(pid, flush=True)
    finally:
        if pid:
            kill_worker(pid)


if __name__ == "__main__":
    main()
