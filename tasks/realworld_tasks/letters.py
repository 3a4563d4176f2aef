"""Tasks that use a slow and paid service: answer_letters."""

import os
from functools import cache
from typing import TYPE_CHECKING

from celery import Task

from celery_app import app
from lab_home import REDIS_URL

if TYPE_CHECKING:
    from work.token_bucket import TokenBucket

RATE = 9  # calls a second, of all workers together; the service allows 10 in any second
CAPACITY = 1  # rate + capacity is the most that any second can see


@app.task(bind=True, acks_late=True, max_retries=10)
def answer_letters(
    self: Task, letters: list[str], answers: dict[str, str] | None = None, limited: bool = True
) -> dict[str, str]:
    """Let the service at LETTERS_URL answer several letters; return {letter: answer}.

    letters: their ids, such as "letter-7".  A letter is paid once, however often it is asked for.
    answers: those that are there already; a retry hands them on.
    limited: False calls without asking the token bucket first.
    Raises ValueError for what is no list of ids, and where LETTERS_URL names no service; and
    Unanswered, which holds the answers that did come, for what waiting does not heal.
    """
    from work.language_model import Unanswered, answer_all, check_letters

    url = os.environ.get("LETTERS_URL")
    if not url:
        raise ValueError("LETTERS_URL must name a service that answers letters, got none")
    answers = answers or {}
    missing = [letter for letter in check_letters(letters) if letter not in answers]
    found = answer_all(url, missing, bucket() if limited else None)
    answers |= found.answers
    if found.error:
        why = f"{type(found.error).__name__}: {found.error}"
        raise Unanswered(why, answers) from found.error
    # region refused
    if found.retry_after_s is not None:
        # The service knows best when to come again.  The slot is free meanwhile.
        raise self.retry(
            args=(letters, answers, limited),
            countdown=found.retry_after_s,
            exc=Unanswered("the service was too busy for some letters", answers),
        )
    # endregion
    return answers


@cache
def bucket() -> "TokenBucket":
    """The bucket of this shop, in the lab's Redis; made when a process of the pool needs it."""
    import redis

    from work.token_bucket import TokenBucket

    return TokenBucket(redis.Redis.from_url(REDIS_URL), "letters", RATE, CAPACITY)
