"""Let a language model answer customers' letters: a service that is slow, limited and paid.

POST /answers    Idempotency-Key: letter-7    {"letter": "letter-7"}
200 {"letter": "letter-7", "answer": "..."}   or   429 with Retry-After: SECONDS
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

from work.token_bucket import TokenBucket

TIMEOUT_S = 30  # such a service thinks for seconds
_LETTER = re.compile(r"[a-z0-9-]{1,100}")  # it travels in a header of HTTP, too
LOST_S = 1.0  # after a lost answer, ask again so much later


@dataclass
class Answers:
    """What came of several letters: the answers, and when to ask for the rest.

    retry_after_s: 0 if all of them were answered.
    """

    answers: dict[str, str] = field(default_factory=dict)
    retry_after_s: float = 0


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

    bucket: None asks without waiting.  Raises ValueError for what is no id, before anything is
    asked, and httpx.HTTPStatusError if the service cannot answer.
    """
    check_letters(letters)
    return asyncio.run(_answer_all(url, letters, bucket))


async def _answer_all(url: str, letters: list[str], bucket: TokenBucket | None) -> Answers:
    found = Answers()
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False) as client:
        # While one letter waits for its answer, the next one asks.
        turn = asyncio.Lock()
        await asyncio.gather(*(_answer(client, letter, bucket, turn, found) for letter in letters))
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
        found.retry_after_s = max(found.retry_after_s, LOST_S)
        return
    if answer.status_code == 429:
        found.retry_after_s = max(found.retry_after_s, _seconds(answer.headers))
    else:
        found.answers[letter] = answer.raise_for_status().json()["answer"]


def _seconds(headers: Mapping[str, str]) -> float:
    """Retry-After in seconds; LOST_S where it is missing, or a date.

    >>> _seconds({"retry-after": "2"}), _seconds({"retry-after": "Fri, 01 Jan 2027 00:00:00 GMT"})
    (2.0, 1.0)
    """
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return LOST_S
