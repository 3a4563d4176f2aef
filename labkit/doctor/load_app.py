"""Import the Celery app for a command that looks at the lab, without a traceback."""

import traceback

from celery import Celery

from labkit.errors import LabError, last_error
from labkit.stack.code import mend_hint


def load_app() -> Celery:
    """The app of celery_app.py; LabError if that file cannot be imported.

    Ask labkit.broker.check.check_redis first: the app may connect as soon as it is used.
    """
    try:
        from celery_app import app
    except Exception:  # noqa: BLE001 - it is the learner's file, and anything can stand in it
        why = last_error(traceback.format_exc())
        raise LabError(f"celery_app.py cannot be imported: {why}", mend_hint(why)) from None
    return app
