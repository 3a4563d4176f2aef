"""What lessons call: run_lesson and claim here; the rest by its module's name."""

from labkit.lesson.run import claim, run_lesson

__all__ = ["claim", "run_lesson"]
