"""Flower's settings; `celery -A celery_app flower` reads this file from the current folder."""

# Flower shows every argument and can stop tasks and workers.  Celery's default is all interfaces.
address = "127.0.0.1"
port = 5555
