"""Tasks that are hard to judge from outside, for a worker with -I and the name of this module."""

import os
import signal

from celery import chain
from celery.exceptions import Ignore

from celery_app import app
from tasks.basic_tasks import add, nap


@app.task(bind=True)
def replaces_itself(self, seconds: float) -> None:
    """Hand the work to a chain that goes on under this task's id."""
    raise self.replace(chain(nap.si(seconds), add.si(1, 2)))


@app.task
def ignores_itself() -> None:
    """End without any state."""
    raise Ignore


@app.task(rate_limit="2/m")
def limited() -> int:
    """One in 30 seconds in each worker."""
    return 1


@app.task(acks_late=True, reject_on_worker_lost=True)
def ends_its_process() -> None:
    """Poison: kill the process that runs it, each time the message comes back."""
    os.kill(os.getpid(), signal.SIGKILL)
