"""Does the process that began a task still run?  A worker in a warm stop answers no question."""

import socket

import psutil

from labkit.broker.results import StoredResult


def process_ended(result: StoredResult | None) -> bool | None:
    """True if the process that began the task has ended, False if it runs; None if not known.

    It is known for a state that names its process (STARTED), on this machine alone.  In a
    container a process has another number, and its worker another host name.
    """
    if not result or not result.pid or result.worker.partition("@")[2] != socket.gethostname():
        return None
    try:
        return psutil.Process(result.pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except (psutil.Error, ValueError):  # somebody else's; a number that no process has
        return None
