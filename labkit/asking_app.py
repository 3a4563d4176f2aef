"""A Celery app that only asks workers: it knows the broker, and the names that settings change."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery

# What decides under which names workers hear questions, and give their answers.
NAMES = ("global_keyprefix", "sep", "priority_steps", "fanout_prefix", "fanout_patterns")

# Who only asks gives up soon, where the broker has gone.  kombu alone would try for 15 s and more.
SOON = {"max_retries": 3, "interval_start": 0.1, "interval_step": 0.1, "interval_max": 0.3}


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
