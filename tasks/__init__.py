"""What the queue knows: one module or package a level, and the learner's own playground.

`app` stands here so that `celery -A tasks worker` finds it, too.
"""

from celery_app import app

__all__ = ["app"]
