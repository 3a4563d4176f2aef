"""Let a language model answer customers' letters: a service that is slow, limited and paid.

POST /answers    Idempotency-Key: letter-7    {"letter": "letter-7"}
200 {"letter": "letter-7", "answer": "..."}   or   429 with Retry-After: SECONDS
"""

import asyncio
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from work.token_bucket import TokenBucket

TIMEOUT_S = 30  # such a service thinks for seconds
_LETTER = re.compile(r"[a-z0-9-]{1,100}")  # it travels in a header of HTTP, too
LOST_S = 1.0  # after a lost answer, ask again so much later
MIN_AGAIN_S = 0.1  # a service that says 0 shall not see all our attempts in the same moment
MAX_AGAIN_S = 600  # a message that waits longer than visibility_timeout, an hour, comes twice
TRY_LATER = {429, 502, 503, 504}  # too many calls, or something in front of it is not well


@dataclass
class Answers:
    """What came of several letters: the answers, and what to do about the rest.

    retry_after_s: when to ask for the rest; None if no letter has to be asked for again.
    error: what waiting does not heal, of the first letter that has met it.
    """

    answers: dict[str, str] = field(default_factory=dict)
    retry_after_s: float | None = None
    error: Exception | None = None

    def ask_again_after(self, seconds: float) -> None:
        """Note that a letter must be asked for again; the longest wait of all counts."""
        self.retry_after_s = max(self.retry_after_s or 0, seconds)


class Unanswered(Exception):
    """Some letters got no answer.  Those that did are paid, and kept here: {letter: answer}."""

    def __init__(self, sentence: str, answers: dict[str, str]) -> None:
        super().__init__(sentence, answers)  # what Celery stores, and makes the error from again
        self.answers = answers

    def __str__(self) -> str:
        return str(self.args[0])


def check_letters(letters: object) -> list[str]:
    """Return the ids of letters: a list of small letters, digits and '-', 1 to 100 of them each.

    >>> check_letters(["letter-7", "Letter 8"])
    Traceback (most recent call last):
    ...
    ValueError: letters must be a list of ids such as 'letter-7', got 'Letter 8'
    """
    if not isinstance(letters, list):
        raise ValueError(f"letters must be a list of ids such as 'letter-7', got {letters!r:.80}")
    for letter in letters:
        if not isinstance(letter, str) or not _LETTER.fullmatch(letter):
            raise ValueError(
                f"letters must be a list of ids such as 'letter-7', got {letter!r:.80}"
            )
    return letters


def answer_all(url: str, letters: list[str], bucket: TokenBucket | None) -> Answers:
    """Ask for the answers to several letters, all at once; wait for a token before each request.

    bucket: None asks without waiting.
    Returns when every letter has ended, well or badly: an answer that has come is paid.
    Raises ValueError for what is no id, before anything is asked.
    """
    check_letters(letters)
    return asyncio.run(_answer_all(url, letters, bucket))


async def _answer_all(url: str, letters: list[str], bucket: TokenBucket | None) -> Answers:
    found = Answers()
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False) as client:
        # While one letter waits for its answer, the next one asks.
        turn = asyncio.Lock()
        asking = (_answer(client, letter, bucket, turn, found) for letter in letters)
        # One letter's error must not throw away the answers to the others.
        for outcome in await asyncio.gather(*asking, return_exceptions=True):
            if isinstance(outcome, Exception):
                found.error = found.error or outcome
    return found


async def _answer(
    client: httpx.AsyncClient,
    letter: str,
    bucket: TokenBucket | None,
    turn: asyncio.Lock,
    found: Answers,
) -> None:
    async with turn:  # so that this process reserves one token, and not one for each letter
        if bucket:
            await asyncio.sleep(await asyncio.to_thread(bucket.reserve))
    try:
        answer = await client.post(
            "/answers", json={"letter": letter}, headers={"Idempotency-Key": letter}
        )
    except httpx.TransportError:  # perhaps it was done and paid; the key says it is the same
        found.ask_again_after(LOST_S)
        return
    if answer.status_code in TRY_LATER:
        found.ask_again_after(_seconds(answer.headers))
    else:
        found.answers[letter] = answer.raise_for_status().json()["answer"]


def _seconds(headers: Mapping[str, str]) -> float:
    """Retry-After in seconds, from MIN_AGAIN_S to MAX_AGAIN_S; LOST_S where it is no number.

    >>> _seconds({"retry-after": "2"}), _seconds({"retry-after": "Fri, 01 Jan 2027 00:00:00 GMT"})
    (2.0, 1.0)
    >>> [_seconds({"retry-after": text}) for text in ("0", "-1", "1e9", "inf", "nan")]
    [0.1, 0.1, 600, 1.0, 1.0]
    """
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return LOST_S
    return min(max(MIN_AGAIN_S, seconds), MAX_AGAIN_S) if math.isfinite(seconds) else LOST_S
