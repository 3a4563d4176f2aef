"""A rolling deploy: replace workers one by one under load, and count what that loses.

A new release means: every worker is stopped, and one with the new code is started in its place.
While that goes on, orders come in, and old and new workers take messages from the same queue.  Two
questions decide whether anybody notices:

- How is a worker stopped?  TERM lets it finish what it does, and gives back what it has taken in
  advance.  Kill -9 does not: what it was doing is lost.  (The system itself kills so when the
  memory is full, or when a stop takes too long: systemd waits 90 s, Docker 10 s.)
- Do messages and code of different ages understand each other?  A queue can hold messages that the
  old release has sent.

Here are two groups of three workers.  In both, each worker is replaced while it works; one group
is stopped with TERM, the other one with kill -9.  500 orders go to each.  They come from an
outbox, a table of messages; so what is lost can be sent again.

Then three workers of three releases get an old and a new message each.

The task is in tasks/realworld_tasks/releases.py; the outbox is in work/orders/outbox.py.

    ./lab run 74        # about 30 s

Watch: while it runs, the ledger: tail -f .lab/files/ledgers/lesson74*
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson74-term1@%h --queues=lesson74.term ...
    $ ./start_worker.sh -n lesson74-kill1@%h --queues=lesson74.kill ...
    (and two more of each)
    replaced: worker 1 of each group, with release 2
    replaced: worker 2 of each group, with release 2
    replaced: worker 3 of each group, with release 2
    stopped with   orders   ended by release 1   by release 2   lost
    TERM              500   ...
    kill -9           500   ...
    kill -9: the outbox sent ... again; lost: 0
    true: TERM lost nothing, and both releases did a part of the work
    true: kill -9 lost orders, and the outbox brought them back
    message                 release 1          release 2          unsafe
    old: (order)            SUCCESS            SUCCESS            FAILURE TypeError
    new: (order, language)  FAILURE TypeError  SUCCESS            SUCCESS
    true: a new argument with a default understands old messages, one without does not
    true: new messages need new workers: first the workers, then who sends

So an argument is added in two deploys.  First the workers learn it, with a default.  When no old
worker is left, the senders use it.  To remove one, go the same way back.  A task that gets a new
name is a new task: keep the old name until its queue is empty.

Try next.  Guess first:
  1. Add "task.acks_late=True" to the settings in line().  How many does kill -9 lose now?
  2. Give unsafe_release its arguments in another order: (language="en", order_id="").  Which cells
     of the last table change, and what is issued?
  3. Set VISIBILITY_S to 600.  Which number grows, and what brings those orders back?  (The lesson
     waits 90 s for the messages that a killed worker had taken.)
"""

from collections import Counter
from contextlib import ExitStack
from functools import partial

from celery import Celery
from celery.result import AsyncResult

from labkit.broker.quiet import wait_until_quiet
from labkit.lesson import claim, run_lesson
from labkit.own.broker import OwnBroker, looking_every_second, own_broker, transport_setting
from labkit.own.ledgers import own_ledgers
from labkit.own.shop import OwnShop, open_many, own_shop
from labkit.own.workers import Worker, WorkerLine, workers_of
from labkit.waiting import wait_until
from tasks.realworld_tasks import issue_ticket
from work.ledger import Ledger
from work.orders import outbox

GROUPS = {"term": "TERM", "kill": "kill -9"}
QUEUES = [f"lesson74.{group}" for group in GROUPS]
WORKERS = 3  # of each group
SLOTS = 2
ORDERS = 500  # of each group
AT_ONCE = ORDERS // (WORKERS + 1)  # before each worker is replaced, and after the last
VISIBILITY_S = 8  # what a killed worker has taken in advance comes back so much later
AGAIN_AFTER_S = 1
BATCH_S = 10  # workers begin what was just sent within moments
TIMEOUT_S = 90  # each wait takes seconds; the rest is room for a busy machine
TRANSPORT = looking_every_second(VISIBILITY_S)
MESSAGES: dict[str, list[str]] = {"old: (order)": [], "new: (order, language)": ["ru"]}
RELEASES = {"1": "release 1", "2": "release 2", "unsafe": "unsafe"}


def main() -> None:
    with (
        own_ledgers("lesson74", "tickets") as (ledger,),
        own_shop("lesson74") as shop,
        own_broker("lesson74") as broker,
        broker.app(**TRANSPORT) as celery,
    ):
        counts, again = replace_all(broker, celery, shop, ledger)
        print("stopped with   orders   ended by release 1   by release 2   lost")
        for group, (first, second, lost) in counts.items():
            print(f"{GROUPS[group]:<12}{ORDERS:>9}{first:>21}{second:>15}{lost:>7}")
        left = len(outbox.unfinished(shop.engine))
        print(f"kill -9: the outbox sent {again} again; lost: {left}")
        first, second, lost = counts["term"]
        claim(
            lost == 0 and first > 0 and second > 0,
            "TERM lost nothing, and both releases did a part of the work",
        )
        claim(
            counts["kill"][2] > 0 and left == 0,
            "kill -9 lost orders, and the outbox brought them back",
        )
        states = old_and_new(broker, celery, shop)
    print(f"{'message':<24}{''.join(f'{name:<19}' for name in RELEASES.values())}".rstrip())
    for message, row in states.items():
        print(f"{message:<24}{''.join(f'{state:<19}' for state in row)}".rstrip())
    old, new = states.values()
    wrong = "FAILURE TypeError"
    claim(
        old == ["SUCCESS", "SUCCESS", wrong],
        "a new argument with a default understands old messages, one without does not",
    )
    claim(
        new == [wrong, "SUCCESS", "SUCCESS"],
        "new messages need new workers: first the workers, then who sends",
    )


def replace_all(
    broker: OwnBroker, celery: Celery, shop: OwnShop, ledger: Ledger
) -> tuple[dict[str, tuple[int, int, int]], int]:
    """Replace all workers under load, and then send again what is lost.

    Returns {group: (tasks ended by release 1, by release 2, orders lost)}, and how many orders
    were sent again.
    """
    where = broker.environment() | shop.environment() | {"LAB_LEDGER": ledger.run}

    def line(group: str, number: int, release: str) -> WorkerLine:
        options = [f"--concurrency={SLOTS}", "--prefetch-multiplier=4"]
        settings = [transport_setting(TRANSPORT)]
        environment = where | {"SHOP_RELEASE": release}
        name, queue = f"lesson74-{group}{number}", f"lesson74.{group}"
        first = (number, release) == (1, "1")
        return WorkerLine(name, [queue], options, settings, environment, show=first)

    def send(task: str, arguments: list) -> None:
        celery.send_task(task, arguments, queue=f"lesson74.{arguments[0].partition('-')[0]}")

    waiting = [f"{group}-{number}" for number in range(ORDERS) for group in GROUPS]
    open_many(shop.engine, waiting, task=issue_ticket.name)

    def send_some() -> None:
        """As a shop sends, right after its commit.  The outbox is for what goes wrong then."""
        some = [waiting.pop(0) for _ in range(AT_ONCE * len(GROUPS))]
        for order_id in some:
            send(issue_ticket.name, [order_id])
        outbox.note_sent(shop.engine, some)

    numbers = range(1, WORKERS + 1)
    with ExitStack() as fleet, broker.client() as client:
        old = fleet.enter_context(
            workers_of([line(group, number, "1") for number in numbers for group in GROUPS])
        )
        print("(and two more of each)")
        for number in numbers:
            send_some()
            term, kill = old[2 * number - 2 : 2 * number]
            wait_until(partial(works, ledger, term), BATCH_S)
            term.ask_to_stop()
            wait_until(partial(is_held_at_work, ledger, kill), BATCH_S)
            kill.kill()
            term.stop()
            fleet.enter_context(workers_of([line(group, number, "2") for group in GROUPS]))
            print(f"replaced: worker {number} of each group, with release 2")
        send_some()
        wait_until_quiet([client], QUEUES, TIMEOUT_S)  # also what comes back from killed workers
        lost = outbox.unfinished(shop.engine)
        counts = {
            group: (
                ended(ledger, group, "release 1"),
                ended(ledger, group, "release 2"),
                sum(order.startswith(group) for order in lost),
            )
            for group in GROUPS
        }
        again: list[str] = []

        def none_left() -> bool:
            again.extend(outbox.send_due(shop.engine, send, AGAIN_AFTER_S))
            return not outbox.unfinished(shop.engine)

        wait_until(none_left, TIMEOUT_S, every_s=0.5)
    return counts, len(again)


def works(ledger: Ledger, worker: Worker) -> bool:
    """True while this worker runs a task."""
    steps = Counter(entry.event for entry in ledger.entries() if entry.worker == worker.name)
    return steps["START"] > steps["END"]


def is_held_at_work(ledger: Ledger, worker: Worker) -> bool:
    """Hold a worker still in the middle of a task, for kill -9; False if it has none."""
    worker.hold()
    if works(ledger, worker):
        return True
    worker.go_on()
    return False


def ended(ledger: Ledger, group: str, release: str) -> int:
    """How many tasks of a group a release has brought to their end."""
    lines = [entry.job for entry in ledger.entries() if entry.event == "END"]
    return sum(job.startswith(f"{group}-") and job.endswith(release) for job in lines)


def old_and_new(broker: OwnBroker, celery: Celery, shop: OwnShop) -> dict[str, list[str]]:
    """Send an old and a new message to a worker of each release: {message: states by release}."""
    where = broker.environment() | shop.environment()
    lines = [
        WorkerLine(
            f"lesson74-{release}",
            [f"lesson74.{release}"],
            ["--concurrency=1"],
            environment=where | {"SHOP_RELEASE": release},
            show=False,
        )
        for release in RELEASES
    ]
    with workers_of(lines):
        sent = {
            message: [
                celery.send_task(issue_ticket.name, ["term-1", *more], queue=f"lesson74.{release}")
                for release in RELEASES
            ]
            for message, more in MESSAGES.items()
        }
        for result in [one for row in sent.values() for one in row]:
            result.get(timeout=TIMEOUT_S, propagate=False)
    return {message: [state_of(result) for result in row] for message, row in sent.items()}


def state_of(result: AsyncResult) -> str:
    return f"{result.state} {type(result.result).__name__}" if result.failed() else result.state


if __name__ == "__main__":
    run_lesson(main, queues=[])
