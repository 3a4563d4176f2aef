"""A task that takes more and more memory: draw_boarding_pass."""

from celery_app import app
from work import boarding_passes


@app.task
def draw_boarding_pass(size_mb: int) -> dict:
    """Broken on purpose: draw a boarding pass, and keep it in a list that nobody empties.

    Returns {"pid": int, "memory_mb": float}: the process, and its resident memory at the end.
    Raises ValueError unless size_mb is 1 to 500.
    """
    return boarding_passes.draw(size_mb)
