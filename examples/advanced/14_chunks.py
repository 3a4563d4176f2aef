"""Chunks: put many small items into one message.

A message costs a few milliseconds: it is written, sent, taken, acknowledged, and its result is
stored.  For an e-mail that is nothing.  For adding two numbers it is thousands of times the work.
When there are many small items, let one message carry a hundred of them.

`map` and `starmap` make one task of a whole list; its items run one after the other, in one slot.
`chunks` cuts the list into parts, one task for each, and so uses all slots.

The tasks are `fetch_data` in tasks/advanced_tasks/timetable.py and `total_price` in
tasks/advanced_tasks/prices.py.

    ./lab run 14        # about 10 s

Watch: http://localhost:5555/tasks lists celery.map once and celery.starmap 201 times: a chunk is
a starmap.  The task inside it has no line of its own, and no state.

You should see:

    map:      3 timetables in 1 message: north, east, south
    starmap:  3 prices in 1 message: [12900, 25800, 38700]
    singly:    2000 items in 2000 messages took ... s: ... items per second
    chunks:   20000 items in  200 messages took ... s: ... items per second
    true: every price is right
    true: chunks did at least 5 times as many items per second

Try next.  Guess first:
  1. Set CHUNK to 10, then to 20_000.  Which is faster here, and how many slots does it use?
  2. Add `items[5000] = (-1, 1)` above `right`.  How many prices of its chunk do you get?
  3. Write map in place of starmap.  What does total_price get, and what does it miss?
"""

import time

from celery import group
from celery.result import GroupResult

from labkit.lesson import claim, run_lesson
from tasks.advanced_tasks import fetch_data, total_price

CHUNK = 100  # items a message: with 10, the message itself would still be the larger part
SINGLE, MANY = 2_000, 20_000
TIMEOUT_S = 120  # both take 10 s together; the rest is room for a busy machine


def main() -> None:
    # One argument for each item, and map calls task(item).
    tables = fetch_data.map(["north", "east", "south"]).delay().get(timeout=TIMEOUT_S)
    names = ", ".join(table["source"] for table in tables)
    print(f"map:      {len(tables)} timetables in 1 message: {names}")
    # Several, and starmap calls task(*item).
    prices = total_price.starmap([(12900, 1), (12900, 2), (12900, 3)]).delay()
    print(f"starmap:  3 prices in 1 message: {prices.get(timeout=TIMEOUT_S)}")

    items = [(price_cents, 1 + price_cents % 9) for price_cents in range(MANY)]
    right = [price_cents * seats for price_cents, seats in items]

    start = time.monotonic()
    result = group(total_price.s(*item) for item in items[:SINGLE]).delay()
    singly = result.get(timeout=TIMEOUT_S)
    singly_per_s = show("singly", len(singly), result, time.monotonic() - start)

    start = time.monotonic()
    result = total_price.chunks(items, CHUNK).delay()
    parts = result.get(timeout=TIMEOUT_S)
    chunked = [price for part in parts for price in part]
    chunked_per_s = show("chunks", len(chunked), result, time.monotonic() - start)

    claim(singly == right[:SINGLE] and chunked == right, "every price is right")
    claim(chunked_per_s >= 5 * singly_per_s, "chunks did at least 5 times as many items per second")


def show(way: str, items: int, result: GroupResult, took_s: float) -> float:
    """Print one line; return the items per second."""
    per_s = items / took_s
    print(
        f"{way + ':':<9} {items:>5} items in {len(result):>4} messages took {took_s:.2f} s:"
        f" {per_s:,.0f} items per second"
    )
    return per_s


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
