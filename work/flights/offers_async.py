"""Ask airlines with asyncio: one thread waits for many answers at the same time."""

import asyncio

from work.flights import offers
from work.naps import check_seconds


async def ask(airline: str, answers_after_s: float) -> dict:
    """The same as work.flights.offers.ask(), without holding a thread while it waits.

    >>> asyncio.run(ask("swift", answers_after_s=0))
    {'airline': 'swift', 'price_cents': 11900}
    """
    check_seconds(answers_after_s, "answers_after_s")
    answer = offers.ask(airline, 0)
    await asyncio.sleep(answers_after_s)
    return answer


async def ask_all(airlines: list[str], answer_after_s: float) -> list[dict]:
    """Ask several airlines at once; their answers come in the order of `airlines`.

    Raises ValueError for what is no list, for an unknown airline, and for other seconds than
    0 to 60.

    >>> asyncio.run(ask_all(["wren", "swift"], 0))[1]["price_cents"]
    11900
    """
    if not isinstance(airlines, list):
        raise ValueError(f"airlines must be a list of names, got {airlines!r:.80}")
    check_seconds(answer_after_s, "answer_after_s")
    return await asyncio.gather(*(ask(airline, answer_after_s) for airline in airlines))
