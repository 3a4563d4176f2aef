"""How long does it take to find one message among 1,000,000, by its task id?

Redis can search a list only by reading it.  The worst case is an id that is not there: every
message is looked at.  Needs about 1.3 GB of memory.

    .venv/bin/python benchmarks/find_message.py        # about 40 s
"""

import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

from benchmarks.waiting_messages import fill
from labkit.broker.check import client_for
from labkit.broker.search import find_queued
from labkit.broker.server import EmbeddedBroker

COUNTS = (100_000, 1_000_000)
ROUNDS = 5
LIMIT_S = 4.0


def main() -> None:
    """Print the seconds of each search, and the median; 1 if that is over LIMIT_S."""
    with tempfile.TemporaryDirectory() as folder:
        broker = EmbeddedBroker(Path(folder))
        broker.start()
        client = client_for(broker.url)
        client.config_set("appendonly", "no")  # a gigabyte of copies is not worth keeping
        try:
            for count in COUNTS:
                fill(client, broker.url, f"queue_{count}", count)
            for count in COUNTS:
                times = []
                for _ in range(ROUNDS):
                    start = time.perf_counter()
                    search = find_queued(client, str(uuid.uuid4()), [f"queue_{count}"], limit_s=60)
                    times.append(time.perf_counter() - start)
                    if (search.message, search.looked_at) != (None, count):
                        sys.exit(f"error: the search was wrong: {search}")
                middle = statistics.median(times)
                spread = f"{min(times):.2f} to {max(times):.2f}"
                print(f"{count:9,} messages: {middle:.2f} s ({spread}, n={ROUNDS})")
        finally:
            client.close()
            broker.stop()
    sys.exit(middle > LIMIT_S)


if __name__ == "__main__":
    main()
