"""Does the monitor become slower when many messages wait?

Starts a broker and three workers, and measures one refresh of the monitor's view (a look at Redis
and at the workers, and the printing): with 10 and with 100,000 messages in a queue, in turn.
Prints the medians and their ratio, which should be at most 1.2.

    .venv/bin/python benchmarks/monitor_cost.py        # about 20 s
"""

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from benchmarks.waiting_messages import fill
from labkit.broker.check import client_for
from labkit.broker.server import EmbeddedBroker
from labkit.doctor.code import load_app
from labkit.monitor.snapshot import take_snapshot
from labkit.monitor.view import running_tasks, tables
from labkit.own.workers import own_worker

FEW, MANY = 10, 100_000
ROUNDS = 60
LIMIT = 1.2


def refresh_ms(app, client) -> float:
    """Milliseconds for one refresh, printed as for a terminal of 80 columns."""
    start = time.perf_counter()
    snapshot = take_snapshot(app, client)
    console = Console(file=io.StringIO(), width=80)
    console.print(tables(snapshot, running_tasks(snapshot), "what runs now", 80))
    return 1000 * (time.perf_counter() - start)


def measure(url: str) -> dict[int, list[float]]:
    """{messages that wait: milliseconds of each refresh}.  REDIS_URL must be this url."""
    app, client = load_app(), client_for(url)
    aside = client_for(url.removesuffix("0") + "1")
    fill(client, url, "few", FEW)
    fill(client, url, "many", MANY - FEW)
    times: dict[int, list[float]] = {FEW: [], MANY: []}
    for number in range(ROUNDS + 1):
        for count in (MANY, FEW):
            milliseconds = refresh_ms(app, client)
            if number:  # the first ones open the connections
                times[count].append(milliseconds)
            # Put the long list aside, into database 1, or back: that costs nothing.
            _ = client.move("many", 1) if count == MANY else aside.move("many", 0)
    aside.close()
    client.close()
    return times


def measure_in_a_child() -> dict[int, list[float]]:
    """The same with a broker and workers of its own; the app reads its URL when it is imported."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        broker = EmbeddedBroker(Path(folder))
        broker.start()
        stack.callback(broker.stop)
        environment = {"REDIS_URL": broker.url, "LAB_HOME": folder}
        for number in (1, 2, 3):
            worker = own_worker(f"cost{number}", ["basic"], environment=environment, show=False)
            stack.enter_context(worker)
        line = [sys.executable, __file__, "measure"]
        output = subprocess.check_output(line, env=os.environ | environment, text=True)
    return {int(count): some for count, some in json.loads(output).items()}


def main() -> None:
    """Print the medians with their quartiles, and the ratio."""
    if sys.argv[1:] == ["measure"]:
        print(json.dumps(measure(os.environ["REDIS_URL"])))
        return
    times = measure_in_a_child()
    for count, some in times.items():
        low, middle, high = statistics.quantiles(some, n=4)
        print(
            f"{count:7,} messages wait: a refresh takes {middle:.1f} ms "
            f"(half of {len(some)} lie between {low:.1f} and {high:.1f})"
        )
    ratio = statistics.median(times[MANY]) / statistics.median(times[FEW])
    print(f"ratio {ratio:.2f} (at most {LIMIT})")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
