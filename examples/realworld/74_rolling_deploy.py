"""A rolling deploy: replace workers one by one under load, and count what that loses.

A new release means: every worker is stopped, and one with the new code is started in its place.
While that goes on, orders come in, and old and new workers take messages from the same queue.
What decides whether anybody notices is how a worker is stopped.

- TERM lets it finish what it does, and gives back what it has taken in advance.
- Kill -9 does not: what it was doing is lost.  (The system itself kills so when the memory is full,
  or when a stop takes too long: systemd waits 90 s, Docker 10 s.)

Here are two groups of three workers.  In both, each worker is replaced while it works; one group
is stopped with TERM, the other one with kill -9.  500 orders go to each.  They come from an
outbox, a table of messages; so what is lost can be sent again.

Whether messages and code of different ages understand each other is lesson 75.

The task is in tasks/realworld_tasks/releases.py; the outbox is in work/orders/outbox.py.

    ./lab run 74        # about 40 s

Watch: `tail -f .lab/files/ledgers/lesson74*` while it runs; the tasks write there.
Flower knows only the shared broker, and shows nothing of this.

You should see:

    $ ./start_worker.sh -n lesson74-term1@%h --queues=lesson74.term ...
    $ ./start_worker.sh -n lesson74-kill1@%h --queues=lesson74.kill ...
    (and two more of each)
    replaced: worker 1 of each group, with release 2
    replaced: worker 2 of each group, with release 2
    replaced: worker 3 of each group, with release 2
    stopped with  orders  ended by release 1  by release 2  lost
    TERM          500     ... 0
    kill -9       500     ...
    kill -9: the outbox sent ... again; lost: 0
    true: TERM lost nothing, and both releases did a part of the work
    true: kill -9 lost orders, and the outbox brought them back

Kill -9 loses what runs in that moment, here two tasks of each worker at most.  What a killed worker
had only taken in advance comes back, when the visibility timeout is over.

Try next.  Guess first:
  1. Add "task.acks_late=True" to SETTINGS.  How many does kill -9 lose now?
  2. Set VISIBILITY_S to 600.  Which number grows, and what brings those orders back?  (The lesson
     waits 90 s for the messages that a killed worker had taken.)
  3. Set the concurrency in OPTIONS to 4.  How many orders does kill -9 lose now, and why?
"""

from labkit.lesson import claim, run_lesson, table
from labkit.lesson.fleet import own_fleet
from labkit.own.broker import looking_every_second, own_broker, transport_setting
from labkit.own.shop import open_many, own_shop
from tasks.realworld_tasks import issue_ticket
from work.orders import outbox

GROUPS = {"term": "TERM", "kill": "kill -9"}
WORKERS = [1, 2, 3]  # of each group
ORDERS = 500  # of each group
BATCH = ORDERS // (len(WORKERS) + 1)  # before each worker is replaced, and after the last one
VISIBILITY_S = 8  # what a killed worker has taken in advance comes back so much later
AGAIN_AFTER_S = 1  # the outbox waits so long before it sends an order again
TRANSPORT = looking_every_second(VISIBILITY_S)
OPTIONS = ["--concurrency=2", "--prefetch-multiplier=4"]
SETTINGS = [transport_setting(TRANSPORT)]


def main() -> None:
    with (
        own_shop("lesson74") as shop,
        own_broker("lesson74") as broker,
        broker.app(**TRANSPORT) as app,
        own_fleet("lesson74", GROUPS, OPTIONS, SETTINGS, broker=broker, shop=shop) as fleet,
    ):
        # Two queues, because the groups must not do each other's work.
        def send(task: str, arguments: list) -> None:
            group = arguments[0].partition("-")[0]
            app.send_task(task, arguments, queue=fleet.queues[group])

        def take_orders(batch: int) -> None:
            some = [f"{group}-{batch}-{number}" for number in range(BATCH) for group in GROUPS]
            open_many(shop.engine, some, task=issue_ticket.name)
            # Each is committed with its row in the outbox.  The shop sends by itself now, because
            # that is quicker; the outbox is for what goes wrong then.
            for order in some:
                send(issue_ticket.name, [order])
            outbox.note_sent(shop.engine, some)

        fleet.start(WORKERS, release="1", show=True)
        print("(and two more of each)")
        for number in WORKERS:
            take_orders(number)  # nobody closes the shop for a deploy
            # Both are in the middle of a task.  One is asked to end, and waited for; the other one
            # has no time to tell anybody what it held.
            term = fleet.at_work("term", number)
            term.ask_to_stop()
            fleet.held_at_work("kill", number).kill()
            term.stop()
            fleet.start([number], release="2")
            print(f"replaced: worker {number} of each group, with release 2")
        take_orders(0)

        # What a killed worker had taken is unacked, and comes back after VISIBILITY_S.  What it ran
        # was acknowledged before it began, and has no message any more.
        fleet.wait_until_quiet()
        lost = [order.partition("-")[0] for order in outbox.unfinished(shop.engine)]
        ended = {
            group: [fleet.ended(group, release) for release in ("release 1", "release 2")]
            for group in GROUPS
        }

        # The outbox knows which orders are not finished, whatever became of their messages.
        again = shop.read_outbox(send, AGAIN_AFTER_S)
        left = len(outbox.unfinished(shop.engine))

    table(
        *("stopped with", "orders", "ended by release 1", "by release 2", "lost"),
        rows=[(GROUPS[group], ORDERS, *ended[group], lost.count(group)) for group in GROUPS],
    )
    print(f"kill -9: the outbox sent {len(again)} again; lost: {left}")
    claim(
        lost.count("term") == 0 and all(ended["term"]),
        "TERM lost nothing, and both releases did a part of the work",
    )
    claim(
        lost.count("kill") > 0 and left == 0,
        "kill -9 lost orders, and the outbox brought them back",
    )


if __name__ == "__main__":
    run_lesson(main, queues=[])
