"""Tasks that write down how often they were delivered, where a lesson asks for it."""

import os
from typing import Any

from celery import Task

from lab_home import LAB_FILES
from work.ledger import Delivery, Ledger


class NotedTask(Task):
    """Writes START and END lines into the ledger LAB_FILES/ledgers/RUN.jsonl.

    RUN is LAB_LEDGER in the environment of the worker; without it nothing is written.  The job
    is the task's first argument and its name, with its result at the end:
    "TL-7 charge_buyer", "TL-7 charge_buyer charged".  The task id is that of the first message
    of the workflow: its root.
    """

    def before_start(self, task_id: str, args: tuple, kwargs: dict) -> None:  # noqa: ARG002
        """Called by Celery before the task runs, and before each of its retries."""
        self._note("START", [*args, *kwargs.values()], self.__name__)

    def on_success(self, retval: Any, task_id: str, args: tuple, kwargs: dict) -> None:  # noqa: ARG002
        """Called by Celery when the task has returned."""
        self._note("END", [*args, *kwargs.values()], f"{self.__name__} {retval}")

    def _note(self, event: str, arguments: list, what: str) -> None:
        run = os.environ.get("LAB_LEDGER")
        if not run or not arguments:
            return
        request = self.request
        redelivered = bool((request.delivery_info or {}).get("redelivered"))
        delivery = Delivery(request.root_id or "", request.hostname or "", redelivered)
        Ledger(LAB_FILES / "ledgers", run, delivery).note(event, f"{arguments[0]} {what}")
