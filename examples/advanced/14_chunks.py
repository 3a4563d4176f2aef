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

    map: 3 timetables in 1 message: north, east, south
    starmap: 3 prices in 1 message: [12900, 25800, 38700]
    way     items  messages  seconds  items per second
    singly  2000   2000      ...
    chunks  20000  200       ...
    true: every price is right
    true: chunks did at least 5 times as many items per second

Try next.  Guess first:
  1. Set CHUNK to 10, then to 20_000.  Which is faster here, and how many slots does it use?
  2. Add `items[5000] = (-1, 1)` above `right`.  How many prices of its chunk do you get?
  3. Write map in place of starmap.  What does total_price get, and what does it miss?
"""

import time

from celery import group

from labkit.lesson import claim, run_lesson, table
from tasks.advanced_tasks import fetch_data, total_price

CHUNK = 100  # items a message: with 10, the message itself would still be the larger part
SINGLE, MANY = 2_000, 20_000  # as many as take some seconds each way
TIMEOUT_S = 120  # both take 10 s together; the rest is room for a busy machine


def main() -> None:
    # The list travels in one message.  With one argument for each item, map calls task(item).
    tables = fetch_data.map(["north", "east", "south"]).delay().get(timeout=TIMEOUT_S)
    print(f"map: 3 timetables in 1 message: {', '.join(one['source'] for one in tables)}")

    # With several, starmap calls task(*item).  Both run in one slot, one item after the other.
    prices = total_price.starmap([(12900, 1), (12900, 2), (12900, 3)]).delay()
    print(f"starmap: 3 prices in 1 message: {prices.get(timeout=TIMEOUT_S)}")

    # Singly: each item is a message, and has a state and a result of its own.
    items = [(price_cents, 1 + price_cents % 9) for price_cents in range(MANY)]
    right = [price_cents * seats for price_cents, seats in items]
    start = time.monotonic()
    group_result = group(total_price.s(*item) for item in items[:SINGLE]).delay()
    singly = group_result.get(timeout=TIMEOUT_S)
    singly_s = time.monotonic() - start

    # In chunks: a group again, but each member is a starmap of a hundred items.  Its result is
    # the list of theirs.
    start = time.monotonic()
    # region chunks
    chunks_result = total_price.chunks(items, CHUNK).delay()  # items: [(12900, 1), ...]
    parts = chunks_result.get(timeout=TIMEOUT_S)  # a list for each chunk
    # endregion
    chunks_s = time.monotonic() - start

    singly_per_s, chunks_per_s = SINGLE / singly_s, MANY / chunks_s
    table(
        *("way", "items", "messages", "seconds", "items per second"),
        rows=[
            ("singly", SINGLE, len(group_result), f"{singly_s:.2f}", f"{singly_per_s:,.0f}"),
            ("chunks", MANY, len(chunks_result), f"{chunks_s:.2f}", f"{chunks_per_s:,.0f}"),
        ],
    )
    chunked = [price for part in parts for price in part]
    claim(singly == right[:SINGLE] and chunked == right, "every price is right")
    claim(chunks_per_s >= 5 * singly_per_s, "chunks did at least 5 times as many items per second")


if __name__ == "__main__":
    run_lesson(main, queues=["advanced"])
