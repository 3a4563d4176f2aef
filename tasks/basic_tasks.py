"""The tasks of the basic level."""
from celery_app import app


@app.task
def add(x: float, y: float) -> float:
    """Return x + y: add(2, 3) -> 5."""
    return x + y

@app.task
def nap(s):
    import time; time.sleep(s); return s

@app.task
def periodic_task():
    return 1
