"""Do the workers have the time of this machine, and the time zone of celery_app.py?"""

import base64
import json
import time
from contextlib import suppress
from typing import Any

import redis
from celery import Celery

from labkit.broker.layout import layout_of
from labkit.doctor.findings import Finding
from labkit.doctor.queue_findings import restart_hint
from labkit.words import duration

TOLERANCE_S = 2.0  # a heartbeat takes milliseconds; clocks that NTP keeps differ by less
HEARTBEATS_S = 1.0  # a worker without events sends none, and is not waited for any longer


def clocks_ahead(app: Celery, client: redis.Redis, count: int) -> dict[str, float]:
    """{worker: how many seconds its clock is ahead of ours}, of `count` workers.

    A heartbeat says what time it is in its worker, and workers send one when they are asked to.
    It left while we listened: only what is outside of that time is a difference.
    Workers without heartbeats (and events) are not in the answer.
    """
    channel = layout_of(app).channel(client, "celeryev/worker.heartbeat")
    ahead: dict[str, float] = {}
    began = time.time()
    with client.pubsub() as listening:
        listening.subscribe(channel)
        listening.get_message(timeout=HEARTBEATS_S)  # says that we listen
        deadline = time.monotonic() + HEARTBEATS_S
        app.control.broadcast("heartbeat")
        while len(ahead) < count and (left_s := deadline - time.monotonic()) > 0:
            message = listening.get_message(timeout=left_s)
            with suppress(ValueError, KeyError, TypeError):  # none, or no heartbeat of Celery's
                event = json.loads(base64.b64decode(json.loads(message["data"])["body"]))
                ahead[event["hostname"]] = outside(event["timestamp"], began, time.time())
    return ahead


def outside(moment: float, start: float, end: float) -> float:
    """How far a moment is after the end (more than 0) or before the start (less than 0).

    >>> outside(105, 100, 101), outside(90, 100, 101), outside(100.5, 100, 101)
    (4, -10, 0.0)
    """
    return max(0.0, moment - end) or min(0.0, moment - start)


def clock_findings(ahead: dict[str, float]) -> list[Finding]:
    """One finding for each worker whose clock is not ours."""
    return [
        Finding(
            "wrong",
            f"the clock of {name} is at least {duration(round(abs(seconds), 1))} "
            f"{'ahead of' if seconds > 0 else 'behind'} the clock here: countdown, eta and expires "
            f"of what is sent from here come that much too {'early' if seconds > 0 else 'late'} "
            "there, and visibility_timeout is shorter by it; date -u shows the time",
            "date -u",
        )
        for name, seconds in sorted(ahead.items())
        if abs(seconds) > TOLERANCE_S
    ]


def zone_findings(app: Celery, settings: dict[str, dict[str, Any]]) -> list[Finding]:
    """One finding for each worker with another time zone than the app has here.

    settings: what `celery inspect conf` says of each worker.
    """
    ours = app.conf.timezone or "UTC"
    return [
        Finding(
            "wrong",
            f"the timezone of {name} is {theirs}, and here celery_app.py says {ours}: an eta or "
            "expires that names no zone means another moment there; a worker that is started again "
            "reads the settings anew",
            restart_hint(),
        )
        for name, conf in sorted(settings.items())
        if (theirs := conf.get("timezone") or "UTC") not in {str(ours), repr(ours)}
    ]
