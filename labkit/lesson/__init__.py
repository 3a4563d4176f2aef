"""What lessons call: run_lesson, claim and table here; the rest by its module's name."""

from labkit.lesson.run import claim, run_lesson
from labkit.lesson.tables import table

__all__ = ["claim", "run_lesson", "table"]
