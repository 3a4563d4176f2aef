"""Tasks to compare pools with: search_connections, ask_all_airlines, ask_airline_async."""

import asyncio

from celery_app import app
from work.flights import connections, offers_async


@app.task
def search_connections(steps: int) -> int:
    """Compute: keep one core busy for so many steps, 1 to 100,000,000, and return the best number.

    A million steps take about 0.1 s.  Raises ValueError for anything else.
    """
    return connections.search(steps)


@app.task
def ask_all_airlines(airlines: list[str], answer_after_s: float) -> list[dict]:
    """Ask several airlines at the same time, inside one task: asyncio.run() is the way to do so.

    Returns [{"airline": "swift", "price_cents": 11900}, ...].
    Raises ValueError for an unknown airline, and unless answer_after_s is 0 to 60.
    """
    return asyncio.run(offers_async.ask_all(airlines, answer_after_s))


@app.task
async def ask_airline_async(airline: str, answers_after_s: float) -> dict:
    """Broken on purpose: Celery calls the function, and nobody awaits what it returns."""
    return await offers_async.ask(airline, answers_after_s)
