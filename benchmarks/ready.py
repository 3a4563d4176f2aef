"""How long until the lab is ready, against a bare Celery worker?

Runs three in turn, ROUNDS times: `celery -A celery_app worker` on a broker that is already up,
until it says "ready."; `./lab up` with its broker and one worker, until READY; and the whole lab.
Prints the seconds of each and the ratios of the medians: the second should stay within 1.3 of the
first.  On two cores the third takes longer: Beat, Flower, mail and web start side by side with it.

    .venv/bin/python benchmarks/ready.py        # about 1 minute
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from labkit.broker.server import EmbeddedBroker

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
LIMIT = 1.3
READY_TIMEOUT_S = 60


def seconds_until(text: str, command: list[str], environment: dict[str, str], home: Path) -> float:
    """Start the command, wait until it prints the text, stop it; the seconds from start to text."""
    log = home / "output.txt"
    began = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        while text not in log.read_text():
            if process.poll() is not None or time.monotonic() - began > READY_TIMEOUT_S:
                sys.exit(f"error: no {text!r} in:\n{log.read_text()}")
            time.sleep(0.01)
        return time.monotonic() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def environment_in(home: Path) -> dict[str, str]:
    """The environment of a lab in `home`; an empty REDIS_URL also overrules the one of .env."""
    return os.environ | {"LAB_HOME": str(home), "REDIS_URL": ""}


def bare_worker(home: Path) -> float:
    """Seconds until a worker typed by hand is ready; its broker is up before the clock starts."""
    broker = EmbeddedBroker(home)
    broker.start()
    line = ["-m", "celery", "-A", "celery_app", "worker", "--loglevel=info", "--concurrency=4"]
    try:
        return seconds_until(" ready.", [sys.executable, *line], environment_in(home), home)
    finally:
        broker.stop()


def lab(home: Path, *left_out: str) -> float:
    """Seconds until `./lab up` is READY, start of the broker included."""
    command = [sys.executable, "-m", "labkit.cli", "up", *left_out]
    return seconds_until("READY after", command, environment_in(home), home)


def main() -> None:
    """Print one line a round, then the medians and their ratios."""
    alone = ["--no-beat", "--no-flower", "--no-mail", "--no-web"]
    ways = {"bare worker": bare_worker, "lab: broker, worker": lambda home: lab(home, *alone)}
    ways["whole lab"] = lab
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS):
        for name, measure in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                times[name].append(measure(Path(folder)))
        print(f"round {number + 1}: " + ", ".join(f"{n} {t[-1]:.2f} s" for n, t in times.items()))
    bare, small, whole = (statistics.median(some) for some in times.values())
    print(f"median: bare worker {bare:.2f} s, broker and worker {small:.2f} s, whole {whole:.2f} s")
    print(f"ratio {small / bare:.2f} with broker and worker (at most {LIMIT})")
    print(f"ratio {whole / bare:.2f} for the whole lab: four more programs want the same cores")
    sys.exit(small / bare > LIMIT)


if __name__ == "__main__":
    main()
