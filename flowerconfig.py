"""Flower's settings; `celery -A celery_app flower` reads this file from the current folder."""

# Flower shows every argument and can stop tasks and workers.  Its default is all interfaces.
# The port is Flower's default, 5555; --port, or FLOWER_PORT in the environment, names another.
address = "127.0.0.1"
