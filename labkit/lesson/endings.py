"""How a task ended, in a word or two."""

from celery.result import AsyncResult


def how_it_ended(result: AsyncResult, gap: str = " ") -> str:
    """The state of a task, with the kind of its error: "SUCCESS", "FAILURE MailRefused"."""
    error = gap + type(result.result).__name__ if result.failed() else ""
    return f"{result.state}{error}"
