"""What the queue knows: one module or package a level, and the learner's own playground.

`app` stands here so that `celery -A tasks worker` finds it, too, and `add` for the first line of
many notes: from tasks import add.
"""

from celery_app import app
from tasks.basic_tasks import add

__all__ = ["add", "app"]
