"""A slow and paid API: keep all workers together under its limit, and pay for nothing twice.

A language model answers the shop's letters.  It takes a while, it allows 10 calls in any second and
answers 429 "too many calls" to the next one, and each answer costs money.

- Several calls at once: one task has five letters, and asks for all of them by asyncio and httpx.
- A refused call says in its header Retry-After when to come again: self.retry(countdown=...).  The
  retry hands on the answers that are there.
- A token bucket in Redis is one limit for all workers (rate_limit is one for each, lesson 22).  It
  gives out 9 tokens a second and holds 1, so no second can see more than 9 + 1.
- Each request has the letter's number as its idempotency key.  Three answers get lost here, after
  they were paid.  They are asked for again, and not paid again.

First 30 letters go without the bucket, then 60 with it.  Both times three workers work on them.
The service is a small program of the lab, which counts and bills: labkit/services/slow_api.py.

The task is `answer_letters` in tasks/realworld_tasks/letters.py; what it does is in
work/language_model.py, the bucket in work/token_bucket.py.

    ./lab run 60        # about 18 s

Watch: http://localhost:5555/tasks while the second part runs: 12 tasks.  Some of the first
ones are retried, because an answer was lost.

You should see:

    $ ./start_worker.sh -n lesson60-1@%h --queues=lesson60 --concurrency=1 ...
    $ ./start_worker.sh -n lesson60-2@%h --queues=lesson60 --concurrency=1 ...
    $ ./start_worker.sh -n lesson60-3@%h --queues=lesson60 --concurrency=1 ...
                   letters  calls  refused  refused later  most in 1 s  paid twice
    no bucket      30       ... 0
    with a bucket  60       63     ... 0              ... 0
    with a bucket: ... s, where 9 calls a second cannot take less than ... s
    true: without a bucket calls are refused, and come again when the service says so
    true: with it no call is refused after the first second, and no letter is paid twice
    true: it takes no longer than 1.3 times the ideal

Try next.  Guess first:
  1. Set CAPACITY in tasks/realworld_tasks/letters.py to 9.  How many calls are refused now?
  2. Set AT_ONCE to 1.  Which sentence does not come true any more, and why?
  3. In work/language_model.py leave out headers=...  Which letters are paid twice?
"""

from celery import group

from labkit.lesson import claim, run_lesson, table
from labkit.own.queues import own_queues
from labkit.own.services import own_service
from labkit.own.workers import own_workers
from labkit.services.slow_api import THINKING_S, bill, reset
from tasks.realworld_tasks.letters import RATE, answer_letters

QUEUE = "lesson60"
WORKERS = ["lesson60-1", "lesson60-2", "lesson60-3"]
OPTIONS = ["--concurrency=1", "--prefetch-multiplier=1"]  # each takes its share of the tasks
AT_ONCE = 5  # letters of one task
LOST = 3  # answers
ENOUGH = 1.3  # times the ideal
TIMEOUT_S = 90  # it takes about 8 s; the rest is room for a busy machine


def main() -> None:
    with (
        own_service("slow_api") as url,
        own_queues(QUEUE),
        own_workers(WORKERS, [QUEUE], *OPTIONS, environment={"LETTERS_URL": url}),
    ):
        # First nobody waits for a token.  Then a new bill begins, every call needs one, and three
        # answers are paid and get lost.
        without = answer(url, range(1, 31), limited=False)
        reset(url, hang_up=LOST)
        limited = answer(url, range(31, 91), limited=True)

    # These are numbers of the service, which counts what arrives and what it bills.  The workers
    # cannot know them: none of them sees the calls of another one.
    table(
        *("", "letters", "calls", "refused", "refused later", "most in 1 s", "paid twice"),
        rows=[("no bucket", *counts(without)), ("with a bucket", *counts(limited))],
    )

    # The bucket gives out one token in 1/9 s, and the first one at once.  What comes on top of that
    # is the last answer, and what workers and retries need.
    ideal_s = (limited["calls"] - 1) / RATE + THINKING_S
    print(
        f"with a bucket: {limited['seconds']:.1f} s, where {RATE} calls a second cannot take "
        f"less than {ideal_s:.1f} s"
    )
    claim(
        without["refused"] > 0 and len(without["paid"]) == 30,
        "without a bucket calls are refused, and come again when the service says so",
    )
    claim(
        limited["refused_later"] == 0 and set(limited["paid"].values()) == {1},
        "with it no call is refused after the first second, and no letter is paid twice",
    )
    claim(
        limited["seconds"] <= ENOUGH * ideal_s, f"it takes no longer than {ENOUGH} times the ideal"
    )


def answer(url: str, numbers: range, *, limited: bool) -> dict:
    """Let the workers answer these letters, five in each task; return the service's bill."""
    letters = [f"letter-{number}" for number in numbers]
    # A slot that waits for one answer can wait for five at the same time.
    tasks = group(
        answer_letters.s(letters[begin : begin + AT_ONCE], limited=limited)
        for begin in range(0, len(letters), AT_ONCE)
    )
    results = tasks.apply_async(queue=QUEUE).get(timeout=TIMEOUT_S)
    assert sum(map(len, results)) == len(letters)
    return bill(url)


def counts(of: dict) -> tuple[int, ...]:
    """The cells of one bill."""
    twice = sum(times > 1 for times in of["paid"].values())
    counted = (of["calls"], of["refused"], of["refused_later"], of["most_in_a_second"])
    return len(of["paid"]), *counted, twice


if __name__ == "__main__":
    run_lesson(main, queues=[])
