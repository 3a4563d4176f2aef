"""Ask workers and Beat, over the broker, whether they are there and what they do."""

import functools
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery

# What decides under which names workers hear questions, and give their answers.
NAMES = ("global_keyprefix", "sep", "priority_steps", "fanout_prefix", "fanout_patterns")

# Who only asks gives up soon, where the broker has gone.  kombu alone would try for 15 s and more.
SOON = {"max_retries": 3, "interval_start": 0.1, "interval_step": 0.1, "interval_max": 0.3}

# The queues of celery_app.py, which have workers after ./lab up.  A test holds them to be the same:
# to import that file takes Celery along.
LAB_QUEUES = ("basic", "advanced", "realworld")
PING_S = 0.2  # how long one round waits; a process that starts is asked again and again
ANSWER_S = 1.0  # a worker that is up answers in milliseconds


def asking_app(broker_url: str, *, lab_settings: bool = True) -> "Celery":
    """An app of its own, because this process may have started before its broker.

    lab_settings: False for a worker that was given broker_transport_options of its own.
    Where celery_app.py cannot be imported, it has Celery's own names.
    """
    from celery import Celery

    app = Celery("lab-control", broker=broker_url, set_as_current=False)
    app.conf.broker_transport_options = dict(SOON)
    try:
        from celery_app import app as ours
    except (Exception, SystemExit):  # noqa: BLE001 - the learner's file: anything can stand in it
        return app
    app.conf.control_exchange = ours.conf.control_exchange
    options = ours.conf.broker_transport_options or {} if lab_settings else {}
    names = {name: options[name] for name in NAMES if name in options}
    app.conf.broker_transport_options = names | SOON
    return app


class Inspector:
    """A line to the workers and Beat over the broker, as `celery inspect` has it."""

    def __init__(self, broker_url: str) -> None:
        self.broker_url = broker_url

    @functools.cached_property
    def app(self) -> "Celery":
        """Made at the first question: `./lab up` imports Celery while its children start."""
        return asking_app(self.broker_url)

    def answers(self, names: set[str]) -> set[str]:
        """Which of these node names (lab1@host, celerybeat@host) answer a ping."""
        replies = self.app.control.ping(sorted(names), timeout=PING_S, limit=len(names))
        return {name for reply in replies or () for name in reply}

    def active_tasks(self, names: set[str]) -> list[tuple[str, Mapping]]:
        """(worker, task) for every task that runs on these workers now; task has id and name."""
        inspect = self.app.control.inspect(sorted(names), timeout=ANSWER_S, limit=len(names))
        answers = inspect.active() or {}
        return [(worker, task) for worker, tasks in answers.items() for task in tasks]

    def consumed_queues(self, *, first_answer_only: bool) -> set[str]:
        """The queues that the workers which answer take messages from."""
        limit = 1 if first_answer_only else None
        inspect = self.app.control.inspect(timeout=ANSWER_S, limit=limit)
        answers = inspect.active_queues() or {}
        return {queue["name"] for active in answers.values() for queue in active or ()}

    def close(self) -> None:
        """Give the connections back, if there are any."""
        if "app" in self.__dict__:
            self.app.close()


def broker_errors() -> tuple[type[Exception], ...]:
    """What a question to the workers raises where the broker is away."""
    from kombu.exceptions import OperationalError  # deferred: kombu takes its time
    from redis.exceptions import RedisError

    return OSError, OperationalError, RedisError


def node_name(child_name: str) -> str:
    """The name a worker or Beat has for Celery: lab1 -> lab1@host."""
    host = socket.gethostname()
    return f"celerybeat@{host}" if child_name == "beat" else f"{child_name}@{host}"
