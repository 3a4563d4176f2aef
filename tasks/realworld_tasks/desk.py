"""A task that needs a connection, and two moments to open it: before the pool is made, and after.

A worker makes its pool by fork: each process of the pool begins as a copy of the worker, with every
connection that the worker has open.  A copy of a connection is no second connection.
"""

import os
import socket

from celery.signals import worker_init, worker_process_init

from celery_app import app
from work import information_desk

CONNECTIONS: dict[str, socket.socket] = {}


@worker_init.connect
def open_too_early(**_kwargs) -> None:
    """Broken on purpose: in the worker itself, before it makes its pool.

    A connection that a module opens when it is imported is made at the same moment.
    """
    if address := os.environ.get("DESK_ADDRESS"):  # lesson 59 sets it, for its own worker
        CONNECTIONS["before the fork"] = information_desk.connect(address)


@worker_process_init.connect
def open_in_each_process(**_kwargs) -> None:
    """In each process of the pool, when it has just been made."""
    if address := os.environ.get("DESK_ADDRESS"):
        CONNECTIONS["after the fork"] = information_desk.connect(address)


@app.task
def ask_desk(question: str, opened: str) -> str:
    """Ask on the connection that was opened "before the fork" or "after the fork"."""
    return information_desk.ask(CONNECTIONS[opened], question)
