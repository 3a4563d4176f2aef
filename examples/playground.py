"""Playground: run the tasks that you wrote yourself.

tasks/playground.py is yours to change, and so is this file; its six numbered lines say how.

    ./lab run playground        # about 1 s

You should see:

    hello, world
"""

from labkit.lesson import run_lesson
from tasks.playground import hello

TIMEOUT_S = 10  # a task that has not answered by then has probably failed: read the worker's log


def main() -> None:
    greeting = hello.delay("world")
    print(greeting.get(timeout=TIMEOUT_S))


if __name__ == "__main__":
    run_lesson(main, queues=["basic"])
